"""How many are inside a zone that has a limit, without counting everybody at each scan."""

from __future__ import annotations

import time
from datetime import date
from typing import Final

from services.checkin import persons
from shared.database import Run
from shared.forum import Zone

NEARLY_FULL: Final = 100
"""Places left below which scans wait for each other and count exactly, lest they all take the last
one. More than all gates together let in within FRESH_SECONDS."""
FRESH_SECONDS: Final = 0.5


class Crowd:
    """What this process has counted, and how it changed since by its own scans."""

    def __init__(self) -> None:
        self._counted: dict[tuple[str, date], tuple[float, int]] = {}

    async def is_nearly_full(self, run: Run, zone: Zone, session: date) -> bool:
        """Whether so few places are left that they have to be counted one by one."""
        if zone.capacity is None:
            return False
        count = self._known(zone, session)
        if count is None:
            count = await persons.occupancy(run, zone.id, session)
            self._counted[zone.id, session] = (time.monotonic(), count)
        return count > zone.capacity - NEARLY_FULL

    def moved(self, zone: Zone, session: date, by: int) -> None:
        """So many more went in than out."""
        if (counted := self._counted.get((zone.id, session))) is not None:
            self._counted[zone.id, session] = (counted[0], counted[1] + by)

    def _known(self, zone: Zone, session: date) -> int | None:
        counted_at, count = self._counted.get((zone.id, session), (float("-inf"), 0))
        return count if time.monotonic() - counted_at < FRESH_SECONDS else None
