"""What the registration service hears: who came, and whose mail bounced."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from sqlalchemy import ARRAY, DateTime, Uuid, bindparam, func, select, update
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncConnection

from services.registration.tables import attendances, registrations
from shared.bus import Consumer, ManyAtOnce
from shared.database import Database
from shared.events import (
    REGISTRATION_OUTCOMES,
    AttendanceAdmitted,
    AttendanceUndone,
    Event,
    NotificationBounced,
)


def outcomes(database: Database) -> Consumer:
    return Consumer(
        REGISTRATION_OUTCOMES,
        database,
        {
            AttendanceAdmitted: ManyAtOnce(note_attendances),
            AttendanceUndone: take_attendance_back,
            NotificationBounced: note_bounce,
        },
    )


async def note_attendances(tx: AsyncConnection, facts: Sequence[AttendanceAdmitted]) -> None:
    admissions = [fact for fact in facts if fact.registration_id is not None]
    await tx.execute(
        _NOTE_ATTENDANCES,
        {
            "scan_ids": [fact.scan_id for fact in admissions],
            "registration_ids": [fact.registration_id for fact in admissions],
            "moments": [fact.at for fact in admissions],
        },
    )


async def take_attendance_back(tx: AsyncConnection, fact: AttendanceUndone, event: Event) -> None:
    await tx.execute(
        insert(attendances)
        .values(scan_id=fact.undoes, undone=True)
        .on_conflict_do_update(index_elements=["scan_id"], set_={"undone": True})
    )


async def note_bounce(tx: AsyncConnection, fact: NotificationBounced, event: Event) -> None:
    await tx.execute(
        update(registrations)
        .where(registrations.c.id == fact.registration_id)
        .values(mail_bounced_at=event.time)
    )


_given = select(
    func.unnest(bindparam("scan_ids", type_=ARRAY(Uuid))),
    func.unnest(bindparam("registration_ids", type_=ARRAY(Uuid))),
    func.unnest(bindparam("moments", type_=ARRAY(DateTime(timezone=True)))),
)
_insert = insert(attendances).from_select(["scan_id", "registration_id", "at"], _given)
_NOTE_ATTENDANCES: Final = _insert.on_conflict_do_update(
    index_elements=["scan_id"],
    # It may have been taken back before we heard of it: that mark stays.
    set_={name: _insert.excluded[name] for name in ("registration_id", "at")},
)
