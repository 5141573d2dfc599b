"""The right to be forgotten: what is removed when a registration is erased."""

from __future__ import annotations

from typing import Final
from uuid import UUID

from sqlalchemy import delete, update

from services.registration import lifecycle
from services.registration.lifecycle import Status, Step
from services.registration.registrations import Registrations
from services.registration.tables import Registration, history, idempotency_keys, photos
from shared.tables import outbox

_NOTHING_PERSONAL: Final = {
    "title": None,
    "given_name": "",
    "family_name": "",
    "email": "",
    "organization": "",
    "position": "",
    "gender": None,
    "accessibility_needs": None,
}


async def erase(of: Registrations, registration_id: UUID, actor: str) -> Registration:
    """Remove the personal data, here and wherever the event is heard.

    What still waits in the outbox is said first; it goes with the outbox's old rows.

    Raises:
        Problem: 409 when it is erased already.
    """
    async with of.database.begin() as tx:
        row = await of.hold(tx, registration_id)
        lifecycle.check(Step.erase, Status(row.status))
        about = outbox.c.event["data"]["registration_id"].astext
        for removal in (
            delete(photos).where(photos.c.registration_id == row.id),
            # The digest was made of all that the person sent.
            delete(idempotency_keys).where(idempotency_keys.c.registration_id == row.id),
            update(history).where(history.c.registration_id == row.id).values(reason=None),
            delete(outbox).where(about == str(row.id), outbox.c.published_at.is_not(None)),
        ):
            await tx.execute(removal)
        erased = await of.move(tx, row, Step.erase, Status.erased, actor, **_NOTHING_PERSONAL)
        if row.status == Status.confirmed:
            await of.promote(tx)
    return erased
