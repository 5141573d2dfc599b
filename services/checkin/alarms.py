"""Which scans somebody in charge should hear of."""

from __future__ import annotations

import time
from collections import ChainMap
from collections.abc import Iterable, MutableMapping, Sequence
from typing import Final
from uuid import UUID

from services.checkin.admission import Reason
from services.checkin.alerts import AlertKind
from services.checkin.cases import Case

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
        self._nonsense: MutableMapping[UUID, Sequence[float]] = {}
        self._raised: MutableMapping[tuple[UUID, AlertKind], float] = {}

    def judge(self, turn: Iterable[Case]) -> None:
        """Give each case the alert that it deserves, if any.

        Nothing of it is remembered before it is in the log: see `note`. It may fail on its way
        there, and deserves the same when it is judged again.
        """
        trial = self._on_trial()
        for case in turn:
            case.alert = trial._deserved(case)
            trial.note([case])

    def note(self, logged: Iterable[Case]) -> None:
        """Remember cases that are in the log."""
        now = time.monotonic()
        for case in logged:
            device_id = case.showing.device_id
            if case.verdict.reason in _NONSENSE:
                self._nonsense[device_id] = self._lately(device_id, now)
            if case.alert is not None:
                self._raised[device_id, case.alert] = now

    def _on_trial(self) -> Alarms:
        """One that knows what this one does, and of which this one learns nothing."""
        trial = Alarms()
        trial._nonsense = ChainMap({}, self._nonsense)
        trial._raised = ChainMap({}, self._raised)
        return trial

    def _deserved(self, case: Case) -> AlertKind | None:
        device_id, reason = case.showing.device_id, case.verdict.reason
        if case.conflict == Reason.already_inside:
            return AlertKind.double_use
        if case.conflict in _STOPPED:
            return AlertKind.stopped_badge_admitted
        if reason in _WANTED:
            return self._once(device_id, AlertKind.stopped_badge_shown, time.monotonic())
        if reason not in _NONSENSE:
            return None
        now = time.monotonic()
        lately = self._lately(device_id, now)
        if len(lately) == MANY and now - lately[0] < MINUTE_SECONDS:
            return self._once(device_id, AlertKind.unknown_badges, now)
        if reason == Reason.bad_signature:
            return self._once(device_id, AlertKind.forged_badge, now)
        return None

    def _lately(self, device_id: UUID, now: float) -> Sequence[float]:
        """When the device has read nonsense, now as well."""
        return (*self._nonsense.get(device_id, ()), now)[-MANY:]

    def _once(self, device_id: UUID, kind: AlertKind, now: float) -> AlertKind | None:
        before = self._raised.get((device_id, kind), float("-inf"))
        return None if now - before < MINUTE_SECONDS else kind
