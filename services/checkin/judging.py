"""Scans are judged: who is it, may they pass, and everything that follows from it.

Several scans are judged at once: look at all of them, decide, write them all. Nothing is held
meanwhile; the statement that writes sees to it that nobody has passed elsewhere in between. The few
that need more than that, such as a scan that comes late, are judged with care: in a transaction in
which nobody else can change where these people are.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass, field
from datetime import date
from typing import Final
from uuid import UUID

from sqlalchemy.exc import DBAPIError, IntegrityError
from sqlalchemy.ext.asyncio import AsyncConnection

from services.checkin import cases, passages, persons, scan_log
from services.checkin.admission import Reason
from services.checkin.alarms import Alarms
from services.checkin.cases import Case, Showing
from services.checkin.crowd import Crowd
from services.checkin.gates import Gates
from services.checkin.passages import Passage
from services.checkin.persons import Person
from services.checkin.scans import Answer, Scan
from shared import badge_number
from shared.badge_number import InvalidBadgeNumber
from shared.credential import BadSignature, Malformed
from shared.database import Run, statements_in
from shared.forum import Forum

DEADLOCK: Final = "40P01"
TRIES: Final = 3


@dataclass(frozen=True)
class Memory:
    """What a process remembers from scan to scan; nothing that it could not do without."""

    crowd: Crowd = field(default_factory=Crowd)
    alarms: Alarms = field(default_factory=Alarms)


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


async def judge(gates: Gates, memory: Memory, showings: Sequence[Showing]) -> list[Answer | None]:
    """Judge scans and write them into the log, in their order.

    Answers None for one that was not written: it is in the log already, its device was unpaired, or
    the person has passed elsewhere since; in that case it is to be judged again.
    """
    answers: list[Answer | None] = []
    while len(answers) < len(showings):
        answers += await _again_if_crossed(gates, memory, showings[len(answers) :])
    return answers


async def _again_if_crossed(
    gates: Gates, memory: Memory, showings: Sequence[Showing]
) -> list[Answer | None]:
    """Judge the first ones; again where two writers were in each other's way."""
    for attempt in range(1, TRIES + 1):
        try:
            return await _judge_first(gates, memory, showings)
        except DBAPIError as error:
            # Both waiting for each other, or both with the same scan id.
            crossed = isinstance(error, IntegrityError) or (
                getattr(error.orig, "sqlstate", None) == DEADLOCK
            )
            if not crossed or attempt == TRIES:
                raise
    raise AssertionError("unreachable")


async def _judge_first(
    gates: Gates, memory: Memory, showings: Sequence[Showing]
) -> list[Answer | None]:
    """Judge the scans up to where a person or a scan comes for the second time."""
    async with gates.database.hurry() as run:
        people = await _look(run, showings)
        first = _first_of_each(showings, people)
        now = gates.clock.now()
        turn = [
            Case(gates.forum, showing, person, now)
            for showing, person in zip(showings[:first], people[:first], strict=True)
        ]
        full = await _nearly_full(run, memory.crowd, turn)
        difficult = [at for at, case in enumerate(turn) if _needs_care(case, full)]
        easy = [case for at, case in enumerate(turn) if at not in difficult]
        for case in easy:
            _judge_case(memory.crowd, case)
        memory.alarms.judge(easy)
        logged = await scan_log.write(run, [cases.line(case) for case in easy])
    memory.alarms.note(case for case in easy if case.scan_id in logged)
    if difficult:
        again = await _judge_with_care(gates, memory, [turn[at] for at in difficult], full)
        for at, case in zip(difficult, again.turn, strict=True):
            turn[at] = case
        memory.alarms.note(case for case in again.turn if case.scan_id in again.logged)
        logged |= again.logged
    if logged:
        gates.scan_outbox.woken.set()
        gates.live.changed()
        if any(case.alert for case in turn):
            gates.live.alerts_changed()
    return [cases.answer(case) if case.scan_id in logged else None for case in turn]


async def _look(run: Run, showings: Sequence[Showing]) -> list[Person | None]:
    """Who it is, where the badge says so."""
    read = [(at, each) for at, each in enumerate(showings) if not isinstance(each.shown, Reason)]
    people: list[Person | None] = [None] * len(showings)
    if read:
        found = await persons.look(run, [(str(each.shown), each.gate.zone) for _, each in read])
        for (at, _), person in zip(read, found, strict=True):
            people[at] = person
    return people


def _first_of_each(showings: Sequence[Showing], people: Sequence[Person | None]) -> int:
    """How many there are before somebody, or a scan, comes for the second time."""
    seen: set[UUID] = set()
    for count, (showing, person) in enumerate(zip(showings, people, strict=True)):
        these = {showing.scan.scan_id} | ({person.registration_id} if person else set())
        if these & seen:
            return count
        seen |= these
    return len(showings)


def _needs_care(case: Case, full: Collection[tuple[str, date]]) -> bool:
    if case.is_of_a_stranger or case.comes_late:
        return True
    return case.person is not None and case.direction == "in" and _where(case) in full


def _where(case: Case) -> tuple[str, date]:
    return case.zone.id, case.session


async def _nearly_full(run: Run, crowd: Crowd, turn: Iterable[Case]) -> set[tuple[str, date]]:
    """Where so few places are left that they have to be counted one by one."""
    full = set()
    for zone, session in {(case.zone, case.session) for case in turn if case.direction == "in"}:
        if await crowd.is_nearly_full(run, zone, session):
            full.add((zone.id, session))
    return full


def _judge_case(crowd: Crowd, case: Case, occupancy: int = 0) -> None:
    cases.judge(case, occupancy)
    if case.passes:
        by = (case.direction == "in") - case.presence.inside
        crowd.moved(case.zone, case.session, by)


# --- with care ------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Judged:
    turn: Sequence[Case]
    logged: set[UUID]


async def _judge_with_care(
    gates: Gates, memory: Memory, looked_at: Sequence[Case], full: Collection[tuple[str, date]]
) -> Judged:
    """Judge people while nobody else can change where they are."""
    async with gates.database.begin() as tx:
        run = statements_in(tx)
        await _hold(tx, looked_at)
        people = await _look(run, [case.showing for case in looked_at])
        turn = [
            Case(gates.forum, case.showing, person, case.now)
            for case, person in zip(looked_at, people, strict=True)
        ]
        for case in turn:
            if case.comes_late and case.person is not None:
                case.late = await passages.of(tx, case.person.registration_id, case.zone.id)
            _judge_case(memory.crowd, case, await _occupancy(tx, case, full, turn))
        memory.alarms.judge(turn)
        logged = await scan_log.write(run, [cases.line(case) for case in turn])
        for case in turn:
            if case.scan_id in logged and case.passes and case.late is not None:
                await _reckon_again(tx, gates.forum, case, case.late)
    return Judged(turn, logged)


async def _hold(tx: AsyncConnection, turn: Iterable[Case]) -> None:
    people = [case.person for case in turn if case.person is not None]
    ids = {person.registration_id for person in people}
    await persons.hold(tx, ids)
    for person in sorted(people, key=lambda each: each.registration_id):
        if person.participant_status is None:
            await persons.hold_particulars(tx, person.registration_id)


async def _occupancy(
    tx: AsyncConnection, case: Case, full: Collection[tuple[str, date]], turn: Iterable[Case]
) -> int:
    """How many are inside; exactly, where few more may enter."""
    if case.direction == "out" or _where(case) not in full:
        return 0
    await persons.hold_occupancy(tx, case.zone.id)
    inside = await persons.occupancy(statements_in(tx), case.zone.id, case.session)
    # Those of this transaction are not written yet.
    return inside + sum(
        (other.direction == "in") - other.presence.inside
        for other in turn
        if other is not case and other.passes and _where(other) == _where(case)
    )


async def _reckon_again(
    tx: AsyncConnection, forum: Forum, case: Case, others: Sequence[Passage]
) -> None:
    """Bring presence and attendance up to date with a passage before the last one."""
    assert case.person is not None  # whose passages these are
    way = passages.within(others, case.passage)
    await passages.reckon_again(tx, forum, case.zone, case.person, way, case.at)
