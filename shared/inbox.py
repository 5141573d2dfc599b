"""Heard twice, done once: a handler's effects and its inbox row commit in one transaction."""

from __future__ import annotations

from typing import Final
from uuid import UUID

from sqlalchemy import delete, func, text
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncConnection

from shared.tables import inbox

KEPT = "30 days"
"""Longer than any retry, dead letter replay or outbox row that could bring an event again."""

# Every event passes here: the statement is put together once.
_NOTE: Final = insert(inbox).on_conflict_do_nothing()


async def first_time(tx: AsyncConnection, queue: str, event_id: UUID) -> bool:
    """Note that the queue's handler deals with the event; False if it did so before.

    A second delivery at the same time waits here for the first one's commit.
    """
    return (await tx.execute(_NOTE, {"queue": queue, "event_id": event_id})).rowcount == 1


async def forget_old(tx: AsyncConnection) -> None:
    await tx.execute(
        delete(inbox).where(inbox.c.handled_at < func.now() - text(f"interval '{KEPT}'"))
    )
