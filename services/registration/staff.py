"""Staff sign-in: a link that works once makes a session."""

from __future__ import annotations

from datetime import timedelta
from uuid import uuid4

from sqlalchemy.dialects.postgresql import insert

from services.registration.tables import used_sign_in_links
from shared.access import InvalidToken, Keyring, Purpose, Role, Staff
from shared.database import Database
from shared.problems import Problem

SIGN_IN_LIFETIME = timedelta(hours=24)


def sign_in_link(keyring: Keyring, origin: str, role: Role, name: str) -> str:
    """A link that signs its first user in; whoever has the deployment's secret can make one."""
    token = keyring.sign(Purpose.sign_in, name, SIGN_IN_LIFETIME, role=role, id=uuid4().hex)
    return f"{origin}/registration/sign-in?token={token}"


async def sign_in(database: Database, keyring: Keyring, token: str) -> Staff:
    """Use up a sign-in link.

    Raises:
        Problem: 403, the link is not ours, expired, or used.
    """
    try:
        content = keyring.read(Purpose.sign_in, token)
        staff, link = Staff(content["sub"], Role(content["role"])), content["id"]
    except (InvalidToken, KeyError, ValueError):
        raise _no_longer_valid() from None
    async with database.begin() as tx:
        use = insert(used_sign_in_links).values(id=link).on_conflict_do_nothing()
        if (await tx.execute(use)).rowcount == 0:
            raise _no_longer_valid()
    return staff


def _no_longer_valid() -> Problem:
    return Problem(403, "link-used", "This sign-in link was used already, or is too old.")
