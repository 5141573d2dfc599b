"""HTTP for programs about an evacuation: the list, and the roll call."""

from __future__ import annotations

import csv
import io
from datetime import datetime
from typing import Annotated, Final
from uuid import UUID

import structlog
from fastapi import APIRouter, Depends, Query
from fastapi.responses import Response
from pydantic import BaseModel, Field

from services.checkin import evacuation, roll_calls
from services.checkin.api import Lead, LeadOrDevice, lead_or_calling_device
from services.checkin.evacuation import EvacuationOut, PersonOut, RollCallOut, State
from services.checkin.gates import Gates, OurGates
from shared import audit
from shared.access import Staff
from shared.downloads import BOM, MEDIA_TYPES, Format
from shared.exports import defused
from shared.problems import documented

log = structlog.get_logger()

CSV_COLUMNS: Final = [name for name in PersonOut.model_fields if name != "photo"]

router = APIRouter(prefix="/api", tags=["evacuation"], responses=documented(401, 403))


class MarkOut(BaseModel):
    """How it stands with somebody."""

    state: State
    marked_at: datetime | None
    marked_by: str | None


class Marks(BaseModel):
    """What has changed since the list was read: small enough to be asked for every few seconds."""

    roll_call: RollCallOut | None
    missing: int
    found: int
    left: int
    people: dict[UUID, MarkOut] = Field(description="Those not missing, and those marked so")


async def note_read(gates: Gates, listed: EvacuationOut, **details: str) -> None:
    """How many, and not who: when a house is emptied, everybody is on the list."""
    now, people = gates.clock.now(), len(listed.people)
    await audit.note_read(gates.database, now, "evacuation.read", [], people=people, **details)


async def now_listed(gates: OurGates) -> EvacuationOut:
    async with gates.database.read() as connection:
        call = await roll_calls.current(connection)
        return await evacuation.listed(connection, gates.forum, gates.clock.now(), call)


@router.get(
    "/evacuation",
    summary="Who is inside now, and whether they have been found",
    dependencies=[Depends(lead_or_calling_device)],
)
async def list_inside(gates: OurGates) -> EvacuationOut:
    """`inside` of the live figures counts who was scanned in at the venue's entrances. Here is also
    who was seen at a room within since, without that: one too many rather than one too few."""
    listed = await now_listed(gates)
    await note_read(gates, listed)
    return listed


@router.get(
    "/evacuation.csv",
    summary="The same as CSV",
    response_class=Response,
    responses={200: {"description": "The file", "content": {MEDIA_TYPES[Format.csv]: {}}}},
    description="A column for each field of a person in `/evacuation`, but the photo; empty for "
    "null.",
)
async def list_inside_csv(
    gates: OurGates, by: Lead, bom: Annotated[bool, Query(description="For Excel")] = False
) -> Response:
    listed = await now_listed(gates)
    await note_read(gates, listed, file="evacuation.csv")
    people = listed.people
    text = io.StringIO(newline="")
    lines = csv.DictWriter(text, CSV_COLUMNS)
    lines.writeheader()
    for person in people:
        row = person.model_dump(mode="json", include=set(CSV_COLUMNS))
        lines.writerow({name: defused(value or "") for name, value in row.items()})
    log.info("export.made", file="evacuation.csv", by=by.id, role=by.role, rows=len(people))
    disposition = f'attachment; filename="{gates.forum.id}-evacuation.csv"'
    return Response(
        (BOM if bom else b"") + text.getvalue().encode(),
        headers={
            "Content-Type": MEDIA_TYPES[Format.csv],
            "Content-Disposition": disposition,
            "Cache-Control": "no-store",
        },
    )


@router.get(
    "/evacuation/marks",
    summary="How the roll call stands",
    dependencies=[Depends(lead_or_calling_device)],
)
async def list_marks(gates: OurGates) -> Marks:
    now = await now_listed(gates)
    return Marks(
        roll_call=now.roll_call,
        missing=now.missing,
        found=now.found,
        left=now.left,
        people={
            person.registration_id: MarkOut(**person.model_dump(include=set(MarkOut.model_fields)))
            for person in now.people
            if person.state != State.missing or person.marked_at is not None
        },
    )


@router.post(
    "/evacuation/people/{registration_id}/found",
    status_code=204,
    summary="Somebody has been found",
    responses=documented(404, 409),
)
async def found(gates: OurGates, registration_id: UUID, by: LeadOrDevice) -> None:
    """Again, or by another at the same time, it changes nothing: who said it first stands."""
    await roll_calls.mark(gates, registration_id, "found", _name(by))


@router.post(
    "/evacuation/people/{registration_id}/not-found",
    status_code=204,
    summary="Somebody has not been found after all",
    responses=documented(404, 409),
)
async def not_found_after_all(gates: OurGates, registration_id: UUID, by: LeadOrDevice) -> None:
    await roll_calls.mark(gates, registration_id, "missing", _name(by))


def _name(by: LeadOrDevice) -> str:
    return by.id if isinstance(by, Staff) else by.label


@router.post("/roll-calls", summary="Begin a roll call; while one goes on, it is the answer")
async def begin(gates: OurGates, by: Lead) -> RollCallOut:
    return RollCallOut.model_validate(await roll_calls.begin(gates, by))


@router.get("/roll-calls", summary="All roll calls, newest first")
async def list_roll_calls(gates: OurGates, _: Lead) -> list[RollCallOut]:
    async with gates.database.read() as connection:
        return [RollCallOut.model_validate(one) for one in await roll_calls.all_of_them(connection)]


@router.get(
    "/roll-calls/{roll_call_id}",
    summary="Who was looked for, and who was found",
    responses=documented(404),
)
async def show(gates: OurGates, roll_call_id: UUID, _: Lead) -> EvacuationOut:
    async with gates.database.read() as connection:
        call = await roll_calls.find(connection, roll_call_id)
        listed = await evacuation.listed(connection, gates.forum, gates.clock.now(), call)
    await note_read(gates, listed)
    return listed


@router.post(
    "/roll-calls/{roll_call_id}/end",
    summary="End a roll call; again, it changes nothing",
    responses=documented(404),
)
async def end(gates: OurGates, roll_call_id: UUID, by: Lead) -> RollCallOut:
    return RollCallOut.model_validate(await roll_calls.end(gates, roll_call_id, by))
