"""HTTP for people: the form, the registrant's own page, the review desk, staff sign-in."""

from __future__ import annotations

import hashlib
import json
from typing import Annotated, Any
from uuid import UUID, uuid4

from fastapi import APIRouter, Form, Query, Request
from fastapi.responses import RedirectResponse, Response
from starlette.datastructures import FormData

from services.registration import review, search, staff
from services.registration.api import Reviewer, Words, limit_caller
from services.registration.forms import Gender, NewRegistration, clean_reason, read_form
from services.registration.lifecycle import ALLOWED_FROM, Status, Step
from services.registration.links import wrong_link
from services.registration.registrations import REGISTRANT, Registrations, TheRegistrations
from services.registration.search import Filter
from services.registration.tables import Registration
from shared import countries
from shared.access import SESSION_COOKIE, SESSION_LIFETIME, Role, keyring_of, registrant_of
from shared.forum import LANGUAGES
from shared.i18n import NATIVE_NAMES
from shared.pages import Gettext, OurPages, Pages
from shared.problems import FieldError, Problem

LISTS = ("days", "tracks", "action_lines", "sdgs")
HOME = {
    Role.organiser: "/checkin/live",
    Role.viewer: "/checkin/live",
    Role.security_lead: "/checkin/live",
    Role.reviewer: "/registration/review",
}


router = APIRouter(include_in_schema=False)


def form_page(
    request: Request,
    of: Registrations,
    pages: Pages,
    values: dict[str, Any],
    errors: list[FieldError],
    status: int = 200,
) -> Response:
    language = pages.language(request)
    return pages.render(
        request,
        "form.html",
        status,
        values=values,
        errors={error.field.split(".")[0]: error for error in reversed(errors)},
        countries=countries.choices(language),
        labels=_labels(pages.gettext_in(language)),
        language_choices=[(code, NATIVE_NAMES[code]) for code in LANGUAGES],
        gender_choices=_genders(pages.gettext_in(language)),
        is_open=of.forum.is_open(of.clock.now()),
    )


@router.get("/")
async def form(request: Request, of: TheRegistrations, pages: OurPages) -> Response:
    fresh = {"language": pages.language(request), "idempotency_key": str(uuid4())}
    return form_page(request, of, pages, fresh, [])


@router.post("/")
async def submit(request: Request, of: TheRegistrations, pages: OurPages) -> Response:
    limit_caller(request)
    data = await request.form(max_files=0, max_fields=200)
    values = _values(data)
    try:
        new = read_form(NewRegistration, _as_json(values), of.forum)
        row = await of.submit(new, _idempotency_key(values))
    except Problem as problem:
        if not problem.errors:
            raise
        return form_page(request, of, pages, values, list(problem.errors), problem.status)
    # The reference travels in the address: a reload shows the page again and sends nothing.
    return RedirectResponse(f"/registration/received?reference={row.reference}", 303)


@router.get("/received")
async def received(
    request: Request, pages: OurPages, reference: Annotated[str, Query(max_length=20)] = ""
) -> Response:
    return pages.render(request, "received.html", reference=reference)


@router.get("/confirm")
async def confirm_page(
    request: Request,
    pages: OurPages,
    registration: Annotated[str, Query(alias="id", max_length=100)] = "",
    token: Annotated[str, Query(max_length=1000)] = "",
) -> Response:
    # Mail scanners open links: nothing changes before the button is pressed.
    return pages.render(request, "confirm.html", id=_id_in_link(registration), token=token)


@router.post("/confirm")
async def confirm(
    of: TheRegistrations,
    registration: Annotated[str, Form(alias="id", max_length=100)] = "",
    token: Annotated[str, Form(max_length=1000)] = "",
) -> Response:
    row = await of.confirm_email(_id_in_link(registration), token)
    return RedirectResponse(of.links.me(row).removeprefix(of.links.origin), 303)


@router.get("/me")
async def me(request: Request, of: TheRegistrations, pages: OurPages) -> Response:
    row = await own(request, of)
    return pages.render(
        request,
        "me.html",
        registration=row,
        category=of.forum.category(row.category),
        country=countries.name(row.country, pages.language(request)),
        days=[of.forum.days[index] for index in row.days],
        token=request.query_params["token"],
        can_cancel=row.status in ALLOWED_FROM[Step.cancel],
    )


@router.post("/me/cancel")
async def cancel(request: Request, of: TheRegistrations) -> Response:
    row = await own(request, of)
    await of.cancel(row.id, REGISTRANT)
    return RedirectResponse(f"/registration/me?token={request.query_params['token']}", 303)


async def own(request: Request, of: Registrations) -> Registration:
    registration_id = registrant_of(request)
    if registration_id is None or "token" not in request.query_params:
        raise wrong_link()
    return await of.get(registration_id)


@router.get("/review")
async def queue(
    request: Request,
    of: TheRegistrations,
    pages: OurPages,
    _: Reviewer,
    status: Status = Status.in_review,
    q: Words = "",
    cursor: UUID | None = None,
) -> Response:
    async with of.database.read() as connection:
        rows, following = await search.page(
            connection, Filter(status=status, q=q or None), cursor, 50
        )
        counts = await search.counts(connection)
    language = pages.language(request)
    return pages.render(
        request,
        "review.html",
        rows=rows,
        following=following,
        counts=counts,
        status=status,
        statuses=list(Status),
        q=q,
        category_name=lambda category: of.forum.category(category).name.in_language(language),
        country_name=lambda code: countries.name(code, language),
    )


@router.get("/review/{registration_id}")
async def one(
    request: Request, of: TheRegistrations, pages: OurPages, registration_id: UUID, _: Reviewer
) -> Response:
    return await review_page(request, of, pages, registration_id)


async def review_page(
    request: Request,
    of: Registrations,
    pages: Pages,
    registration_id: UUID,
    error: str = "",
    status: int = 200,
) -> Response:
    row = await of.get(registration_id)
    async with of.database.read() as connection:
        acts = await search.acts(connection, registration_id)
        entries = await search.entries(connection, registration_id)
    return pages.render(
        request,
        "review_one.html",
        status,
        registration=row,
        category=of.forum.category(row.category),
        country=countries.name(row.country, pages.language(request)),
        days=[of.forum.days[index] for index in row.days],
        acts=acts,
        entries=entries,
        can_approve=row.status in ALLOWED_FROM[Step.approve],
        can_decline=row.status in ALLOWED_FROM[Step.decline],
        error=error,
    )


@router.post("/review/{registration_id}/approve")
async def approve(
    of: TheRegistrations,
    registration_id: UUID,
    by: Reviewer,
) -> Response:
    await review.approve(of, registration_id, by)
    return RedirectResponse("/registration/review", 303)


@router.post("/review/{registration_id}/decline")
async def decline(
    request: Request,
    of: TheRegistrations,
    pages: OurPages,
    registration_id: UUID,
    by: Reviewer,
    reason: Annotated[str, Form()] = "",
) -> Response:
    cleaned = clean_reason(reason)
    if cleaned is None:
        return await review_page(request, of, pages, registration_id, error="reason", status=422)
    await review.decline(of, registration_id, cleaned, by)
    return RedirectResponse("/registration/review", 303)


@router.get("/sign-in")
async def sign_in(
    request: Request, of: TheRegistrations, token: Annotated[str, Query(max_length=1000)] = ""
) -> Response:
    keyring = keyring_of(request)
    who = await staff.sign_in(of.database, keyring, token)
    response = RedirectResponse(HOME.get(who.role, "/registration/"), 303)
    response.set_cookie(
        SESSION_COOKIE,
        keyring.session(who),
        max_age=int(SESSION_LIFETIME.total_seconds()),
        httponly=True,
        samesite="lax",
        secure=of.links.origin.startswith("https://"),
    )
    return response


@router.post("/sign-out")
async def sign_out() -> Response:
    response = RedirectResponse("/registration/", 303)
    response.delete_cookie(SESSION_COOKIE)
    return response


def _labels(_: Gettext) -> dict[str, str]:
    """The fields' names, once for the form and for the summary of its errors."""
    return {
        "given_name": _("Given name"),
        "family_name": _("Family name"),
        "title": _("Title"),
        "email": _("E-mail address"),
        "country": _("Country or area"),
        "language": _("Language"),
        "category": _("Category"),
        "organization": _("Organization"),
        "position": _("Position"),
        "days": _("Days on which you come"),
        "tracks": _("Parts of the forum that interest you"),
        "accessibility_needs": _("Accessibility"),
        "gender": _("Gender"),
        "consent": _("Consent"),
    }


def _genders(_: Gettext) -> list[tuple[Gender, str]]:
    return [("female", _("Female")), ("male", _("Male")), ("other", _("Other"))]


def _values(data: FormData) -> dict[str, Any]:
    """The form's fields as text, lists where several can be chosen: to be shown again as sent."""
    values: dict[str, Any] = {key: str(data[key]) for key in data if key not in LISTS}
    return values | {key: [str(item) for item in data.getlist(key)] for key in LISTS}


def _as_json(values: dict[str, Any]) -> dict[str, Any]:
    """The same as the API would be sent it."""
    known = NewRegistration.model_fields
    sent = {key: value for key, value in values.items() if key in known}
    sent["consent"] = values.get("consent") == "yes"
    sent.setdefault("position", "")
    return sent


def _idempotency_key(values: dict[str, Any]) -> str | None:
    """A form sent twice registers once; one that was corrected after all is another registration.

    That happens: who sees a wrong address on the next page goes back and sends the form again.
    """
    if not values.get("idempotency_key"):
        return None
    return hashlib.sha256(json.dumps(values, sort_keys=True).encode()).hexdigest()


def _id_in_link(text: str) -> UUID:
    """The registration that a link names; mail programs break links, and people copy half of one.

    Raises:
        Problem: 403, it names none.
    """
    try:
        return UUID(text)
    except ValueError:
        raise wrong_link() from None
