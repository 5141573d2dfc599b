"""What the badging service hears: who may come, whose particulars changed, who no longer comes."""

from __future__ import annotations

from sqlalchemy.ext.asyncio import AsyncConnection

from services.badging import attendance, holders
from services.badging.badges import Badges
from services.badging.holders import Holder
from shared.bus import Consumer
from shared.events import (
    BADGING_REGISTRATIONS,
    Event,
    RegistrationAmended,
    RegistrationCancelled,
    RegistrationConfirmed,
    RegistrationErased,
    RegistrationLinksRevoked,
    RegistrationPhotoChanged,
    RegistrationReopened,
)


def registrations(badges: Badges) -> Consumer:
    # An amendment that overtakes its confirmation says just as well that the person may come.
    async def give_badge(
        tx: AsyncConnection, fact: RegistrationConfirmed | RegistrationAmended, event: Event
    ) -> None:
        holder = Holder.model_validate(fact.person)
        await badges.follow(tx, fact.registration_id, fact.version, holder)
        # Together with the badge that is said here: whoever asks for its picture finds the photo.
        if isinstance(fact, RegistrationConfirmed) and fact.photo is not None:
            await holders.write_photo(tx, fact.registration_id, fact.version, fact.photo)

    async def take_photo(tx: AsyncConnection, fact: RegistrationPhotoChanged, event: Event) -> None:
        await holders.lock(tx, fact.registration_id)
        await holders.write_photo(tx, fact.registration_id, fact.version, fact.photo)

    async def revoke_links(
        tx: AsyncConnection, fact: RegistrationLinksRevoked, event: Event
    ) -> None:
        await holders.lock(tx, fact.registration_id)
        await holders.revoke_links(tx, fact.registration_id, fact.first_valid)

    async def take_badge(
        tx: AsyncConnection, fact: RegistrationCancelled | RegistrationReopened, event: Event
    ) -> None:
        await badges.follow(tx, fact.registration_id, fact.version, None)

    async def forget_person(tx: AsyncConnection, fact: RegistrationErased, event: Event) -> None:
        await badges.follow(tx, fact.registration_id, fact.version, None)
        await badges.forget_reasons(tx, fact.registration_id)
        await attendance.forget(tx, fact.registration_id)

    return Consumer(
        BADGING_REGISTRATIONS,
        badges.database,
        {
            RegistrationConfirmed: give_badge,
            RegistrationAmended: give_badge,
            RegistrationPhotoChanged: take_photo,
            RegistrationLinksRevoked: revoke_links,
            RegistrationReopened: take_badge,
            RegistrationCancelled: take_badge,
            RegistrationErased: forget_person,
        },
    )
