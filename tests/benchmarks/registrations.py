"""Registrations a second through the API, from reading the body to the commit; the form's page.

Beside them stand, in the same run, an endpoint that only inserts the document by raw asyncpg, and
one that only answers. Once registration is a process of its own, as on many machines, and once it
shares one with all others, which write the mails meanwhile.
"""

from __future__ import annotations

import asyncio
import json
import re
import statistics
import sys
import time
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from itertools import count, islice
from pathlib import Path

import httpx
from rich.console import Console
from rich.table import Table

from deploy.child import ChildProcess
from deploy.private_servers import NotInstalled, PostgreSQL, RabbitMQ, free_port, started
from tests.benchmarks.floor_server import floor_server
from tests.benchmarks.load import Load, post_all
from tests.system import OneMachine, environment, person

PATH = "/registration/api/registrations"
CONNECTIONS = 8
REGISTRATIONS = 300
WARM_UP = 50
ROUNDS = 3
PAGES = 30
START_SECONDS = 60


@dataclass(frozen=True)
class Gate:
    """Where registrations are asked for, and an endless line of people who ask."""

    port: int
    bodies: Iterator[bytes]

    def take(self, many: int, path: str = PATH) -> Load:
        return asyncio.run(
            post_all(self.port, path, list(islice(self.bodies, many)), {}, CONNECTIONS)
        )


def run(console: Console, home: Path) -> None:
    """Measure and print."""
    title = f"Registrations accepted, {CONNECTIONS} connections"
    table = Table(
        "registration runs", "a second", "p50 ms", "p99 ms", "insert/s", "bare/s", title=title
    )
    people = (json.dumps(person(given_name=f"Ada {n:x}")).encode() for n in count())
    with ExitStack() as stack:
        database = stack.enter_context(started(PostgreSQL(home / "postgresql")))
        floor = stack.enter_context(floor_server(home, f"{database.url}/postgres"))
        bare = Gate(floor, people)
        try:
            with ExitStack() as alone:
                port = _by_itself(alone, home, database.url)
                _add_rows(table, "by itself", Gate(port, people), bare)
                page = _form(f"http://127.0.0.1:{port}")
        except NotInstalled as not_installed:
            console.print(f"registrations by themselves: {not_installed}")
            page = None
        system = OneMachine(home / "system", FORUMPASS_DATABASE_URL=f"{database.url}")
        system.home.mkdir()
        stack.enter_context(started(system))
        _add_rows(table, "with all others", Gate(system.port, people), bare)
        console.print(table)
        console.print(page or _form(system.origin))


def _by_itself(stack: ExitStack, home: Path, database_url: str) -> int:
    """The service as a process, with a broker; answers its port.

    Raises:
        NotInstalled: there is no broker on this machine.
    """
    broker = RabbitMQ(home / "rabbitmq")
    stack.enter_context(started(broker))
    port = free_port()
    child = ChildProcess(
        "Registration",
        [sys.executable, "-m", "services.registration"],
        log=home / "registration.log",
        environment=environment(
            home / "alone",
            FORUMPASS_DATABASE_URL=database_url,
            FORUMPASS_BUS_URL=broker.new_virtual_host(),
            FORUMPASS_REGISTRATION_PORT=str(port),
            FORUMPASS_CLOCK="2017-06-12T08:00:00+02:00",
        ),
    )
    stack.enter_context(started(child))
    child.wait_until(lambda: _is_ready(port), within=START_SECONDS)
    return port


def _is_ready(port: int) -> bool:
    try:
        address = f"http://127.0.0.1:{port}/registration/health/ready"
        return httpx.get(address, timeout=2, trust_env=False).is_success
    except httpx.HTTPError:
        return False


def _add_rows(table: Table, name: str, ours: Gate, floor: Gate) -> None:
    for warm, path in ((ours, PATH), (floor, "/keep")):
        warm.take(WARM_UP, path)
    for _ in range(ROUNDS):
        load = ours.take(REGISTRATIONS)
        insert, bare = (floor.take(REGISTRATIONS, path) for path in ("/keep", "/answer"))
        table.add_row(
            name,
            f"{load.per_second:,.0f}",
            f"{load.p50_ms:.1f}",
            f"{load.p99_ms:.1f}",
            f"{insert.per_second:,.0f}",
            f"{bare.per_second:,.0f}",
        )


def _form(origin: str) -> Table:
    """How heavy the form's page is with all that it loads, and how long the server takes for it."""
    table = Table("language", "kB in all", "median ms", "p90 ms", title="The form's page")
    with httpx.Client(base_url=origin, trust_env=False) as http:
        for language in ("en", "ar"):
            headers = {"Accept-Language": language}
            page = http.get("/registration/", headers=headers)
            parts = re.findall(r'(?:src|href)="(/registration/[^"]+\.(?:css|js))"', page.text)
            octets = len(page.content) + sum(len(http.get(part).content) for part in parts)
            took_ms = sorted(_once(http, headers) for _ in range(PAGES))
            table.add_row(
                language,
                f"{octets / 1000:.1f}",
                f"{statistics.median(took_ms):.1f}",
                f"{took_ms[int(PAGES * 0.9)]:.1f}",
            )
    return table


def _once(http: httpx.Client, headers: dict[str, str]) -> float:
    began = time.perf_counter()
    http.get("/registration/", headers=headers).raise_for_status()
    return (time.perf_counter() - began) * 1000
