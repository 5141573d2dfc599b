"""Forum time: the real one, or a rehearsal's."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from shared.clock import Clock, InvalidClock, anchored, read_clock

FIRST_MORNING = datetime(2017, 6, 12, 6, 0, tzinfo=UTC)
A_SECOND = timedelta(seconds=1)


@pytest.mark.parametrize("unset", [None, ""])
def test_without_a_setting_it_is_now(unset: str | None) -> None:
    clock = read_clock(unset)
    assert not clock.rehearsal
    assert abs(clock.now() - datetime.now(UTC)) < A_SECOND


def test_a_rehearsal_starts_when_the_setting_says_and_the_clock_runs() -> None:
    clock = read_clock("2017-06-12T08:00:00+02:00")
    assert clock.rehearsal
    first, second = clock.now(), clock.now()
    assert FIRST_MORNING <= first <= second < FIRST_MORNING + A_SECOND


def test_the_time_is_in_utc_whatever_the_offset_of_the_setting() -> None:
    for same in ("2017-06-12T06:00:00Z", "2017-06-12T15:00:00+09:00", "2017-06-12T00:30-05:30"):
        now = read_clock(same).now()
        assert now.tzinfo is UTC
        assert abs(now - FIRST_MORNING) < A_SECOND


def test_a_rehearsal_does_not_move_wall_time() -> None:
    clock = read_clock("2017-06-12T08:00:00+02:00")
    assert abs(clock.wall() - datetime.now(UTC)) < A_SECOND


def test_processes_that_start_at_different_times_agree() -> None:
    an_hour_ago = datetime.now(UTC) - timedelta(hours=1)
    clock = read_clock(f"2017-06-12T08:00:00+02:00@{an_hour_ago.isoformat()}")
    assert abs(clock.now() - (FIRST_MORNING + timedelta(hours=1))) < A_SECOND


def test_an_anchored_clock_says_the_same_and_stays_as_it_is() -> None:
    setting = anchored("2017-06-12T08:00:00+02:00")
    assert setting.startswith("2017-06-12T08:00:00+02:00@")
    assert abs(read_clock(setting).now() - FIRST_MORNING) < A_SECOND
    assert anchored(setting) == setting


@pytest.mark.parametrize(
    "text",
    [
        "tomorrow",
        "2017-06-12",
        "2017-06-12T08:00:00",
        "2017-06-12T25:00:00+02:00",
        "2017-06-12T08:00:00+02:00@noon",
        "2017-06-12T08:00:00+02:00@2017-06-12T08:00:00",
        "0001-01-01T00:00:00+14:00",  # before the calendar begins, in UTC
        "@2017-06-12T08:00:00Z",
    ],
)
def test_what_is_no_time_with_an_offset_is_refused_in_words(text: str) -> None:
    with pytest.raises(InvalidClock, match=r"is not a time such as|lacks its offset"):
        read_clock(text)


def test_two_clocks_of_one_setting_are_the_same() -> None:
    setting = anchored("2017-06-12T08:00:00+02:00")
    assert read_clock(setting) == read_clock(setting) != Clock()
