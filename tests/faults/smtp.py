"""A mail server with moods: it takes mail, postpones it, refuses it, hangs, or hangs up."""

from __future__ import annotations

import asyncio
import re
from collections import defaultdict
from dataclasses import dataclass
from email import policy
from email.parser import BytesParser
from enum import Enum
from typing import Final

from aiosmtpd.smtp import SMTP, Envelope, Session

from deploy.private_servers import free_port

NO_SUCH_MAILBOX: Final = "gone."
"""How addresses begin that nobody has: their mail is refused for good."""
BADGE_FILE: Final = re.compile(r'filename="badge-([0-9A-Z-]+)\.pdf"')
CONFIRM_TOKEN: Final = re.compile(r"/registration/confirm\?id=\S+&token=(\S+)")


class Mood(Enum):
    """What the server does to whoever comes."""

    friendly = "takes mail"
    greylisting = "451 at first"
    busy = "451"
    leaving = "421 and goodbye"
    hanging = "hangs"
    cutting_data = "hangs up in DATA"
    forgetful = "hangs up after it has taken the mail"
    away = "is not there"


@dataclass(frozen=True)
class Mail:
    """What counts of a mail: which message it is, for whom, and what it brings."""

    message_id: str
    recipient: str
    badge_number: str | None
    confirm_token: str | None


class MoodyMailServer:
    """An SMTP server that keeps what it has answered for, and some that it has not."""

    def __init__(self) -> None:
        self.port: Final = free_port()
        self.mails: list[Mail] = []
        self.confirm_tokens: dict[str, str] = {}
        """By recipient."""
        self._mood = Mood.friendly
        self._changed = asyncio.Event()
        self._greylist: set[str] = set()
        self._server: asyncio.Server | None = None

    @property
    def url(self) -> str:
        return f"smtp://127.0.0.1:{self.port}"

    @property
    def mood(self) -> Mood:
        return self._mood

    async def start(self) -> None:
        loop = asyncio.get_running_loop()
        self._server = await loop.create_server(
            lambda: _Dialogue(self, hostname="moody.invalid", loop=loop), "127.0.0.1", self.port
        )

    async def stop(self) -> None:
        await self.become(Mood.friendly)
        if self._server is not None:
            self._server.close()
            self._server = None

    async def become(self, mood: Mood) -> None:
        """Change its mood; whoever hung goes on."""
        if self._server is None and mood is not Mood.away:
            self._mood = mood
            await self.start()
        elif self._server is not None and mood is Mood.away:
            self._server.close()
            self._server = None
        self._mood = mood
        self._greylist.clear()
        self._changed.set()
        self._changed = asyncio.Event()

    def by_message_id(self) -> dict[str, list[Mail]]:
        found = defaultdict(list)
        for mail in self.mails:
            found[mail.message_id].append(mail)
        return found

    # --- for the dialogues ---

    async def wait_if_hanging(self) -> None:
        if self._mood is Mood.hanging:
            await self._changed.wait()

    def answer_to(self, recipient: str) -> str | None:
        """Why not; None: go on."""
        match self._mood:
            case Mood.leaving:
                return "421 4.3.2 Service is going away"
            case Mood.busy:
                return "451 4.3.0 Not now"
            case Mood.greylisting if recipient not in self._greylist:
                self._greylist.add(recipient)
                return "451 4.7.1 Greylisted, please come again"
        if recipient.startswith(NO_SUCH_MAILBOX):
            return "550 5.1.1 No such mailbox"
        return None

    def keep(self, envelope: Envelope) -> None:
        assert isinstance(envelope.content, bytes)
        head = BytesParser(policy=policy.default).parsebytes(envelope.content, headersonly=True)
        message = BytesParser(policy=policy.default).parsebytes(envelope.content)
        text = message.get_body(("plain",))
        link = CONFIRM_TOKEN.search(str(text.get_content())) if text is not None else None
        badge = BADGE_FILE.search(envelope.content.decode("latin-1"))
        mail = Mail(
            message_id=str(head["Message-ID"]).strip("<>").partition("@")[0],
            recipient=envelope.rcpt_tos[0],
            badge_number=badge.group(1) if badge else None,
            confirm_token=link.group(1) if link else None,
        )
        self.mails.append(mail)
        if mail.confirm_token is not None:
            self.confirm_tokens[mail.recipient] = mail.confirm_token

    async def handle_RCPT(  # noqa: N802 - aiosmtpd's name
        self, dialogue: SMTP, _session: Session, envelope: Envelope, address: str, _: list[str]
    ) -> str:
        await self.wait_if_hanging()
        refusal = self.answer_to(address)
        if refusal is None:
            envelope.rcpt_tos.append(address)
            return "250 2.1.5 Known"
        if refusal.startswith("421"):
            asyncio.get_running_loop().call_later(0.05, _hang_up, dialogue)
        return refusal

    async def handle_DATA(self, dialogue: SMTP, _session: Session, envelope: Envelope) -> str:  # noqa: N802 - aiosmtpd's name
        await self.wait_if_hanging()
        self.keep(envelope)
        if self._mood is Mood.forgetful:
            _hang_up(dialogue)
            raise asyncio.CancelledError  # as if the other side had gone
        return "250 2.0.0 Taken"


class _Dialogue(SMTP):
    """One connection."""

    async def smtp_DATA(self, arg: str) -> None:  # noqa: N802 - aiosmtpd's name
        server: MoodyMailServer = self.event_handler
        if server.mood is Mood.cutting_data:
            await self.push("354 Begin")
            await self._reader.readuntil(b"\r\n")
            _hang_up(self)
            raise asyncio.CancelledError  # as if the other side had gone
        await super().smtp_DATA(arg)


def _hang_up(dialogue: SMTP) -> None:
    if isinstance(dialogue.transport, asyncio.Transport):
        dialogue.transport.abort()
