"""The reviewer's decisions."""

from __future__ import annotations

from uuid import UUID

from services.registration import lifecycle, places
from services.registration.lifecycle import Status, Step
from services.registration.registrations import Registrations
from services.registration.tables import Registration
from shared.access import Staff


async def approve(of: Registrations, registration_id: UUID, by: Staff) -> Registration:
    """Let the person come, as soon as there is room.

    Raises:
        Problem: 409 when it is not in review.
    """
    async with of.database.begin() as tx:
        row = await of.hold(tx, registration_id)
        lifecycle.check(Step.approve, Status(row.status))
        room = await places.has_room(tx, of.forum, row.category)
        status = lifecycle.after_approval(has_room=room)
        return await of.move(tx, row, Step.approve, status, by.id)


async def decline(of: Registrations, registration_id: UUID, reason: str, by: Staff) -> Registration:
    """Say no, with a reason that the registrant reads.

    Raises:
        Problem: 409 when it is neither in review nor on the waiting list.
    """
    async with of.database.begin() as tx:
        row = await of.hold(tx, registration_id)
        lifecycle.check(Step.decline, Status(row.status))
        return await of.move(tx, row, Step.decline, Status.declined, by.id, reason)
