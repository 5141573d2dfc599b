"""Plays the plan: people register while the first of them arrive, as at every forum."""

from __future__ import annotations

import asyncio
import random
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from string import ascii_uppercase, digits
from typing import Any, Final, Protocol
from uuid import UUID

from uuid_utils.compat import uuid7

from deploy.operators import NotDone
from deploy.simulation.ledger import Check, Ledger, Told, compare, compare_figures
from deploy.simulation.people import Invented, invent
from deploy.simulation.plan import OFFLINE, Kind, Step, plan_day, silent_gate
from deploy.simulation.system import System
from shared.forum import Forum

REGISTER_AT_ONCE: Final = 6
SCANS_AT_ONCE: Final = 12
LOOK_SECONDS: Final = 1.0
STATE_SECONDS: Final = 20.0
HEARD_SECONDS: Final = 30.0
TRIES: Final = 60
TRY_SECONDS: Final = 0.5
"""A gate that has not heard of a badge yet is asked again, for half a minute."""
FOREIGN: Final = "HTTPS://EXAMPLE.ORG/BOARDING-PASS"
FIGURES_AND_LETTERS: Final = digits + ascii_uppercase
"""Of Base45, in order of their value."""


class Progress(Protocol):
    """Who watches how far it is."""

    def registered(self, done: int) -> None: ...

    def badged(self, done: int) -> None: ...

    def played(self, done: int, at: datetime) -> None: ...


@dataclass
class Visitor:
    """Somebody who was invented, and what has come of them."""

    person: Invented
    registration_id: UUID | None = None
    """None, once registered: there was no place."""
    is_registered: bool = False
    credential: str = ""
    is_settled: asyncio.Event = field(default_factory=asyncio.Event)
    """They have a badge, or never get one."""
    last: asyncio.Task[None] | None = None
    """What they did last: nobody is at two gates at once."""


class Pace:
    """When it is a moment of the forum: faster than real time, but never ahead of the system's."""

    def __init__(self, begin: datetime, speed: float, ahead_of_wall: timedelta) -> None:
        self._begin = begin
        self._speed = speed
        self._ahead = ahead_of_wall
        self._started = time.monotonic()

    def system_now(self) -> datetime:
        return datetime.now(UTC) + self._ahead

    async def until(self, moment: datetime) -> None:
        due = self._started + (moment - self._begin).total_seconds() / self._speed
        while (wait := max(due - time.monotonic(), self._early(moment))) > 0:
            await asyncio.sleep(min(wait, 1.0))

    def waited(self, seconds: float) -> None:
        """Time stood still so long."""
        self._started += seconds

    def _early(self, moment: datetime) -> float:
        return (moment - self.system_now()).total_seconds()


class Rehearsal:
    """People, their days, and the system on which they are played.

    Args:
        system: the one that runs.
        forum: its forum.
        count: of people.
        seed: draws who they are and what they do.
        watched: told how far it is.
    """

    def __init__(
        self, system: System, forum: Forum, *, count: int, seed: int, watched: Progress
    ) -> None:
        self.ledger = Ledger(forum)
        self._system = system
        self._forum = forum
        self._seed = seed
        self._watched = watched
        self._visitors = [Visitor(invent(forum, seed, number)) for number in range(count)]
        self._rng = random.Random(seed)  # noqa: S311  (no secret)
        self._steps: list[Step] = []
        self._offline: list[dict[str, Any]] = []
        self._silent = False
        self._before: Mapping[str, Any] = {}
        self._ahead = timedelta()
        self._tasks: set[asyncio.Task[None]] = set()
        self._slots = asyncio.Semaphore(SCANS_AT_ONCE)

    async def begin(self) -> datetime:
        """Look at the system, and put a device at each gate; answers the forum's time.

        Raises:
            NotDone: it is no rehearsal.
        """
        rehearses, now = await self._system.clock()
        if not rehearses:
            raise NotDone(
                "This is no rehearsal: FORUMPASS_CLOCK is not set. Invented people are kept away "
                "from a forum that takes place."
            )
        self._ahead = now - datetime.now(UTC)
        self._before = await self._system.figures()
        for gate in self._forum.gates:
            await self._system.pair(gate.id)
        return now

    def plan(self, days: Sequence[date], until: datetime | None) -> int:
        """Make the plan of some days; answers how many of its steps are due by then."""
        people = [visitor.person for visitor in self._visitors]
        self._steps = [
            step for day in days for step in plan_day(self._forum, people, day, self._seed)
        ]
        return sum(until is None or step.at <= until for step in self._steps)

    async def play(self, speed: float, *, live: bool) -> int:
        """Register everybody, and play what is planned; answers how many steps.

        Args:
            speed: how many times faster than real time.
            live: whether to go on at the system's pace once its clock has been reached.
        """
        steps = self._steps
        async with asyncio.TaskGroup() as group:
            background = [
                group.create_task(self._register_all(steps)),
                group.create_task(self._fetch_badges()),
            ]
            devices = group.create_task(self._keep_devices_in_contact())
            played = await self._play(steps, speed, live=live)
            for task in background:
                await task
            devices.cancel()
        return played

    async def check(self) -> list[Check]:
        """Hold what the system says against what it was told."""
        checks = compare(
            self.ledger,
            await self._system.rows("scans.csv"),
            await self._system.rows("attendance.csv"),
        )
        if self._before["arrived_total"] == 0:
            after = await self._system.figures()
            today = date.fromisoformat(after["day"])
            checks += compare_figures(self.ledger, today, self._before, after)
        return checks

    # --- who comes ---

    async def _register_all(self, steps: Sequence[Step]) -> None:
        """In the order in which they are needed."""
        order = dict.fromkeys([step.who for step in steps] + list(range(len(self._visitors))))
        waiting = iter(order)
        done = 0

        async def some() -> None:
            nonlocal done
            for who in waiting:
                visitor = self._visitors[who]
                visitor.registration_id = await self._system.register(visitor.person)
                visitor.is_registered = True
                done += 1
                self._watched.registered(done)

        async with asyncio.TaskGroup() as group:
            for _ in range(REGISTER_AT_ONCE):
                group.create_task(some())

    async def _fetch_badges(self) -> None:
        missing = list(self._visitors)
        credentials: dict[UUID, str] = {}
        seen_at: dict[UUID, float] = {}
        while missing:
            new = await self._system.new_badges(set(credentials))
            credentials |= new
            seen_at |= dict.fromkeys(new, time.monotonic())
            at_the_gates = await self._known_at_the_gates(seen_at)
            for visitor in missing:
                if visitor.registration_id in at_the_gates:
                    visitor.credential = credentials[visitor.registration_id]
                    visitor.is_settled.set()
                elif visitor.is_registered and visitor.registration_id is None:
                    visitor.is_settled.set()
            missing = [visitor for visitor in missing if not visitor.is_settled.is_set()]
            self._watched.badged(len(self._visitors) - len(missing))
            await asyncio.sleep(LOOK_SECONDS)

    async def _known_at_the_gates(self, seen_at: Mapping[UUID, float]) -> set[UUID]:
        """Of the badges seen, in their order, as many as check-in has heard of.

        Who came sooner would be refused as unknown, a hundred times in a minute: an alert that
        nobody has planned. Badges may be stopped meanwhile, so nobody waits for ever.
        """
        heard = (await self._system.figures())["badged"]
        now = time.monotonic()
        return {
            who
            for place, (who, at) in enumerate(seen_at.items())
            if place < heard or now - at > HEARD_SECONDS
        }

    # --- what they do ---

    async def _play(self, steps: Sequence[Step], speed: float, *, live: bool) -> int:
        if not steps:
            return 0
        await self._visitors[steps[0].who].is_settled.wait()
        pace = Pace(steps[0].at, speed, self._ahead)
        done = 0
        for step in steps:
            visitor = self._visitors[step.who]
            if not live and step.at > pace.system_now():
                break
            if not visitor.is_settled.is_set():
                waited_since = time.monotonic()
                await visitor.is_settled.wait()
                pace.waited(time.monotonic() - waited_since)
            await self._have_network(step.at)
            await pace.until(step.at)
            if visitor.credential:
                await self._do(step, visitor)
            done += 1
            self._watched.played(done, step.at)
        await self._all_done()
        await self._sync()
        return done

    async def _do(self, step: Step, visitor: Visitor) -> None:
        await self._slots.acquire()
        task = asyncio.create_task(self._after(visitor.last, step, visitor))
        visitor.last = task
        self._tasks.add(task)

    async def _after(self, before: asyncio.Task[None] | None, step: Step, visitor: Visitor) -> None:
        try:
            if before is not None:
                await asyncio.wait({before})
            await self._act(step, visitor)
        finally:
            self._slots.release()

    async def _all_done(self) -> None:
        if self._tasks:
            await asyncio.gather(*self._tasks)
            self._tasks.clear()

    async def _act(self, step: Step, visitor: Visitor) -> None:
        if step.offline:
            self._silent = True
            self._offline.append(
                {
                    **self._scan(step, visitor.credential),
                    "admitted": True,
                    "reason": step.expected,
                    "_who": visitor.registration_id,
                }
            )
            return
        if step.kind == Kind.foreign:
            await self._tell(step, None, FOREIGN)
        elif step.kind == Kind.forged:
            await self._tell(step, None, forged(visitor.credential, self._rng))
        else:
            told = await self._until_known(step, visitor)
            if step.kind == Kind.override and told.reason == "already_inside":
                await self._tell(
                    step, visitor, visitor.credential, expected="override", override="Knows her"
                )
            elif step.kind == Kind.mistake and told.decision == "admitted":
                await self._system.undo(step.gate, told.scan_id)
                self.ledger.undone.add(told.scan_id)

    async def _until_known(self, step: Step, visitor: Visitor) -> Told:
        """Show a badge until the gates have heard of it."""
        for _ in range(TRIES):
            told = await self._tell(step, visitor, visitor.credential, again="unknown_badge")
            if told.reason != "unknown_badge":
                return told
            await asyncio.sleep(TRY_SECONDS)
        raise NotDone("The gates do not hear of a badge that was made.")

    async def _tell(
        self,
        step: Step,
        visitor: Visitor | None,
        credential: str,
        *,
        expected: str | None = None,
        again: str = "",
        **more: str,
    ) -> Told:
        scan = self._scan(step, credential) | more
        answer = await self._system.scan(step.gate, scan)
        told = self._note(
            step.gate, scan, answer, None if visitor is None else visitor.registration_id
        )
        wanted = step.expected if expected is None else expected
        if wanted and told.reason not in (wanted, again):
            self.ledger.unexpected[wanted, told.reason] += 1
        return told

    def _note(
        self,
        gate: str,
        scan: Mapping[str, Any],
        answer: Mapping[str, Any],
        registration_id: UUID | None,
    ) -> Told:
        place = self._forum.gate(gate)
        told = Told(
            scan_id=scan["scan_id"],
            at=datetime.fromisoformat(scan["scanned_at"]),
            registration_id=registration_id,
            zone=place.zone,
            direction=place.direction,
            decision=answer["decision"],
            reason=answer["reason"],
        )
        self.ledger.note(told)
        return told

    def _scan(self, step: Step, credential: str) -> dict[str, Any]:
        return {
            "scan_id": str(uuid7()),
            "credential": credential,
            "scanned_at": step.at.isoformat(),
        }

    # --- a gate without network ---

    async def _have_network(self, at: datetime) -> None:
        if self._offline and at >= datetime.combine(
            self._forum.day_of(at), OFFLINE[1], self._forum.timezone
        ):
            await self._all_done()
            await self._sync()

    async def _sync(self) -> None:
        """The gate has its network again, and tells what it did without."""
        self._silent = False
        told, self._offline = self._offline, []
        if not told:
            return
        gate = silent_gate(self._forum).id
        people = [scan.pop("_who") for scan in told]
        for scan, who, answer in zip(
            told, people, await self._system.sync(gate, told), strict=True
        ):
            self._note(gate, scan, answer, who)

    async def _keep_devices_in_contact(self) -> None:
        battery = {gate.id: self._rng.uniform(0.5, 1.0) for gate in self._forum.gates}
        silent = silent_gate(self._forum).id
        while True:
            for gate in battery:
                battery[gate] = max(0.05, battery[gate] - 0.002)
                if not (self._silent and gate == silent):
                    state = {"battery": round(battery[gate], 2), "charging": False, "pending": 0}
                    await self._system.report_state(gate, state)
            await asyncio.sleep(STATE_SECONDS)


def forged(credential: str, rng: random.Random) -> str:
    """The same words with another signature: one of its characters is another.

    Of lower value: with a higher one, three characters may stand for no two bytes any more.
    """
    signature = range(len(credential) - 40, len(credential))
    place = rng.choice([at for at in signature if credential[at] in FIGURES_AND_LETTERS[1:]])
    lower = FIGURES_AND_LETTERS[: FIGURES_AND_LETTERS.index(credential[place])]
    return credential[:place] + rng.choice(lower) + credential[place + 1 :]
