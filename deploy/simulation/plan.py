"""What happens on a day of the forum: pure, from a seed; nothing is sent here."""

from __future__ import annotations

import random
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from enum import StrEnum
from typing import Final

from deploy.simulation.people import Invented
from shared.forum import Forum, Gate

COMES: Final = 0.88
"""Of those who may come on a day, so many do."""
LATE_RISERS: Final = 0.22
"""So many come after the first session, around ten."""
AFTER_LUNCH: Final = 0.07
LUNCHES_OUT: Final = 0.45
STEPS_OUT: Final = 0.18
FORGETS_TO_SCAN_OUT: Final = 0.12
VISITS_A_ROOM: Final = 0.25
TRIES_A_CLOSED_ROOM: Final = 0.02
SCANNED_TWICE: Final = 0.02
COMES_ON_A_WRONG_DAY: Final = 0.05
OFFLINE: Final = (time(9, 20), time(9, 50))
"""When one of the gates has no network."""


class Kind(StrEnum):
    """What is done."""

    scan = "scan"
    override = "override"
    """A scan that is refused, and again with an officer's reason."""
    mistake = "mistake"
    """A scan that is taken back."""
    forged = "forged"
    """The person's badge, with another signature."""
    foreign = "foreign"
    """A QR that is no badge."""


@dataclass(frozen=True, order=True)
class Step:
    at: datetime
    who: int
    """The person's place among those who were invented."""
    gate: str
    kind: Kind = Kind.scan
    expected: str = ""
    """The reason that the server should give; empty: as it comes."""
    offline: bool = False
    """The gate has no network then, and tells of it later."""


def plan_day(forum: Forum, people: Sequence[Invented], day: date, seed: int) -> list[Step]:
    """Everything that happens on a day, in order of time."""
    rng = random.Random(f"{seed}/{day}")  # noqa: S311  (no secret)
    steps = [
        step
        for who, person in enumerate(people)
        for step in _of_person(forum, rng, who, person, day)
    ]
    steps += _forgeries(forum, rng, people, day)
    steps += _double_use(forum, steps)
    return sorted(steps)


def silent_gate(forum: Forum) -> Gate:
    """The gate that has no network for a while: the last way in."""
    return [gate for gate in forum.gates if _is_way(forum, gate, "in")][-1]


def _of_person(
    forum: Forum, rng: random.Random, who: int, person: Invented, day: date
) -> Iterator[Step]:
    if day not in person.days:
        if rng.random() < COMES_ON_A_WRONG_DAY:
            at = _at(forum, day, rng, time(9, 0), 40)
            yield Step(at, who, _way(forum, rng, "in"), expected="not_valid_today")
        return
    if rng.random() > COMES:
        return
    now = _arrives(forum, rng, day)
    leaves = _at(forum, day, rng, time(17, 40), 35)
    if now >= leaves - timedelta(minutes=20):
        return
    entered = _entry(forum, rng, day, who, now, "first_entry")
    yield entered
    if rng.random() < SCANNED_TWICE and not entered.offline:
        kind = Kind.override if rng.random() < 0.2 else Kind.scan
        at = now + timedelta(seconds=20)
        yield Step(at, who, entered.gate, kind, expected="already_inside")
    for out, back in _breaks(forum, rng, day, now, leaves):
        yield Step(out, who, _way(forum, rng, "out"), expected="departed")
        yield _entry(forum, rng, day, who, back, "reentry")
        now = back
    yield from _rooms(forum, rng, who, person, now, leaves)
    if rng.random() > FORGETS_TO_SCAN_OUT:
        kind = Kind.mistake if rng.random() < 0.005 else Kind.scan
        yield Step(leaves, who, _way(forum, rng, "out"), kind, expected="departed")


def _entry(
    forum: Forum, rng: random.Random, day: date, who: int, at: datetime, expected: str
) -> Step:
    gate = _way(forum, rng, "in")
    begins, ends = (datetime.combine(day, one, forum.timezone) for one in OFFLINE)
    offline = gate == silent_gate(forum).id and begins <= at < ends
    return Step(at, who, gate, expected=expected, offline=offline)


def _arrives(forum: Forum, rng: random.Random, day: date) -> datetime:
    draw = rng.random()
    if draw < AFTER_LUNCH:
        return _at(forum, day, rng, time(13, 50), 25)
    if draw < AFTER_LUNCH + LATE_RISERS:
        return _at(forum, day, rng, time(10, 0), 30)
    return _at(forum, day, rng, time(8, 40), 25)


def _breaks(
    forum: Forum, rng: random.Random, day: date, came: datetime, leaves: datetime
) -> Iterator[tuple[datetime, datetime]]:
    """When somebody goes out, and comes back."""
    breaks = []
    if rng.random() < STEPS_OUT:
        breaks.append((_at(forum, day, rng, time(10, 45), 8), rng.uniform(5, 20)))
    if rng.random() < LUNCHES_OUT:
        breaks.append((_at(forum, day, rng, time(12, 40), 15), rng.uniform(25, 70)))
    last = came
    for out, minutes in breaks:
        back = out + timedelta(minutes=minutes)
        if out > last + timedelta(minutes=2) and back < leaves - timedelta(minutes=5):
            yield out, back
            last = back


def _rooms(
    forum: Forum,
    rng: random.Random,
    who: int,
    person: Invented,
    came: datetime,
    leaves: datetime,
) -> Iterator[Step]:
    """Visits to zones within the venue, while the person is inside."""
    allowed = forum.category(person.body["category"]).zones
    for gate in forum.gates:
        if gate.zone == forum.main_zone.id or gate.direction == "out":
            continue
        may = gate.zone in allowed
        if rng.random() < (VISITS_A_ROOM if may else TRIES_A_CLOSED_ROOM):
            at = came + (leaves - came) * rng.uniform(0.2, 0.8)
            yield Step(at, who, gate.id, expected="" if may else "zone_not_allowed")


def _forgeries(
    forum: Forum, rng: random.Random, people: Sequence[Invented], day: date
) -> Iterator[Step]:
    for kind, expected in ((Kind.forged, "bad_signature"), (Kind.foreign, "malformed")):
        for _ in range(2):
            at = _at(forum, day, rng, time(9, 30), 60)
            who = rng.randrange(len(people))
            yield Step(at, who, _way(forum, rng, "in"), kind, expected)


def _double_use(forum: Forum, steps: Sequence[Step]) -> Iterator[Step]:
    """A badge shows up where the network is, after it was let in where there is none."""
    gate = next(one.id for one in forum.gates if _is_way(forum, one, "in"))
    for step in [one for one in steps if one.offline and one.expected == "first_entry"][:1]:
        yield Step(step.at + timedelta(minutes=1), step.who, gate, expected="first_entry")


def _at(forum: Forum, day: date, rng: random.Random, around: time, minutes: float) -> datetime:
    """A moment around a time, while the venue is open."""
    middle = datetime.combine(day, around, forum.timezone)
    opens = datetime.combine(day, forum.venue.opens, forum.timezone)
    at = middle + timedelta(minutes=rng.gauss(0, minutes))
    return min(max(at, opens), forum.closing_time(day) - timedelta(minutes=5))


def _way(forum: Forum, rng: random.Random, direction: str) -> str:
    """A gate of the venue; the first of the file is the one that most take."""
    gates = [gate.id for gate in forum.gates if _is_way(forum, gate, direction)]
    [gate] = rng.choices(gates, [1 / (place + 1) for place in range(len(gates))])
    return gate


def _is_way(forum: Forum, gate: Gate, direction: str) -> bool:
    return gate.zone == forum.main_zone.id and gate.direction == direction
