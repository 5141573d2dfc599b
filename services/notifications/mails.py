"""A mail as it goes over the wire: pure, from data to a MIME message."""

from __future__ import annotations

import secrets
from dataclasses import dataclass
from datetime import datetime
from email.charset import QP, Charset
from email.headerregistry import Address
from email.message import EmailMessage, Message
from email.mime.application import MIMEApplication
from email.mime.image import MIMEImage
from email.mime.multipart import MIMEMultipart
from email.mime.text import MIMEText
from email.policy import SMTP, compat32
from email.utils import format_datetime
from typing import Final
from uuid import UUID

from email_validator import EmailNotValidError

from services.notifications.matters import Badge, Certificate, Matter, Reminder
from services.notifications.texts import Person, Pictures, Texts, Writer, one_line
from shared import addresses
from shared.calendar import calendar
from shared.forum import Forum, Language
from shared.names import full_name

LONGEST_DISPLAY_NAME: Final = 80
BREAKS_AN_ADDRESS: Final = str.maketrans(dict.fromkeys('()<>[]:;@\\,"', " "))
"""What means something in a list of addresses (RFC 5322, 3.2.3), but for the dot: all read that."""
ENCODED_WORD: Final = "=?"
"""How a word in other letters begins in a header (RFC 2047)."""
# Seven bits: whether a mail server takes eight is known only once we talk to it.
ASCII_HEADERS: Final = SMTP.clone(cte_type="7bit")
# Only an address that is not ASCII asks the mail server for SMTPUTF8, which few have.
UTF8_HEADERS: Final = ASCII_HEADERS.clone(utf8=True)
# The parts are of the older classes of the email package: the newer parse each header that they are
# given, and take three times as long over a mail with a badge.
PARTS: Final = compat32.clone(linesep=SMTP.linesep, cte_type="7bit")
END_OF_LINE: Final = SMTP.linesep.encode()
QUOTED: Final = Charset("utf-8")
"""Whatever is ASCII stays as it is; the rest takes three characters a byte."""
QUOTED.body_encoding = QP
MOSTLY: Final = 1.2
"""Bytes a character up to which that is shorter than Base64."""


class UnusableAddress(ValueError):
    """No mail can be addressed to it."""


@dataclass(frozen=True)
class Addressee:
    """Whom a mail is for, as registration knows the person."""

    registration_id: UUID
    email: str
    title: str
    given_name: str
    family_name: str
    language: str
    reference: str
    me_link: str
    registered_by: str | None = None
    """The delegation that registered the person; empty: the organisers; None: nobody else."""

    @property
    def name(self) -> str:
        return one_line(full_name(self.title, self.given_name, self.family_name))


@dataclass(frozen=True)
class Files:
    """What a mail shows or carries besides its text; empty where it has none of it."""

    badge: bytes = b""
    """The badge as a PNG."""
    code: bytes = b""
    """Its QR alone, large, as a PNG."""
    pdf: bytes = b""
    """The badge for the printer, or the certificate."""


NO_FILES: Final = Files()


@dataclass(frozen=True)
class Draft:
    """All that a mail is made of."""

    message_id: UUID
    to: Addressee
    matter: Matter
    trace_id: str
    written_at: datetime
    files: Files = NO_FILES


@dataclass(frozen=True)
class Mail:
    """A mail, ready to be handed over."""

    sender: str
    recipient: str
    content: bytes
    """Headers and all, with the line ends that the wire wants."""


class Composer:
    """Makes one forum's mails.

    Args:
        sender: the address that they come from.
    """

    def __init__(self, forum: Forum, sender: str, writer: Writer) -> None:
        self._forum = forum
        self._sender = _address("", sender)
        self._writer = writer

    def compose(self, draft: Draft) -> Mail:
        """The whole mail.

        Raises:
            UnusableAddress: no mail can go to the addressee.
        """
        to = _address(draft.to.name, draft.to.email)
        message_id = f"{draft.message_id}@{self._sender.domain}"
        shown = Pictures(badge=f"badge.{message_id}", code=f"code.{message_id}")
        person = Person(
            draft.to.name,
            draft.to.language,
            draft.to.reference,
            draft.to.me_link,
            draft.to.registered_by,
        )
        texts = self._writer.write(
            person, draft.matter, Pictures(badge=f"cid:{shown.badge}", code=f"cid:{shown.code}")
        )
        head = self._head(draft, message_id, texts, to).as_bytes().removesuffix(END_OF_LINE)
        content = self._content(draft, texts, shown).as_bytes(policy=PARTS)
        return Mail(self._sender.addr_spec, to.addr_spec, head + content)

    def _head(self, draft: Draft, message_id: str, texts: Texts, to: Address) -> EmailMessage:
        """The headers that are not about the content."""
        head = EmailMessage(ASCII_HEADERS if to.addr_spec.isascii() else UTF8_HEADERS)
        forum = self._forum.short_name.in_language(texts.language)
        head["From"] = Address(_display_name(forum), addr_spec=self._sender.addr_spec)
        head["To"] = to
        if self._sender.addr_spec != self._forum.contact.email:
            head["Reply-To"] = self._forum.contact.email
        head["Subject"] = texts.subject
        head["Date"] = format_datetime(draft.written_at)
        head["Message-ID"] = f"<{message_id}>"
        head["Content-Language"] = texts.language
        # RFC 3834: no holiday notice need answer this.
        head["Auto-Submitted"] = "auto-generated"
        head["X-Correlation-Id"] = draft.trace_id
        return head

    def _content(self, draft: Draft, texts: Texts, pictures: Pictures) -> MIMEMultipart:
        files = draft.files
        match draft.matter:
            case Badge() as badge:
                name = f"badge-{badge.number}"
                entry = _text(self._calendar(draft, badge, texts.language), "calendar")
                entry.set_param("method", "PUBLISH")
                return _of_parts(
                    "mixed",
                    _shown(files, name, texts, pictures),
                    _attached(_pdf(files.pdf), f"{name}.pdf"),
                    _attached(entry, f"{self._forum.id}.ics"),
                )
            case Reminder(number=number):
                return _shown(files, f"badge-{number}", texts, pictures)
            case Certificate(number=number):
                pdf = _attached(_pdf(files.pdf), f"certificate-{number}.pdf")
                return _of_parts("mixed", _spoken(texts), pdf)
            case _:
                return _spoken(texts)

    def _calendar(self, draft: Draft, badge: Badge, language: Language) -> str:
        return calendar(
            self._forum,
            registration_id=draft.to.registration_id,
            language=language,
            days=badge.days,
            version=badge.version,
            written_at=draft.written_at,
        )


def _spoken(texts: Texts) -> MIMEMultipart:
    return _of_parts("alternative", _text(texts.plain, "plain"), _text(texts.html, "html"))


def _shown(files: Files, name: str, texts: Texts, pictures: Pictures) -> MIMEMultipart:
    """The texts, with the pictures that the HTML shows."""
    parts: list[Message] = [_spoken(texts)]
    for content, cid, filename in (
        (files.code, pictures.code, f"{name}.qr.png"),
        (files.badge, pictures.badge, f"{name}.png"),
    ):
        if content:
            picture = MIMEImage(content, "png")
            picture["Content-ID"] = f"<{cid}>"
            picture.add_header("Content-Disposition", "inline", filename=filename)
            parts.append(picture)
    shown = _of_parts("related", *parts)
    shown.set_param("type", "multipart/alternative")
    return shown


def _of_parts(kind: str, *parts: Message) -> MIMEMultipart:
    # Without one the email package looks through all parts for what does not occur in them. This
    # occurs nowhere: neither encoding makes "=_" (RFC 2045, 6.7), nor would chance the rest.
    boundary = f"=_{secrets.token_hex(16)}"
    return MIMEMultipart(kind, boundary, parts)


def _text(text: str, kind: str) -> MIMEText:
    is_mostly_ascii = len(text.encode()) < len(text) * MOSTLY
    return MIMEText(text, kind, QUOTED if is_mostly_ascii else "utf-8")  # type: ignore[arg-type]


def _pdf(pdf: bytes) -> MIMEApplication:
    return MIMEApplication(pdf, "pdf")


def _attached(part: Message, filename: str) -> Message:
    part.add_header("Content-Disposition", "attachment", filename=filename)
    return part


def _address(name: str, email: str) -> Address:
    """An address whose domain every mail server understands.

    Raises:
        UnusableAddress: it is none, or one that the email package would write as something else.
    """
    try:
        checked = addresses.checked(email)
    except EmailNotValidError as error:
        raise UnusableAddress(str(error)) from None
    if ENCODED_WORD in checked.local_part:
        raise UnusableAddress("reads as an encoded word")
    return Address(_display_name(name), checked.local_part, checked.ascii_domain)


def _display_name(text: str) -> str:
    """The name as the header of an address carries it.

    The email package decodes an encoded word that somebody wrote into a name, line breaks and all,
    and loses the quotes of a name that it breaks over two lines (python/cpython#121650, #80222).
    So nothing is left in it that would need either.
    """
    plain = one_line(text.replace(ENCODED_WORD, " ").translate(BREAKS_AN_ADDRESS))
    return plain[:LONGEST_DISPLAY_NAME].rstrip()
