"""What a rehearsal was told by the system, to be compared with what the system says afterwards."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from typing import Any
from uuid import UUID

from shared.forum import Forum


@dataclass(frozen=True)
class Told:
    """A scan and its answer."""

    scan_id: str
    at: datetime
    registration_id: UUID | None
    zone: str
    direction: str
    decision: str
    reason: str


@dataclass
class Ledger:
    """Every scan that was sent, and what came back."""

    forum: Forum
    scans: dict[str, Told] = field(default_factory=dict)
    undone: set[str] = field(default_factory=set)
    unexpected: Counter[tuple[str, str]] = field(default_factory=Counter)
    """Answers that should have been others: what was expected, and what came."""

    def note(self, told: Told) -> None:
        self.scans[told.scan_id] = told

    def answers(self) -> Counter[str]:
        """How many scans had each reason."""
        return Counter(told.reason for told in self.scans.values())

    def arrivals(self) -> set[tuple[UUID, date]]:
        """Who came on which day."""
        return {
            (told.registration_id, self.forum.day_of(told.at))
            for told in self._passages()
            if told.registration_id is not None and told.direction == "in"
        }

    def inside(self, day: date) -> int:
        """How many are inside by the last word on each of a day."""
        last: dict[UUID, str] = {}
        for told in sorted(self._passages(), key=lambda told: told.at):
            if told.registration_id is not None and self.forum.day_of(told.at) == day:
                last[told.registration_id] = told.direction
        return Counter(last.values())["in"]

    def refused(self, day: date) -> int:
        return sum(
            told.decision == "refused" and self.forum.day_of(told.at) == day
            for told in self.scans.values()
        )

    def _passages(self) -> Iterator[Told]:
        for told in self.scans.values():
            if (
                told.decision == "admitted"
                and told.zone == self.forum.main_zone.id
                and told.scan_id not in self.undone
            ):
                yield told


@dataclass(frozen=True)
class Check:
    """A figure of the rehearsal, and the system's own."""

    about: str
    sent: int
    found: int

    @property
    def good(self) -> bool:
        return self.sent == self.found


def compare(
    ledger: Ledger,
    log: Sequence[Mapping[str, str]],
    attendance: Sequence[Mapping[str, str]],
) -> list[Check]:
    """Hold the log and the attendance against what was told.

    Args:
        ledger: what was told.
        log: the rows of scans.csv.
        attendance: the rows of attendance.csv.
    """
    logged = Counter(row["scan_id"] for row in log)
    same = {
        row["scan_id"]
        for row in log
        if (told := ledger.scans.get(row["scan_id"]))
        and (told.decision, told.reason) == (row["decision"], row["reason"])
    }
    taken_back = {row["undoes"] for row in log if row["undoes"]}
    ours = {told.registration_id for told in ledger.scans.values()}
    days = {ledger.forum.day_of(told.at) for told in ledger.scans.values()}
    came = {
        (UUID(row["registration_id"]), date.fromisoformat(row["day"]))
        for row in attendance
        if UUID(row["registration_id"]) in ours and date.fromisoformat(row["day"]) in days
    }
    arrived = ledger.arrivals()
    return [
        Check("scans in the log, once each", len(ledger.scans), _once(logged, ledger.scans)),
        Check("scans with the answer that was given", len(ledger.scans), len(same)),
        Check("scans taken back", len(ledger.undone), len(ledger.undone & taken_back)),
        Check("people and days in attendance", len(arrived), len(came)),
        Check("of them the same people and days", len(arrived), len(arrived & came)),
    ]


def compare_figures(
    ledger: Ledger, today: date, before: Mapping[str, Any], after: Mapping[str, Any]
) -> list[Check]:
    """Hold the live figures against what was told; of a system that nobody had entered before."""
    came_today = sum(day == today for _, day in ledger.arrivals())
    changed = {name: after[name] - before[name] for name in _FIGURES}
    return [
        Check("inside now", ledger.inside(today), changed["inside"]),
        Check("arrived today", came_today, changed["arrived_today"]),
        Check("refused today", ledger.refused(today), changed["refused_today"]),
    ]


_FIGURES = ("inside", "arrived_today", "refused_today")


def _once(logged: Counter[str], sent: Mapping[str, Told]) -> int:
    return sum(logged[scan_id] == 1 for scan_id in sent)
