"""Taking a scan back: a new entry in the log, and everything as if the scan had not been."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any
from uuid import UUID

from pydantic import BaseModel, Field
from uuid_utils.compat import uuid7

from services.checkin import passages, persons, scan_log
from services.checkin.admission import Decision
from services.checkin.cases import plausible
from services.checkin.devices import Device
from services.checkin.gates import Gates
from services.checkin.scans import find_scan
from shared import audit
from shared.access import Staff
from shared.database import after_commit, statements_in
from shared.problems import conflict

UNDONE = "undone"
_PLACE = ("gate", "entrance", "zone", "direction", "badge_id", "registration_id")


class Undone(BaseModel):
    scan_id: UUID = Field(description="The new entry in the log")
    undoes: UUID
    at: datetime = Field(description="When it was done")


async def undo(
    gates: Gates, scan_id: UUID, reason: str, by: Staff | Device, undone_at: datetime | None = None
) -> Undone:
    """Take an admission or a departure back.

    Args:
        gates: where it was made.
        scan_id: the entry in the log.
        reason: the officer's.
        by: who does it.
        undone_at: when, by the device's clock; of staff it is now.

    Raises:
        Problem: 404 for an unknown scan, 409 for one that let nobody pass or is undone already.
    """
    async with gates.database.begin() as tx:
        scan = await find_scan(tx, scan_id)
        if scan.decision != Decision.admitted:
            raise conflict("Only a scan that let somebody pass can be undone.")
        await persons.hold(tx, [scan.registration_id])
        now = gates.clock.now()
        device_time = None if isinstance(by, Staff) else undone_at
        entry: dict[str, Any] = {
            "scan_id": uuid7(),
            "device_id": None if isinstance(by, Staff) else by.id,
            **{name: getattr(scan, name) for name in _PLACE},
            "decision": UNDONE,
            "reason": UNDONE,
            "said": reason,
            "at": _when(device_time, scan.at, now),
            "device_time": device_time,
            "decided_at": now,
            "undoes": scan_id,
            "by": by.id if isinstance(by, Staff) else by.label,
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
    return Undone(scan_id=entry["scan_id"], undoes=scan_id, at=entry["at"])


def _when(device_time: datetime | None, scanned_at: datetime, now: datetime) -> datetime:
    """When it was done; not before the scan, whose time may be another device's."""
    return max(plausible(device_time, now), min(scanned_at, now)).astimezone(UTC)
