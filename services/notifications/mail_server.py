"""The mail server that takes our mails: connections kept while there is work, what answers mean."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Sequence
from contextlib import suppress
from typing import Final
from urllib.parse import unquote, urlsplit

from aiosmtplib import (
    SMTP,
    SMTPDataError,
    SMTPException,
    SMTPNotSupported,
    SMTPRecipientsRefused,
    SMTPResponseException,
)

from services.notifications.mails import Mail
from services.notifications.texts import one_line

COMMAND_SECONDS: Final = 30.0
IDLE_SECONDS: Final = 10.0
"""A connection is kept so long without work; servers close theirs after minutes."""
QUIT_SECONDS: Final = 1.0
"""How long we wait for the answer to our goodbye."""
SMTP_PORT: Final = 25
SMTPS_PORT: Final = 465
NO_SUCH_MAILBOX_NAME: Final = 553
"""RFC 6531, 3.5: the reply for an address that isn't ASCII where SMTPUTF8 isn't supported."""
AUTHENTICATION_REQUIRED: Final = 530
"""RFC 4954, 6: whatever it answers to, it is about us."""


class NotTaken(Exception):
    """The mail server did not take the mail now; later it may."""


class Refused(Exception):
    """The mail server refused the mail for good (RFC 5321: 5yz)."""

    def __init__(self, code: int, answer: str) -> None:
        super().__init__(f"{code} {answer}")
        self.code = code


class MailServer:
    """One mail server.

    Args:
        url: smtp://user:password@host:port (STARTTLS where it is offered) or smtps://.
    """

    def __init__(self, url: str) -> None:
        parts = urlsplit(url)
        self._tls = parts.scheme == "smtps"
        self._host = parts.hostname or "localhost"
        self._port = parts.port or (SMTPS_PORT if self._tls else SMTP_PORT)
        self._username = unquote(parts.username) if parts.username else None
        self._password = unquote(parts.password) if parts.password else None
        self._idle: list[tuple[SMTP, float]] = []

    async def send(self, mail: Mail) -> None:
        """Hand a mail over; on return the server answers for it.

        Raises:
            NotTaken: not now.
            Refused: not ever.
        """
        connection = await self._connection()
        try:
            await _hand_over(connection, mail)
        except SMTPNotSupported as error:
            self._keep(connection)
            raise Refused(NO_SUCH_MAILBOX_NAME, error.message) from None
        except (SMTPRecipientsRefused, SMTPResponseException) as error:
            # The library has reset the dialogue: the connection is good for the next mail.
            self._keep(connection)
            raise _meaning(error) from None
        except (SMTPException, OSError) as error:
            connection.close()
            raise NotTaken(f"the mail server went away ({type(error).__name__})") from None
        except BaseException:
            connection.close()
            raise
        self._keep(connection)

    async def close_idle(self, longer_than: float = IDLE_SECONDS) -> None:
        """Close the connections that nobody has used for so many seconds."""
        latest = time.monotonic() - longer_than
        unused = [connection for connection, since in self._idle if since <= latest]
        self._idle = [(c, since) for c, since in self._idle if since > latest]
        await asyncio.gather(*(_say_goodbye(connection) for connection in unused))

    async def _connection(self) -> SMTP:
        await self.close_idle()
        while self._idle:
            connection, _ = self._idle.pop()
            if connection.is_connected:
                return connection
        connection = SMTP(
            hostname=self._host,
            port=self._port,
            username=self._username,
            password=self._password,
            use_tls=self._tls,
            timeout=COMMAND_SECONDS,
            # The name of this machine is nobody's business, and asking DNS for it may block.
            local_hostname="forumpass.invalid",
        )
        try:
            await connection.connect()
        except (SMTPException, OSError) as error:
            # Even a 5yz here (a wrong password, a server that takes no mail) says nothing about
            # this mail: it waits until an operator has mended it.
            connection.close()
            raise NotTaken(f"cannot connect to the mail server ({_short(error)})") from None
        except BaseException:
            connection.close()
            raise
        return connection

    def _keep(self, connection: SMTP) -> None:
        if connection.is_connected:
            self._idle.append((connection, time.monotonic()))


async def _say_goodbye(connection: SMTP) -> None:
    """Close a connection as RFC 5321, 4.1.1.10 wants it."""
    with suppress(SMTPException, OSError):
        await connection.quit(timeout=QUIT_SECONDS)
    connection.close()


async def _hand_over(connection: SMTP, mail: Mail) -> None:
    options: Sequence[str] = () if mail.recipient.isascii() else ("SMTPUTF8",)
    await connection.sendmail(mail.sender, mail.recipient, mail.content, mail_options=options)


def _meaning(error: SMTPRecipientsRefused | SMTPResponseException) -> NotTaken | Refused:
    """A 5yz counts for the mail only where it answers to the recipient or to the content.

    Elsewhere (MAIL FROM) it is about us: the sender's address is wrong for every mail.
    """
    answer: SMTPResponseException
    if isinstance(error, SMTPRecipientsRefused):
        answer, about_this_mail = error.recipients[0], True
    else:
        answer, about_this_mail = error, isinstance(error, SMTPDataError)
    words = one_line(answer.message)
    if about_this_mail and answer.code >= 500 and answer.code != AUTHENTICATION_REQUIRED:
        return Refused(answer.code, words)
    return NotTaken(f"{answer.code} {words}")


def _short(error: Exception) -> str:
    code = f" {error.code}" if isinstance(error, SMTPResponseException) else ""
    return f"{type(error).__name__}{code}"
