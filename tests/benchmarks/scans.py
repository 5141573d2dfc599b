"""Scans a second, every one a first entry, and their ratio to the floor in the same run."""

from __future__ import annotations

import asyncio
import json
import secrets
from collections.abc import Sequence
from contextlib import ExitStack
from itertools import islice
from pathlib import Path
from uuid import UUID

import asyncpg
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import load_pem_private_key
from rich.console import Console
from rich.table import Table
from uuid_utils.compat import uuid7

from deploy.private_servers import PostgreSQL, started
from shared import badge_number, credential
from shared.credential import Credential
from shared.settings import REPOSITORY
from tests.benchmarks.floor_server import floor_server
from tests.benchmarks.load import Load, post_all
from tests.system import OneMachine, device_at

CONNECTIONS = (1, 4, 16)
SCANS_EACH = 4000
SCANS_ON_AND_ON = 40_000
"""More than other services can be made to wait for: see services/checkin/lull.py."""
WARM_UP = 200
MOST_BADGES = 1_000_000
"""Known to check-in in the last row: a scan should take no longer for it."""
BADGES = WARM_UP + SCANS_EACH * (len(CONNECTIONS) + 1) + SCANS_ON_AND_ON
EVERY_DAY, EVERY_ZONE = 0b11111, 0b11


def run(console: Console, home: Path) -> None:
    """Measure and print."""
    table = Table(
        "badges",
        "callers",
        "scans",
        "scans/s",
        "p50 ms",
        "p99 ms",
        "floor/s",
        "of it",
        title="Scans",
    )
    with ExitStack() as stack:
        database = stack.enter_context(started(PostgreSQL(home / "postgresql")))
        system = OneMachine(
            home / "system",
            FORUMPASS_DATABASE_URL=database.url,
            FORUMPASS_FORUM=str(roomy_forum(home)),
        )
        system.home.mkdir()
        stack.enter_context(started(system))
        device = stack.enter_context(device_at(system.visit(), "tower-in"))
        token = {"Authorization": device.headers["Authorization"]}
        floor = stack.enter_context(floor_server(home, f"{database.url}/postgres"))
        checkin = f"{database.url}/forumpass_checkin"
        credentials = asyncio.run(badges(system.home, checkin, BADGES))
        scans = iter([_scan(text) for text in credentials])
        tickets = iter(asyncio.run(_tickets(f"{database.url}/postgres")))

        def measure(connections: int, count: int) -> tuple[Load, Load]:
            bodies = list(islice(scans, count))
            ours = asyncio.run(
                post_all(system.port, "/checkin/api/scans", bodies, token, connections)
            )
            # The floor has the machine to itself, and so has whoever scans next.
            asyncio.run(_all_told(checkin))
            bare = post_all(floor, "/use", list(islice(tickets, count)), {}, connections)
            return ours, asyncio.run(bare)

        measure(4, WARM_UP)

        def add_row(badges: int, connections: int, count: int = SCANS_EACH) -> None:
            ours, bare = measure(connections, count)
            table.add_row(
                f"{badges:,}",
                str(connections),
                f"{count:,}",
                f"{ours.per_second:,.0f}",
                f"{ours.p50_ms:.1f}",
                f"{ours.p99_ms:.1f}",
                f"{bare.per_second:,.0f}",
                f"{ours.per_second / bare.per_second:.0%}",
            )

        for connections in CONNECTIONS:
            add_row(BADGES, connections)
        add_row(BADGES, CONNECTIONS[-1], SCANS_ON_AND_ON)
        asyncio.run(_many_more(checkin, MOST_BADGES - BADGES))
        add_row(MOST_BADGES, CONNECTIONS[-1])
    console.print(table)


def roomy_forum(home: Path) -> Path:
    """The forum, in a venue that is never full."""
    text = (REPOSITORY / "deploy" / "forum.toml").read_text(encoding="utf-8")
    file = home / "forum.toml"
    for place in ("capacity = 2500", "limit = 2500"):
        text = text.replace(place, place.replace("2500", "9999999"))
    file.write_text(text, encoding="utf-8")
    return file


def signing_key(home: Path) -> Ed25519PrivateKey:
    """Of a system that runs in `home`."""
    [key_file] = (home / "keys").glob("*.pem")
    key = load_pem_private_key(key_file.read_bytes(), password=None)
    assert isinstance(key, Ed25519PrivateKey)
    return key


async def badges(home: Path, database_url: str, count: int) -> Sequence[str]:
    """Credentials of badges that check-in knows, as if badging had told of them."""
    key = signing_key(home)
    people = [(uuid7(), secrets.token_bytes(8)) for _ in range(count)]
    connection = await asyncpg.connect(database_url)
    await connection.executemany(
        "INSERT INTO participants (registration_id, version, status, given_name, family_name,"
        " organization, country, category, search_name) VALUES ($1, 1, 'confirmed', 'Grace',"
        " 'Hopper', 'Eckert–Mauchly', 'US', 'private_sector', 'grace hopper')",
        [(registration_id,) for registration_id, _ in people],
    )
    await connection.executemany(
        "INSERT INTO badges (badge_id, registration_id, version, status, number, days, zones)"
        " VALUES ($1, $2, 1, 'valid', $3, $4, $5)",
        [
            (badge_id.hex(), registration_id, badge_number.make(number), EVERY_DAY, EVERY_ZONE)
            for number, (registration_id, badge_id) in enumerate(people)
        ],
    )
    await _settle(connection)
    await connection.close()
    return [
        credential.sign(Credential(1, badge_id, 2, EVERY_DAY, EVERY_ZONE), key)
        for _, badge_id in people
    ]


async def _all_told(database_url: str) -> None:
    """Wait until other services have heard of all scans: they are told in the pauses."""
    connection = await asyncpg.connect(database_url)
    while await connection.fetchval("SELECT EXISTS (SELECT FROM scan_outbox)"):
        await asyncio.sleep(0.2)
    await connection.close()


async def _many_more(database_url: str, count: int) -> None:
    """Badges that are never shown, and their holders."""
    connection = await asyncpg.connect(database_url)
    await connection.execute(
        f"""
        CREATE TEMPORARY TABLE more AS
        SELECT n, gen_random_uuid() AS registration_id FROM generate_series(1, {count}) AS n;
        INSERT INTO participants (registration_id, version, status, given_name, family_name,
            organization, country, category, search_name)
        SELECT registration_id, 1, 'confirmed', 'Grace', 'Hopper', 'Eckert–Mauchly', 'US',
            'private_sector', 'grace hopper' FROM more;
        INSERT INTO badges (badge_id, registration_id, version, status, number, days, zones)
        SELECT substr(md5(n::text), 1, 16), registration_id, 1, 'valid', 'more ' || n,
            {EVERY_DAY}, {EVERY_ZONE} FROM more;
        """
    )
    await _settle(connection)
    await connection.close()


async def _settle(connection: asyncpg.Connection[asyncpg.Record]) -> None:
    """Make the server one that has been at work for a while: it has statistics, and files at hand
    for its log, which else it makes in the middle, stopping everybody for 20 ms.
    """
    await connection.execute("ANALYZE")
    await connection.execute("CHECKPOINT")


def _scan(text: str) -> bytes:
    return json.dumps({"scan_id": str(uuid7()), "credential": text}).encode()


async def _tickets(database_url: str) -> Sequence[bytes]:
    tickets: list[UUID] = [uuid7() for _ in range(BADGES)]
    connection = await asyncpg.connect(database_url)
    await connection.executemany("INSERT INTO tickets VALUES ($1)", [(one,) for one in tickets])
    await connection.close()
    return [json.dumps({"id": str(one)}).encode() for one in tickets]
