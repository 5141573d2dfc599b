"""Staff sign-in by link: one from the command line, or one by mail; each works once."""

from __future__ import annotations

from datetime import timedelta
from typing import Final, Literal
from uuid import UUID, uuid4

from sqlalchemy import select
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncConnection

from services.registration import staff_sessions
from services.registration.accounts import Accounts, by_email
from services.registration.staff_sessions import Means
from services.registration.staff_tables import Account, accounts
from services.registration.tables import used_sign_in_links
from shared.access import InvalidToken, Keyring, Purpose, Role, Staff
from shared.events import StaffSignInOffered
from shared.problems import Problem

SIGN_IN_LIFETIME: Final = timedelta(hours=24)
ASKED_LIFETIME: Final = timedelta(minutes=30)
"""A mail may be held up for some minutes (greylisting); nobody asks for a link to use it later."""
INVITED_LIFETIME: Final = timedelta(days=3)
"""Over a weekend. After that, the sign-in page sends another."""


def sign_in_link(keyring: Keyring, origin: str, role: Role, name: str) -> str:
    """A link that signs its first user in; whoever has the deployment's secret can make one."""
    token = keyring.sign(Purpose.sign_in, name, SIGN_IN_LIFETIME, role=role, id=uuid4().hex)
    return f"{origin}/registration/sign-in?token={token}"


def account_link(
    keyring: Keyring, origin: str, account_id: UUID, lifetime: timedelta, to: str = ""
) -> str:
    """A link that signs the account's holder in, once its button is pressed.

    Args:
        to: the page of ours that it leads to; empty: the role's first.
    """
    token = keyring.sign(Purpose.mailed_sign_in, str(account_id), lifetime, id=uuid4().hex, to=to)
    return f"{origin}/registration/sign-in/link?token={token}"


def invitation(of: Accounts, account: Account) -> StaffSignInOffered:
    return _offer(of, account, "invited", INVITED_LIFETIME, to="")


async def offer(of: Accounts, email: str, to: str) -> None:
    """Mail a link to the holder of this address's account; nothing, if there is none.

    Whoever asks is told nothing: call it when they have their answer already.
    """
    async with of.database.begin() as tx:
        account = await by_email(tx, email)
        if account is not None:
            await of.say(tx, _offer(of, account, "asked", ASKED_LIFETIME, to))


def _offer(
    of: Accounts,
    account: Account,
    occasion: Literal["asked", "invited"],
    lifetime: timedelta,
    to: str,
) -> StaffSignInOffered:
    return StaffSignInOffered(
        account_id=account.id,
        occasion=occasion,
        email=account.email,
        name=account.name,
        language=account.language,
        link=account_link(of.keyring, of.origin, account.id, lifetime, to),
        page=f"{of.origin}/registration/sign-in",
        valid_seconds=int(lifetime.total_seconds()),
    )


async def sign_in(of: Accounts, token: str, *, browser: str, instead_of: Staff | None) -> Staff:
    """Use up a link from the command line.

    Raises:
        Problem: 403, the link is not ours, expired, or used.
    """
    try:
        content = of.keyring.read(Purpose.sign_in, token)
        staff, link = Staff(content["sub"], Role(content["role"])), content["id"]
    except (InvalidToken, KeyError, ValueError):
        raise _no_longer_valid() from None
    async with of.database.begin() as tx:
        await _use(tx, link)
        return await staff_sessions.begin_for_operator(
            tx, of, staff, browser=browser, instead_of=instead_of
        )


async def look_at_link(of: Accounts, token: str) -> Account:
    """Whose link from a mail this is; looking at it does not use it up.

    Raises:
        Problem: 403, it signs nobody in, or nobody any more.
    """
    account_id, link, _ = _read(of, token)
    used = select(used_sign_in_links.c.id).where(used_sign_in_links.c.id == link)
    async with of.database.read() as connection:
        if (await connection.execute(used)).one_or_none() is not None:
            raise _no_longer_valid()
        return await _holder(connection, account_id)


async def sign_in_by_mail(
    of: Accounts, token: str, *, browser: str, instead_of: Staff | None
) -> tuple[Staff, str]:
    """Use up a link from a mail; answers also the page that it leads to, if any.

    Raises:
        Problem: 403, as of `look_at_link`.
    """
    account_id, link, to = _read(of, token)
    async with of.database.begin() as tx:
        await _use(tx, link)
        account = await _holder(tx, account_id)
        who = await staff_sessions.begin(
            tx, of, account, Means.mail, browser=browser, instead_of=instead_of
        )
    return who, to


def _read(of: Accounts, token: str) -> tuple[UUID, str, str]:
    try:
        content = of.keyring.read(Purpose.mailed_sign_in, token)
        return UUID(content["sub"]), content["id"], content["to"]
    except (InvalidToken, KeyError, ValueError):
        raise _no_longer_valid() from None


async def _use(tx: AsyncConnection, link: str) -> None:
    use = insert(used_sign_in_links).values(id=link).on_conflict_do_nothing()
    if (await tx.execute(use)).rowcount == 0:
        raise _no_longer_valid()


async def _holder(connection: AsyncConnection, account_id: UUID) -> Account:
    query = select(accounts).where(accounts.c.id == account_id, accounts.c.ended_at.is_(None))
    row = (await connection.execute(query)).one_or_none()
    if row is None:
        raise _no_longer_valid()
    return row


def _no_longer_valid() -> Problem:
    return Problem(403, "link-used", "This sign-in link was used already, or is too old.")
