"""Security holds: whoever is on hold passes no gate, whatever their badge says, until released."""

from __future__ import annotations

from uuid import UUID

import structlog
from pydantic import BaseModel, Field
from sqlalchemy import select, update

from services.checkin.gates import Gates
from services.checkin.tables import participants
from shared import audit
from shared.access import Staff
from shared.database import after_commit
from shared.problems import not_found

log = structlog.get_logger()


class HoldOut(BaseModel):
    registration_id: UUID
    blocked: bool = Field(description="Whether a security hold keeps them from passing")


async def hold(gates: Gates, registration_id: UUID, reason: str, by: Staff) -> HoldOut:
    """Let somebody pass nowhere any more. Again, it changes nothing.

    Raises:
        Problem: 404, nobody here has this id, or not any more.
    """
    return await _block(gates, registration_id, reason, by, blocked=True)


async def release(gates: Gates, registration_id: UUID, reason: str, by: Staff) -> HoldOut:
    """Let the badge count again. Again, it changes nothing.

    Raises:
        Problem: 404, nobody here has this id, or not any more.
    """
    return await _block(gates, registration_id, reason, by, blocked=False)


async def _block(
    gates: Gates, registration_id: UUID, reason: str, by: Staff, *, blocked: bool
) -> HoldOut:
    act = "participant.hold" if blocked else "participant.release"
    somebody = (participants.c.registration_id == registration_id) & (
        participants.c.status != "erased"
    )
    change = update(participants).where(somebody, participants.c.blocked != blocked)
    async with gates.database.begin() as tx:
        known = (await tx.execute(select(participants.c.status).where(somebody))).one_or_none()
        if known is None:
            raise not_found("participant")
        if (await tx.execute(change.values(blocked=blocked))).rowcount:
            after_commit(tx, gates.live.people_changed)
            now = gates.clock.now()
            await audit.note(tx, now, act, about=[registration_id], reason=reason)
            log.info(act, registration_id=registration_id, by=by.id)
    return HoldOut(registration_id=registration_id, blocked=blocked)
