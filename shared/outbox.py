"""Nothing is said before it is true, nothing true goes unsaid.

`say` writes an event into the outbox in the transaction that makes it true. The relay publishes
what waits there, in order of writing, and marks it only when the bus has confirmed: a process
killed anywhere between leaves the row, and the event goes out later."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime
from typing import Final
from uuid import UUID

import structlog
from sqlalchemy import (
    ARRAY,
    BigInteger,
    any_,
    bindparam,
    delete,
    func,
    insert,
    select,
    text,
    update,
)
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.ext.asyncio import AsyncConnection

from shared import events
from shared.bus import NotPublished, Publisher, reason
from shared.clock import time_of
from shared.database import Database
from shared.events import Event, MalformedEvent
from shared.tables import outbox

log = structlog.get_logger()

BATCH: Final = 100
POLL_SECONDS = 1.0
"""How soon a row is found whose writer was killed before it could wake the relay."""
FIRST_PAUSE_SECONDS: Final = 0.1
LAST_PAUSE_SECONDS: Final = 5.0
"""Between two tries to publish what the bus does not take."""
KEPT: Final = "7 days"
"""Published rows stay this long, for an operator who asks what was said."""


async def say(tx: AsyncConnection, *said: Event) -> None:
    """Write events into the outbox; they are published once the transaction has committed."""
    if not said:
        return
    rows = [{"id": event.id, "event": event.as_cloudevent()} for event in said]
    await tx.execute(insert(outbox), rows)
    has_said(tx)


def has_said(tx: AsyncConnection) -> None:
    """Wake the relay at the end of a transaction that wrote into the outbox by itself."""
    tx.info["said"] = True


@dataclass(frozen=True)
class Batch:
    """What became of some waiting events."""

    published: int
    left: int
    """Not confirmed: they wait for the next round."""
    last: int
    """How far in the outbox this was."""

    @property
    def full(self) -> bool:
        return self.published + self.left == BATCH


class Relay:
    """Carries one service's outbox to the bus. Several replicas may run: rows are locked."""

    def __init__(self, database: Database, bus: Publisher) -> None:
        self._database = database
        self._bus = bus

    async def run(self) -> None:
        """Publish for ever; ends by cancellation."""
        pause = FIRST_PAUSE_SECONDS
        while True:
            try:
                all_out = await self.publish_waiting()
            except (SQLAlchemyError, OSError) as error:
                log.warning("outbox.database_unavailable", error=type(error).__name__)
                all_out = False
            await self._wait(POLL_SECONDS if all_out else pause)
            pause = FIRST_PAUSE_SECONDS if all_out else min(pause * 2, LAST_PAUSE_SECONDS)

    async def publish_waiting(self) -> bool:
        """Try once whatever waits; False if some of it has to be tried again.

        An event that can't go out, such as one for a service that has not started, is passed over:
        those behind it are not kept.
        """
        self._database.said.clear()
        left = after = 0
        while True:
            batch = await self.publish_batch(after)
            left, after = left + batch.left, batch.last
            if not batch.full:
                return left == 0
            if batch.published == 0:
                # Most likely nothing goes out at all: don't run through a long outbox for that.
                await asyncio.sleep(FIRST_PAUSE_SECONDS)

    async def publish_batch(self, after: int = 0) -> Batch:
        """Publish up to BATCH waiting events, those behind `after` in the outbox."""
        async with self._database.begin() as tx:
            waiting = (
                await tx.execute(
                    select(outbox.c.seq, outbox.c.event)
                    .where(outbox.c.published_at.is_(None), outbox.c.seq > after)
                    .order_by(outbox.c.seq)
                    .limit(BATCH)
                    .with_for_update(skip_locked=True)
                )
            ).all()
            if not waiting:
                return Batch(published=0, left=0, last=after)
            errors = await asyncio.gather(*(self._publish(row.event) for row in waiting))
            done = [row.seq for row, error in zip(waiting, errors, strict=True) if error is None]
            await _mark_published(tx, done)
        left = [error for error in errors if error is not None]
        if left:
            log.warning("outbox.not_published", count=len(left), error=left[0])
        return Batch(published=len(done), left=len(left), last=waiting[-1].seq)

    async def _publish(self, document: object) -> str | None:
        """Hand an event over; answers why not, if so."""
        try:
            await self._bus.publish(events.read(document))
        except (NotPublished, MalformedEvent) as error:
            # What this version of the program can't read may have been said by a newer one.
            return reason(error)
        return None

    async def _wait(self, seconds: float) -> None:
        """Until something is said, but not longer than this."""
        with suppress(TimeoutError):
            # Not wait_for: on Python 3.11 it swallows a cancellation that comes together with the
            # event (python/cpython#86296), and the service never stops.
            async with asyncio.timeout(seconds):
                await self._database.said.wait()


# An array: with IN, each number of rows would be a statement of its own to the server.
_MARK: Final = (
    update(outbox)
    .where(outbox.c.seq == any_(bindparam("done", type_=ARRAY(BigInteger))))
    .values(published_at=func.now())
)


async def _mark_published(tx: AsyncConnection, done: Sequence[int]) -> None:
    if done:
        await tx.execute(_MARK, {"done": done})


async def count_waiting(connection: AsyncConnection) -> int:
    """Events that are true and not said yet."""
    query = select(func.count()).select_from(outbox).where(outbox.c.published_at.is_(None))
    return int((await connection.execute(query)).scalar_one())


async def oldest_waiting(connection: AsyncConnection) -> datetime | None:
    """Since when the oldest of them waits, in wall time."""
    query = (
        select(outbox.c.id).where(outbox.c.published_at.is_(None)).order_by(outbox.c.seq).limit(1)
    )
    event_id: UUID | None = (await connection.execute(query)).scalar_one_or_none()
    return None if event_id is None else time_of(event_id)


async def forget_old(tx: AsyncConnection) -> None:
    """Remove what was published longer ago than KEPT."""
    await tx.execute(
        delete(outbox).where(outbox.c.published_at < func.now() - text(f"interval '{KEPT}'"))
    )
