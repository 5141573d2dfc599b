"""The badging service under test: who has just been confirmed, and what the desk does."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from uuid import UUID, uuid4

import httpx

from services.badging.app import create
from shared.access import Role
from tests import running as service
from tests.people import confirmed
from tests.running import FIRST_MORNING, Running


@dataclass(frozen=True)
class Badging(Running):
    @property
    def desk(self) -> dict[str, str]:
        return self.staff(Role.desk)

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


@asynccontextmanager
async def running(
    database_url: str, home: Path, clock: str = FIRST_MORNING, **settings: Any
) -> AsyncIterator[Badging]:
    """The badging service, up and ready, at a moment of the forum's time."""
    async with service.running(create, database_url, home, clock=clock, **settings) as one:
        yield Badging(one.service, one.neighbours, one.http)
