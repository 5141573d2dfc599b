"""What is written of scans: the log, and all that follows from it, in one statement.

A gate's queue waits for this: each statement more would be one more way to the database and back.
The statement asks for no lock beforehand. It lets a passage into the log only if it finds the
person as they were when the scan was judged; who was not so is to be judged again.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final
from uuid import UUID

import orjson
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncConnection

from services.checkin.tables import scan_outbox, scans
from shared import trace
from shared.database import Run

Line = Mapping[str, Any]
"""A scan to be written: the columns named in `_LINE`; those that are missing are null."""


async def write(run: Run, lines: Sequence[Line]) -> set[UUID]:
    """Write scans into the log, and what follows from each; answers the ids of those written.

    Not written is what is in the log already, what a device says that was revoked since it was
    asked who it is, and a passage of somebody who has passed elsewhere since they were looked at.

    Raises:
        IntegrityError: somebody else writes one of these scan ids at this very moment. Nothing was
            written.
    """
    if not lines:
        return set()
    # Hardly any line is an officer's act: the others don't pay for its note.
    acts = any(line.get("overridden") for line in lines)
    statement = _WRITE_AND_NOTE if acts else _WRITE
    return {row[0] for row in await run(statement, orjson.dumps(lines, default=str).decode())}


async def add(tx: AsyncConnection, entry: Mapping[str, Any]) -> bool:
    """Add an entry that takes another back; False if one has done so already."""
    added = insert(scans).values(entry).on_conflict_do_nothing().returning(scans.c.seq)
    seq = (await tx.execute(added)).scalar_one_or_none()
    if seq is None:
        return False
    unsaid = {"seq": seq, "traceparent": trace.traceparent()}
    await tx.execute(insert(scan_outbox).values(unsaid))
    return True


# Of the scan; of where it leaves the person (`seen` as in persons.py), if they passed; of the day
# that begins with it, if it is their first entry; of the alert that it deserves.
_LINE: Final = """
    scan_id uuid, device_id uuid, gate text, entrance text, zone text, direction text,
    badge_id text, registration_id uuid, decision text, reason text, overridden text,
    conflict text, said text, at timestamptz, device_time timestamptz, decided_at timestamptz,
    previous uuid, traceparent text,
    inside boolean, session date, last_entry_day date, seen text,
    day date, category text, country text, region text,
    alert_id uuid, alert text, address text
"""
_SCAN: Final = """
    scan_id, device_id, gate, entrance, zone, direction, badge_id, registration_id, decision,
    reason, overridden, conflict, said, at, device_time, decided_at, previous
"""
_PRESENCE: Final = "inside, session, last_entry_day, scan_id, at, gate"
_STEPS: Final = f"""
    WITH line AS MATERIALIZED (
        SELECT * FROM json_to_recordset(CAST($1 AS json)) AS line ({_LINE})
        WHERE EXISTS (
            SELECT FROM devices WHERE devices.id = line.device_id AND devices.revoked_at IS NULL
        ) AND NOT EXISTS (
            SELECT FROM scans WHERE scans.scan_id = line.scan_id
        )
    ), came AS (
        INSERT INTO presence (registration_id, zone, {_PRESENCE})
        SELECT registration_id, zone, {_PRESENCE} FROM line
        WHERE inside IS NOT NULL AND seen IS NULL
        ON CONFLICT DO NOTHING
        RETURNING scan_id
    ), moved AS (
        UPDATE presence
        SET ({_PRESENCE}) = ROW (
            line.inside, line.session, line.last_entry_day, line.scan_id, line.at, line.gate
        )
        FROM line
        WHERE presence.registration_id = line.registration_id AND presence.zone = line.zone
            AND presence.changed = CAST(line.seen AS xid8)
        RETURNING presence.scan_id
    ), logged AS (
        INSERT INTO scans ({_SCAN})
        SELECT {_SCAN} FROM line
        WHERE inside IS NULL OR scan_id IN (TABLE came UNION ALL TABLE moved)
        RETURNING seq, scan_id
    ), unsaid AS (
        INSERT INTO scan_outbox (seq, traceparent)
        SELECT seq, traceparent FROM logged JOIN line USING (scan_id)
    ), arrived AS (
        INSERT INTO attendance
            (registration_id, day, scan_id, at, entrance, category, country, region)
        SELECT registration_id, day, scan_id, at, entrance, category, country, region
        FROM line JOIN logged USING (scan_id)
        WHERE day IS NOT NULL
        ON CONFLICT (registration_id, day)
        DO UPDATE SET scan_id = excluded.scan_id, at = excluded.at, entrance = excluded.entrance
    ), alerted AS (
        INSERT INTO alerts (id, kind, at, gate, device_id, scan_id, registration_id, detail)
        SELECT alert_id, alert, at, gate, device_id, scan_id, registration_id, conflict
        FROM line JOIN logged USING (scan_id)
        WHERE alert IS NOT NULL AND NOT (
            -- What comes in series: alarms.py says it once a minute, but knows its process alone.
            alert IN ('forged_badge', 'unknown_badges') AND EXISTS (
                SELECT FROM alerts AS lately
                WHERE lately.kind = line.alert AND lately.device_id = line.device_id
                    AND lately.at > line.at - interval '1 minute'
            )
        )
        ON CONFLICT DO NOTHING
    )
"""  # noqa: S608
# As audit.note does it; the trace id stands in the traceparent behind the version.
_NOTE: Final = """
    , noted AS (
        INSERT INTO audit_notes
            (at, who, role, act, which, about, details, address, trace_id, reason)
        SELECT decided_at, CAST(device_id AS text), 'device', 'scan.override',
               CAST(scan_id AS text), array_remove(ARRAY[registration_id], NULL),
               jsonb_build_object('gate', gate, 'rule', overridden), address,
               split_part(traceparent, '-', 2), said
        FROM line JOIN logged USING (scan_id)
        WHERE overridden IS NOT NULL
    )
"""
_ANSWER: Final = "SELECT scan_id FROM logged"
_WRITE: Final = _STEPS + _ANSWER
_WRITE_AND_NOTE: Final = _STEPS + _NOTE + _ANSWER
