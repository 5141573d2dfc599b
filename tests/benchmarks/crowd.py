"""A forum with many people, half of them inside, and a gate in Chromium that learns of them."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Final

import asyncpg
import httpx
from playwright.sync_api import Browser, Page
from uuid_utils.compat import uuid7

from deploy.private_servers import PostgreSQL, started
from shared import credential
from shared.access import Role
from shared.credential import Credential
from tests.benchmarks.scans import EVERY_DAY, EVERY_ZONE, roomy_forum, signing_key
from tests.browser.chromium import PHONE
from tests.replica import Somebody, many_people
from tests.system import OneMachine

MONDAY: Final = date(2017, 6, 12)
OPENING: Final = datetime(2017, 6, 12, 5, 30, tzinfo=UTC)
ARRIVING: Final = timedelta(hours=4)
PATIENCE_MS: Final = 120_000


@dataclass(frozen=True)
class Crowd:
    system: OneMachine
    lead: httpx.Client
    people: Sequence[Somebody]

    def open_gate(self, browser: Browser) -> Page:
        """Pair a phone at the tower, and answer once it knows everybody."""
        page = browser.new_context(viewport=PHONE, locale="en").new_page()
        page.goto(self.pairing_link())
        self.wait_for_people(page)
        return page

    def pairing_link(self) -> str:
        body = {"gate": "tower-in", "label": "Lane 1"}
        url: str = self.lead.post("/checkin/api/enrolments", json=body).json()["url"]
        return url

    def wait_for_people(self, page: Page) -> None:
        page.wait_for_function(
            "count => document.querySelector('gate-app')?.dataset.people === count",
            arg=str(len(self.people)),
            timeout=PATIENCE_MS,
        )

    def credentials(self, count: int) -> Sequence[str]:
        """Of the first, who are outside."""
        key = signing_key(self.system.home)
        return [
            credential.sign(
                Credential(1, bytes.fromhex(one.badge_id), 2, EVERY_DAY, EVERY_ZONE), key
            )
            for one in self.people[:count]
        ]


@contextmanager
def crowd(home: Path, count: int) -> Iterator[Crowd]:
    """A running system whose check-in knows so many people; the second half of them is inside."""
    people = list(many_people(count))
    with started(PostgreSQL(home / "postgresql")) as database:
        system = OneMachine(
            home / "system",
            FORUMPASS_DATABASE_URL=database.url,
            FORUMPASS_FORUM=str(roomy_forum(home)),
        )
        system.home.mkdir()
        with started(system), system.visit().as_staff(Role.security_lead) as lead:
            asyncio.run(_fill(f"{database.url}/forumpass_checkin", people))
            yield Crowd(system, lead, people)


async def _fill(database_url: str, people: Sequence[Somebody]) -> None:
    """As if registration and badging had told of them, and gates had let half of them in."""
    draw = random.Random(1)
    inside = [
        (one, uuid7(), OPENING + draw.random() * ARRIVING) for one in people[len(people) // 2 :]
    ]
    tables = {
        "participants": [
            {
                "registration_id": one.registration_id,
                "version": 1,
                "status": "confirmed",
                "given_name": one.given_name,
                "family_name": one.family_name,
                "organization": one.organization,
                "country": one.country,
                "category": one.category,
            }
            for one in people
        ],
        "badges": [
            {
                "badge_id": one.badge_id,
                "registration_id": one.registration_id,
                "version": 1,
                "status": "valid",
                "number": one.number,
                "days": EVERY_DAY,
                "zones": EVERY_ZONE,
            }
            for one in people
        ],
        "scans": [
            {
                "scan_id": scan_id,
                "gate": "tower-in",
                "entrance": "tower",
                "zone": "venue",
                "direction": "in",
                "badge_id": one.badge_id,
                "registration_id": one.registration_id,
                "decision": "admitted",
                "reason": "first_entry",
                "at": at,
                "decided_at": at,
            }
            for one, scan_id, at in inside
        ],
        "presence": [
            {
                "registration_id": one.registration_id,
                "zone": "venue",
                "inside": True,
                "session": MONDAY,
                "last_entry_day": MONDAY,
                "scan_id": scan_id,
                "at": at,
                "gate": "tower-in",
            }
            for one, scan_id, at in inside
        ],
    }
    connection = await asyncpg.connect(database_url)
    for table, rows in tables.items():
        await connection.copy_records_to_table(
            table, records=[tuple(row.values()) for row in rows], columns=list(rows[0])
        )
    await connection.execute("ANALYZE")
    await connection.close()
