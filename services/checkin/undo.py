"""Taking a scan back: a new entry in the log, and everything as if the scan had not been."""

from __future__ import annotations

from datetime import datetime
from typing import Any
from uuid import UUID

from pydantic import BaseModel, Field
from sqlalchemy.dialects.postgresql import insert
from uuid_utils.compat import uuid7

from services.checkin import passages, persons
from services.checkin.admission import Decision
from services.checkin.gates import Gates
from services.checkin.scans import about, find_scan
from services.checkin.tables import scans
from shared import outbox
from shared.database import after_commit
from shared.events import AttendanceUndone, Event
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
        await persons.hold(tx, [scan.badge_id], [])
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
        statement = insert(scans).values(entry).on_conflict_do_nothing()
        if (await tx.execute(statement)).rowcount == 0:
            raise conflict("This scan is undone already.")
        fact = AttendanceUndone(undoes=scan_id, **about(entry))
        await outbox.say(tx, Event("/checkin", now, fact))
        [person] = await persons.look(tx, [(scan.badge_id, scan.zone)])
        await passages.reckon_again(
            tx,
            gates.forum,
            gates.forum.zone(scan.zone),
            person,
            await passages.of(tx, scan.registration_id, scan.zone),
            scan.at,
        )
        after_commit(tx, gates.live.changed)
    return Undone(scan_id=entry["scan_id"], undoes=scan_id, at=now)
