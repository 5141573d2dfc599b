"""Who may see what by a link: the registrant's own, which is signed by registration and may have
been revoked there since, or that of one file, which we have signed."""

from __future__ import annotations

from uuid import UUID

from fastapi import Request

from services.badging import holders
from services.badging.badges import Badges
from shared import access
from shared.access import InvalidToken, Purpose, Role, Staff


async def registrant_of(request: Request, badges: Badges) -> UUID | None:
    """The registration whose own link calls; None for strangers and for revoked links."""
    link = access.own_link_of(request)
    if link is None:
        return None
    async with badges.database.read() as connection:
        revoked = await holders.is_revoked(connection, link)
    return None if revoked else link.registration_id


async def staff_or_registrant(
    request: Request, badges: Badges, registration_id: UUID, *roles: Role
) -> Staff | None:
    """Let in staff with one of the roles (answers who), or the registrant themself (None).

    Raises:
        Problem: 401 for anybody else, and for a link that was revoked; 403 for another's.
    """
    staff = access.staff_or_registrant(request, registration_id, *roles)
    if staff is None and await registrant_of(request, badges) is None:
        raise access.unauthenticated()
    return staff


def is_link_to(request: Request, purpose: Purpose, subject: str, link: str | None) -> bool:
    """Whether a file's signed link is that of this badge, or certificate."""
    try:
        return link is not None and access.keyring_of(request).read(purpose, link)["sub"] == subject
    except InvalidToken:
        return False
