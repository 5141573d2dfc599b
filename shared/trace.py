"""One correlation id from the HTTP request through events to the mail: W3C Trace Context.

The trace id is the correlation id; every hop gets a span id of its own.
Source: https://www.w3.org/TR/trace-context/
"""

from __future__ import annotations

import re
import secrets
from contextvars import ContextVar

import structlog

# All zeros are no id; a later version may have more behind the flags, and no version is ff.
_TRACEPARENT = re.compile(
    r"(?!ff)[0-9a-f]{2}-(?!0{32})([0-9a-f]{32})-(?!0{16})[0-9a-f]{16}-[0-9a-f]{2}(?:-.*)?"
)
_current: ContextVar[str | None] = ContextVar("traceparent", default=None)


def follow(traceparent: str | None) -> str:
    """Continue the given trace in this context, or begin one; answers the new traceparent."""
    match = _TRACEPARENT.fullmatch(traceparent or "")
    fresh = secrets.token_hex(24)
    trace_id = match.group(1) if match else fresh[16:]
    current = f"00-{trace_id}-{fresh[:16]}-01"
    _current.set(current)
    structlog.contextvars.bind_contextvars(trace_id=trace_id)
    return current


def traceparent() -> str:
    """The traceparent of this context; begins a trace where there is none (a job, a command)."""
    return _current.get() or follow(None)


def trace_id() -> str:
    return traceparent().split("-")[1]
