"""What a person in charge should look at: raised where it is noticed, open until acknowledged."""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum
from typing import Any, Final
from uuid import UUID

from sqlalchemy import Row, bindparam, case, func, null, select, update
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncConnection
from uuid_utils.compat import uuid7

from services.checkin.admission import Decision, Reason
from services.checkin.devices import Device
from services.checkin.gates import Gates
from services.checkin.scans import find_scan
from services.checkin.tables import alerts, badges, devices, participants, scans
from shared import audit
from shared.access import Staff
from shared.database import after_commit
from shared.problems import not_found

Alert = Row[Any]
"""A row of `alerts`."""


class AlertKind(StrEnum):
    double_use = "double_use"
    stopped_badge_admitted = "stopped_badge_admitted"
    forged_badge = "forged_badge"
    clock_off = "clock_off"
    correction = "correction"
    """An officer had been told something else than what the log says."""
    unknown_badges = "unknown_badges"
    """Many in a minute."""
    stopped_badge_shown = "stopped_badge_shown"
    """Somebody with a revoked badge, or with a security hold, stands at a gate."""
    # Those from here on end by themselves when their reason does: acknowledged, by nobody.
    roll_call = "roll_call"
    """The house is being evacuated. With how many were inside."""
    gate_silent = "gate_silent"
    replica_old = "replica_old"
    venue_nearly_full = "venue_nearly_full"
    venue_full = "venue_full"
    mail_bouncing = "mail_bouncing"
    """With the name of the service whose mails come back."""
    dead_letters = "dead_letters"
    """With the queue's name."""


async def raise_alert(
    tx: AsyncConnection,
    gates: Gates,
    kind: AlertKind,
    *,
    at: datetime,
    gate: str | None = None,
    device_id: UUID | None = None,
    scan_id: UUID | None = None,
    registration_id: UUID | None = None,
    detail: str | None = None,
) -> None:
    """Alert once: again of the same kind about the same scan changes nothing, nor does, while that
    is open, a device's clock that is still wrong, or the same of what is not of a gate.
    What a scan itself deserves, scan_log.py raises.

    Args:
        tx: the transaction that notices; the alert is true if it commits.
        gates: whose watchers are told.
        kind: what has happened.
        at: when, in forum time.
        gate: where.
        device_id: which device noticed, or has gone wrong.
        scan_id: the entry in the log.
        registration_id: about whom.
        detail: what else is to be known, in words; nobody's name.
    """
    alert = {
        "id": uuid7(),
        "kind": kind,
        "at": at,
        "gate": gate,
        "device_id": device_id,
        "scan_id": scan_id,
        "registration_id": registration_id,
        "detail": detail,
    }
    if (await tx.execute(_RAISE, alert)).rowcount:
        after_commit(tx, gates.live.alerts_changed)


async def end_alert(
    tx: AsyncConnection, gates: Gates, kind: AlertKind, *, detail: str | None = None
) -> None:
    """Say that the reason of an open alert is over; of all of the kind if none is named."""
    over = (
        update(alerts)
        .where(alerts.c.kind == kind, alerts.c.acknowledged_at.is_(None))
        .values(acknowledged_at=gates.clock.now())
    )
    if detail is not None:
        over = over.where(alerts.c.detail == detail)
    if (await tx.execute(over)).rowcount:
        after_commit(tx, gates.live.alerts_changed)


async def listed(
    connection: AsyncConnection, *, is_open: bool | None, before: UUID | None, limit: int
) -> list[Alert]:
    """Alerts, newest first; open ones, acknowledged ones, or all. With what the device is called,
    and `who` it is about: a name, else the badge's number."""
    query = _WITH_NAMES.order_by(alerts.c.id.desc()).limit(limit)
    if is_open is not None:
        acknowledged = alerts.c.acknowledged_at
        query = query.where(acknowledged.is_(None) if is_open else acknowledged.is_not(None))
    if before is not None:
        query = query.where(alerts.c.id < before)
    return list(await connection.execute(query))


async def acknowledge(gates: Gates, alert_id: UUID, by: Staff) -> Alert:
    """Say that somebody has seen to it. Again, or by another at the same time, changes nothing."""
    async with gates.database.begin() as tx:
        seen_to: dict[str, Any] = {"wanted": alert_id, "now": gates.clock.now(), "by": by.id}
        if (await tx.execute(_ACKNOWLEDGE, seen_to)).rowcount:
            after_commit(tx, gates.live.alerts_changed)
            await audit.note(tx, seen_to["now"], "alert.acknowledge", which=alert_id)
        query = select(alerts).where(alerts.c.id == alert_id)
        alert: Alert | None = (await tx.execute(query)).one_or_none()
    if alert is None:
        raise not_found("alert")
    return alert


async def correct(
    gates: Gates, device: Device, scan_id: UUID, decision: Decision, reason: Reason
) -> None:
    """Raise an alert if what the officer was shown is not what the log says.

    Raises:
        Problem: 404 for a scan that this device has not made.
    """
    async with gates.database.begin() as tx:
        scan = await find_scan(tx, scan_id)
        if scan.device_id != device.id or scan.undoes is not None:
            raise not_found("scan")
        if (scan.decision, scan.reason) == (decision, reason):
            return
        await raise_alert(
            tx,
            gates,
            AlertKind.correction,
            at=gates.clock.now(),
            gate=scan.gate,
            device_id=device.id,
            scan_id=scan_id,
            registration_id=scan.registration_id,
            detail=f"shown {decision}: {reason}; logged {scan.decision}: {scan.reason}",
        )


_names = func.concat_ws(" ", participants.c.given_name, participants.c.family_name)
# A badge may be known before its person; who was erased is nobody any more.
_number = case((participants.c.status == "erased", null()), else_=badges.c.number)
_who = func.coalesce(func.nullif(func.trim(_names), ""), _number)
_WITH_NAMES: Final = select(alerts, devices.c.label.label("device"), _who.label("who")).select_from(
    alerts.outerjoin(devices, devices.c.id == alerts.c.device_id)
    .outerjoin(participants, participants.c.registration_id == alerts.c.registration_id)
    .outerjoin(scans, scans.c.scan_id == alerts.c.scan_id)
    .outerjoin(badges, badges.c.badge_id == scans.c.badge_id)
)
_RAISE: Final = insert(alerts).on_conflict_do_nothing()
_ACKNOWLEDGE: Final = (
    update(alerts)
    .where(alerts.c.id == bindparam("wanted"), alerts.c.acknowledged_at.is_(None))
    .values(acknowledged_at=bindparam("now"), acknowledged_by=bindparam("by"))
)
