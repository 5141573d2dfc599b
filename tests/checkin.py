"""The check-in service under test: badges that it has heard of, and devices at its gates."""

from __future__ import annotations

import asyncio
import json
import secrets
from collections.abc import AsyncIterator, Awaitable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final
from uuid import UUID, uuid4

import httpx
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from sqlalchemy import Row, Table, select
from uuid_utils.compat import uuid7

from services.checkin import tables
from services.checkin.app import create
from shared import badge_number, credential
from shared.access import Role
from shared.credential import Credential
from shared.events import (
    BadgeIssued,
    BadgeRevoked,
    Fact,
    KeyPublished,
)
from tests import running as service
from tests.people import confirmed
from tests.running import FIRST_MORNING, Running

KEY: Final = Ed25519PrivateKey.from_private_bytes(bytes(range(32)))
KEY_ID: Final = 1
ALL_DAYS: Final = 0b11111
VENUE: Final = 0b01
ALL_ZONES: Final = 0b11
NO_SUCH_NUMBER: Final = badge_number.make(0)

IN: Final = "tower-in"
OTHER_IN: Final = "montbrillant-in"
OUT: Final = "tower-out"
ROOM: Final = "popov-room-in"
"""Gates of the forum of 2017; leaving the room is not scanned."""

Body = dict[str, Any]


@dataclass(frozen=True)
class Badge:
    """A badge as its holder carries it."""

    registration_id: UUID
    badge_id: str
    number: str
    credential: str


@dataclass(frozen=True)
class Device:
    """A paired device."""

    id: UUID
    gate: str
    token: str

    @property
    def headers(self) -> dict[str, str]:
        return {"Authorization": f"Bearer {self.token}"}


@dataclass(frozen=True)
class Checkin(Running):
    _devices: dict[str, Device] = field(default_factory=dict)

    @property
    def lead(self) -> dict[str, str]:
        return self.staff(Role.security_lead)

    # --- who may come ---

    async def badge(self, *, days: int = ALL_DAYS, zones: int = VENUE, **person: Any) -> Badge:
        """The badge of somebody whom registration has confirmed and badging has given it."""
        registration_id = uuid4()
        await self.hear(confirmed(registration_id, **person))
        return await self.another_badge(registration_id, days=days, zones=zones)

    async def another_badge(
        self, registration_id: UUID, *, version: int = 1, days: int = ALL_DAYS, zones: int = VENUE
    ) -> Badge:
        badge = new_badge(registration_id, days=days, zones=zones)
        await self.hear(issued(badge, version=version, days=days, zones=zones))
        return badge

    async def stop(self, badge: Badge, status: str) -> None:
        await self.hear(stopped(badge, status))

    async def block(self, badge: Badge) -> None:
        """Put a security hold on the person."""
        answer = await self.hold(badge)
        assert answer.status_code == 200, answer.text

    async def hold(
        self, badge: Badge, act: str = "hold", role: Role = Role.security_lead, **body: Any
    ) -> httpx.Response:
        """Hold somebody, or release them."""
        return await self.http.post(
            f"/checkin/api/participants/{badge.registration_id}/{act}",
            json={"reason": "Police"} | body,
            headers=self.staff(role),
        )

    # --- devices ---

    async def pair(self, gate: str) -> Device:
        """A new device at a gate."""
        offered = await self.http.post(
            "/checkin/api/enrolments", json={"gate": gate, "label": "Lane 1"}, headers=self.lead
        )
        assert offered.status_code == 201, offered.text
        paired = await self.http.post("/checkin/api/devices", json={"code": offered.json()["code"]})
        assert paired.status_code == 201, paired.text
        made = paired.json()
        return Device(UUID(made["device_id"]), made["gate"], made["token"])

    async def at(self, gate: str) -> Device:
        """The device that stands at a gate, paired when it is first asked for."""
        if gate not in self._devices:
            self._devices[gate] = await self.pair(gate)
        return self._devices[gate]

    async def post_scan(self, device: Device, body: Body) -> httpx.Response:
        return await self.http.post(
            "/checkin/api/scans",
            # Not httpx's own encoder: it refuses the texts that some tests send.
            content=json.dumps(body),
            headers=device.headers | {"Content-Type": "application/json"},
        )

    async def scan(self, shown: Badge | str, gate: str = IN, **more: Any) -> Body:
        """The answer that the gate's device gets for a badge, or for the text of a QR."""
        text = shown if isinstance(shown, str) else shown.credential
        return await self.answer_to({"credential": text} | more, gate)

    async def answer_to(self, body: Body, gate: str = IN) -> Body:
        answer = await self.post_scan(await self.at(gate), {"scan_id": new_scan_id()} | body)
        assert answer.status_code == 200, answer.text
        told: Body = answer.json()
        return told

    async def undo(
        self,
        scan: Body,
        by: Device | dict[str, str] | None = None,
        reason: str = "Mistake",
        **more: Any,
    ) -> httpx.Response:
        """Take a scan back, as a device or as staff; as the security lead by default."""
        headers = by.headers if isinstance(by, Device) else (by or self.lead)
        return await self.http.post(
            f"/checkin/api/scans/{scan['scan_id']}/undo",
            json={"reason": reason} | more,
            headers=headers,
        )

    # --- what can be seen afterwards ---

    async def attendance(self) -> Body:
        answer = await self.http.get("/checkin/api/attendance", headers=self.lead)
        assert answer.status_code == 200, answer.text
        figures: Body = answer.json()
        return figures

    async def log(self, **filters: Any) -> list[Body]:
        """The log as those who watch see it, newest first; all of its pages."""
        items: list[Body] = []
        cursor: dict[str, str] = {}
        while True:
            answer = await self.http.get(
                "/checkin/api/scans", params=filters | cursor, headers=self.lead
            )
            assert answer.status_code == 200, answer.text
            page = answer.json()
            items += page["items"]
            if page["next_cursor"] is None:
                return items
            cursor = {"cursor": page["next_cursor"]}

    async def rows(self, table: Table) -> list[Row[Any]]:
        async with self.service.database.read() as connection:
            return list(await connection.execute(select(table)))

    async def said(self, about: UUID | None = None) -> list[Any]:
        """What has gone out to the bus once nothing waits, oldest first; all, or about one
        registration."""
        async with asyncio.timeout(10):
            while await self._waiting():
                await asyncio.sleep(0.01)
        facts = [event.fact for event in self.neighbours.published]
        return [fact for fact in facts if about in (None, getattr(fact, "registration_id", None))]

    async def _waiting(self) -> int:
        answer = await self.http.get("/checkin/api/outbox", headers=self.staff(Role.organiser))
        waiting: int = answer.json()["waiting"]
        return waiting

    async def nothing_written(self, request: Awaitable[httpx.Response]) -> httpx.Response:
        """The answer to a request that must leave the tables and the outbox as they are."""
        before = await self._stored(), await self.said()
        answer = await request
        assert (await self._stored(), await self.said()) == before
        return answer

    async def _stored(self) -> list[list[Row[Any]]]:
        """All rows, but for what the service does in its own time: it sends what is in the outbox,
        and notes who has scanned.
        """
        kept = [table for table in tables.metadata.sorted_tables if table != tables.scan_outbox]
        last_scan = tables.devices.c.last_scan_at
        queries = [
            # In an order of their own: what is written moves to the table's end.
            select(*(column for column in table.c if column is not last_scan)).order_by(
                *table.primary_key
            )
            for table in kept
        ]
        async with self.service.database.read() as connection:
            return [list(await connection.execute(query)) for query in queries]


def new_scan_id() -> str:
    return str(uuid7())


def new_badge(registration_id: UUID, *, days: int = ALL_DAYS, zones: int = VENUE) -> Badge:
    """A badge as badging makes it; nobody has heard of it yet."""
    badge_id = secrets.token_bytes(credential.BADGE_ID_BYTES)
    return Badge(
        registration_id,
        badge_id.hex(),
        badge_number.make(secrets.randbelow(badge_number.CAPACITY)),
        credential.sign(Credential(KEY_ID, badge_id, category=1, days=days, zones=zones), KEY),
    )


def key_published(retired: bool = False) -> KeyPublished:
    public_key = KEY.public_key().public_bytes_raw().hex()
    return KeyPublished(key_id=KEY_ID, public_key=public_key, retired=retired)


def issued(
    badge: Badge, *, version: int = 1, days: int = ALL_DAYS, zones: int = VENUE
) -> BadgeIssued:
    return BadgeIssued(
        badge_id=badge.badge_id,
        registration_id=badge.registration_id,
        version=version,
        number=badge.number,
        category="private_sector",
        days=days,
        zones=zones,
        files_link="/badging/files{suffix}",
    )


def stopped(badge: Badge, status: Any, version: int = 2) -> BadgeRevoked:
    return BadgeRevoked(
        badge_id=badge.badge_id,
        registration_id=badge.registration_id,
        version=version,
        status=status,
    )


def passages(facts: list[Fact]) -> list[str]:
    return [fact.type.removesuffix(".v1") for fact in facts]


@asynccontextmanager
async def running(
    database_url: str, home: Path, *, clock: str = FIRST_MORNING, forum: Path | None = None
) -> AsyncIterator[Checkin]:
    """The check-in service, up and ready, with the key that signs this module's badges."""
    async with service.running(create, database_url, home, clock=clock, forum=forum) as one:
        checkin = Checkin(one.service, one.neighbours, one.http)
        await checkin.hear(key_published())
        yield checkin
