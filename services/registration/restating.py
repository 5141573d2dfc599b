"""Saying again what is true of every registration, for another service's copy made anew."""

from __future__ import annotations

from typing import Final
from uuid import UUID

from sqlalchemy import select

from services.registration import photos
from services.registration.lifecycle import Status
from services.registration.registrations import Registrations
from services.registration.tables import Registration, registrations
from shared import audit, outbox
from shared.events import Event, RegistrationRestated

AT_ONCE: Final = 100
"""Registrations a transaction: a large forum must not hold one open for long, and each may bring a
photo."""
_KNOWN_AT_THE_GATES: Final = (Status.confirmed, Status.cancelled, Status.erased)


async def restate(of: Registrations) -> int:
    """Say of each registration that the gates have heard of how it stands; answers how many.

    One that changes meanwhile says so by its own event, with a higher version.
    """
    async with of.database.begin() as tx:
        await audit.note(tx, of.clock.now(), "registrations.restate")
    said, after = 0, UUID(int=0)
    while True:
        async with of.database.begin() as tx:
            query = (
                select(registrations)
                .where(registrations.c.id > after, registrations.c.status.in_(_KNOWN_AT_THE_GATES))
                .order_by(registrations.c.id)
                .limit(AT_ONCE)
            )
            rows = list(await tx.execute(query))
            portraits = await photos.portraits(tx, [row.id for row in rows])
            facts = [_fact(of, row, portraits.get(row.id)) for row in rows]
            now = of.clock.now()
            await outbox.say(tx, *(Event("/registration", now, fact) for fact in facts))
        said += len(rows)
        if len(rows) < AT_ONCE:
            return said
        after = rows[-1].id


def _fact(of: Registrations, row: Registration, photo: bytes | None) -> RegistrationRestated:
    return RegistrationRestated(
        registration_id=row.id,
        version=row.version,
        status=row.status,
        person=None if row.status == Status.erased else of.person(row),
        photo=photo,
    )
