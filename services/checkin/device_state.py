"""What a device says of itself: its battery, what it has still to send, what its clock shows."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from datetime import datetime, timedelta
from typing import Final

from sqlalchemy import update

from services.checkin.alerts import AlertKind, raise_alert
from services.checkin.devices import Device
from services.checkin.gates import Gates
from services.checkin.tables import devices
from shared.access import unauthenticated
from shared.database import after_commit

CLOCK_OFF: Final = timedelta(minutes=1)
"""From here on a scan without a network may be taken for one of another minute, or day."""


@dataclass(frozen=True)
class State:
    """None is not known."""

    battery: float | None = None
    """0 to 1."""
    charging: bool | None = None
    app_version: str | None = None
    pending: int | None = None
    """Scans that the device has still to send."""
    replica_at: datetime | None = None
    """When its copy was up to date, in forum time."""


async def report(gates: Gates, device: Device, state: State, device_now: datetime | None) -> Device:
    """Keep what a device says, and raise an alert if its clock is wrong.

    Raises:
        Problem: 401 for a device that was stopped meanwhile.
    """
    # A device has no other clock than its own: a rehearsal does not change it.
    off = None if device_now is None else device_now - gates.clock.wall()
    now = gates.clock.now()
    async with gates.database.begin() as tx:
        statement = (
            update(devices)
            .where(devices.c.id == device.id, devices.c.revoked_at.is_(None))
            .values(
                **asdict(state),
                clock_off_seconds=None if off is None else off.total_seconds(),
                last_contact_at=now,
            )
        )
        kept: Device | None = (await tx.execute(statement.returning(devices))).one_or_none()
        if kept is None:
            raise unauthenticated()
        after_commit(tx, gates.live.devices_changed)
        if off is not None and abs(off) > CLOCK_OFF:
            await raise_alert(
                tx,
                gates,
                AlertKind.clock_off,
                at=now,
                gate=kept.gate,
                device_id=kept.id,
                detail=f"{off.total_seconds():+.0f} s",
            )
    return kept
