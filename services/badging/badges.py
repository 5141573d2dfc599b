"""What happens to badges: each use case is one transaction with the events that it makes true."""

from __future__ import annotations

import secrets
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Final, Literal
from uuid import UUID

import structlog
from sqlalchemy import Row, bindparam, select, update
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncConnection

from services.badging import holders, lifecycle
from services.badging.holders import Holder
from services.badging.keys import Keys
from services.badging.lifecycle import Status, Step
from services.badging.tables import badges
from shared import audit, badge_number, credential, outbox
from shared.access import LINK_LIFETIME, Keyring, Purpose
from shared.clock import Clock
from shared.credential import Credential
from shared.database import Database
from shared.events import BadgeFact, BadgeIssued, BadgeRevoked, Event
from shared.forum import Forum
from shared.problems import conflict, not_found

log = structlog.get_logger()

Badge = Row[Any]
"""A row of `badges`, with `replaced_by`: the id of the badge that took its place, if any."""

Ended = Literal["revoked", "superseded", "cancelled"]
"""How a badge can end: what `lifecycle.Status` has besides `valid`."""

REGISTRATION: Final = "registration"
"""Who ended a badge, when news about the registration did."""
_ID_BITS: Final = 8 * credential.BADGE_ID_BYTES

_newer = badges.alias("newer")
SELECT: Final = select(badges, _newer.c.id.label("replaced_by")).outerjoin(
    _newer, _newer.c.replaces == badges.c.id
)
_GET: Final = SELECT.where(badges.c.id == bindparam("of"))
_NEWEST: Final = (
    SELECT.where(badges.c.registration_id == bindparam("of"))
    .order_by(badges.c.version.desc())
    .limit(1)
)
_INSERT: Final = insert(badges).on_conflict_do_nothing(index_elements=["number"])


@dataclass(frozen=True)
class Badges:
    """The use cases, and what they need."""

    database: Database
    forum: Forum
    clock: Clock
    keyring: Keyring
    keys: Keys
    draw: Callable[[int], int] = secrets.randbelow
    """A random number below the one given, for ids and badge numbers."""

    async def follow(
        self, tx: AsyncConnection, registration_id: UUID, version: int, holder: Holder | None
    ) -> None:
        """Bring a registration's badge in line with what was heard; without effect if that is old.

        `holder` is None when the person does not come, or no longer.
        """
        known = await holders.lock(tx, registration_id)
        if version <= known.version:
            log.info("registration.old_news", registration_id=str(registration_id), version=version)
            return
        await holders.write(tx, registration_id, version, holder)
        newest = await _newest(tx, registration_id)
        step = lifecycle.next_step(
            None if newest is None else Status(newest.status), known.holder, holder
        )
        if newest is not None and step == Step.cancel:
            await self._end(tx, newest, "cancelled", REGISTRATION, None)
        elif newest is not None and holder is not None and step == Step.reissue:
            await self._replace(tx, newest, holder, REGISTRATION, None)
        elif holder is not None and step == Step.issue:
            version = 1 if newest is None else newest.version + 1
            await self._issue(tx, registration_id, version, holder, replaces=None)

    async def forget_reasons(self, tx: AsyncConnection, registration_id: UUID) -> None:
        """Remove what staff wrote about a person: it may be personal."""
        await tx.execute(
            update(badges).where(badges.c.registration_id == registration_id).values(reason=None)
        )

    async def revoke(self, badge_id: str, reason: str, actor: str) -> Badge:
        """Take a badge away: no gate opens for it any more.

        Raises:
            Problem: 404 for an unknown badge, 409 for one that is not valid.
        """
        async with self.database.begin() as tx:
            badge = await _lock(tx, badge_id)
            if badge.status != Status.valid:
                raise conflict(f"This badge is {badge.status}; only a valid one can be revoked.")
            await self._end(tx, badge, "revoked", actor, reason)
            await self._note(tx, "badge.revoke", badge, reason)
            return await _get(tx, badge_id)

    async def reissue(self, badge_id: str, reason: str | None, actor: str) -> Badge:
        """Give the holder a new badge in place of this one, be it valid or revoked; answers the
        new one.

        Raises:
            Problem: 404 for an unknown badge, 409 for one that was replaced, or whose holder does
                not come.
        """
        async with self.database.begin() as tx:
            badge = await _lock(tx, badge_id)
            holder = await holders.find(tx, badge.registration_id)
            if badge.replaced_by is not None:
                raise conflict("Another badge has taken the place of this one.")
            if badge.status == Status.cancelled or holder is None:
                raise conflict("The registration has ended: the person gets no badge.")
            await self._note(tx, "badge.reissue", badge, reason)
            return await _get(tx, await self._replace(tx, badge, holder, actor, reason))

    async def get(self, badge_id: str) -> Badge:
        """One badge.

        Raises:
            Problem: 404, there is none with this id.
        """
        async with self.database.read() as connection:
            return await _get(connection, badge_id)

    async def newest(self, registration_id: UUID) -> Badge | None:
        """The last badge made for a registration, whatever its status."""
        async with self.database.read() as connection:
            return await _newest(connection, registration_id)

    async def holder(self, registration_id: UUID) -> Holder | None:
        """Whom a registration's badge is for; None when the person does not come, or no longer."""
        async with self.database.read() as connection:
            return await holders.find(connection, registration_id)

    async def _replace(
        self, tx: AsyncConnection, badge: Badge, holder: Holder, actor: str, reason: str | None
    ) -> str:
        version = int(badge.version)
        if badge.status == Status.valid:
            version = await self._end(tx, badge, "superseded", actor, reason)
        return await self._issue(tx, badge.registration_id, version + 1, holder, replaces=badge.id)

    async def _issue(
        self,
        tx: AsyncConnection,
        registration_id: UUID,
        version: int,
        holder: Holder,
        replaces: str | None,
    ) -> str:
        """Make and sign a badge for a locked registration that has no valid one; answers its id."""
        category = self.forum.category(holder.category)
        key = await self.keys.signing(tx)
        claims = Credential(
            key_id=key.id,
            badge_id=self.draw(1 << _ID_BITS).to_bytes(credential.BADGE_ID_BYTES),
            category=category.code,
            days=self.forum.days_bitmap(holder.days),
            zones=self.forum.zones_bitmap(category.zones),
        )
        badge_id = claims.badge_id.hex()
        number = await self._insert(
            tx,
            id=badge_id,
            registration_id=registration_id,
            version=version,
            status=Status.valid,
            category=category.id,
            days=claims.days,
            zones=claims.zones,
            key_id=key.id,
            credential=credential.sign(claims, key.private),
            issued_at=self.clock.now(),
            replaces=replaces,
        )
        await self._say(
            tx,
            BadgeIssued(
                badge_id=badge_id,
                registration_id=registration_id,
                version=version,
                number=number,
                category=category.id,
                days=claims.days,
                zones=claims.zones,
                replaces=replaces,
                files_link=self._files_link(badge_id),
            ),
        )
        log.info("badge.issued", badge_id=badge_id, registration_id=str(registration_id))
        return badge_id

    async def _insert(self, tx: AsyncConnection, **badge: Any) -> str:
        """Store a badge under a number that no other has; answers the number."""
        while True:
            number = badge_number.make(self.draw(badge_number.CAPACITY))
            if (await tx.execute(_INSERT, badge | {"number": number})).rowcount == 1:
                return number

    async def _end(
        self, tx: AsyncConnection, badge: Badge, status: Ended, actor: str, reason: str | None
    ) -> int:
        """End a valid badge of a locked registration; answers the version of what was said."""
        version = int(badge.version) + 1
        await tx.execute(
            update(badges)
            .where(badges.c.id == badge.id)
            .values(
                status=status,
                version=version,
                ended_at=self.clock.now(),
                ended_by=actor,
                reason=reason,
            )
        )
        await self._say(
            tx,
            BadgeRevoked(
                badge_id=badge.id,
                registration_id=badge.registration_id,
                version=version,
                status=status,
            ),
        )
        log.info("badge.ended", badge_id=badge.id, status=status, actor=actor)
        return version

    async def _note(self, tx: AsyncConnection, act: str, badge: Badge, reason: str | None) -> None:
        await audit.note(
            tx,
            self.clock.now(),
            act,
            which=badge.id,
            about=[badge.registration_id],
            reason=reason,
        )

    async def _say(self, tx: AsyncConnection, fact: BadgeFact) -> None:
        await outbox.say(tx, Event("/badging", self.clock.now(), fact))

    def _files_link(self, badge_id: str) -> str:
        token = self.keyring.sign(Purpose.badge_file, badge_id, LINK_LIFETIME)
        return f"/badging/api/badges/{badge_id}{{suffix}}?link={token}"


async def _lock(tx: AsyncConnection, badge_id: str) -> Badge:
    """A badge, with its registration held so that concurrent acts have one winner.

    Raises:
        Problem: 404 for an unknown badge.
    """
    badge = await _get(tx, badge_id)
    await holders.lock(tx, badge.registration_id)
    # Read again: it may have changed while we waited.
    return await _get(tx, badge_id)


async def _get(connection: AsyncConnection, badge_id: str) -> Badge:
    badge = (await connection.execute(_GET, {"of": badge_id})).one_or_none()
    if badge is None:
        raise not_found("badge")
    return badge


async def _newest(connection: AsyncConnection, registration_id: UUID) -> Badge | None:
    return (await connection.execute(_NEWEST, {"of": registration_id})).one_or_none()
