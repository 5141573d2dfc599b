"""The bus inside one process: no broker, the same guarantees.

`publish` runs every hearing handler and returns when each has committed, or has committed the event
to its `retries` table. So the outbox row is marked published only when nothing can be lost any
more."""

from __future__ import annotations

import asyncio
from collections import defaultdict
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from datetime import timedelta
from typing import Any, Final
from uuid import UUID

import orjson
import structlog
from sqlalchemy import Row, delete, exists, func, literal, select, union_all
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.ext.asyncio import AsyncConnection

from shared import events
from shared.bus import (
    BATCH,
    MOST_LETTERS,
    RETRY_DELAYS_SECONDS,
    STOP_SECONDS,
    Consumer,
    DeadLetter,
    reason,
)
from shared.database import Database, after_commit
from shared.events import Event, MalformedEvent
from shared.tables import dead_letters, retries
from shared.waiting import happens_within

log = structlog.get_logger()

RETRY_POLL_SECONDS = 0.5
LOOK_SECONDS = 5.0
"""So often the table is looked at where nothing waits: a dump may have been restored."""


class EmbeddedBus:
    """One service's end of the bus.

    Args:
        listeners: queue by queue, the end at which it is heard; all services of the process share
        it.
    """

    def __init__(self, listeners: dict[str, EmbeddedBus] | None = None) -> None:
        self._listeners = {} if listeners is None else listeners
        self._consumers: dict[str, Consumer] = {}
        self._in_hand: set[asyncio.Task[object]] = set()
        self._kept = asyncio.Event()
        """Set when an event was kept for later."""
        self._retrying: asyncio.Task[None] | None = None

    def subscribe(self, consumer: Consumer) -> None:
        self._consumers[consumer.queue] = consumer
        self._listeners[consumer.queue] = self

    async def publish(self, said: Sequence[Event]) -> list[str | None]:
        errors: dict[UUID, str] = {}
        heard: defaultdict[str, list[Event]] = defaultdict(list)
        for event in said:
            absent = [queue for queue in event.fact.heard_by if queue not in self._listeners]
            if absent:
                errors[event.id] = f"{', '.join(absent)} not listening"
                continue
            for queue in event.fact.heard_by:
                heard[queue].append(event)
        batches = [
            (queue, waiting[begin : begin + BATCH])
            for queue, waiting in heard.items()
            for begin in range(0, len(waiting), BATCH)
        ]
        outcomes = await asyncio.gather(
            *(self._listeners[queue]._hear(queue, batch) for queue, batch in batches),
            return_exceptions=True,
        )
        for (_, batch), outcome in zip(batches, outcomes, strict=True):
            if isinstance(outcome, BaseException):
                errors |= dict.fromkeys((event.id for event in batch), reason(outcome))
        return [errors.get(event.id) for event in said]

    async def start(self) -> None:
        if self._retrying is None:
            self._retrying = asyncio.create_task(self._retry_for_ever())

    async def stop(self) -> None:
        """Hear no more, and finish what is in hand: others may have said it just now."""
        for queue in self._consumers:
            self._listeners.pop(queue, None)
        if self._retrying is not None:
            self._retrying.cancel()
            with suppress(asyncio.CancelledError):
                await self._retrying
            self._retrying = None
        if self._in_hand:
            await asyncio.wait(self._in_hand, timeout=STOP_SECONDS)

    def trouble(self) -> str | None:
        return None

    async def dead_letters(self, queue: str) -> list[DeadLetter]:
        query = (
            select(dead_letters)
            .where(dead_letters.c.queue == queue)
            .order_by(dead_letters.c.died_at)
            .limit(MOST_LETTERS)
        )
        async with self._consumers[queue].database.read() as connection:
            return [_letter(row) for row in await connection.execute(query)]

    async def count_dead_letters(self, queue: str) -> int:
        query = select(func.count()).where(dead_letters.c.queue == queue)
        async with self._consumers[queue].database.read() as connection:
            return int((await connection.execute(query)).scalar_one())

    async def replay(self, queue: str, letter_id: str) -> bool:
        async with self._consumers[queue].database.begin() as tx:
            row = await _take(tx, queue, letter_id)
            if row is None:
                return False
            again = {name: getattr(row, name) for name in ("queue", "event_id", "event", "error")}
            await tx.execute(
                insert(retries)
                .values(**again, attempts=0, due_at=func.now())
                .on_conflict_do_nothing()
            )
            after_commit(tx, self._kept.set)
            return True

    async def discard(self, queue: str, letter_id: str) -> bool:
        async with self._consumers[queue].database.begin() as tx:
            return await _take(tx, queue, letter_id) is not None

    async def _hear(self, queue: str, batch: Sequence[Event]) -> None:
        """Have events handled, or kept for later; if not even that succeeds, raises."""
        task = asyncio.current_task()
        assert task is not None  # gather makes one of each
        self._in_hand.add(task)
        task.add_done_callback(self._in_hand.discard)
        consumer = self._consumers[queue]
        if len(batch) > 1:
            with suppress(Exception):  # one of them is to blame, or nothing works at all
                await consumer.receive(*batch)
                return
        for event in batch:
            await self._hear_alone(consumer, event)

    async def _hear_alone(self, consumer: Consumer, event: Event) -> None:
        try:
            await consumer.receive(event)
        except Exception as error:
            # Whatever a handler raises means "not done": the event must survive it.
            log.warning("event.failed", queue=consumer.queue, type=event.type, exc_info=error)
            async with consumer.database.begin() as tx:
                await _retry_later(tx, consumer.queue, event, attempts=1, error=error)
                after_commit(tx, self._kept.set)

    async def _retry_for_ever(self) -> None:
        await asyncio.sleep(RETRY_POLL_SECONDS)
        while True:
            self._kept.clear()
            if await self._retry_what_is_due():
                await asyncio.sleep(RETRY_POLL_SECONDS)
                continue
            await happens_within(self._kept, LOOK_SECONDS)

    async def _retry_what_is_due(self) -> bool:
        """Try it again; answers whether anything may wait still, until it is due."""
        databases = {consumer.database for consumer in self._consumers.values()}
        empty = 0
        for database in databases:
            with _troubles_logged():
                waiting = await _what_waits(database)
                for queue in waiting:
                    if queue in self._consumers:
                        await _retry(self._consumers[queue])
                empty += not waiting
        return empty < len(databases)


async def _retry(consumer: Consumer) -> None:
    """Try again all that is due."""
    with _troubles_logged(queue=consumer.queue):
        while await _retry_one(consumer):
            pass


@contextmanager
def _troubles_logged(**about: str) -> Iterator[None]:
    """Go on whatever happens: if the loop ended, nothing would be tried again."""
    try:
        yield
    except (SQLAlchemyError, OSError) as error:
        log.warning("bus.database_unavailable", error=type(error).__name__)
    except Exception as error:
        log.error("bus.retry_failed", exc_info=error, **about)


async def _take(tx: AsyncConnection, queue: str, letter_id: str) -> Row[Any] | None:
    """Take a dead letter off the shelf."""
    try:
        event_id = UUID(letter_id)
    except ValueError:
        return None
    statement = (
        delete(dead_letters)
        .where(dead_letters.c.queue == queue, dead_letters.c.event_id == event_id)
        .returning(dead_letters)
    )
    return (await tx.execute(statement)).one_or_none()


def _letter(row: Row[Any]) -> DeadLetter:
    kind = row.event.get("type", "") if isinstance(row.event, dict) else ""
    return DeadLetter(
        id=str(row.event_id),
        queue=row.queue,
        type=str(kind).removeprefix(events.TYPE_PREFIX),
        attempts=row.attempts,
        died_at=row.died_at,
        error=row.error,
        body=orjson.dumps(row.event).decode(),
    )


async def _what_waits(database: Database) -> Sequence[str]:
    """The queues with something due, and "" if anything waits at all.

    Hardly ever any: so the question is a single way to the database, whatever the queues.
    """
    async with database.read() as connection:
        return (await connection.execute(_WAITS)).scalars().all()


_WAITS: Final = union_all(
    select(retries.c.queue).where(retries.c.due_at <= func.now()).distinct(),
    select(literal("")).where(exists(select(retries.c.queue))),
)


async def _retry_one(consumer: Consumer) -> bool:
    """Try the longest-due event of a queue again; False when none is due."""
    async with consumer.database.begin() as tx:
        due = (
            await tx.execute(
                select(retries)
                .where(retries.c.queue == consumer.queue, retries.c.due_at <= func.now())
                .order_by(retries.c.due_at)
                .limit(1)
                .with_for_update(skip_locked=True)
            )
        ).one_or_none()
        if due is None:
            return False
        await _forget(tx, consumer.queue, due.event_id)
        try:
            event = events.read(due.event)
        except MalformedEvent as error:  # kept by another version of the program
            await _set_aside(tx, consumer.queue, due.event_id, due.event, due.attempts, error)
            return True
        try:
            # Its own transaction: a handler that fails must not undo our bookkeeping. Killed
            # between the two commits, the event comes again and the inbox knows it. Its own
            # task: the handler's trace must not leak into this loop.
            await asyncio.create_task(consumer.receive(event))
        except Exception as error:
            log.warning("event.failed_again", queue=consumer.queue, exc_info=error)
            await _retry_later(tx, consumer.queue, event, due.attempts + 1, error)
        return True


async def _forget(tx: AsyncConnection, queue: str, event_id: UUID) -> None:
    await tx.execute(
        delete(retries).where(retries.c.queue == queue, retries.c.event_id == event_id)
    )


async def _retry_later(
    tx: AsyncConnection, queue: str, event: Event, attempts: int, error: Exception
) -> None:
    """Keep a failed event for its next attempt, or set it aside after the last."""
    document = event.as_cloudevent()
    if attempts > len(RETRY_DELAYS_SECONDS) or isinstance(error, MalformedEvent):
        await _set_aside(tx, queue, event.id, document, attempts, error)
        return
    delay = timedelta(seconds=RETRY_DELAYS_SECONDS[attempts - 1])
    await tx.execute(
        insert(retries)
        .values(
            queue=queue,
            event_id=event.id,
            event=document,
            attempts=attempts,
            # Not now(), the transaction's beginning: the handler may have taken long to fail.
            due_at=func.clock_timestamp() + delay,
            error=reason(error),
        )
        .on_conflict_do_nothing()
    )


async def _set_aside(
    tx: AsyncConnection,
    queue: str,
    event_id: UUID,
    document: object,
    attempts: int,
    error: Exception,
) -> None:
    log.error("event.dead", queue=queue, id=str(event_id), error=type(error).__name__)
    await tx.execute(
        insert(dead_letters)
        .values(
            queue=queue,
            event_id=event_id,
            event=document,
            attempts=attempts,
            error=reason(error),
        )
        .on_conflict_do_nothing()
    )
