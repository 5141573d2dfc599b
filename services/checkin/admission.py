"""The rules at the gate: pure, no I/O. This file is the whole truth about admission.

The gate app has the same rules in TypeScript, in `web/src/gate/admission.ts`. One set of examples
drives both: `tests/vectors/admission.json`.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime, timedelta
from enum import StrEnum
from typing import Literal

from shared.forum import Forum, Gate, Zone

Direction = Literal["in", "out"]


class Decision(StrEnum):
    admitted = "admitted"
    refused = "refused"


class Reason(StrEnum):
    """Why. The refusals stand in the order in which they are looked for: the first that applies."""

    malformed = "malformed"
    bad_signature = "bad_signature"
    unknown_badge = "unknown_badge"
    revoked = "revoked"
    superseded = "superseded"
    cancelled = "cancelled"
    blocked = "blocked"
    not_valid_today = "not_valid_today"
    zone_not_allowed = "zone_not_allowed"
    already_inside = "already_inside"
    zone_full = "zone_full"

    first_entry = "first_entry"
    reentry = "reentry"
    override = "override"
    departed = "departed"


class BadgeStatus(StrEnum):
    valid = "valid"
    revoked = "revoked"
    superseded = "superseded"
    cancelled = "cancelled"


CAN_BE_OVERRIDDEN = frozenset(
    {Reason.not_valid_today, Reason.zone_not_allowed, Reason.already_inside, Reason.zone_full}
)
"""An officer may know better about days and doors, never about a stopped or forged badge."""


@dataclass(frozen=True)
class Badge:
    """What is known of the badge that was shown."""

    status: BadgeStatus
    days: int
    """Bitmap, bit 0 = first day."""
    zones: int
    """Bitmap of forum.toml's zone bits."""
    blocked: bool = False
    """Security hold on the person."""


@dataclass(frozen=True)
class Presence:
    """Where the person stands in the gate's zone, when the scan is made."""

    inside: bool = False
    entered_today: bool = False


@dataclass(frozen=True)
class Verdict:
    decision: Decision
    reason: Reason
    overridden: Reason | None = None
    """What the officer's override passed over."""


def decide(
    forum: Forum,
    gate: Gate,
    direction: Direction,
    today: date,
    badge: Badge,
    presence: Presence,
    occupancy: int,
    *,
    override: bool = False,
) -> Verdict:
    """Judge one scan of a badge whose signature is good.

    Args:
        forum: days and zones.
        gate: where the scan was made.
        direction: which way the person goes.
        today: the forum's day of the scan.
        badge: what is known of the badge.
        presence: what the log says of the person in this zone.
        occupancy: how many are inside the zone.
        override: the officer lets the person in and says why.
    """
    if direction == "out":
        # Nobody is kept inside by a rule.
        return Verdict(Decision.admitted, Reason.departed)
    zone = forum.zone(gate.zone)
    refusal = _refusal(forum, zone, today, badge, presence, occupancy)
    if refusal is None:
        entry = Reason.reentry if presence.entered_today else Reason.first_entry
        return Verdict(Decision.admitted, entry)
    if override and refusal in CAN_BE_OVERRIDDEN:
        return Verdict(Decision.admitted, Reason.override, overridden=refusal)
    return Verdict(Decision.refused, refusal)


def _refusal(
    forum: Forum, zone: Zone, today: date, badge: Badge, presence: Presence, occupancy: int
) -> Reason | None:
    if badge.status != BadgeStatus.valid:
        return Reason(badge.status)
    if badge.blocked:
        return Reason.blocked
    day = forum.day_index(today)
    if day is None or not badge.days >> day & 1:
        return Reason.not_valid_today
    if not badge.zones >> zone.bit & 1:
        return Reason.zone_not_allowed
    if presence.inside and zone.scan_out and zone.anti_passback:
        return Reason.already_inside
    if zone.capacity is not None and occupancy >= zone.capacity and not presence.inside:
        return Reason.zone_full
    return None


def session_of(forum: Forum, moment: datetime) -> date:
    """The day whose closing ends a presence that began at this moment.

    Whoever comes after closing time (a night shift) is inside until the next day's closing.
    """
    day = forum.day_of(moment)
    return day if moment < forum.closing_time(day) else day + timedelta(days=1)
