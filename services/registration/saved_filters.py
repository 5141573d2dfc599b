"""Filters of the queue that a reviewer wants to have at hand: each person has their own."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from sqlalchemy import delete, func, select
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncConnection

from services.registration.search import Filter
from services.registration.tables import saved_filters
from shared.access import Staff
from shared.problems import conflict

MOST: Final = 30


@dataclass(frozen=True)
class SavedFilter:
    name: str
    query: str
    """As the queue's address has it."""


async def save(tx: AsyncConnection, name: str, wanted: Filter, by: Staff) -> SavedFilter:
    """Keep a filter under a name; an earlier one of that name gives way.

    Raises:
        Problem: 409, there are as many already as anybody can overlook.
    """
    mine = saved_filters.c.owner == by.id
    others = select(func.count()).where(mine, saved_filters.c.name != name)
    if (await tx.execute(others)).scalar_one() >= MOST:
        raise conflict(f"You have {MOST} saved filters; remove one before you save another.")
    row = insert(saved_filters).values(owner=by.id, name=name, query=wanted.as_query())
    await tx.execute(
        row.on_conflict_do_update(
            index_elements=["owner", "name"], set_={"query": row.excluded.query}
        )
    )
    return SavedFilter(name, wanted.as_query())


async def remove(tx: AsyncConnection, name: str, by: Staff) -> bool:
    """Forget a filter; answers whether there was one."""
    one = delete(saved_filters).where(saved_filters.c.owner == by.id, saved_filters.c.name == name)
    return (await tx.execute(one)).rowcount > 0


async def of_person(connection: AsyncConnection, by: Staff) -> list[SavedFilter]:
    """Somebody's filters by name."""
    query = (
        select(saved_filters.c.name, saved_filters.c.query)
        .where(saved_filters.c.owner == by.id)
        .order_by(func.lower(saved_filters.c.name), saved_filters.c.name)
    )
    return [SavedFilter(row.name, row.query) for row in await connection.execute(query)]
