"""The report for everybody who asks: counted once at a time, and kept where counting takes long."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from typing import Final

from anyio import BrokenWorkerProcess, CapacityLimiter

from services.checkin.report import Report, report
from services.checkin.report_tables import Told
from shared.beside import work_beside
from shared.clock import Clock
from shared.database import Database
from shared.forum import Forum
from shared.problems import Problem

PATIENCE_SECONDS: Final = 1.0
"""So long a page waits for the figures before it says that they are being counted."""
KEPT_SECONDS: Final = 60.0
FILES_AT_ONCE: Final = 1
"""Made in a process beside: each at work takes a core, and memory."""


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
        self._making = CapacityLimiter(FILES_AT_ONCE)

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

    async def file(self, make: Callable[[Told], bytes], told: Told) -> bytes:
        """The report as a file, made in a process beside: gates don't wait for it.

        Raises:
            Problem: 503, it was not made.
        """
        try:
            return await work_beside(make, told, limiter=self._making)
        except BrokenWorkerProcess:
            raise Problem(
                503, "not-made", "The file could not be made. Please try again in a moment."
            ) from None

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
