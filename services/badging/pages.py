"""HTTP for people: the registrant's own badge, for the page that their mail links to."""

from __future__ import annotations

import asyncio
from typing import Final
from uuid import UUID

from fastapi import APIRouter, Request, Response

from services.badging.badges import Badge, Badges
from services.badging.files import Files, Kind, gone
from services.badging.holders import Holder
from services.badging.lifecycle import Status
from services.badging.own_links import registrant_of
from shared.access import unauthenticated
from shared.calendar import calendar
from shared.problems import Problem

PATIENCE_SECONDS: Final = 3.0
"""Longer than a badge takes to be made when all services are up."""


def router(badges: Badges, files: Files) -> APIRouter:
    pages = APIRouter(tags=["own badge"])

    @pages.get("/me.png", include_in_schema=False)
    async def picture(request: Request) -> Response:
        return await own(request, Kind.png)

    @pages.get("/me.qr.png", include_in_schema=False)
    async def code(request: Request) -> Response:
        return await own(request, Kind.code)

    @pages.get("/me.pdf", include_in_schema=False)
    async def print_(request: Request) -> Response:
        return await own(request, Kind.pdf)

    @pages.get("/me.ics", include_in_schema=False)
    async def calendar_entry(request: Request) -> Response:
        badge, holder = await own_badge(request)
        text = calendar(
            badges.forum,
            registration_id=badge.registration_id,
            language=holder.language,
            days=badge.days,
            version=badge.version,
            written_at=badges.clock.wall(),
        )
        name = f'attachment; filename="{badges.forum.id}.ics"'
        headers = {"Cache-Control": "private, no-cache", "Content-Disposition": name}
        return Response(text, media_type="text/calendar", headers=headers)

    async def own(request: Request, kind: Kind) -> Response:
        badge, holder = await own_badge(request)
        return await files.answer(request, badge, holder, kind)

    async def own_badge(request: Request) -> tuple[Badge, Holder]:
        registration_id = await registrant_of(request, badges)
        if registration_id is None:
            raise unauthenticated()
        badge = await _soon(badges, registration_id)
        if badge is None:
            raise Problem(404, "not-found", "Your badge has not been made yet.")
        holder = await badges.holder(registration_id)
        if badge.status != Status.valid or holder is None:
            raise gone(badge.status)
        return badge, holder

    return pages


async def _soon(badges: Badges, registration_id: UUID) -> Badge | None:
    """The newest badge; whoever has just been confirmed is shown the page before there is one."""
    deadline = asyncio.get_running_loop().time() + PATIENCE_SECONDS
    while (badge := await badges.newest(registration_id)) is None:
        if asyncio.get_running_loop().time() > deadline:
            return None
        await asyncio.sleep(0.1)
    return badge
