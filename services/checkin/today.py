"""Today in memory: who came and who is inside, with the figures that follow. Pure, no I/O.

It is told of persons, not of changes: what is known of somebody is replaced as a whole by what the
tables say. So it does not matter how often, or in what order, it is told.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import date
from typing import NamedTuple
from uuid import UUID
from zoneinfo import ZoneInfo

from services.checkin.attendance import Counts, Totals, in_fives, minute_at
from services.checkin.curve import Curve, Peak


class Arrived(NamedTuple):
    """Somebody's first entry today, with the groups that it counts in."""

    minute: int
    """Since the epoch."""
    entrance: str
    category: str
    country: str
    region: str
    gender: str


class Stands(NamedTuple):
    """All that counts of somebody."""

    registration_id: UUID
    arrived: Arrived | None
    came_before: bool
    """On another day."""
    inside_in: date | None
    """The session in which they are inside."""


@dataclass
class Today:
    """The figures of one day; see `Totals` for what each means."""

    day: date
    timezone: ZoneInfo
    venue_limit: int
    registered: int = 0
    badged: int = 0
    curve: Curve = field(default_factory=Curve)
    peak: Peak | None = None
    refusals: Counter[str] = field(default_factory=Counter)
    _arrived: dict[UUID, Arrived] = field(default_factory=dict)
    _came_before: set[UUID] = field(default_factory=set)
    _inside: dict[UUID, date] = field(default_factory=dict)
    _sessions: Counter[date] = field(default_factory=Counter)
    _new: int = 0
    """Who came for the first time."""
    _by: tuple[Counter[str], ...] = field(
        default_factory=lambda: tuple(Counter() for _ in Arrived._fields[1:])
    )
    _by_entrance_and_minute: dict[str, Counter[str]] = field(default_factory=dict)
    _by_minute: Counter[str] = field(default_factory=Counter)

    def learn(self, people: Iterable[Stands]) -> None:
        """Replace what is known of these people."""
        for person in people:
            self._forget(person.registration_id)
            self._note(person)

    def nameless(self) -> list[UUID]:
        """Who came before we had heard who it is."""
        return [who for who, arrived in self._arrived.items() if not arrived.category]

    def inside(self, session: date) -> int:
        return self._sessions[session]

    def totals(self, session: date) -> Totals:
        entrance, category, country, region, gender = self._by
        return Totals(
            day=self.day,
            registered=self.registered,
            badged=self.badged,
            arrived_total=len(self._came_before) + self._new,
            arrived_today=len(self._arrived),
            inside=self.inside(session),
            refused_today=self.refusals.total(),
            by_entrance=_counted(entrance),
            by_category=_counted(category),
            by_country=_counted(country),
            by_region=_counted(region),
            by_gender=in_fives(gender),
            by_minute=_counted(self._by_minute),
            by_entrance_and_minute={
                place: minutes
                for place, counted in self._by_entrance_and_minute.items()
                if (minutes := _counted(counted))
            },
            refusals_by_reason=_counted(self.refusals),
            venue_limit=self.venue_limit,
            peak=self.peak,
            inside_by_minute=self.curve.by_minute,
        )

    def _forget(self, who: UUID) -> None:
        arrived = self._arrived.pop(who, None)
        if arrived is not None:
            self._count(arrived, -1)
            self._new -= who not in self._came_before
        self._came_before.discard(who)
        session = self._inside.pop(who, None)
        if session is not None:
            self._sessions[session] -= 1

    def _note(self, person: Stands) -> None:
        who = person.registration_id
        if person.came_before:
            self._came_before.add(who)
        if person.arrived is not None:
            self._arrived[who] = person.arrived
            self._count(person.arrived, 1)
            self._new += not person.came_before
        if person.inside_in is not None:
            self._inside[who] = person.inside_in
            self._sessions[person.inside_in] += 1

    def _count(self, arrived: Arrived, by: int) -> None:
        minute = minute_at(self.timezone, arrived.minute)
        for counter, group in zip(self._by, arrived[1:], strict=True):
            counter[group] += by
        self._by_minute[minute] += by
        self._by_entrance_and_minute.setdefault(arrived.entrance, Counter())[minute] += by


def _counted(counter: Counter[str]) -> Counts:
    return {group: count for group, count in counter.items() if count}
