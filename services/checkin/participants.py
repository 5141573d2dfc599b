"""Looking people up by name or number, for those who stand there without a badge to scan."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any, Final

from pydantic import BaseModel, ConfigDict, Field
from sqlalchemy import Row, text
from sqlalchemy.ext.asyncio import AsyncConnection

from services.checkin.admission import BadgeStatus, session_of
from services.checkin.persons import ParticipantOut
from shared import badge_number
from shared.badge_number import InvalidBadgeNumber
from shared.folding import SHORTEST, is_telling, patterns
from shared.forum import Forum
from shared.problems import FieldError, invalid_input


class FoundOut(ParticipantOut):
    """Somebody who was looked for, and where they are."""

    model_config = ConfigDict(from_attributes=True)

    status: BadgeStatus = Field(description="The badge's, with what is known of its holder")
    blocked: bool = Field(description="Whether a security hold keeps them from passing")
    inside: bool = Field(description="Inside the zone of the gate now; of the venue for staff")
    inside_since: datetime | None
    entrance: str | None = Field(description="Where they came in")


class FoundPage(BaseModel):
    items: list[FoundOut]


async def look_up(
    connection: AsyncConnection, forum: Forum, zone: str, now: datetime, asked: str, limit: int
) -> list[FoundOut]:
    """Whose badge has the number, or whose name has all the words in any order; and whether they
    are inside the zone.

    Raises:
        Problem: 422 for fewer than two letters or digits.
    """
    if not is_telling(asked):
        raise invalid_input([FieldError("q", f"give at least {SHORTEST} letters or digits")])
    now_inside = {"zone": zone, "session": session_of(forum, now)}
    rows: Sequence[Row[Any]] = ()
    # A name may look like a number.
    if (number := _number(asked)) is not None:
        rows = (await connection.execute(_BY_NUMBER, {"number": number, **now_inside})).all()
    if not rows:
        given = {**patterns(asked), "limit": limit, **now_inside}
        rows = (await connection.execute(_BY_NAME, given)).all()
    return [FoundOut.model_validate(row) for row in rows]


async def on_hold(connection: AsyncConnection, forum: Forum, now: datetime) -> list[FoundOut]:
    """Whom a security hold keeps from passing, by name."""
    now_inside = {"zone": forum.main_zone.id, "session": session_of(forum, now)}
    rows = await connection.execute(_ON_HOLD, now_inside)
    return [FoundOut.model_validate(row) for row in rows]


def _number(asked: str) -> str | None:
    try:
        return badge_number.parse(asked)
    except InvalidBadgeNumber:
        return None


# The effective status is as persons.badge has it.
_FOUND: Final = """
    SELECT b.registration_id, b.badge_id, b.number,
           coalesce(p.given_name, '') AS given_name, coalesce(p.family_name, '') AS family_name,
           coalesce(p.organization, '') AS organization, coalesce(p.country, '') AS country,
           coalesce(p.category, '') AS category, p.photo,
           CASE WHEN b.status = 'valid' AND p.status IN ('cancelled', 'erased') THEN 'cancelled'
                ELSE b.status END AS status,
           coalesce(p.blocked, false) AS blocked,
           w.inside IS NOT NULL AS inside, w.at AS inside_since, s.entrance
    FROM {whose}
    LEFT JOIN presence AS w ON w.registration_id = b.registration_id
        AND w.inside AND w.zone = :zone AND w.session = :session
    LEFT JOIN scans AS s ON s.scan_id = w.scan_id
    {order}
"""
_BY_NUMBER: Final = text(
    _FOUND.format(
        whose="""
            (SELECT * FROM badges WHERE number = :number) AS b
            LEFT JOIN participants AS p USING (registration_id)
        """,
        order="",
    )
)
# Of somebody's badges, the one that is good.
_BADGE: Final = """
    CROSS JOIN LATERAL (
        SELECT * FROM badges WHERE registration_id = p.registration_id
        ORDER BY status = 'valid' DESC, version DESC LIMIT 1
    ) AS b
"""
_ON_HOLD: Final = text(
    _FOUND.format(
        whose="(SELECT * FROM participants WHERE blocked) AS p" + _BADGE,  # noqa: S608
        order="ORDER BY p.family_name, p.given_name, p.registration_id",
    )
)
# First those of whom every word begins a name.
_BY_NAME: Final = text(
    _FOUND.format(
        whose="""
            (SELECT *, ' ' || search_name LIKE ALL (:beginnings) AS begins FROM participants
             WHERE search_name LIKE ALL (:words)
             ORDER BY begins DESC, family_name, given_name, registration_id LIMIT :limit) AS p
        """  # noqa: S608
        + _BADGE,
        order="ORDER BY p.begins DESC, p.family_name, p.given_name, p.registration_id",
    )
)
