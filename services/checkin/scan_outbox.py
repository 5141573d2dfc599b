"""The scan log is its own outbox: what is said of a scan follows from its entry.

Beside the log stands only which entries have not been said yet, so that a scan writes nothing
twice.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from datetime import datetime
from typing import Any, Final
from uuid import UUID, uuid5

from sqlalchemy import ARRAY, BigInteger, RowMapping, any_, bindparam, delete, func, select
from sqlalchemy.ext.asyncio import AsyncConnection

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
        return [Waiting(entry["seq"], _event(entry)) for entry in rows.mappings()]

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


def _event(entry: RowMapping) -> Event:
    fact = _fact(entry)
    return Event(
        "/checkin",
        entry["decided_at"],
        fact,
        # The same whenever it is said: who has heard it knows it again.
        id=uuid5(UUID(bytes=entry["scan_id"].bytes), fact.type),
        traceparent=entry["traceparent"],
    )


def _fact(entry: RowMapping) -> Fact:
    if entry["undoes"] is not None:
        return AttendanceUndone(undoes=entry["undoes"], **_about(entry))
    if entry["decision"] == Decision.refused:
        return ScanRefused(reason=entry["reason"], **_about(entry))
    if entry["reason"] == Reason.departed:
        return AttendanceDeparted(**_about(entry))
    return AttendanceAdmitted(reason=entry["reason"], **_about(entry))


def _about(entry: RowMapping) -> dict[str, Any]:
    """What all events about a scan carry."""
    return {name: entry[name] for name in _ABOUT}


_ABOUT: Final = ("scan_id", "gate", "entrance", "zone", "at", "badge_id", "registration_id")
_NEEDED: Final = (*_ABOUT, "seq", "decided_at", "decision", "reason", "undoes")
_IS_OF: Final = scans.c.seq == scan_outbox.c.seq
_TAKE: Final = (
    select(*(scans.c[name] for name in _NEEDED), scan_outbox.c.traceparent)
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
