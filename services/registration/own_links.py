"""The registrant's own link: sent again, and revoked for another.

To ask for it changes nothing about the links that there are: whoever merely knows an address could
lock its owner out. To revoke them takes the newest link, or staff.
"""

from __future__ import annotations

from uuid import UUID

from fastapi import Request
from sqlalchemy.ext.asyncio import AsyncConnection

from services.registration import lifecycle
from services.registration.lifecycle import Status, Step
from services.registration.links import wrong_link
from services.registration.registrations import Registrations
from services.registration.tables import Registration
from shared import access
from shared.access import Role, Staff
from shared.events import RegistrationLinkRequested, RegistrationLinksRevoked


async def revoke(of: Registrations, registration_id: UUID, actor: str) -> Registration:
    """Make all links sent so far open nothing any more, and send a new one.

    Raises:
        Problem: 409 when it is erased.
    """
    async with of.database.begin() as tx:
        row = await of.lock(tx, registration_id)
        lifecycle.check(Step.revoke_links, Status(row.status))
        row = await of.change(tx, row, link_number=row.link_number + 1)
        await of.record(tx, row, Step.revoke_links, actor, None)
        await of.say(tx, links_revoked(row))
        await send(of, tx, row)
    return row


async def send(of: Registrations, tx: AsyncConnection, row: Registration) -> None:
    """Have the link mailed. Whose address is not confirmed yet gets the mail that asks for that."""
    if row.status == Status.submitted:
        row = await of.change(tx, row)
        await of.say(tx, of.submitted(row))
        return
    await of.say(tx, RegistrationLinkRequested(**of.contact(row)))


def links_revoked(row: Registration) -> RegistrationLinksRevoked:
    return RegistrationLinksRevoked(
        registration_id=row.id, version=row.version, first_valid=row.link_number
    )


async def registration_of(request: Request, of: Registrations) -> Registration:
    """The registration whose own link calls, in the query of its page.

    Raises:
        Problem: 403 for what is no such link, or one that was revoked; 404.
    """
    link = access.own_link_of(request) if "token" in request.query_params else None
    if link is None:
        raise wrong_link()
    row = await of.get(link.registration_id)
    if row.link_number != link.number:
        raise wrong_link()
    return row


async def staff_or_registrant(
    request: Request, of: Registrations, registration_id: UUID, *roles: Role
) -> Staff | None:
    """Let in staff with one of the roles (answers who), or the registrant themself (None).

    Raises:
        Problem: 401 for anybody else, and for a link that was revoked; 403 for another's.
    """
    staff = access.staff_or_registrant(request, registration_id, *roles)
    if staff is None:
        link, row = access.own_link_of(request), await of.get(registration_id)
        if link is None or link.number != row.link_number:
            raise access.unauthenticated()
    return staff
