"""The review desk with a full forum: how long each page, list and file takes on the server.

The floor is the same server's answer to a request that asks the database one word.
"""

from __future__ import annotations

import asyncio
import statistics
import time
from pathlib import Path
from typing import Final

import httpx
from rich.console import Console
from rich.table import Table

from deploy.private_servers import PostgreSQL, started
from shared.access import Role
from tests.queue import fill
from tests.system import OneMachine

REGISTRATIONS: Final = 50_000
TIMES: Final = 15
WARM_UP: Final = 2
API: Final = "/registration/api/registrations"
DESK: Final = "/registration/review"
ASKED: Final = {
    "floor": "/registration/health/ready",
    "page: the queue": DESK,
    "page: all, newest first": f"{DESK}?status=&sort=newest",
    "page: filters together": f"{DESK}?category=media&country=CH&waiting=7&assigned=%40nobody",
    "page: two words": f"{DESK}?status=&q=goncalves+zoe",
    "page: words that nobody has": f"{DESK}?status=&q=nobody+of+this+name",
    "page: a word that many have": f"{DESK}?status=&q=example&sort=name",
    "page: possible duplicates": f"{DESK}?status=&duplicates=yes",
    "list: two words": f"{API}?q=goncalves+zoe&sort=waiting",
    "list: newest": API,
    "list: 200 by name": f"{API}?sort=name&limit=200",
    "list: by organization": f"{API}?sort=organization&limit=50",
    "list: a part of a word": f"{API}?q=dorde&sort=waiting",
}


def run(console: Console, home: Path) -> None:
    """Measure and print."""
    table = Table(
        "asked", "fastest ms", "median ms", "slowest ms", title=f"{REGISTRATIONS:,} registrations"
    )
    with started(PostgreSQL(home / "postgresql")) as database:
        system = OneMachine(home / "system", FORUMPASS_DATABASE_URL=database.url)
        system.home.mkdir()
        with started(system), system.visit().as_staff(Role.reviewer) as reviewer:
            ids = asyncio.run(fill(f"{database.url}/forumpass_registration", REGISTRATIONS))
            deep = reviewer.get(f"{API}?sort=waiting&limit=200").json()["next_cursor"]
            asked = ASKED | {
                "page: one registration": f"{DESK}/{ids[len(ids) // 2]}",
                "list: behind a cursor": f"{API}?sort=waiting&cursor={deep}",
            }
            for what, address in asked.items():
                took = _measure(reviewer, address)
                figures = (min(took), statistics.median(took), max(took))
                table.add_row(what, *(f"{each:.0f}" for each in figures))
            for what, took_ms in _decide(reviewer).items():
                table.add_row(what, f"{took_ms:.0f}")
    console.print(table)


def _measure(http: httpx.Client, address: str) -> list[float]:
    took = []
    for _ in range(WARM_UP + TIMES):
        began = time.perf_counter()
        http.get(address).raise_for_status()
        took.append((time.perf_counter() - began) * 1000)
    return took[WARM_UP:]


def _decide(http: httpx.Client) -> dict[str, float]:
    """How long it takes to approve a whole page, and to take everybody away as a file."""
    waiting = http.get(f"{API}?status=in_review&limit=200").json()["items"]
    decision = {"act": "decline", "reason_id": "no_places", "ids": [one["id"] for one in waiting]}
    began = time.perf_counter()
    http.post(f"{API}/decisions", json=decision).raise_for_status()
    decided = time.perf_counter()
    http.get(f"{API}.csv").raise_for_status()
    return {
        "200 declined at once": (decided - began) * 1000,
        "file: everybody as CSV": (time.perf_counter() - decided) * 1000,
    }
