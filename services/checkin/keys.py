"""The public keys that badges are checked with, as badging has told them."""

from __future__ import annotations

import asyncio
import time
from typing import Final

from nacl.signing import VerifyKey
from sqlalchemy import select

from services.checkin.tables import signing_keys
from shared import credential
from shared.credential import Credential, UnknownKey
from shared.database import Database

FRESH_SECONDS: Final = 5.0
"""A process that did not hear the news itself stops with a retired key after this time."""
UNKNOWN_SECONDS: Final = 1.0
"""So often a process looks for keys that it doesn't know: a stream of forgeries must not become a
stream of queries."""


class VerifyingKeys:
    """Keeps the keys at hand; looks again after news, and when a badge names one unknown."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._keys: dict[int, VerifyKey] = {}
        self._read_at = float("-inf")
        self._news = self._news_read = 0
        self._reading = asyncio.Lock()

    def changed(self) -> None:
        """Say that news of a key has been committed."""
        self._news += 1

    async def verify(self, text: str) -> Credential:
        """The credential in a scanned text.

        Raises:
            Malformed, BadSignature: see shared/credential.py.
        """
        signed = credential.parse(text)
        await self._read_if_older(FRESH_SECONDS)
        try:
            return signed.verify(self._keys)
        except UnknownKey:
            await self._read_if_older(UNKNOWN_SECONDS)
            return signed.verify(self._keys)

    async def _read_if_older(self, seconds: float) -> None:
        if self._is_fresh(seconds):
            return
        async with self._reading:
            if not self._is_fresh(seconds):  # by now
                await self._read()

    def _is_fresh(self, seconds: float) -> bool:
        return self._news_read == self._news and time.monotonic() - self._read_at < seconds

    async def _read(self) -> None:
        news = self._news
        query = select(signing_keys).where(~signing_keys.c.retired)
        async with self._database.read() as connection:
            self._keys = {
                row.key_id: VerifyKey(row.public_key) for row in await connection.execute(query)
            }
        self._read_at, self._news_read = time.monotonic(), news
