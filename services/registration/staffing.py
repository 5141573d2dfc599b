"""Who is on the staff: accounts are made, changed, ended and restored.

Every change is said in the transaction that makes it, so that it holds in every service at once
(docs/decisions/0022)."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import Annotated, Any
from uuid import UUID

from pydantic import AfterValidator, BaseModel, ConfigDict, Field
from sqlalchemy import Row, any_, func, literal, select, update
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncConnection
from uuid_utils.compat import uuid7

from services.registration import staff, staff_sessions
from services.registration.accounts import Accounts, get, hold
from services.registration.forms import Email, Name, wrong
from services.registration.staff_tables import Account, accounts, passkeys, sessions
from shared import audit
from shared.access import ACCOUNT_ROLES, Role, Staff, roles_in_order
from shared.events import StaffAccessChanged
from shared.forum import Language
from shared.problems import FieldError, Problem, conflict, invalid_input


def _can_be_given(roles: list[Role]) -> list[Role]:
    if not roles:
        raise wrong("roles", "choose at least one role")
    if not set(roles) <= set(ACCOUNT_ROLES):
        raise wrong("roles", f"an account can be {', '.join(ACCOUNT_ROLES)}")
    return list(roles_in_order(roles))


Roles = Annotated[list[Role], Field(max_length=20), AfterValidator(_can_be_given)]


class NewAccount(BaseModel):
    """What an organiser says of a new member of staff."""

    model_config = ConfigDict(extra="forbid", hide_input_in_errors=True)

    email: Email
    name: Name
    roles: Roles
    language: Language = "en"


class AccountChange(BaseModel):
    """What an organiser changes; the address stays what it was."""

    model_config = ConfigDict(extra="forbid", hide_input_in_errors=True)

    name: Name | None = None
    roles: Roles | None = None
    language: Language | None = None


async def listed(connection: AsyncConnection) -> Sequence[Row[Any]]:
    """All accounts: those that can be used first, each with how it is used."""
    open_sessions = (
        select(func.count())
        .where(sessions.c.account_id == accounts.c.id, staff_sessions.GOES_ON)
        .scalar_subquery()
    )
    its_passkeys = (
        select(func.count()).where(passkeys.c.account_id == accounts.c.id).scalar_subquery()
    )
    seen_at = (
        select(func.max(sessions.c.seen_at))
        .where(sessions.c.account_id == accounts.c.id)
        .scalar_subquery()
    )
    query = select(
        accounts,
        open_sessions.label("open_sessions"),
        its_passkeys.label("passkeys"),
        seen_at.label("seen_at"),
    ).order_by(accounts.c.ended_at.is_not(None), func.lower(accounts.c.name), accounts.c.id)
    return (await connection.execute(query)).all()


async def add(of: Accounts, new: NewAccount, by: Staff) -> Account:
    """Make an account, and mail its holder a first sign-in link.

    Raises:
        Problem: 422, the address has one already; maybe one that was ended.
    """
    async with of.database.begin() as tx:
        row = await _make(of, tx, new, by)
        if row is None:
            raise invalid_input([FieldError("email", "has an account already", "taken")])
        await of.say(tx, staff.invitation(of, row))
    return row


async def let_be(tx: AsyncConnection, of: Accounts, wanted: NewAccount, by: Staff) -> Account:
    """See to it that this address has an account with these roles, beside those that it has.

    Whoever calls tells the holder.

    Raises:
        Problem: 409, the account of this address was ended.
    """
    row = await _make(of, tx, wanted, by)
    if row is None:
        known = select(accounts).where(func.lower(accounts.c.email) == func.lower(wanted.email))
        row = (await tx.execute(known.with_for_update())).one()
        if row.ended_at is not None:
            raise conflict("The staff account of this address was ended.")
        roles = roles_in_order([*(Role(role) for role in row.roles), *wanted.roles])
        row = await _write(tx, of, row.id, {"roles": list(roles)})
    return row


async def _make(of: Accounts, tx: AsyncConnection, new: NewAccount, by: Staff) -> Account | None:
    """A new account; None: the address has one."""
    made = await tx.execute(
        insert(accounts)
        .values(
            id=uuid7(),
            email=new.email,
            name=new.name,
            roles=list(new.roles),
            language=new.language,
            made_by=by.id,
        )
        .on_conflict_do_nothing(index_elements=[func.lower(accounts.c.email)])
        .returning(accounts)
    )
    row: Account | None = made.one_or_none()
    if row is not None:
        await audit.note(tx, of.clock.now(), "staff.add", which=row.id, roles=list(row.roles))
    return row


async def change(of: Accounts, account_id: UUID, wanted: AccountChange) -> Account:
    """Change what is given; another set of roles holds at once, in every service.

    Raises:
        Problem: 404; or 409, nobody would be organiser any more.
    """
    changes: dict[str, Any] = wanted.model_dump(exclude_none=True)
    async with of.database.begin() as tx:
        await _hold(tx, account_id, roles=wanted.roles)
        return await _write(tx, of, account_id, changes)


async def end(of: Accounts, account_id: UUID) -> Account:
    """Let nobody sign in with it any more, and sign out whoever has. Again, it changes nothing.

    Raises:
        Problem: 404; or 409, nobody would be organiser any more.
    """
    async with of.database.begin() as tx:
        row = await _hold(tx, account_id, roles=())
        if row.ended_at is not None:
            return row
        await staff_sessions.end(tx, of, sessions.c.account_id == account_id)
        return await _write(tx, of, account_id, {"ended_at": func.now()})


async def restore(of: Accounts, account_id: UUID) -> Account:
    """Let an ended account be used again, with the roles that it had.

    Raises:
        Problem: 404.
    """
    async with of.database.begin() as tx:
        row = await get(tx, account_id)
        if row.ended_at is None:
            return row
        return await _write(tx, of, account_id, {"ended_at": None})


async def invite(of: Accounts, account_id: UUID) -> None:
    """Mail the holder another first link.

    Raises:
        Problem: 404; or 409 for an ended account.
    """
    async with of.database.begin() as tx:
        row = await get(tx, account_id)
        if row.ended_at is not None:
            raise conflict("This account was ended.")
        await audit.note(tx, of.clock.now(), "staff.invite", which=account_id)
        await of.say(tx, staff.invitation(of, row))


async def _write(
    tx: AsyncConnection, of: Accounts, account_id: UUID, changes: dict[str, Any]
) -> Account:
    before = await hold(tx, account_id)
    if not changes:
        return before
    done = await tx.execute(
        update(accounts)
        .where(accounts.c.id == account_id)
        .values(version=accounts.c.version + 1, **changes)
        .returning(accounts)
    )
    after: Account = done.one()
    await audit.note(
        tx,
        of.clock.now(),
        "staff.change",
        which=account_id,
        fields=", ".join(sorted(changes)),
        roles=list(_may_do(after)),
    )
    if _may_do(after) != _may_do(before):
        fact = StaffAccessChanged(
            account_id=account_id, version=after.version, roles=_may_do(after)
        )
        await of.say(tx, fact)
    return after


def _may_do(row: Account) -> tuple[str, ...]:
    return () if row.ended_at is not None else tuple(row.roles)


async def _hold(tx: AsyncConnection, account_id: UUID, roles: Collection[Role] | None) -> Account:
    """The account, and no organiser's account changes until this commits.

    Raises:
        Problem: 404; or 409, with these roles for it nobody would be organiser any more.
    """
    query = (
        select(accounts.c.id)
        .where(
            accounts.c.ended_at.is_(None), literal(Role.organiser.value) == any_(accounts.c.roles)
        )
        .order_by(accounts.c.id)
        .with_for_update()
    )
    organisers = set((await tx.execute(query)).scalars())
    row = await get(tx, account_id)
    if roles is not None and Role.organiser not in roles and organisers == {account_id}:
        raise Problem(
            409,
            "last-organiser",
            "This is the only organiser's account. Make another one first.",
        )
    return row
