"""The badging service as its neighbours know it: what it hears, serves and says."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any
from uuid import UUID, uuid4

import httpx
from sqlalchemy import select

from services.badging.app import create
from shared import events, platform, tables
from shared.access import Keyring, Role
from shared.bus import Consumer
from shared.events import Event, Fact, Person, RegistrationConfirmed
from shared.service import Service
from shared.settings import Settings, load


class Neighbours:
    """A bus that takes every event, and hands the service what the test says."""

    def __init__(self) -> None:
        self._consumers: dict[str, Consumer] = {}

    def subscribe(self, consumer: Consumer) -> None:
        self._consumers[consumer.queue] = consumer

    async def publish(self, event: Event) -> None: ...

    async def start(self) -> None: ...

    async def stop(self) -> None: ...

    def trouble(self) -> str | None:
        return None

    async def deliver(self, event: Event) -> None:
        for queue in event.fact.heard_by:
            if queue in self._consumers:
                await self._consumers[queue].receive(event)


@dataclass(frozen=True)
class Badging:
    """A running service, and the ways to reach it."""

    service: Service
    neighbours: Neighbours
    http: httpx.AsyncClient

    @property
    def keyring(self) -> Keyring:
        return self.service.platform.keyring

    def staff(self, role: Role) -> dict[str, str]:
        return {"Authorization": f"Bearer {self.keyring.staff_token(role, 'Ada')}"}

    @property
    def desk(self) -> dict[str, str]:
        return self.staff(Role.desk)

    def event(self, fact: Fact) -> Event:
        return Event("/registration", self.service.platform.clock.now(), fact)

    async def hear(self, *facts: Fact) -> None:
        for fact in facts:
            await self.neighbours.deliver(self.event(fact))

    async def said(self, about: UUID | None = None) -> list[Any]:
        """The facts in the outbox, oldest first; all, or those about one registration."""
        event = tables.outbox.c.event
        query = select(event).order_by(tables.outbox.c.seq)
        if about is not None:
            query = query.where(event["data"]["registration_id"].astext == str(about))
        async with self.service.database.read() as connection:
            documents = (await connection.execute(query)).scalars().all()
        return [events.read(document).fact for document in documents]

    async def badges(self, registration_id: UUID, **filters: str) -> list[dict[str, Any]]:
        """What the desk sees of a registration's badges, newest first."""
        answer = await self.http.get(
            "/badging/api/badges",
            params={"registration_id": str(registration_id), **filters},
            headers=self.desk,
        )
        assert answer.status_code == 200, answer.text
        items: list[dict[str, Any]] = answer.json()["items"]
        return items

    async def post(self, badge_id: str, act: str, **body: object) -> httpx.Response:
        """Ask for something to be done to a badge, as the desk does."""
        return await self.http.post(
            f"/badging/api/badges/{badge_id}/{act}",
            content=json.dumps(body) if body else None,
            headers=self.desk | {"Content-Type": "application/json"},
        )

    async def issue(self, **particulars: Any) -> dict[str, Any]:
        """The badge of somebody who has just been confirmed."""
        fact = confirmed(uuid4(), **particulars)
        await self.hear(fact)
        [badge] = await self.badges(fact.registration_id)
        return badge


def person(**particulars: Any) -> Person:
    return Person(
        **{
            "given_name": "Grace",
            "family_name": "Hopper",
            "organization": "Eckert–Mauchly Computer Corporation",
            "country": "US",
            "category": "private_sector",
            "language": "en",
            "days": (0, 1, 2, 3, 4),
        }
        | particulars
    )


def confirmed(registration_id: UUID, version: int = 2, **particulars: Any) -> RegistrationConfirmed:
    return RegistrationConfirmed(
        registration_id=registration_id, version=version, person=person(**particulars)
    )


@asynccontextmanager
async def running(database_url: str, home: Path) -> AsyncIterator[Badging]:
    """The badging service, up and ready, on its first morning."""
    settings = load(Settings, home=home, clock="2017-06-12T08:00:00+02:00")
    neighbours = Neighbours()
    given = replace(platform.build(settings, database_url), bus_for=lambda _: neighbours)
    service = create(given)
    async with (
        service.app.router.lifespan_context(service.app),
        httpx.AsyncClient(
            transport=httpx.ASGITransport(service.app), base_url="http://127.0.0.1:8000"
        ) as http,
    ):
        async with asyncio.timeout(20):
            while await service.trouble():  # noqa: ASYNC110 - a service does not call back
                await asyncio.sleep(0.01)
        yield Badging(service, neighbours, http)
