"""Tells devices that there is something new to copy, so that they need not ask all the time."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Final
from uuid import UUID

from sqlalchemy import select, text

from services.checkin.tables import devices
from shared.database import Database

BREATH_SECONDS: Final = 0.1
"""Changes closer together than this are told together."""
PAUSE_SECONDS: Final = 0.5
"""Between two tellings: all devices ask at once when they are told."""
LOOK_SECONDS: Final = 2.0
"""So often is looked for what other processes of this service have changed or stopped."""


_TABLES: Final = ("badges", "participants", "presence", "presence_removed")
_SEEN: Final = "CAST(CAST(:seen AS text) AS pg_snapshot)"
_HAS_NEW: Final = f"""
    EXISTS (SELECT FROM {{}} WHERE changed >= pg_snapshot_xmin({_SEEN})
            AND NOT pg_visible_in_snapshot(changed, {_SEEN}))
"""


@dataclass(frozen=True)
class _Seen:
    """How far the last look has seen."""

    snapshot: str | None = None
    keys: str | None = None
    """How many, and how many of them are retired: they only grow and end."""


@dataclass(eq=False)
class _Watcher:
    device_id: UUID
    news: asyncio.Event = field(default_factory=asyncio.Event)
    stopped: bool = False

    def tell(self, *, stopped: bool = False) -> None:
        self.stopped = stopped
        self.news.set()


class News:
    """One look at the database a change, however many devices watch."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._dirty = asyncio.Event()
        self._watchers: set[_Watcher] = set()
        self._seen = _Seen()

    def changed(self) -> None:
        """Say that something of the replica, or a device, has been committed."""
        self._dirty.set()

    async def watch(self, device_id: UUID) -> AsyncIterator[None]:
        """Now and after each change, until the device is stopped."""
        watcher = _Watcher(device_id)
        self._watchers.add(watcher)
        try:
            while not watcher.stopped:
                yield
                await watcher.news.wait()
                watcher.news.clear()
        finally:
            self._watchers.discard(watcher)

    async def run(self) -> None:
        """Look after each change and tell, for ever."""
        while True:
            with suppress(TimeoutError):
                async with asyncio.timeout(LOOK_SECONDS):
                    await self._dirty.wait()
                    await asyncio.sleep(BREATH_SECONDS)
            self._dirty.clear()
            if self._watchers:
                await self._tell()
            await asyncio.sleep(PAUSE_SECONDS)

    async def _tell(self) -> None:
        watchers = list(self._watchers)
        stopped, is_new = await self._look({watcher.device_id for watcher in watchers})
        for watcher in watchers:
            if watcher.device_id in stopped:
                watcher.tell(stopped=True)
            elif is_new:
                watcher.tell()

    async def _look(self, watching: set[UUID]) -> tuple[set[UUID], bool]:
        """Which of the devices are stopped, and whether there is anything new since last time."""
        query = select(devices.c.id).where(
            devices.c.id.in_(watching), devices.c.revoked_at.is_not(None)
        )
        async with self._database.read() as connection:
            stopped = set((await connection.execute(query)).scalars())
            found = (await connection.execute(_NEWS, {"seen": self._seen.snapshot})).one()
        seen, self._seen = self._seen, _Seen(found.snapshot, found.keys)
        return stopped, found.is_new or seen.keys != found.keys


# New is what the last look could not see. That is more than what is younger: a transaction may
# commit after one that began later.
_NEWS: Final = text(f"""
    SELECT pg_current_snapshot()::text AS snapshot,
           (SELECT count(*) || ' ' || count(*) FILTER (WHERE retired) FROM signing_keys) AS keys,
           {" OR ".join(_HAS_NEW.format(table) for table in _TABLES)} AS is_new
""")  # noqa: S608
