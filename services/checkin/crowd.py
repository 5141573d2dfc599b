"""How many are inside a zone that has a limit, without counting everybody at each scan."""

from __future__ import annotations

import time
from datetime import date
from typing import Final

from sqlalchemy.ext.asyncio import AsyncConnection

from services.checkin import persons
from shared.forum import Zone

NEARLY_FULL: Final = 100
"""Places left below which scans wait for each other and count exactly, lest they all take the last
one. More than all gates together let in within FRESH_SECONDS."""
FRESH_SECONDS: Final = 0.5


class Crowd:
    """What this process has counted, and how it changed since by its own scans."""

    def __init__(self) -> None:
        self._counted: dict[tuple[str, date], tuple[float, int]] = {}

    async def inside(self, tx: AsyncConnection, zone: Zone, session: date) -> int:
        """How many are inside; exactly, once few more may enter. Zero for a zone without limit."""
        if zone.capacity is None:
            return 0
        count = self._known(zone, session)
        if count is None:
            count = await persons.occupancy(tx, zone.id, session)
            self._counted[zone.id, session] = (time.monotonic(), count)
        if count > zone.capacity - NEARLY_FULL:
            return await persons.hold_occupancy(tx, zone.id, session)
        return count

    def moved(self, zone: Zone, session: date, by: int) -> None:
        """So many more went in than out."""
        if (counted := self._counted.get((zone.id, session))) is not None:
            self._counted[zone.id, session] = (counted[0], counted[1] + by)

    def _known(self, zone: Zone, session: date) -> int | None:
        counted_at, count = self._counted.get((zone.id, session), (float("-inf"), 0))
        return count if time.monotonic() - counted_at < FRESH_SECONDS else None
