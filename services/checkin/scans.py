"""A scan, its answer, and where both are found again."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final
from uuid import UUID

from pydantic import BaseModel, Field
from sqlalchemy import ARRAY, Row, Uuid, any_, bindparam, select
from sqlalchemy.ext.asyncio import AsyncConnection

from services.checkin import persons
from services.checkin.admission import Decision, Direction, Reason
from services.checkin.gates import Gates
from services.checkin.persons import ParticipantOut
from services.checkin.tables import scans
from shared.database import statements_in
from shared.problems import conflict, not_found

LoggedScan = Row[Any]
"""A row of `scans`."""


@dataclass(frozen=True)
class Scan:
    """A badge shown at a gate, as the device reports it."""

    scan_id: UUID
    credential: str | None
    number: str | None
    direction: Direction | None = None
    scanned_at: datetime | None = None
    override: str | None = None
    """The officer's reason to let the person in against the rule."""
    is_late: bool = False
    """Told afterwards, by a device that had no network and judged by itself."""
    gate: str | None = None
    """Where the device stood then; None: where it stands now."""
    admitted: bool | None = None
    """What that device told the officer; None: it does not say."""
    told: Reason | None = None
    """Why, in that case."""


class PreviousOut(BaseModel):
    """The person's last passage through this zone before the scan."""

    scan_id: UUID
    at: datetime
    gate: str
    entrance: str
    direction: Direction


class Answer(BaseModel):
    scan_id: UUID
    decision: Decision
    reason: Reason
    participant: ParticipantOut | None
    previous: PreviousOut | None
    decided_at: datetime
    conflict: Reason | None = Field(
        default=None,
        description="The rule that an admission went against: it happened where nobody knew",
    )


async def answer(gates: Gates, scan_id: UUID) -> Answer | None:
    """The answer that a scan in the log has had; None: it is not in the log.

    Raises:
        Problem: 409, the id is that of an undo.
    """
    return (await answers(gates, [scan_id])).get(scan_id)


async def answers(gates: Gates, scan_ids: Sequence[UUID]) -> dict[UUID, Answer]:
    """The answers that those of these scans have had which are in the log.

    Raises:
        Problem: 409, an id is that of an undo.
    """
    async with gates.database.read() as connection:
        found = await _find(connection, scan_ids)
        if any(scan.undoes is not None for scan in found.values()):
            raise conflict("This id is in the log already, as that of an undo.")
        passed_before = [scan.previous for scan in found.values() if scan.previous]
        previous = await _find(connection, passed_before)
        badges = [scan.badge_id for scan in found.values() if scan.badge_id]
        people = await persons.find(statements_in(connection), badges) if badges else {}
    return {
        scan_id: Answer(
            scan_id=scan_id,
            decision=Decision(scan.decision),
            reason=Reason(scan.reason),
            participant=people[scan.badge_id] if scan.badge_id else None,
            previous=_previous(previous[scan.previous]) if scan.previous else None,
            decided_at=scan.decided_at,
            conflict=None if scan.conflict is None else Reason(scan.conflict),
        )
        for scan_id, scan in found.items()
    }


async def find_scan(connection: AsyncConnection, scan_id: UUID) -> LoggedScan:
    if (scan := (await _find(connection, [scan_id])).get(scan_id)) is None:
        raise not_found("scan")
    return scan


async def _find(connection: AsyncConnection, scan_ids: Sequence[UUID]) -> dict[UUID, LoggedScan]:
    if not scan_ids:
        return {}
    rows = await connection.execute(_FIND_SCANS, {"wanted": scan_ids})
    return {row.scan_id: row for row in rows}


def _previous(scan: LoggedScan) -> PreviousOut:
    return PreviousOut(
        scan_id=scan.scan_id,
        at=scan.at,
        gate=scan.gate,
        entrance=scan.entrance,
        direction=scan.direction,
    )


_FIND_SCANS: Final = select(scans).where(
    scans.c.scan_id == any_(bindparam("wanted", type_=ARRAY(Uuid)))
)
