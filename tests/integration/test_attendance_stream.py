"""The figures as they change, for the wall screen: server-sent events over a real connection."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from typing import Any, Final

import httpx
import pytest

from deploy.private_servers import PostgreSQL
from shared.access import Role
from tests.checkin import IN, OUT, Checkin, running
from tests.running import listening

AT_ONCE: Final = 2.0
"""Seconds: what a person takes for at once; a busy machine needs some of it."""


@pytest.fixture(scope="module")
async def checkin(
    postgres: PostgreSQL, tmp_path_factory: pytest.TempPathFactory
) -> AsyncIterator[Checkin]:
    postgres.drop_databases()
    async with running(postgres.url, tmp_path_factory.mktemp("home")) as service:
        yield service


@pytest.fixture(scope="module")
async def origin(checkin: Checkin) -> AsyncIterator[str]:
    async with listening(checkin.service) as address:
        yield address


class Watcher:
    """Somebody who has opened the stream."""

    def __init__(self, response: httpx.Response) -> None:
        self.response = response
        self._lines = response.aiter_lines()

    async def next(self) -> dict[str, Any]:
        """The next figures, as soon as they are told."""
        event = ""
        async with asyncio.timeout(AT_ONCE):
            async for line in self._lines:
                field, _, value = line.partition(": ")
                if field == "event":
                    event = value
                if field == "data":
                    assert event == "attendance"
                    figures: dict[str, Any] = json.loads(value)
                    return figures
        raise AssertionError("the stream has ended")

    async def until(self, **expected: int) -> dict[str, Any]:
        """The first figures in which these stand."""
        async with asyncio.timeout(AT_ONCE):
            while True:
                figures = await self.next()
                if figures | expected == figures:
                    return figures


@asynccontextmanager
async def watching(
    checkin: Checkin, origin: str, role: Role = Role.viewer
) -> AsyncIterator[Watcher]:
    url = f"{origin}/checkin/api/attendance/stream"
    async with (
        httpx.AsyncClient() as http,
        http.stream("GET", url, headers=checkin.staff(role)) as response,
    ):
        yield Watcher(response)


async def test_a_watcher_is_told_the_figures_and_then_each_change_at_once(
    checkin: Checkin, origin: str
) -> None:
    async with watching(checkin, origin) as watcher:
        assert watcher.response.headers["Content-Type"].startswith("text/event-stream")
        assert watcher.response.headers["Cache-Control"] == "no-store"
        before = await watcher.next()
        assert before == await checkin.attendance()
        badge = await checkin.badge()
        await watcher.until(badged=before["badged"] + 1)
        entry = await checkin.scan(badge, IN)
        after = await watcher.until(inside=before["inside"] + 1)
        assert after["arrived_today"] == before["arrived_today"] + 1
        await checkin.scan(badge, IN)
        await watcher.until(refused_today=before["refused_today"] + 1)
        left = await checkin.scan(badge, OUT)
        await watcher.until(inside=before["inside"])
        await checkin.undo(left)
        await watcher.until(inside=before["inside"] + 1)
        await checkin.undo(entry)
        await watcher.until(arrived_today=before["arrived_today"])
        await checkin.stop(badge, "revoked")
        assert await watcher.until(badged=before["badged"]) == await checkin.attendance()


async def test_several_watchers_are_all_told(checkin: Checkin, origin: str) -> None:
    async with AsyncExitStack() as stack:
        watchers = [await stack.enter_async_context(watching(checkin, origin)) for _ in range(5)]
        [inside] = {(await watcher.next())["inside"] for watcher in watchers}
        await checkin.scan(await checkin.badge())
        for watcher in watchers:
            await watcher.until(inside=inside + 1)


async def test_a_watcher_who_goes_is_forgotten(checkin: Checkin, origin: str) -> None:
    watchers = checkin.service.app.state.room._watchers
    async with watching(checkin, origin) as watcher:
        await watcher.next()
        assert len(watchers) == 1
    async with asyncio.timeout(5):
        while watchers:
            await asyncio.sleep(0.01)


async def test_many_changes_are_told_together_and_the_last_word_is_right(
    checkin: Checkin, origin: str
) -> None:
    badges = [await checkin.badge() for _ in range(30)]
    async with watching(checkin, origin) as watcher:
        before = (await watcher.next())["inside"]
        await asyncio.gather(*(checkin.scan(badge) for badge in badges))
        told = [await watcher.next()]
        while told[-1]["inside"] < before + 30:
            told.append(await watcher.next())
        assert len(told) < 30


@pytest.mark.parametrize("role", Role)
async def test_the_stream_is_for_those_who_watch(checkin: Checkin, origin: str, role: Role) -> None:
    async with watching(checkin, origin, role) as watcher:
        allowed = role in (Role.organiser, Role.security_lead, Role.viewer)
        assert watcher.response.status_code == (200 if allowed else 403)
