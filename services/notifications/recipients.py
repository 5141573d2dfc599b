"""Whom we write to: put together from facts that come in any order."""

from __future__ import annotations

from dataclasses import dataclass
from uuid import UUID

from sqlalchemy import func, select, update
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncConnection

from services.notifications.matters import Kind
from services.notifications.tables import recipients
from shared.events import RegistrationContactChanged, RegistrationSubmitted


@dataclass(frozen=True)
class Recipient:
    """How far we have heard of one registration."""

    registration_id: UUID
    contact_version: int
    state: Kind | None
    state_version: int
    badge_id: str | None
    badge_version: int
    is_erased: bool

    @property
    def will_not_come(self) -> bool:
        """Declined and cancelled are the ends of a registration: no badge is mailed after them."""
        return self.state in (Kind.declined, Kind.cancelled)

    @property
    def is_confirmed(self) -> bool:
        """Only who is confirmed gets a badge; nobody goes back from there to a review or a list."""
        return self.badge_version > 0


async def lock(tx: AsyncConnection, registration_id: UUID) -> Recipient:
    """What we know of a registration so far; handlers of its other facts wait until this commit."""
    await tx.execute(
        insert(recipients).values(registration_id=registration_id).on_conflict_do_nothing()
    )
    row = (
        await tx.execute(
            select(recipients)
            .where(recipients.c.registration_id == registration_id)
            .with_for_update()
        )
    ).one()
    return Recipient(
        registration_id=registration_id,
        contact_version=row.contact_version,
        state=Kind(row.state) if row.state else None,
        state_version=row.state_version,
        badge_id=row.badge_id,
        badge_version=row.badge_version,
        is_erased=row.erased_at is not None,
    )


async def introduce(tx: AsyncConnection, fact: RegistrationSubmitted) -> None:
    """Note what only the first fact of a registration tells."""
    await _set(tx, fact.registration_id, reference=fact.reference, me_link=fact.me_link)


async def change_contact(
    tx: AsyncConnection,
    recipient: Recipient,
    fact: RegistrationSubmitted | RegistrationContactChanged,
) -> None:
    if fact.version < recipient.contact_version:
        return
    await _set(
        tx,
        fact.registration_id,
        contact_version=fact.version,
        email=fact.email,
        title=fact.title,
        given_name=fact.given_name,
        family_name=fact.family_name,
        language=fact.language,
    )


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
    await _set(
        tx,
        registration_id,
        email=None,
        title=None,
        given_name=None,
        family_name=None,
        language=None,
        reference=None,
        me_link=None,
        badge_id=None,
        erased_at=func.now(),
    )


async def _set(tx: AsyncConnection, registration_id: UUID, **values: object) -> None:
    await tx.execute(
        update(recipients).where(recipients.c.registration_id == registration_id).values(**values)
    )
