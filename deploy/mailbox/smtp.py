"""Takes mail over SMTP and keeps it before it says so."""

from __future__ import annotations

import asyncio
from typing import Final

import structlog
from aiosmtpd.smtp import SMTP, Envelope, Session

from deploy.mailbox.store import Store

log = structlog.get_logger()

LARGEST_MAIL_BYTES: Final = 32 * 1024 * 1024


class MailTaker:
    """An SMTP server (RFC 5321) on this machine."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._server: asyncio.Server | None = None

    async def start(self, host: str, port: int) -> int:
        loop = asyncio.get_running_loop()
        self._server = await loop.create_server(self._dialogue, host, port)
        listening: int = self._server.sockets[0].getsockname()[1]
        return listening

    async def stop(self) -> None:
        if self._server is not None:
            self._server.close()
            await self._server.wait_closed()

    async def handle_DATA(self, _server: SMTP, _session: Session, envelope: Envelope) -> str:  # noqa: N802 - aiosmtpd's name
        assert isinstance(envelope.content, bytes)
        try:
            await asyncio.to_thread(self._store.keep, envelope.content)
        except OSError as error:
            # The sender keeps the mail and comes again.
            log.error("mailbox.cannot_keep", error=error.strerror)
            return "452 4.3.1 Insufficient system storage"
        return "250 2.0.0 Kept"

    def _dialogue(self) -> SMTP:
        return SMTP(
            self,
            hostname="mailbox.invalid",
            data_size_limit=LARGEST_MAIL_BYTES,
            enable_SMTPUTF8=True,
            loop=asyncio.get_running_loop(),
        )
