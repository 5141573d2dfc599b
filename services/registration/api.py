"""HTTP for programs: thin, it parses, calls and answers."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated, Any
from uuid import UUID

from fastapi import APIRouter, Depends, Header, Query, Request, Response, Security
from fastapi.security import HTTPBearer
from pydantic import BaseModel, BeforeValidator, ConfigDict, Field

from services.registration import (
    amendments,
    duplicates,
    erasure,
    opening,
    own_links,
    personal_data,
    photos,
    reasons,
    restating,
    review,
    search,
)
from services.registration.forms import (
    Amendment,
    AskForLink,
    Line,
    NewRegistration,
    StaffAmendment,
    empty_is_none,
    read_form,
)
from services.registration.lifecycle import Status
from services.registration.link_requests import LinkRequests
from services.registration.own_links import staff_or_registrant
from services.registration.personal_data import PersonalData
from services.registration.registrations import REGISTRANT, Registrations, TheRegistrations
from services.registration.search import Filter
from services.registration.showing import (
    Accepted,
    QueuedRegistration,
    RegistrationOut,
    show,
    show_queued,
)
from services.registration.tables import Registration
from shared import audit, sessions
from shared.access import Purpose, Role, Staff, keyring_of, require
from shared.events import StaffSessionEnded
from shared.limits import LOOPBACK, RateLimit, network_of
from shared.pages import OurPages
from shared.problems import Problem, documented

READERS = (Role.organiser, Role.reviewer, Role.desk)
Organiser = Annotated[Staff, Depends(require(Role.organiser))]
Reviewer = Annotated[Staff, Depends(require(Role.organiser, Role.reviewer))]
bearer_scheme = Security(
    HTTPBearer(
        auto_error=False,
        description="A staff token, or the token of the registrant's own link; staff may also come"
        " with the session cookie.",
    )
)


class RegistrationPage(BaseModel):
    items: list[QueuedRegistration]
    next_cursor: str | None


class Restated(BaseModel):
    said: int = Field(description="Registrations that were spoken of")


class NewToken(BaseModel):
    # Whoever asked for a shorter life than all tokens have would believe to have got it.
    model_config = ConfigDict(extra="forbid")

    role: Role
    name: Annotated[str, Field(min_length=1, max_length=100, pattern=r"^[^\p{Cc}]+$")] = Field(
        description="Who holds it; stands in the history"
    )


class Token(BaseModel):
    token: str


class RevokedToken(BaseModel):
    id: UUID


class ConfirmEmail(BaseModel):
    token: str = Field(max_length=1000)


class WantedPage(Filter):
    model_config = ConfigDict(extra="forbid")

    cursor: Annotated[str | None, Field(max_length=2000), BeforeValidator(empty_is_none)] = Field(
        default=None, description="next_cursor of the page before"
    )
    limit: int = Field(default=50, ge=1, le=search.MOST)


class Decline(BaseModel):
    """One of the two, or both: first the prepared sentence, then the reviewer's own words."""

    reason: Line | None = Field(default=None, description="The registrant reads it as it is")
    reason_id: str | None = Field(
        default=None,
        max_length=100,
        description="A prepared reason of forum.toml: the registrant reads it in the language of"
        " the registration",
    )


class LinkRequested(BaseModel):
    """Whoever is registered with the address gets a mail."""


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


def documents_body(model: type[BaseModel]) -> dict[str, Any]:
    """Documents a body that the route reads itself."""
    return {
        "requestBody": {
            "required": True,
            "content": {"application/json": {"schema": model.model_json_schema()}},
        }
    }


router = APIRouter(prefix="/api", tags=["registrations"])


@router.post(
    "/registrations",
    status_code=201,
    response_model=Accepted,
    summary="Ask to come to the forum",
    openapi_extra=documents_body(NewRegistration),
    responses=documented(400, 403, 413, 415, 422, 429),
)
async def register(
    request: Request,
    of: TheRegistrations,
    pages: OurPages,
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
    opening.check(of, pages.language(request), pages.gettext_in(pages.language(request)))
    new = read_form(NewRegistration, await body_of(request), of.forum)
    limit_mailbox(request, new.email)
    row = await of.submit(new, idempotency_key)
    response.headers["Location"] = f"/registration/api/registrations/{row.id}"
    return Accepted(id=row.id, reference=row.reference, status=Status.submitted)


async def note_search(of: Registrations, wanted: Filter, rows: Sequence[Registration]) -> None:
    """Say in the audit log whom a search has shown to staff."""
    await audit.note_read(
        of.database,
        of.clock.now(),
        "registration.search",
        [row.id for row in rows],
        status=wanted.status,
        category=wanted.category,
        country=wanted.country,
        delegation=None if wanted.delegation is None else str(wanted.delegation),
    )


@router.get(
    "/registrations",
    summary="List and search",
    dependencies=[bearer_scheme],
    responses=documented(401, 403, 422),
)
async def find(
    of: TheRegistrations, by: Reviewer, wanted: Annotated[WantedPage, Query()]
) -> RegistrationPage:
    wanted.known_to(of.forum)
    after = None if wanted.cursor is None else search.read_cursor(wanted.sort, wanted.cursor)
    async with of.database.read() as connection:
        page = await search.page(
            connection, wanted, by.id, of.clock.now(), after=after, limit=wanted.limit
        )
        found = await duplicates.find(connection, [row.id for row in page.rows])
    following = page.following
    await note_search(of, wanted, page.rows)
    return RegistrationPage(
        items=[show_queued(of, row, found[row.id]) for row in page.rows],
        next_cursor=None if following is None else search.cursor(wanted.sort, following),
    )


@router.get(
    "/registrations/{registration_id}",
    summary="One registration",
    dependencies=[bearer_scheme],
    responses=documented(401, 403, 404),
)
async def get(request: Request, of: TheRegistrations, registration_id: UUID) -> RegistrationOut:
    staff = await staff_or_registrant(request, of, registration_id, *READERS)
    row = await of.get(registration_id)
    await audit.note_read(of.database, of.clock.now(), "registration.read", [registration_id])
    if staff is None:
        return show(of, row)
    async with of.database.read() as connection:
        found = await duplicates.find(connection, [registration_id])
    return show(of, row, found[registration_id])


@router.get(
    "/registrations/{registration_id}/photo",
    summary="The photo, as JPEG",
    dependencies=[bearer_scheme],
    response_class=Response,
    responses={200: {"content": {"image/jpeg": {}}}, **documented(401, 403, 404)},
)
async def photo(request: Request, of: TheRegistrations, registration_id: UUID) -> Response:
    await staff_or_registrant(request, of, registration_id, *READERS)
    async with of.database.read() as connection:
        jpeg = await photos.get(connection, registration_id)
    await audit.note_read(of.database, of.clock.now(), "photo.read", [registration_id])
    headers = {"Cache-Control": "private, no-store"}
    return Response(jpeg, media_type="image/jpeg", headers=headers)


@router.patch(
    "/registrations/{registration_id}",
    summary="Correct a registration",
    description="The address is changed by staff only. A registrant who was accepted and takes"
    " another category is in review again.",
    dependencies=[bearer_scheme],
    openapi_extra=documents_body(StaffAmendment),
    responses=documented(400, 401, 403, 404, 409, 415, 422),
)
async def amend(request: Request, of: TheRegistrations, registration_id: UUID) -> RegistrationOut:
    staff = await staff_or_registrant(request, of, registration_id, *READERS)
    kind = Amendment if staff is None else StaffAmendment
    amendment = read_form(kind, await body_of(request), of.forum)
    return show(of, await amendments.amend(of, registration_id, amendment, actor(staff)))


@router.post(
    "/registrations/{registration_id}/confirm-email",
    summary="The address is the registrant's",
    openapi_extra=documents_body(ConfirmEmail),
    responses=documented(400, 403, 404, 409, 415, 422),
)
async def confirm_email(request: Request, of: TheRegistrations, registration_id: UUID) -> Accepted:
    content = read_form(ConfirmEmail, await body_of(request), of.forum)
    return _accepted(await of.confirm_email(registration_id, content.token))


@router.post(
    "/registrations/{registration_id}/approve",
    summary="Let the person come",
    dependencies=[bearer_scheme],
    responses=documented(401, 403, 404, 409),
)
async def approve(of: TheRegistrations, registration_id: UUID, by: Reviewer) -> RegistrationOut:
    return show(of, await review.approve(of, registration_id, by))


@router.post(
    "/registrations/{registration_id}/decline",
    summary="Say no, with a reason",
    dependencies=[bearer_scheme],
    openapi_extra=documents_body(Decline),
    responses=documented(400, 401, 403, 404, 409, 415, 422),
)
async def decline(
    request: Request, of: TheRegistrations, registration_id: UUID, by: Reviewer
) -> RegistrationOut:
    content = read_form(Decline, await body_of(request), of.forum)
    reason = reasons.reason(of.forum, content.reason_id, content.reason)
    return show(of, await review.decline(of, registration_id, reason, by))


@router.post(
    "/registrations/{registration_id}/cancel",
    summary="The person will not come",
    dependencies=[bearer_scheme],
    responses=documented(401, 403, 404, 409),
)
async def cancel(request: Request, of: TheRegistrations, registration_id: UUID) -> RegistrationOut:
    staff = await staff_or_registrant(request, of, registration_id, *READERS)
    return show(of, await of.cancel(registration_id, actor(staff)))


@router.post(
    "/registrations/{registration_id}/erase",
    summary="Remove the personal data",
    dependencies=[bearer_scheme],
    responses=documented(401, 403, 404, 409),
)
async def erase(request: Request, of: TheRegistrations, registration_id: UUID) -> RegistrationOut:
    staff = await staff_or_registrant(request, of, registration_id, Role.organiser)
    return show(of, await erasure.erase(of, registration_id, actor(staff)))


@router.get(
    "/registrations/{registration_id}/personal-data",
    summary="All that this service holds about the person",
    description="For the person themself, to keep or to take elsewhere; an organiser gets it too.",
    dependencies=[bearer_scheme],
    responses=documented(401, 403, 404),
)
async def hand_out(request: Request, of: TheRegistrations, registration_id: UUID) -> PersonalData:
    await staff_or_registrant(request, of, registration_id, Role.organiser)
    collected = await personal_data.collect(of, registration_id)
    await audit.note_read(of.database, of.clock.now(), "personal_data.read", [registration_id])
    return collected


@router.post(
    "/registrations/{registration_id}/revoke-links",
    status_code=202,
    summary="Stop the registrant's own links, and mail a new one",
    dependencies=[bearer_scheme],
    responses=documented(401, 403, 404, 409),
)
async def revoke_links(request: Request, of: TheRegistrations, registration_id: UUID) -> Accepted:
    staff = await staff_or_registrant(request, of, registration_id, *READERS)
    return _accepted(await own_links.revoke(of, registration_id, actor(staff)))


@router.post(
    "/link-requests",
    status_code=202,
    summary="Have the link to the own page mailed",
    description="The answer is the same whether or not anybody is registered with the address.",
    openapi_extra=documents_body(AskForLink),
    responses=documented(400, 413, 415, 422, 429),
)
async def ask_for_link(request: Request, of: TheRegistrations) -> LinkRequested:
    limit_asking(request)
    content = read_form(AskForLink, await body_of(request), of.forum)
    await link_requests_of(request).ask(content.email)
    return LinkRequested()


@router.post(
    "/restatements",
    status_code=202,
    tags=["operations"],
    summary="Say again what is true of every registration",
)
async def restate_all(of: TheRegistrations, _: Organiser) -> Restated:
    return Restated(said=await restating.restate(of))


@router.post(
    "/tokens",
    status_code=201,
    tags=["operations"],
    summary="Make a token for staff programs",
    responses=documented(401, 403, 422),
)
async def make_token(request: Request, of: TheRegistrations, body: NewToken, _: Organiser) -> Token:
    keyring = keyring_of(request)
    token = keyring.staff_token(body.role, body.name)
    token_id = keyring.read(Purpose.staff_token, token)["id"]
    async with of.database.begin() as tx:
        await audit.note(
            tx, of.clock.now(), "token.create", which=token_id, role=body.role, holder=body.name
        )
    return Token(token=token)


@router.post(
    "/tokens/{token_id}/revoke",
    tags=["operations"],
    summary="Stop a token, in every service",
    description="Its id stands in the audit log where it was made. Again, it changes nothing.",
    responses=documented(401, 403, 422),
)
async def revoke_token(of: TheRegistrations, token_id: UUID, _: Organiser) -> RevokedToken:
    async with of.database.begin() as tx:
        await sessions.end(tx, token_id)
        await of.say(tx, StaffSessionEnded(session_id=token_id, account_id=None))
        await audit.note(tx, of.clock.now(), "token.revoke", which=token_id.hex)
    return RevokedToken(id=token_id)


def limit_caller(request: Request) -> None:
    """Keep one network from filling the forum, or strangers' mailboxes."""
    limit: RateLimit = request.app.state.registration_limit
    limit.spend_by(request)


def limit_mailbox(request: Request, address: str) -> None:
    """Keep many networks from filling one stranger's mailbox together."""
    if network_of(request) != LOOPBACK:
        limit: RateLimit = request.app.state.registration_mail_limit
        limit.spend(address.lower())


def limit_asking(request: Request) -> None:
    """Keep one network from having mails sent to one address after the other."""
    limit: RateLimit = request.app.state.link_limit
    limit.spend_by(request)


def link_requests_of(request: Request) -> LinkRequests:
    requests: LinkRequests = request.app.state.link_requests
    return requests


def actor(staff: Staff | None) -> str:
    return REGISTRANT if staff is None else staff.id


def _accepted(row: Registration) -> Accepted:
    return Accepted(id=row.id, reference=row.reference, status=row.status)
