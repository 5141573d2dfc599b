"""Heard twice, done once: a handler's effects and its inbox row commit in one transaction."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final
from uuid import UUID

from sqlalchemy import ARRAY, Uuid, bindparam, delete, func, select, text
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncConnection

from shared.tables import inbox

KEPT = "30 days"
"""Longer than any retry, dead letter replay or outbox row that could bring an event again."""

# Every event passes here: the statement is put together once.
_NOTE: Final = (
    insert(inbox)
    .from_select(
        ["queue", "event_id"],
        select(bindparam("queue"), func.unnest(bindparam("event_ids", type_=ARRAY(Uuid)))),
    )
    .on_conflict_do_nothing()
    .returning(inbox.c.event_id)
)


async def first_time(tx: AsyncConnection, queue: str, event_ids: Iterable[UUID]) -> set[UUID]:
    """Note that the queue's handlers deal with these events; answers those never heard before.

    A second delivery at the same time waits here for the first one's commit.
    """
    # In one order always: two replicas that were given the same events don't wait for each other.
    given = {"queue": queue, "event_ids": sorted(set(event_ids))}
    return set((await tx.execute(_NOTE, given)).scalars())


async def forget_old(tx: AsyncConnection) -> None:
    await tx.execute(
        delete(inbox).where(inbox.c.handled_at < func.now() - text(f"interval '{KEPT}'"))
    )
