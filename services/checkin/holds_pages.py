"""HTTP for people: who is on hold, and where somebody is put on hold or released."""

from __future__ import annotations

from typing import Annotated, Final
from urllib.parse import urlencode
from uuid import UUID

from fastapi import APIRouter, Form, Query, Request
from fastapi.responses import RedirectResponse, Response

from services.checkin import holds
from services.checkin.api import Lead
from services.checkin.gates import Gates, OurGates
from services.checkin.participants import FoundOut, look_up, on_hold
from services.checkin.schemas import Said
from shared import audit, countries
from shared.pages import OurPages
from shared.problems import Problem

MOST: Final = 20

router = APIRouter(include_in_schema=False)
Asked = Annotated[str, Query(max_length=100)]
Reason = Annotated[Said, Form()]


@router.get("/holds")
async def all_holds(
    request: Request, gates: OurGates, pages: OurPages, _: Lead, q: Asked = ""
) -> Response:
    people = await _people(gates, q.strip())
    about = {one.registration_id for one in people or ()}
    await audit.note_read(gates.database, gates.clock.now(), "participant.search", about)
    language = pages.language(request)
    return pages.render(
        request,
        "holds.html",
        asked=q.strip(),
        people=people,
        country_name=lambda code: countries.name(code, language) if code else "",
        category_names={one.id: one.name.in_language(language) for one in gates.forum.categories},
    )


@router.post("/holds/{registration_id}/hold")
async def hold(
    gates: OurGates, registration_id: UUID, reason: Reason, by: Lead, q: Asked = ""
) -> Response:
    await holds.hold(gates, registration_id, reason, by)
    return _back(q)


@router.post("/holds/{registration_id}/release")
async def release(
    gates: OurGates, registration_id: UUID, reason: Reason, by: Lead, q: Asked = ""
) -> Response:
    await holds.release(gates, registration_id, reason, by)
    return _back(q)


async def _people(gates: Gates, asked: str) -> list[FoundOut] | None:
    """Those who were looked for, all on hold if nobody was; None: it was too little to look for."""
    forum, now = gates.forum, gates.clock.now()
    async with gates.database.read() as connection:
        if not asked:
            return await on_hold(connection, forum, now)
        try:
            return await look_up(connection, forum, forum.main_zone.id, now, asked, MOST)
        except Problem:
            return None


def _back(asked: str) -> Response:
    return RedirectResponse(f"/checkin/holds?{urlencode({'q': asked})}", 303)
