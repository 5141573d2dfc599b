"""Nothing is said before it is true, nothing true goes unsaid.

`say` writes an event into the outbox in the transaction that makes it true. The relay publishes
what waits there, in order of writing, and marks it only when the bus has confirmed: a process
killed anywhere between leaves the row, and the event goes out later."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from contextlib import suppress

import structlog
from sqlalchemy import delete, func, insert, select, text, update
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.ext.asyncio import AsyncConnection

from shared import events
from shared.bus import Bus, NotPublished
from shared.database import Database
from shared.events import Event
from shared.tables import outbox

log = structlog.get_logger()

BATCH = 100
POLL_SECONDS = 1.0
"""How soon a row is found whose writer was killed before it could wake the relay."""
KEPT = "7 days"
"""Published rows stay this long, for an operator who asks what was said."""


async def say(tx: AsyncConnection, *said: Event) -> None:
    """Write events into the outbox; they are published once the transaction has committed."""
    if not said:
        return
    rows = [{"id": event.id, "event": event.as_cloudevent()} for event in said]
    await tx.execute(insert(outbox), rows)
    tx.info["said"] = True


class Relay:
    """Carries one service's outbox to the bus. Several replicas may run: rows are locked."""

    def __init__(self, database: Database, bus: Bus) -> None:
        self._database = database
        self._bus = bus

    async def run(self) -> None:
        """Publish for ever; ends by cancellation."""
        pause = 0.1
        while True:
            try:
                published, failed = await self.publish_batch()
            except (SQLAlchemyError, OSError) as error:
                log.warning("outbox.database_unavailable", error=type(error).__name__)
                published, failed = 0, 1
            if failed:
                await asyncio.sleep(pause)
                pause = min(pause * 2, 5.0)
                continue
            pause = 0.1
            if published < BATCH:
                await self._wait()

    async def publish_batch(self) -> tuple[int, int]:
        """Publish up to BATCH waiting events; answers how many went out and how many did not."""
        self._database.said.clear()
        async with self._database.begin() as tx:
            waiting = (
                await tx.execute(
                    select(outbox.c.seq, outbox.c.event)
                    .where(outbox.c.published_at.is_(None))
                    .order_by(outbox.c.seq)
                    .limit(BATCH)
                    .with_for_update(skip_locked=True)
                )
            ).all()
            if not waiting:
                return 0, 0
            outcomes = await asyncio.gather(*(self._publish(row.event) for row in waiting))
            done = [row.seq for row, ok in zip(waiting, outcomes, strict=True) if ok]
            await _mark_published(tx, done)
        return len(done), len(waiting) - len(done)

    async def _publish(self, document: object) -> bool:
        event = events.read(document)
        try:
            await self._bus.publish(event)
        except NotPublished as error:
            log.warning("event.not_published", type=event.type, id=str(event.id), error=str(error))
            return False
        return True

    async def _wait(self) -> None:
        with suppress(TimeoutError):
            await asyncio.wait_for(self._database.said.wait(), POLL_SECONDS)


async def _mark_published(tx: AsyncConnection, done: Sequence[int]) -> None:
    if done:
        await tx.execute(
            update(outbox).where(outbox.c.seq.in_(done)).values(published_at=func.now())
        )


async def count_waiting(connection: AsyncConnection) -> int:
    """Events that are true and not said yet."""
    query = select(func.count()).select_from(outbox).where(outbox.c.published_at.is_(None))
    return int((await connection.execute(query)).scalar_one())


async def forget_old(tx: AsyncConnection) -> None:
    """Remove what was published longer ago than KEPT."""
    await tx.execute(
        delete(outbox).where(outbox.c.published_at < func.now() - text(f"interval '{KEPT}'"))
    )
