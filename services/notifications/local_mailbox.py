"""A local mailbox (FORUMPASS_MAILBOX_URL) keeps what we send; of who is erased it must not.

A real mail server hands mails over and keeps none: then there is nothing to do here."""

from __future__ import annotations

import asyncio
from typing import Final
from uuid import UUID

import httpx2
import structlog
from sqlalchemy import bindparam, func, select, text, update
from sqlalchemy.exc import SQLAlchemyError

from services.notifications.tables import recipients
from shared.database import Database
from shared.waiting import happens_within

log = structlog.get_logger()

LOOK_SECONDS: Final = 5.0
"""How soon a mail is found that was on its way when its reader was erased."""
ANSWER_SECONDS: Final = 10.0
AT_ONCE: Final = 20
"""People a request: their messages' ids must fit into an address."""


class LocalMailbox:
    """Has the mails of erased people removed; what could not be done is tried again."""

    def __init__(self, database: Database, url: str | None) -> None:
        self._database = database
        self._url = url
        self._woken = asyncio.Event()

    def wake(self) -> None:
        """Somebody was erased."""
        self._woken.set()

    async def run(self) -> None:
        """Look for ever; ends at once where there is no such mailbox."""
        if self._url is None:
            return
        async with httpx2.AsyncClient(
            base_url=self._url, timeout=ANSWER_SECONDS, trust_env=False
        ) as http:
            while True:
                self._woken.clear()
                try:
                    while await self._forget_some(http):
                        pass
                except (SQLAlchemyError, OSError, httpx2.HTTPError) as error:
                    log.warning("mailbox.not_reached", error=type(error).__name__)
                await happens_within(self._woken, LOOK_SECONDS)

    async def _forget_some(self, http: httpx2.AsyncClient) -> bool:
        """Answers whether there may be more."""
        async with self._database.begin() as tx:
            began = (await tx.execute(select(func.now()))).scalar_one()
            rows = (await tx.execute(_UNFORGOTTEN, {"most": AT_ONCE})).all()
        if not rows:
            return False
        messages: list[UUID] = [message for row in rows for message in row.messages]
        if messages:
            asked = {"message_id": [str(message) for message in messages]}
            (await http.delete("api/messages", params=asked)).raise_for_status()
        async with self._database.begin() as tx:
            done = [row.registration_id for row in rows]
            # What was handed over since is looked for again.
            await tx.execute(_NOTE, {"done": done, "began": began})
        return len(rows) == AT_ONCE


_UNFORGOTTEN: Final = text("""
    SELECT r.registration_id,
           coalesce(array_agg(m.id) FILTER (WHERE m.id IS NOT NULL), '{}') AS messages
    FROM recipients AS r LEFT JOIN messages AS m USING (registration_id)
    WHERE r.erased_at IS NOT NULL
    GROUP BY r.registration_id
    HAVING r.mail_forgotten_at IS NULL OR max(m.sent_at) >= r.mail_forgotten_at
    LIMIT :most
""")
_NOTE: Final = (
    update(recipients)
    .where(recipients.c.registration_id.in_(bindparam("done", expanding=True)))
    .values(mail_forgotten_at=bindparam("began"))
)
