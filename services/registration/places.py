"""Places: how many may come, in a category and in total, and who moves up when one becomes free."""

from __future__ import annotations

from sqlalchemy import func, select, text
from sqlalchemy.ext.asyncio import AsyncConnection

from services.registration.lifecycle import Status
from services.registration.tables import Registration, registrations
from shared.forum import Forum

_PLACES_LOCK = 1


async def lock(tx: AsyncConnection) -> None:
    """Let one transaction at a time decide about places, so that the last one is given once."""
    await tx.execute(text("SELECT pg_advisory_xact_lock(:lock)"), {"lock": _PLACES_LOCK})


async def has_room(
    tx: AsyncConnection, forum: Forum, category: str, *, leaving: str | None = None
) -> bool:
    """Whether one more of this category may be confirmed. Call under the lock.

    Args:
        leaving: the category in which the person gives up a place for it.
    """
    taken = await _taken(tx)
    if leaving is not None:
        taken[leaving] -= 1
    limit = forum.category(category).capacity
    return sum(taken.values()) < forum.registration.capacity and (
        limit is None or taken.get(category, 0) < limit
    )


async def first_in_line(tx: AsyncConnection, forum: Forum) -> Registration | None:
    """The registration that has waited longest among those for whom there is room now."""
    taken = await _taken(tx)
    if sum(taken.values()) >= forum.registration.capacity:
        return None
    free = [c.id for c in forum.categories if c.capacity is None or taken.get(c.id, 0) < c.capacity]
    query = (
        select(registrations)
        .where(
            registrations.c.status == Status.waitlisted,
            registrations.c.category.in_(free),
        )
        .order_by(registrations.c.queued_at, registrations.c.id)
        .limit(1)
        .with_for_update()
    )
    return (await tx.execute(query)).one_or_none()


async def _taken(tx: AsyncConnection) -> dict[str, int]:
    query = (
        select(registrations.c.category, func.count().label("taken"))
        .where(registrations.c.status == Status.confirmed)
        .group_by(registrations.c.category)
    )
    return {row.category: row.taken for row in await tx.execute(query)}
