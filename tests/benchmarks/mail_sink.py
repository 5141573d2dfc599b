"""A mail server that takes what comes and does no more: as fast as mails can come to any."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Final

END_OF_LINE: Final = b"\r\n"
END_OF_MAIL: Final = b"\r\n.\r\n"
REPLIES: Final = {b"DATA": b"354 Go on", b"QUIT": b"221 Goodbye"}
"""To whatever else is said: 250."""

Taken = Callable[[bytes], None]


@asynccontextmanager
async def mail_sink(taken: Taken) -> AsyncIterator[int]:
    """An SMTP server (RFC 5321) that tells of each mail, as it came; answers its port."""
    loop = asyncio.get_running_loop()
    server = await loop.create_server(lambda: _Dialogue(taken), "127.0.0.1", 0)
    async with server:
        yield server.sockets[0].getsockname()[1]


class _Dialogue(asyncio.Protocol):
    """One connection: a line is a command, unless a mail is under way."""

    def __init__(self, taken: Taken) -> None:
        self._taken = taken
        self._unread = b""
        self._is_mail = False

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport
        self._say(b"220 sink")

    def data_received(self, data: bytes) -> None:
        self._unread += data
        while (end := END_OF_MAIL if self._is_mail else END_OF_LINE) in self._unread:
            complete, self._unread = self._unread.split(end, 1)
            if self._is_mail:
                # RFC 5321, 4.5.2: a line that begins with a dot has got another.
                self._taken(complete.replace(b"\r\n..", b"\r\n."))
                self._is_mail = False
                self._say(b"250 taken")
            else:
                command = complete[:4].upper()
                self._is_mail = command == b"DATA"
                self._say(REPLIES.get(command, b"250 well"))

    def _say(self, reply: bytes) -> None:
        self._transport.write(reply + END_OF_LINE)
