"""One scan, one transaction: who is it, may they pass, and everything that follows from it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any
from uuid import UUID

from pydantic import BaseModel
from sqlalchemy import Row, select
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncConnection

from services.checkin import attendance, persons
from services.checkin.admission import (
    Decision,
    Direction,
    Presence,
    Reason,
    Verdict,
    decide,
    session_of,
)
from services.checkin.attendance import Arrival
from services.checkin.gates import Gates
from services.checkin.persons import ParticipantOut, Person
from services.checkin.tables import presence, scans
from shared import badge_number, outbox
from shared.badge_number import InvalidBadgeNumber
from shared.credential import BadSignature, Malformed
from shared.database import after_commit
from shared.events import (
    AttendanceAdmitted,
    AttendanceDeparted,
    Event,
    Fact,
    ScanRefused,
)
from shared.forum import Gate
from shared.problems import not_found

LoggedScan = Row[Any]
"""A row of `scans`."""

AHEAD = timedelta(minutes=1)
"""A device's clock may be this far ahead before its time is taken for wrong."""
BEHIND = timedelta(days=7)


@dataclass(frozen=True)
class Scan:
    """A badge shown at a gate, as the device reports it."""

    scan_id: UUID
    credential: str | None
    number: str | None
    direction: Direction | None = None
    scanned_at: datetime | None = None
    override: str | None = None
    """The officer's reason to let the person in against the rule."""


class PreviousOut(BaseModel):
    """The person's last passage through this zone before the scan."""

    scan_id: UUID
    at: datetime
    gate: str
    entrance: str
    direction: Direction


class Answer(BaseModel):
    scan_id: UUID
    decision: Decision
    reason: Reason
    participant: ParticipantOut | None
    previous: PreviousOut | None
    decided_at: datetime


class _Repeated(Exception):
    """This scan is in the log already."""


async def record(gates: Gates, device_id: UUID, gate: Gate, scan: Scan) -> Answer:
    """Judge a scan and write it into the log. Sent again, it has the same answer."""
    shown = await _identify(gates, scan)
    try:
        async with gates.database.begin() as tx:
            return await _record(gates, tx, device_id, gate, scan, shown)
    except _Repeated:
        return await answer(gates, scan.scan_id)


async def answer(gates: Gates, scan_id: UUID) -> Answer:
    """The answer that a scan in the log has had."""
    async with gates.database.read() as connection:
        scan = await find_scan(connection, scan_id)
        previous = await find_scan(connection, scan.previous) if scan.previous else None
        person = await persons.find(connection, scan.badge_id) if scan.badge_id else None
    return Answer(
        scan_id=scan_id,
        decision=Decision(scan.decision),
        reason=Reason(scan.reason),
        participant=persons.shown(person),
        previous=None if previous is None else _previous(previous),
        decided_at=scan.decided_at,
    )


async def _identify(gates: Gates, scan: Scan) -> str | Reason:
    """The badge id in the credential, once its signature is found good; the number as it is."""
    if scan.number is not None:
        try:
            return badge_number.parse(scan.number)
        except InvalidBadgeNumber:
            return Reason.malformed
    try:
        return (await gates.keys.verify(scan.credential or "")).badge_id.hex()
    except Malformed:
        return Reason.malformed
    except BadSignature:
        return Reason.bad_signature


async def _record(
    gates: Gates, tx: AsyncConnection, device_id: UUID, gate: Gate, scan: Scan, shown: str | Reason
) -> Answer:
    now = gates.clock.now()
    at = _plausible(scan.scanned_at, now)
    direction = scan.direction or gate.direction
    person = None
    if not isinstance(shown, Reason):
        lock = persons.lock_by_badge_id if scan.number is None else persons.lock_by_number
        person = await lock(tx, shown, gate.zone)
    if person is None:
        reason = shown if isinstance(shown, Reason) else Reason.unknown_badge
        verdict = Verdict(Decision.refused, reason)
    else:
        verdict = await _decide(gates, tx, gate, direction, at, person, scan.override)
    entry = {
        "scan_id": scan.scan_id,
        "device_id": device_id,
        "gate": gate.id,
        "entrance": gate.entrance,
        "zone": gate.zone,
        "direction": direction,
        "badge_id": person.badge_id if person else None,
        "registration_id": person.registration_id if person else None,
        "decision": verdict.decision,
        "reason": verdict.reason,
        "overridden": verdict.overridden,
        "said": scan.override if verdict.overridden else None,
        "at": at,
        "device_time": scan.scanned_at,
        "decided_at": now,
        "previous": person.presence_scan_id if person else None,
    }
    statement = insert(scans).values(entry).on_conflict_do_nothing(index_elements=["scan_id"])
    if (await tx.execute(statement)).rowcount == 0:
        raise _Repeated
    await _follow(gates, tx, entry, person)
    await outbox.say(tx, Event("/checkin", now, _fact(entry)))
    after_commit(tx, gates.live.changed)
    return Answer(
        scan_id=scan.scan_id,
        decision=verdict.decision,
        reason=verdict.reason,
        participant=persons.shown(person),
        previous=None if person is None else _previous_of(gates, person),
        decided_at=now,
    )


async def _decide(
    gates: Gates,
    tx: AsyncConnection,
    gate: Gate,
    direction: Direction,
    at: datetime,
    person: Person,
    override: str | None,
) -> Verdict:
    session, today = session_of(gates.forum, at), gates.forum.day_of(at)
    # Always taken before other figures change, so that scans and undos queue in one order.
    occupancy = await attendance.occupancy(tx, session, gate.zone)
    return decide(
        gates.forum,
        gate,
        direction,
        today,
        persons.badge(person),
        Presence(
            inside=bool(person.inside) and person.session == session,
            entered_today=person.last_entry_day == today,
        ),
        occupancy,
        override=override is not None,
    )


async def _follow(
    gates: Gates, tx: AsyncConnection, entry: dict[str, Any], person: Person | None
) -> None:
    """Bring presence, attendance and figures up to date with a new entry of the log."""
    at: datetime = entry["at"]
    session, today = session_of(gates.forum, at), gates.forum.day_of(at)
    if entry["decision"] == Decision.refused or person is None:
        await attendance.add(tx, {attendance.refused(today, entry["reason"]): 1})
        return
    enters = entry["direction"] == "in"
    counted = gates.forum.zone(entry["zone"]).scan_out
    was_inside = bool(person.inside) and person.session == session
    is_inside = enters and counted
    await write_presence(
        tx,
        registration_id=person.registration_id,
        zone=entry["zone"],
        inside=is_inside,
        session=session,
        last_entry_day=today if enters else person.last_entry_day,
        scan_id=entry["scan_id"],
        at=at,
        gate=entry["gate"],
    )
    change = Counter({attendance.inside(session, entry["zone"]): is_inside - was_inside})
    if enters and entry["zone"] == gates.forum.main_zone.id:
        arrival = arrival_of(today, entry, person)
        change.update(await attendance.note_arrival(tx, gates.forum, arrival))
    await attendance.add(tx, change)


def _previous_of(gates: Gates, person: Person) -> PreviousOut | None:
    if person.presence_scan_id is None:
        return None
    gate = gates.forum.gate(person.presence_gate)
    return PreviousOut(
        scan_id=person.presence_scan_id,
        at=person.presence_at,
        gate=gate.id,
        entrance=gate.entrance,
        direction=person.presence_direction,
    )


def _plausible(scanned_at: datetime | None, now: datetime) -> datetime:
    """When a scan was made: the device's word, unless its clock is plainly wrong."""
    if scanned_at is None or not now - BEHIND <= scanned_at <= now + AHEAD:
        return now
    return min(scanned_at, now)


def arrival_of(day: date, entry: Mapping[str, Any], person: Person) -> Arrival:
    country = person.country or ""
    return Arrival(
        registration_id=person.registration_id,
        day=day,
        scan_id=entry["scan_id"],
        at=entry["at"],
        entrance=entry["entrance"],
        category=person.category or "",
        country=country,
        region=attendance.region_of(country),
    )


async def find_scan(connection: AsyncConnection, scan_id: UUID) -> LoggedScan:
    row = (await connection.execute(select(scans).where(scans.c.scan_id == scan_id))).one_or_none()
    if row is None:
        raise not_found("scan")
    return row


async def write_presence(tx: AsyncConnection, **row: Any) -> None:
    changes = {name: row[name] for name in row if name not in ("registration_id", "zone")}
    await tx.execute(
        insert(presence)
        .values(row)
        .on_conflict_do_update(index_elements=["registration_id", "zone"], set_=changes)
    )


def _previous(scan: LoggedScan) -> PreviousOut:
    return PreviousOut(
        scan_id=scan.scan_id,
        at=scan.at,
        gate=scan.gate,
        entrance=scan.entrance,
        direction=scan.direction,
    )


def about(entry: Mapping[str, Any]) -> dict[str, Any]:
    """What all events about a scan carry."""
    fields = ("scan_id", "gate", "entrance", "zone", "at", "badge_id", "registration_id")
    return {name: entry[name] for name in fields}


def _fact(entry: Mapping[str, Any]) -> Fact:
    if entry["decision"] == Decision.refused:
        return ScanRefused(reason=entry["reason"], **about(entry))
    if entry["reason"] == Reason.departed:
        return AttendanceDeparted(**about(entry))
    return AttendanceAdmitted(reason=entry["reason"], **about(entry))
