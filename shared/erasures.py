"""The person of an erased registration, forgotten by what all services have: what was said of them
and heard, what waits to be tried again or was set aside, what staff wrote about them.

What a service itself knows, its own handler of `registration.erased` removes. Here it is noted who
was erased, so that what is still on its way about them goes as soon as it comes to rest."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Final
from uuid import UUID

import orjson
from sqlalchemy import select, text
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncConnection

from shared import audit
from shared.events import (
    TYPE_PREFIX,
    BadgeIssued,
    Event,
    RegistrationErased,
    RegistrationFact,
)
from shared.tables import erasures

IS_ERASURE: Final = TYPE_PREFIX + RegistrationErased.type


async def forget(tx: AsyncConnection, registration_id: UUID) -> None:
    """Note that this registration is erased, and remove what was kept of it up to now."""
    await tx.execute(
        insert(erasures).values(registration_id=registration_id).on_conflict_do_nothing()
    )
    about = {"about": str(registration_id)}
    for removal in _REMOVALS:
        await tx.execute(removal, about)
    tx.info["erased"] = True
    await audit.forget_reasons(tx, registration_id)


async def forget_again(tx: AsyncConnection) -> None:
    """Remove what has come to rest about those who were erased lately."""
    for removal in _AGAIN:
        await tx.execute(removal)


async def are_forgotten(connection: AsyncConnection, events: Sequence[Event]) -> bool:
    """Whether all of these events tell of people who have been erased since."""
    about: set[UUID] = set()
    for event in events:
        fact = event.fact
        # Others have only ids, and what they tell still counts.
        if isinstance(fact, RegistrationErased) or not isinstance(
            fact, RegistrationFact | BadgeIssued
        ):
            return False
        about.add(fact.registration_id)
    return await among(connection, about) == about


async def among(connection: AsyncConnection, registration_ids: Iterable[UUID]) -> set[UUID]:
    """Those of them who are erased."""
    column = erasures.c.registration_id
    query = select(column).where(column.in_(list(registration_ids)))
    return set((await connection.execute(query)).scalars())


def registrations_in(document: str) -> list[UUID]:
    """The registration that an event's document is about; none if it is no event, or about none."""
    try:
        return [UUID(orjson.loads(document)["data"]["registration_id"])]
    except (ValueError, KeyError, TypeError, AttributeError):
        return []


# In these words, and not as SQLAlchemy would put them, so that the index of the outbox is used.
# What has not been said yet is said first; the relay removes it then (outbox.py).
_SAID: Final = f"""
    DELETE FROM outbox
    WHERE event -> 'data' ->> 'registration_id' {{whose}}
      AND published_at IS NOT NULL AND event ->> 'type' <> '{IS_ERASURE}'
"""  # noqa: S608
_WAITING: Final = "DELETE FROM {table} WHERE event -> 'data' ->> 'registration_id' {whose}"
_REMOVALS: Final = (
    text(_SAID.format(whose="= :about")),
    text(_WAITING.format(table="retries", whose="= :about")),
    text(_WAITING.format(table="dead_letters", whose="= :about")),
)
_LATELY: Final = """IN (
    SELECT CAST(registration_id AS text) FROM erasures WHERE since > now() - interval '1 hour'
)"""
_AGAIN: Final = (
    text(_SAID.format(whose=_LATELY)),
    text(_WAITING.format(table="retries", whose=_LATELY)),
    text(_WAITING.format(table="dead_letters", whose=_LATELY)),
)
