"""HTTP for the registrant: the own page, what can be done on it, and how to be sent its link."""

from __future__ import annotations

import json
from collections.abc import Callable, Coroutine
from datetime import date, time
from pathlib import Path
from typing import Annotated, Any, Final, Literal

from fastapi import APIRouter, Form, Query, Request
from fastapi.responses import RedirectResponse, Response
from fastapi.routing import APIRoute

from services.registration import (
    amendments,
    erasure,
    fields,
    own_links,
    personal_data,
    photos,
    places,
    review,
    search,
)
from services.registration.api import limit_asking, link_requests_of
from services.registration.forms import Amendment, AskForLink, read_form
from services.registration.labels import genders, labels
from services.registration.lifecycle import (
    ALLOWED_FROM,
    LIVING,
    Status,
    Step,
    check,
    is_reopened_by_another_category,
)
from services.registration.own_links import registration_of
from services.registration.registrations import REGISTRANT, Registrations, TheRegistrations
from services.registration.tables import Registration
from shared import caching, countries
from shared.forum import BadgeDesk
from shared.pages import OurPages, Pages, speak_own_language
from shared.problems import FieldError, Problem

SCRIPT: Final = Path(__file__).parent / "web" / "own.js"


class _OwnRoute(APIRoute):
    """What is not possible any more leads back to the own page, which says how it stands."""

    def get_route_handler(self) -> Callable[[Request], Coroutine[Any, Any, Response]]:
        handle = super().get_route_handler()

        async def handle_or_go_back(request: Request) -> Response:
            try:
                return await handle(request)
            except Problem as problem:
                if problem.status != 409:
                    raise
                return _to_own_page(request, "overtaken")

        return handle_or_go_back


router = APIRouter(include_in_schema=False, route_class=_OwnRoute)

FORM: Final = "correct"
"""The corrections' form, for the language switch that stands elsewhere."""

Act = Literal["cancel", "erase", "revoke"]
"""What is asked about once more before it is done."""
_STEPS: Final[dict[Act, Step]] = {
    "cancel": Step.cancel,
    "erase": Step.erase,
    "revoke": Step.revoke_links,
}


@router.get("/me")
async def me(
    request: Request,
    of: TheRegistrations,
    pages: OurPages,
    done: Annotated[str, Query(max_length=20)] = "",
) -> Response:
    row = await own(request, of)
    async with of.database.read() as connection:
        has_photo = await photos.has_one(connection, row.id)
        place = await places.place_in_line(connection, row)
        came = bool(await search.entries(connection, row.id))
        reason = await review.why_declined(connection, row)
    is_over, language = amendments.is_over(of), pages.language(request)
    _ = pages.gettext_in(language)
    return pages.render(
        request,
        "me.html",
        registration=row,
        category=of.forum.category(row.category),
        country=countries.name(row.country, language),
        labels=labels(_),
        gender_choices=genders(_),
        days=[of.forum.days[index] for index in row.days],
        token=request.query_params["token"],
        has_photo=has_photo,
        place=place,
        reason=reason,
        desk_hours=_desk_hours(of.forum.badge_desk),
        is_over=is_over,
        has_certificate=came and is_over,
        done=done,
        can_correct=row.status in ALLOWED_FROM[Step.amend],
        can_cancel=row.status in ALLOWED_FROM[Step.cancel] and not is_over,
        can_erase=row.status in ALLOWED_FROM[Step.erase],
        can_register=row.status not in LIVING and of.forum.is_open(of.clock.now()),
    )


def _desk_hours(desk: BadgeDesk) -> dict[tuple[time, time], list[date]]:
    """On which days the desk opens from when to when, in the order of the forum's file."""
    found: dict[tuple[time, time], list[date]] = {}
    for hours in desk.hours:
        found.setdefault((hours.opens, hours.closes), []).append(hours.day)
    return found


@router.get("/me/photo.jpg")
async def photo(request: Request, of: TheRegistrations) -> Response:
    row = await own(request, of)
    async with of.database.read() as connection:
        jpeg = await photos.get(connection, row.id)
    return Response(jpeg, media_type="image/jpeg", headers={"Cache-Control": "private, no-store"})


@router.get("/me/data.json")
async def data(request: Request, of: TheRegistrations) -> Response:
    row = await own(request, of)
    document = (await personal_data.collect(of, row.id)).model_dump(mode="json")
    headers = {
        "Cache-Control": "private, no-store",
        "Content-Disposition": f'attachment; filename="{row.reference}.json"',
    }
    # Indented: whoever opens it is a person first.
    text = json.dumps(document, ensure_ascii=False, indent=2)
    return Response(text, media_type="application/json", headers=headers)


@router.get("/own.js")
async def script() -> Response:
    return caching.for_an_hour(SCRIPT)


# --- corrections ---------------------------------------------------------------------------------


@router.get("/me/correct")
async def correct_page(request: Request, of: TheRegistrations, pages: OurPages) -> Response:
    row = await own(request, of)
    check(Step.amend, Status(row.status))
    return await _form(request, of, pages, row, fields.values_in(of.forum, row), [])


@router.post("/me/correct")
async def correct(request: Request, of: TheRegistrations, pages: OurPages) -> Response:
    row = await own(request, of)
    async with request.form(max_files=1, max_fields=200) as sent:
        values = fields.values_of(sent)
        new_photo = await fields.photo_of(sent)
    if "read_in" in sent:
        return await _form(request, of, pages, row, values, [], new_photo is not None)
    try:
        particulars = _as_json(values, new_photo, is_over=amendments.is_over(of))
        amendment = read_form(Amendment, particulars, of.forum)
        await amendments.amend(of, row.id, amendment, REGISTRANT)
    except Problem as problem:
        if not problem.errors:
            raise
        return await _form(
            request, of, pages, row, values, list(problem.errors), new_photo is not None
        )
    return _to_own_page(request, "corrected")


async def _form(
    request: Request,
    of: Registrations,
    pages: Pages,
    row: Registration,
    values: dict[str, Any],
    errors: list[FieldError],
    photo_again: bool = False,
) -> Response:
    async with of.database.read() as connection:
        has_photo = await photos.has_one(connection, row.id)
    return pages.render(
        request,
        "correct.html",
        422 if errors else 200,
        **fields.context(of, pages, request, values, errors),
        registration=row,
        token=request.query_params["token"],
        photo_again=photo_again,
        correcting=True,
        has_photo=has_photo,
        language_form=FORM,
        is_over=amendments.is_over(of),
        is_reviewed_again=is_reopened_by_another_category(Status(row.status)),
    )


def _as_json(values: dict[str, Any], new_photo: str | None, *, is_over: bool) -> dict[str, Any]:
    """The amendment as the API would be sent it: all that the page shows, changed or not."""
    sent = {key: value for key, value in values.items() if key in Amendment.model_fields}
    sent["visa_letter"] = values.get("visa_letter") == fields.TICKED
    if is_over:
        sent = {key: value for key, value in sent.items() if key not in fields.OF_THE_VISIT}
    if new_photo is not None:
        sent["photo"] = new_photo
    elif values.get("remove_photo") == fields.TICKED:
        sent["photo"] = None
    return sent


# --- what cannot be taken back -------------------------------------------------------------------


@router.get("/me/{act}")
async def sure(request: Request, of: TheRegistrations, pages: OurPages, act: Act) -> Response:
    """Ask once more, and say what would happen."""
    row = await own(request, of)
    check(_STEPS[act], Status(row.status))
    token = request.query_params["token"]
    return pages.render(request, "sure.html", act=act, registration=row, token=token)


@router.post("/me/cancel")
async def cancel(request: Request, of: TheRegistrations) -> Response:
    row = await own(request, of)
    await of.cancel(row.id, REGISTRANT)
    return _to_own_page(request)


@router.post("/me/erase")
async def erase(request: Request, of: TheRegistrations) -> Response:
    row = await own(request, of)
    await erasure.erase(of, row.id, REGISTRANT)
    return _to_own_page(request)


@router.post("/me/revoke")
async def revoke(request: Request, of: TheRegistrations) -> Response:
    row = await own(request, of)
    row = await own_links.revoke(of, row.id, REGISTRANT)
    return RedirectResponse(f"{of.links.me(row).removeprefix(of.links.origin)}&done=revoked", 303)


# --- a new link ----------------------------------------------------------------------------------


@router.get("/link")
async def link_page(request: Request, pages: OurPages) -> Response:
    return pages.render(request, "link.html", email="", errors={})


@router.post("/link")
async def ask_for_link(
    request: Request,
    of: TheRegistrations,
    pages: OurPages,
    email: Annotated[str, Form()] = "",
) -> Response:
    limit_asking(request)
    try:
        address = read_form(AskForLink, {"email": email}, of.forum).email
    except Problem as problem:
        errors = {error.field: error for error in problem.errors}
        return pages.render(request, "link.html", 422, email=email, errors=errors)
    await link_requests_of(request).ask(address)
    return RedirectResponse("/registration/link/asked", 303)


@router.get("/link/asked")
async def link_asked(request: Request, pages: OurPages) -> Response:
    return pages.render(request, "link_asked.html")


async def own(request: Request, of: Registrations) -> Registration:
    """The registration whose link calls, shown in the person's own language."""
    row = await registration_of(request, of)
    speak_own_language(request, row.language)
    return row


def _to_own_page(request: Request, done: str = "") -> Response:
    token = request.query_params["token"]
    return RedirectResponse(f"/registration/me?token={token}{f'&done={done}' if done else ''}", 303)
