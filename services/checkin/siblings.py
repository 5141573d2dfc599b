"""The other processes of this service: told by PostgreSQL's NOTIFY that something has changed.

One notification every few hundredths of a second says it for all scans of that time, in a
transaction of its own: a scan's never waits for it. Whoever missed one looks by itself every
quarter of a minute (docs/decisions/0014).
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Final
from uuid import uuid4

import asyncpg
import structlog

from shared.bus import is_stopping
from shared.database import Database
from shared.waiting import happens_within

log = structlog.get_logger()

CHANNEL: Final = "checkin_changed"
BREATH_SECONDS: Final = 0.025
"""Between two notifications."""
LOOK_SECONDS: Final = 10.0
"""So often is the connection tried: one that has died says nothing."""
ANSWER_SECONDS: Final = 5.0
PAUSE_SECONDS: Final = 1.0
EVERYTHING: Final = "everything"


class Siblings:
    """Tells them what has changed here, and hears what has changed there."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._me = uuid4().hex
        self._to_tell: set[str] = set()
        self._news = asyncio.Event()
        self.hear: Callable[[set[str]], None] = lambda _: None
        """What to do with the words of another process."""

    def tell(self, word: str) -> None:
        self._to_tell.add(word)
        self._news.set()

    async def run(self) -> None:
        """Listen and tell, for ever; begin again when the connection breaks."""
        while True:
            try:
                await self._talk()
            except (OSError, TimeoutError, asyncpg.PostgresError, asyncpg.InterfaceError) as error:
                if is_stopping():
                    return
                log.warning("siblings.lost", error=type(error).__name__)
                await asyncio.sleep(PAUSE_SECONDS)

    async def _talk(self) -> None:
        connection = await self._database.connect("checkin: siblings")
        try:
            await connection.add_listener(CHANNEL, self._heard)
            connection.add_termination_listener(lambda _: self._news.set())
            # Nobody knows what was said before.
            self.hear({EVERYTHING})
            while True:
                await self._tell_next(connection)
                await asyncio.sleep(BREATH_SECONDS)
        finally:
            connection.terminate()

    async def _tell_next(self, connection: asyncpg.Connection[asyncpg.Record]) -> None:
        if not await happens_within(self._news, LOOK_SECONDS):
            await connection.execute("SELECT 1", timeout=ANSWER_SECONDS)
            return
        self._news.clear()
        words, self._to_tell = self._to_tell, set()
        try:
            await connection.execute(_NOTIFY, " ".join([self._me, *words]), timeout=ANSWER_SECONDS)
        except BaseException:
            self._to_tell |= words
            self._news.set()
            raise

    def _heard(self, *said: object) -> None:
        who, *words = str(said[-1]).split()
        if who != self._me:
            self.hear(set(words))


_NOTIFY: Final = f"SELECT pg_notify('{CHANNEL}', $1)"
