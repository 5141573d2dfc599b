"""Looks around every few seconds for what no scan tells of: silent gates, old copies, a full house.
It also notes which devices have scanned, so that no scan has to.

What it finds is an alert, which ends by itself when its reason does. Of several processes one looks
at a time.
"""

from __future__ import annotations

import asyncio
from datetime import datetime, time, timedelta
from typing import Any, Final

from sqlalchemy import TextClause, text
from sqlalchemy.ext.asyncio import AsyncConnection

from services.checkin import persons
from services.checkin.admission import session_of
from services.checkin.alerts import AlertKind, raise_alert
from services.checkin.gates import Gates
from shared.database import after_commit, statements_in

LOOK_SECONDS: Final = 5.0
SILENT: Final = timedelta(seconds=90)
"""Devices tell their state every 20 seconds."""
OLD: Final = timedelta(minutes=15)
"""From here on the gate itself says that its replica is old."""
LEVELS: Final = ((AlertKind.venue_full, 1.0), (AlertKind.venue_nearly_full, 0.9))
"""Of the venue's limit."""
CALM: Final = 0.05
"""So much lower an alert about the level ends: nobody wants to hear of each person at the door."""
AGAIN: Final = timedelta(minutes=30)
"""What a lead has acknowledged comes again after this time, if it still goes on."""
OFTEN: Final = timedelta(seconds=20)
"""As devices tell their state: more often nobody needs to know that one has scanned."""
MOST: Final = 5_000
"""Entries of the log that are looked at, as after a start."""
_LOCK: Final = 0x57617463


class Watchman:
    def __init__(self, gates: Gates) -> None:
        self._gates = gates
        self._noted = 0
        """The number in the log up to which it is known who scanned."""

    async def run(self) -> None:
        """Look around, for ever."""
        while True:
            await self.look()
            await asyncio.sleep(LOOK_SECONDS)

    async def look(self) -> bool:
        """Look around once; False if somebody else does so at this moment."""
        async with self._gates.database.begin() as tx:
            if not await _is_first(tx):
                return False
            now = self._gates.clock.now()
            await self._note_scans(tx, now)
            await self._end_what_is_over(tx, now)
            await self._look_at_devices(tx, now)
            await self._look_at_occupancy(tx, now)
            return True

    async def _note_scans(self, tx: AsyncConnection, now: datetime) -> None:
        newest = (await tx.execute(_NEWEST)).scalar_one()
        await tx.execute(_TO_COME, {"now": now})
        if newest > self._noted:
            after = max(self._noted, newest - MOST)
            given = {"after": after, "newest": newest, "now": now, "often": OFTEN}
            if (await tx.execute(_NOTE_SCANS, given)).rowcount:
                after_commit(tx, self._gates.live.devices_changed)
        self._noted = newest

    async def _look_at_devices(self, tx: AsyncConnection, now: datetime) -> None:
        # After closing time devices are switched off.
        if now >= self._gates.forum.closing_time(self._gates.forum.day_of(now)):
            return
        for kind, query in ((AlertKind.gate_silent, _SILENT), (AlertKind.replica_old, _OLD)):
            for row in list(await tx.execute(query, self._moments(now))):
                await raise_alert(
                    tx, self._gates, kind, at=now, gate=row.gate, device_id=row.id,
                    detail=row.label,
                )  # fmt: skip

    async def _look_at_occupancy(self, tx: AsyncConnection, now: datetime) -> None:
        forum = self._gates.forum
        session = session_of(forum, now)
        inside = await persons.occupancy(statements_in(tx), forum.main_zone.id, session)
        for kind, level in LEVELS:
            if inside < (level - CALM) * forum.venue.limit:
                await self._end(tx, _LEVEL_IS_OVER, {"now": now, "kind": kind})
            elif inside >= level * forum.venue.limit:
                given = {"kind": kind, "lately": now - AGAIN}
                if not (await tx.execute(_IS_KNOWN, given)).scalar_one():
                    detail = f"{inside} / {forum.venue.limit}"
                    await raise_alert(tx, self._gates, kind, at=now, detail=detail)

    async def _end_what_is_over(self, tx: AsyncConnection, now: datetime) -> None:
        for over in (_SILENCE_IS_OVER, _COPY_IS_NEW):
            await self._end(tx, over, self._moments(now))

    async def _end(self, tx: AsyncConnection, over: TextClause, given: dict[str, Any]) -> None:
        if (await tx.execute(over, given)).rowcount:
            after_commit(tx, self._gates.live.alerts_changed)

    def _moments(self, now: datetime) -> dict[str, datetime]:
        forum = self._gates.forum
        midnight = datetime.combine(forum.day_of(now), time.min, tzinfo=forum.timezone)
        return {
            "now": now,
            "midnight": midnight,
            "silent_since": now - SILENT,
            "old_since": now - OLD,
        }


async def _is_first(tx: AsyncConnection) -> bool:
    """Whether no other process looks around at this moment."""
    query = text("SELECT pg_try_advisory_xact_lock(:lock)")
    return bool((await tx.execute(query, {"lock": _LOCK})).scalar_one())


_NEWEST: Final = text("SELECT coalesce(max(seq), 0) FROM scans")
# A rehearsal that was started again lives through its morning twice.
_TO_COME: Final = text("UPDATE devices SET last_scan_at = NULL WHERE last_scan_at > :now")
# What commits later with a lower number is not seen; whoever scans there scans again.
_NOTE_SCANS: Final = text("""
    UPDATE devices SET last_scan_at = new.at
    FROM (
        SELECT device_id, max(decided_at) AS at FROM scans
        WHERE seq > :after AND seq <= :newest AND device_id IS NOT NULL AND decided_at <= :now
        GROUP BY device_id
    ) AS new
    WHERE devices.id = new.device_id
      AND (last_scan_at IS NULL OR last_scan_at <= new.at - CAST(:often AS interval))
""")
# A device that has never told its state is not missed: between two scans it has nothing to say.
# One alert a silence, and one a copy that gets no newer: acknowledged, it is not said again.
_SILENT: Final = text("""
    SELECT id, gate, label FROM devices
    WHERE revoked_at IS NULL
      AND last_contact_at >= :midnight AND :now >= :midnight
      AND greatest(last_contact_at, last_scan_at) < :silent_since
      AND NOT EXISTS (
          SELECT FROM alerts
          WHERE kind = 'gate_silent' AND device_id = devices.id
            AND alerts.at > greatest(last_contact_at, last_scan_at)
      )
""")
_OLD: Final = text("""
    SELECT id, gate, label FROM devices
    WHERE revoked_at IS NULL AND last_contact_at >= :silent_since
      AND replica_at >= :midnight AND replica_at < :old_since AND :now >= :midnight
      AND NOT EXISTS (
          SELECT FROM alerts
          WHERE kind = 'replica_old' AND device_id = devices.id AND alerts.at > replica_at
      )
""")
_SILENCE_IS_OVER: Final = text("""
    UPDATE alerts SET acknowledged_at = :now FROM devices
    WHERE kind = 'gate_silent' AND acknowledged_at IS NULL AND device_id = devices.id
      AND (revoked_at IS NOT NULL OR greatest(last_contact_at, last_scan_at) > alerts.at
           OR alerts.at < :midnight)
""")
_COPY_IS_NEW: Final = text("""
    UPDATE alerts SET acknowledged_at = :now FROM devices
    WHERE kind = 'replica_old' AND acknowledged_at IS NULL AND device_id = devices.id
      AND (revoked_at IS NOT NULL OR replica_at > :old_since OR last_contact_at < :silent_since)
""")
_LEVEL_IS_OVER: Final = text("""
    UPDATE alerts SET acknowledged_at = :now WHERE kind = :kind AND acknowledged_at IS NULL
""")
_IS_KNOWN: Final = text("""
    SELECT EXISTS (
        SELECT FROM alerts
        WHERE kind = :kind
          AND (acknowledged_at IS NULL
               OR (acknowledged_by IS NOT NULL AND acknowledged_at > :lately))
    )
""")
