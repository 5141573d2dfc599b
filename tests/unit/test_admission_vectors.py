"""The rules at the gate, by the examples that the gate app is tested with too."""

from __future__ import annotations

import json
from typing import Any, Final

import pytest

from services.checkin.admission import CAN_BE_OVERRIDDEN, Reason
from shared.settings import REPOSITORY
from tests.admission import day_and_session, decision, forum_as_told

VECTORS: Final[dict[str, Any]] = json.loads(
    (REPOSITORY / "tests" / "vectors" / "admission.json").read_text(encoding="utf-8")
)
FORUM: Final = forum_as_told(VECTORS["forum"])


def named(vectors: list[dict[str, Any]]) -> list[Any]:
    return [pytest.param(vector, id=vector["name"]) for vector in vectors]


@pytest.mark.parametrize("vector", named(VECTORS["decisions"]))
def test_a_scan_is_judged_as_its_vector_says(vector: dict[str, Any]) -> None:
    assert decision(FORUM, vector) == vector["expected"]


@pytest.mark.parametrize("vector", named(VECTORS["sessions"]))
def test_a_moment_belongs_to_the_day_and_session_that_its_vector_says(
    vector: dict[str, Any],
) -> None:
    assert day_and_session(FORUM, vector["at"]) == vector["expected"]


def test_the_vectors_show_every_reason_and_every_override() -> None:
    expected = [vector["expected"] for vector in VECTORS["decisions"]]
    before_the_rules = {Reason.malformed, Reason.bad_signature, Reason.unknown_badge}
    assert {one["reason"] for one in expected} == set(Reason) - before_the_rules
    assert {one["overridden"] for one in expected} == {None, *CAN_BE_OVERRIDDEN}
