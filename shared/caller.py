"""Who calls, and from where: kept beside the trace while a request is answered, so that the audit
log (shared/audit.py) has it without every function's passing it on."""

from __future__ import annotations

from contextvars import ContextVar
from dataclasses import dataclass
from typing import Final

SYSTEM: Final = "system"
"""Nobody: a job, or an event that is heard."""
DEVICE: Final = "device"


@dataclass
class Caller:
    """Whoever is behind the request at hand."""

    address: str | None = None
    """As the proxies that are trusted tell it (FORUMPASS_TRUSTED_PROXIES)."""
    who: str = SYSTEM
    role: str = SYSTEM
    """A member of staff's; or `device`, `system`."""

    @property
    def is_known(self) -> bool:
        """Whether staff or a device call, and not the public or a job."""
        return self.role != SYSTEM


_current: ContextVar[Caller | None] = ContextVar("caller", default=None)


def arrives(address: str | None) -> None:
    """A request begins; who sends it is not known yet."""
    _current.set(Caller(address))


def is_known_as(who: str, role: str) -> None:
    """The request at hand comes from this member of staff, or device."""
    caller = _current.get()
    if caller is None:
        _current.set(Caller(who=who, role=role))
    else:
        caller.who, caller.role = who, role


def current() -> Caller:
    return _current.get() or Caller()
