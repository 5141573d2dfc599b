"""HTTP for programs: thin, it parses, calls and answers."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Depends, Query, Security
from fastapi.security import HTTPBearer
from pydantic import BaseModel, ConfigDict, Field

from services.notifications import delivery_log
from services.notifications.matters import Kind
from services.notifications.messages import Status
from shared import audit
from shared.access import Role, require
from shared.clock import Clock
from shared.database import Database, after_commit
from shared.problems import documented

NO_NUL = r"^[^\x00]*$"
"""PostgreSQL's text holds every character but this one."""


class MessageOut(BaseModel):
    """One mail and what has become of it."""

    model_config = ConfigDict(from_attributes=True)

    id: UUID
    kind: Kind
    registration_id: UUID
    recipient: str | None = Field(
        description="The address of the last attempt or of the next; null: erased, or not known"
    )
    status: Status
    attempts: int
    created_at: datetime
    sent_at: datetime | None
    error: str | None = Field(description="What the last attempt failed of")


class MessagePage(BaseModel):
    items: list[MessageOut]
    next_cursor: UUID | None = Field(description="For the next page; null on the last")


_bearer = HTTPBearer(
    auto_error=False, description="A staff token; staff may also come with the session cookie."
)


def router(database: Database, clock: Clock, wake_mailer: Callable[[], None]) -> APIRouter:
    routes = APIRouter(
        prefix="/api/messages",
        tags=["messages"],
        dependencies=[Security(_bearer), Depends(require(Role.organiser))],
    )

    @routes.get("", summary="The delivery log, newest first", responses=documented(401, 403, 422))
    async def list_messages(
        recipient: Annotated[
            str | None,
            Query(max_length=320, pattern=NO_NUL, description="An address, whole; in any case"),
        ] = None,
        status: Status | None = None,
        cursor: Annotated[UUID | None, Query(description="next_cursor of the page before")] = None,
        limit: Annotated[int, Query(ge=1, le=200)] = 50,
    ) -> MessagePage:
        async with database.read() as connection:
            rows = await delivery_log.find(
                connection, recipient=recipient, status=status, before=cursor, limit=limit + 1
            )
        items = [MessageOut.model_validate(row) for row in rows[:limit]]
        about = {item.registration_id for item in items}
        await audit.note_read(database, clock.now(), "message.search", about, status=status)
        return MessagePage(items=items, next_cursor=items[-1].id if len(rows) > limit else None)

    @routes.post(
        "/{message_id}/resend",
        status_code=201,
        summary="Send it once more",
        description="As a message of its own, to the address that is known now.",
        responses=documented(401, 403, 404, 409),
    )
    async def resend(message_id: UUID) -> MessageOut:
        async with database.begin() as tx:
            sent = await delivery_log.send_again(tx, clock.now(), message_id)
            after_commit(tx, wake_mailer)
        return MessageOut.model_validate(sent)

    return routes
