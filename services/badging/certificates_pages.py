"""HTTP for people: one's own certificate, and whether one that is shown is genuine."""

from __future__ import annotations

import re
from contextlib import suppress
from typing import Annotated, Final
from urllib.parse import quote

from fastapi import APIRouter, Path, Query, Request, Response
from fastapi.responses import RedirectResponse

from services.badging.badges import Badges
from services.badging.certificate_face import CertificateFace
from services.badging.certificates import Certificate, Certificates
from services.badging.certificates_api import NUMBER
from services.badging.files import Files
from services.badging.own_links import registrant_of
from services.badging.words import days_of
from shared import badge_number
from shared.access import unauthenticated
from shared.badge_number import InvalidBadgeNumber
from shared.limits import RateLimit
from shared.pages import OurPages
from shared.problems import Problem, not_found

LOOKS_AT_ONCE: Final = 20
LOOKS_PER_SECOND: Final = 0.5
"""By one caller: who tries out numbers finds nobody's name in a lifetime."""


def router(badges: Badges, certificates: Certificates, files: Files) -> APIRouter:
    pages = APIRouter(include_in_schema=False)
    looks = RateLimit(LOOKS_AT_ONCE, LOOKS_PER_SECOND)

    @pages.get("/me.certificate.pdf")
    async def own(request: Request) -> Response:
        registration_id = await registrant_of(request, badges)
        if registration_id is None:
            raise unauthenticated()
        certificate = await certificates.of(registration_id)
        holder = await badges.holder(registration_id)
        if holder is None:
            raise not_found("certificate")
        return await files.certificate(request, certificate, holder)

    @pages.get("/certificates")
    async def typed(
        request: Request, ours: OurPages, number: Annotated[str, Query(max_length=40)] = ""
    ) -> Response:
        if not number:
            return ours.render(request, "certificate.html", number="", asked=False, face=None)
        with suppress(InvalidBadgeNumber):
            number = badge_number.parse(number)
        return RedirectResponse(f"/badging/certificates/{quote(number, safe='')}", 303)

    @pages.get("/certificates/{number}")
    async def check(
        request: Request, ours: OurPages, number: Annotated[str, Path(max_length=40)]
    ) -> Response:
        """Whoever holds a certificate may ask: no more is said than stands on it."""
        looks.spend_by(request)
        # Nothing else is printed; PostgreSQL would not take every character.
        certificate, face = await found(number) if re.fullmatch(NUMBER, number) else (None, None)
        days = days_of(badges.forum, certificate.days) if certificate else []
        return ours.render(
            request,
            "certificate.html",
            200 if face else 404,
            number=number,
            asked=True,
            face=face,
            days=days,
        )

    async def found(number: str) -> tuple[Certificate | None, CertificateFace | None]:
        try:
            certificate = await certificates.get(number)
        except Problem:
            return None, None
        holder = await badges.holder(certificate.registration_id)
        return certificate, files.face_of(certificate, holder) if holder else None

    return pages
