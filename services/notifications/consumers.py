"""What the notifications service hears, and which mail each fact makes."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from functools import partial
from typing import Any

from sqlalchemy.ext.asyncio import AsyncConnection

from services.notifications import messages, recipients
from services.notifications.matters import (
    BEFORE_A_BADGE,
    AddressChanged,
    Amended,
    Badge,
    Cancelled,
    Certificate,
    ConfirmAddress,
    Declined,
    FocalPoint,
    InReview,
    Kind,
    Matter,
    OwnLink,
    Reopened,
    SignIn,
    StaffInvited,
    Waitlisted,
)
from services.notifications.recipients import Recipient
from shared.bus import Consumer, Handler
from shared.database import Database, after_commit
from shared.events import (
    NOTIFICATIONS_REGISTRATIONS,
    NOTIFICATIONS_SIGN_INS,
    BadgeIssued,
    BadgeRevoked,
    CertificateIssued,
    Event,
    Fact,
    FocalPointInvited,
    FocalPointRemoved,
    RegistrationCancelled,
    RegistrationContactChanged,
    RegistrationDeclined,
    RegistrationEnrolled,
    RegistrationErased,
    RegistrationFact,
    RegistrationInReview,
    RegistrationLinkRequested,
    RegistrationReopened,
    RegistrationSubmitted,
    RegistrationWaitlisted,
    StaffSignInOffered,
)
from shared.forum import Forum

ABOUT_THE_STATE = (
    *BEFORE_A_BADGE,
    Kind.declined,
    Kind.cancelled,
    Kind.amended,
    Kind.reopened,
)
"""What newer news makes superfluous; each mail names the person as known when it is sent."""
FOR_THE_DOOR = (Kind.badge, Kind.reminder)
"""What nobody gets who does not come."""
ABOUT_THE_PERSON = (*ABOUT_THE_STATE, Kind.badge)
"""What tells somebody how we write to them from now on."""
SIGN_INS = (Kind.sign_in, Kind.staff_invited)
"""What lets a member of staff in."""
UNTOLD = (None, Kind.confirm_address, Kind.declined, Kind.cancelled)
"""What a registration is that has not begun, or has ended: nobody is told of a change to it."""


def registrations(
    database: Database,
    forum: Forum,
    wake_mailer: Callable[[], None],
    forget_mail: Callable[[], None],
) -> Consumer:
    handlers: dict[type[Fact], Handler] = {
        RegistrationSubmitted: ask_to_confirm_the_address,
        RegistrationEnrolled: introduce_the_enrolled,
        RegistrationInReview: tell_of_the_review,
        RegistrationWaitlisted: tell_of_the_waiting_list,
        RegistrationDeclined: tell_of_the_refusal,
        RegistrationCancelled: tell_of_the_cancellation,
        RegistrationContactChanged: change_contact,
        RegistrationLinkRequested: send_the_link,
        RegistrationReopened: tell_of_another_review,
        RegistrationErased: _waking(forget_mail, erase),
        BadgeIssued: partial(send_the_badge, useless_from=forum.certificates_begin),
        BadgeRevoked: drop_the_badge,
        FocalPointInvited: invite_the_focal_point,
        FocalPointRemoved: forget_the_focal_point,
        CertificateIssued: send_the_certificate,
    }
    return Consumer(
        NOTIFICATIONS_REGISTRATIONS,
        database,
        {fact: _waking(wake_mailer, handler) for fact, handler in handlers.items()},
    )


def sign_ins(database: Database, wake_mailer: Callable[[], None]) -> Consumer:
    return Consumer(
        NOTIFICATIONS_SIGN_INS,
        database,
        {StaffSignInOffered: _waking(wake_mailer, offer_the_sign_in)},
    )


async def offer_the_sign_in(tx: AsyncConnection, fact: StaffSignInOffered, event: Event) -> None:
    """Mail the newest link only: an older one, waiting or late, is of no use to anybody."""
    account_id = fact.account_id
    assert account_id is not None
    await recipients.lock(tx, account_id)
    if await messages.has_newer(tx, account_id, SIGN_INS, event.id):
        return
    await recipients.know_staff(tx, account_id, fact)
    await messages.drop(tx, account_id, *SIGN_INS)
    matter: Matter = SignIn(link=fact.link, valid_seconds=fact.valid_seconds)
    if fact.occasion == "invited":
        matter = StaffInvited(link=fact.link, valid_seconds=fact.valid_seconds, page=fact.page)
    await messages.queue(tx, account_id, matter, event.id)


async def ask_to_confirm_the_address(
    tx: AsyncConnection, fact: RegistrationSubmitted, event: Event
) -> None:
    recipient = await recipients.lock(tx, fact.registration_id)
    if recipient.is_erased:
        return
    await recipients.introduce(tx, recipient, fact)
    await _tell(tx, recipient, fact, event, ConfirmAddress(confirm_link=fact.confirm_link))


async def introduce_the_enrolled(
    tx: AsyncConnection, fact: RegistrationEnrolled, event: Event
) -> None:
    """No mail of its own: what becomes of the registration is told, and by whom it was made."""
    recipient = await recipients.lock(tx, fact.registration_id)
    if recipient.is_erased:
        return
    await recipients.introduce(tx, recipient, fact)


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
    await messages.drop(tx, fact.registration_id, *FOR_THE_DOOR)
    await _tell(tx, recipient, fact, event, Declined(reason=fact.reason))


async def tell_of_the_cancellation(
    tx: AsyncConnection, fact: RegistrationCancelled, event: Event
) -> None:
    recipient = await recipients.lock(tx, fact.registration_id)
    await messages.drop(tx, fact.registration_id, *FOR_THE_DOOR)
    await _tell(tx, recipient, fact, event, Cancelled())


async def change_contact(
    tx: AsyncConnection, fact: RegistrationContactChanged, event: Event
) -> None:
    recipient = await recipients.lock(tx, fact.registration_id)
    if recipient.is_erased:
        return
    await recipients.change_contact(tx, recipient, fact)
    if _moves(recipient, fact):
        await messages.queue(tx, fact.registration_id, _notice_to_the_old(recipient), event.id)
    if not _is_told_of_the_change(recipient, fact):
        return
    # What still waits will be sent as the person is known now.
    if not await messages.is_waiting(tx, fact.registration_id, ABOUT_THE_PERSON):
        await messages.queue(tx, fact.registration_id, Amended(), event.id)


async def send_the_link(tx: AsyncConnection, fact: RegistrationLinkRequested, event: Event) -> None:
    recipient = await recipients.lock(tx, fact.registration_id)
    if recipient.is_erased:
        return
    await recipients.change_contact(tx, recipient, fact)
    if not await messages.is_waiting(tx, fact.registration_id, [Kind.own_link]):
        await messages.queue(tx, fact.registration_id, OwnLink(), event.id)


async def tell_of_another_review(
    tx: AsyncConnection, fact: RegistrationReopened, event: Event
) -> None:
    # The badge's mail, if it still waits, ends with the badge: there may be a newer one already.
    recipient = await recipients.lock(tx, fact.registration_id)
    await _tell(tx, recipient, fact, event, Reopened(had_a_badge=fact.had_a_badge))


async def erase(tx: AsyncConnection, fact: RegistrationErased, event: Event) -> None:
    await recipients.lock(tx, fact.registration_id)
    await recipients.erase(tx, fact.registration_id)
    await messages.erase(tx, fact.registration_id)


async def send_the_badge(
    tx: AsyncConnection, fact: BadgeIssued, event: Event, *, useless_from: datetime
) -> None:
    """Once the forum is over a badge opens nothing; that the person was corrected is told still."""
    recipient = await recipients.lock(tx, fact.registration_id)
    if recipient.is_erased or fact.version <= recipient.badge_version:
        return
    await recipients.change_badge(tx, fact.registration_id, fact.badge_id, fact.version)
    if recipient.will_not_come:
        return
    overtaken = (*BEFORE_A_BADGE, Kind.amended, Kind.reopened, Kind.badge)
    await messages.drop(tx, fact.registration_id, *overtaken)
    if event.time >= useless_from:
        if fact.replaces is not None:
            await messages.queue(tx, fact.registration_id, Amended(), event.id)
        return
    badge = Badge(
        badge_id=fact.badge_id,
        number=fact.number,
        category=fact.category,
        days=fact.days,
        version=fact.version,
        replaces_another=fact.replaces is not None,
        from_the_waiting_list=fact.replaces is None and recipient.state is Kind.waitlisted,
        files_link=fact.files_link,
    )
    await messages.queue(tx, fact.registration_id, badge, event.id)


async def drop_the_badge(tx: AsyncConnection, fact: BadgeRevoked, event: Event) -> None:
    """A badge that opens no gate any more is not mailed."""
    recipient = await recipients.lock(tx, fact.registration_id)
    await messages.drop_badge(tx, fact.registration_id, fact.badge_id)
    if fact.status != "superseded":
        await messages.drop(tx, fact.registration_id, Kind.reminder)
    if fact.version <= recipient.badge_version:
        return
    await messages.drop(tx, fact.registration_id, *BEFORE_A_BADGE)
    replaced = recipient.badge_id not in (None, fact.badge_id)
    still_valid = recipient.badge_id if replaced else None
    await recipients.change_badge(tx, fact.registration_id, still_valid, fact.version)


async def invite_the_focal_point(
    tx: AsyncConnection, fact: FocalPointInvited, event: Event
) -> None:
    recipient = await recipients.lock(tx, fact.focal_point_id)
    if recipient.is_erased:
        return
    if await messages.has_newer(tx, fact.focal_point_id, [Kind.focal_point], event.id):
        return
    await recipients.introduce_focal_point(tx, fact)
    await messages.drop(tx, fact.focal_point_id, Kind.focal_point)
    invitation = FocalPoint(
        delegation=fact.delegation, quota=fact.quota, sign_in_link=fact.sign_in_link
    )
    await messages.queue(tx, fact.focal_point_id, invitation, event.id)


async def forget_the_focal_point(
    tx: AsyncConnection, fact: FocalPointRemoved, event: Event
) -> None:
    await recipients.lock(tx, fact.focal_point_id)
    await recipients.erase(tx, fact.focal_point_id)
    await messages.erase(tx, fact.focal_point_id)


async def send_the_certificate(tx: AsyncConnection, fact: CertificateIssued, event: Event) -> None:
    recipient = await recipients.lock(tx, fact.registration_id)
    if recipient.is_erased:
        return
    certificate = Certificate(
        number=fact.number, days=fact.days, file_link=fact.file_link, page=fact.page
    )
    await messages.queue(tx, fact.registration_id, certificate, event.id)


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
    was_reopened = recipient.state is Kind.reopened
    if recipient.is_confirmed and matter.kind in BEFORE_A_BADGE and not was_reopened:
        return  # heard late
    await messages.queue(tx, fact.registration_id, matter, event.id)


def _is_told_of_the_change(recipient: Recipient, fact: RegistrationContactChanged) -> bool:
    """Whoever has a badge gets a new one when the name changes, and its mail says so.

    An address that is not confirmed gets nothing but the mail that asks for it.
    """
    if not _is_news(recipient, fact):
        return False
    return not recipient.is_confirmed or fact.email != recipient.email


def _moves(recipient: Recipient, fact: RegistrationContactChanged) -> bool:
    """Whether mail goes to another address from now on, and the one before was confirmed."""
    return _is_news(recipient, fact) and fact.email != recipient.email


def _is_news(recipient: Recipient, fact: RegistrationContactChanged) -> bool:
    """An address that is not confirmed, or not known yet, has had no mail but one that asks."""
    if recipient.email is None or (recipient.state in UNTOLD and not recipient.is_confirmed):
        return False
    return fact.version >= recipient.contact_version and not recipient.will_not_come


def _notice_to_the_old(recipient: Recipient) -> AddressChanged:
    assert recipient.email is not None
    return AddressChanged(
        email=recipient.email,
        title=recipient.title,
        given_name=recipient.given_name,
        family_name=recipient.family_name,
        language=recipient.language,
    )


def _waking(wake: Callable[[], None], handler: Handler) -> Handler:
    """The handler, followed by a word to whoever goes on once its work is committed."""

    async def handle(tx: AsyncConnection, fact: Any, event: Event) -> None:
        await handler(tx, fact, event)
        after_commit(tx, wake)

    return handle
