"""The right to be forgotten: what is removed when a registration is erased."""

from __future__ import annotations

from typing import Any, Final
from uuid import UUID

from sqlalchemy import delete, update
from sqlalchemy.ext.asyncio import AsyncConnection

from services.registration import lifecycle, places
from services.registration.lifecycle import Status, Step
from services.registration.registrations import SYSTEM, Registrations
from services.registration.tables import (
    Registration,
    history,
    idempotency_keys,
    link_requests,
    notes,
    photos,
)
from shared import erasures
from shared.folding import folded

_NOTHING_PERSONAL: Final[dict[str, Any]] = {
    "title": None,
    "given_name": "",
    "family_name": "",
    "email": "",
    "organization": "",
    "position": "",
    "gender": None,
    "accessibility_needs": None,
    "visa_letter": False,
    "name_key": "",
}


async def erase(of: Registrations, registration_id: UUID, actor: str) -> Registration:
    """Remove the personal data, here and wherever the event is heard.

    What still waits in the outbox is said first, and goes then.

    Raises:
        Problem: 409 when it is erased already.
    """
    async with of.database.begin() as tx:
        return await _erase(of, tx, await of.hold(tx, registration_id), actor)


async def erase_over_time(of: Registrations, tx: AsyncConnection, registration_id: UUID) -> None:
    """Remove the personal data of somebody whose time is over, unless they are erased by now."""
    row = await of.hold(tx, registration_id)
    if row.status != Status.erased:
        await _erase(of, tx, row, SYSTEM)


async def _erase(
    of: Registrations, tx: AsyncConnection, row: Registration, actor: str
) -> Registration:
    lifecycle.check(Step.erase, Status(row.status))
    for removal in (
        delete(photos).where(photos.c.registration_id == row.id),
        delete(notes).where(notes.c.registration_id == row.id),
        # The digest was made of all that the person sent.
        delete(idempotency_keys).where(idempotency_keys.c.registration_id == row.id),
        update(history).where(history.c.registration_id == row.id).values(reason=None),
        delete(link_requests).where(link_requests.c.address == row.email.lower()),
    ):
        await tx.execute(removal)
    await erasures.forget(tx, row.id)
    left = {**_NOTHING_PERSONAL, "search_text": folded(row.reference)}
    erased = await of.move(tx, row, Step.erase, Status.erased, actor, **left)
    if places.frees_a_place(row):
        await of.promote(tx)
    return erased
