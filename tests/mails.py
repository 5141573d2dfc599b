"""Mails under test: composed from data, and read back as another program reads them."""

from __future__ import annotations

from datetime import UTC, datetime
from email import policy
from email.message import EmailMessage
from email.parser import BytesParser
from typing import Any, Final
from uuid import UUID

from services.notifications.mails import Addressee, BadgeFiles, Composer, Draft
from services.notifications.matters import Badge, InReview, Matter

PNG: Final = b"\x89PNG\r\n\x1a\n picture"
PDF: Final = b"%PDF-1.7 print"
MESSAGE_ID: Final = UUID("01890000-0000-7000-8000-000000000001")
TRACE_ID: Final = "4bf92f3577b34da6a3ce929d0e0e4736"
WRITTEN_AT: Final = datetime(2017, 5, 2, 9, 30, tzinfo=UTC)
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
        "files_link": "/badging/api/badges/0123456789abcdef{suffix}?link=signed",
    }
    return Badge(**given | particulars)


def compose(composer: Composer, matter: Matter | None = None, **person: Any) -> EmailMessage:
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
            files=BadgeFiles(png=PNG, pdf=PDF) if isinstance(matter, Badge) else None,
        )
    )


def received(mail: EmailMessage) -> EmailMessage:
    """The mail as another program reads it from the wire."""
    message = BytesParser(policy=policy.default).parsebytes(mail.as_bytes())
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
