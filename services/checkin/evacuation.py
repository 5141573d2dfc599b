"""Who must be got out of the house: who is inside, and where they were seen last."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from datetime import date, datetime
from enum import StrEnum
from typing import Any, Final
from uuid import UUID

from pydantic import BaseModel, ConfigDict, Field
from sqlalchemy import Row, text
from sqlalchemy.ext.asyncio import AsyncConnection

from services.checkin.admission import session_of
from shared.forum import Forum

RollCall = Row[Any]
"""A row of `roll_calls`."""


class State(StrEnum):
    """How it stands with somebody. Without a roll call all are missing: nobody is looked for."""

    missing = "missing"
    found = "found"
    left = "left"
    """Scanned out since."""


class PersonOut(BaseModel):
    """Somebody who is, or was, inside."""

    registration_id: UUID
    family_name: str
    given_name: str
    organization: str
    category: str
    country: str
    photo: int | None = Field(description="Its edition, if there is one: `/participants/…/photo`")
    number: str | None = Field(description="The badge's")
    entrance: str | None = Field(description="Where they came into the venue")
    since: datetime | None = Field(description="When that was")
    zone: str | None = Field(description="Where they were seen last")
    seen_at: datetime | None = Field(description="When that was")
    seen_gate: str | None = Field(description="At which gate")
    state: State
    marked_at: datetime | None = Field(description="When somebody last said found, or not found")
    marked_by: str | None = Field(description="Who said it")


class RollCallOut(BaseModel):
    model_config = ConfigDict(from_attributes=True)

    id: UUID
    began_at: datetime
    began_by: str
    ended_at: datetime | None
    ended_by: str | None


class EvacuationOut(BaseModel):
    """Everybody who is inside; during a roll call also who was when it began."""

    at: datetime = Field(description="Forum time of this list")
    roll_call: RollCallOut | None = Field(description="The one that goes on")
    missing: int = Field(description="Inside, and not found")
    found: int
    left: int
    people: list[PersonOut] = Field(description="By zone as in forum.toml, then by name")


async def listed(
    connection: AsyncConnection, forum: Forum, now: datetime, call: RollCall | None
) -> EvacuationOut:
    """Who is inside now; or the list of a roll call, whether it goes on or has ended."""
    # Presence ends at closing time; a roll call that goes on till then does not.
    session = session_of(forum, now if call is None else call.began_at)
    given = {
        **_where(forum, session),
        "call": None if call is None else call.id,
        "ended": call is not None and call.ended_at is not None,
    }
    people = [_person(forum, row) for row in await connection.execute(_PEOPLE, given)]
    order = {zone.id: place for place, zone in enumerate(forum.zones)}
    people.sort(key=lambda one: order.get(one.zone or "", len(order)))
    return EvacuationOut(
        at=now,
        roll_call=None if call is None else RollCallOut.model_validate(call),
        people=people,
        **counted(people),
    )


def _person(forum: Forum, row: Row[Any]) -> PersonOut:
    """A person with all times as the clock on the forum's wall shows them."""
    values = {
        name: value.astimezone(forum.timezone) if isinstance(value, datetime) else value
        for name, value in row._mapping.items()
    }
    return PersonOut.model_validate(values)


def counted(people: Sequence[PersonOut]) -> dict[str, int]:
    counts = Counter(person.state for person in people)
    return {state: counts[state] for state in State}


async def inside(tx: AsyncConnection, forum: Forum, session: date) -> list[UUID]:
    return list((await tx.execute(_INSIDE_ALONE, _where(forum, session))).scalars())


def _where(forum: Forum, session: date) -> dict[str, object]:
    return {
        "session": session,
        "venue": forum.main_zone.id,
        "scan_out": [zone.id for zone in forum.zones if zone.scan_out],
    }


# Inside is also who was seen at a room whose leaving nobody scans, after the last word of those
# gates that scan both ways: they came in somehow, and one too many is looked for rather than one
# too few.
_INSIDE: Final = """
    seen AS (
        SELECT w.registration_id, w.zone, w.at, w.gate, w.inside,
               w.zone = ANY(:scan_out) AS both_ways, s.entrance, s.direction
        FROM presence AS w LEFT JOIN scans AS s USING (scan_id)
        WHERE w.session = :session
    ), inside AS (
        SELECT registration_id FROM seen GROUP BY 1
        HAVING bool_or(inside)
            OR coalesce(max(at) FILTER (WHERE NOT both_ways AND direction = 'in'), '-infinity')
               > coalesce(max(at) FILTER (WHERE both_ways), '-infinity')
    )
"""
_INSIDE_ALONE: Final = text(f"WITH {_INSIDE} SELECT registration_id FROM inside")  # noqa: S608
# Where somebody was seen last: not at a gate by which they left.
_PEOPLE: Final = text(f"""
    WITH {_INSIDE}, called AS (
        SELECT registration_id, state, at, "by" FROM roll_call_people
        WHERE roll_call_id = CAST(:call AS uuid)
    ), people AS (
        SELECT registration_id FROM called
        UNION SELECT registration_id FROM inside WHERE NOT :ended
    ), place AS (
        SELECT DISTINCT ON (registration_id) registration_id, zone, at, gate
        FROM seen ORDER BY registration_id, direction = 'in' DESC, at DESC
    )
    SELECT people.registration_id,
           coalesce(p.family_name, '') AS family_name, coalesce(p.given_name, '') AS given_name,
           coalesce(p.organization, '') AS organization, coalesce(p.category, '') AS category,
           coalesce(p.country, '') AS country, p.photo, b.number,
           v.entrance, v.at AS since,
           place.zone, place.at AS seen_at, place.gate AS seen_gate,
           CASE WHEN called.state IN ('found', 'left') THEN called.state
                WHEN :ended OR people.registration_id IN (SELECT registration_id FROM inside)
                THEN 'missing' ELSE 'left' END AS state,
           called.at AS marked_at, called."by" AS marked_by
    FROM people
    LEFT JOIN called USING (registration_id)
    LEFT JOIN place USING (registration_id)
    LEFT JOIN participants AS p USING (registration_id)
    LEFT JOIN seen AS v ON v.registration_id = people.registration_id AND v.zone = :venue
        AND v.inside
    LEFT JOIN LATERAL (
        SELECT number FROM badges WHERE badges.registration_id = people.registration_id
        ORDER BY status = 'valid' DESC, version DESC LIMIT 1
    ) AS b ON true
    ORDER BY p.family_name, p.given_name, people.registration_id
""")  # noqa: S608
