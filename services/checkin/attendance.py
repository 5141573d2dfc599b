"""The figures: how many are inside, who came where and when.

They are counted when somebody looks, in one statement: so they equal the log at every moment, and
no scan waits for another to count itself.
"""

from __future__ import annotations

from datetime import date, datetime, time, timedelta
from typing import Final
from uuid import UUID

from pydantic import BaseModel, Field
from sqlalchemy import delete, text, update
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncConnection

from services.checkin.admission import session_of
from services.checkin.tables import attendance
from shared import countries
from shared.forum import Forum

NO_REGION: Final = "none"


class Totals(BaseModel):
    """The live figures. Maps go from an id to a number of people who arrived today."""

    day: date = Field(description="The forum's today")
    registered: int = Field(description="Confirmed registrations")
    badged: int = Field(description="Valid badges")
    arrived_total: int = Field(description="People who came on at least one day")
    arrived_today: int
    inside: int = Field(description="People inside the venue now")
    refused_today: int = Field(description="Refused scans today")
    by_entrance: dict[str, int]
    by_category: dict[str, int]
    by_country: dict[str, int] = Field(description="By ISO 3166 alpha-2 code")
    by_region: dict[str, int] = Field(description="By ITU region")
    by_minute: dict[str, int] = Field(description="By minute of first entry, HH:MM at the venue")
    refusals_by_reason: dict[str, int]
    venue_limit: int = Field(description="How many may be inside")


class Arrival(BaseModel):
    """Somebody's first entry into the venue on a day, with the groups that it counts in."""

    registration_id: UUID
    day: date
    scan_id: UUID
    at: datetime
    entrance: str
    category: str
    country: str
    region: str


def region_of(country: str) -> str:
    return str(countries.region(country)) if country in countries.CODES else NO_REGION


async def note_arrival(tx: AsyncConnection, arrival: Arrival) -> None:
    """Remember a day's first entry, in place of another if that is not the first any more.

    The person goes on to count in the groups that they counted in.
    """
    await tx.execute(_NOTE_ARRIVAL, arrival.model_dump())


async def name_groups(
    tx: AsyncConnection, registration_id: UUID, category: str, country: str
) -> None:
    """Say in which groups somebody counts who came before we had heard who it is."""
    await tx.execute(
        update(attendance)
        .where(attendance.c.registration_id == registration_id, attendance.c.category == "")
        .values(category=category, country=country, region=region_of(country))
    )


async def forget_arrival(tx: AsyncConnection, registration_id: UUID, day: date) -> None:
    await tx.execute(
        delete(attendance).where(
            attendance.c.registration_id == registration_id, attendance.c.day == day
        )
    )


async def totals(connection: AsyncConnection, forum: Forum, now: datetime) -> Totals:
    """The figures of this moment."""
    today = forum.day_of(now)
    midnight = datetime.combine(today, time.min, tzinfo=forum.timezone)
    rows = await connection.execute(
        _TOTALS,
        {
            "today": today,
            "midnight": midnight,
            "next_midnight": midnight + timedelta(days=1),
            "timezone": str(forum.timezone),
            "zone": forum.main_zone.id,
            "session": session_of(forum, now),
        },
    )
    found: dict[str, dict[str, int]] = {}
    for figure, key, value in rows:
        found.setdefault(figure, {})[key] = value
    refusals = found.get("refusals_by_reason", {})
    return Totals(
        day=today,
        registered=found["registered"][""],
        badged=found["badged"][""],
        arrived_total=found["arrived_total"][""],
        arrived_today=found["arrived_today"][""],
        inside=found["inside"][""],
        refused_today=sum(refusals.values()),
        by_entrance=found.get("by_entrance", {}),
        by_category=found.get("by_category", {}),
        by_country=found.get("by_country", {}),
        by_region=found.get("by_region", {}),
        by_minute=found.get("by_minute", {}),
        refusals_by_reason=refusals,
        venue_limit=forum.venue.limit,
    )


_insert = insert(attendance)
_NOTE_ARRIVAL: Final = _insert.on_conflict_do_update(
    index_elements=["registration_id", "day"],
    set_={name: _insert.excluded[name] for name in ("scan_id", "at", "entrance")},
)
# Distinct people in a query of their own: inside count() that takes PostgreSQL twice as long.
_TOTALS: Final = text("""
    WITH today AS MATERIALIZED (SELECT * FROM attendance WHERE day = :today)
    SELECT 'registered' AS figure, '' AS key, count(*) FROM participants WHERE status = 'confirmed'
    UNION ALL SELECT 'badged', '', count(*) FROM badges WHERE status = 'valid'
    UNION ALL SELECT 'arrived_total', '', count(*)
        FROM (SELECT DISTINCT registration_id FROM attendance) AS people
    UNION ALL SELECT 'arrived_today', '', count(*) FROM today
    UNION ALL SELECT 'by_entrance', entrance, count(*) FROM today GROUP BY 2
    UNION ALL SELECT 'by_category', category, count(*) FROM today GROUP BY 2
    UNION ALL SELECT 'by_country', country, count(*) FROM today GROUP BY 2
    UNION ALL SELECT 'by_region', region, count(*) FROM today GROUP BY 2
    UNION ALL SELECT 'by_minute', to_char(at AT TIME ZONE :timezone, 'HH24:MI'), count(*)
        FROM today GROUP BY 2
    UNION ALL SELECT 'inside', '', count(*) FROM presence
        WHERE inside AND zone = :zone AND session = :session
    UNION ALL SELECT 'refusals_by_reason', reason, count(*) FROM scans
        WHERE decision = 'refused' AND at >= :midnight AND at < :next_midnight GROUP BY 2
    ORDER BY 1, 2
""")
