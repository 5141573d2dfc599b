"""Nothing is said before it is true, nothing true goes unsaid.

`say` writes an event into the outbox in the transaction that makes it true. The relay publishes
what waits there, in order of writing, and marks it only when the bus has confirmed: a process
killed anywhere between leaves the row, and the event goes out later."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final, NamedTuple, Protocol
from uuid import UUID

import structlog
from sqlalchemy import (
    ARRAY,
    BigInteger,
    Uuid,
    any_,
    bindparam,
    cast,
    delete,
    exists,
    func,
    insert,
    select,
    text,
    update,
)
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.ext.asyncio import AsyncConnection

from shared import bus, erasures, events
from shared.bus import Publisher, reason
from shared.clock import time_of
from shared.database import Database
from shared.events import Event, MalformedEvent
from shared.tables import erasures as erased
from shared.tables import outbox
from shared.waiting import happens_within

log = structlog.get_logger()

BATCH: Final = bus.BATCH
"""Of a round, so that each queue has its share of it in one transaction."""
QUIET_ROUNDS: Final = 5
"""Services that start together, or a broker that blinks, are news after three seconds only."""
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
    await tx.execute(_SAY, rows[0] if len(rows) == 1 else rows)
    tx.info["said"] = True


class Waiting(NamedTuple):
    """An event that is true and not said yet."""

    seq: int
    event: Event | None
    """None: this version of the program can't read it, a newer one may have written it."""
    error: str = ""
    """Why not, in that case."""


class Outbox(Protocol):
    """Where what a service has to say waits until the bus has taken it."""

    woken: asyncio.Event
    """Set when something has come that was committed."""

    async def take(self, tx: AsyncConnection, after: int, most: int) -> Sequence[Waiting]:
        """What waits behind `after`, in order, held for this transaction; not what others hold."""

    async def mark_published(self, tx: AsyncConnection, done: Sequence[int]) -> None:
        """The bus has these."""

    async def count_waiting(self, connection: AsyncConnection) -> int:
        """Events that are true and not said yet."""

    async def oldest_waiting(self, connection: AsyncConnection) -> datetime | None:
        """Since when the oldest of them waits, in wall time."""


class OutboxTable:
    """The outbox that every service has: whole events, in the table that `say` writes."""

    def __init__(self, database: Database) -> None:
        self.woken = database.said

    async def take(self, tx: AsyncConnection, after: int, most: int) -> Sequence[Waiting]:
        rows = await tx.execute(_TAKE, {"after": after, "most": most})
        return [_read(row.seq, row.event) for row in rows]

    async def mark_published(self, tx: AsyncConnection, done: Sequence[int]) -> None:
        await tx.execute(_MARK, {"done": done})

    async def count_waiting(self, connection: AsyncConnection) -> int:
        query = select(func.count()).select_from(outbox).where(outbox.c.published_at.is_(None))
        return int((await connection.execute(query)).scalar_one())

    async def oldest_waiting(self, connection: AsyncConnection) -> datetime | None:
        query = (
            select(outbox.c.id)
            .where(outbox.c.published_at.is_(None))
            .order_by(outbox.c.seq)
            .limit(1)
        )
        event_id: UUID | None = (await connection.execute(query)).scalar_one_or_none()
        return None if event_id is None else time_of(event_id)


def _read(seq: int, document: object) -> Waiting:
    try:
        return Waiting(seq, events.read(document))
    except MalformedEvent as error:
        return Waiting(seq, None, reason(error))


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


Rest = Callable[[], Awaitable[None]]


async def no_rest() -> None:
    """Go on at once."""


class Relay:
    """Carries an outbox to the bus. Several replicas may run: what one has in hand is locked.

    Args:
        database: the service's.
        bus: where to.
        outbox: what waits; if not given, the table that every service has.
        rest: waits between two rounds: for more events to share one, or while others go first.
    """

    def __init__(
        self,
        database: Database,
        bus: Publisher,
        outbox: Outbox | None = None,
        *,
        rest: Rest = no_rest,
    ) -> None:
        self._database = database
        self._bus = bus
        self._outbox = outbox or OutboxTable(database)
        self._rest = rest
        self._rounds_left = 0
        """Rounds one after the other that left something behind."""

    async def run(self) -> None:
        """Publish for ever; ends by cancellation."""
        pause = FIRST_PAUSE_SECONDS
        while True:
            try:
                all_out = await self.publish_waiting()
            except (SQLAlchemyError, OSError) as error:
                log.warning("outbox.database_unavailable", error=type(error).__name__)
                all_out = False
            self._rounds_left = 0 if all_out else self._rounds_left + 1
            await happens_within(self._outbox.woken, POLL_SECONDS if all_out else pause)
            pause = FIRST_PAUSE_SECONDS if all_out else min(pause * 2, LAST_PAUSE_SECONDS)
            await self._rest()

    async def publish_waiting(self) -> bool:
        """Try once whatever waits; False if some of it has to be tried again.

        An event that can't go out, such as one for a service that has not started, is passed over:
        those behind it are not kept.
        """
        self._outbox.woken.clear()
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
            waiting = await self._outbox.take(tx, after, BATCH)
            if not waiting:
                return Batch(published=0, left=0, last=after)
            errors = await self._publish(waiting)
            done = [each.seq for each, error in zip(waiting, errors, strict=True) if not error]
            if done:
                await self._outbox.mark_published(tx, done)
        left = [error for error in errors if error]
        if left:
            tell = log.warning if self._rounds_left >= QUIET_ROUNDS else log.debug
            tell("outbox.not_published", count=len(left), error=left[0])
        return Batch(published=len(done), left=len(left), last=waiting[-1].seq)

    async def _publish(self, waiting: Sequence[Waiting]) -> list[str | None]:
        """Hand events over; answers for each why it is not out, if so."""
        readable = [each.event for each in waiting if each.event is not None]
        errors = iter(await self._bus.publish(readable))
        return [each.error if each.event is None else next(errors) for each in waiting]


_SAY: Final = insert(outbox)
_TAKE: Final = (
    select(outbox.c.seq, outbox.c.event)
    .where(outbox.c.published_at.is_(None), outbox.c.seq > bindparam("after"))
    .order_by(outbox.c.seq)
    .limit(bindparam("most"))
    .with_for_update(skip_locked=True)
)
# An array: with IN, each number of rows would be a statement of its own to the server.
_DONE: Final = outbox.c.seq == any_(bindparam("done", type_=ARRAY(BigInteger)))
# Who was erased while it waited is not kept because it was said; that they were erased is.
_OF_THE_ERASED: Final = (
    delete(outbox)
    .where(
        _DONE,
        outbox.c.event["type"].astext != erasures.IS_ERASURE,
        exists().where(
            erased.c.registration_id == cast(outbox.c.event["data"]["registration_id"].astext, Uuid)
        ),
    )
    .returning(outbox.c.seq)
    .cte("gone")
)
_MARK: Final = (
    update(outbox)
    .where(_DONE, outbox.c.seq.not_in(select(_OF_THE_ERASED.c.seq)))
    .values(published_at=func.now())
)


async def count_waiting(connection: AsyncConnection, outboxes: Sequence[Outbox]) -> int:
    """Events that are true and not said yet."""
    return sum([await each.count_waiting(connection) for each in outboxes])


async def oldest_waiting(
    connection: AsyncConnection, outboxes: Sequence[Outbox]
) -> datetime | None:
    """Since when the oldest of them waits, in wall time."""
    oldest = [await each.oldest_waiting(connection) for each in outboxes]
    return min((at for at in oldest if at is not None), default=None)


async def forget_old(tx: AsyncConnection) -> None:
    """Remove what was published longer ago than KEPT."""
    await tx.execute(
        delete(outbox).where(outbox.c.published_at < func.now() - text(f"interval '{KEPT}'"))
    )
