"""The report for everybody who asks: counted once at a time, and kept where counting takes long."""

from __future__ import annotations

import asyncio
import time
from typing import Final

from services.checkin.report import Report, report
from shared.clock import Clock
from shared.database import Database
from shared.forum import Forum

PATIENCE_SECONDS: Final = 1.0
"""So long a page waits for the figures before it says that they are being counted."""
KEPT_SECONDS: Final = 60.0


class Reports:
    """Counts the report.

    With a million scans that takes seconds. So those who ask meanwhile share it, and one that took
    long is good for a minute; its own moment stands on it.
    """

    def __init__(self, database: Database, forum: Forum, clock: Clock) -> None:
        self.patience = PATIENCE_SECONDS
        self._database = database
        self._forum = forum
        self._clock = clock
        self._counting: asyncio.Task[Report] | None = None
        self._kept_until = float("-inf")

    async def latest(self) -> Report:
        """The figures, however long that takes."""
        counting = self._begun()
        await asyncio.wait({counting})  # whoever leaves does not end it for the others
        return self._result(counting)

    async def soon(self) -> Report | None:
        """The figures, or nothing if they are still being counted: ask again."""
        counting = self._begun()
        done, _ = await asyncio.wait({counting}, timeout=self.patience)
        return self._result(counting) if done else None

    def _begun(self) -> asyncio.Task[Report]:
        counting = self._counting
        if counting is None or (counting.done() and self._is_old(counting)):
            counting = self._counting = asyncio.create_task(self._count())
        return counting

    def _is_old(self, counted: asyncio.Task[Report]) -> bool:
        # A failure waits for somebody to hear of it.
        return counted.exception() is None and time.monotonic() > self._kept_until

    def _result(self, counted: asyncio.Task[Report]) -> Report:
        if counted.exception() is not None and counted is self._counting:
            self._counting = None
        return counted.result()

    async def _count(self) -> Report:
        began = time.monotonic()
        counted = await report(self._database, self._forum, self._clock.now())
        ended = time.monotonic()
        if ended - began > self.patience:
            self._kept_until = ended + KEPT_SECONDS
        return counted
