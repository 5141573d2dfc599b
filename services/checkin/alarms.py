"""Which scans somebody in charge should hear of."""

from __future__ import annotations

import time
from collections import defaultdict, deque
from typing import Final
from uuid import UUID

from services.checkin.admission import Reason
from services.checkin.alerts import AlertKind

MANY: Final = 30
"""Unreadable and unknown badges of one device in a minute: somebody tries codes, or its camera is
broken."""
MINUTE_SECONDS: Final = 60.0
_NONSENSE: Final = frozenset({Reason.malformed, Reason.bad_signature, Reason.unknown_badge})
_STOPPED: Final = frozenset({Reason.revoked, Reason.superseded, Reason.cancelled, Reason.blocked})

_WANTED: Final = frozenset({Reason.revoked, Reason.blocked})
"""Somebody took these away from them; the others are the everyday of a badge desk."""


class Alarms:
    """What this process has seen of each device in the last minute: the same alert comes once in
    that time, however many scans deserve it. Among several processes the database sees to it
    (scan_log.py), but each counts to `MANY` for itself: a device that scans at all of them
    in turn is noticed after so many times more."""

    def __init__(self) -> None:
        self._nonsense: defaultdict[UUID, deque[float]] = defaultdict(lambda: deque(maxlen=MANY))
        self._raised: dict[tuple[UUID, AlertKind], float] = {}

    def about(self, device_id: UUID, reason: Reason, conflict: Reason | None) -> AlertKind | None:
        """The alert that a scan deserves, if any."""
        if conflict == Reason.already_inside:
            return AlertKind.double_use
        if conflict in _STOPPED:
            return AlertKind.stopped_badge_admitted
        if reason in _WANTED:
            return self._once(device_id, AlertKind.stopped_badge_shown, time.monotonic())
        if reason not in _NONSENSE:
            return None
        now = time.monotonic()
        lately = self._nonsense[device_id]
        lately.append(now)
        if len(lately) == MANY and now - lately[0] < MINUTE_SECONDS:
            return self._once(device_id, AlertKind.unknown_badges, now)
        if reason == Reason.bad_signature:
            return self._once(device_id, AlertKind.forged_badge, now)
        return None

    def _once(self, device_id: UUID, kind: AlertKind, now: float) -> AlertKind | None:
        before = self._raised.get((device_id, kind), float("-inf"))
        if now - before < MINUTE_SECONDS:
            return None
        self._raised[device_id, kind] = now
        return kind
