"""What the registration service hears: who came, and whose mail bounced."""

from __future__ import annotations

from sqlalchemy import update
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncConnection

from services.registration.tables import attendances, registrations
from shared.bus import Consumer
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
            AttendanceAdmitted: note_attendance,
            AttendanceUndone: take_attendance_back,
            NotificationBounced: note_bounce,
        },
    )


async def note_attendance(tx: AsyncConnection, fact: AttendanceAdmitted, event: Event) -> None:
    if fact.registration_id is None:
        return
    row = {"registration_id": fact.registration_id, "at": fact.at}
    await tx.execute(
        insert(attendances)
        .values(scan_id=fact.scan_id, **row)
        # It may have been taken back before we heard of it: that mark stays.
        .on_conflict_do_update(index_elements=["scan_id"], set_=row)
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
