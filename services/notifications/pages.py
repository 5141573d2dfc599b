"""HTTP for people: what our mails look like, for organisers."""

from __future__ import annotations

from typing import Annotated, Final

from fastapi import APIRouter, Depends, Query, Request
from fastapi.responses import HTMLResponse, Response

from services.notifications import samples
from services.notifications.matters import Matter
from services.notifications.texts import Writer
from shared.access import Role, require
from shared.forum import LANGUAGES, Forum, Language
from shared.i18n import NATIVE_NAMES
from shared.pages import Gettext, OurPages
from shared.problems import not_found

MAIL_SECURITY_POLICY: Final = (
    "default-src 'none'; img-src data:; style-src 'unsafe-inline'; frame-ancestors 'self'; sandbox"
)
"""A mail shows its text and its pictures, and nothing in it does anything."""


def router(forum: Forum, writer: Writer, origin: str) -> APIRouter:
    routes = APIRouter(include_in_schema=False, dependencies=[Depends(require(Role.organiser))])

    def sample(mail: str, language: Language) -> Matter:
        matters = samples.matters(forum, language, origin)
        if mail not in matters:
            raise not_found("mail")
        return matters[mail]

    @routes.get("/preview")
    async def preview(
        request: Request,
        pages: OurPages,
        mail: str = "badge",
        language: Annotated[Language | None, Query()] = None,
    ) -> Response:
        reader = pages.language(request)
        shown = language or reader
        texts = writer.write(
            samples.person(forum, shown, origin),
            sample(mail, shown),
            samples.pictures(forum, shown),
        )
        return pages.render(
            request,
            "preview.html",
            mail=mail,
            shown=shown,
            texts=texts,
            mails=names(pages.gettext_in(reader)),
            languages=[(code, NATIVE_NAMES[code]) for code in LANGUAGES],
        )

    @routes.get("/preview/{mail}/{language}")
    async def html(mail: str, language: Language) -> Response:
        texts = writer.write(
            samples.person(forum, language, origin),
            sample(mail, language),
            samples.pictures(forum, language),
        )
        headers = {"Content-Security-Policy": MAIL_SECURITY_POLICY, "Cache-Control": "no-store"}
        return HTMLResponse(texts.html, headers=headers)

    return routes


def names(_: Gettext) -> dict[str, str]:
    """The samples' names, in the order in which a registrant would get the mails. Each kind of mail
    has a sample of its name."""
    return {
        "confirm_address": _("Confirm the address"),
        "in_review": _("Under review"),
        "waitlisted": _("On the waiting list"),
        "badge": _("Confirmed, with the badge"),
        "promoted": _("Confirmed from the waiting list, with the badge"),
        "new_badge": _("A new badge"),
        "amended": _("Registration changed"),
        "address_changed": _("To the address of before"),
        "reminder": _("The day before"),
        "certificate": _("Certificate of participation"),
        "own_link": _("The link to the own page, asked for"),
        "reopened": _("Under review again"),
        "declined": _("Declined"),
        "cancelled": _("Cancelled"),
        "focal_point": _("Invitation of a focal point"),
        "sign_in": _("To staff: a sign-in link"),
        "staff_invited": _("To staff: an account"),
    }
