"""Who has lost the own link asks for it by the address, on a page that tells nobody who is here.

The caller's request only writes the address down, whosever it is; a job of ours looks later whether
anybody is registered with it. So answer, time and size are the same for all.
"""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Final

from sqlalchemy import delete, func, select, update
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncConnection

from services.registration import own_links, places
from services.registration.lifecycle import Status
from services.registration.registrations import Registrations
from services.registration.tables import link_requests, registrations

REST: Final = timedelta(minutes=5)
"""An address that was asked for is not asked for again so soon: nobody's mailbox is filled."""
MOST_LINKS: Final = 20
"""Mails to one address at a time: an assistant may have registered a delegation with it."""
AT_ONCE: Final = 10
"""Requests that one network address may make at once."""
PER_SECOND: Final = 0.1
_LOOK_SECONDS: Final = 5.0
"""Another process's request is found by looking; our own wakes us."""


@dataclass(frozen=True)
class LinkRequests:
    """Takes requests, and answers them by mail."""

    registrations: Registrations
    _asked: asyncio.Event = field(default_factory=asyncio.Event)

    async def ask(self, address: str) -> None:
        """Note that somebody wants the links of this address."""
        statement = insert(link_requests).values(address=address.lower()).on_conflict_do_nothing()
        async with self.registrations.database.begin() as tx:
            await tx.execute(statement)
        self._asked.set()

    async def run(self) -> None:
        """Answer for ever; ends by cancellation."""
        while True:
            self._asked.clear()
            while await self.answer_one():
                pass
            await self._wait()

    async def answer_one(self) -> bool:
        """Have the mails sent for one address; False if nobody waits."""
        waits = link_requests.c.answered_at.is_(None)
        first = select(link_requests.c.address).where(waits).order_by(link_requests.c.asked_at)
        first = first.limit(1)
        async with self.registrations.database.begin() as tx:
            await tx.execute(
                delete(link_requests).where(link_requests.c.answered_at < func.now() - REST)
            )
            if (await tx.execute(first)).first() is None:
                return False
        async with self.registrations.database.begin() as tx:
            # Before the address too: whoever erases has the registration, and then removes that.
            await places.lock(tx)
            query = first.with_for_update(skip_locked=True)
            address: str | None = (await tx.execute(query)).scalar_one_or_none()
            if address is None:
                return False
            await self._send(tx, address)
            await tx.execute(
                update(link_requests)
                .where(link_requests.c.address == address)
                .values(answered_at=func.now())
            )
        return True

    async def _send(self, tx: AsyncConnection, address: str) -> None:
        query = (
            select(registrations)
            .where(
                func.lower(registrations.c.email) == address,
                registrations.c.status != Status.erased,
            )
            .order_by(registrations.c.id.desc())
            .limit(MOST_LINKS)
            .with_for_update()
        )
        for row in list(await tx.execute(query)):
            await own_links.send(self.registrations, tx, row)

    async def _wait(self) -> None:
        try:
            async with asyncio.timeout(_LOOK_SECONDS):
                await self._asked.wait()
        except TimeoutError:
            pass
