"""A file of 1,000 people, looked at and imported, beside the same rows written and nothing more."""

from __future__ import annotations

import asyncio
import csv
import json
import time
from io import StringIO
from pathlib import Path
from typing import Any, Final

import asyncpg
from rich.console import Console
from rich.table import Table

from deploy.private_servers import PostgreSQL, started
from shared.access import Role
from tests.system import OneMachine

PEOPLE: Final = 1000
HEADER: Final = (
    "family_name", "given_name", "email", "organization", "country", "category", "language",
)  # fmt: skip
GOAL_SECONDS: Final = 5


def run(console: Console, home: Path) -> None:
    """Measure and print."""
    with started(PostgreSQL(home / "postgresql")) as server:
        system = OneMachine(home / "system", FORUMPASS_DATABASE_URL=server.url)
        system.home.mkdir()
        with started(system):
            send_file(system, file_of(1, "first"), dry_run=True)  # what is read once is read
            content = file_of(PEOPLE, "many")
            looked = send_file(system, content, dry_run=True)
            taken = send_file(system, content, dry_run=False)
        floor = asyncio.run(_floor(server.url))
    table = Table(
        "people",
        "looked at, s",
        "imported, s",
        "both, s",
        "rows written alone, s",
        title=f"A file of people (wanted: both under {GOAL_SECONDS} s)",
    )
    seconds = (f"{each:.2f}" for each in (looked, taken, looked + taken, floor))
    table.add_row(f"{PEOPLE:,}", *seconds)
    console.print(table)
    console.print(
        "The last: as many rows, lines of history and events by raw asyncpg in one transaction."
    )


def file_of(count: int, some: str) -> bytes:
    out = StringIO()
    rows = (
        (f"Participant {number}", "Grace", f"{some}.{number}@example.org", "Navy", "US",
         "civil_society", "en")
        for number in range(count)
    )  # fmt: skip
    csv.writer(out).writerows([HEADER, *rows])
    return out.getvalue().encode()


def send_file(system: OneMachine, content: bytes, *, dry_run: bool) -> float:
    with system.visit().as_staff(Role.organiser) as http:
        began = time.perf_counter()
        answer = http.post(
            "/registration/api/imports",
            content=content,
            params={"dry_run": dry_run},
            headers={"Content-Type": "text/csv"},
        )
        answer.raise_for_status()
        assert answer.json()["rejected"] == 0, answer.text
        return time.perf_counter() - began


async def _floor(url: str) -> float:
    """Seconds that the server needs for the rows alone."""
    connection: asyncpg.Connection[Any] = await asyncpg.connect(url, database="postgres")
    await connection.execute(
        """
        CREATE TABLE people (id serial PRIMARY KEY, reference text UNIQUE, particulars text[]);
        CREATE TABLE history (seq serial PRIMARY KEY, step text);
        CREATE TABLE said (seq serial PRIMARY KEY, event jsonb);
        """
    )
    rows = [(f"WF17-{number}", [f"{number}"] * len(HEADER)) for number in range(PEOPLE)]
    event = json.dumps({"data": "x" * 700})
    began = time.perf_counter()
    async with connection.transaction():
        await connection.executemany(
            "INSERT INTO people (reference, particulars) VALUES ($1, $2)", rows
        )
        await connection.executemany(
            "INSERT INTO history (step) VALUES ($1)", [("enrol",)] * PEOPLE
        )
        await connection.executemany(
            "INSERT INTO said (event) VALUES ($1)", [(event,)] * (2 * PEOPLE)
        )
    seconds = time.perf_counter() - began
    await connection.close()
    return seconds
