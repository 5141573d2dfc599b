"""A scan on its way from the badge that was shown to the answer: what is judged, and how.

No I/O: judging.py brings what there is to know, and writes what follows.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from typing import Any, Final
from uuid import UUID

from uuid_utils.compat import uuid7

from services.checkin import passages, persons
from services.checkin.admission import (
    Decision,
    Direction,
    Presence,
    Reason,
    Verdict,
    decide,
    session_of,
)
from services.checkin.alerts import AlertKind
from services.checkin.passages import Passage
from services.checkin.persons import Person
from services.checkin.scans import Answer, PreviousOut, Scan
from shared import caller, trace
from shared.forum import Forum, Gate, Zone

AHEAD: Final = timedelta(minutes=1)
"""A device's clock may be this far ahead before its time is taken for wrong."""
BEHIND: Final = timedelta(days=7)
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
    address: str | None = field(default_factory=lambda: caller.current().address)
    """From where the device calls."""


@dataclass
class Case:
    """One showing on its way to an answer."""

    forum: Forum
    showing: Showing
    person: Person | None
    now: datetime
    late: Sequence[Passage] | None = None
    """The person's passages, where one of them is later than this; see `comes_late`."""
    verdict: Verdict = UNKNOWN
    conflict: Reason | None = None
    alert: AlertKind | None = None
    at: datetime = field(init=False)
    day: date = field(init=False)
    direction: Direction = field(init=False)
    zone: Zone = field(init=False)
    session: date = field(init=False)
    presence: Presence = field(init=False, default=Presence())

    def __post_init__(self) -> None:
        scan, gate = self.showing.scan, self.showing.gate
        self.at = plausible(scan.scanned_at, self.now)
        last = None if self.person is None else self.person.last
        if last is not None and last.at > self.now and not scan.is_late:
            # A rehearsal that was started again lives through its morning twice; the clocks of two
            # replicas differ a little. Whoever stands at the gate now comes after all that was.
            self.at = last.at
        self.day = self.forum.day_of(self.at)
        self.direction = scan.direction or gate.direction
        self.zone = self.forum.zone(gate.zone)
        self.session = session_of(self.forum, self.at)

    @property
    def scan_id(self) -> UUID:
        return self.showing.scan.scan_id

    @property
    def passes(self) -> bool:
        return self.person is not None and self.verdict.decision == Decision.admitted

    @property
    def comes_late(self) -> bool:
        """Whether the person has passed since: then it changes what lies in the middle."""
        last = None if self.person is None else self.person.last
        return last is not None and self.at < last.at

    @property
    def is_of_a_stranger(self) -> bool:
        """Whether the badge is known and its person is not yet."""
        return self.person is not None and self.person.participant_status is None

    @property
    def passage(self) -> Passage:
        gate = self.showing.gate
        return Passage(self.scan_id, self.at, gate.id, gate.entrance, self.direction)


def plausible(device_time: datetime | None, now: datetime) -> datetime:
    """When something was done: the device's word, unless its clock is plainly wrong."""
    if device_time is None or not now - BEHIND <= device_time <= now + AHEAD:
        return now
    return min(device_time, now)


# --- may they pass --------------------------------------------------------------------------------


def judge(case: Case, occupancy: int) -> None:
    """Give the case its verdict.

    Args:
        case: with all that is known.
        occupancy: how many are inside the zone.
    """
    if isinstance(case.showing.shown, Reason):
        case.verdict = Verdict(Decision.refused, case.showing.shown)
    if case.person is None:
        return
    scan = case.showing.scan
    case.presence = _presence(case, case.person)
    case.verdict = decide(
        case.forum,
        case.showing.gate,
        case.direction,
        case.day,
        persons.badge(case.person),
        case.presence,
        occupancy,
        override=scan.override is not None,
    )
    if case.verdict.decision == Decision.refused and _was_let_in(case, case.person):
        case.conflict = case.verdict.reason
        reason = Reason.reentry if case.presence.entered_today else Reason.first_entry
        case.verdict = Verdict(Decision.admitted, reason)
    elif scan.admitted is False and case.direction == "in":
        # Nobody passed, whatever the rules say now.
        told = scan.told or Reason.unknown_badge
        case.verdict = Verdict(Decision.refused, told)


def _presence(case: Case, person: Person) -> Presence:
    """Where the person stands in the gate's zone."""
    if case.late is not None:
        return passages.presence_in(case.forum, case.zone, case.late, case.at)
    return Presence(
        inside=bool(person.inside) and person.session == case.session,
        entered_today=person.last_entry_day == case.day,
    )


def _was_let_in(case: Case, person: Person) -> bool:
    """Whether the person is inside in fact: a device without network could not know better."""
    scan, reason = case.showing.scan, case.verdict.reason
    if scan.admitted is not None or not scan.is_late or scan.scanned_at is None:
        return bool(scan.admitted)
    by_itself = person.last is not None and person.last.device_id == case.showing.device_id
    if reason == Reason.already_inside and by_itself:
        return False  # that it did know
    return reason in UNKNOWN_TO_THE_DEVICE


# --- what follows ---------------------------------------------------------------------------------


def line(case: Case) -> dict[str, Any]:
    """The case as scan_log.py writes it."""
    showing, person, verdict = case.showing, case.person, case.verdict
    written: dict[str, Any] = {
        "scan_id": case.scan_id,
        "device_id": showing.device_id,
        "gate": showing.gate.id,
        "entrance": showing.gate.entrance,
        "zone": case.zone.id,
        "direction": case.direction,
        "decision": verdict.decision,
        "reason": verdict.reason,
        "overridden": verdict.overridden,
        "conflict": case.conflict,
        "said": showing.scan.override if verdict.overridden else None,
        "at": case.at,
        "device_time": showing.scan.scanned_at,
        "decided_at": case.now,
        "traceparent": showing.traceparent,
    }
    if verdict.overridden:
        written["address"] = showing.address
    if person is not None:
        written["badge_id"] = person.badge_id
        written["registration_id"] = person.registration_id
        written["previous"] = person.last.scan_id if person.last else None
        if case.passes and case.late is None:
            written |= _passing(case, person)
    if case.alert is not None:
        written |= {"alert_id": uuid7(), "alert": case.alert}
    return written


def _passing(case: Case, person: Person) -> dict[str, Any]:
    """Where a new passage leaves the person, and the day that it begins."""
    today = case.day
    enters = case.direction == "in"
    left = {
        "inside": enters and case.zone.scan_out,
        "session": case.session,
        "last_entry_day": today if enters else person.last_entry_day,
        "seen": person.seen,
    }
    if enters and case.zone == case.forum.main_zone and person.last_entry_day != today:
        arrival = passages.arrival_of(today, case.passage, person)
        left |= {name: getattr(arrival, name) for name in _DAY_THAT_BEGINS}
    return left


_DAY_THAT_BEGINS: Final = ("day", "category", "country", "region")
"""What the log's line has of an arrival; the rest of it is the scan's."""


def answer(case: Case) -> Answer:
    person = case.person
    return Answer(
        scan_id=case.scan_id,
        decision=case.verdict.decision,
        reason=case.verdict.reason,
        participant=None if person is None else persons.shown(person),
        previous=None if person is None else _previous_of(person),
        decided_at=case.now,
        conflict=case.conflict,
    )


def _previous_of(person: Person) -> PreviousOut | None:
    last = person.last
    if last is None:
        return None
    return PreviousOut(
        scan_id=last.scan_id,
        at=last.at,
        gate=last.gate,
        entrance=last.entrance,
        direction=last.direction,
    )
