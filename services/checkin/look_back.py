"""The figures of an earlier moment."""

from __future__ import annotations

from collections import Counter
from datetime import date, datetime, time, timedelta
from typing import Final

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

from services.checkin import attendance, curve
from services.checkin.attendance import Counts, Totals
from shared.forum import Forum
from shared.problems import FieldError, invalid_input


def moment(forum: Forum, day: date, until: time | None, now: datetime) -> datetime:
    """The moment that is asked for: a time of the day at the venue, or the day's end.

    Raises:
        Problem: 422, for what is still to come.
    """
    midnight = datetime.combine(day, time.min, tzinfo=forum.timezone)
    if midnight > now:
        raise invalid_input([FieldError("day", "is still to come")])
    if until is None:
        return min(now, midnight + timedelta(days=1))
    asked = datetime.combine(day, until, tzinfo=forum.timezone)
    if asked > now:
        raise invalid_input([FieldError("until", "is still to come")])
    return asked


async def totals(connection: AsyncConnection, forum: Forum, day: date, until: datetime) -> Totals:
    """The figures of a day up to a moment, as we know them now: what was taken back is not there.

    Args:
        connection: where to read.
        forum: its venue and time zone.
        day: which day.
        until: the first moment that does not count any more.
    """
    given = {"day": day, "until": until}
    groups = list(await connection.execute(_GROUPS, given))
    minutes = list(await connection.execute(_MINUTES, given))
    total = (await connection.execute(_ARRIVED_TOTAL, given)).scalar_one()
    midnight = datetime.combine(day, time.min, tzinfo=forum.timezone)
    refused = await attendance.refusals(connection, midnight, until)
    registered, badged = await attendance.known(connection)
    went = await curve.replay(connection, forum, day, until)

    def by(column: str) -> Counter[str]:
        counted: Counter[str] = Counter()
        for row in groups:
            counted[getattr(row, column)] += row.people
        return counted

    by_minute: Counter[str] = Counter()
    by_entrance_and_minute: dict[str, Counts] = {}
    for row in minutes:
        minute = attendance.minute_at(forum.timezone, row.minute)
        by_minute[minute] += row.people
        by_entrance_and_minute.setdefault(row.entrance, {})[minute] = row.people
    return Totals(
        day=day,
        until=until,
        registered=registered,
        badged=badged,
        arrived_total=total,
        arrived_today=by_minute.total(),
        inside=went.inside,
        refused_today=refused.total(),
        by_entrance={
            entrance: sum(counts.values()) for entrance, counts in by_entrance_and_minute.items()
        },
        by_category=by("category"),
        by_country=by("country"),
        by_region=by("region"),
        by_gender=attendance.in_fives(by("gender")),
        by_minute=by_minute,
        by_entrance_and_minute=by_entrance_and_minute,
        refusals_by_reason=refused,
        venue_limit=forum.venue.limit,
        peak=went.peak,
        inside_by_minute=went.by_minute,
    )


_GROUPS: Final = text("""
    SELECT attendance.category, attendance.country, region,
           coalesce(gender, 'unknown') AS gender, count(*) AS people
    FROM attendance LEFT JOIN participants USING (registration_id)
    WHERE day = :day AND at < :until
    GROUP BY 1, 2, 3, 4
""")
_MINUTES: Final = text("""
    SELECT entrance, CAST(floor(extract(epoch FROM at) / 60) AS integer) AS minute,
           count(*) AS people
    FROM attendance
    WHERE day = :day AND at < :until
    GROUP BY 1, 2
""")
_ARRIVED_TOTAL: Final = text("""
    SELECT count(*) FROM (
        SELECT DISTINCT registration_id FROM attendance WHERE day <= :day AND at < :until
    ) AS people
""")
