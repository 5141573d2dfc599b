"""Which device holds a token, kept at hand: devices ask all day.

What is kept may be a second old where another process unpaired the device. No harm: a scan is only
written for a device that is paired at that moment (scan_log.py).
"""

from __future__ import annotations

import time
from typing import Final

from services.checkin import devices
from services.checkin.devices import Device
from shared.database import Database

FRESH_SECONDS: Final = 1.0
MOST: Final = 1000
"""Tokens kept; more than there are devices."""


class PairedDevices:
    def __init__(self, database: Database) -> None:
        self._database = database
        self._kept: dict[str, tuple[float, Device]] = {}

    async def by_token(self, token: str) -> Device | None:
        """The device that holds this token, unless it was revoked."""
        kept_at, device = self._kept.get(token, (float("-inf"), None))
        if device is not None and time.monotonic() - kept_at < FRESH_SECONDS:
            return device
        return await self.read(token)

    async def read(self, token: str) -> Device | None:
        """The same, as the database has it now."""
        self._kept.pop(token, None)
        async with self._database.read() as connection:
            device = await devices.by_token(connection, token)
        if device is not None:
            if len(self._kept) >= MOST:
                self._kept.clear()
            self._kept[token] = (time.monotonic(), device)
        return device
