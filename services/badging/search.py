"""Lists of badges, newest first, a page at a time."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncConnection

from services.badging.badges import SELECT, Badge
from services.badging.lifecycle import Status
from services.badging.tables import badges

PAGE: Final = 100
"""Badges of a page, when nobody says how many."""
MOST: Final = 200
"""Of one page."""


@dataclass(frozen=True)
class Filter:
    registration_id: UUID | None = None
    status: Status | None = None
    number: str | None = None
    """As printed."""


async def page(
    connection: AsyncConnection, wanted: Filter, before: int | None, limit: int = PAGE
) -> tuple[Sequence[Badge], int | None]:
    """Badges made before the one with this `seq`, and the `seq` for the next page, if any."""
    query = SELECT.order_by(badges.c.seq.desc()).limit(limit + 1)
    if wanted.registration_id is not None:
        query = query.where(badges.c.registration_id == wanted.registration_id)
    if wanted.status is not None:
        query = query.where(badges.c.status == wanted.status)
    if wanted.number is not None:
        query = query.where(badges.c.number == wanted.number)
    if before is not None:
        query = query.where(badges.c.seq < before)
    found = (await connection.execute(query)).all()
    following = found[limit - 1].seq if len(found) > limit else None
    return found[:limit], following
