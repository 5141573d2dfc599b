"""Who stands at the gate: a badge, its participant, and where they are in the gate's zone."""

from __future__ import annotations

from datetime import date
from typing import Any, Final
from uuid import UUID

from pydantic import BaseModel
from sqlalchemy import ColumnElement, Row, Select, bindparam, func, select
from sqlalchemy.ext.asyncio import AsyncConnection

from services.checkin.admission import Badge, BadgeStatus
from services.checkin.tables import badges, participants, presence, scans

Person = Row[Any]
"""A row of `_PERSON`."""


_PARTICULARS: Final = 1
"""Advisory locks of our own kind, apart from those of the zones."""


class ParticipantOut(BaseModel):
    """Whom the officer sees."""

    registration_id: UUID
    badge_id: str
    number: str | None
    given_name: str
    family_name: str
    organization: str
    country: str
    category: str


async def lock_by_badge_id(tx: AsyncConnection, badge_id: str) -> str | None:
    """Hold the person with this badge, so that concurrent scans are judged one after the other.

    Answers the badge's id, or None for an unknown one.
    """
    return await _lock(tx, _LOCK_BY_BADGE_ID, badge_id)


async def lock_by_number(tx: AsyncConnection, number: str) -> str | None:
    return await _lock(tx, _LOCK_BY_NUMBER, number)


async def look(tx: AsyncConnection, badge_id: str, zone: str, session: date) -> Person:
    """The person with this badge, and where they and all others stand in the zone."""
    there = {"badge_id": badge_id, "zone": zone, "session": session}
    person: Person = (await tx.execute(_PERSON, there)).one()
    return person


async def find(connection: AsyncConnection, badge_id: str) -> ParticipantOut:
    person: Person = (await connection.execute(_WHO, {"badge_id": badge_id})).one()
    return shown(person)


async def hold_occupancy(tx: AsyncConnection, zone: str, session: date) -> int:
    """How many are inside the zone, once nobody else enters until this transaction ends."""
    await tx.execute(select(func.pg_advisory_xact_lock(func.hashtext(zone))))
    there = {"zone": zone, "session": session}
    return int((await tx.execute(_OCCUPANCY, there)).scalar_one())


async def hold_particulars(tx: AsyncConnection, registration_id: UUID) -> None:
    """One at a time: whoever writes down who this is, and a scan that does not know it yet.

    So either the scan finds the person in the end, or the writer finds the arrival that still
    lacks its groups.
    """
    key = func.hashtext(str(registration_id))
    await tx.execute(select(func.pg_advisory_xact_lock(_PARTICULARS, key)))


def shown(person: Person) -> ParticipantOut:
    return ParticipantOut(
        registration_id=person.registration_id,
        badge_id=person.badge_id,
        number=person.number,
        # A badge may be heard of before its person.
        given_name=person.given_name or "",
        family_name=person.family_name or "",
        organization=person.organization or "",
        country=person.country or "",
        category=person.category or "",
    )


def badge(person: Person) -> Badge:
    """What the rules need to know of the badge."""
    status = BadgeStatus(person.status)
    if status == BadgeStatus.valid and person.participant_status in ("cancelled", "erased"):
        # We heard it of the person before we heard it of the badge.
        status = BadgeStatus.cancelled
    return Badge(status, person.days, person.zones, blocked=bool(person.blocked))


async def _lock(tx: AsyncConnection, statement: Select[Any], value: str) -> str | None:
    # Apart from `look`: a statement that waits for a lock goes on to read other tables as they
    # were before.
    for row in await tx.execute(statement, {"shown": value}):
        if row.is_shown:
            badge_id: str = row.badge_id
            return badge_id
    return None


def _lock_all_badges(which: ColumnElement[bool]) -> Select[Any]:
    """Old and new badges of a person are one person, so all are held; in one order always."""
    return (
        select(badges.c.badge_id, (badges.c.badge_id == _shown.c.badge_id).label("is_shown"))
        .join(_shown, _shown.c.registration_id == badges.c.registration_id)
        .where(which)
        .order_by(badges.c.badge_id)
        .with_for_update(of=badges)
    )


_shown = badges.alias("shown_badge")
_LOCK_BY_BADGE_ID: Final = _lock_all_badges(_shown.c.badge_id == bindparam("shown"))
_LOCK_BY_NUMBER: Final = _lock_all_badges(_shown.c.number == bindparam("shown"))

_WHO: Final[Select[Any]] = (
    select(
        badges.c.badge_id,
        badges.c.registration_id,
        badges.c.number,
        badges.c.status,
        badges.c.days,
        badges.c.zones,
        participants.c.status.label("participant_status"),
        participants.c.blocked,
        participants.c.given_name,
        participants.c.family_name,
        participants.c.organization,
        participants.c.country,
        participants.c.category,
    )
    .select_from(badges)
    .outerjoin(participants, participants.c.registration_id == badges.c.registration_id)
    .where(badges.c.badge_id == bindparam("badge_id"))
)
_others = presence.alias("others")
_OCCUPANCY: Final = select(func.count()).where(
    _others.c.inside,
    _others.c.zone == bindparam("zone"),
    _others.c.session == bindparam("session"),
)
_PERSON: Final[Select[Any]] = (
    _WHO.outerjoin(
        presence,
        (presence.c.registration_id == badges.c.registration_id)
        & (presence.c.zone == bindparam("zone")),
    )
    .outerjoin(scans, scans.c.scan_id == presence.c.scan_id)
    .add_columns(
        presence.c.inside,
        presence.c.session,
        presence.c.last_entry_day,
        presence.c.scan_id.label("presence_scan_id"),
        presence.c.at.label("presence_at"),
        presence.c.gate.label("presence_gate"),
        scans.c.entrance.label("presence_entrance"),
        scans.c.direction.label("presence_direction"),
        _OCCUPANCY.scalar_subquery().label("occupancy"),
    )
)
