"""Folds the names that a version before wrote without: they are found only once they are folded."""

from __future__ import annotations

import asyncio
from typing import Final

from sqlalchemy import Table, bindparam, select, update

from shared.database import Database
from shared.folding import search_name

SOME: Final = 100
"""Names folded at a time: whoever stands at a gate or a desk waits for the event loop meanwhile."""
FOLD_SECONDS: Final = 10.0


async def keep_folding(database: Database, people: Table) -> None:
    """Fill in `search_name` of the people who have a name.

    For ever: while the service is being renewed, both versions write.
    """
    while True:
        while await _fold_some(database, people):
            pass
        await asyncio.sleep(FOLD_SECONDS)


async def _fold_some(database: Database, people: Table) -> bool:
    unfolded = (
        select(people.c.registration_id, people.c.given_name, people.c.family_name)
        .where(people.c.search_name.is_(None), people.c.family_name.is_not(None))
        .limit(SOME)
        .with_for_update(skip_locked=True)
    )
    fold = (
        update(people)
        .where(people.c.registration_id == bindparam("who"))
        .values(search_name=bindparam("name"))
    )
    async with database.begin() as tx:
        rows = (await tx.execute(unfolded)).all()
        names = [{"who": row.registration_id, "name": search_name(*row[1:])} for row in rows]
        if names:
            await tx.execute(fold, names)
    return bool(names)
