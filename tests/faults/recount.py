"""The live figures, counted from the log by hand, and not with the service's own statements."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any, Final
from uuid import UUID
from zoneinfo import ZoneInfo

from shared import countries
from tests.faults.ledger import Ledger

VENUE: Final = "venue"
GENEVA: Final = ZoneInfo("Europe/Zurich")


def recount(ledger: Ledger, log: Sequence[Mapping[str, Any]], badged: int) -> dict[str, Any]:
    """What the live page must show, when all scans are of one day."""
    in_order = sorted(log, key=lambda row: (row["at"], row["seq"]))
    passages = [
        row
        for row in in_order
        if row["decision"] == "admitted"
        and row["zone"] == VENUE
        and row["scan_id"] not in ledger.undone
    ]
    first: dict[UUID, Mapping[str, Any]] = {}
    last: dict[UUID, str] = {}
    for row in passages:
        last[row["registration_id"]] = row["direction"]
        if row["direction"] == "in":
            first.setdefault(row["registration_id"], row)
    refusals = Counter(row["reason"] for row in log if row["decision"] == "refused")
    people = [ledger.people[person] for person in first]
    return {
        "registered": sum(p.status == "confirmed" for p in ledger.people.values()),
        "badged": badged,
        "arrived_total": len(first),
        "arrived_today": len(first),
        "inside": sum(direction == "in" for direction in last.values()),
        "refused_today": refusals.total(),
        "refusals_by_reason": dict(refusals),
        "by_entrance": dict(Counter(row["entrance"] for row in first.values())),
        "by_category": dict(Counter(person.category for person in people)),
        "by_country": dict(Counter(person.country for person in people)),
        "by_region": dict(Counter(str(countries.region(p.country)) for p in people)),
        "by_minute": dict(
            Counter(f"{row['at'].astimezone(GENEVA):%H:%M}" for row in first.values())
        ),
    }
