"""A scan, its answer, and where both are found again."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final
from uuid import UUID

from pydantic import BaseModel, Field
from sqlalchemy import Row, bindparam, select
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
    async with gates.database.read() as connection:
        scan = (await connection.execute(_FIND_SCAN, {"wanted": scan_id})).one_or_none()
        if scan is None:
            return None
        if scan.undoes is not None:
            raise conflict("This id is in the log already, as that of an undo.")
        previous = await find_scan(connection, scan.previous) if scan.previous else None
        badge_id, run = scan.badge_id, statements_in(connection)
        participant = await persons.find(run, badge_id) if badge_id else None
    return Answer(
        scan_id=scan_id,
        decision=Decision(scan.decision),
        reason=Reason(scan.reason),
        participant=participant,
        previous=None if previous is None else _previous(previous),
        decided_at=scan.decided_at,
        conflict=None if scan.conflict is None else Reason(scan.conflict),
    )


async def find_scan(connection: AsyncConnection, scan_id: UUID) -> LoggedScan:
    row = (await connection.execute(_FIND_SCAN, {"wanted": scan_id})).one_or_none()
    if row is None:
        raise not_found("scan")
    return row


def _previous(scan: LoggedScan) -> PreviousOut:
    return PreviousOut(
        scan_id=scan.scan_id,
        at=scan.at,
        gate=scan.gate,
        entrance=scan.entrance,
        direction=scan.direction,
    )


_FIND_SCAN: Final = select(scans).where(scans.c.scan_id == bindparam("wanted"))
