"""HTTP for people: the registrant's own badge, for the page that their mail links to."""

from __future__ import annotations

from fastapi import APIRouter, Request, Response

from services.badging.badges import Badges
from services.badging.files import Files, Kind, gone
from services.badging.lifecycle import Status
from shared.access import registrant_of, unauthenticated
from shared.problems import Problem


def router(badges: Badges, files: Files) -> APIRouter:
    pages = APIRouter(tags=["own badge"])

    @pages.get("/me.png", include_in_schema=False)
    async def picture(request: Request) -> Response:
        return await own(request, Kind.png)

    @pages.get("/me.pdf", include_in_schema=False)
    async def print_(request: Request) -> Response:
        return await own(request, Kind.pdf)

    async def own(request: Request, kind: Kind) -> Response:
        registration_id = registrant_of(request)
        if registration_id is None:
            raise unauthenticated()
        badge = await badges.newest(registration_id)
        if badge is None:
            raise Problem(404, "not-found", "Your badge has not been made yet.")
        holder = await badges.holder(registration_id)
        if badge.status != Status.valid or holder is None:
            raise gone(badge.status)
        return await files.answer(request, badge, holder, kind)

    return pages
