"""The live figures for those who watch: read once a change, however many watch."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import suppress

from services.checkin.attendance import Totals, totals
from shared.clock import Clock
from shared.database import Database
from shared.forum import Forum

BREATH_SECONDS = 0.1
"""Changes closer together than this are shown together."""
REFRESH_SECONDS = 15.0
"""Time itself changes figures: closing empties the venue, midnight begins a new day."""


class LiveFigures:
    """Tells watchers of every change, at most ten times a second."""

    def __init__(
        self, database: Database, forum: Forum, clock: Clock, *, also: Callable[[], None]
    ) -> None:
        self._database = database
        self._forum = forum
        self._clock = clock
        self._also = also
        self._dirty = asyncio.Event()
        self._watchers: set[asyncio.Queue[Totals]] = set()

    def changed(self) -> None:
        """Say that a scan or a badge has been committed."""
        self._dirty.set()
        self._also()

    async def now(self) -> Totals:
        async with self._database.read() as connection:
            return await totals(connection, self._forum, self._clock.now())

    async def watch(self) -> AsyncIterator[Totals]:
        """The figures now and after each change. A slow watcher gets the newest, not each."""
        newest: asyncio.Queue[Totals] = asyncio.Queue(maxsize=1)
        self._watchers.add(newest)
        try:
            yield await self.now()
            while True:
                yield await newest.get()
        finally:
            self._watchers.discard(newest)

    async def run(self) -> None:
        """Read after each change and hand out, for ever."""
        while True:
            with suppress(TimeoutError):
                # Not wait_for: on Python 3.11 it swallows a cancellation that comes together with
                # what it waits for (python/cpython#86296).
                async with asyncio.timeout(REFRESH_SECONDS):
                    await self._dirty.wait()
            self._dirty.clear()
            if self._watchers:
                self._hand_out(await self.now())
            await asyncio.sleep(BREATH_SECONDS)

    def _hand_out(self, figures: Totals) -> None:
        for newest in self._watchers:
            with suppress(asyncio.QueueEmpty):
                newest.get_nowait()
            newest.put_nowait(figures)
