"""HTTP for the operator who has presence and attendance made again."""

from __future__ import annotations

from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Depends, Query

from services.checkin.gates import OurGates
from services.checkin.reckoning import Reckoned, reckon
from shared.access import Role, Staff, require
from shared.problems import documented

router = APIRouter(prefix="/api", tags=["operations"])


@router.post(
    "/rebuild/attendance",
    summary="Make presence and attendance again from the log, some people at a time",
    responses=documented(401, 403, 422, 503),
)
async def rebuild_attendance(
    gates: OurGates,
    _: Annotated[Staff, Depends(require(Role.organiser))],
    after: Annotated[UUID | None, Query(description="`next` of the answer before")] = None,
    repair: Annotated[bool, Query(description="false: tell what differs, change nothing")] = True,
) -> Reckoned:
    return await reckon(gates, after, repair=repair)
