"""What a transaction writes of its scans: the log, and all that follows from it, in one statement.

A gate's queue waits for this. Each statement more would be one more way to the database and back.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final
from uuid import UUID

import orjson
from sqlalchemy import Table, text
from sqlalchemy.ext.asyncio import AsyncConnection

from services.checkin.attendance import Arrival
from services.checkin.tables import attendance, presence, scans
from shared import outbox
from shared.events import Event


@dataclass
class Entries:
    """What is to be written."""

    scans: list[Mapping[str, Any]] = field(default_factory=list)
    events: list[Event] = field(default_factory=list)
    """One of each scan."""
    presence: list[Mapping[str, Any]] = field(default_factory=list)
    arrivals: list[Arrival] = field(default_factory=list)


async def write(tx: AsyncConnection, entries: Entries) -> set[UUID]:
    """Write what is new; answers the ids of the scans that were.

    Not new is what is in the log already. Nor is anything written for a device that was revoked
    since it was asked who it is.
    """
    given = {
        "scans": _json(entries.scans),
        "events": _json([event.as_cloudevent() for event in entries.events]),
        "presence": _json(entries.presence),
        "arrivals": _json([arrival.model_dump() for arrival in entries.arrivals]),
    }
    logged = set((await tx.execute(_WRITE, given)).scalars())
    if logged:
        outbox.has_said(tx)
    return logged


def _json(rows: Sequence[Any]) -> str:
    return orjson.dumps(rows, default=str).decode()  # asyncpg has UUIDs of its own


def _columns(table: Table, but: Sequence[str] = ()) -> str:
    return ", ".join(f'"{column.name}"' for column in table.columns if column.name not in but)


def _newer(table: Table, key: Sequence[str]) -> str:
    names = [column.name for column in table.columns if column.name not in (*key, "changed")]
    return ", ".join(f'"{name}" = excluded."{name}"' for name in names)


_SCANS: Final = _columns(scans, but=["seq"])
_PRESENCE: Final = _columns(presence, but=["changed"])
_ATTENDANCE: Final = _columns(attendance)
# Only names of tables and columns are put in.
_WRITE: Final = text(f"""
    WITH logged AS (
        INSERT INTO scans ({_SCANS})
        SELECT {_SCANS} FROM json_populate_recordset(NULL::scans, CAST(:scans AS json)) AS entry
        WHERE EXISTS (
            SELECT FROM devices
            WHERE id = entry.device_id AND revoked_at IS NULL
        )
        ON CONFLICT (scan_id) DO NOTHING
        RETURNING scan_id
    ), said AS (
        INSERT INTO outbox (id, event)
        SELECT CAST(event ->> 'id' AS uuid), CAST(event AS jsonb)
        FROM json_array_elements(CAST(:events AS json)) AS event
        WHERE CAST(event #>> '{{data,scan_id}}' AS uuid) IN (SELECT scan_id FROM logged)
    ), stands AS (
        INSERT INTO presence ({_PRESENCE})
        SELECT {_PRESENCE} FROM json_populate_recordset(NULL::presence, CAST(:presence AS json))
        WHERE scan_id IN (SELECT scan_id FROM logged)
        ON CONFLICT (registration_id, zone)
        DO UPDATE SET {_newer(presence, ["registration_id", "zone"])}
    ), arrived AS (
        INSERT INTO attendance ({_ATTENDANCE})
        SELECT {_ATTENDANCE} FROM json_populate_recordset(NULL::attendance, CAST(:arrivals AS json))
        WHERE scan_id IN (SELECT scan_id FROM logged)
        ON CONFLICT (registration_id, day)
        DO UPDATE SET scan_id = excluded.scan_id, at = excluded.at, entrance = excluded.entrance
    )
    SELECT scan_id FROM logged
""")  # noqa: S608
