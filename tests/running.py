"""One service as its neighbours know it: what it hears, serves and says."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any
from uuid import UUID

import httpx
import uvicorn
from sqlalchemy import select

from shared import events, platform, tables
from shared.access import Keyring, Role
from shared.bus import Consumer, DeadLetter
from shared.events import Event, Fact, TroubleCounted
from shared.forum import Forum
from shared.platform import Platform
from shared.service import Service
from shared.settings import Settings, load

ORIGIN = "http://127.0.0.1:8000"
FIRST_MORNING = "2017-06-12T08:00:00+02:00"


def _says_that_all_is_well(fact: Fact) -> bool:
    """Every service says so at its start, and no test here asks for it."""
    return isinstance(fact, TroubleCounted) and fact.count == 0


class Neighbours:
    """A bus that takes every event, and hands the service what the test says."""

    def __init__(self) -> None:
        self.consumers: dict[str, Consumer] = {}
        self.published: list[Event] = []
        self.letters: list[DeadLetter] = []
        """Those of all queues; dealt with, they stay."""

    def subscribe(self, consumer: Consumer) -> None:
        self.consumers[consumer.queue] = consumer

    async def publish(self, said: Sequence[Event]) -> list[str | None]:
        self.published.extend(event for event in said if not _says_that_all_is_well(event.fact))
        return [None] * len(said)

    async def start(self) -> None: ...

    async def stop(self) -> None: ...

    def trouble(self) -> str | None:
        return None

    async def dead_letters(self, queue: str) -> list[DeadLetter]:
        return self.letters

    async def count_dead_letters(self, queue: str) -> int:
        return 0

    async def replay(self, queue: str, letter_id: str) -> bool:
        return letter_id in {letter.id for letter in self.letters}

    async def discard(self, queue: str, letter_id: str) -> bool:
        return letter_id in {letter.id for letter in self.letters}

    async def deliver(self, event: Event) -> None:
        for queue in event.fact.heard_by:
            if queue in self.consumers:
                await self.consumers[queue].receive(event)


@dataclass(frozen=True)
class Running:
    """A running service, and the ways to reach it."""

    service: Service
    neighbours: Neighbours
    http: httpx.AsyncClient

    @property
    def keyring(self) -> Keyring:
        return self.service.platform.keyring

    @property
    def forum(self) -> Forum:
        return self.service.platform.forum

    def staff(self, role: Role) -> dict[str, str]:
        """Headers with which a member of staff calls."""
        return {"Authorization": f"Bearer {self.keyring.staff_token(role, 'Ada')}"}

    def event(self, fact: Fact, source: str = "/registration") -> Event:
        return Event(source, self.service.platform.clock.now(), fact)

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
        facts = [events.read(document).fact for document in documents]
        return [fact for fact in facts if not _says_that_all_is_well(fact)]


@asynccontextmanager
async def running(
    create: Callable[[Platform], Service],
    database_url: str,
    home: Path,
    *,
    forum: Path | None = None,
    clock: str = FIRST_MORNING,
    **settings: Any,
) -> AsyncIterator[Running]:
    """A service, up and ready, at a moment of the forum's time."""
    given = load(
        Settings, home=home, clock=clock, **({"forum": forum} if forum else {}), **settings
    )
    neighbours = Neighbours()
    ground = replace(platform.build(given, database_url), bus_for=lambda _: neighbours)
    service = create(ground)
    async with (
        service.app.router.lifespan_context(service.app),
        httpx.AsyncClient(transport=httpx.ASGITransport(service.app), base_url=ORIGIN) as http,
    ):
        async with asyncio.timeout(20):
            while await service.trouble():
                await asyncio.sleep(0.01)
        yield Running(service, neighbours, http)


@asynccontextmanager
async def listening(service: Service) -> AsyncIterator[str]:
    """The origin of a running service on a port of its own.

    A transport in memory hands streams over only when they have ended.
    """
    config = uvicorn.Config(
        service.app, lifespan="off", log_config=None, timeout_graceful_shutdown=1
    )
    server = uvicorn.Server(config)
    with socket.create_server(("127.0.0.1", 0)) as listener:
        serving = asyncio.create_task(server.serve(sockets=[listener]))
        yield f"http://127.0.0.1:{listener.getsockname()[1]}"
        server.should_exit = True
        await serving
