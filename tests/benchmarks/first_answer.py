"""How long the control room takes to appear when a million scans are in the log."""

from __future__ import annotations

import asyncio
import statistics
import time
from contextlib import ExitStack
from pathlib import Path
from typing import Final

import asyncpg
from rich.console import Console
from rich.table import Table

from deploy.private_servers import PostgreSQL, started
from shared.access import Role
from tests.benchmarks.live import Headers, connected, request
from tests.benchmarks.scans import roomy_forum
from tests.running import FIRST_MORNING
from tests.system import OneMachine

PEOPLE: Final = 50_000
SCANS_A_DAY: Final = 200_000
FORUM_DAYS: Final = 5
LOOKS: Final = 50
LAST_DAY: Final = "2017-06-16"


def run(console: Console, home: Path) -> None:
    """Measure and print; the floor is the same server's answer that it is alive."""
    with ExitStack() as stack:
        database = stack.enter_context(started(PostgreSQL(home / "postgresql")))
        system = OneMachine(
            home / "system",
            FORUMPASS_DATABASE_URL=database.url,
            FORUMPASS_FORUM=str(roomy_forum(home)),
            FORUMPASS_CLOCK=FIRST_MORNING.replace("2017-06-12", LAST_DAY),
        )
        system.home.mkdir()
        with started(system):
            viewer = {"Authorization": f"Bearer {system.visit().token(Role.organiser)}"}
        asyncio.run(_a_whole_forum(f"{database.url}/forumpass_checkin"))
        stack.enter_context(started(system))
        table = Table("what", "after a start ms", "median ms", title="1,000,000 scans in the log")
        for name, path in (
            ("all that it shows", "/checkin/api/live"),
            ("its page", "/checkin/live"),
            ("an earlier day", f"/checkin/api/attendance?day={FIRST_MORNING[:10]}"),
            ("floor: alive", "/checkin/health/live"),
        ):
            took = asyncio.run(_look(system.port, path, viewer))
            table.add_row(name, f"{took[0]:.1f}", f"{statistics.median(took):.1f}")
    console.print(table)


async def _look(port: int, path: str, viewer: Headers) -> list[float]:
    """Milliseconds from each request to the end of the first thing that it tells, by turns."""
    took = []
    for _ in range(LOOKS):
        reader, writer = await connected(port)
        began = time.perf_counter()
        writer.write(request("GET", path, viewer))
        head = await reader.readuntil(b"\r\n\r\n")
        assert b" 200 " in head, head
        length = [
            line for line in head.lower().split(b"\r\n") if line.startswith(b"content-length")
        ]
        if length:
            await reader.readexactly(int(length[0].split(b":")[1]))
        else:
            await reader.readuntil(b"\r\n\r\n")  # the first event: the whole
        took.append((time.perf_counter() - began) * 1000)
        writer.close()
    return took


async def _a_whole_forum(database_url: str) -> None:
    """People who came each day and went in and out, as the log and its figures would have it."""
    connection = await asyncpg.connect(database_url)
    await connection.execute(
        f"""
        CREATE TEMPORARY TABLE people AS
        SELECT n, gen_random_uuid() AS id, substr(md5(n::text), 1, 16) AS badge_id,
            (ARRAY['government', 'private_sector', 'civil_society'])[1 + n % 3] AS category,
            (ARRAY['CH', 'FR', 'KE', 'BR', 'IN', 'CN'])[1 + n % 6] AS country
        FROM generate_series(0, {PEOPLE - 1}) AS n;
        INSERT INTO participants (registration_id, version, status, given_name, family_name,
            organization, country, category, search_name)
        SELECT id, 1, 'confirmed', 'Grace', 'Hopper', 'Eckert–Mauchly', country, category,
            'grace hopper' FROM people;
        INSERT INTO badges (badge_id, registration_id, version, status, number, days, zones)
        SELECT badge_id, id, 1, 'valid', n, 31, 3 FROM people;
        INSERT INTO scans (scan_id, gate, entrance, zone, direction, decision, reason, at,
            decided_at, badge_id, registration_id)
        SELECT gen_random_uuid(), 'tower-in', 'tower', 'venue',
            CASE WHEN nth / {PEOPLE} % 2 = 0 THEN 'in' ELSE 'out' END, 'admitted',
            CASE WHEN nth < {PEOPLE} THEN 'first_entry'
                 WHEN nth / {PEOPLE} % 2 = 0 THEN 're_entry' ELSE 'departed' END,
            moment, moment, badge_id, id
        FROM generate_series(0, {FORUM_DAYS - 1}) AS day,
            generate_series(0, {SCANS_A_DAY - 1}) AS nth
            JOIN people ON people.n = nth % {PEOPLE},
            LATERAL (SELECT timestamptz '2017-06-12 07:00+02' + day * interval '1 day'
                + nth * interval '50 ms' AS moment) AS moments;
        INSERT INTO attendance (registration_id, day, scan_id, at, entrance, category, country,
            region)
        SELECT registration_id, (at AT TIME ZONE 'Europe/Zurich')::date, scan_id, at, entrance,
            category, country, 'europe'
        FROM scans JOIN people ON people.id = registration_id WHERE reason = 'first_entry';
        INSERT INTO presence (registration_id, zone, inside, session, last_entry_day, scan_id, at,
            gate)
        SELECT registration_id, zone, n % 2 = 0, date '{LAST_DAY}', date '{LAST_DAY}', scan_id, at,
            gate
        FROM scans JOIN people ON people.id = registration_id
        WHERE reason = 'first_entry' AND at > timestamptz '{LAST_DAY} 00:00+02';
        ANALYZE
        """
    )
    await connection.close()
