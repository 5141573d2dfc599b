"""Staff accounts, and what their use cases stand on."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, Any
from uuid import UUID

from fastapi import Depends, Request
from sqlalchemy import Select, func, select
from sqlalchemy.ext.asyncio import AsyncConnection

from services.registration.staff_tables import Account, accounts
from shared import outbox
from shared.access import Keyring
from shared.clock import Clock
from shared.database import Database
from shared.events import Event, Fact
from shared.problems import not_found


@dataclass(frozen=True)
class Accounts:
    """The use cases of staff accounts, and what they need."""

    database: Database
    clock: Clock
    keyring: Keyring
    origin: str

    async def say(self, tx: AsyncConnection, *facts: Fact) -> None:
        now = self.clock.now()
        await outbox.say(tx, *(Event("/registration", now, fact) for fact in facts))


async def accounts_of(request: Request) -> Accounts:
    of: Accounts = request.app.state.accounts
    return of


TheAccounts = Annotated[Accounts, Depends(accounts_of)]


async def get(connection: AsyncConnection, account_id: UUID) -> Account:
    """An account.

    Raises:
        Problem: 404.
    """
    return await _one(connection, select(accounts).where(accounts.c.id == account_id))


async def hold(tx: AsyncConnection, account_id: UUID) -> Account:
    """An account, held so that whoever changes it knows what it was.

    Raises:
        Problem: 404.
    """
    query = select(accounts).where(accounts.c.id == account_id)
    return await _one(tx, query.with_for_update())


async def by_email(connection: AsyncConnection, email: str) -> Account | None:
    """The account of this address, if there is one that can be used."""
    query = select(accounts).where(
        func.lower(accounts.c.email) == func.lower(email), accounts.c.ended_at.is_(None)
    )
    return (await connection.execute(query)).one_or_none()


async def _one(connection: AsyncConnection, query: Select[Any]) -> Account:
    row: Account | None = (await connection.execute(query)).one_or_none()
    if row is None:
        raise not_found("account")
    return row
