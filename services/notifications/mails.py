"""A mail as it goes over the wire: pure, from data to a MIME message."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from email.errors import HeaderParseError
from email.headerregistry import Address
from email.message import EmailMessage, MIMEPart
from email.policy import SMTP, SMTPUTF8, EmailPolicy
from email.utils import format_datetime
from typing import Final
from uuid import UUID

from services.notifications.calendar import calendar
from services.notifications.matters import Badge, Matter
from services.notifications.texts import Person, Texts, Writer, one_line
from shared.forum import Forum, Language

LONGEST_DISPLAY_NAME: Final = 80


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

    @property
    def name(self) -> str:
        return one_line(f"{self.title} {self.given_name} {self.family_name}")


@dataclass(frozen=True)
class BadgeFiles:
    png: bytes
    pdf: bytes


@dataclass(frozen=True)
class Draft:
    """All that a mail is made of."""

    message_id: UUID
    to: Addressee
    matter: Matter
    trace_id: str
    written_at: datetime
    files: BadgeFiles | None = None
    """Of a badge mail."""


class Composer:
    """Makes one forum's mails.

    Args:
        sender: the address that they come from.
        rehearsal: whether they say that nothing of it is real.
    """

    def __init__(self, forum: Forum, sender: str, *, rehearsal: bool) -> None:
        self._forum = forum
        self._sender = _address("", sender)
        self._writer = Writer(forum, rehearsal=rehearsal)

    def compose(self, draft: Draft) -> EmailMessage:
        """The whole mail.

        Raises:
            UnusableAddress: no mail can go to the addressee.
        """
        to = _address(draft.to.name, draft.to.email)
        # Only an address that is not ASCII asks the mail server for SMTPUTF8, which few have.
        policy = SMTP if to.addr_spec.isascii() else SMTPUTF8
        picture = f"badge.{draft.message_id}@{self._sender.domain}"
        person = Person(draft.to.name, draft.to.language, draft.to.reference, draft.to.me_link)
        texts = self._writer.write(person, draft.matter, f"cid:{picture}")
        mail = EmailMessage(policy)
        if isinstance(draft.matter, Badge) and draft.files is not None:
            self._put_badge(mail, draft, draft.matter, draft.files, texts, picture)
        else:
            _put_texts(mail, texts)
        # Last: the email package moves Content-… headers that are there before into the first part.
        self._put_headers(mail, draft, texts, to)
        return mail

    def _put_headers(self, mail: EmailMessage, draft: Draft, texts: Texts, to: Address) -> None:
        forum = self._forum.short_name.in_language(texts.language)
        mail["From"] = Address(one_line(forum), addr_spec=self._sender.addr_spec)
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

    def _put_badge(
        self,
        mail: EmailMessage,
        draft: Draft,
        badge: Badge,
        files: BadgeFiles,
        texts: Texts,
        picture: str,
    ) -> None:
        policy = mail.policy
        assert isinstance(policy, EmailPolicy)
        spoken = EmailMessage(policy)
        _put_texts(spoken, texts)
        shown = EmailMessage(policy)
        shown.make_related()
        shown.set_param("type", "multipart/alternative")
        shown.attach(spoken)
        name = f"badge-{badge.number}"
        shown.add_related(
            files.png,
            maintype="image",
            subtype="png",
            cid=f"<{picture}>",
            disposition="inline",
            filename=f"{name}.png",
        )
        mail.make_mixed()
        mail.attach(shown)
        mail.add_attachment(
            files.pdf, maintype="application", subtype="pdf", filename=f"{name}.pdf"
        )
        mail.add_attachment(
            self._calendar(draft, badge, texts.language),
            subtype="calendar",
            params={"method": "PUBLISH"},
            filename=f"{self._forum.id}.ics",
        )

    def _calendar(self, draft: Draft, badge: Badge, language: Language) -> str:
        return calendar(
            self._forum,
            registration_id=draft.to.registration_id,
            host=self._sender.domain,
            language=language,
            days=badge.days,
            version=badge.version,
            written_at=draft.written_at,
        )


def _put_texts(part: MIMEPart, texts: Texts) -> None:
    part.set_content(texts.plain)
    part.add_alternative(texts.html, subtype="html")


def _address(name: str, email: str) -> Address:
    """An address whose domain every mail server understands.

    Raises:
        UnusableAddress: it has no two sides, or one that no mail server could take.
    """
    local, at, domain = email.strip().rpartition("@")
    try:
        if not (local and at):
            raise UnusableAddress("an address has a name and a domain")
        domain_in_ascii = domain if domain.isascii() else domain.encode("idna").decode("ascii")
        short_name = name[:LONGEST_DISPLAY_NAME].rstrip()
        return Address(short_name, addr_spec=f"{local}@{domain_in_ascii}")
    except (HeaderParseError, ValueError, IndexError) as error:
        raise UnusableAddress(str(error)) from None
