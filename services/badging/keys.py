"""Signing keys: the newest signs, all that are not retired verify.

Where the private halves live, and why: docs/decisions/0003-where-signing-keys-live.md
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import structlog
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    load_pem_private_key,
)
from sqlalchemy import Row, func, insert, select, text, update
from sqlalchemy.ext.asyncio import AsyncConnection

from services.badging.lifecycle import Status
from services.badging.tables import badges, keys
from shared import audit, credential, outbox
from shared.access import write_private
from shared.clock import Clock
from shared.database import Database
from shared.events import Event, KeyPublished
from shared.problems import conflict, not_found

log = structlog.get_logger()

HIGHEST_ID: Final = 255
"""A key id is one byte of the credential."""


class SigningKeyUnusable(Exception):
    """The private half of the key that signs is not where it should be, or is another's."""


@dataclass(frozen=True)
class SigningKey:
    id: int
    private: Ed25519PrivateKey


class Keys:
    """The deployment's signing keys: public halves in the database, private ones in a folder."""

    def __init__(self, database: Database, clock: Clock, folder: Path) -> None:
        self._database = database
        self._clock = clock
        self._folder = folder
        self._read: dict[int, Ed25519PrivateKey] = {}

    async def make_first(self) -> None:
        """Make a key if there is none yet; else see to it that this process can sign.

        Raises:
            SigningKeyUnusable: it could not; better not to start than to issue nothing, silently.
        """
        async with self._database.begin() as tx:
            await _lock(tx)
            newest = await _newest(tx)
            if newest is None:
                await self._add(tx)
            else:
                self._private_half(newest)

    async def rotate(self) -> int:
        """Make a new key, which signs from now on; answers its id."""
        async with self._database.begin() as tx:
            await _lock(tx)
            key_id = await self._add(tx)
            await audit.note(tx, self._clock.now(), "key.rotate", which=key_id)
            return key_id

    async def retire(self, key_id: int) -> None:
        """From now on no gate opens for a badge that this key signed: reissue those first.

        Raises:
            Problem: 404 for an unknown key, 409 for the one that signs.
        """
        async with self._database.begin() as tx:
            await _lock(tx)
            newest = await _newest(tx)
            if newest is not None and newest.id == key_id:
                raise conflict(f"Key {key_id} signs the badges: rotate before you retire it.")
            row = (await tx.execute(select(keys).where(keys.c.id == key_id))).one_or_none()
            if row is None:
                raise not_found("key")
            if row.retired_at is not None:
                return
            now = self._clock.now()
            await tx.execute(update(keys).where(keys.c.id == key_id).values(retired_at=now))
            await audit.note(tx, now, "key.retire", which=key_id)
            await self._say(tx, key_id, row.public_key, retired=True)

    async def published(self) -> Sequence[Row[Any]]:
        """The keys that badges are verified with: id and public_key."""
        async with self._database.read() as connection:
            query = select(keys).where(keys.c.retired_at.is_(None)).order_by(keys.c.id)
            return (await connection.execute(query)).all()

    async def history(self) -> Sequence[Row[Any]]:
        """All keys, oldest first: id, created_at, retired_at, whether it `signs`, and how many
        `valid_badges` it has signed."""
        signed = select(func.count()).where(
            badges.c.key_id == keys.c.id, badges.c.status == Status.valid
        )
        query = select(
            keys,
            (keys.c.id == select(func.max(keys.c.id)).correlate(None).scalar_subquery()).label(
                "signs"
            ),
            signed.scalar_subquery().label("valid_badges"),
        ).order_by(keys.c.id)
        async with self._database.read() as connection:
            return (await connection.execute(query)).all()

    async def signing(self, tx: AsyncConnection) -> SigningKey:
        """The key to sign with: another process may just have made a new one.

        Raises:
            SigningKeyUnusable: this process cannot read its private half.
        """
        newest = await _newest(tx)
        if newest is None:
            raise SigningKeyUnusable("there is no key")
        return SigningKey(newest.id, self._private_half(newest))

    async def _add(self, tx: AsyncConnection) -> int:
        newest = await _newest(tx)
        key_id = _next_id(0 if newest is None else int(newest.id))
        # The file comes first: a key that is in the database can sign. One that stayed behind when
        # a process was killed here is not in use anywhere, and is taken.
        public_key = self._make_file(key_id).public_key().public_bytes_raw()
        await tx.execute(
            insert(keys).values(id=key_id, public_key=public_key, created_at=self._clock.now())
        )
        await self._say(tx, key_id, public_key, retired=False)
        log.info("key.published", key_id=key_id)
        return key_id

    async def _say(
        self, tx: AsyncConnection, key_id: int, public_key: bytes, *, retired: bool
    ) -> None:
        fact = KeyPublished(key_id=key_id, public_key=public_key.hex(), retired=retired)
        await outbox.say(tx, Event("/badging", self._clock.now(), fact))

    def _make_file(self, key_id: int) -> Ed25519PrivateKey:
        self._folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        pem = Ed25519PrivateKey.generate().private_bytes(
            Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()
        )
        write_private(self._path(key_id), pem)
        return _read_file(self._path(key_id))

    def _private_half(self, row: Row[Any]) -> Ed25519PrivateKey:
        if row.id not in self._read:
            private = _read_file(self._path(row.id))
            if private.public_key().public_bytes_raw() != row.public_key:
                raise SigningKeyUnusable(f"{self._path(row.id)} belongs to another deployment")
            self._read[row.id] = private
        return self._read[row.id]

    def _path(self, key_id: int) -> Path:
        return self._folder / f"badge-{key_id}.pem"


def _read_file(path: Path) -> Ed25519PrivateKey:
    try:
        key = load_pem_private_key(path.read_bytes(), password=None)
    except (OSError, ValueError, TypeError, UnsupportedAlgorithm) as error:
        raise SigningKeyUnusable(f"{path}: {error}") from error
    if not isinstance(key, Ed25519PrivateKey):
        raise SigningKeyUnusable(f"{path}: not an Ed25519 key")
    return key


def _next_id(newest: int) -> int:
    for key_id in range(newest + 1, HIGHEST_ID + 1):
        if credential.can_sign(key_id):
            return key_id
    raise conflict(f"All key ids up to {HIGHEST_ID} have been used.")


async def _lock(tx: AsyncConnection) -> None:
    """One process at a time makes or retires keys; those that sign and verify need not wait."""
    await tx.execute(text("LOCK TABLE keys IN SHARE ROW EXCLUSIVE MODE"))


async def _newest(connection: AsyncConnection) -> Row[Any] | None:
    """The key that signs; it is never retired."""
    query = select(keys).order_by(keys.c.id.desc()).limit(1)
    return (await connection.execute(query)).one_or_none()
