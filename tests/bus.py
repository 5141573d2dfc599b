"""The bus under test: services that hear, and what has become of what they heard."""

from __future__ import annotations

import asyncio
import time
from collections import defaultdict
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Protocol
from uuid import UUID, uuid4

import aio_pika
import orjson
from aio_pika.abc import AbstractChannel
from sqlalchemy import insert, select, text
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.ext.asyncio import AsyncConnection

from shared import events
from shared.bus import Bus, Consumer, NotPublished, Publisher
from shared.bus.embedded import EmbeddedBus
from shared.bus.rabbitmq import ATTEMPTS_HEADER, ERROR_HEADER, RabbitMQBus
from shared.database import SHARED_MIGRATIONS, Database, upgrade
from shared.events import Event, Fact, NotificationBounced, Person, RegistrationConfirmed
from shared.tables import dead_letters

WITHIN_SECONDS = 15.0


async def eventually(holds: Callable[[], Awaitable[bool]], within: float = WITHIN_SECONDS) -> None:
    """Return as soon as it holds.

    Raises:
        TimeoutError: it does not hold in time.
    """
    async with asyncio.timeout(within):
        while not await holds():
            await asyncio.sleep(0.02)


def said(fact: Fact) -> Event:
    return Event("/somebody", datetime.now(UTC), fact)


def bounced() -> Event:
    """An event that one queue hears: registration.outcomes."""
    return said(
        NotificationBounced(
            message_id=uuid4(), registration_id=uuid4(), kind="badge", smtp_code=550
        )
    )


def confirmed() -> Event:
    """An event that two queues hear: badging.registrations and checkin.participants."""
    person = Person(
        given_name="Grace",
        family_name="Hopper",
        organization="Eckert–Mauchly Computer Corporation",
        country="US",
        category="private_sector",
        language="en",
        days=(0, 1),
    )
    return said(RegistrationConfirmed(registration_id=uuid4(), version=2, person=person))


@asynccontextmanager
async def service_database(server_url: str, service: str) -> AsyncIterator[Database]:
    """A service's database with the tables that every service has, and one of what it did."""
    database = Database(server_url, service)
    await database.create_if_missing()
    async with database.begin() as tx:
        await tx.run_sync(upgrade, SHARED_MIGRATIONS, "shared_version")
        await tx.execute(text("CREATE TABLE IF NOT EXISTS done (event_id uuid NOT NULL)"))
    yield database
    await database.close()


async def publish(publisher: Publisher, event: Event) -> None:
    """Publish one event.

    Raises:
        NotPublished: it is not safe with all who hear it.
    """
    [error] = await publisher.publish([event])
    if error is not None:
        raise NotPublished(error)


class Listener:
    """A service that does something about each event of a queue: writes its id down.

    `before` and `after` are awaited around that, in the transaction, and may raise.
    """

    def __init__(self, queue: str, database: Database) -> None:
        self.queue = queue
        self.database = database
        self.tries: defaultdict[UUID, list[float]] = defaultdict(list)
        """When it was given each event."""
        self.at_once = 0
        self.most_at_once = 0
        self.before: Callable[[Event], Awaitable[None]] = _nothing
        self.after: Callable[[Event], Awaitable[None]] = _nothing
        self.consumer = Consumer(queue, database, dict.fromkeys(events.QUEUES[queue], self._handle))

    async def did(self) -> list[UUID]:
        """The events that it acted upon, each as often as it did."""
        async with self.database.read() as connection:
            rows = await connection.execute(text("SELECT event_id FROM done"))
            return list(rows.scalars())

    async def did_once(self, *expected: Event) -> None:
        """Wait until it has acted upon these events; no event must have had its effect twice."""

        async def all_done() -> bool:
            with suppress(SQLAlchemyError):  # the database may be what the test plays with
                return {event.id for event in expected} <= set(await self.did())
            return False

        await eventually(all_done)
        done = await self.did()
        assert len(done) == len(set(done))

    async def _handle(self, tx: AsyncConnection, fact: Fact, event: Event) -> None:
        self.tries[event.id].append(time.monotonic())
        self.at_once += 1
        self.most_at_once = max(self.most_at_once, self.at_once)
        try:
            await self.before(event)
            await tx.execute(text("INSERT INTO done VALUES (:id)"), {"id": event.id})
            await self.after(event)
        finally:
            self.at_once -= 1


async def _nothing(_: Event) -> None: ...


def fails(
    *unlucky: Event, times: int = 1000, error: str = "no"
) -> Callable[[Event], Awaitable[None]]:
    """Something to do that fails for these events, so many times."""
    left = {event.id: times for event in unlucky}

    async def act(event: Event) -> None:
        if left.get(event.id, 0) > 0:
            left[event.id] -= 1
            raise ValueError(error)

    return act


@dataclass(frozen=True)
class DeadLetter:
    document: Any
    attempts: int
    error: str


class Line(Protocol):
    """One of the two buses, and a way to look into it."""

    def end(self, name: str) -> Bus:
        """A service's end of the bus."""

    async def inject(self, listener: Listener, document: object) -> None:
        """Bring a document into a queue, past all who would check it."""

    async def dead(self, listener: Listener) -> list[DeadLetter]:
        """What rests in a queue's dead letters."""


@asynccontextmanager
async def listening(line: Line, *listeners: Listener) -> AsyncIterator[Bus]:
    """An end of the line at which these hear."""
    bus = line.end("listening")
    for listener in listeners:
        bus.subscribe(listener.consumer)
    await bus.start()
    try:
        await ready(bus)
        yield bus
    finally:
        await bus.stop()


async def ready(bus: Bus) -> None:
    async def connected() -> bool:
        return bus.trouble() is None

    await eventually(connected, within=60)


class EmbeddedLine:
    def __init__(self) -> None:
        self._listeners: dict[str, EmbeddedBus] = {}

    def end(self, name: str) -> Bus:
        return EmbeddedBus(self._listeners)

    async def inject(self, listener: Listener, document: object) -> None:
        """As an operator does who has a dead letter of another version tried again."""
        letter = uuid4()
        async with listener.database.begin() as tx:
            await tx.execute(
                insert(dead_letters).values(
                    queue=listener.queue, event_id=letter, event=document, attempts=1, error=""
                )
            )
        assert await self._listeners[listener.queue].replay(listener.queue, str(letter))

    async def dead(self, listener: Listener) -> list[DeadLetter]:
        query = select(dead_letters).where(dead_letters.c.queue == listener.queue)
        async with listener.database.read() as connection:
            rows = (await connection.execute(query)).all()
        return [DeadLetter(row.event, row.attempts, row.error) for row in rows]


CLOSE_SECONDS = 5


class RabbitMQLine:
    """RabbitMQ, with a client of the test's own besides."""

    def __init__(self, url: str, channel: AbstractChannel) -> None:
        self.url = url
        self.channel = channel
        self._taken: defaultdict[str, list[DeadLetter]] = defaultdict(list)

    @staticmethod
    @asynccontextmanager
    async def open(url: str) -> AsyncIterator[RabbitMQLine]:
        connection = await aio_pika.connect(url)
        try:
            yield RabbitMQLine(url, await connection.channel())
        finally:
            # Not for ever: what the test has done to the broker may keep it from an answer.
            await asyncio.wait({asyncio.create_task(connection.close())}, timeout=CLOSE_SECONDS)

    def end(self, name: str) -> Bus:
        return RabbitMQBus(self.url, name)

    async def inject(self, listener: Listener, document: object) -> None:
        body = document if isinstance(document, bytes) else orjson.dumps(document)
        await self.channel.default_exchange.publish(aio_pika.Message(body), listener.queue)

    async def dead(self, listener: Listener) -> list[DeadLetter]:
        queue = await self.channel.get_queue(f"{listener.queue}.dead", ensure=False)
        taken = self._taken[listener.queue]
        while message := await queue.get(fail=False, no_ack=True):
            attempts = message.headers.get(ATTEMPTS_HEADER, 0)
            error = message.headers.get(ERROR_HEADER)
            assert isinstance(attempts, int)
            taken.append(DeadLetter(_json(message.body), attempts, str(error)))
        return taken


def _json(body: bytes) -> Any:
    try:
        return orjson.loads(body)
    except orjson.JSONDecodeError:
        return body
