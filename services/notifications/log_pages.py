"""HTTP for people: what was written to one person, and sending it once more, for organisers."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final
from uuid import UUID

from fastapi import APIRouter, Depends, Request
from fastapi.responses import RedirectResponse, Response

from services.notifications import delivery_log
from services.notifications.messages import Status
from services.notifications.pages import names
from shared import audit
from shared.access import Role, require
from shared.clock import Clock
from shared.database import Database, after_commit
from shared.pages import OurPages, Pages
from shared.problems import Problem

SHOWN: Final = 200
"""Mails to one person: who was written to more often is nobody that a page is for."""
ENDED: Final = (Status.sent, Status.failed, Status.bounced)
"""What can be sent again: what waits goes by itself, what was overtaken is not true any more."""


def router(database: Database, clock: Clock, wake_mailer: Callable[[], None]) -> APIRouter:
    routes = APIRouter(include_in_schema=False, dependencies=[Depends(require(Role.organiser))])

    @routes.get("/mails/{registration_id}")
    async def mails(request: Request, pages: OurPages, registration_id: UUID) -> Response:
        return await _page(request, pages, registration_id)

    @routes.post("/mails/{message_id}/resend")
    async def resend(request: Request, pages: OurPages, message_id: UUID) -> Response:
        try:
            async with database.begin() as tx:
                sent = await delivery_log.send_again(tx, clock.now(), message_id)
                after_commit(tx, wake_mailer)
        except Problem as problem:
            if problem.status != 409:
                raise
            async with database.read() as connection:
                old = await delivery_log.get(connection, message_id)
            return await _page(request, pages, old.registration_id, 409)
        return RedirectResponse(f"/notifications/mails/{sent.registration_id}", 303)

    async def _page(
        request: Request, pages: Pages, registration_id: UUID, status: int = 200
    ) -> Response:
        async with database.read() as connection:
            rows = await delivery_log.find(connection, about=registration_id, limit=SHOWN)
        about = [registration_id] if rows else []
        await audit.note_read(database, clock.now(), "message.search", about)
        return pages.render(
            request,
            "mails.html",
            status,
            registration_id=registration_id,
            rows=rows,
            kinds=names(pages.gettext_in(pages.language(request))),
            ended=ENDED,
            refused=status == 409,
        )

    return routes
