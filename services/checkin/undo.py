"""Taking a scan back: a new entry in the log, and everything as if the scan had not been."""

from __future__ import annotations

from datetime import datetime
from typing import Any
from uuid import UUID

from pydantic import BaseModel, Field
from uuid_utils.compat import uuid7

from services.checkin import passages, persons, scan_log
from services.checkin.admission import Decision
from services.checkin.gates import Gates
from services.checkin.scans import find_scan
from shared import audit
from shared.database import after_commit, statements_in
from shared.problems import conflict

UNDONE = "undone"
_PLACE = ("gate", "entrance", "zone", "direction", "badge_id", "registration_id")


class Undone(BaseModel):
    scan_id: UUID = Field(description="The new entry in the log")
    undoes: UUID
    at: datetime


async def undo(gates: Gates, scan_id: UUID, reason: str, by: str, device_id: UUID | None) -> Undone:
    """Take an admission or a departure back.

    Raises:
        Problem: 404 for an unknown scan, 409 for one that let nobody pass or is undone already.
    """
    async with gates.database.begin() as tx:
        scan = await find_scan(tx, scan_id)
        if scan.decision != Decision.admitted:
            raise conflict("Only a scan that let somebody pass can be undone.")
        await persons.hold(tx, [scan.registration_id])
        now = gates.clock.now()
        entry: dict[str, Any] = {
            "scan_id": uuid7(),
            "device_id": device_id,
            **{name: getattr(scan, name) for name in _PLACE},
            "decision": UNDONE,
            "reason": UNDONE,
            "said": reason,
            "at": now,
            "decided_at": now,
            "undoes": scan_id,
            "by": by,
        }
        if not await scan_log.add(tx, entry):
            raise conflict("This scan is undone already.")
        about = [scan.registration_id] if scan.registration_id else []
        await audit.note(
            tx, now, "scan.undo", which=scan_id, about=about, reason=reason, gate=scan.gate
        )
        [person] = await persons.look(statements_in(tx), [(scan.badge_id, scan.zone)])
        assert person is not None  # whose badge this is
        await passages.reckon_again(
            tx,
            gates.forum,
            gates.forum.zone(scan.zone),
            person,
            await passages.of(tx, scan.registration_id, scan.zone),
            scan.at,
        )
        after_commit(tx, gates.scan_outbox.woken.set)
        after_commit(tx, gates.live.changed)
    return Undone(scan_id=entry["scan_id"], undoes=scan_id, at=now)
