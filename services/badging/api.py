"""HTTP for programs: thin, it parses, calls and answers."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Depends, Path, Query, Request, Response, Security
from fastapi.security import HTTPBearer
from pydantic import BaseModel, ConfigDict, Field, StringConstraints

from services.badging import restating, search
from services.badging.badges import Badge, Badges
from services.badging.files import MEDIA_TYPES, Files, Kind, gone
from services.badging.lifecycle import Status
from services.badging.own_links import is_link_to, registrant_of, staff_or_registrant
from services.badging.search import Filter
from shared import access, audit, badge_number
from shared.access import Purpose, Role, Staff, require
from shared.badge_number import InvalidBadgeNumber
from shared.problems import FieldError, documented, invalid_input

DESK = (Role.desk, Role.organiser)


class BadgeOut(BaseModel):
    """A badge, as its holder and staff see it."""

    model_config = ConfigDict(from_attributes=True)

    id: str = Field(description="Eight bytes, hexadecimal: the id inside the credential")
    number: str = Field(description="For people, to read out and type", examples=["7KQ2-M9X1"])
    registration_id: UUID
    status: Status = Field(description="Only a valid badge opens a gate")
    credential: str = Field(description="The text of the QR: Base45 (RFC 9285), signed")
    issued_at: datetime
    replaces: str | None = Field(description="The badge whose place it took")
    replaced_by: str | None = Field(description="The badge that took its place")


class BadgePage(BaseModel):
    items: list[BadgeOut]
    next_cursor: str | None = Field(description="For the next page; null on the last")


# A reason is for the record: one line of what can be printed.
Reason = Annotated[
    str,
    StringConstraints(strip_whitespace=True, min_length=1, max_length=500, pattern=r"^[^\p{Cc}]*$"),
]


class Revoke(BaseModel):
    model_config = ConfigDict(extra="forbid")

    reason: Reason = Field(description="Why, for the record; not shown to the holder")


class Reissue(BaseModel):
    model_config = ConfigDict(extra="forbid")

    reason: Reason | None = Field(default=None, description="Why, for the record")


class Restated(BaseModel):
    said: int = Field(description="Badges that were spoken of")


BadgeId = Annotated[str, Path(pattern=r"^[0-9a-f]{16}$", description="The badge's id")]
Link = Annotated[
    str | None, Query(description="The signed token of a file link, instead of sign-in")
]
bearer = HTTPBearer(
    auto_error=False,
    description="A staff token, or the token of the registrant's own link; staff may also come with"
    " the session cookie.",
)


def router(badges: Badges, files: Files) -> APIRouter:
    api = APIRouter(prefix="/api", tags=["badges"])

    @api.get(
        "/badges",
        summary="List and search, newest first",
        description="A registrant gets the badges of their own registration.",
        dependencies=[Security(bearer)],
        responses=documented(401, 403, 422),
    )
    async def find(
        request: Request,
        registration_id: UUID | None = None,
        status: Status | None = None,
        number: Annotated[str | None, Query(max_length=40, description="As people type it")] = None,
        cursor: Annotated[
            int | None, Query(ge=1, lt=1 << 63, description="next_cursor of the page before")
        ] = None,
        limit: Annotated[int, Query(ge=1, le=search.MOST)] = search.PAGE,
    ) -> BadgePage:
        shown = await _registration_shown(request, badges, registration_id)
        wanted = Filter(shown, status, _as_printed(number))
        async with badges.database.read() as connection:
            found, following = await search.page(connection, wanted, cursor, limit)
        about = {badge.registration_id for badge in found}
        await audit.note_read(badges.database, badges.clock.now(), "badge.search", about)
        return BadgePage(
            items=[BadgeOut.model_validate(badge) for badge in found],
            next_cursor=None if following is None else str(following),
        )

    def file_route(kind: Kind, summary: str) -> None:
        @api.get(
            f"/badges/{{badge_id}}.{kind}",
            summary=summary,
            description="Holders get the file of a valid badge; staff that of any.",
            dependencies=[Security(bearer)],
            response_class=Response,
            responses={
                200: {"content": {MEDIA_TYPES[kind]: {}}},
                304: {"description": "Not changed since the ETag in If-None-Match"},
                **documented(401, 403, 404, 410),
            },
            name=f"badge_{kind.name}",
        )
        async def file(request: Request, badge_id: BadgeId, link: Link = None) -> Response:
            badge, is_staff = await seen_by(request, badges, badge_id, link)
            holder = await badges.holder(badge.registration_id)
            if holder is None or (badge.status != Status.valid and not is_staff):
                raise gone(badge.status)
            await note_read(badges, badge, kind=kind)
            return await files.answer(request, badge, holder, kind)

    # The longer ending first: a path would take the dot and what precedes its own ending for a part
    # of the id.
    file_route(Kind.code, "The QR alone, large, for the phone")
    file_route(Kind.png, "The badge as a picture for the phone")
    file_route(Kind.pdf, "The badge as a page for the printer")
    file_route(Kind.all, "All three in an archive, for a mail")

    @api.get(
        "/badges/{badge_id}",
        summary="One badge",
        dependencies=[Security(bearer)],
        responses=documented(401, 403, 404),
    )
    async def get(request: Request, badge_id: BadgeId) -> BadgeOut:
        badge, _ = await seen_by(request, badges, badge_id, link=None)
        await note_read(badges, badge)
        return BadgeOut.model_validate(badge)

    @api.post(
        "/badges/{badge_id}/revoke",
        summary="Take a badge away",
        description="It stops at every gate. Amending the registration brings no other.",
        dependencies=[Security(bearer)],
        responses=documented(401, 403, 404, 409, 422),
    )
    async def revoke(
        by: Annotated[Staff, Depends(require(*DESK))], badge_id: BadgeId, body: Revoke
    ) -> BadgeOut:
        return BadgeOut.model_validate(await badges.revoke(badge_id, body.reason, by.id))

    @api.post(
        "/badges/{badge_id}/reissue",
        status_code=201,
        summary="Give the holder a new badge in place of this one",
        description="The old one is superseded: it stops at every gate; one that was revoked stays"
        " so. Answers the new one.",
        dependencies=[Security(bearer)],
        responses=documented(401, 403, 404, 409, 422),
    )
    async def reissue(
        by: Annotated[Staff, Depends(require(*DESK))],
        badge_id: BadgeId,
        response: Response,
        body: Reissue | None = None,
    ) -> BadgeOut:
        badge = await badges.reissue(badge_id, body.reason if body else None, by.id)
        response.headers["Location"] = f"/badging/api/badges/{badge.id}"
        return BadgeOut.model_validate(badge)

    @api.post(
        "/restatements",
        status_code=202,
        summary="Say again what is true of every badge and key",
        tags=["operations"],
        responses=documented(401, 403),
    )
    async def restate_all(_: Annotated[Staff, Depends(require(Role.organiser))]) -> Restated:
        return Restated(said=await restating.restate(badges))

    return api


async def note_read(badges: Badges, badge: Badge, **details: str) -> None:
    """Say in the audit log that staff are shown a badge."""
    now, about = badges.clock.now(), [badge.registration_id]
    await audit.note_read(badges.database, now, "badge.read", about, badge_id=badge.id, **details)


async def seen_by(
    request: Request, badges: Badges, badge_id: str, link: str | None
) -> tuple[Badge, bool]:
    """A badge that the caller may see, and whether the caller is staff.

    Raises:
        Problem: 401 for strangers, whether or not the badge exists; 403, 404.
    """
    staff, own = access.staff_of(request), await registrant_of(request, badges)
    has_link = is_link_to(request, Purpose.badge_file, badge_id, link)
    if staff is None and own is None and not has_link:
        raise access.unauthenticated()
    badge = await badges.get(badge_id)
    if staff is not None and staff.has(*DESK):
        return badge, True
    if not has_link:
        await staff_or_registrant(request, badges, badge.registration_id, *DESK)
    return badge, False


async def _registration_shown(request: Request, badges: Badges, asked: UUID | None) -> UUID | None:
    """The registration whose badges the caller gets; None: all, for staff.

    Raises:
        Problem: 401, 403.
    """
    shown = asked
    if shown is None and access.staff_of(request) is None:
        shown = await registrant_of(request, badges)
    if shown is None:
        access.staff_with(request, *DESK)
    else:
        await staff_or_registrant(request, badges, shown, *DESK)
    return shown


def _as_printed(number: str | None) -> str | None:
    if number is None:
        return None
    try:
        return badge_number.parse(number)
    except InvalidBadgeNumber as error:
        raise invalid_input([FieldError("number", str(error))]) from None
