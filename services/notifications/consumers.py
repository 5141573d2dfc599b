"""What the notifications service hears, and which mail each fact makes."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from sqlalchemy.ext.asyncio import AsyncConnection

from services.notifications import messages, recipients
from services.notifications.matters import (
    BEFORE_A_BADGE,
    Badge,
    Cancelled,
    ConfirmAddress,
    Declined,
    InReview,
    Kind,
    Matter,
    Waitlisted,
)
from services.notifications.recipients import Recipient
from shared.bus import Consumer, Handler
from shared.database import Database, after_commit
from shared.events import (
    NOTIFICATIONS_REGISTRATIONS,
    BadgeIssued,
    BadgeRevoked,
    Event,
    Fact,
    RegistrationCancelled,
    RegistrationContactChanged,
    RegistrationDeclined,
    RegistrationErased,
    RegistrationFact,
    RegistrationInReview,
    RegistrationSubmitted,
    RegistrationWaitlisted,
)

ABOUT_THE_STATE = (*BEFORE_A_BADGE, Kind.declined, Kind.cancelled)


def registrations(database: Database, wake_mailer: Callable[[], None]) -> Consumer:
    handlers: dict[type[Fact], Handler] = {
        RegistrationSubmitted: ask_to_confirm_the_address,
        RegistrationInReview: tell_of_the_review,
        RegistrationWaitlisted: tell_of_the_waiting_list,
        RegistrationDeclined: tell_of_the_refusal,
        RegistrationCancelled: tell_of_the_cancellation,
        RegistrationContactChanged: change_contact,
        RegistrationErased: erase,
        BadgeIssued: send_the_badge,
        BadgeRevoked: drop_the_badge,
    }
    return Consumer(
        NOTIFICATIONS_REGISTRATIONS,
        database,
        {fact: _waking(wake_mailer, handler) for fact, handler in handlers.items()},
    )


async def ask_to_confirm_the_address(
    tx: AsyncConnection, fact: RegistrationSubmitted, event: Event
) -> None:
    recipient = await recipients.lock(tx, fact.registration_id)
    if recipient.is_erased:
        return
    await recipients.introduce(tx, fact)
    await recipients.change_contact(tx, recipient, fact)
    await _tell(tx, recipient, fact, event, ConfirmAddress(confirm_link=fact.confirm_link))


async def tell_of_the_review(tx: AsyncConnection, fact: RegistrationInReview, event: Event) -> None:
    recipient = await recipients.lock(tx, fact.registration_id)
    await _tell(tx, recipient, fact, event, InReview())


async def tell_of_the_waiting_list(
    tx: AsyncConnection, fact: RegistrationWaitlisted, event: Event
) -> None:
    recipient = await recipients.lock(tx, fact.registration_id)
    await _tell(tx, recipient, fact, event, Waitlisted())


async def tell_of_the_refusal(
    tx: AsyncConnection, fact: RegistrationDeclined, event: Event
) -> None:
    recipient = await recipients.lock(tx, fact.registration_id)
    await messages.drop(tx, fact.registration_id, Kind.badge)
    await _tell(tx, recipient, fact, event, Declined(reason=fact.reason))


async def tell_of_the_cancellation(
    tx: AsyncConnection, fact: RegistrationCancelled, event: Event
) -> None:
    recipient = await recipients.lock(tx, fact.registration_id)
    await messages.drop(tx, fact.registration_id, Kind.badge)
    await _tell(tx, recipient, fact, event, Cancelled())


async def change_contact(
    tx: AsyncConnection, fact: RegistrationContactChanged, event: Event
) -> None:
    recipient = await recipients.lock(tx, fact.registration_id)
    if not recipient.is_erased:
        await recipients.change_contact(tx, recipient, fact)


async def erase(tx: AsyncConnection, fact: RegistrationErased, event: Event) -> None:
    await recipients.lock(tx, fact.registration_id)
    await recipients.erase(tx, fact.registration_id)
    await messages.erase(tx, fact.registration_id)


async def send_the_badge(tx: AsyncConnection, fact: BadgeIssued, event: Event) -> None:
    recipient = await recipients.lock(tx, fact.registration_id)
    if recipient.is_erased or fact.version <= recipient.badge_version:
        return
    await recipients.change_badge(tx, fact.registration_id, fact.badge_id, fact.version)
    if recipient.will_not_come:
        return
    await messages.drop(tx, fact.registration_id, *BEFORE_A_BADGE, Kind.badge)
    badge = Badge(
        badge_id=fact.badge_id,
        number=fact.number,
        category=fact.category,
        days=fact.days,
        version=fact.version,
        replaces_another=fact.replaces is not None,
        files_link=fact.files_link,
    )
    await messages.queue(tx, fact.registration_id, badge, event.id)


async def drop_the_badge(tx: AsyncConnection, fact: BadgeRevoked, event: Event) -> None:
    """A badge that opens no gate any more is not mailed."""
    recipient = await recipients.lock(tx, fact.registration_id)
    await messages.drop_badge(tx, fact.registration_id, fact.badge_id)
    if fact.version <= recipient.badge_version:
        return
    await messages.drop(tx, fact.registration_id, *BEFORE_A_BADGE)
    replaced = recipient.badge_id not in (None, fact.badge_id)
    still_valid = recipient.badge_id if replaced else None
    await recipients.change_badge(tx, fact.registration_id, still_valid, fact.version)


async def _tell(
    tx: AsyncConnection,
    recipient: Recipient,
    fact: RegistrationFact,
    event: Event,
    matter: Matter,
) -> None:
    """Write how the registration stands now; what is overtaken by it and still waits is dropped."""
    if recipient.is_erased or fact.version <= recipient.state_version:
        return
    await recipients.change_state(tx, fact.registration_id, matter.kind, fact.version)
    await messages.drop(tx, fact.registration_id, *ABOUT_THE_STATE)
    if recipient.is_confirmed and matter.kind in BEFORE_A_BADGE:
        return  # heard late
    await messages.queue(tx, fact.registration_id, matter, event.id)


def _waking(wake_mailer: Callable[[], None], handler: Handler) -> Handler:
    """The handler, followed by a word to the mailer once its work is committed."""

    async def handle(tx: AsyncConnection, fact: Any, event: Event) -> None:
        await handler(tx, fact, event)
        after_commit(tx, wake_mailer)

    return handle
