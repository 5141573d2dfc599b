"""HTTP for people at the badge desk: find a person, print their badge, reissue it, revoke it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any, Final
from urllib.parse import urlencode
from uuid import UUID

from fastapi import APIRouter, Depends, Form, Query, Request
from fastapi.responses import RedirectResponse, Response
from pydantic import TypeAdapter, ValidationError

from services.badging import people, search
from services.badging.api import DESK, BadgeId, Reason, note_read
from services.badging.badges import REGISTRATION, Badge, Badges
from services.badging.face_layout import HEIGHT, WIDTH
from services.badging.lifecycle import Status
from services.badging.search import Filter
from services.badging.words import days_of
from shared import audit, caching, countries, credential
from shared.access import Staff, require
from shared.credential import Malformed
from shared.pages import OurPages, Pages
from shared.problems import Problem

FIND: Final = "/badging/desk"
SCRIPT: Final = Path(__file__).parent / "web" / "desk.js"
LONGEST_NAME: Final = 80
"""Characters that somebody types; more come from a scanner."""

Clerk = Annotated[Staff, Depends(require(*DESK))]
TheForm = Annotated[str, Form(max_length=4000)]
_reason = TypeAdapter(Reason)


@dataclass(frozen=True)
class Desk:
    """What all pages of the desk are made with."""

    request: Request
    pages: Pages
    badges: Badges

    def render(self, template: str, status: int = 200, **context: Any) -> Response:
        language = self.pages.language(self.request)
        return self.pages.render(
            self.request,
            template,
            status,
            category_of=self.badges.forum.category,
            country_name=lambda code: countries.name(code, language),
            **{"asked": ""} | context,
        )


def router(badges: Badges) -> APIRouter:
    pages = APIRouter(include_in_schema=False)

    @pages.get("/desk.js")
    async def script() -> Response:
        return caching.for_an_hour(SCRIPT)

    @pages.get("/desk")
    async def start(
        request: Request,
        ours: OurPages,
        _: Clerk,
        q: Annotated[str, Query(max_length=LONGEST_NAME)] = "",
    ) -> Response:
        return await list_page(Desk(request, ours, badges), q)

    # By POST: what a scanner reads opens gates, and must not stay in a browser's history.
    @pages.post("/desk")
    async def find(request: Request, ours: OurPages, _: Clerk, q: TheForm = "") -> Response:
        return await _find(Desk(request, ours, badges), q.strip())

    @pages.get("/desk/people/{registration_id}/photo")
    async def photo(_: Clerk, registration_id: UUID) -> Response:
        async with badges.database.read() as connection:
            jpeg = await people.photo(connection, registration_id)
        now = badges.clock.now()
        await audit.note_read(badges.database, now, "photo.read", [registration_id])
        return Response(jpeg, media_type="image/jpeg", headers={"Cache-Control": "no-store"})

    @pages.get("/desk/{badge_id}")
    async def one(request: Request, ours: OurPages, _: Clerk, badge_id: BadgeId) -> Response:
        return await badge_page(Desk(request, ours, badges), badge_id)

    @pages.post("/desk/{badge_id}/reissue")
    async def reissue(
        request: Request, ours: OurPages, by: Clerk, badge_id: BadgeId, reason: TheForm = ""
    ) -> Response:
        return await _reissue(Desk(request, ours, badges), badge_id, reason, by)

    @pages.post("/desk/{badge_id}/revoke")
    async def revoke(
        request: Request, ours: OurPages, by: Clerk, badge_id: BadgeId, reason: TheForm = ""
    ) -> Response:
        return await _revoke(Desk(request, ours, badges), badge_id, reason, by)

    return pages


async def list_page(desk: Desk, asked: str) -> Response:
    """The search, and the people of that name."""
    database, now = desk.badges.database, desk.badges.clock.now()
    async with database.read() as connection:
        found = await people.named(connection, asked)
    shown = found[: people.SHOWN]
    if shown:
        await audit.note_read(database, now, "badge.search", {row.registration_id for row in shown})
    return desk.render(
        "desk.html", asked=asked, found=shown, more=len(found) > len(shown), unknown_code=False
    )


async def _find(desk: Desk, asked: str) -> Response:
    """Straight to the badge whose number or code it is; else to the people of that name."""
    async with desk.badges.database.read() as connection:
        badge = await people.badge_named(connection, asked)
    if badge is not None:
        return _to(badge.id)
    if len(asked) > LONGEST_NAME:
        return desk.render("desk.html", 404, found=(), more=False, unknown_code=True)
    return RedirectResponse(f"{FIND}?{urlencode({'q': asked})}" if asked else FIND, 303)


async def _reissue(desk: Desk, badge_id: str, reason: str, by: Staff) -> Response:
    """A reason is for whoever has one: the queue does not wait for it."""
    written = _written(reason)
    if reason.strip() and written is None:
        return await badge_page(desk, badge_id, "reissue", 422)
    try:
        badge = await desk.badges.reissue(badge_id, written, by.id)
    except Problem as problem:
        return await _too_late(desk, badge_id, problem)
    return _to(badge.id)


async def _revoke(desk: Desk, badge_id: str, reason: str, by: Staff) -> Response:
    written = _written(reason)
    if written is None:
        return await badge_page(desk, badge_id, "revoke", 422)
    try:
        await desk.badges.revoke(badge_id, written, by.id)
    except Problem as problem:
        return await _too_late(desk, badge_id, problem)
    return _to(badge_id)


async def badge_page(desk: Desk, badge_id: str, problem: str = "", status: int = 200) -> Response:
    """One badge, with all others of its holder.

    `problem` is `reissue` or `revoke` where a reason was none, `quicker` where another act was.
    """
    badges = desk.badges
    badge = await badges.get(badge_id)
    async with badges.database.read() as connection:
        wanted = Filter(registration_id=badge.registration_id)
        theirs, _ = await search.page(connection, wanted, None)
    await note_read(badges, badge)
    return desk.render(
        "desk_badge.html",
        status,
        badge=badge,
        holder=await badges.holder(badge.registration_id),
        category=badges.forum.category(badge.category),
        days=days_of(badges.forum, badge.days),
        others=[other for other in theirs if other.id != badge.id],
        by_id={other.id: other for other in theirs},
        now_valid=_valid(theirs),
        by_registration=badge.ended_by == REGISTRATION,
        problem=problem,
        size=(WIDTH, HEIGHT),
    )


async def _too_late(desk: Desk, badge_id: str, problem: Problem) -> Response:
    """How the badge stands, where another act was quicker."""
    if problem.status != 409:
        raise problem
    return await badge_page(desk, badge_id, "quicker", 409)


def _valid(theirs: Sequence[Badge]) -> Badge | None:
    return next((badge for badge in theirs if badge.status == Status.valid), None)


def _written(reason: str) -> str | None:
    """What the clerk wrote; None where it is no reason: a badge scanned into the field, for one."""
    try:
        credential.parse(reason)
    except Malformed:
        try:
            return _reason.validate_python(reason)
        except ValidationError:
            return None
    return None


def _to(badge_id: str) -> Response:
    return RedirectResponse(f"{FIND}/{badge_id}", 303)
