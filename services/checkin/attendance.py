"""The figures: how many are inside, who came where and when.

Presence and attendance are written with each scan and equal the log at every moment. Figures are
counted from them: of now by `today.py`, of an earlier moment by `look_back.py`.
"""

from __future__ import annotations

from collections import Counter
from datetime import date, datetime, timedelta
from functools import lru_cache
from typing import Final
from uuid import UUID
from zoneinfo import ZoneInfo

from pydantic import BaseModel, Field
from sqlalchemy import bindparam, delete, text, update
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncConnection

from services.checkin.curve import Peak
from services.checkin.tables import attendance
from shared import countries

NO_REGION: Final = "none"
FEW: Final = 5
"""So small a group is somebody's neighbours, not statistics."""

Counts = dict[str, int]


class Totals(BaseModel):
    """The figures. Maps go from an id to a number of people who arrived that day."""

    day: date = Field(description="The forum's today, or the day that was asked for")
    until: datetime | None = Field(
        default=None, description="The moment that the figures are of; null: now"
    )
    registered: int = Field(description="Confirmed registrations, always those of now")
    badged: int = Field(description="Valid badges, always those of now")
    arrived_total: int = Field(description="People who came on at least one day")
    arrived_today: int
    inside: int = Field(description="People inside the venue")
    refused_today: int = Field(description="Refused scans that day")
    by_entrance: Counts
    by_category: Counts
    by_country: Counts = Field(description="By ISO 3166 alpha-2 code")
    by_region: Counts = Field(description="By ITU region")
    by_gender: Counts = Field(
        description="In steps of five, rounded down, so that nobody's gender can be told from it; "
        "`unknown` did not say"
    )
    by_minute: Counts = Field(description="By minute of first entry, HH:MM at the venue")
    by_entrance_and_minute: dict[str, Counts]
    refusals_by_reason: Counts
    venue_limit: int = Field(description="How many may be inside")
    peak: Peak | None = Field(
        default=None, description="When most were inside that day; null before the first entry"
    )
    inside_by_minute: Counts = Field(
        default_factory=dict,
        description="How many were inside at the end of a minute, HH:MM at the venue; minutes "
        "without a change are left out",
    )


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
    groups = {"category": category, "country": country, "region": region_of(country)}
    await tx.execute(_NAME_GROUPS, {"of": registration_id, **groups})


_NAME_GROUPS: Final = update(attendance).where(
    attendance.c.registration_id == bindparam("of"), attendance.c.category == ""
)


async def forget_arrival(tx: AsyncConnection, registration_id: UUID, day: date) -> None:
    await tx.execute(
        delete(attendance).where(
            attendance.c.registration_id == registration_id, attendance.c.day == day
        )
    )


def in_fives(genders: Counts) -> Counts:
    """Statistics from which nobody's gender can be told."""
    return {gender: in_five(count) for gender, count in genders.items() if count >= FEW}


def in_five(count: int) -> int:
    """A count in steps of five, rounded down."""
    return count - count % FEW


@lru_cache(maxsize=10_000)
def minute_at(timezone: ZoneInfo, minutes: int) -> str:
    """The time at the venue, HH:MM, so many minutes after the epoch."""
    return datetime.fromtimestamp(minutes * 60, timezone).strftime("%H:%M")


async def known(connection: AsyncConnection) -> tuple[int, int]:
    """How many are registered, and how many have a valid badge."""
    registered, badged = (await connection.execute(_KNOWN)).one()
    return registered, badged


async def refusals(
    connection: AsyncConnection, since: datetime, until: datetime | None = None
) -> Counter[str]:
    """How many scans were refused, by reason, in a day from its midnight, or up to a moment."""
    end = since + timedelta(days=1)
    given = {"since": since, "until": end if until is None else min(until, end)}
    rows = await connection.execute(_REFUSED, given)
    return Counter({row.reason: row.refused for row in rows})


_insert = insert(attendance)
_NOTE_ARRIVAL: Final = _insert.on_conflict_do_update(
    index_elements=["registration_id", "day"],
    set_={name: _insert.excluded[name] for name in ("scan_id", "at", "entrance")},
)
_KNOWN: Final = text("""
    SELECT (SELECT count(*) FROM participants WHERE status = 'confirmed'),
           (SELECT count(*) FROM badges WHERE status = 'valid')
""")
_REFUSED: Final = text("""
    SELECT reason, count(*) AS refused FROM scans
    WHERE decision = 'refused' AND at >= :since AND at < :until GROUP BY 1
""")
