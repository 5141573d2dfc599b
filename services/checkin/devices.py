"""Devices at the gates: paired by a code that works once; of their tokens a digest is kept."""

from __future__ import annotations

import hashlib
import secrets
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final
from uuid import UUID

from sqlalchemy import Row, bindparam, insert, select, update
from sqlalchemy.ext.asyncio import AsyncConnection
from uuid_utils.compat import uuid7

from services.checkin.gates import Gates
from services.checkin.tables import devices, enrolments
from shared import audit, outbox
from shared.access import Staff
from shared.badge_number import ALPHABET
from shared.database import after_commit
from shared.events import DeviceEnrolled, DeviceRevoked, Event
from shared.problems import Problem, conflict, not_found

CODE_SYMBOLS: Final = 8
"""Forty bits, good for minutes and once: with the limit on attempts, not to be guessed."""
WRONG_CODES_AT_ONCE: Final = 20
WRONG_CODES_PER_SECOND: Final = 0.2
"""Of 2^40 codes: a guesser on one address needs longer than the forum, by far."""

Device = Row[Any]
"""A row of `devices`."""


@dataclass(frozen=True)
class Enrolment:
    """A pairing code, to be typed or scanned on the device."""

    code: str
    url: str
    """Opens the gate app and pairs it."""
    expires_at: datetime
    """In forum time, as people read it."""


@dataclass(frozen=True)
class Pairing:
    device_id: UUID
    token: str
    gate: str


async def offer_enrolment(gates: Gates, gate: str, label: str, by: Staff) -> Enrolment:
    """Make a pairing code for a device that will stand at the gate."""
    code = "".join(secrets.choice(ALPHABET) for _ in range(CODE_SYMBOLS))
    async with gates.database.begin() as tx:
        await tx.execute(
            insert(enrolments).values(
                code_digest=_digest(code),
                gate=gate,
                label=label,
                created_by=by.id,
                # In wall time: a rehearsal that starts anew must not bring old codes back.
                expires_at=gates.clock.wall() + gates.enrolment_lifetime,
            )
        )
        await audit.note(tx, gates.clock.now(), "device.offer_pairing", gate=gate)
    spoken = f"{code[:4]}-{code[4:]}"
    return Enrolment(
        spoken,
        f"{gates.origin}/checkin/gate/#code={spoken}",
        expires_at=gates.clock.now() + gates.enrolment_lifetime,
    )


async def enrol(gates: Gates, code: str) -> Pairing:
    """Turn a pairing code into a device with a token of its own.

    Raises:
        Problem: 404 for a code that was never given out, 409 for a used one, 410 for an old one.
    """
    token, device_id = secrets.token_urlsafe(32), uuid7()
    async with gates.database.begin() as tx:
        enrolment = await _take(tx, gates, _canonical(code))
        await tx.execute(
            insert(devices).values(
                id=device_id,
                token_digest=_digest(token),
                gate=enrolment.gate,
                label=enrolment.label,
                enrolled_at=gates.clock.now(),
                enrolled_by=enrolment.created_by,
            )
        )
        after_commit(tx, gates.live.devices_changed)
        await audit.note(
            tx,
            gates.clock.now(),
            "device.pair",
            which=device_id,
            gate=enrolment.gate,
            offered_by=enrolment.created_by,
        )
        fact = DeviceEnrolled(device_id=device_id, gate=enrolment.gate)
        await outbox.say(tx, Event("/checkin", gates.clock.now(), fact))
    return Pairing(device_id, token, enrolment.gate)


async def revoke(gates: Gates, device_id: UUID) -> Device:
    """Stop a device's token at once; doing it again changes nothing."""
    async with gates.database.begin() as tx:
        device = await _hold(tx, device_id)
        if device.revoked_at is not None:
            return device
        after_commit(tx, gates.live.devices_changed)
        await audit.note(tx, gates.clock.now(), "device.stop", which=device_id, gate=device.gate)
        fact = DeviceRevoked(device_id=device_id, gate=device.gate)
        await outbox.say(tx, Event("/checkin", gates.clock.now(), fact))
        stopped: Device = (
            await tx.execute(
                update(devices)
                .where(devices.c.id == device_id)
                .values(revoked_at=gates.clock.now())
                .returning(devices)
            )
        ).one()
        return stopped


async def move(gates: Gates, device_id: UUID, gate: str | None, label: str | None) -> Device:
    """Put a device at another gate, or give it another name; it learns of it when it next calls.

    Raises:
        Problem: 404 for an unknown device, 409 for a stopped one.
    """
    wanted = {"gate": gate, "label": label}
    changes = {name: value for name, value in wanted.items() if value is not None}
    async with gates.database.begin() as tx:
        device = await _hold(tx, device_id)
        if device.revoked_at is not None:
            raise conflict("This device is stopped; pair it again.")
        if not changes:
            return device
        after_commit(tx, gates.live.devices_changed)
        renamed = None if label is None else True
        if renamed:
            after_commit(tx, gates.live.alerts_changed)  # which name it
        await audit.note(
            tx, gates.clock.now(), "device.change", which=device_id, gate=gate, renamed=renamed
        )
        statement = update(devices).where(devices.c.id == device_id).values(changes)
        moved: Device = (await tx.execute(statement.returning(devices))).one()
        return moved


async def all_devices(connection: AsyncConnection) -> list[Device]:
    return list(await connection.execute(select(devices).order_by(devices.c.id.desc())))


def last_contact(device: Device) -> datetime | None:
    """When it last told its state, or scanned: not every program at a gate tells its state."""
    heard = filter(None, (device.last_contact_at, device.last_scan_at))
    return max(heard, default=None)


async def by_token(connection: AsyncConnection, token: str) -> Device | None:
    """The device that holds this token, unless it was revoked."""
    return (await connection.execute(_BY_TOKEN, {"digest": _digest(token)})).one_or_none()


async def _hold(tx: AsyncConnection, device_id: UUID) -> Device:
    """The device, while nobody else changes it.

    Raises:
        Problem: 404 for an unknown device.
    """
    query = select(devices).where(devices.c.id == device_id).with_for_update()
    device: Device | None = (await tx.execute(query)).one_or_none()
    if device is None:
        raise not_found("device")
    return device


async def _take(tx: AsyncConnection, gates: Gates, code: str) -> Row[Any]:
    query = select(enrolments).where(enrolments.c.code_digest == _digest(code)).with_for_update()
    enrolment = (await tx.execute(query)).one_or_none()
    if enrolment is None:
        raise not_found("pairing code")
    if enrolment.used_at is not None:
        raise conflict("This pairing code was used already; ask for a new one.")
    if enrolment.expires_at <= gates.clock.wall():
        raise Problem(410, "expired", "This pairing code is too old; ask for a new one.")
    await tx.execute(
        update(enrolments)
        .where(enrolments.c.code_digest == enrolment.code_digest)
        .values(used_at=gates.clock.now())
    )
    return enrolment


def _canonical(code: str) -> str:
    """A code as it was made, from however it was typed."""
    symbols = "".join(code.upper().split()).replace("-", "")
    return symbols.translate(str.maketrans("OIL", "011"))


def _digest(secret: str) -> bytes:
    return hashlib.sha256(secret.encode()).digest()


_BY_TOKEN: Final = select(devices).where(
    devices.c.token_digest == bindparam("digest"), devices.c.revoked_at.is_(None)
)
