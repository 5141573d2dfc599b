"""Who stands at the gate: a badge, its participant, and where they are in the gate's zone."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from pydantic import BaseModel
from sqlalchemy import ColumnElement, Row, Select, select
from sqlalchemy.ext.asyncio import AsyncConnection

from services.checkin.admission import Badge, BadgeStatus
from services.checkin.tables import badges, participants, presence, scans

Person = Row[Any]
"""A row of `_query`."""


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


async def lock_by_badge_id(tx: AsyncConnection, badge_id: str, zone: str) -> Person | None:
    """The person with this badge, held so that concurrent scans are judged one after the other."""
    return await _lock(tx, badges.c.badge_id == badge_id, zone)


async def lock_by_number(tx: AsyncConnection, number: str, zone: str) -> Person | None:
    return await _lock(tx, badges.c.number == number, zone)


async def find(connection: AsyncConnection, badge_id: str, zone: str = "") -> Person | None:
    """The person with this badge; where they stand is only known for a zone."""
    query = _query(zone).where(badges.c.badge_id == badge_id)
    person: Person | None = (await connection.execute(query)).one_or_none()
    return person


def shown(person: Person | None) -> ParticipantOut | None:
    if person is None:
        return None
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


async def _lock(tx: AsyncConnection, which: ColumnElement[bool], zone: str) -> Person | None:
    # Two statements: one that waits for a lock goes on reading other tables as they were before.
    locked = (
        await tx.execute(select(badges.c.badge_id).where(which).with_for_update())
    ).scalar_one_or_none()
    return None if locked is None else await find(tx, locked, zone)


_PERSON = (
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
    presence.c.inside,
    presence.c.session,
    presence.c.last_entry_day,
    presence.c.scan_id.label("presence_scan_id"),
    presence.c.at.label("presence_at"),
    presence.c.gate.label("presence_gate"),
    scans.c.direction.label("presence_direction"),
)


def _query(zone: str) -> Select[Any]:
    return select(*_PERSON).select_from(
        badges.outerjoin(participants, participants.c.registration_id == badges.c.registration_id)
        .outerjoin(
            presence,
            (presence.c.registration_id == badges.c.registration_id) & (presence.c.zone == zone),
        )
        .outerjoin(scans, scans.c.scan_id == presence.c.scan_id)
    )
