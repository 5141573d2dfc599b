"""How somebody becomes a focal point who can sign in: where delegations meet staff accounts."""

from __future__ import annotations

from sqlalchemy.ext.asyncio import AsyncConnection

from services.registration import staffing
from services.registration.accounts import Accounts
from services.registration.registrations import Registrations
from services.registration.staff import INVITED_LIFETIME, account_link
from services.registration.staffing import NewAccount
from shared.access import Role, Staff
from shared.forum import Language

DELEGATIONS = "/registration/delegations"


async def invitation_link(
    of: Registrations, tx: AsyncConnection, email: str, name: str, language: Language, by: Staff
) -> str:
    """The link of the invitation. Who has no account yet is given one; who has, another role.

    Raises:
        Problem: 409, the account of this address was ended.
    """
    accounts = Accounts(of.database, of.clock, of.links.keyring, of.links.origin)
    wanted = NewAccount(email=email, name=name, roles=[Role.focal_point], language=language)
    account = await staffing.let_be(tx, accounts, wanted, by)
    return account_link(
        accounts.keyring, accounts.origin, account.id, INVITED_LIFETIME, to=DELEGATIONS
    )
