"""One scan, one transaction: who is it, may they pass, and everything that follows from it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final
from uuid import UUID

from pydantic import BaseModel
from sqlalchemy import Row, bindparam, select
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncConnection

from services.checkin import attendance, passages, persons
from services.checkin.admission import (
    Decision,
    Direction,
    Presence,
    Reason,
    Verdict,
    decide,
    session_of,
)
from services.checkin.gates import Gates
from services.checkin.passages import Passage
from services.checkin.persons import ParticipantOut, Person
from services.checkin.tables import scans
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
from shared.forum import Forum, Gate, Zone
from shared.problems import conflict, not_found

LoggedScan = Row[Any]
"""A row of `scans`."""

AHEAD: Final = timedelta(minutes=1)
"""A device's clock may be this far ahead before its time is taken for wrong."""
BEHIND: Final = timedelta(days=7)
NEARLY_FULL: Final = 100
"""Places left below which scans wait for each other, lest they all take the last one. More than can
be under way at once: every transaction has a connection, and no deployment has so many."""


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
    """Judge a scan and write it into the log. Sent again, it has the same answer.

    Raises:
        Problem: 409, the id is that of an undo.
    """
    shown = await _identify(gates, scan)
    try:
        async with gates.database.begin() as tx:
            return await _record(gates, tx, device_id, gate, scan, shown)
    except _Repeated:
        return await answer(gates, scan.scan_id)


async def answer(gates: Gates, scan_id: UUID) -> Answer:
    """The answer that a scan in the log has had.

    Raises:
        Problem: 404 for an unknown scan, 409 for an undo.
    """
    async with gates.database.read() as connection:
        scan = await find_scan(connection, scan_id)
        if scan.undoes is not None:
            raise conflict("This id is in the log already, as that of an undo.")
        previous = await find_scan(connection, scan.previous) if scan.previous else None
        participant = await persons.find(connection, scan.badge_id) if scan.badge_id else None
    return Answer(
        scan_id=scan_id,
        decision=Decision(scan.decision),
        reason=Reason(scan.reason),
        participant=participant,
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
    badge_id = None
    if not isinstance(shown, Reason):
        lock = persons.lock_by_badge_id if scan.number is None else persons.lock_by_number
        badge_id = await lock(tx, shown)
    now = gates.clock.now()
    at = _plausible(scan.scanned_at, now)
    direction = scan.direction or gate.direction
    if badge_id is None:
        person, late = None, None
        reason = shown if isinstance(shown, Reason) else Reason.unknown_badge
        verdict = Verdict(Decision.refused, reason)
    else:
        session = session_of(gates.forum, at)
        person = await persons.look(tx, badge_id, gate.zone, session)
        if person.participant_status is None:
            await persons.hold_particulars(tx, person.registration_id)
            person = await persons.look(tx, badge_id, gate.zone, session)
        late = await _passages_if_late(tx, person, gate.zone, at)
        verdict = await _decide(gates, tx, gate, direction, at, person, late, scan.override)
    entry = {
        "scan_id": scan.scan_id,
        "device_id": device_id,
        "gate": gate.id,
        "entrance": gate.entrance,
        "zone": gate.zone,
        "direction": direction,
        "badge_id": badge_id,
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
    if (await tx.execute(_LOG, entry)).rowcount == 0:
        raise _Repeated
    await outbox.say(tx, Event("/checkin", now, _fact(entry)))
    if person is not None and verdict.decision == Decision.admitted:
        await _follow(gates.forum, tx, entry, person, late)
    after_commit(tx, gates.live.changed)
    return Answer(
        scan_id=scan.scan_id,
        decision=verdict.decision,
        reason=verdict.reason,
        participant=None if person is None else persons.shown(person),
        previous=None if person is None else _previous_of(person),
        decided_at=now,
    )


async def _passages_if_late(
    tx: AsyncConnection, person: Person, zone: str, at: datetime
) -> list[Passage] | None:
    """The person's passages, where one of them is later than this scan."""
    if person.presence_at is None or at >= person.presence_at:
        return None
    return await passages.of(tx, person.registration_id, zone)


async def _decide(
    gates: Gates,
    tx: AsyncConnection,
    gate: Gate,
    direction: Direction,
    at: datetime,
    person: Person,
    late: Sequence[Passage] | None,
    override: str | None,
) -> Verdict:
    forum, zone = gates.forum, gates.forum.zone(gate.zone)
    occupancy = person.occupancy
    nearly_full = zone.capacity is not None and occupancy > zone.capacity - NEARLY_FULL
    if direction == "in" and nearly_full:
        occupancy = await persons.hold_occupancy(tx, zone.id, session_of(forum, at))
    return decide(
        forum,
        gate,
        direction,
        forum.day_of(at),
        persons.badge(person),
        _presence(forum, zone, person, late, at),
        occupancy,
        override=override is not None,
    )


def _presence(
    forum: Forum, zone: Zone, person: Person, late: Sequence[Passage] | None, at: datetime
) -> Presence:
    """Where the person stands in the gate's zone."""
    if late is not None:
        return passages.presence_in(forum, zone, late, at)
    return Presence(
        inside=bool(person.inside) and person.session == session_of(forum, at),
        entered_today=person.last_entry_day == forum.day_of(at),
    )


async def _follow(
    forum: Forum,
    tx: AsyncConnection,
    entry: Mapping[str, Any],
    person: Person,
    late: Sequence[Passage] | None,
) -> None:
    """Bring presence and attendance up to date with a new passage."""
    passage, zone = _passage(entry), forum.zone(entry["zone"])
    if late is not None:
        way = passages.within(late, passage)
        await passages.reckon_again(tx, forum, zone, person, way, passage.at)
        return
    today = forum.day_of(passage.at)
    enters = passage.direction == "in"
    await passages.write_presence(
        tx,
        registration_id=person.registration_id,
        zone=zone.id,
        inside=enters and zone.scan_out,
        session=session_of(forum, passage.at),
        last_entry_day=today if enters else person.last_entry_day,
        scan_id=passage.scan_id,
        at=passage.at,
        gate=passage.gate,
    )
    if enters and zone == forum.main_zone and person.last_entry_day != today:
        await attendance.note_arrival(tx, passages.arrival_of(today, passage, person))


def _passage(entry: Mapping[str, Any]) -> Passage:
    return Passage(
        entry["scan_id"], entry["at"], entry["gate"], entry["entrance"], entry["direction"]
    )


def _previous_of(person: Person) -> PreviousOut | None:
    if person.presence_scan_id is None:
        return None
    return PreviousOut(
        scan_id=person.presence_scan_id,
        at=person.presence_at,
        gate=person.presence_gate,
        entrance=person.presence_entrance,
        direction=person.presence_direction,
    )


def _plausible(scanned_at: datetime | None, now: datetime) -> datetime:
    """When a scan was made: the device's word, unless its clock is plainly wrong."""
    if scanned_at is None or not now - BEHIND <= scanned_at <= now + AHEAD:
        return now
    return min(scanned_at, now)


async def find_scan(connection: AsyncConnection, scan_id: UUID) -> LoggedScan:
    row = (await connection.execute(_FIND_SCAN, {"wanted": scan_id})).one_or_none()
    if row is None:
        raise not_found("scan")
    return row


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


_LOG: Final = insert(scans).on_conflict_do_nothing(index_elements=["scan_id"])
_FIND_SCAN: Final = select(scans).where(scans.c.scan_id == bindparam("wanted"))
