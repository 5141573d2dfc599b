"""The rules at the gate, by the examples that the gate app is tested with too."""

from __future__ import annotations

import json
from datetime import date, datetime, time
from pathlib import Path
from typing import Any, Final
from zoneinfo import ZoneInfo

import pytest

from services.checkin.admission import (
    CAN_BE_OVERRIDDEN,
    Badge,
    BadgeStatus,
    Decision,
    Presence,
    Reason,
    Verdict,
    decide,
    session_of,
)
from shared import forum as forums
from shared.forum import Forum
from shared.settings import REPOSITORY

VECTORS: Final[dict[str, Any]] = json.loads(
    (Path(__file__).parents[1] / "vectors" / "admission.json").read_text(encoding="utf-8")
)


def forum_of_the_vectors() -> Forum:
    told = VECTORS["forum"]
    usual = forums.load(REPOSITORY / "deploy" / "forum.toml")
    [zone, *_], [gate, *_] = usual.zones, usual.gates
    return usual.model_copy(
        update={
            "timezone": ZoneInfo(told["timezone"]),
            "days": tuple(date.fromisoformat(day) for day in told["days"]),
            "venue": usual.venue.model_copy(update={"closes": time.fromisoformat(told["closes"])}),
            "zones": tuple(zone.model_copy(update=one) for one in told["zones"]),
            "gates": tuple(
                gate.model_copy(update={"id": one["id"], "zone": one["id"]})
                for one in told["zones"]
            ),
        }
    )


FORUM: Final = forum_of_the_vectors()


def named(vectors: list[dict[str, Any]]) -> list[Any]:
    return [pytest.param(vector, id=vector["name"]) for vector in vectors]


@pytest.mark.parametrize("vector", named(VECTORS["decisions"]))
def test_a_scan_is_judged_as_its_vector_says(vector: dict[str, Any]) -> None:
    badge = vector["badge"]
    verdict = decide(
        FORUM,
        FORUM.gate(vector["zone"]),
        vector["direction"],
        FORUM.day_of(datetime.fromisoformat(vector["at"])),
        Badge(**badge | {"status": BadgeStatus(badge["status"])}),
        Presence(**vector["presence"]),
        vector["occupancy"],
        override=vector["override"],
    )
    expected = vector["expected"]
    passed_over = expected["overridden"]
    assert verdict == Verdict(
        Decision(expected["decision"]),
        Reason(expected["reason"]),
        overridden=None if passed_over is None else Reason(passed_over),
    )


@pytest.mark.parametrize("vector", named(VECTORS["sessions"]))
def test_a_moment_belongs_to_the_day_and_session_that_its_vector_says(
    vector: dict[str, Any],
) -> None:
    moment = datetime.fromisoformat(vector["at"])
    assert {
        "day": FORUM.day_of(moment).isoformat(),
        "session": session_of(FORUM, moment).isoformat(),
    } == vector["expected"]


def test_the_vectors_show_every_reason_and_every_override() -> None:
    expected = [vector["expected"] for vector in VECTORS["decisions"]]
    before_the_rules = {Reason.malformed, Reason.bad_signature, Reason.unknown_badge}
    assert {one["reason"] for one in expected} == set(Reason) - before_the_rules
    assert {one["overridden"] for one in expected} == {None, *CAN_BE_OVERRIDDEN}
