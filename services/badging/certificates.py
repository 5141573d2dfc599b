"""Certificates of participation: after the forum, one for everybody who came, be it for a day."""

from __future__ import annotations

import asyncio
import secrets
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Final
from uuid import UUID

import structlog
from sqlalchemy import Integer, Row, cast, func, select
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.ext.asyncio import AsyncConnection

from services.badging.tables import attendances, certificates, holders
from shared import badge_number, outbox, trace
from shared.access import LINK_LIFETIME, Keyring, Purpose
from shared.clock import Clock
from shared.database import Database
from shared.events import CertificateIssued, Event
from shared.forum import Forum
from shared.problems import not_found

log = structlog.get_logger()

Certificate = Row[Any]
"""A row of `certificates`."""

LOOK_SECONDS: Final = 60.0
"""A gate that was offline longer may still tell of somebody."""
AT_A_TIME: Final = 100


@dataclass(frozen=True)
class Certificates:
    """The use cases, and what they need."""

    database: Database
    forum: Forum
    clock: Clock
    keyring: Keyring
    draw: Callable[[int], int] = secrets.randbelow
    """A random number below the one given."""

    async def run(self) -> None:
        """Issue them when their time has come, for ever."""
        while True:
            if self.clock.now() >= self.forum.certificates_begin:
                try:
                    await self._issue_all()
                except (SQLAlchemyError, OSError) as error:
                    log.warning("certificates.database_unavailable", error=type(error).__name__)
            await asyncio.sleep(LOOK_SECONDS)

    async def get(self, number: str) -> Certificate:
        """One certificate.

        Raises:
            Problem: 404, there is none of this number.
        """
        query = select(certificates).where(certificates.c.number == number)
        async with self.database.read() as connection:
            found = (await connection.execute(query)).one_or_none()
        if found is None:
            raise not_found("certificate")
        return found

    async def of(self, registration_id: UUID) -> Certificate:
        """The certificate of a registration.

        Raises:
            Problem: 404, there is none, or not yet.
        """
        query = select(certificates).where(certificates.c.registration_id == registration_id)
        async with self.database.read() as connection:
            found = (await connection.execute(query)).one_or_none()
        if found is None:
            raise not_found("certificate")
        return found

    async def _issue_all(self) -> None:
        issued = AT_A_TIME
        while issued == AT_A_TIME:
            async with self.database.begin() as tx:
                issued = await self.issue(tx)
            if issued:
                log.info("certificates.issued", people=issued)

    async def issue(self, tx: AsyncConnection) -> int:
        """Issue some that are still missing; answers how many people were found."""
        missing = (await tx.execute(_MISSING)).all()
        for registration_id, days in missing:
            trace.follow(None)
            number = await self._insert(tx, registration_id, days)
            if number is not None:
                await self._say(tx, registration_id, number, days)
        return len(missing)

    async def _insert(self, tx: AsyncConnection, registration_id: UUID, days: int) -> str | None:
        """Store a certificate under a number that no other has; None: there is one already."""
        while True:
            number = badge_number.make(self.draw(badge_number.CAPACITY))
            statement = insert(certificates).values(
                number=number,
                registration_id=registration_id,
                days=days,
                issued_at=self.clock.now(),
            )
            done = await tx.execute(
                statement.on_conflict_do_nothing().returning(certificates.c.number)
            )
            if done.first() is not None:
                return number
            theirs = certificates.c.registration_id == registration_id
            if (await tx.execute(select(certificates.c.number).where(theirs))).first() is not None:
                return None

    async def _say(
        self, tx: AsyncConnection, registration_id: UUID, number: str, days: int
    ) -> None:
        token = self.keyring.sign(Purpose.certificate, number, LINK_LIFETIME)
        fact = CertificateIssued(
            registration_id=registration_id,
            number=number,
            days=days,
            file_link=f"/badging/api/certificates/{number}.pdf?link={token}",
            page=page(number),
        )
        await outbox.say(tx, Event("/badging", self.clock.now(), fact))


def page(number: str) -> str:
    """The path of the page where anybody can check a certificate."""
    return f"/badging/certificates/{number}"


_MISSING: Final = (
    select(
        attendances.c.registration_id,
        func.bit_or(cast(1, Integer).op("<<")(attendances.c.day)).label("days"),
    )
    .join(holders, holders.c.registration_id == attendances.c.registration_id)
    .outerjoin(certificates, certificates.c.registration_id == attendances.c.registration_id)
    .where(
        attendances.c.day.is_not(None),
        ~attendances.c.undone,
        holders.c.family_name.is_not(None),
        certificates.c.number.is_(None),
    )
    .group_by(attendances.c.registration_id)
    .limit(AT_A_TIME)
)
