"""A moment in which nobody scans: for work that nobody at a gate should wait behind."""

from __future__ import annotations

import asyncio
import time
from typing import Final

LEAST_SECONDS: Final = 0.1
"""So many scans as come in this time share one round of that work."""
QUIET_SECONDS: Final = 0.02
"""Without a scan for so long, nobody is in a hurry. With a hundred scans a second there are several
such pauses in each."""
MOST_SECONDS: Final = 5.0
"""With a thousand there is none; then the work is done in spite of them."""


class Lull:
    """Notices scans, and lets others wait for a pause between them.

    Args:
        least: seconds that one waits in any case.
        most: seconds after which there need be no pause.
    """

    def __init__(self, *, least: float = LEAST_SECONDS, most: float = MOST_SECONDS) -> None:
        self._least = least
        self._most = most
        self._last_scan = float("-inf")
        """In monotonic time."""

    def ends(self) -> None:
        """Somebody scans."""
        self._last_scan = time.monotonic()

    @property
    def is_now(self) -> bool:
        """Whether nobody scans at this moment."""
        return time.monotonic() - self._last_scan >= QUIET_SECONDS

    async def come(self) -> None:
        """Wait for a lull."""
        until = time.monotonic() + self._most
        pause = self._least
        while pause > 0:
            await asyncio.sleep(pause)
            pause = min(self._last_scan + QUIET_SECONDS, until) - time.monotonic()
