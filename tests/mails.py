"""Mails under test: composed from data, and read back as another program reads them."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime
from email import policy
from email.message import EmailMessage
from email.parser import BytesParser
from typing import Any, Final
from uuid import UUID

from services.notifications.mails import NO_FILES, Addressee, Composer, Draft, Files, Mail
from services.notifications.matters import (
    AddressChanged,
    Amended,
    Badge,
    Cancelled,
    Certificate,
    ConfirmAddress,
    Declined,
    FocalPoint,
    InReview,
    Matter,
    OwnLink,
    Reminder,
    Reopened,
    SignIn,
    StaffInvited,
    Waitlisted,
)
from services.notifications.texts import Writer
from shared.forum import Forum
from shared.wallets import Wallet

PNG: Final = b"\x89PNG\r\n\x1a\n picture"
CODE: Final = b"\x89PNG\r\n\x1a\n code"
PDF: Final = b"%PDF-1.7 print"
MESSAGE_ID: Final = UUID("01890000-0000-7000-8000-000000000001")
TRACE_ID: Final = "4bf92f3577b34da6a3ce929d0e0e4736"
WRITTEN_AT: Final = datetime(2017, 5, 2, 9, 30, tzinfo=UTC)
ORIGIN: Final = "https://forum.example.org"
FILES_LINK: Final = "/badging/api/badges/0123456789abcdef{suffix}?link=signed"
ME_LINK: Final = "https://forum.example.org/registration/me?token=" + "m" * 150

HEADERS: Final = [
    "Auto-Submitted",
    "Content-Language",
    "Content-Type",
    "Date",
    "From",
    "MIME-Version",
    "Message-ID",
    "Subject",
    "To",
    "X-Correlation-Id",
]


def badge(**particulars: Any) -> Badge:
    given: dict[str, Any] = {
        "badge_id": "0123456789abcdef",
        "number": "7KQ2-M9X1",
        "category": "civil_society",
        "days": 0b11111,
        "version": 1,
        "replaces_another": False,
        "files_link": FILES_LINK,
    }
    return Badge(**given | particulars)


CONFIRM_LINK: Final = "https://forum.example.org/registration/confirm?id=1&token=" + "c" * 150
SIGN_IN_PAGE: Final = "https://forum.example.org/registration/sign-in"
SIGN_IN_LINK: Final = f"{SIGN_IN_PAGE}/link?token=" + "s" * 150
EVERY_MATTER: Final[list[Matter]] = [
    ConfirmAddress(confirm_link=CONFIRM_LINK),
    InReview(),
    Waitlisted(),
    Declined(reason="The delegation has named somebody else."),
    Cancelled(),
    badge(),
    badge(replaces_another=True),
    badge(from_the_waiting_list=True),
    Amended(),
    OwnLink(),
    Reopened(had_a_badge=True),
    Reopened(had_a_badge=False),
    SignIn(link=SIGN_IN_LINK, valid_seconds=1800),
    StaffInvited(link=SIGN_IN_LINK, valid_seconds=3 * 24 * 3600, page=SIGN_IN_PAGE),
    FocalPoint(delegation="Nouvelle-Zemble", quota=40, sign_in_link=SIGN_IN_LINK),
    AddressChanged(
        email="grace@example.org", given_name="Grace", family_name="Hopper", language="en"
    ),
    Reminder(number="7KQ2-M9X1", days=0b11111, files_link=FILES_LINK),
    Certificate(
        number="8AAA-BBBC",
        days=0b00101,
        file_link="/badging/api/certificates/8AAA-BBBC.pdf?link=signed",
        page="/badging/certificates/8AAA-BBBC",
    ),
]
"""One of each kind, and the badge's variants."""


def composer_of(
    forum: Forum,
    sender: str | None = None,
    *,
    rehearsal: bool = False,
    wallets: Sequence[Wallet] = (),
) -> Composer:
    writer = Writer(forum, ORIGIN, rehearsal=rehearsal, wallets=wallets)
    return Composer(forum, sender or forum.contact.email, writer)


def compose(composer: Composer, matter: Matter | None = None, **person: Any) -> Mail:
    """A mail to Grace Hopper, or to somebody a little different."""
    to: dict[str, Any] = {
        "registration_id": UUID(int=1),
        "email": "grace@example.org",
        "title": "Dr.",
        "given_name": "Grace",
        "family_name": "Hopper",
        "language": "en",
        "reference": "WF17-3K9Q2M",
        "me_link": ME_LINK,
    }
    matter = matter or InReview()
    return composer.compose(
        Draft(
            message_id=MESSAGE_ID,
            to=Addressee(**to | person),
            matter=matter,
            trace_id=TRACE_ID,
            written_at=WRITTEN_AT,
            files=_files(matter),
        )
    )


def _files(matter: Matter) -> Files:
    match matter:
        case Badge():
            return Files(badge=PNG, code=CODE, pdf=PDF)
        case Reminder():
            return Files(code=CODE)
        case Certificate():
            return Files(pdf=PDF)
        case _:
            return NO_FILES


def received(mail: Mail) -> EmailMessage:
    """The mail as another program reads it from the wire."""
    message = BytesParser(policy=policy.default).parsebytes(mail.content)
    assert isinstance(message, EmailMessage)
    return message


def face(mail: EmailMessage, kind: str) -> str:
    """What the mail says as `plain` or as `html`."""
    part = mail.get_body((kind,))
    assert part is not None
    content: str = part.get_content()
    return content.replace("\r\n", "\n")


def words(text: str) -> str:
    """The text in one line, however it was broken."""
    return " ".join(text.split())
