"""HTTP for people at the review desk: a registration corrected, or cancelled, for its owner."""

from __future__ import annotations

from uuid import UUID

from fastapi import APIRouter
from fastapi.responses import RedirectResponse, Response

from services.registration import amendments
from services.registration.forms import StaffAmendment, read_form
from services.registration.review_pages import (
    CORRECTED,
    TheDesk,
    registration_page,
    tell_who_was_quicker,
)
from shared.problems import Problem

router = APIRouter(include_in_schema=False)


@router.post("/review/{registration_id}/correct")
async def correct(desk: TheDesk, registration_id: UUID) -> Response:
    sent = await desk.request.form(max_files=0, max_fields=20)
    values = {name: str(sent.get(name, "")) for name in CORRECTED}
    try:
        amendment = read_form(StaffAmendment, values, desk.of.forum)
        await amendments.amend(desk.of, registration_id, amendment, desk.by.id)
    except Problem as problem:
        if problem.errors:
            return await registration_page(
                desk, registration_id, status=422, values=values, errors=problem.errors
            )
        return await tell_who_was_quicker(desk, registration_id, problem)
    return RedirectResponse(desk.queue.address(registration_id, corrected="yes"), 303)


@router.post("/review/{registration_id}/cancel")
async def cancel(desk: TheDesk, registration_id: UUID) -> Response:
    try:
        await desk.of.cancel(registration_id, desk.by.id)
    except Problem as problem:
        return await tell_who_was_quicker(desk, registration_id, problem)
    return RedirectResponse(desk.queue.address(registration_id, done=registration_id), 303)
