"""The figures of the forum when it is over: who came, from where, and when it was full.

They are read from the log and from attendance in one go, all of one moment.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from datetime import date, datetime
from typing import Final

from pydantic import BaseModel, Field
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

from services.checkin import curve
from services.checkin.attendance import in_five, region_of
from services.checkin.curve import Peak
from shared.database import Database
from shared.forum import Forum

REPORT_SECONDS: Final = 120.0
"""A million scans take some seconds."""
BUSIEST: Final = 10


class Attended(BaseModel):
    """A group of people."""

    registered: int = Field(
        default=0, description="Confirmed registrations, and whoever came, also if cancelled since"
    )
    attended: int = Field(default=0, description="People who came on at least one day")
    by_day: dict[date, int] = Field(default_factory=dict, description="People who came that day")


class Quarter(BaseModel):
    """A quarter of an hour at the venue's entrances."""

    begins: datetime
    entries: int = Field(description="All entries, also of those who come back")


class Report(BaseModel):
    """Groups go from an id to figures; a group that is not known, or not given, is the empty id."""

    at: datetime = Field(description="Forum time of these figures")
    over: bool = Field(description="Whether the venue has closed on the forum's last day")
    days: list[date] = Field(description="The forum's, and any other on which somebody came")
    total: Attended
    by_category: dict[str, Attended]
    by_region: dict[str, Attended] = Field(description="Of the ITU")
    by_country: dict[str, Attended] = Field(description="By ISO 3166 alpha-2 code")
    by_gender: dict[str, Attended] = Field(
        description="For those who gave it. In steps of five, rounded down, until the forum is "
        "over: beside a gate, a number that grows by one would tell who it was"
    )
    arrivals: dict[date, dict[str, int]] = Field(
        description="First entries of the day by quarter of an hour, HH:MM at the venue"
    )
    busiest: list[Quarter] = Field(description="The ten busiest, busiest first")
    peaks: dict[date, Peak] = Field(description="Most people inside the venue at once")
    refusals: dict[date, dict[str, int]] = Field(description="Refused scans by reason")


async def report(database: Database, forum: Forum, now: datetime) -> Report:
    """Read all figures."""
    async with database.begin(within=REPORT_SECONDS) as tx:
        await tx.execute(text("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ READ ONLY"))
        # One core is enough: the others are for those at the gates.
        await tx.execute(text("SET LOCAL max_parallel_workers_per_gather = 0"))
        groups = await _groups(tx)
        days = sorted({*forum.days, *groups["total"][""].by_day})
        there = {"timezone": str(forum.timezone)}
        arrivals = _by_day(await tx.execute(_ARRIVALS, there))
        refusals = _by_day(await tx.execute(_REFUSALS, there))
        entries = await tx.execute(_BUSIEST, {**there, "zone": forum.main_zone.id, "most": BUSIEST})
        busiest = [
            Quarter(begins=row.begins.replace(tzinfo=forum.timezone), entries=row.entries)
            for row in entries
        ]
        peaks = await _peaks(tx, forum, days, now)
    over = now >= forum.closing_time(forum.days[-1])
    genders = groups["gender"]
    return Report(
        at=now.astimezone(forum.timezone),
        over=over,
        days=days,
        total=groups["total"][""],
        by_category=groups["category"],
        by_region=groups["region"],
        by_country=groups["country"],
        by_gender=genders if over else _in_fives(genders),
        arrivals=arrivals,
        busiest=busiest,
        peaks=peaks,
        refusals=refusals,
    )


Groups = dict[str, dict[str, Attended]]
"""By what people are grouped, and by the group."""


async def _groups(tx: AsyncConnection) -> Groups:
    groups: Groups = {kind: defaultdict(Attended) for kind in _KINDS}
    groups["total"][""] = Attended()
    for category, country, gender, count in await tx.execute(_REGISTERED):
        known = ("", category, region_of(country), country, gender)
        for kind, group in zip(_KINDS, known, strict=True):
            groups[kind][group].registered += count
    for day, *groups_then, count in await tx.execute(_ATTENDED):
        for kind, group in zip(_KINDS, ("", *groups_then), strict=True):
            figures = groups[kind][group]
            if day is None:
                figures.registered += count
                figures.attended += count
            else:
                figures.by_day[day] = figures.by_day.get(day, 0) + count
    return groups


def _in_fives(genders: dict[str, Attended]) -> dict[str, Attended]:
    """Genders while the forum goes on, as the live page has them."""
    return {
        gender: Attended(
            registered=in_five(one.registered),
            attended=in_five(one.attended),
            by_day={day: in_five(count) for day, count in one.by_day.items()},
        )
        for gender, one in genders.items()
    }


async def _peaks(
    tx: AsyncConnection, forum: Forum, days: Iterable[date], now: datetime
) -> dict[date, Peak]:
    """As the live page has them: the same log, played in the same way."""
    peaks: dict[date, Peak] = {}
    for day in days:
        peak = (await curve.replay(tx, forum, day, now)).peak
        if peak is not None:
            peaks[day] = Peak(inside=peak.inside, at=peak.at.astimezone(forum.timezone))
    return peaks


def _by_day(rows: Iterable[tuple[date, str, int]]) -> dict[date, dict[str, int]]:
    found: dict[date, dict[str, int]] = {}
    for day, key, count in rows:
        found.setdefault(day, {})[key] = count
    return found


_KINDS: Final = ("total", "category", "region", "country", "gender")
# Those who have not come; the others count below, with the groups in which they came. So no share
# is over a hundred per cent, whoever is cancelled or erased, or changes their category, afterwards.
_REGISTERED: Final = text("""
    SELECT category, country, coalesce(gender, ''), count(*) FROM participants
    WHERE status = 'confirmed' AND NOT EXISTS (
        SELECT FROM attendance WHERE attendance.registration_id = participants.registration_id
    )
    GROUP BY 1, 2, 3
""")
# Over the whole forum (day null) somebody counts in the groups of their first day.
_ATTENDED: Final = text("""
    WITH came AS (
        SELECT a.*, coalesce(p.gender, '') AS gender
        FROM attendance AS a LEFT JOIN participants AS p USING (registration_id)
    ), once AS (
        SELECT DISTINCT ON (registration_id) * FROM came ORDER BY registration_id, day
    )
    SELECT day, category, region, country, gender, count(*) FROM came GROUP BY 1, 2, 3, 4, 5
    UNION ALL
    SELECT NULL, category, region, country, gender, count(*) FROM once GROUP BY 2, 3, 4, 5
    ORDER BY 1, 2, 3, 4, 5
""")
_ARRIVALS: Final = text("""
    SELECT day, to_char(date_bin('15 min', at AT TIME ZONE :timezone, CAST(day AS timestamp)),
                        'HH24:MI') AS quarter, count(*)
    FROM attendance GROUP BY 1, 2 ORDER BY 1, 2
""")
_REFUSALS: Final = text("""
    SELECT CAST(at AT TIME ZONE :timezone AS date) AS day, reason, count(*) FROM scans
    WHERE decision = 'refused' GROUP BY 1, 2 ORDER BY 1, 2
""")
_BUSIEST: Final = text("""
    SELECT date_bin('15 min', at AT TIME ZONE :timezone, timestamp '2000-01-01') AS begins,
           count(*) AS entries
    FROM scans
    WHERE zone = :zone AND decision = 'admitted' AND direction = 'in'
      AND scan_id NOT IN (SELECT undoes FROM scans WHERE undoes IS NOT NULL)
    GROUP BY 1 ORDER BY 2 DESC, 1 LIMIT :most
""")
