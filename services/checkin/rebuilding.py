"""Making our copy of registrations and badges anew, while the gates go on working with it.

What we have is marked as old news (version 0); the owners say again what is true; whatever they
say is newer and takes its place. What no owner spoke of opens no gate in the end.
"""

from __future__ import annotations

from pydantic import BaseModel, Field
from sqlalchemy import delete, func, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from services.checkin.consumers import NOBODY
from services.checkin.tables import badges, participants, photos

OLD_NEWS = 0
"""Owners count from 1."""


class Unheard(BaseModel):
    """How much of our copy no owner has spoken of since the rebuilding began."""

    participants: int = Field(description="Registrations not heard of again yet")
    badges: int = Field(description="Badges not heard of again yet")
    participants_to_stop: int = Field(description="Those of them that the end would erase here")
    badges_to_stop: int = Field(description="Those of them that the end would revoke here")


async def begin(tx: AsyncConnection) -> Unheard:
    """Take all that we have for old news; a stopped badge still opens nothing meanwhile."""
    await tx.execute(update(participants).values(version=OLD_NEWS, particulars_version=OLD_NEWS))
    await tx.execute(update(badges).values(version=OLD_NEWS))
    await tx.execute(update(photos).values(version=OLD_NEWS))
    return await unheard(tx)


async def unheard(connection: AsyncConnection) -> Unheard:
    people = select(func.count()).where(participants.c.version == OLD_NEWS)
    cards = select(func.count()).where(badges.c.version == OLD_NEWS)
    # What an earlier end has stopped is unheard each time, and nobody needs to be asked again.
    counts = (
        people.label("participants"),
        cards.label("badges"),
        people.where(participants.c.status != "erased").label("participants_to_stop"),
        cards.where(badges.c.status != "revoked").label("badges_to_stop"),
    )
    row = (await connection.execute(select(*counts))).one()
    return Unheard.model_validate(row, from_attributes=True)


async def finish(tx: AsyncConnection) -> Unheard:
    """Stop what no owner knows of; answers how much that was."""
    left = await unheard(tx)
    await tx.execute(
        update(participants)
        .where(participants.c.version == OLD_NEWS)
        .values(status="erased", search_name="", photo=None, **NOBODY)
    )
    await tx.execute(delete(photos).where(photos.c.version == OLD_NEWS))
    await tx.execute(update(badges).where(badges.c.version == OLD_NEWS).values(status="revoked"))
    return left
