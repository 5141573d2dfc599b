"""HTTP for people about an evacuation: the list on the screen and on paper, and the roll call."""

from __future__ import annotations

from itertools import groupby
from typing import Annotated, Literal
from uuid import UUID

from fastapi import APIRouter, Query, Request
from fastapi.responses import RedirectResponse, Response

from services.checkin import roll_calls
from services.checkin.api import Lead
from services.checkin.evacuation import EvacuationOut, PersonOut, State
from services.checkin.evacuation_api import note_read, now_listed
from services.checkin.gates import OurGates
from shared import countries
from shared.forum import Forum
from shared.pages import OurPages

router = APIRouter(include_in_schema=False)
Show = Annotated[Literal["all", "missing"], Query()]


@router.get("/evacuation")
async def evacuation(
    request: Request, gates: OurGates, pages: OurPages, _: Lead, show: Show = "all"
) -> Response:
    listed = await now_listed(gates)
    await note_read(gates, listed)
    language = pages.language(request)
    return pages.render(
        request,
        "evacuation.html",
        listed=listed,
        show=show,
        zones=_by_zone(gates.forum, listed, show),
        clock=lambda moment: f"{moment.astimezone(gates.forum.timezone):%H:%M}",
        country_name=lambda code: countries.name(code, language) if code else "",
        category_names={one.id: one.name.in_language(language) for one in gates.forum.categories},
        entrance_names={one.id: one.name.in_language(language) for one in gates.forum.entrances},
        zone_names={one.id: one.name.in_language(language) for one in gates.forum.zones},
        scan_out={one.id: one.scan_out for one in gates.forum.zones},
    )


@router.post("/evacuation/begin")
async def begin(gates: OurGates, by: Lead) -> Response:
    await roll_calls.begin(gates, by)
    return _back("all")


@router.post("/evacuation/{roll_call_id}/end")
async def end(gates: OurGates, roll_call_id: UUID, by: Lead) -> Response:
    await roll_calls.end(gates, roll_call_id, by)
    return _back("all")


@router.post("/evacuation/people/{registration_id}/found")
async def found(gates: OurGates, registration_id: UUID, by: Lead, show: Show = "all") -> Response:
    await roll_calls.mark(gates, registration_id, "found", by.id)
    return _back(show, registration_id)


@router.post("/evacuation/people/{registration_id}/not-found")
async def not_found(
    gates: OurGates, registration_id: UUID, by: Lead, show: Show = "all"
) -> Response:
    await roll_calls.mark(gates, registration_id, "missing", by.id)
    return _back(show, registration_id)


def _by_zone(forum: Forum, listed: EvacuationOut, show: Show) -> list[tuple[str, list[PersonOut]]]:
    people = [one for one in listed.people if show == "all" or one.state == State.missing]
    return [(zone or "", list(some)) for zone, some in groupby(people, lambda one: one.zone)]


def _back(show: Show, to: UUID | None = None) -> Response:
    place = "" if to is None else f"#person-{to}"
    return RedirectResponse(f"/checkin/evacuation?show={show}{place}", 303)
