"""HTTP for people: delegations for organisers, and for those who look after one."""

from __future__ import annotations

from typing import Annotated, Any, Final
from uuid import UUID

from fastapi import APIRouter, Depends, Form, Request
from fastapi.responses import RedirectResponse, Response
from starlette.datastructures import FormData

from services.registration import delegations
from services.registration.delegation_forms import DelegationChange, NewDelegation, NewFocalPoint
from services.registration.delegations import Delegation
from services.registration.delegations_api import Keeper, Organiser, Viewer, note_members
from services.registration.forms import NewRegistration, read_form
from services.registration.labels import genders, labels
from services.registration.lifecycle import LIVING
from services.registration.registrations import Registrations, TheRegistrations
from services.registration.tables import Registration
from shared import countries
from shared.access import Role, Staff, staff_of
from shared.dates import short_day
from shared.forum import LANGUAGES
from shared.i18n import NATIVE_NAMES
from shared.pages import OurPages, Pages, speak_own_language
from shared.problems import FieldError, Problem, not_found

HOME: Final = "/registration/delegations"
MEMBERS_A_PAGE: Final = 100
TICKED: Final = "yes"
_ASKED: Final = (
    "given_name", "family_name", "title", "email", "country", "language", "category",
    "organization", "position", "accessibility_needs", "gender",
)  # fmt: skip
"""What the form of a member asks for as text."""
_SAID_ON_THE_FORM: Final = ("quota-full", "already-a-member")
"""Refusals that the form shows, with what was typed."""


async def in_the_invitations_language(request: Request, of: TheRegistrations) -> None:
    """A focal point is answered in the language of their invitation."""
    staff = staff_of(request)
    if staff is not None and staff.has(Role.focal_point):
        async with of.database.read() as connection:
            speak_own_language(request, await delegations.language_of(connection, staff))


router = APIRouter(
    prefix="/delegations",
    include_in_schema=False,
    dependencies=[Depends(in_the_invitations_language)],
)


@router.get("")
async def overview(request: Request, of: TheRegistrations, pages: OurPages, by: Viewer) -> Response:
    async with of.database.read() as connection:
        rows = await delegations.seen_by(connection, by)
    if not by.has(*delegations.SEE_ALL) and len(rows) == 1:
        return RedirectResponse(f"{HOME}/{rows[0].id}", 303)
    return _overview(request, of, pages, by, rows, {}, [])


@router.post("")
async def create(
    request: Request, of: TheRegistrations, pages: OurPages, by: Organiser
) -> Response:
    async with request.form() as data:
        values = _texts(data, NewDelegation.model_fields)
    try:
        created = await delegations.create(of, read_form(NewDelegation, values, of.forum), by)
    except Problem as problem:
        async with of.database.read() as connection:
            rows = await delegations.seen_by(connection, by)
        return _overview(request, of, pages, by, rows, values, list(problem.errors))
    return RedirectResponse(f"{HOME}/{created.id}", 303)


@router.get("/{delegation_id}")
async def one(
    request: Request,
    of: TheRegistrations,
    pages: OurPages,
    delegation_id: UUID,
    by: Viewer,
    done: str = "",
    cursor: UUID | None = None,
) -> Response:
    return await _page_of_one(request, of, pages, delegation_id, by, done=done, cursor=cursor)


@router.post("/{delegation_id}/quota")
async def change_quota(
    request: Request,
    of: TheRegistrations,
    pages: OurPages,
    delegation_id: UUID,
    by: Organiser,
    quota: Annotated[str, Form(max_length=20)] = "",
) -> Response:
    try:
        wanted = read_form(DelegationChange, {"quota": quota}, of.forum)
        await delegations.change(of, delegation_id, wanted)
    except Problem as problem:
        if problem.status not in (409, 422):
            raise
        errors = [FieldError("quota", problem.detail, "quota")]
        return await _page_of_one(
            request, of, pages, delegation_id, by, values={"quota": quota}, errors=errors
        )
    return _done(delegation_id, "changed")


@router.post("/{delegation_id}/focal-points")
async def invite(
    request: Request, of: TheRegistrations, pages: OurPages, delegation_id: UUID, by: Organiser
) -> Response:
    async with request.form() as data:
        values = _texts(data, NewFocalPoint.model_fields)
    try:
        new = read_form(NewFocalPoint, values, of.forum)
    except Problem as problem:
        errors = list(problem.errors)
        return await _page_of_one(
            request, of, pages, delegation_id, by, values=values, errors=errors
        )
    await delegations.invite(of, delegation_id, new, by)
    return _done(delegation_id, "invited")


@router.post("/{delegation_id}/focal-points/{focal_point_id}/remove")
async def remove_focal_point(
    of: TheRegistrations, delegation_id: UUID, focal_point_id: UUID, _: Organiser
) -> Response:
    await delegations.remove_focal_point(of, delegation_id, focal_point_id)
    return _done(delegation_id, "removed")


@router.get("/{delegation_id}/members/new")
async def new_member(
    request: Request,
    of: TheRegistrations,
    pages: OurPages,
    delegation_id: UUID,
    by: Keeper,
    replaces: UUID | None = None,
) -> Response:
    delegation, leaving = await _for_form(of, delegation_id, by, replaces)
    values = {
        "country": delegation.country or "",
        "organization": delegation.organization or "",
        "language": pages.language(request),
    }
    return _member_form(request, of, pages, delegation, leaving, values, [])


@router.post("/{delegation_id}/members/new")
async def add_member(
    request: Request, of: TheRegistrations, pages: OurPages, delegation_id: UUID, by: Keeper
) -> Response:
    async with request.form() as data:
        values = _texts(data, (*_ASKED, "consent", "visa_letter"))
        values["days"] = [day for day in data.getlist("days") if isinstance(day, str)]
        replaces = _member_named(data)
        in_another_language = "read_in" in data
    delegation, leaving = await _for_form(of, delegation_id, by, replaces)
    if in_another_language:
        return _member_form(request, of, pages, delegation, leaving, values, [])
    try:
        new = read_form(NewRegistration, _as_json(values, delegation), of.forum)
        if leaving is None:
            await delegations.add(of, delegation_id, new, by)
        else:
            await delegations.replace(of, delegation_id, leaving.id, new, by)
    except Problem as problem:
        if not problem.errors and problem.kind not in _SAID_ON_THE_FORM:
            raise
        return _member_form(
            request,
            of,
            pages,
            delegation,
            leaving,
            values,
            list(problem.errors),
            refusal=problem.kind,
            status=problem.status,
        )
    return _done(delegation_id, "added" if leaving is None else "replaced")


@router.post("/{delegation_id}/members/{registration_id}/withdraw")
async def withdraw(
    of: TheRegistrations, delegation_id: UUID, registration_id: UUID, by: Keeper
) -> Response:
    await delegations.withdraw(of, delegation_id, registration_id, by)
    return _done(delegation_id, "withdrawn")


def _overview(
    request: Request,
    of: Registrations,
    pages: Pages,
    by: Staff,
    rows: list[Any],
    values: dict[str, Any],
    errors: list[FieldError],
) -> Response:
    language = pages.language(request)
    return pages.render(
        request,
        "delegations.html",
        422 if errors else 200,
        rows=rows,
        may_create=by.has(Role.organiser),
        values=values,
        errors=_by_field(errors),
        countries=countries.choices(language),
        country_name=lambda code: countries.name(code, language),
        category_choices=_categories(of, pages, request),
        category_name=lambda category: of.forum.category(category).name.in_language(language),
    )


async def _page_of_one(
    request: Request,
    of: Registrations,
    pages: Pages,
    delegation_id: UUID,
    by: Staff,
    *,
    done: str = "",
    cursor: UUID | None = None,
    values: dict[str, Any] | None = None,
    errors: list[FieldError] | None = None,
) -> Response:
    async with of.database.read() as connection:
        delegation = await delegations.get(connection, delegation_id, by)
        found = await delegations.members(connection, delegation_id, cursor, MEMBERS_A_PAGE)
        people = await delegations.people_of(connection, delegation_id)
    await note_members(of, delegation_id, found.rows)
    language = pages.language(request)
    return pages.render(
        request,
        "delegation.html",
        422 if errors else 200,
        delegation=delegation,
        whose=_whose(delegation, pages, request),
        category=of.forum.category(delegation.category),
        members=found,
        living=LIVING,
        people=people,
        done=done,
        may_change=by.has(Role.organiser),
        may_touch=by.has(*delegations.TOUCH),
        is_full=found.counted >= delegation.quota,
        values={"quota": str(delegation.quota), "language": language, **(values or {})},
        errors=_by_field(errors or []),
        language_choices=[(code, NATIVE_NAMES[code]) for code in LANGUAGES],
    )


async def _for_form(
    of: Registrations, delegation_id: UUID, by: Staff, replaces: UUID | None
) -> tuple[Delegation, Registration | None]:
    """The delegation, and the member whom somebody is to replace."""
    async with of.database.read() as connection:
        delegation = await delegations.get(connection, delegation_id, by)
        if replaces is None:
            return delegation, None
        leaving = await delegations.member(connection, delegation_id, replaces)
    await note_members(of, delegation_id, [leaving])
    return delegation, leaving


def _member_form(
    request: Request,
    of: Registrations,
    pages: Pages,
    delegation: Delegation,
    leaving: Registration | None,
    values: dict[str, Any],
    errors: list[FieldError],
    *,
    refusal: str = "",
    status: int = 200,
) -> Response:
    language = pages.language(request)
    gettext = pages.gettext_in(language)
    return pages.render(
        request,
        "member.html",
        status,
        delegation=delegation,
        leaving=leaving,
        values=values,
        errors=_by_field(errors),
        refusal=refusal,
        labels=labels(gettext),
        countries=countries.choices(language),
        language_choices=[(code, NATIVE_NAMES[code]) for code in LANGUAGES],
        gender_choices=genders(gettext),
        day_choices=[(day.isoformat(), short_day(day, language)) for day in of.forum.days],
        language_form="member",
    )


def _as_json(values: dict[str, Any], delegation: Delegation) -> dict[str, Any]:
    """The same as the API would be sent it."""
    answers = {name: values.get(name) == TICKED for name in ("consent", "visa_letter")}
    return {"position": "", **values, "category": delegation.category, **answers}


def _member_named(data: FormData) -> UUID | None:
    """The member whom somebody is to replace.

    Raises:
        Problem: 404, there is no such member.
    """
    named = data.get("replaces")
    if not named:
        return None
    try:
        return UUID(str(named))
    except ValueError:
        raise not_found("member") from None


def _texts(data: FormData, names: Any) -> dict[str, Any]:
    """The form's fields as they were typed."""
    return {name: text for name in names if isinstance(text := data.get(name), str)}


def _by_field(errors: list[FieldError]) -> dict[str, FieldError]:
    return {error.field.split(".")[0]: error for error in reversed(errors)}


def _categories(of: Registrations, pages: Pages, request: Request) -> list[tuple[str, str]]:
    language = pages.language(request)
    return [(each.id, each.name.in_language(language)) for each in of.forum.categories]


def _whose(delegation: Delegation, pages: Pages, request: Request) -> str:
    """The country and the organisation of a delegation, as far as it has them."""
    country = delegation.country and countries.name(delegation.country, pages.language(request))
    return " · ".join(filter(None, (country, delegation.organization)))


def _done(delegation_id: UUID, what: str) -> Response:
    return RedirectResponse(f"{HOME}/{delegation_id}?done={what}", 303)
