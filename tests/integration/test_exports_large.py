"""Files of a log of a hundred thousand scans, and who no longer takes them."""

from __future__ import annotations

import asyncio
import tracemalloc
from collections.abc import AsyncIterator
from typing import Any, Final

import httpx
import pytest
from sqlalchemy import text
from structlog.testing import capture_logs

from tests.checkin import IN, Checkin, running
from tests.files import cells_of, fetch
from tests.running import listening

MANY: Final = 100_000


@pytest.fixture
async def large(database_url: str, tmp_path: Any) -> AsyncIterator[Checkin]:
    """A service with a log of a hundred thousand scans."""
    async with running(database_url, tmp_path) as service:
        # What else the service does meanwhile is not to be counted as a file's memory.
        jobs = service.service._tasks
        for job in jobs:
            job.cancel()
        await asyncio.gather(*jobs, return_exceptions=True)
        jobs.clear()
        badge = await service.badge()
        async with service.service.database.begin() as tx:
            await tx.execute(
                text("""
                    INSERT INTO scans (scan_id, gate, entrance, zone, direction, decision, reason,
                                       at, decided_at, badge_id, registration_id)
                    SELECT gen_random_uuid(), 'tower-in', 'tower', 'venue', 'in', 'admitted',
                           'first_entry', moment, moment, :badge_id, :registration_id
                    FROM generate_series(1, :many) AS one,
                         LATERAL (SELECT timestamptz '2017-06-12 08:00+02' + one * interval '20 ms'
                                  AS moment) AS moments
                """),
                {
                    "many": MANY,
                    "badge_id": badge.badge_id,
                    "registration_id": badge.registration_id,
                },
            )
        yield service


async def test_a_large_file_takes_no_more_memory_than_a_small_one(large: Checkin) -> None:
    def sent(**asked: str) -> Any:
        return _take(large, "scans.csv", **asked)

    some = {"to": "2017-06-12T08:01:00+02:00"}
    await sent(**some)  # what is loaded and remembered once
    tracemalloc.start()
    try:
        few = await sent(**some)
        _, small = tracemalloc.get_traced_memory()
        tracemalloc.reset_peak()
        all_of_it = await sent()
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert few < 1_000_000 < 20_000_000 < all_of_it
    assert peak < small + 1_000_000


async def _take(checkin: Checkin, file: str, **asked: str) -> int:
    """Take a file as a server would, keeping nothing; answers its bytes."""
    size = 0
    query = httpx.QueryParams(asked)
    scope = {
        "type": "http",
        "asgi": {"version": "3.0"},
        "method": "GET",
        "path": f"/checkin/api/{file}",
        "raw_path": b"",
        "query_string": str(query).encode(),
        "headers": [
            (name.lower().encode(), value.encode()) for name, value in checkin.lead.items()
        ],
        "client": ("127.0.0.1", 1),
        "server": ("127.0.0.1", 8000),
        "scheme": "http",
        "http_version": "1.1",
        "root_path": "",
        "state": {},
    }
    told = False

    async def receive() -> dict[str, Any]:
        nonlocal told
        if told:
            await asyncio.Event().wait()
        told = True
        return {"type": "http.request", "body": b"", "more_body": False}

    async def send(message: Any) -> None:
        nonlocal size
        size += len(message.get("body", b""))
        assert message.get("status", 200) == 200

    await checkin.service.app(scope, receive, send)
    return size


async def test_scans_go_on_while_a_workbook_is_made(large: Checkin) -> None:
    grace = await large.badge()
    making = asyncio.create_task(fetch(large, "scans.xlsx", to="2017-06-12T08:01:40+02:00"))
    await asyncio.sleep(0)
    for _ in range(20):
        await large.scan(grace, IN)
    assert not making.done()
    assert len(cells_of(await making)) >= 4_999


async def test_a_file_that_nobody_takes_any_more_is_not_made_to_its_end(large: Checkin) -> None:
    pool = large.service.database.engine.pool
    async with listening(large.service) as origin:
        for file in ("scans.csv", "scans.xlsx"):
            with capture_logs() as logged:
                async with httpx.AsyncClient(base_url=origin, trust_env=False) as http:
                    request = http.stream("GET", f"/checkin/api/{file}", headers=large.lead)
                    if file == "scans.csv":
                        async with request as answer:
                            async for _ in answer.aiter_bytes():
                                break
                    else:
                        with pytest.raises(TimeoutError):
                            async with asyncio.timeout(0.5), request:
                                pass
                while not any(entry["event"] == "export.broke_off" for entry in logged):
                    await asyncio.sleep(0.01)
    while pool.checkedout():  # type: ignore[attr-defined]
        await asyncio.sleep(0.01)
    assert not list(large.service.platform.settings.home.glob("workbook-*"))
