"""One correlation id from the HTTP request through events to the mail: W3C Trace Context.

The trace id is the correlation id; every hop gets a span id of its own.
Source: https://www.w3.org/TR/trace-context/
"""

from __future__ import annotations

import random
import re
from contextvars import ContextVar

import structlog

# All zeros are no id; a later version may have more behind the flags, and no version is ff.
_TRACEPARENT = re.compile(
    r"(?!ff)[0-9a-f]{2}-(?!0{32})([0-9a-f]{32})-(?!0{16})[0-9a-f]{16}-[0-9a-f]{2}(?:-.*)?"
)
_current: ContextVar[str | None] = ContextVar("traceparent", default=None)


def next_hop(traceparent: str | None) -> str:
    """The given trace under a span id of its own; a new trace if none is given, or no valid one."""
    match = _TRACEPARENT.fullmatch(traceparent or "")
    # Each is to be unlike the others, not a secret: the system's own randomness costs more.
    fresh = f"{random.getrandbits(192):048x}"
    trace_id = match.group(1) if match else fresh[16:]
    return f"00-{trace_id}-{fresh[:16]}-01"


def follow(traceparent: str | None) -> str:
    """Continue the given trace in this context, or begin one; answers the new traceparent."""
    current = next_hop(traceparent)
    _current.set(current)
    structlog.contextvars.bind_contextvars(trace_id=_trace_id(current))
    return current


def traceparent() -> str:
    """The traceparent of this context; begins a trace where there is none (a job, a command)."""
    return _current.get() or follow(None)


def trace_id() -> str:
    return _trace_id(traceparent())


def _trace_id(traceparent: str) -> str:
    return traceparent.split("-")[1]
