"""HTTP for programs: thin, it parses, calls and answers."""

from __future__ import annotations

from datetime import date, datetime
from typing import Annotated, Any
from uuid import UUID

from fastapi import APIRouter, Depends, Header, Query, Request, Response, Security
from fastapi.security import HTTPBearer
from pydantic import BaseModel, BeforeValidator, Field

from services.registration import erasure, photos, restating, review, search
from services.registration.forms import (
    Amendment,
    Line,
    NewRegistration,
    StaffAmendment,
    clean_line,
    empty_is_none,
    read_form,
)
from services.registration.lifecycle import Status
from services.registration.registrations import REGISTRANT, Registrations, TheRegistrations
from services.registration.search import Filter
from services.registration.tables import Registration
from shared import countries
from shared.access import Role, Staff, require, staff_or_registrant
from shared.forum import Forum
from shared.limits import RateLimit, is_loopback
from shared.problems import FieldError, Problem, documented, invalid_input

READERS = (Role.organiser, Role.reviewer, Role.desk)
Organiser = Annotated[Staff, Depends(require(Role.organiser))]
Reviewer = Annotated[Staff, Depends(require(Role.organiser, Role.reviewer))]
Words = Annotated[str, BeforeValidator(clean_line), Query(max_length=200)]
"""What somebody looks for."""
_EmptyIsNone = BeforeValidator(empty_is_none)
_bearer = Security(
    HTTPBearer(
        auto_error=False,
        description="A staff token, or the token of the registrant's own link; staff may also come"
        " with the session cookie.",
    )
)


class Accepted(BaseModel):
    """What the registrant's program needs to know: the registration is ours now."""

    id: UUID
    reference: str = Field(description="For people: to be named in mails and at the desk")
    status: Status


class RegistrationOut(Accepted):
    """A registration, as its owner and staff see it."""

    version: int
    category: str
    title: str | None
    given_name: str
    family_name: str
    email: str
    organization: str
    position: str
    country: str
    language: str
    gender: str | None
    days: list[date]
    tracks: list[str]
    action_lines: list[str]
    sdgs: list[int]
    accessibility_needs: str | None
    submitted_at: datetime
    mail_bounced_at: datetime | None


class RegistrationPage(BaseModel):
    items: list[RegistrationOut]
    next_cursor: str | None


class Restated(BaseModel):
    said: int = Field(description="Registrations that were spoken of")


class ConfirmEmail(BaseModel):
    token: str = Field(max_length=1000)


class Decline(BaseModel):
    reason: Line


async def body_of(request: Request) -> Any:
    """The body as JSON; every route checks it alike, some with the forum at hand.

    Raises:
        Problem: 415 for another kind of content, 400 for what is no JSON.
    """
    media_type = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if media_type not in ("", "application/json") and not media_type.endswith("+json"):
        raise Problem(415, "unsupported-media-type", "Send the body as application/json.")
    try:
        return await request.json()
    except (ValueError, RecursionError):
        raise Problem(400, "malformed-json", "The body is not valid JSON.") from None


def _body(model: type[BaseModel]) -> dict[str, Any]:
    """Documents a body that the route reads itself."""
    return {
        "requestBody": {
            "required": True,
            "content": {"application/json": {"schema": model.model_json_schema()}},
        }
    }


router = APIRouter(prefix="/api", tags=["registrations"])


def show(of: Registrations, row: Registration) -> RegistrationOut:
    columns = {**row._mapping, "days": [of.forum.days[index] for index in row.days]}
    return RegistrationOut.model_validate(columns, extra="ignore")


@router.post(
    "/registrations",
    status_code=201,
    response_model=Accepted,
    summary="Ask to come to the forum",
    openapi_extra=_body(NewRegistration),
    responses=documented(400, 403, 413, 415, 422, 429),
)
async def register(
    request: Request,
    of: TheRegistrations,
    response: Response,
    idempotency_key: Annotated[
        str | None,
        Header(
            min_length=1,
            max_length=200,
            pattern="^[ -~]+$",
            description="Sent again with the same key: same answer",
        ),
    ] = None,
) -> Accepted:
    limit_caller(request)
    new = read_form(NewRegistration, await body_of(request), of.forum)
    row = await of.submit(new, idempotency_key)
    response.headers["Location"] = f"/registration/api/registrations/{row.id}"
    return Accepted(id=row.id, reference=row.reference, status=Status.submitted)


@router.get(
    "/registrations",
    summary="List and search, newest first",
    dependencies=[_bearer],
    responses=documented(401, 403, 422),
)
async def find(
    of: TheRegistrations,
    _: Reviewer,
    status: Annotated[Status | None, _EmptyIsNone] = None,
    category: Annotated[str | None, Query(description="A category of the forum")] = None,
    country: Annotated[str | None, Query(description="ISO 3166 alpha-2")] = None,
    q: Annotated[
        Words | None, Query(description="Part of a name, organization, address or reference")
    ] = None,
    cursor: Annotated[
        UUID | None, _EmptyIsNone, Query(description="next_cursor of the page before")
    ] = None,
    limit: Annotated[int, Query(ge=1, le=search.MOST)] = 50,
) -> RegistrationPage:
    wanted = Filter(status, *_known(of.forum, category, country), q)
    async with of.database.read() as connection:
        rows, following = await search.page(connection, wanted, cursor, limit)
    return RegistrationPage(
        items=[show(of, row) for row in rows],
        next_cursor=None if following is None else str(following),
    )


@router.get(
    "/registrations/{registration_id}",
    summary="One registration",
    dependencies=[_bearer],
    responses=documented(401, 403, 404),
)
async def get(request: Request, of: TheRegistrations, registration_id: UUID) -> RegistrationOut:
    staff_or_registrant(request, registration_id, *READERS)
    return show(of, await of.get(registration_id))


@router.get(
    "/registrations/{registration_id}/photo",
    summary="The photo, as JPEG",
    dependencies=[_bearer],
    response_class=Response,
    responses={200: {"content": {"image/jpeg": {}}}, **documented(401, 403, 404)},
)
async def photo(request: Request, of: TheRegistrations, registration_id: UUID) -> Response:
    staff_or_registrant(request, registration_id, *READERS)
    async with of.database.read() as connection:
        jpeg = await photos.get(connection, registration_id)
    headers = {"Cache-Control": "private, no-store"}
    return Response(jpeg, media_type="image/jpeg", headers=headers)


@router.patch(
    "/registrations/{registration_id}",
    summary="Correct a registration",
    description="Category and address are changed by staff only.",
    dependencies=[_bearer],
    openapi_extra=_body(StaffAmendment),
    responses=documented(400, 401, 403, 404, 409, 415, 422),
)
async def amend(request: Request, of: TheRegistrations, registration_id: UUID) -> RegistrationOut:
    staff = staff_or_registrant(request, registration_id, *READERS)
    kind = Amendment if staff is None else StaffAmendment
    amendment = read_form(kind, await body_of(request), of.forum)
    return show(of, await of.amend(registration_id, amendment, actor(staff)))


@router.post(
    "/registrations/{registration_id}/confirm-email",
    summary="The address is the registrant's",
    openapi_extra=_body(ConfirmEmail),
    responses=documented(400, 403, 404, 409, 415, 422),
)
async def confirm_email(request: Request, of: TheRegistrations, registration_id: UUID) -> Accepted:
    content = read_form(ConfirmEmail, await body_of(request), of.forum)
    return _accepted(await of.confirm_email(registration_id, content.token))


@router.post(
    "/registrations/{registration_id}/approve",
    summary="Let the person come",
    dependencies=[_bearer],
    responses=documented(401, 403, 404, 409),
)
async def approve(of: TheRegistrations, registration_id: UUID, by: Reviewer) -> RegistrationOut:
    return show(of, await review.approve(of, registration_id, by))


@router.post(
    "/registrations/{registration_id}/decline",
    summary="Say no, with a reason",
    dependencies=[_bearer],
    openapi_extra=_body(Decline),
    responses=documented(400, 401, 403, 404, 409, 415, 422),
)
async def decline(
    request: Request, of: TheRegistrations, registration_id: UUID, by: Reviewer
) -> RegistrationOut:
    content = read_form(Decline, await body_of(request), of.forum)
    return show(of, await review.decline(of, registration_id, content.reason, by))


@router.post(
    "/registrations/{registration_id}/cancel",
    summary="The person will not come",
    dependencies=[_bearer],
    responses=documented(401, 403, 404, 409),
)
async def cancel(request: Request, of: TheRegistrations, registration_id: UUID) -> RegistrationOut:
    staff = staff_or_registrant(request, registration_id, *READERS)
    return show(of, await of.cancel(registration_id, actor(staff)))


@router.post(
    "/registrations/{registration_id}/erase",
    summary="Remove the personal data",
    dependencies=[_bearer],
    responses=documented(401, 403, 404, 409),
)
async def erase(request: Request, of: TheRegistrations, registration_id: UUID) -> RegistrationOut:
    staff = staff_or_registrant(request, registration_id, Role.organiser)
    return show(of, await erasure.erase(of, registration_id, actor(staff)))


@router.post(
    "/restatements",
    status_code=202,
    tags=["operations"],
    summary="Say again what is true of every registration",
)
async def restate_all(of: TheRegistrations, _: Organiser) -> Restated:
    return Restated(said=await restating.restate(of))


def limit_caller(request: Request) -> None:
    """Keep one address from filling the forum, or strangers' mailboxes."""
    address = request.client.host if request.client else ""
    if not is_loopback(address):
        limit: RateLimit = request.app.state.registration_limit
        limit.spend(address)


def actor(staff: Staff | None) -> str:
    return REGISTRANT if staff is None else staff.id


def _accepted(row: Registration) -> Accepted:
    return Accepted(id=row.id, reference=row.reference, status=row.status)


def _known(
    forum: Forum, category: str | None, country: str | None
) -> tuple[str | None, str | None]:
    """A category and a country to look for, of those that there are.

    Raises:
        Problem: 422, there is no such category or country.
    """
    errors = []
    if category and category not in {known.id for known in forum.categories}:
        errors.append(FieldError("category", "is not a category of this forum", "category"))
    if country and country.upper() not in countries.CODES:
        errors.append(FieldError("country", "is not an ISO 3166 alpha-2 code", "country"))
    if errors:
        raise invalid_input(errors)
    return category or None, country.upper() if country else None
