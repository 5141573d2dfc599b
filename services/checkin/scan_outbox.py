"""The scan log is its own outbox: what is said of a scan follows from its entry.

Beside the log stands only which entries have not been said yet, so that a scan writes nothing
twice.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from datetime import datetime
from typing import Any, Final
from uuid import UUID

from sqlalchemy import ARRAY, BigInteger, Row, any_, bindparam, delete, func, select
from sqlalchemy.ext.asyncio import AsyncConnection
from uuid_utils.compat import uuid5

from services.checkin.admission import Decision, Reason
from services.checkin.tables import scan_outbox, scans
from shared.events import (
    AttendanceAdmitted,
    AttendanceDeparted,
    AttendanceUndone,
    Event,
    Fact,
    ScanRefused,
)
from shared.outbox import Waiting


class ScanOutbox:
    """The entries of the log that wait to be said; an Outbox of shared/outbox.py."""

    def __init__(self) -> None:
        self.woken = asyncio.Event()

    async def take(self, tx: AsyncConnection, after: int, most: int) -> Sequence[Waiting]:
        rows = await tx.execute(_TAKE, {"after": after, "most": most})
        return [Waiting(row[0], _event(row)) for row in rows]

    async def mark_published(self, tx: AsyncConnection, done: Sequence[int]) -> None:
        await tx.execute(_FORGET, {"done": done})

    async def count_waiting(self, connection: AsyncConnection) -> int:
        query = select(func.count()).select_from(scan_outbox)
        return int((await connection.execute(query)).scalar_one())

    async def oldest_waiting(self, connection: AsyncConnection) -> datetime | None:
        oldest: datetime | None = (
            await connection.execute(select(func.min(scan_outbox.c.since)))
        ).scalar()
        return oldest


def _event(row: Row[Any]) -> Event:
    # Taken apart in the order of _NEEDED: on a full morning this is done for every scan.
    columns: Sequence[Any] = row
    _, traceparent, decided_at, decision, reason, undoes, *rest = columns
    about = dict(zip(_ABOUT, rest, strict=True))
    fact = _fact(about, decision, reason, undoes)
    # The id is the same whenever it is said: who has heard it knows it again.
    event_id = uuid5(UUID(bytes=about["scan_id"].bytes), fact.type)
    return Event("/checkin", decided_at, fact, event_id, traceparent)


def _fact(about: dict[str, Any], decision: str, reason: Any, undoes: UUID | None) -> Fact:
    if undoes is not None:
        return AttendanceUndone(undoes=undoes, **about)
    if decision == Decision.refused:
        return ScanRefused(reason=reason, **about)
    if reason == Reason.departed:
        return AttendanceDeparted(**about)
    return AttendanceAdmitted(reason=reason, **about)


_ABOUT: Final = ("scan_id", "gate", "entrance", "zone", "at", "badge_id", "registration_id")
"""What all events about a scan carry."""
_NEEDED: Final = (
    scans.c.seq,
    scan_outbox.c.traceparent,
    *(scans.c[name] for name in ("decided_at", "decision", "reason", "undoes", *_ABOUT)),
)
_IS_OF: Final = scans.c.seq == scan_outbox.c.seq
_TAKE: Final = (
    select(*_NEEDED)
    .join(scan_outbox, _IS_OF)
    .where(scan_outbox.c.seq > bindparam("after"))
    .order_by(scan_outbox.c.seq)
    .limit(bindparam("most"))
    .with_for_update(of=scan_outbox, skip_locked=True)
)
# An array: with IN, each number of rows would be a statement of its own to the server.
_FORGET: Final = delete(scan_outbox).where(
    scan_outbox.c.seq == any_(bindparam("done", type_=ARRAY(BigInteger)))
)
