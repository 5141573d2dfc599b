"""HTTP for programs: thin, it parses, calls and answers."""

from __future__ import annotations

from datetime import date, datetime
from typing import Annotated, Any
from uuid import UUID

from fastapi import APIRouter, Depends, Header, Query, Request, Response
from pydantic import BaseModel, Field

from services.registration import review, search
from services.registration.forms import (
    Amendment,
    Line,
    NewRegistration,
    StaffAmendment,
    read_form,
)
from services.registration.lifecycle import Status
from services.registration.registrations import (
    REGISTRANT,
    Registration,
    Registrations,
    TheRegistrations,
)
from services.registration.search import Filter
from shared.access import Role, Staff, require, staff_or_registrant
from shared.limits import RateLimit, is_loopback
from shared.problems import Problem

READERS = (Role.organiser, Role.reviewer, Role.desk)
Reviewer = Annotated[Staff, Depends(require(Role.organiser, Role.reviewer))]


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


class ConfirmEmail(BaseModel):
    token: str = Field(max_length=1000)


class Decline(BaseModel):
    reason: Line


async def body_of(request: Request) -> Any:
    """The body as JSON, to be checked with the forum at hand."""
    try:
        return await request.json()
    except (ValueError, RecursionError):
        raise Problem(400, "malformed-json", "The body is not valid JSON.") from None


def _body(model: type[BaseModel]) -> dict[str, Any]:
    """Documents a body that the route checks itself, because the check needs the forum."""
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
)
async def register(
    request: Request,
    of: TheRegistrations,
    response: Response,
    idempotency_key: Annotated[
        str | None,
        Header(max_length=200, description="Sent again with the same key: same answer"),
    ] = None,
) -> Accepted:
    limit_caller(request)
    new = read_form(NewRegistration, await body_of(request), of.forum)
    row = await of.submit(new, idempotency_key)
    response.headers["Location"] = f"/registration/api/registrations/{row.id}"
    return Accepted(id=row.id, reference=row.reference, status=Status.submitted)


@router.get("/registrations", summary="List and search, newest first")
async def find(
    of: TheRegistrations,
    _: Reviewer,
    status: Status | None = None,
    category: str | None = None,
    country: str | None = None,
    q: Annotated[str | None, Query(max_length=200)] = None,
    cursor: UUID | None = None,
    limit: Annotated[int, Query(ge=1, le=search.MOST)] = 50,
) -> RegistrationPage:
    async with of.database.read() as connection:
        rows, following = await search.page(
            connection, Filter(status, category, country, q), cursor, limit
        )
    return RegistrationPage(
        items=[show(of, row) for row in rows],
        next_cursor=None if following is None else str(following),
    )


@router.get("/registrations/{registration_id}", summary="One registration")
async def get(request: Request, of: TheRegistrations, registration_id: UUID) -> RegistrationOut:
    staff_or_registrant(request, registration_id, *READERS)
    return show(of, await of.get(registration_id))


@router.patch(
    "/registrations/{registration_id}",
    summary="Correct a registration",
    openapi_extra=_body(StaffAmendment),
)
async def amend(request: Request, of: TheRegistrations, registration_id: UUID) -> RegistrationOut:
    staff = staff_or_registrant(request, registration_id, *READERS)
    kind = Amendment if staff is None else StaffAmendment
    amendment = read_form(kind, await body_of(request), of.forum)
    return show(of, await of.amend(registration_id, amendment, actor(staff)))


@router.post(
    "/registrations/{registration_id}/confirm-email", summary="The address is the registrant's"
)
async def confirm_email(
    of: TheRegistrations, registration_id: UUID, body: ConfirmEmail
) -> Accepted:
    return _accepted(await of.confirm_email(registration_id, body.token))


@router.post("/registrations/{registration_id}/approve", summary="Let the person come")
async def approve(
    of: TheRegistrations,
    registration_id: UUID,
    by: Reviewer,
) -> RegistrationOut:
    return show(of, await review.approve(of, registration_id, by))


@router.post("/registrations/{registration_id}/decline", summary="Say no, with a reason")
async def decline(
    of: TheRegistrations,
    registration_id: UUID,
    body: Decline,
    by: Reviewer,
) -> RegistrationOut:
    return show(of, await review.decline(of, registration_id, body.reason, by))


@router.post("/registrations/{registration_id}/cancel", summary="The person will not come")
async def cancel(request: Request, of: TheRegistrations, registration_id: UUID) -> RegistrationOut:
    staff = staff_or_registrant(request, registration_id, *READERS)
    return show(of, await of.cancel(registration_id, actor(staff)))


@router.post("/registrations/{registration_id}/erase", summary="Remove the personal data")
async def erase(request: Request, of: TheRegistrations, registration_id: UUID) -> RegistrationOut:
    staff = staff_or_registrant(request, registration_id, Role.organiser)
    return show(of, await of.erase(registration_id, actor(staff)))


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
