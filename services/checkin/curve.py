"""How many were inside at each minute of a day: the log, played once more."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import UTC, date, datetime, time, timedelta
from typing import Any, Final

from pydantic import BaseModel, Field
from sqlalchemy import Row, text
from sqlalchemy.ext.asyncio import AsyncConnection

from shared.forum import Forum


class Peak(BaseModel):
    """When most were inside."""

    inside: int
    at: datetime = Field(description="When there were so many for the first time")


@dataclass(frozen=True)
class Curve:
    by_minute: dict[str, int] = field(default_factory=dict)
    """How many were inside at the end of a minute, HH:MM at the venue, where that changed."""
    peak: Peak | None = None
    inside: int = 0
    """At the end."""


async def replay(connection: AsyncConnection, forum: Forum, day: date, until: datetime) -> Curve:
    """Play a day's passages up to a moment.

    Whoever enters while inside, or leaves while outside, changes nothing; what was taken back
    counts as if it had not been. The curve ends when the venue closes.
    """
    if not forum.main_zone.scan_out:
        return Curve()
    opened, closed = forum.closing_time(day - timedelta(days=1)), forum.closing_time(day)
    rows = await _played(connection, forum, opened, min(until, closed))
    top = rows.pop() if rows else None
    if until > closed:
        afterwards = (await _played(connection, forum, closed, until))[:-1]
        inside = afterwards[-1].inside if afterwards else 0
    else:
        inside = rows[-1].inside if rows else 0
    midnight = datetime.combine(day, time.min, tzinfo=forum.timezone).timestamp()
    return Curve(
        by_minute={
            datetime.fromtimestamp(row.minute * 60, forum.timezone).strftime("%H:%M"): row.inside
            for row in rows
            if row.minute * 60 >= midnight
        },
        peak=Peak(inside=top.inside, at=top.at.astimezone(UTC)) if top else None,
        inside=inside,
    )


async def _played(
    connection: AsyncConnection, forum: Forum, since: datetime, until: datetime
) -> list[Row[Any]]:
    """Where each minute left the venue, and last when most were inside for the first time."""
    given = {"since": since, "until": until, "zone": forum.main_zone.id}
    return list(await connection.execute(_REPLAY, given))


_REPLAY: Final = text("""
    WITH passages AS (
        SELECT at, seq, direction,
               lag(direction) OVER (PARTITION BY registration_id ORDER BY at, seq) AS before
        FROM scans
        WHERE at >= :since AND at < :until AND zone = :zone AND decision = 'admitted'
          AND scan_id NOT IN (SELECT undoes FROM scans WHERE undoes IS NOT NULL)
    ), steps AS MATERIALIZED (
        SELECT at, row_number() OVER passing AS number,
               sum(CASE direction WHEN 'in' THEN 1 ELSE -1 END) OVER passing AS inside
        FROM passages
        WHERE direction <> coalesce(before, 'out')
        WINDOW passing AS (ORDER BY at, seq)
    ), minutes AS (
        SELECT CAST(floor(extract(epoch FROM at) / 60) AS integer) AS minute,
               (max(ARRAY[number, inside]))[2] AS inside
        FROM steps GROUP BY 1
    ), top AS (
        SELECT at, inside FROM steps ORDER BY inside DESC, number LIMIT 1
    )
    SELECT minute, inside, CAST(NULL AS timestamptz) AS at FROM minutes
    UNION ALL SELECT NULL, inside, at FROM top
    ORDER BY minute NULLS LAST
""")
