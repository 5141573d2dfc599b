"""What staff write down about a registration, for one another (docs/decisions/0025)."""

from __future__ import annotations

from uuid import UUID

from sqlalchemy import insert, select
from sqlalchemy.ext.asyncio import AsyncConnection
from uuid_utils.compat import uuid7

from services.registration import lifecycle
from services.registration.lifecycle import Status, Step
from services.registration.registrations import Registrations
from services.registration.tables import Registration, notes
from shared.access import Staff


async def write(of: Registrations, registration_id: UUID, words: str, by: Staff) -> Registration:
    """Add a note; its history says that there is one, not what it says.

    Raises:
        Problem: 404, 409 once the registration is erased.
    """
    async with of.database.begin() as tx:
        row = await of.lock(tx, registration_id)
        lifecycle.check(Step.note, Status(row.status))
        note = insert(notes).values(
            id=uuid7(),
            registration_id=registration_id,
            author=by.id,
            text=words,
            at=of.clock.now(),
        )
        written: Registration = (await tx.execute(note.returning(notes))).one()
        await of.record(tx, row, Step.note, by.id)
    return written


async def all_of(connection: AsyncConnection, registration_id: UUID) -> list[Registration]:
    """The notes on a registration, oldest first."""
    query = select(notes).where(notes.c.registration_id == registration_id).order_by(notes.c.id)
    return list(await connection.execute(query))
