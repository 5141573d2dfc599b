"""Scans are judged: who is it, may they pass, and everything that follows from it.

Several scans are one transaction. What takes a statement of its own, such as a scan that comes
late, is rare; the others share three: hold the persons, look at them, write.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from typing import Any, Final
from uuid import UUID

from sqlalchemy.exc import DBAPIError
from sqlalchemy.ext.asyncio import AsyncConnection

from services.checkin import passages, persons, scan_log
from services.checkin.admission import (
    Decision,
    Direction,
    Presence,
    Reason,
    Verdict,
    decide,
    session_of,
)
from services.checkin.alarms import Alarms
from services.checkin.alerts import raise_alert
from services.checkin.crowd import Crowd
from services.checkin.gates import Gates
from services.checkin.passages import Passage
from services.checkin.persons import Held, Person
from services.checkin.scan_log import Entries
from services.checkin.scans import Answer, PreviousOut, Scan, about
from shared import badge_number, trace
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

AHEAD: Final = timedelta(minutes=1)
"""A device's clock may be this far ahead before its time is taken for wrong."""
BEHIND: Final = timedelta(days=7)
DEADLOCK: Final = "40P01"
TRIES: Final = 3
UNKNOWN: Final = Verdict(Decision.refused, Reason.unknown_badge)
UNKNOWN_TO_THE_DEVICE: Final = frozenset(
    {
        Reason.revoked,
        Reason.superseded,
        Reason.cancelled,
        Reason.blocked,
        Reason.already_inside,
        Reason.zone_full,
    }
)
"""What a device without network may not have heard, so that it let the person in."""


@dataclass(frozen=True)
class Showing:
    """A scan, where it was made, and what was shown."""

    device_id: UUID
    gate: Gate
    scan: Scan
    shown: str | Reason
    """The badge's id or number; or what is wrong with it."""
    traceparent: str = field(default_factory=trace.traceparent)


@dataclass
class _Case:
    """One showing on its way to an answer."""

    showing: Showing
    at: datetime
    direction: Direction
    zone: Zone
    session: date
    person: Person | None = None
    late: Sequence[Passage] | None = None
    """The person's passages, where one of them is later than this."""
    verdict: Verdict = UNKNOWN
    conflict: Reason | None = None

    @property
    def passes(self) -> bool:
        return self.person is not None and self.verdict.decision == Decision.admitted


async def identify(gates: Gates, scan: Scan) -> str | Reason:
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


@dataclass(frozen=True)
class Memory:
    """What a process remembers from scan to scan; nothing that it could not do without."""

    crowd: Crowd = field(default_factory=Crowd)
    alarms: Alarms = field(default_factory=Alarms)


async def judge(gates: Gates, memory: Memory, showings: Sequence[Showing]) -> list[Answer | None]:
    """Judge scans and write them into the log, in their order.

    Answers None for one that was not written: it is in the log already, or its device was unpaired.
    """
    for attempt in range(1, TRIES + 1):
        try:
            return await _judge(gates, memory, showings)
        except DBAPIError as error:
            # Who holds several persons may meet the news of one of them the other way round.
            if getattr(error.orig, "sqlstate", None) != DEADLOCK or attempt == TRIES:
                raise
    raise AssertionError("unreachable")


async def _judge(gates: Gates, memory: Memory, showings: Sequence[Showing]) -> list[Answer | None]:
    answers: list[Answer | None] = []
    async with gates.database.begin() as tx:
        held = await _hold(tx, showings)
        left = list(showings)
        while left:
            turn = _one_of_each(held, left)
            answers += await _judge_turn(gates, memory, tx, held, turn)
            left = left[len(turn) :]
        after_commit(tx, gates.live.changed)
    return answers


async def _hold(tx: AsyncConnection, showings: Sequence[Showing]) -> Mapping[str, Held]:
    known = [each for each in showings if not isinstance(each.shown, Reason)]
    if not known:
        return {}
    return await persons.hold(
        tx,
        [str(each.shown) for each in known if each.scan.number is None],
        [str(each.shown) for each in known if each.scan.number is not None],
    )


def _one_of_each(held: Mapping[str, Held], showings: Sequence[Showing]) -> list[Showing]:
    """The first ones, until a person or a scan comes for the second time."""
    seen: set[UUID] = set()
    turn: list[Showing] = []
    for showing in showings:
        badge = held.get(showing.shown)
        these = {showing.scan.scan_id} | ({badge.registration_id} if badge else set())
        if these & seen:
            break
        seen |= these
        turn.append(showing)
    return turn


async def _judge_turn(
    gates: Gates,
    memory: Memory,
    tx: AsyncConnection,
    held: Mapping[str, Held],
    turn: Sequence[Showing],
) -> list[Answer | None]:
    now = gates.clock.now()
    cases = [_case(gates.forum, showing, now) for showing in turn]
    await _look(tx, held, cases)
    for case in cases:
        case.late = await _passages_if_late(tx, case)
    await _decide_all(gates.forum, memory.crowd, tx, cases)
    entries = Entries()
    for case in cases:
        _enter(gates.forum, entries, case, now)
    logged = await scan_log.write(tx, entries)
    for case in cases:
        if case.showing.scan.scan_id in logged:
            if case.passes and case.late is not None:
                await _reckon_again(tx, gates.forum, case, case.late)
            await _alert(gates, memory.alarms, tx, case)
    return [_answer(case, now) if case.showing.scan.scan_id in logged else None for case in cases]


def _case(forum: Forum, showing: Showing, now: datetime) -> _Case:
    at = _plausible(showing.scan.scanned_at, now)
    return _Case(
        showing,
        at=at,
        direction=showing.scan.direction or showing.gate.direction,
        zone=forum.zone(showing.gate.zone),
        session=session_of(forum, at),
    )


def _plausible(scanned_at: datetime | None, now: datetime) -> datetime:
    """When a scan was made: the device's word, unless its clock is plainly wrong."""
    if scanned_at is None or not now - BEHIND <= scanned_at <= now + AHEAD:
        return now
    return min(scanned_at, now)


# --- who, and where they are ----------------------------------------------------------------------


async def _look(tx: AsyncConnection, held: Mapping[str, Held], cases: Sequence[_Case]) -> None:
    """Find out about everybody."""
    known = [(case, held[case.showing.shown]) for case in cases if case.showing.shown in held]
    if not known:
        return
    places = [(badge.badge_id, case.zone.id) for case, badge in known]
    found = await persons.look(tx, places)
    strangers = sorted(row.registration_id for row in found if row.participant_status is None)
    for registration_id in strangers:
        await persons.hold_particulars(tx, registration_id)
    if strangers:
        found = await persons.look(tx, places)
    for (case, _), person in zip(known, found, strict=True):
        case.person = person


async def _passages_if_late(tx: AsyncConnection, case: _Case) -> list[Passage] | None:
    person = case.person
    if person is None or person.presence_at is None or case.at >= person.presence_at:
        return None
    return await passages.of(tx, person.registration_id, case.zone.id)


def _presence(forum: Forum, case: _Case, person: Person) -> Presence:
    """Where the person stands in the gate's zone."""
    if case.late is not None:
        return passages.presence_in(forum, case.zone, case.late, case.at)
    return Presence(
        inside=bool(person.inside) and person.session == case.session,
        entered_today=person.last_entry_day == forum.day_of(case.at),
    )


# --- may they pass --------------------------------------------------------------------------------


async def _decide_all(
    forum: Forum, crowd: Crowd, tx: AsyncConnection, cases: Sequence[_Case]
) -> None:
    inside: Counter[tuple[str, date]] = Counter()
    for case in cases:
        if isinstance(case.showing.shown, Reason):
            case.verdict = Verdict(Decision.refused, case.showing.shown)
        if case.person is None:
            continue
        there = (case.zone.id, case.session)
        if case.direction == "in" and there not in inside:
            inside[there] = await crowd.inside(tx, case.zone, case.session)
        presence = _presence(forum, case, case.person)
        _decide(forum, case, case.person, presence, inside[there])
        if case.passes:
            by = (case.direction == "in") - presence.inside
            inside[there] += by
            crowd.moved(case.zone, case.session, by)


def _decide(forum: Forum, case: _Case, person: Person, presence: Presence, occupancy: int) -> None:
    scan = case.showing.scan
    case.verdict = decide(
        forum,
        case.showing.gate,
        case.direction,
        forum.day_of(case.at),
        persons.badge(person),
        presence,
        occupancy,
        override=scan.override is not None,
    )
    if case.verdict.decision == Decision.refused and _was_let_in(case, person):
        case.conflict = case.verdict.reason
        reason = Reason.reentry if presence.entered_today else Reason.first_entry
        case.verdict = Verdict(Decision.admitted, reason)
    elif scan.admitted is False and case.direction == "in":
        # Nobody passed, whatever the rules say now.
        told = scan.told or Reason.unknown_badge
        case.verdict = Verdict(Decision.refused, told)


def _was_let_in(case: _Case, person: Person) -> bool:
    """Whether the person is inside in fact: a device without network could not know better."""
    scan, reason = case.showing.scan, case.verdict.reason
    if scan.admitted is not None or not scan.is_late or scan.scanned_at is None:
        return bool(scan.admitted)
    if reason == Reason.already_inside and person.presence_device_id == case.showing.device_id:
        return False  # by its own scan: that it did know
    return reason in UNKNOWN_TO_THE_DEVICE


# --- what follows ---------------------------------------------------------------------------------


def _enter(forum: Forum, entries: Entries, case: _Case, now: datetime) -> None:
    entry = _entry(case, now)
    entries.scans.append(entry)
    entries.events.append(
        Event("/checkin", now, _fact(entry), traceparent=case.showing.traceparent)
    )
    if case.passes and case.late is None and case.person is not None:
        _follow(forum, entries, case, case.person)


def _entry(case: _Case, now: datetime) -> dict[str, Any]:
    showing, person, verdict = case.showing, case.person, case.verdict
    return {
        "scan_id": showing.scan.scan_id,
        "device_id": showing.device_id,
        "gate": showing.gate.id,
        "entrance": showing.gate.entrance,
        "zone": case.zone.id,
        "direction": case.direction,
        "badge_id": person.badge_id if person else None,
        "registration_id": person.registration_id if person else None,
        "decision": verdict.decision,
        "reason": verdict.reason,
        "overridden": verdict.overridden,
        "conflict": case.conflict,
        "said": showing.scan.override if verdict.overridden else None,
        "at": case.at,
        "device_time": showing.scan.scanned_at,
        "decided_at": now,
        "previous": person.presence_scan_id if person else None,
    }


def _follow(forum: Forum, entries: Entries, case: _Case, person: Person) -> None:
    """Bring presence and attendance up to date with a new passage."""
    passage = _passage(case)
    today = forum.day_of(passage.at)
    enters = passage.direction == "in"
    entries.presence.append(
        {
            "registration_id": person.registration_id,
            "zone": case.zone.id,
            "inside": enters and case.zone.scan_out,
            "session": case.session,
            "last_entry_day": today if enters else person.last_entry_day,
            "scan_id": passage.scan_id,
            "at": passage.at,
            "gate": passage.gate,
        }
    )
    if enters and case.zone == forum.main_zone and person.last_entry_day != today:
        entries.arrivals.append(passages.arrival_of(today, passage, person))


async def _reckon_again(
    tx: AsyncConnection, forum: Forum, case: _Case, others: Sequence[Passage]
) -> None:
    """Bring presence and attendance up to date with a passage before the last one."""
    assert case.person is not None  # whose passages these are
    passage = _passage(case)
    way = passages.within(others, passage)
    await passages.reckon_again(tx, forum, case.zone, case.person, way, passage.at)


async def _alert(gates: Gates, alarms: Alarms, tx: AsyncConnection, case: _Case) -> None:
    showing, person = case.showing, case.person
    kind = alarms.about(showing.device_id, case.verdict.reason, case.conflict)
    if kind is not None:
        await raise_alert(
            tx,
            gates,
            kind,
            at=case.at,
            gate=showing.gate.id,
            device_id=showing.device_id,
            scan_id=showing.scan.scan_id,
            registration_id=person.registration_id if person else None,
            detail=case.conflict,
        )


def _passage(case: _Case) -> Passage:
    gate = case.showing.gate
    return Passage(case.showing.scan.scan_id, case.at, gate.id, gate.entrance, case.direction)


def _fact(entry: Mapping[str, Any]) -> Fact:
    if entry["decision"] == Decision.refused:
        return ScanRefused(reason=entry["reason"], **about(entry))
    if entry["reason"] == Reason.departed:
        return AttendanceDeparted(**about(entry))
    return AttendanceAdmitted(reason=entry["reason"], **about(entry))


def _answer(case: _Case, now: datetime) -> Answer:
    return Answer(
        scan_id=case.showing.scan.scan_id,
        decision=case.verdict.decision,
        reason=case.verdict.reason,
        participant=None if case.person is None else persons.shown(case.person),
        previous=None if case.person is None else _previous_of(case.person),
        decided_at=now,
        conflict=case.conflict,
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
