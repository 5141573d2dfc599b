"""Who stands at the gate: a badge, its participant, and where they are in the gate's zone."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass, fields
from datetime import date, datetime
from typing import Final
from uuid import UUID

from pydantic import BaseModel, Field
from sqlalchemy import ARRAY, Text, Uuid, any_, bindparam, func, select
from sqlalchemy.ext.asyncio import AsyncConnection

from services.checkin.admission import Badge, BadgeStatus, Direction
from services.checkin.tables import presence
from shared.database import Run

_PARTICULARS: Final = 1
_BADGE: Final = 2
"""Advisory locks of our own kinds, apart from those of the zones."""


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
    photo: int | None = Field(
        description="Edition of the photo at /participants/{registration_id}/photo, if there is one"
    )


@dataclass(frozen=True, slots=True)
class Holder:
    """A badge and who holds it. A badge may be heard of before its person: then much is None."""

    badge_id: str
    registration_id: UUID
    number: str | None
    status: str
    days: int
    zones: int
    participant_status: str | None
    blocked: bool | None
    given_name: str | None
    family_name: str | None
    organization: str | None
    country: str | None
    category: str | None
    photo: int | None


@dataclass(frozen=True, slots=True)
class LastPassage:
    scan_id: UUID
    at: datetime
    gate: str
    entrance: str
    direction: Direction
    device_id: UUID | None


@dataclass(frozen=True, slots=True)
class Person(Holder):
    """Somebody in front of a gate, with their last passage through its zone, if there was one."""

    inside: bool | None
    session: date | None
    last_entry_day: date | None
    seen: str | None
    """Which version of their presence this is; None: there is none."""
    last: LastPassage | None


async def look(run: Run, shown: Sequence[tuple[str, str]]) -> list[Person | None]:
    """Who holds each badge, and where they stand in the zone beside it; None: an unknown badge.

    Args:
        run: where to look.
        shown: the badge's id or number, and the zone.
    """
    people: list[Person | None] = [None] * len(shown)
    rows = await run(_LOOK, [badge for badge, _ in shown], [zone for _, zone in shown])
    for place, *columns in rows:
        last = columns[_LAST:]
        columns[_LAST:] = [None if last[0] is None else LastPassage(*last)]
        people[place - 1] = Person(*columns)
    return people


async def find(run: Run, badge_ids: Collection[str]) -> dict[str, ParticipantOut]:
    """Whose badges these are."""
    holders = [Holder(*row) for row in await run(_FIND, list(badge_ids))]
    return {holder.badge_id: shown(holder) for holder in holders}


async def hold(tx: AsyncConnection, registration_ids: Collection[UUID]) -> None:
    """Let nobody change where these people are, in any zone, until this transaction ends.

    Whose first passage it would be has nothing to be held yet.
    """
    # In one order always, so that two who hold several don't wait for each other.
    await tx.execute(_HOLD, {"registration_ids": sorted(registration_ids)})


async def occupancy(run: Run, zone: str, session: date) -> int:
    """How many are inside the zone."""
    [row] = await run(_OCCUPANCY, zone, session)
    return int(row[0])


async def hold_occupancy(tx: AsyncConnection, zone: str) -> None:
    """Let nobody else enter the zone who does so too, until this transaction ends."""
    await tx.execute(select(func.pg_advisory_xact_lock(func.hashtext(zone))))


async def hold_particulars(tx: AsyncConnection, registration_id: UUID) -> None:
    """One at a time: whoever writes down who this is, and a scan that does not know it yet.

    So either the scan finds the person in the end, or the writer finds the arrival that still
    lacks its groups.
    """
    await tx.execute(_HOLD_PARTICULARS, {"whose": str(registration_id)})


async def hold_badge(tx: AsyncConnection, badge_id: str) -> None:
    """One at a time: those who write down a badge and its number.

    `ON CONFLICT` looks at one index, the badge's id; two who wrote the same new badge at the same
    moment could meet at the number's, which is an error.
    """
    await tx.execute(_HOLD_BADGE, {"badge_id": badge_id})


def shown(holder: Holder) -> ParticipantOut:
    return ParticipantOut(
        registration_id=holder.registration_id,
        badge_id=holder.badge_id,
        number=holder.number,
        given_name=holder.given_name or "",
        family_name=holder.family_name or "",
        organization=holder.organization or "",
        country=holder.country or "",
        category=holder.category or "",
        photo=holder.photo,
    )


def badge(holder: Holder) -> Badge:
    """What the rules need to know of the badge."""
    status = BadgeStatus(holder.status)
    if status == BadgeStatus.valid and holder.participant_status in ("cancelled", "erased"):
        # We heard it of the person before we heard it of the badge.
        status = BadgeStatus.cancelled
    return Badge(status, holder.days, holder.zones, blocked=bool(holder.blocked))


_HOLD_PARTICULARS: Final = select(
    func.pg_advisory_xact_lock(_PARTICULARS, func.hashtext(bindparam("whose", type_=Text)))
)
_HOLD_BADGE: Final = select(
    func.pg_advisory_xact_lock(_BADGE, func.hashtext(bindparam("badge_id", type_=Text)))
)
_HOLD: Final = (
    select(presence.c.zone)
    .where(presence.c.registration_id == any_(bindparam("registration_ids", type_=ARRAY(Uuid))))
    .order_by(presence.c.registration_id, presence.c.zone)
    .with_for_update()
)
# In the order of Holder's and Person's fields.
_HOLDER: Final = """
    badges.badge_id, badges.registration_id, badges.number, badges.status, badges.days,
    badges.zones, participants.status, participants.blocked, participants.given_name,
    participants.family_name, participants.organization, participants.country,
    participants.category, participants.photo
"""
_FIND: Final = f"""
    SELECT {_HOLDER} FROM badges LEFT JOIN participants USING (registration_id)
    WHERE badge_id = ANY (CAST($1 AS text[]))
"""  # noqa: S608
_LOOK: Final = f"""
    SELECT shown.place, {_HOLDER},
        presence.inside, presence.session, presence.last_entry_day,
        CAST(presence.changed AS text),
        presence.scan_id, presence.at, presence.gate,
        scans.entrance, scans.direction, scans.device_id
    FROM unnest(CAST($1 AS text[]), CAST($2 AS text[])) WITH ORDINALITY
        AS shown (badge, zone, place)
    JOIN badges ON badges.badge_id = shown.badge OR badges.number = shown.badge
    LEFT JOIN participants USING (registration_id)
    LEFT JOIN presence
        ON presence.registration_id = badges.registration_id AND presence.zone = shown.zone
    LEFT JOIN scans ON scans.scan_id = presence.scan_id
"""  # noqa: S608
_LAST: Final = len(fields(Person)) - 1
"""Where the columns of the last passage begin."""
_OCCUPANCY: Final = "SELECT count(*) FROM presence WHERE inside AND zone = $1 AND session = $2"
