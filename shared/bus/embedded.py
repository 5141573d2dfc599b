"""The bus inside one process: no broker, the same guarantees.

`publish` runs every hearing handler and returns when each has committed, or has committed the event
to its `retries` table. So the outbox row is marked published only when nothing can be lost any
more."""

from __future__ import annotations

import asyncio
from contextlib import suppress
from datetime import timedelta

import structlog
from sqlalchemy import delete, func, select
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.ext.asyncio import AsyncConnection

from shared import events
from shared.bus import RETRY_DELAYS_SECONDS, Consumer, NotPublished
from shared.events import Event
from shared.tables import dead_letters, retries

log = structlog.get_logger()

RETRY_POLL_SECONDS = 0.5


class EmbeddedBus:
    """Delivers events to the consumers of this process."""

    def __init__(self) -> None:
        self._consumers: dict[str, Consumer] = {}
        self._retrying: asyncio.Task[None] | None = None

    def subscribe(self, consumer: Consumer) -> None:
        self._consumers[consumer.queue] = consumer

    async def publish(self, event: Event) -> None:
        absent = [queue for queue in event.fact.heard_by if queue not in self._consumers]
        if absent:
            raise NotPublished(f"{', '.join(absent)} not listening yet")
        hearing = [self._consumers[queue] for queue in event.fact.heard_by]
        outcomes = await asyncio.gather(
            *(self._deliver(consumer, event) for consumer in hearing), return_exceptions=True
        )
        for outcome in outcomes:
            if isinstance(outcome, BaseException):
                raise NotPublished(f"{type(outcome).__name__}: {outcome}") from outcome

    async def start(self) -> None:
        if self._retrying is None:
            self._retrying = asyncio.create_task(self._retry_for_ever())

    async def stop(self) -> None:
        if self._retrying is not None:
            self._retrying.cancel()
            with suppress(asyncio.CancelledError):
                await self._retrying
            self._retrying = None

    def trouble(self) -> str | None:
        return None

    async def _deliver(self, consumer: Consumer, event: Event) -> None:
        try:
            await consumer.receive(event)
        except Exception as error:
            # Whatever a handler raises means "not done": the event must survive it.
            log.warning("event.failed", queue=consumer.queue, type=event.type, exc_info=error)
            async with consumer.database.begin() as tx:
                await _retry_later(tx, consumer.queue, event, attempts=1, error=error)

    async def _retry_for_ever(self) -> None:
        while True:
            await asyncio.sleep(RETRY_POLL_SECONDS)
            for consumer in list(self._consumers.values()):
                try:
                    while await self._retry_one(consumer):
                        pass
                except (SQLAlchemyError, OSError) as error:
                    log.warning("bus.database_unavailable", error=type(error).__name__)

    async def _retry_one(self, consumer: Consumer) -> bool:
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
            event = events.read(due.event)
            await _forget(tx, consumer.queue, event)
            try:
                # Its own transaction: a handler that fails must not undo our bookkeeping. Killed
                # between the two commits, the event comes again and the inbox knows it. Its own
                # task: the handler's trace must not leak into this loop.
                await asyncio.create_task(consumer.receive(event))
            except Exception as error:
                log.warning("event.failed_again", queue=consumer.queue, exc_info=error)
                await _retry_later(tx, consumer.queue, event, due.attempts + 1, error)
            return True


async def _forget(tx: AsyncConnection, queue: str, event: Event) -> None:
    await tx.execute(
        delete(retries).where(retries.c.queue == queue, retries.c.event_id == event.id)
    )


async def _retry_later(
    tx: AsyncConnection, queue: str, event: Event, attempts: int, error: Exception
) -> None:
    """Keep a failed event for its next attempt, or set it aside after the last."""
    row = {
        "queue": queue,
        "event_id": event.id,
        "event": event.as_cloudevent(),
        "attempts": attempts,
        "error": f"{type(error).__name__}: {error}",
    }
    if attempts > len(RETRY_DELAYS_SECONDS):
        log.error("event.dead", queue=queue, type=event.type, id=str(event.id))
        await tx.execute(insert(dead_letters).values(row).on_conflict_do_nothing())
        return
    delay = timedelta(seconds=RETRY_DELAYS_SECONDS[attempts - 1])
    await tx.execute(
        insert(retries).values(row, due_at=func.now() + delay).on_conflict_do_nothing()
    )
