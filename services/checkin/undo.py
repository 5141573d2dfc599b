"""Taking a scan back: a new entry in the log, and everything as if the scan had not been."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from datetime import date, datetime
from typing import Any
from uuid import UUID

from pydantic import BaseModel, Field
from sqlalchemy import delete, select
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncConnection
from uuid_utils.compat import uuid7

from services.checkin import attendance, persons
from services.checkin.admission import Decision, session_of
from services.checkin.gates import Gates
from services.checkin.persons import Person
from services.checkin.scans import (
    LoggedScan,
    about,
    arrival_of,
    find_scan,
    write_presence,
)
from services.checkin.tables import presence, scans
from shared import outbox
from shared.database import after_commit
from shared.events import AttendanceUndone, Event
from shared.forum import Forum
from shared.problems import conflict

UNDONE = "undone"
_PLACE = ("gate", "entrance", "zone", "direction", "badge_id", "registration_id")


class Undone(BaseModel):
    scan_id: UUID = Field(description="The new entry in the log")
    undoes: UUID
    at: datetime


async def undo(gates: Gates, scan_id: UUID, reason: str, by: str, device_id: UUID | None) -> Undone:
    """Take an admission or a departure back.

    Raises:
        Problem: 404 for an unknown scan, 409 for one that let nobody pass or is undone already.
    """
    now = gates.clock.now()
    async with gates.database.begin() as tx:
        scan = await find_scan(tx, scan_id)
        if scan.decision != Decision.admitted:
            raise conflict("Only a scan that let somebody pass can be undone.")
        person = await persons.lock_by_badge_id(tx, scan.badge_id, scan.zone)
        assert person is not None  # badges are never removed
        entry: dict[str, Any] = {
            "scan_id": uuid7(),
            "device_id": device_id,
            **{name: getattr(scan, name) for name in _PLACE},
            "decision": UNDONE,
            "reason": UNDONE,
            "said": reason,
            "at": now,
            "decided_at": now,
            "undoes": scan_id,
            "by": by,
        }
        statement = insert(scans).values(entry).on_conflict_do_nothing()
        if (await tx.execute(statement)).rowcount == 0:
            raise conflict("This scan is undone already.")
        await _reckon_again(tx, gates.forum, scan, person, now)
        fact = AttendanceUndone(undoes=scan_id, **about(entry))
        await outbox.say(tx, Event("/checkin", now, fact))
        after_commit(tx, gates.live.changed)
    return Undone(scan_id=entry["scan_id"], undoes=scan_id, at=now)


async def _reckon_again(
    tx: AsyncConnection, forum: Forum, scan: LoggedScan, person: Person, now: datetime
) -> None:
    """Presence, attendance and figures of a person without a scan that no longer counts."""
    session, zone = session_of(forum, now), forum.zone(scan.zone)
    await attendance.occupancy(tx, session, zone.id)  # the figures' lock, see scans.py
    passages = await _passages(tx, person.registration_id, zone.id)
    was_inside = bool(person.inside) and person.session == session
    is_inside = await _restore_presence(tx, forum, scan, passages, session)
    change = Counter({attendance.inside(session, zone.id): is_inside - was_inside})
    if zone == forum.main_zone:
        day = forum.day_of(scan.at)
        first = _first_entry(forum, passages, day)
        arrival = None if first is None else arrival_of(day, first._asdict(), person)
        change.update(
            await attendance.replace_arrival(tx, forum, person.registration_id, day, arrival)
        )
    await attendance.add(tx, change)


async def _restore_presence(
    tx: AsyncConnection,
    forum: Forum,
    scan: LoggedScan,
    passages: Sequence[LoggedScan],
    session: date,
) -> bool:
    """Put the person where the remaining passages leave them; answers whether that is inside."""
    if not passages:
        await tx.execute(
            delete(presence).where(
                presence.c.registration_id == scan.registration_id, presence.c.zone == scan.zone
            )
        )
        return False
    last = passages[-1]
    inside = forum.zone(scan.zone).scan_out and last.direction == "in"
    entries = [forum.day_of(passage.at) for passage in passages if passage.direction == "in"]
    await write_presence(
        tx,
        registration_id=scan.registration_id,
        zone=scan.zone,
        inside=inside,
        session=session_of(forum, last.at),
        last_entry_day=max(entries, default=None),
        scan_id=last.scan_id,
        at=last.at,
        gate=last.gate,
    )
    return inside and session_of(forum, last.at) == session


async def _passages(tx: AsyncConnection, registration_id: UUID, zone: str) -> list[LoggedScan]:
    """What a person has passed in a zone and nobody took back, oldest first."""
    taken_back = select(scans.c.undoes).where(
        scans.c.registration_id == registration_id, scans.c.undoes.is_not(None)
    )
    query = (
        select(scans)
        .where(
            scans.c.registration_id == registration_id,
            scans.c.zone == zone,
            scans.c.decision == Decision.admitted,
            scans.c.scan_id.not_in(taken_back),
        )
        .order_by(scans.c.at, scans.c.seq)
    )
    return list(await tx.execute(query))


def _first_entry(forum: Forum, passages: Sequence[LoggedScan], day: date) -> LoggedScan | None:
    for passage in passages:
        if passage.direction == "in" and forum.day_of(passage.at) == day:
            return passage
    return None
