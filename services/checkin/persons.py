"""Who stands at the gate: a badge, its participant, and where they are in the gate's zone."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date
from typing import Any, Final
from uuid import UUID

from pydantic import BaseModel
from sqlalchemy import ARRAY, Row, Select, Text, any_, bindparam, func, select
from sqlalchemy.ext.asyncio import AsyncConnection

from services.checkin.admission import Badge, BadgeStatus
from services.checkin.tables import badges, participants, presence, scans

Person = Row[Any]
"""A row of `_PERSONS`."""
Held = Row[Any, Any, Any]
"""A row of `_HOLD`."""

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


async def hold(
    tx: AsyncConnection, badge_ids: Sequence[str], numbers: Sequence[str]
) -> dict[Any, Held]:
    """Hold everybody with these badges, so that concurrent scans are judged one after the other.

    Answers `badge_id` and `registration_id` by what was shown; what is unknown is not there.
    """
    # Apart from `look`: a statement that waits for a lock goes on to read other tables as they
    # were before.
    given = {"badge_ids": badge_ids, "numbers": numbers}
    held: dict[Any, Held] = {}
    for row in await tx.execute(_HOLD, given):
        held[row.badge_id] = held[row.number] = row
    return held


async def look(tx: AsyncConnection, places: Sequence[tuple[str, str]]) -> list[Person]:
    """Who has each badge, and where they stand in the zone beside it."""
    given = {"badge_ids": [each[0] for each in places], "at_zones": [each[1] for each in places]}
    return list((await tx.execute(_PERSONS, given)).all())


async def find(connection: AsyncConnection, badge_id: str) -> ParticipantOut:
    person: Person = (await connection.execute(_FIND, {"badge_id": badge_id})).one()
    return shown(person)


async def occupancy(tx: AsyncConnection, zone: str, session: date) -> int:
    """How many are inside the zone."""
    there = {"in_zone": zone, "in_session": session}
    return int((await tx.execute(_OCCUPANCY, there)).scalar_one())


async def hold_occupancy(tx: AsyncConnection, zone: str, session: date) -> int:
    """How many are inside the zone, once nobody else enters until this transaction ends."""
    await tx.execute(select(func.pg_advisory_xact_lock(func.hashtext(zone))))
    return await occupancy(tx, zone, session)


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


_shown = badges.alias("shown_badge")
_HOLD: Final = (
    select(badges.c.badge_id, badges.c.number, badges.c.registration_id)
    # Old and new badges of a person are one person, so all are held; in one order always.
    .join(_shown, _shown.c.registration_id == badges.c.registration_id)
    .where(
        (_shown.c.badge_id == any_(bindparam("badge_ids", type_=ARRAY(Text))))
        | (_shown.c.number == any_(bindparam("numbers", type_=ARRAY(Text))))
    )
    .order_by(badges.c.badge_id)
    .with_for_update(of=badges)
)

_IS_THEIRS: Final = participants.c.registration_id == badges.c.registration_id
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
    .outerjoin(participants, _IS_THEIRS)
)
_FIND: Final = _WHO.where(badges.c.badge_id == bindparam("badge_id"))
_places = (
    func.unnest(bindparam("badge_ids", type_=ARRAY(Text)), bindparam("at_zones", type_=ARRAY(Text)))
    .table_valued("badge_id", "zone", with_ordinality="place", name="places")
    .render_derived()
)
_PERSONS: Final[Select[Any]] = (
    _WHO.join(_places, _places.c.badge_id == badges.c.badge_id)
    .outerjoin(
        presence,
        (presence.c.registration_id == badges.c.registration_id)
        & (presence.c.zone == _places.c.zone),
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
        scans.c.device_id.label("presence_device_id"),
    )
    .order_by(_places.c.place)
)
_OCCUPANCY: Final = select(func.count()).where(
    presence.c.inside,
    presence.c.zone == bindparam("in_zone"),
    presence.c.session == bindparam("in_session"),
)
