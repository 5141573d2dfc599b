"""Whom we write to: put together from facts that come in any order."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final
from uuid import UUID

from sqlalchemy import bindparam, func, update
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncConnection

from services.notifications.matters import Kind
from services.notifications.tables import recipients
from shared.events import (
    FocalPointInvited,
    RegistrationContactChanged,
    RegistrationEnrolled,
    RegistrationLinkRequested,
    RegistrationSubmitted,
    StaffSignInOffered,
)

ContactFact = (
    RegistrationSubmitted
    | RegistrationEnrolled
    | RegistrationContactChanged
    | RegistrationLinkRequested
)
"""What tells how a person is written to."""


@dataclass(frozen=True)
class Recipient:
    """How far we have heard of one registration."""

    registration_id: UUID
    contact_version: int
    email: str | None
    title: str
    given_name: str
    family_name: str
    language: str
    state: Kind | None
    state_version: int
    badge_id: str | None
    badge_version: int
    me_link: str | None
    is_erased: bool

    @property
    def will_not_come(self) -> bool:
        """Declined and cancelled are the ends of a registration: no badge is mailed after them."""
        return self.state in (Kind.declined, Kind.cancelled)

    @property
    def is_confirmed(self) -> bool:
        """Only who is confirmed gets a badge; whoever is reopened hears so, and nobody else goes
        back from there to a review or a list."""
        return self.badge_version > 0


async def lock(tx: AsyncConnection, registration_id: UUID) -> Recipient:
    """What we know of a registration so far; handlers of its other facts wait until this commit."""
    row = (await tx.execute(_LOCK, {"registration_id": registration_id})).one()
    return Recipient(
        registration_id=registration_id,
        contact_version=row.contact_version,
        email=row.email,
        title=row.title or "",
        given_name=row.given_name or "",
        family_name=row.family_name or "",
        language=row.language or "",
        state=Kind(row.state) if row.state else None,
        state_version=row.state_version,
        badge_id=row.badge_id,
        badge_version=row.badge_version,
        me_link=row.me_link,
        is_erased=row.erased_at is not None,
    )


async def introduce(
    tx: AsyncConnection, recipient: Recipient, fact: RegistrationSubmitted | RegistrationEnrolled
) -> None:
    """Note what the first fact of a registration tells, and what no newer one has told already."""
    await _set(
        tx,
        fact.registration_id,
        reference=fact.reference,
        registered_by=fact.delegation if isinstance(fact, RegistrationEnrolled) else None,
        **{"me_link": recipient.me_link or fact.me_link} | _contact(recipient, fact),
    )


async def introduce_focal_point(tx: AsyncConnection, fact: FocalPointInvited) -> None:
    """Note how to write to a focal point, who has no registration: only the invitation's id."""
    await _set(
        tx,
        fact.focal_point_id,
        email=fact.email,
        given_name="",
        family_name=fact.name,
        language=fact.language,
        reference="",
        me_link=fact.sign_in_link,
        state=Kind.focal_point,
    )


async def know_staff(tx: AsyncConnection, account_id: UUID, fact: StaffSignInOffered) -> None:
    """Note a member of staff: a recipient like any other, under the account's id, with neither a
    registration nor a reference."""
    await _set(
        tx,
        account_id,
        email=fact.email,
        given_name=fact.name,
        family_name="",
        language=fact.language,
        reference="",
        me_link=fact.page,
    )


async def change_contact(
    tx: AsyncConnection,
    recipient: Recipient,
    fact: ContactFact,
) -> None:
    if told := _contact(recipient, fact):
        await _set(tx, fact.registration_id, **told)


async def change_state(
    tx: AsyncConnection, registration_id: UUID, state: Kind, version: int
) -> None:
    await _set(tx, registration_id, state=state, state_version=version)


async def change_badge(
    tx: AsyncConnection, registration_id: UUID, badge_id: str | None, version: int
) -> None:
    await _set(tx, registration_id, badge_id=badge_id, badge_version=version)


async def erase(tx: AsyncConnection, registration_id: UUID) -> None:
    """Remove the person; the row stays, so that a late fact brings nothing back."""
    await tx.execute(_ERASE, {"of": registration_id})


def _contact(
    recipient: Recipient,
    fact: ContactFact,
) -> dict[str, object]:
    """How the person is written to from now on; nothing if newer news has been heard."""
    if fact.version < recipient.contact_version:
        return {}
    told = {
        "contact_version": fact.version,
        "email": fact.email,
        "title": fact.title,
        "given_name": fact.given_name,
        "family_name": fact.family_name,
        "language": fact.language,
    }
    return told | {"me_link": fact.me_link} if fact.me_link else told


async def _set(tx: AsyncConnection, registration_id: UUID, **values: object) -> None:
    await tx.execute(_SET, {"of": registration_id, **values})


_lock = insert(recipients)
_LOCK: Final = _lock.on_conflict_do_update(
    # One that is there is locked, and not changed.
    index_elements=["registration_id"],
    set_={"registration_id": _lock.excluded.registration_id},
).returning(recipients)
_SET: Final = update(recipients).where(recipients.c.registration_id == bindparam("of"))
_PERSONAL: Final = (
    "email",
    "title",
    "given_name",
    "family_name",
    "language",
    "reference",
    "me_link",
    "registered_by",
    "badge_id",
)
_ERASE: Final = _SET.values(erased_at=func.now(), **dict.fromkeys(_PERSONAL))
