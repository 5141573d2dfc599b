"""How services hear each other. Two ways with the same guarantees: `embedded.py` and `rabbitmq.py`.

A publisher learns of each event whether it is safe, or why not: the outbox tries again. A consumer
hears each event at least once and does it once, thanks to the inbox. What fails waits in growing
delays and is set aside as a dead letter after the last one, never lost."""

from __future__ import annotations

import asyncio
from collections import defaultdict
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Final, Protocol

import structlog
from sqlalchemy.exc import InterfaceError, OperationalError
from sqlalchemy.ext.asyncio import AsyncConnection

from shared import erasures, inbox, trace
from shared.database import Database
from shared.events import QUEUES, Event, Fact, MalformedEvent, RegistrationErased

log = structlog.get_logger()

RETRY_DELAYS_SECONDS: Final[tuple[float, ...]] = (1, 5, 30, 120, 600)
"""A restart of a database takes seconds, an outage minutes; then an operator looks."""
AT_ONCE: Final = 8
"""Transactions of a queue side by side. Each holds a connection to the database, and requests need
some of the pool too."""
BATCH: Final = 128
"""Events handled in one transaction, where so many wait: most of an event's cost is its commit."""
MOST_LETTERS: Final = 1000
"""Dead letters looked at in one go; when these are dealt with, the next ones come."""
STOP_SECONDS: Final = 10
"""What is in hand when a service stops has this long to end."""
REASON_LENGTH: Final = 500
"""An AMQP header must fit into one frame."""

Handler = Callable[[AsyncConnection, Any, Event], Awaitable[None]]
"""Acts on one fact inside the given transaction: `async def on_x(tx, fact, event)`."""


@dataclass(frozen=True)
class ManyAtOnce:
    """A handler that acts on many facts of a kind by one statement: `async def on_x(tx, facts)`.

    For facts that come by the hundred. It is called after the other handlers of its transaction.
    """

    handle: Callable[[AsyncConnection, Sequence[Any]], Awaitable[None]]


class NotPublished(Exception):
    """The bus did not confirm the event; it may or may not arrive."""


@dataclass(frozen=True)
class Consumer:
    """A queue, and what is done with each fact that it brings."""

    queue: str
    database: Database
    handlers: Mapping[type[Fact], Handler | ManyAtOnce]
    _turns: asyncio.Semaphore = field(
        default_factory=lambda: asyncio.Semaphore(AT_ONCE), repr=False, compare=False
    )

    def __post_init__(self) -> None:
        expected = set(QUEUES.get(self.queue, ()))
        if expected != set(self.handlers):
            different = sorted(fact.type for fact in expected ^ set(self.handlers))
            raise ValueError(f"{self.queue}: catalogue and handlers differ in {different}")

    async def receive(self, *events: Event) -> None:
        """Handle events, each once: all effects and the inbox rows in one transaction.

        Raises:
            MalformedEvent: the catalogue says that another queue hears one of them.
            Exception: whatever a handler raised; nothing was done then, of none of them.
        """
        try:
            await self._receive(events)
        except (OSError, OperationalError, InterfaceError):
            raise  # the database is away
        except Exception:
            # To wait for another attempt is to be kept; who is erased is kept nowhere.
            async with self.database.read() as connection:
                if not await erasures.are_forgotten(connection, events):
                    raise
            log.info("event.of_somebody_erased_dropped", queue=self.queue)

    async def _receive(self, events: Sequence[Event]) -> None:
        async with self._turns, self.database.begin() as tx:
            new = await inbox.first_time(tx, self.queue, (event.id for event in events))
            many: defaultdict[ManyAtOnce, list[Fact]] = defaultdict(list)
            for event in events:
                if event.id not in new:
                    log.info("event.heard_again", queue=self.queue, event_id=str(event.id))
                    continue
                new.discard(event.id)  # the same one may stand there twice
                handler = self._handler_of(event)
                if isinstance(handler, ManyAtOnce):
                    many[handler].append(event.fact)
                else:
                    await self._handle(tx, handler, event)
            for together, facts in many.items():
                await together.handle(tx, facts)

    async def _handle(self, tx: AsyncConnection, handler: Handler, event: Event) -> None:
        with structlog.contextvars.bound_contextvars(queue=self.queue, event_id=str(event.id)):
            trace.follow(event.traceparent)
            await handler(tx, event.fact, event)
            if isinstance(event.fact, RegistrationErased):
                await erasures.forget(tx, event.fact.registration_id)
            log.debug("event.handled", type=event.type)

    def _handler_of(self, event: Event) -> Handler | ManyAtOnce:
        try:
            return self.handlers[type(event.fact)]
        except KeyError:
            raise MalformedEvent(f"{self.queue} does not hear {event.type}") from None


def is_stopping() -> bool:
    """Whether somebody asked the task at hand to stop; libraries cancel waiters of their own."""
    task = asyncio.current_task()
    return task is not None and task.cancelling() > 0


def reason(error: BaseException) -> str:
    """Why an event failed: short, and without the characters that can't be kept or sent."""
    words = f"{type(error).__name__}: {error}"[:REASON_LENGTH].replace("\0", "")
    return words.encode(errors="replace").decode()


@dataclass(frozen=True)
class DeadLetter:
    """An event that failed to the end, or never was one."""

    id: str
    """The event's id, or a digest of what can't be read as an event."""
    queue: str
    type: str
    attempts: int
    died_at: datetime | None
    """None: the broker set it aside, and does not say when."""
    error: str
    body: str
    """As it came; the event's JSON if it is one. May hold personal data."""


class Publisher(Protocol):
    """What the outbox needs of the bus."""

    async def publish(self, said: Sequence[Event]) -> list[str | None]:
        """Hand events over.

        Returns:
            For each of them None once it is safe with every queue that hears it, else why it may
            not be.
        """


class Bus(Publisher, Protocol):
    """What a service needs of the bus."""

    def subscribe(self, consumer: Consumer) -> None:
        """Register a consumer; it hears from the moment its service is ready."""

    async def start(self) -> None:
        """Begin to connect and to consume; returns at once, recovers by itself."""

    async def stop(self) -> None:
        """Finish what is in hand, give the rest back."""

    def trouble(self) -> str | None:
        """Why events don't flow at the moment, for /health/ready; None when they do."""

    async def dead_letters(self, queue: str) -> list[DeadLetter]:
        """What rests there, oldest first; at most MOST_LETTERS.

        Raises:
            NotPublished: the broker does not answer.
        """

    async def count_dead_letters(self, queue: str) -> int:
        """How many rest there; disturbs nobody who looks at them.

        Raises:
            NotPublished: the broker does not answer.
        """

    async def replay(self, queue: str, letter_id: str) -> bool:
        """Let a dead letter be heard again, from its first attempt; False: there is no such one.

        Raises:
            NotPublished: the broker does not answer; it stays where it is.
        """

    async def discard(self, queue: str, letter_id: str) -> bool:
        """Throw a dead letter away; False: there is no such one.

        Raises:
            NotPublished: the broker does not answer; it stays where it is.
        """
