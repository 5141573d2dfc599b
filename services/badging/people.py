"""Looking people up at the badge desk: by name, by number, by the code that a scanner reads."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final
from uuid import UUID

from sqlalchemy import ColumnElement, Row, select, text
from sqlalchemy.ext.asyncio import AsyncConnection

from services.badging.badges import SELECT, Badge
from services.badging.tables import badges, holders
from shared import badge_number, credential
from shared.badge_number import InvalidBadgeNumber
from shared.credential import Malformed
from shared.folding import is_telling, patterns
from shared.problems import not_found

SHOWN: Final = 25
"""People of one answer: who reads on would rather type one letter more."""


async def badge_named(connection: AsyncConnection, asked: str) -> Badge | None:
    """The badge whose number or code this is; None where it is neither, or no badge's."""
    try:
        scanned = credential.parse(asked)
    except Malformed:
        return await _with_number(connection, asked)
    badge = await _only(connection, badges.c.id == scanned.claimed.badge_id.hex())
    # Signed by us, to the letter: whoever makes up a code of their own knows no signature.
    is_ours = badge is not None and credential.parse(badge.credential) == scanned
    return badge if is_ours else None


async def _with_number(connection: AsyncConnection, asked: str) -> Badge | None:
    try:
        number = badge_number.parse(asked)
    except InvalidBadgeNumber:
        return None
    return await _only(connection, badges.c.number == number)


async def _only(connection: AsyncConnection, condition: ColumnElement[bool]) -> Badge | None:
    return (await connection.execute(SELECT.where(condition))).one_or_none()


async def named(connection: AsyncConnection, asked: str) -> Sequence[Row[Any]]:
    """People whose names have all the words, in any order, each with one badge: the valid one, else
    the newest. One more than is shown, if there are more."""
    if not is_telling(asked):
        return ()
    given = {**patterns(asked), "limit": SHOWN + 1}
    return (await connection.execute(_BY_NAME, given)).all()


async def photo(connection: AsyncConnection, registration_id: UUID) -> bytes:
    """Somebody's photo, a JPEG.

    Raises:
        Problem: 404, there is none.
    """
    query = select(holders.c.photo).where(holders.c.registration_id == registration_id)
    found: bytes | None = (await connection.execute(query)).scalar_one_or_none()
    if found is None:
        raise not_found("photo")
    return found


# First those of whom every word begins a name. The version before, which still runs while the
# service is being renewed, removes a name and leaves what it was folded to.
_BY_NAME: Final = text("""
    SELECT p.*, b.id, b.number, b.status, b.category
    FROM (SELECT registration_id, given_name, family_name, organization, position, country,
                 photo IS NOT NULL AS has_photo,
                 ' ' || search_name LIKE ALL (:beginnings) AS begins
          FROM holders
          WHERE search_name LIKE ALL (:words) AND family_name IS NOT NULL
          ORDER BY begins DESC, family_name, given_name, registration_id LIMIT :limit) AS p
    CROSS JOIN LATERAL (
        SELECT id, number, status, category FROM badges WHERE registration_id = p.registration_id
        ORDER BY status = 'valid' DESC, version DESC LIMIT 1
    ) AS b
    ORDER BY p.begins DESC, p.family_name, p.given_name, p.registration_id
""")
