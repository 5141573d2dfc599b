"""New entries of the log, each once and none missed, in whatever order transactions commit.

`seq` is drawn before an entry can be seen: a transaction may commit after one that drew a higher
number. So the numbers that were passed over are looked for again, back to `settled`. What stood
there a second ago is settled once all transactions are over that were under way after that second:
whoever had drawn a lower number by then is among them.
"""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final

from sqlalchemy import ARRAY, BigInteger, Row, bindparam, text
from sqlalchemy.ext.asyncio import AsyncConnection

Entry = Row[Any]
"""A row of `_NEW`."""
MOST: Final = 250
"""Entries of one reading: those who stand at a gate wait for no more than that."""
SURELY_OVER: Final = timedelta(seconds=45)
"""A transaction lasts 15 seconds at the most, and so did those that drew lower numbers."""
NEWEST: Final = 20_000
"""A beginner looks no farther back."""
SETTLE_SECONDS: Final = 1.0


@dataclass
class _Mark:
    seq: int
    made_at: float
    over_after: int | None = None
    """All is settled when the transactions with lower numbers are over."""


class LogTail:
    """Follows the log from where it stands when first asked."""

    def __init__(self) -> None:
        self.settled = 0
        self._top = 0
        """The highest number that was seen."""
        self._gaps: set[int] = set()
        """Numbers below it that were not, and may still come."""
        self._mark: _Mark | None = None

    async def begin(self, connection: AsyncConnection, now: datetime) -> None:
        """Take what stands there for known.

        Args:
            connection: where to read.
            now: forum time.
        """
        self._mark = None
        given = {"newest": NEWEST, "over": now - SURELY_OVER}
        self.settled = (await connection.execute(_BEGIN, given)).scalar_one()
        known = await connection.execute(_KNOWN, {"settled": self.settled})
        self._top, self._gaps = self.settled, set()
        self._note(known.scalars().all())

    async def read(self, connection: AsyncConnection) -> list[Entry]:
        """What has come since the last time, lowest `seq` first; about MOST, the rest later."""
        given = {"top": self._top, "gaps": list(self._gaps), "most": MOST}
        rows = list(await connection.execute(_NEW, given))
        # Without an entry there is one row, which has the snapshot only.
        snapshot, entries = rows[0], [row for row in rows if row.seq is not None]
        self._note([entry.seq for entry in entries])
        if len(entries) < MOST:
            self._settle(snapshot)
        return entries

    def _note(self, seen: Sequence[int]) -> None:
        top = max(seen, default=self._top)
        self._gaps.update(range(self._top + 1, top + 1))
        self._gaps.difference_update(seen)
        self._top = max(top, self._top)

    def _settle(self, snapshot: Row[Any]) -> None:
        now, mark = time.monotonic(), self._mark
        if mark is None:
            if self._top > self.settled:
                self._mark = _Mark(self._top, now)
        elif mark.over_after is None:
            # Not at once: a number may be drawn before its transaction has one of its own.
            if now - mark.made_at >= SETTLE_SECONDS:
                mark.over_after = snapshot.next
        elif snapshot.oldest >= mark.over_after:
            self.settled = mark.seq
            self._gaps = {seq for seq in self._gaps if seq > mark.seq}
            self._mark = None


_BEGIN: Final = text("""
    SELECT coalesce(max(seq) FILTER (WHERE decided_at < :over), min(seq) - 1, 0)
    FROM (SELECT seq, decided_at FROM scans ORDER BY seq DESC LIMIT :newest) AS newest
""")
_KNOWN: Final = text("SELECT seq FROM scans WHERE seq > :settled")
_COLUMNS: Final = "seq, scan_id, gate, direction, decision, reason, at, registration_id, undoes"
_NEW: Final = text(
    """
    SELECT CAST(CAST(pg_snapshot_xmin(snapshot) AS text) AS bigint) AS oldest,
           CAST(CAST(pg_snapshot_xmax(snapshot) AS text) AS bigint) AS next, new.*
    FROM pg_current_snapshot() AS snapshot
    LEFT JOIN (
        (SELECT {columns} FROM scans WHERE seq > :top ORDER BY seq LIMIT :most)
        UNION ALL
        SELECT {columns} FROM scans WHERE seq = ANY(:gaps)
    ) AS new ON true
    ORDER BY seq
""".replace("{columns}", _COLUMNS)
).bindparams(bindparam("gaps", type_=ARRAY(BigInteger)))
