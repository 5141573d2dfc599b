"""The gate's rules asked in the words of `tests/vectors/admission.json`."""

from __future__ import annotations

from datetime import date, datetime, time
from typing import Any, Final
from zoneinfo import ZoneInfo

from services.checkin.admission import Badge, BadgeStatus, Presence, decide, session_of
from shared import forum as forums
from shared.forum import Forum
from shared.settings import REPOSITORY

Told = dict[str, Any]
"""An object of the vectors: tests/vectors/README.md names its fields."""

_USUAL: Final = forums.load(REPOSITORY / "deploy" / "forum.toml")


def forum_as_told(told: Told) -> Forum:
    """The usual forum with these rules, and with a gate into each zone, named as the zone."""
    [zone, *_], [gate, *_] = _USUAL.zones, _USUAL.gates
    return _USUAL.model_copy(
        update={
            "timezone": ZoneInfo(told["timezone"]),
            "days": tuple(date.fromisoformat(day) for day in told["days"]),
            "venue": _USUAL.venue.model_copy(update={"closes": time.fromisoformat(told["closes"])}),
            "zones": tuple(zone.model_copy(update=one) for one in told["zones"]),
            "gates": tuple(
                gate.model_copy(update={"id": one["id"], "zone": one["id"]})
                for one in told["zones"]
            ),
        }
    )


def decision(forum: Forum, scan: Told) -> dict[str, str | None]:
    badge = scan["badge"]
    verdict = decide(
        forum,
        forum.gate(scan["zone"]),
        scan["direction"],
        forum.day_of(datetime.fromisoformat(scan["at"])),
        Badge(**badge | {"status": BadgeStatus(badge["status"])}),
        Presence(**scan["presence"]),
        scan["occupancy"],
        override=scan["override"],
    )
    return {
        "decision": verdict.decision,
        "reason": verdict.reason,
        "overridden": verdict.overridden,
    }


def day_and_session(forum: Forum, at: str) -> dict[str, str]:
    moment = datetime.fromisoformat(at)
    return {
        "day": forum.day_of(moment).isoformat(),
        "session": session_of(forum, moment).isoformat(),
    }
