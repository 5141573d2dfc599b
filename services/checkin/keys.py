"""The public keys that badges are checked with, as badging has told them."""

from __future__ import annotations

import time

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from sqlalchemy import select

from services.checkin.tables import signing_keys
from shared import credential
from shared.credential import Credential, UnknownKey
from shared.database import Database

FRESH_SECONDS = 5.0
"""A retired key stops at every process after this time at the latest."""


class VerifyingKeys:
    """Keeps the keys at hand; looks again when a badge names one that it doesn't know."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._keys: dict[int, Ed25519PublicKey] = {}
        self._read_at = float("-inf")

    async def verify(self, text: str) -> Credential:
        """The credential in a scanned text.

        Raises:
            Malformed, BadSignature: see shared/credential.py.
        """
        signed = credential.parse(text)
        if time.monotonic() - self._read_at > FRESH_SECONDS:
            await self._read()
        try:
            return signed.verify(self._keys)
        except UnknownKey:
            if time.monotonic() - self._read_at < 1.0:
                raise  # a stream of forgeries must not become a stream of queries
            await self._read()
            return signed.verify(self._keys)

    async def _read(self) -> None:
        query = select(signing_keys).where(~signing_keys.c.retired)
        async with self._database.read() as connection:
            self._keys = {
                row.key_id: Ed25519PublicKey.from_public_bytes(row.public_key)
                for row in await connection.execute(query)
            }
        self._read_at = time.monotonic()
