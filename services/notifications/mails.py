"""A mail as it goes over the wire: pure, from data to a MIME message."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from email.headerregistry import Address
from email.message import EmailMessage, MIMEPart
from email.policy import SMTP
from email.utils import format_datetime
from typing import Final
from uuid import UUID

from email_validator import EmailNotValidError, validate_email

from services.notifications.matters import Badge, Certificate, Matter, Reminder
from services.notifications.texts import Person, Pictures, Texts, Writer, one_line
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


class Composer:
    """Makes one forum's mails.

    Args:
        sender: the address that they come from.
    """

    def __init__(self, forum: Forum, sender: str, writer: Writer) -> None:
        self._forum = forum
        self._sender = _address("", sender)
        self._writer = writer

    def compose(self, draft: Draft) -> EmailMessage:
        """The whole mail.

        Raises:
            UnusableAddress: no mail can go to the addressee.
        """
        to = _address(draft.to.name, draft.to.email)
        policy = ASCII_HEADERS if to.addr_spec.isascii() else UTF8_HEADERS
        host = f"{draft.message_id}@{self._sender.domain}"
        shown = Pictures(badge=f"badge.{host}", code=f"code.{host}")
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
        mail = EmailMessage(policy)
        self._put_content(mail, draft, texts, shown)
        # Last: the email package moves Content-… headers that are there before into the first part.
        self._put_headers(mail, draft, texts, to)
        return mail

    def _put_headers(self, mail: EmailMessage, draft: Draft, texts: Texts, to: Address) -> None:
        forum = self._forum.short_name.in_language(texts.language)
        mail["From"] = Address(_display_name(forum), addr_spec=self._sender.addr_spec)
        mail["To"] = to
        if self._sender.addr_spec != self._forum.contact.email:
            mail["Reply-To"] = self._forum.contact.email
        mail["Subject"] = texts.subject
        mail["Date"] = format_datetime(draft.written_at)
        mail["Message-ID"] = f"<{draft.message_id}@{self._sender.domain}>"
        mail["Content-Language"] = texts.language
        # RFC 3834: no holiday notice need answer this.
        mail["Auto-Submitted"] = "auto-generated"
        mail["X-Correlation-Id"] = draft.trace_id
        if "MIME-Version" not in mail:
            mail["MIME-Version"] = "1.0"

    def _put_content(
        self, mail: EmailMessage, draft: Draft, texts: Texts, pictures: Pictures
    ) -> None:
        files = draft.files
        match draft.matter:
            case Badge() as badge:
                name = f"badge-{badge.number}"
                mail.make_mixed()
                mail.attach(_shown(mail, files, name, texts, pictures))
                _attach_pdf(mail, files.pdf, f"{name}.pdf")
                mail.add_attachment(
                    self._calendar(draft, badge, texts.language),
                    subtype="calendar",
                    params={"method": "PUBLISH"},
                    filename=f"{self._forum.id}.ics",
                )
            case Reminder(number=number):
                _put_shown(mail, files, f"badge-{number}", texts, pictures)
            case Certificate(number=number):
                spoken = EmailMessage(mail.policy)
                _put_texts(spoken, texts)
                mail.make_mixed()
                mail.attach(spoken)
                _attach_pdf(mail, files.pdf, f"certificate-{number}.pdf")
            case _:
                _put_texts(mail, texts)

    def _calendar(self, draft: Draft, badge: Badge, language: Language) -> str:
        return calendar(
            self._forum,
            registration_id=draft.to.registration_id,
            language=language,
            days=badge.days,
            version=badge.version,
            written_at=draft.written_at,
        )


def _shown(
    mail: EmailMessage, files: Files, name: str, texts: Texts, pictures: Pictures
) -> EmailMessage:
    """The texts with the pictures that the HTML shows, as a part of the mail."""
    part = EmailMessage(mail.policy)
    _put_shown(part, files, name, texts, pictures)
    return part


def _put_shown(
    part: EmailMessage, files: Files, name: str, texts: Texts, pictures: Pictures
) -> None:
    spoken = EmailMessage(part.policy)
    _put_texts(spoken, texts)
    part.make_related()
    part.set_param("type", "multipart/alternative")
    part.attach(spoken)
    for content, cid, filename in (
        (files.code, pictures.code, f"{name}.qr.png"),
        (files.badge, pictures.badge, f"{name}.png"),
    ):
        if content:
            part.add_related(
                content,
                maintype="image",
                subtype="png",
                cid=f"<{cid}>",
                disposition="inline",
                filename=filename,
            )


def _attach_pdf(mail: EmailMessage, pdf: bytes, filename: str) -> None:
    mail.add_attachment(pdf, maintype="application", subtype="pdf", filename=filename)


def _put_texts(part: MIMEPart, texts: Texts) -> None:
    part.set_content(texts.plain)
    part.add_alternative(texts.html, subtype="html")


def _address(name: str, email: str) -> Address:
    """An address whose domain every mail server understands.

    Raises:
        UnusableAddress: it is none, or one that the email package would write as something else.
    """
    try:
        # The same rules as where somebody registers: what was taken there can be written to.
        checked = validate_email(email, check_deliverability=False, globally_deliverable=False)
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
