"""Says that something has changed, to whoever shows it: here, and in our other processes.

A scan calls this when it has committed, so it must cost next to nothing: it sets a flag.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from enum import StrEnum
from typing import Final

from services.checkin.siblings import Siblings
from shared.waiting import happens_within

REFRESH_SECONDS: Final = 15.0
"""Time itself changes figures: closing empties the venue, midnight begins a new day."""


class Change(StrEnum):
    scans = "scans"
    people = "people"
    """Registrations, badges or keys."""
    devices = "devices"
    alerts = "alerts"
    everything = "everything"
    """The figures were made anew."""


class Live:
    """What has changed since the room looked last."""

    def __init__(self, siblings: Siblings, *, also: Callable[[], None]) -> None:
        self._siblings = siblings
        self._also = also
        self._changed: set[Change] = {Change.everything}
        self._news = asyncio.Event()

    def changed(self, what: Change = Change.scans) -> None:
        """Say that something has been committed."""
        self._note(what)
        self._siblings.tell(what)

    @property
    def is_news(self) -> bool:
        """Whether something has changed that nobody has looked at."""
        return self._news.is_set()

    def people_changed(self) -> None:
        self.changed(Change.people)

    def made_anew(self) -> None:
        self.changed(Change.everything)

    def devices_changed(self) -> None:
        self.changed(Change.devices)

    def alerts_changed(self) -> None:
        self.changed(Change.alerts)

    def heard(self, words: set[str]) -> None:
        """Take over what another process says that it has changed."""
        for word in words:
            try:
                self._note(Change(word))
            except ValueError:  # the word of a newer version
                self._note(Change.everything)

    async def next(self) -> set[Change]:
        """What has changed, as soon as something has; nothing, after a while."""
        await happens_within(self._news, REFRESH_SECONDS)
        return self.take()

    def take(self) -> set[Change]:
        """What has changed up to now; it counts as seen."""
        self._news.clear()
        changed, self._changed = self._changed, set()
        return changed

    def put_back(self, changed: set[Change]) -> None:
        """What was taken could not be looked at."""
        self._changed |= changed
        self._news.set()

    def _note(self, what: Change) -> None:
        self._changed.add(what)
        self._news.set()
        self._also()
