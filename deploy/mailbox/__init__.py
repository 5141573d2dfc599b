"""The local mailbox: an SMTP server that keeps what it takes, and pages to read it.

It stands in for a mail server on one machine and in rehearsals: whoever sits at the machine reads
what registrants would get. `smtp.py` takes mail, `store.py` keeps it, `pages.py` shows it.
"""

from __future__ import annotations

from pathlib import Path

from starlette.types import ASGIApp

from deploy.mailbox import pages
from deploy.mailbox.smtp import MailTaker
from deploy.mailbox.store import Store


class Mailbox:
    """An SMTP server with its pages.

    Args:
        folder: where mail is kept, a file each; made if missing.
    """

    def __init__(self, folder: Path) -> None:
        store = Store(folder)
        self.app: ASGIApp = pages.create(store)
        self._taker = MailTaker(store)

    async def start(self, host: str, port: int) -> int:
        """Listen for mail; answers the port (0 asks for any that is free)."""
        return await self._taker.start(host, port)

    async def stop(self) -> None:
        await self._taker.stop()
