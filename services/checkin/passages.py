"""A person's passages through a zone, in order of time, and what follows from them.

Nearly every scan is the last passage, and then what is kept of the person says enough. One that
comes late, from a device that had no network, or one that is taken back changes their middle: then
presence and attendance are reckoned again from all of them.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any
from uuid import UUID

from sqlalchemy import delete, select
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncConnection

from services.checkin import attendance
from services.checkin.admission import Decision, Direction, Presence, session_of
from services.checkin.attendance import Arrival
from services.checkin.persons import Person
from services.checkin.tables import presence, scans
from shared.forum import Forum, Zone


@dataclass(frozen=True)
class Passage:
    """Somebody went through a gate."""

    scan_id: UUID
    at: datetime
    gate: str
    entrance: str
    direction: Direction


async def of(tx: AsyncConnection, registration_id: UUID, zone: str) -> list[Passage]:
    """A person's passages that nobody took back, oldest first."""
    taken_back = select(scans.c.undoes).where(
        scans.c.registration_id == registration_id, scans.c.undoes.is_not(None)
    )
    query = (
        select(scans.c.scan_id, scans.c.at, scans.c.gate, scans.c.entrance, scans.c.direction)
        .where(
            scans.c.registration_id == registration_id,
            scans.c.zone == zone,
            scans.c.decision == Decision.admitted,
            scans.c.scan_id.not_in(taken_back),
        )
        .order_by(scans.c.at, scans.c.seq)
    )
    return [Passage(*row) for row in await tx.execute(query)]


def within(passages: Sequence[Passage], passage: Passage) -> list[Passage]:
    """The passages and one more, in order of time; at the same time, in order of coming."""
    return sorted([*passages, passage], key=lambda each: each.at)


def presence_in(
    forum: Forum, zone: Zone, passages: Sequence[Passage], moment: datetime
) -> Presence:
    """Where the passages leave the person in the moment's session, and whether they came that day.

    That is after all of them, also those after the moment: whoever is inside, as far as we know, is
    not let in once more by a scan that comes late.
    """
    return Presence(
        inside=_is_inside(forum, zone, passages, session_of(forum, moment)),
        entered_today=_first_entry(forum, passages, forum.day_of(moment)) is not None,
    )


async def reckon_again(
    tx: AsyncConnection,
    forum: Forum,
    zone: Zone,
    person: Person,
    passages: Sequence[Passage],
    moment: datetime,
) -> None:
    """Bring presence and attendance up to date after a change in the middle.

    Args:
        tx: the transaction that changes the log.
        forum: days and closing times.
        zone: where it is.
        person: whose passages these are.
        passages: all that count now.
        moment: of the passage that came or went.
    """
    await _write(tx, forum, zone, person, passages)
    if zone != forum.main_zone:
        return
    day = forum.day_of(moment)
    first = _first_entry(forum, passages, day)
    if first is None:
        await attendance.forget_arrival(tx, person.registration_id, day)
    else:
        await attendance.note_arrival(tx, arrival_of(day, first, person))


def arrival_of(day: date, entry: Passage, person: Person) -> Arrival:
    country = person.country or ""
    return Arrival(
        registration_id=person.registration_id,
        day=day,
        scan_id=entry.scan_id,
        at=entry.at,
        entrance=entry.entrance,
        category=person.category or "",
        country=country,
        region=attendance.region_of(country),
    )


async def write_presence(tx: AsyncConnection, **row: Any) -> None:
    await tx.execute(_WRITE_PRESENCE, row)


async def _write(
    tx: AsyncConnection, forum: Forum, zone: Zone, person: Person, passages: Sequence[Passage]
) -> None:
    """Keep of the person where the passages leave them."""
    if not passages:
        await tx.execute(
            delete(presence).where(
                presence.c.registration_id == person.registration_id, presence.c.zone == zone.id
            )
        )
        return
    last = passages[-1]
    entries = [forum.day_of(passage.at) for passage in passages if passage.direction == "in"]
    await write_presence(
        tx,
        registration_id=person.registration_id,
        zone=zone.id,
        inside=zone.scan_out and last.direction == "in",
        session=session_of(forum, last.at),
        last_entry_day=max(entries, default=None),
        scan_id=last.scan_id,
        at=last.at,
        gate=last.gate,
    )


def _is_inside(forum: Forum, zone: Zone, passages: Sequence[Passage], session: date) -> bool:
    last = None
    for passage in passages:
        if session_of(forum, passage.at) == session:
            last = passage
    return zone.scan_out and last is not None and last.direction == "in"


def _first_entry(forum: Forum, passages: Sequence[Passage], day: date) -> Passage | None:
    for passage in passages:
        if passage.direction == "in" and forum.day_of(passage.at) == day:
            return passage
    return None


_insert = insert(presence)
_WRITE_PRESENCE = _insert.on_conflict_do_update(
    index_elements=["registration_id", "zone"],
    set_={
        column.name: _insert.excluded[column.name]
        for column in presence.c
        if not column.primary_key
    },
)
