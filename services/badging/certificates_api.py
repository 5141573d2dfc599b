"""HTTP for programs: a certificate as a file."""

from __future__ import annotations

from typing import Annotated, Final

from fastapi import APIRouter, Path, Query, Request, Response, Security
from fastapi.security import HTTPBearer

from services.badging.api import DESK
from services.badging.badges import Badges
from services.badging.certificates import Certificates
from services.badging.files import Files
from services.badging.own_links import is_link_to, registrant_of, staff_or_registrant
from shared import access, audit
from shared.access import Purpose
from shared.problems import documented, not_found

NUMBER: Final = r"^[0-9A-Z-]{1,20}$"
Number = Annotated[str, Path(pattern=NUMBER, description="As it is printed")]
Link = Annotated[
    str | None, Query(description="The signed token of the event's link, instead of sign-in")
]
_bearer = HTTPBearer(
    auto_error=False, description="A staff token, or the token of the registrant's own link."
)


def router(badges: Badges, certificates: Certificates, files: Files) -> APIRouter:
    api = APIRouter(prefix="/api/certificates", tags=["certificates"])

    @api.get(
        "/{number}.pdf",
        summary="A certificate of participation",
        dependencies=[Security(_bearer)],
        response_class=Response,
        responses={
            200: {"content": {"application/pdf": {}}},
            304: {"description": "Not changed since the ETag in If-None-Match"},
            **documented(401, 403, 404),
        },
    )
    async def print_(request: Request, number: Number, link: Link = None) -> Response:
        has_link = is_link_to(request, Purpose.certificate, number, link)
        if not has_link and await registrant_of(request, badges) is None:
            access.staff_with(request, *DESK)  # strangers don't learn which numbers there are
        certificate = await certificates.get(number)
        if not has_link:
            await staff_or_registrant(request, badges, certificate.registration_id, *DESK)
        holder = await badges.holder(certificate.registration_id)
        if holder is None:
            raise not_found("certificate")
        about, now = [certificate.registration_id], badges.clock.now()
        await audit.note_read(badges.database, now, "certificate.read", about, number=number)
        return await files.certificate(request, certificate, holder)

    return api
