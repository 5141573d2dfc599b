"""Where staff are signed in: sessions begin, are seen, and end.

This is registration's own view, which is always right. The other services know a session by its
signature, and hear of its end (shared/sessions.py)."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import replace
from datetime import timedelta
from enum import StrEnum
from typing import Any, Final
from uuid import UUID

from sqlalchemy import ColumnElement, Row, and_, delete, func, insert, select, true, update
from sqlalchemy.ext.asyncio import AsyncConnection

from services.registration.accounts import Accounts
from services.registration.staff_tables import Account, accounts, challenges, sessions
from services.registration.tables import used_sign_in_links
from shared import audit, caller
from shared.access import SESSION_LIFETIME, Session, Staff, roles_in_order
from shared.events import StaffSessionEnded
from shared.problems import not_found

GOES_ON: Final = and_(sessions.c.ended_at.is_(None), sessions.c.expires_at > func.now())
SEEN_EVERY: Final = timedelta(minutes=1)
"""How exactly it is known when somebody was last here: each time is a write."""
KEPT: Final = timedelta(days=30)
"""Longer than any sign-in link lives: a used one must stay known."""
TIDY_SECONDS: Final = 3600
# In this order: Edge and Opera say that they are Chrome too, and Chrome that it is Safari.
_BROWSERS: Final = (
    ("Edg", "Edge"), ("OPR/", "Opera"), ("SamsungBrowser", "Samsung Internet"),
    ("Firefox/", "Firefox"), ("FxiOS", "Firefox"), ("CriOS", "Chrome"), ("Chrome/", "Chrome"),
    ("Safari/", "Safari"),
)  # fmt: skip
_SYSTEMS: Final = (
    ("iPhone", "iPhone"), ("iPad", "iPad"), ("Android", "Android"), ("Windows", "Windows"),
    ("Mac OS", "macOS"), ("CrOS", "ChromeOS"), ("Linux", "Linux"),
)  # fmt: skip


class Means(StrEnum):
    """How somebody has shown who they are."""

    mail = "mail"
    passkey = "passkey"
    oidc = "oidc"
    operator = "operator"
    """By a link from the command line."""


async def begin(
    tx: AsyncConnection,
    of: Accounts,
    account: Account,
    means: Means,
    *,
    browser: str,
    instead_of: Staff | None,
) -> Staff:
    """Sign the account's holder in; what this browser was signed in as before ends."""
    session = Session(
        account_id=account.id,
        version=account.version,
        name=account.name,
        language=account.language,
    )
    role, *also = roles_in_order(account.roles)
    who = Staff(account.email, role, tuple(also), session)
    await _begin(tx, of, who, means, browser, instead_of)
    return who


async def begin_for_operator(
    tx: AsyncConnection, of: Accounts, staff: Staff, *, browser: str, instead_of: Staff | None
) -> Staff:
    """Sign in somebody whose link came from the command line, and who needs no account."""
    who = replace(staff, session=Session())
    await _begin(tx, of, who, Means.operator, browser, instead_of)
    return who


async def _begin(
    tx: AsyncConnection,
    of: Accounts,
    who: Staff,
    means: Means,
    browser: str,
    instead_of: Staff | None,
) -> None:
    if instead_of is not None and instead_of.session is not None:
        await end(tx, of, sessions.c.id == instead_of.session.id)
    assert who.session is not None
    caller.is_known_as(who.id, who.role)
    await audit.note(tx, of.clock.now(), "staff.sign_in", which=who.session.account_id, means=means)
    await tx.execute(
        insert(sessions).values(
            id=who.session.id,
            account_id=who.session.account_id,
            holder=who.id,
            means=means,
            browser=browser,
            expires_at=func.now() + SESSION_LIFETIME,
        )
    )


async def recognise(of: Accounts, staff: Staff) -> Staff | None:
    """Who it is that comes with this session now; None: it has ended."""
    assert staff.session is not None
    query = (
        select(
            sessions.c.id.label("session_id"),
            (sessions.c.seen_at < func.now() - SEEN_EVERY).label("was_away"),
            accounts,
        )
        .join_from(sessions, accounts, isouter=True)
        .where(sessions.c.id == staff.session.id, GOES_ON, accounts.c.ended_at.is_(None))
    )
    async with of.database.read() as connection:
        row = (await connection.execute(query)).one_or_none()
    if row is None:
        return None
    if row.was_away:
        await _note_seen(of, row.session_id)
    if row.id is None:
        return staff
    role, *also = roles_in_order(row.roles)
    session = replace(staff.session, name=row.name, language=row.language)
    return Staff(row.email, role, tuple(also), session)


async def _note_seen(of: Accounts, session_id: UUID) -> None:
    async with of.database.begin() as tx:
        await tx.execute(
            update(sessions).where(sessions.c.id == session_id).values(seen_at=func.now())
        )


async def end(tx: AsyncConnection, of: Accounts, which: ColumnElement[bool]) -> int:
    """End those of these sessions that go on; answers how many."""
    ended = await tx.execute(
        update(sessions)
        .where(which, GOES_ON)
        .values(ended_at=func.now())
        .returning(sessions.c.id, sessions.c.account_id)
    )
    facts = [StaffSessionEnded(session_id=row.id, account_id=row.account_id) for row in ended]
    await of.say(tx, *facts)
    return len(facts)


async def end_all(of: Accounts, which: ColumnElement[bool]) -> None:
    """End those of these sessions that go on; where there are none, it changes nothing."""
    async with of.database.begin() as tx:
        if count := await end(tx, of, which):
            await audit.note(tx, of.clock.now(), "staff.end_session", count=count)


async def end_one(of: Accounts, session_id: UUID, also: ColumnElement[bool] | None = None) -> None:
    """End one session.

    Args:
        also: what else must be true of it.

    Raises:
        Problem: 404, there is no such one that goes on.
    """
    async with of.database.begin() as tx:
        which = and_(sessions.c.id == session_id, true() if also is None else also)
        if await end(tx, of, which) == 0:
            raise not_found("session")
        await audit.note(tx, of.clock.now(), "staff.end_session", which=session_id)


async def going_on(connection: AsyncConnection, which: ColumnElement[bool]) -> Sequence[Row[Any]]:
    """Those of these sessions that go on, the last seen first."""
    query = select(sessions).where(which, GOES_ON).order_by(sessions.c.seen_at.desc())
    return (await connection.execute(query)).all()


async def keep_tidy(of: Accounts) -> None:
    """For ever, forget what ended long ago."""
    while True:
        async with of.database.begin() as tx:
            await tx.execute(delete(sessions).where(sessions.c.expires_at < func.now() - KEPT))
            await tx.execute(delete(challenges).where(challenges.c.expires_at < func.now()))
            old = used_sign_in_links.c.used_at < func.now() - KEPT
            await tx.execute(delete(used_sign_in_links).where(old))
        await asyncio.sleep(TIDY_SECONDS)


def browser_of(user_agent: str) -> str:
    """What a browser calls itself, as its owner would: "Firefox · Android"; empty if unknown."""
    names = (
        next((name for mark, name in known if mark in user_agent), "")
        for known in (_BROWSERS, _SYSTEMS)
    )
    return " · ".join(filter(None, names))
