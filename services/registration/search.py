"""Finding registrations: filters, a search over names, pages by cursor, newest first."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from sqlalchemy import ColumnElement, func, or_, select
from sqlalchemy.ext.asyncio import AsyncConnection

from services.registration.lifecycle import Status
from services.registration.tables import Registration, attendances, history, registrations

MOST = 200


@dataclass(frozen=True)
class Filter:
    """What to look for; None is no condition."""

    status: Status | None = None
    category: str | None = None
    country: str | None = None
    q: str | None = None
    """Part of a name (either way round), organisation, address or reference."""


async def page(
    connection: AsyncConnection, wanted: Filter, after: UUID | None, limit: int
) -> tuple[list[Registration], UUID | None]:
    """A page of registrations behind the cursor, and the next page's cursor if there is one."""
    query = select(registrations).order_by(registrations.c.id.desc()).limit(limit + 1)
    for column in ("status", "category", "country"):
        value = getattr(wanted, column)
        if value is not None:
            query = query.where(registrations.c[column] == value)
    if wanted.q:
        query = query.where(_mentions(wanted.q))
    if after is not None:
        query = query.where(registrations.c.id < after)
    rows = list(await connection.execute(query))
    more = len(rows) > limit
    return rows[:limit], rows[limit - 1].id if more else None


async def counts(connection: AsyncConnection) -> dict[str, int]:
    """Registrations by status."""
    status = registrations.c.status
    query = select(status, func.count().label("many")).group_by(status)
    return {row.status: row.many for row in await connection.execute(query)}


async def acts(connection: AsyncConnection, registration_id: UUID) -> list[Registration]:
    """The history of one registration, oldest first."""
    query = (
        select(history).where(history.c.registration_id == registration_id).order_by(history.c.seq)
    )
    return list(await connection.execute(query))


async def entries(connection: AsyncConnection, registration_id: UUID) -> list[datetime]:
    """When the person came in, as the gates told, oldest first."""
    query = (
        select(attendances.c.at)
        .where(attendances.c.registration_id == registration_id, ~attendances.c.undone)
        .order_by(attendances.c.at)
    )
    return list((await connection.execute(query)).scalars())


def _mentions(words: str) -> ColumnElement[bool]:
    escaped = words.replace("\\", "\\\\").replace("%", "\\%").replace("_", "\\_")
    pattern = f"%{escaped}%"
    given, family = registrations.c.given_name, registrations.c.family_name
    return or_(
        (given + " " + family).ilike(pattern),
        (family + " " + given).ilike(pattern),
        registrations.c.organization.ilike(pattern),
        registrations.c.email.ilike(pattern),
        registrations.c.reference.ilike(pattern),
    )
