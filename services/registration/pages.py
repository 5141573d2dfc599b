"""HTTP for people: the form, and the button by which they confirm their address."""

from __future__ import annotations

import hashlib
import json
from contextlib import suppress
from pathlib import Path
from typing import Annotated, Any
from uuid import UUID, uuid4

from fastapi import APIRouter, Form, Query, Request
from fastapi.responses import RedirectResponse, Response

from services.registration import fields, opening
from services.registration.api import limit_caller, limit_mailbox
from services.registration.forms import NewRegistration, read_form
from services.registration.lifecycle import LIVING
from services.registration.links import wrong_link
from services.registration.registrations import Registrations, TheRegistrations
from services.registration.tables import Registration
from shared import caching
from shared.pages import OurPages, Pages, speak_own_language
from shared.problems import FieldError, Problem

FORM = "register"
"""The form's id, for what belongs to it and stands elsewhere."""
FORM_SCRIPT = Path(__file__).parent / "web" / "form.js"
PHOTO_SCRIPT = Path(__file__).parent / "web" / "photo.js"
KEY_COOKIE = "form"
"""Which form this is: the browser's Back brings the same one, filled in, and not a new one."""
KEY_SECONDS = 3600

router = APIRouter(include_in_schema=False)


def form_page(
    request: Request,
    of: Registrations,
    pages: Pages,
    values: dict[str, Any],
    errors: list[FieldError],
    status: int = 200,
    *,
    photo_again: bool = False,
) -> Response:
    language, now = pages.language(request), of.clock.now()
    is_open = of.forum.is_open(now)
    return pages.render(
        request,
        "form.html",
        status,
        **fields.context(of, pages, request, values, errors),
        photo_again=photo_again,
        correcting=False,
        is_open=is_open,
        opening=opening.sentence(of.forum, now, language, pages.gettext_in(language)),
        language_form=FORM if is_open else "",
    )


@router.get("/")
async def form(request: Request, of: TheRegistrations, pages: OurPages) -> Response:
    key = request.cookies.get(KEY_COOKIE) or str(uuid4())
    fresh = {"language": pages.language(request), "idempotency_key": key}
    page = form_page(request, of, pages, fresh, [])
    page.set_cookie(
        KEY_COOKIE, key, max_age=KEY_SECONDS, path="/registration/", httponly=True, samesite="lax"
    )
    return page


@router.post("/")
async def submit(request: Request, of: TheRegistrations, pages: OurPages) -> Response:
    async with request.form(max_files=1, max_fields=200) as data:
        values = fields.values_of(data)
        photo = await fields.photo_of(data)
    if "read_in" in data:
        return _in_another_language(request, of, pages, values, photo_again=photo is not None)
    if not of.forum.is_open(of.clock.now()):
        return form_page(request, of, pages, values, [], 403)
    limit_caller(request)
    try:
        new = read_form(NewRegistration, _as_json(values) | {"photo": photo}, of.forum)
        limit_mailbox(request, new.email)
        row = await _submit_once(of, new, _idempotency_key(values, photo))
    except Problem as problem:
        if not problem.errors:
            raise
        return form_page(
            request,
            of,
            pages,
            values,
            list(problem.errors),
            problem.status,
            # No page can fill in a file.
            photo_again=photo is not None,
        )
    # The reference travels in the address: a reload shows the page again and sends nothing.
    return RedirectResponse(f"/registration/received?reference={row.reference}", 303)


@router.get("/form.js")
async def form_script() -> Response:
    return caching.for_an_hour(FORM_SCRIPT)


@router.get("/photo.js")
async def photo_script() -> Response:
    return caching.for_an_hour(PHOTO_SCRIPT)


@router.get("/received")
async def received(
    request: Request, pages: OurPages, reference: Annotated[str, Query(max_length=20)] = ""
) -> Response:
    return pages.render(request, "received.html", reference=reference)


@router.get("/confirm")
async def confirm_page(
    request: Request,
    of: TheRegistrations,
    pages: OurPages,
    registration: Annotated[str, Query(alias="id", max_length=100)] = "",
    token: Annotated[str, Query(max_length=1000)] = "",
) -> Response:
    # Mail scanners open links: nothing changes before the button is pressed.
    registration_id = _id_in_link(registration)
    with suppress(Problem):  # of a link that does not confirm; pressing the button says why
        row = await of.get(registration_id)
        of.links.check_confirm(row, token)
        speak_own_language(request, row.language)
    return pages.render(request, "confirm.html", id=registration_id, token=token)


@router.post("/confirm")
async def confirm(
    of: TheRegistrations,
    registration: Annotated[str, Form(alias="id", max_length=100)] = "",
    token: Annotated[str, Form(max_length=1000)] = "",
) -> Response:
    registration_id = _id_in_link(registration)
    try:
        row = await of.confirm_email(registration_id, token)
    except Problem as problem:
        if problem.status != 409:
            raise
        # The link is right: the own page says what has become of the registration.
        row = await of.get(registration_id)
    return RedirectResponse(of.links.me(row).removeprefix(of.links.origin), 303)


def _in_another_language(
    request: Request, of: Registrations, pages: Pages, values: dict[str, Any], *, photo_again: bool
) -> Response:
    """The form as it was filled in so far, read in another language; nothing is sent."""
    if values.get("language") == values.get("shown_in"):
        # Nobody has chosen another language for the mails than the page's: it moves along.
        values["language"] = pages.language(request)
    errors: list[FieldError] = []
    if values.get("looked_at"):
        try:
            read_form(NewRegistration, _as_json(values), of.forum)
        except Problem as problem:
            errors = list(problem.errors)
    return form_page(request, of, pages, values, errors, photo_again=photo_again)


def _as_json(values: dict[str, Any]) -> dict[str, Any]:
    """The same as the API would be sent it."""
    known = NewRegistration.model_fields
    sent = {key: value for key, value in values.items() if key in known}
    for name in ("consent", "visa_letter"):
        sent[name] = values.get(name) == fields.TICKED
    sent.setdefault("position", "")
    sent["consent_language"] = values.get("shown_in", "")
    return sent


async def _submit_once(of: Registrations, new: NewRegistration, key: str | None) -> Registration:
    row = await of.submit(new, key)
    if key is not None and row.status not in LIVING:
        # What was sent an hour ago and cancelled meanwhile is sent again on purpose.
        row = await of.submit(new, f"{key}-{row.reference}")
    return row


def _idempotency_key(values: dict[str, Any], photo: str | None) -> str | None:
    """A form sent twice registers once; one that was corrected after all is another registration.

    That happens: who sees a wrong address on the next page goes back and sends the form again.
    """
    if not values.get("idempotency_key"):
        return None
    return hashlib.sha256(json.dumps([values, photo], sort_keys=True).encode()).hexdigest()


def _id_in_link(text: str) -> UUID:
    """The registration that a link names; mail programs break links, and people copy half of one.

    Raises:
        Problem: 403, it names none.
    """
    try:
        return UUID(text)
    except ValueError:
        raise wrong_link() from None
