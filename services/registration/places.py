"""Places: how many may come, in a category and in total, and who moves up when one becomes free."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from typing import Final

from sqlalchemy import func, literal, or_, select, text, tuple_
from sqlalchemy.ext.asyncio import AsyncConnection

from services.registration.lifecycle import Status
from services.registration.tables import Registration, registrations
from shared.forum import Forum

_PLACES_LOCK = 1


async def lock(tx: AsyncConnection) -> None:
    """Let one transaction at a time decide about places, so that the last one is given once.

    Whoever locks more than one registration calls this first, even if it gives no place away: who
    moves up may be any of them, and two who wait for each other would never end.
    """
    await tx.execute(_LOCK, {"lock": _PLACES_LOCK})


class Room:
    """The free places, counted once for all that one transaction gives away.

    Args:
        taken: how many there are of each category.
    """

    def __init__(self, forum: Forum, taken: Mapping[str, int]) -> None:
        self._forum = forum
        self._taken = Counter(taken)

    def is_there_for(self, category: str, *, leaving: str | None = None) -> bool:
        """Whether one more of this category may be confirmed.

        Args:
            category: of the newcomer.
            leaving: the category in which the person gives up a place for it.
        """
        limit = self._forum.category(category).capacity
        in_all = self._taken.total() - (leaving is not None)
        here = self._taken[category] - (leaving == category)
        return in_all < self._forum.registration.capacity and (limit is None or here < limit)

    def give(self, category: str) -> None:
        self._taken[category] += 1

    def take(self, category: str) -> bool:
        """Whether there is one more place in this category; it is taken then."""
        if is_there := self.is_there_for(category):
            self.give(category)
        return is_there


async def room(tx: AsyncConnection, forum: Forum) -> Room:
    """The room that there is. Call under the lock."""
    return Room(forum, await _taken(tx))


def frees_a_place(row: Registration) -> bool:
    """Whether somebody can have this one's place once it is given up."""
    return row.status == Status.confirmed or bool(row.place_held)


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


async def place_in_line(connection: AsyncConnection, row: Registration) -> int | None:
    """Which one on the waiting list of its category, from 1; None if it does not wait."""
    if row.status != Status.waitlisted:
        return None
    line = tuple_(registrations.c.queued_at, registrations.c.id)
    ahead = (
        select(func.count())
        .select_from(registrations)
        .where(
            registrations.c.status == Status.waitlisted,
            registrations.c.category == row.category,
            line < tuple_(literal(row.queued_at), literal(row.id)),
        )
    )
    return int((await connection.execute(ahead)).scalar_one()) + 1


async def _taken(tx: AsyncConnection) -> dict[str, int]:
    return {row.category: row.taken for row in await tx.execute(_TAKEN)}


_LOCK: Final = text("SELECT pg_advisory_xact_lock(:lock)")
_TAKEN: Final = (
    select(registrations.c.category, func.count().label("taken"))
    .where(or_(registrations.c.status == Status.confirmed, registrations.c.place_held))
    .group_by(registrations.c.category)
)
