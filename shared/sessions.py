"""Whether a session goes on: what every service but registration has heard of it.

Registration owns accounts and sessions. The others cannot read its tables; they know a session by
its signature, and hear when it ends, or when an account's roles change, before its cookie says so
(docs/decisions/0022)."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import suppress
from dataclasses import replace
from datetime import timedelta
from typing import Final, TypeVar
from uuid import UUID

import structlog
from sqlalchemy import delete, exists, func, select
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.ext.asyncio import AsyncConnection
from starlette.requests import Request

from shared.access import (
    TOKEN_LIFETIME,
    InvalidToken,
    Staff,
    Unrecognised,
    roles_in_order,
    staff_as_signed,
)
from shared.bus import Consumer
from shared.database import Database
from shared.events import Event, StaffAccessChanged, StaffSessionEnded
from shared.tables import ended_sessions, staff_access

log = structlog.get_logger()

T = TypeVar("T")

Recognise = Callable[[Staff], Awaitable[Staff | None]]
"""Somebody by a session that is signed well → who that is now; None: the session has ended."""

LOOK_SECONDS: Final = 2.0
"""How often somebody's stream is looked at."""
KEPT: Final = TOKEN_LIFETIME + timedelta(days=1)
"""How long an end is remembered: no token lives longer, whatever two machines' clocks say."""


async def signed_in(request: Request) -> Staff | Unrecognised | None:
    """Who has sent this request as staff, from a signed-in browser or by token; None for anybody
    else."""
    try:
        staff = staff_as_signed(request)
        return None if staff is None else await _recognise(request, staff)
    except InvalidToken:
        return None
    except (SQLAlchemyError, OSError) as error:
        # Most of what a browser asks for needs no session: whoever needs to know will say so.
        log.warning("session.not_recognised", error=type(error).__name__)
        return Unrecognised()


async def _recognise(request: Request, staff: Staff) -> Staff | None:
    state = request.app.state
    recognise: Recognise = state.recognise_token if staff.session is None else state.recognise
    return await recognise(staff)


async def while_signed_in(
    request: Request, staff: Staff, events: AsyncGenerator[T, None]
) -> AsyncGenerator[T, None]:
    """The events of a stream, for as long as whoever asked for it may see them: a stream is one
    request that goes on for hours, and sessions end meanwhile."""
    looked_at = time.monotonic()
    coming = asyncio.ensure_future(anext(events))
    try:
        while True:
            await asyncio.wait({coming}, timeout=LOOK_SECONDS)
            if time.monotonic() - looked_at >= LOOK_SECONDS:
                looked_at = time.monotonic()
                if not await _is_unchanged(request, staff):
                    return
            if coming.done():
                yield coming.result()
                coming = asyncio.ensure_future(anext(events))
    except StopAsyncIteration:
        return
    finally:
        coming.cancel()
        with suppress(asyncio.CancelledError, StopAsyncIteration):
            await coming
        await events.aclose()


async def _is_unchanged(request: Request, staff: Staff) -> bool:
    """Whether the session goes on with the same roles, as far as the database tells."""
    try:
        now = await _recognise(request, staff)
    except (SQLAlchemyError, OSError):
        return True
    return now is not None and now.roles == staff.roles


class HeardSessions:
    """Sessions and tokens, as far as a service has heard of their ends."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def recognise(self, staff: Staff) -> Staff | None:
        session = staff.session
        assert session is not None
        ended = exists().where(ended_sessions.c.session_id == session.id)
        newer = (
            select(staff_access.c.roles)
            .where(
                staff_access.c.account_id == session.account_id,
                staff_access.c.version > session.version,
            )
            .scalar_subquery()
        )
        async with self._database.read() as connection:
            row = (
                await connection.execute(select(ended.label("ended"), newer.label("roles")))
            ).one()
        if row.ended:
            return None
        return staff if row.roles is None else with_roles(staff, row.roles)

    async def recognise_token(self, staff: Staff) -> Staff | None:
        """The same, by token; None: it was revoked."""
        revoked = exists().where(ended_sessions.c.session_id == staff.token_id)
        async with self._database.read() as connection:
            return None if (await connection.execute(select(revoked))).scalar_one() else staff


def with_roles(staff: Staff, roles: list[str]) -> Staff | None:
    """The same person with the roles that the account has now; None: it has none left."""
    now = roles_in_order(roles)
    return replace(staff, role=now[0], also=now[1:]) if now else None


def consumer(queue: str, database: Database) -> Consumer:
    """What a service hears of staff accounts."""
    return Consumer(
        queue,
        database,
        {StaffAccessChanged: note_access, StaffSessionEnded: note_end},
    )


async def note_access(tx: AsyncConnection, fact: StaffAccessChanged, event: Event) -> None:
    new = insert(staff_access).values(
        account_id=fact.account_id, version=fact.version, roles=list(fact.roles)
    )
    await tx.execute(
        new.on_conflict_do_update(
            index_elements=["account_id"],
            set_={"version": new.excluded.version, "roles": new.excluded.roles},
            where=staff_access.c.version < new.excluded.version,
        )
    )


async def note_end(tx: AsyncConnection, fact: StaffSessionEnded, event: Event) -> None:
    await end(tx, fact.session_id)


async def end(tx: AsyncConnection, session_id: UUID) -> None:
    """Let a session, or the token with this id, count for nothing in this service."""
    ended = insert(ended_sessions).values(session_id=session_id)
    await tx.execute(ended.on_conflict_do_nothing())


async def forget_old(tx: AsyncConnection) -> None:
    await tx.execute(delete(ended_sessions).where(ended_sessions.c.ended_at < func.now() - KEPT))
