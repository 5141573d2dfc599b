"""The figures: how many are inside, who came where and when.

They are kept in the transaction of each scan, so they equal the log at every moment.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from datetime import date, datetime
from typing import Any
from uuid import UUID

from pydantic import BaseModel, Field
from sqlalchemy import delete, func, or_, select
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncConnection

from services.checkin.admission import Reason, session_of
from services.checkin.tables import attendance, badges, figures, participants
from shared import countries
from shared.forum import Forum

Figure = tuple[date, str, str]
"""Day, dimension, key."""

NO_REGION = "none"


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

    def figures(self, forum: Forum) -> list[Figure]:
        minute = f"{self.at.astimezone(forum.timezone):%H:%M}"
        return [
            (self.day, "arrived", ""),
            (self.day, "entrance", self.entrance),
            (self.day, "category", self.category),
            (self.day, "country", self.country),
            (self.day, "region", self.region),
            (self.day, "minute", minute),
        ]


def region_of(country: str) -> str:
    return str(countries.region(country)) if country in countries.CODES else NO_REGION


def inside(session: date, zone: str) -> Figure:
    """How many are inside a zone, until the session's closing."""
    return (session, "inside", zone)


def refused(day: date, reason: Reason) -> Figure:
    return (day, "refused", reason)


def ever(day: date) -> Figure:
    """People whose first day at the forum it was."""
    return (day, "ever", "")


async def add(tx: AsyncConnection, changes: Mapping[Figure, int]) -> None:
    """Change the figures, in one order always: two scans never wait for each other crosswise."""
    rows = [
        {"day": day, "dimension": dimension, "key": key, "value": changes[day, dimension, key]}
        for day, dimension, key in sorted(changes)
        if changes[day, dimension, key]
    ]
    if not rows:
        return
    statement = insert(figures).values(rows)
    await tx.execute(
        statement.on_conflict_do_update(
            index_elements=["day", "dimension", "key"],
            set_={"value": figures.c.value + statement.excluded.value},
        )
    )


async def note_arrival(tx: AsyncConnection, forum: Forum, arrival: Arrival) -> Counter[Figure]:
    """Remember a first entry of a day; answers what it changes in the figures."""
    earlier = await _days_of(tx, arrival.registration_id)
    if arrival.day in earlier:
        return Counter()
    await tx.execute(insert(attendance).values(arrival.model_dump()))
    return Counter(arrival.figures(forum)) + _first_days(earlier, earlier | {arrival.day})


async def replace_arrival(
    tx: AsyncConnection, forum: Forum, registration_id: UUID, day: date, now: Arrival | None
) -> Counter[Figure]:
    """Put another first entry (or none) in place of a day's, after an undo; answers the change."""
    days = await _days_of(tx, registration_id)
    before = (
        await tx.execute(
            delete(attendance)
            .where(attendance.c.registration_id == registration_id, attendance.c.day == day)
            .returning(attendance)
        )
    ).one_or_none()
    change: Counter[Figure] = Counter()
    if before is not None:
        change.subtract(Arrival.model_validate(dict(before._mapping)).figures(forum))
    if now is not None:
        await tx.execute(insert(attendance).values(now.model_dump()))
        change.update(now.figures(forum))
    change.update(_first_days(days, days - {day} | ({day} if now else set())))
    return change


async def totals(connection: AsyncConnection, forum: Forum, now: datetime) -> Totals:
    """The figures of this moment."""
    today, session = forum.day_of(now), session_of(forum, now)
    rows = await connection.execute(
        select(figures).where(
            or_(figures.c.day.in_([today, session]), figures.c.dimension == "ever")
        )
    )
    today_by: dict[str, dict[str, int]] = {}
    came = occupancy = 0
    for row in rows:
        if row.dimension == "ever":
            came += row.value
        elif row.dimension == "inside":
            if (row.day, row.key) == (session, forum.main_zone.id):
                occupancy = row.value
        elif row.day == today and row.value:
            today_by.setdefault(row.dimension, {})[row.key] = row.value
    registered, badged = await _known(connection)
    return Totals(
        day=today,
        registered=registered,
        badged=badged,
        arrived_total=came,
        arrived_today=today_by.get("arrived", {}).get("", 0),
        inside=occupancy,
        refused_today=sum(today_by.get("refused", {}).values()),
        by_entrance=today_by.get("entrance", {}),
        by_category=today_by.get("category", {}),
        by_country=today_by.get("country", {}),
        by_region=today_by.get("region", {}),
        by_minute=dict(sorted(today_by.get("minute", {}).items())),
        refusals_by_reason=today_by.get("refused", {}),
        venue_limit=forum.venue.limit,
    )


async def occupancy(tx: AsyncConnection, session: date, zone: str) -> int:
    """How many are inside a zone; holds the figure until the transaction ends."""
    query = (
        select(figures.c.value)
        .where(figures.c.day == session, figures.c.dimension == "inside", figures.c.key == zone)
        .with_for_update()
    )
    return int((await tx.execute(query)).scalar() or 0)


async def _known(connection: AsyncConnection) -> tuple[int, int]:
    registered = select(func.count()).where(participants.c.status == "confirmed").scalar_subquery()
    badged = select(func.count()).where(badges.c.status == "valid").scalar_subquery()
    row: Any = (await connection.execute(select(registered, badged))).one()
    return row[0], row[1]


async def _days_of(tx: AsyncConnection, registration_id: UUID) -> set[date]:
    query = select(attendance.c.day).where(attendance.c.registration_id == registration_id)
    return set((await tx.execute(query)).scalars())


def _first_days(before: set[date], after: set[date]) -> Counter[Figure]:
    """The change in who came at all, when a person's days change from one set to another."""
    change: Counter[Figure] = Counter()
    if before:
        change[ever(min(before))] -= 1
    if after:
        change[ever(min(after))] += 1
    return change
