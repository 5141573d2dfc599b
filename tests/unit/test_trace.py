"""One correlation id from the request to the mail: W3C Trace Context."""

from __future__ import annotations

import contextvars
import re
from collections.abc import Callable

import pytest
import structlog

from shared import trace

PARENT = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"
OURS = re.compile(r"00-[0-9a-f]{32}-[0-9a-f]{16}-01")


def apart(act: Callable[[], str]) -> str:
    """What it answers in a context of its own, as a request or a job has."""
    return contextvars.Context().run(act)


def test_a_trace_goes_on_with_a_span_of_our_own() -> None:
    ours = apart(lambda: trace.follow(PARENT))
    assert OURS.fullmatch(ours)
    assert ours.split("-")[1] == PARENT.split("-")[1]
    assert ours.split("-")[2] != PARENT.split("-")[2]


@pytest.mark.parametrize(
    "header",
    [
        None,
        "",
        "hello",
        "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331",
        "00-0AF7651916CD43DD8448EB211C80319C-b7ad6b7169203331-01",
        "00-00000000000000000000000000000000-b7ad6b7169203331-01",
        "00-0af7651916cd43dd8448eb211c80319c-0000000000000000-01",
        "ff-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01",
        f"{PARENT}\n",
        f" {PARENT}",
    ],
)
def test_whatever_is_no_trace_begins_a_new_one(header: str | None) -> None:
    ours = apart(lambda: trace.follow(header))
    assert OURS.fullmatch(ours)
    assert "0af7651916cd43dd8448eb211c80319c" not in ours.lower()


def test_a_later_version_of_the_header_is_read_as_far_as_we_know_it() -> None:
    later = PARENT.replace("00-", "cc-", 1) + "-what-the-future-brings"
    assert apart(lambda: trace.follow(later)).split("-")[1] == PARENT.split("-")[1]


def test_what_is_said_in_a_context_belongs_to_its_trace() -> None:
    def say_twice() -> str:
        trace.follow(PARENT)
        assert trace.traceparent() == trace.traceparent()
        return trace.trace_id()

    assert apart(say_twice) == PARENT.split("-")[1]


def test_a_job_without_a_request_begins_a_trace_and_keeps_it() -> None:
    def begin() -> str:
        first = trace.traceparent()
        assert trace.traceparent() == first
        return first

    assert OURS.fullmatch(apart(begin))
    assert apart(begin) != apart(begin)


def test_every_line_of_the_log_names_the_trace() -> None:
    def logged() -> str:
        trace.follow(PARENT)
        return str(structlog.contextvars.get_contextvars()["trace_id"])

    assert apart(logged) == PARENT.split("-")[1]
