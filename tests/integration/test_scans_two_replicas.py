"""Two replicas of check-in judge the same people at the same time: nothing is held between looking
at somebody and writing, so whoever writes second must notice."""

from __future__ import annotations

import asyncio
import random
import sys
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack
from datetime import date, datetime, timedelta
from typing import Any
from uuid import UUID, uuid4
from zoneinfo import ZoneInfo

import pytest
from sqlalchemy import text

from deploy.private_servers import PostgreSQL
from services.checkin import tables
from services.checkin.consumers import know_badge
from shared.events import BadgeRestated
from tests.checkin import (
    ALL_DAYS,
    IN,
    OTHER_IN,
    OUT,
    VENUE,
    Badge,
    Body,
    Checkin,
    issued,
    new_badge,
    new_scan_id,
    running,
)

ROUNDS = 20
GENEVA = ZoneInfo("Europe/Zurich")
Replicas = tuple[Checkin, Checkin]


@pytest.fixture(scope="module")
async def replicas(
    postgres: PostgreSQL, tmp_path_factory: pytest.TempPathFactory
) -> AsyncIterator[Replicas]:
    postgres.drop_databases()
    home = tmp_path_factory.mktemp("home")
    async with AsyncExitStack() as stack:
        one, other = [
            await stack.enter_async_context(running(postgres.url, home)) for _ in range(2)
        ]
        yield one, other


def restated(badge: Badge) -> BadgeRestated:
    return BadgeRestated(
        badge_id=badge.badge_id,
        registration_id=badge.registration_id,
        version=1,
        number=badge.number,
        days=ALL_DAYS,
        zones=VENUE,
        status="valid",
    )


async def somebody_waits(checkin: Checkin) -> bool:
    """Whether a transaction waits for a lock that another has taken by name."""
    waiting = text("SELECT 1 FROM pg_locks WHERE locktype = 'advisory' AND NOT granted LIMIT 1")
    async with checkin.service.database.read() as connection:
        return (await connection.execute(waiting)).first() is not None


async def test_of_two_replicas_that_see_one_badge_at_once_exactly_one_admits(
    replicas: Replicas,
) -> None:
    one, other = replicas
    for _ in range(ROUNDS):
        badge = await one.badge()
        answers = await asyncio.gather(
            one.scan(badge, IN), other.scan(badge, OTHER_IN), one.scan(badge), other.scan(badge)
        )
        [entry] = [answer for answer in answers if answer["decision"] == "admitted"]
        assert entry["reason"] == "first_entry"
        for answer in answers:
            if answer is not entry:
                assert answer["reason"] == "already_inside"
                assert answer["previous"]["scan_id"] == entry["scan_id"]
    await check(replicas)


async def test_whoever_hears_of_a_badge_at_the_same_moment_waits_for_the_other(
    replicas: Replicas,
) -> None:
    one, other = replicas
    badge = new_badge(uuid4())
    async with one.service.database.begin() as tx:
        await know_badge(tx, issued(badge))
        hearing = asyncio.create_task(other.hear(restated(badge)))
        async with asyncio.timeout(10):
            while not await somebody_waits(one):
                await asyncio.sleep(0.02)
        assert not hearing.done()
    await hearing
    [number] = [
        row.number for row in await one.rows(tables.badges) if row.badge_id == badge.badge_id
    ]
    assert number == badge.number


async def test_of_two_people_with_one_scan_id_only_the_logged_one_is_inside(
    replicas: Replicas,
) -> None:
    one, _ = replicas
    for _ in range(ROUNDS):
        badges = [await one.badge(), await one.badge()]
        scan_id = new_scan_id()
        answers = await asyncio.gather(
            *(
                replica.answer_to({"scan_id": scan_id, "credential": badge.credential})
                for replica, badge in zip(replicas, badges, strict=True)
            )
        )
        assert answers[0] == answers[1]
        inside = {row.registration_id for row in await one.rows(tables.presence)}
        [let_in] = [badge for badge in badges if badge.registration_id in inside]
        assert answers[0]["participant"]["badge_id"] == let_in.badge_id
    await check(replicas)


async def test_whatever_happens_at_once_presence_and_attendance_follow_from_the_log(
    replicas: Replicas,
) -> None:
    seed = random.randrange(1_000_000)
    sys.stdout.write(f"{seed=}")  # pytest shows it if this fails
    chance = random.Random(seed)
    badges = [await replicas[0].badge() for _ in range(3)]
    done: list[Body] = []
    for _ in range(3 * ROUNDS):
        acts = [_act(chance, replicas, badges, done) for _ in range(chance.randint(2, 6))]
        answers = await asyncio.gather(*acts)
        done += [each for each in answers if each and each["decision"] == "admitted"]
        await check(replicas)


def _act(
    chance: random.Random, replicas: Replicas, badges: list[Badge], done: list[Body]
) -> Awaitable[Body | None]:
    """Something that happens at a gate: at once, late, or taken back."""
    replica, badge = chance.choice(replicas), chance.choice(badges)
    gate = chance.choice([IN, OTHER_IN, OUT])
    acts: list[Callable[[], Awaitable[Body | None]]] = [
        lambda: replica.scan(badge, gate),
        lambda: replica.scan(badge, gate),
        lambda: _late(replica, badge, gate, minutes=chance.randint(1, 60)),
    ]
    if done:
        mistake = chance.choice(done)
        acts.append(lambda: _undone(replica, mistake))
    return chance.choice(acts)()


async def _late(replica: Checkin, badge: Badge, gate: str, *, minutes: int) -> Body:
    now = replica.service.platform.clock.now()
    scan = {
        "scan_id": new_scan_id(),
        "credential": badge.credential,
        "scanned_at": (now - timedelta(minutes=minutes)).isoformat(),
    }
    answer = await replica.http.post(
        "/checkin/api/scans/batch",
        json={"scans": [scan]},
        headers=(await replica.at(gate)).headers,
    )
    assert answer.status_code == 200, answer.text
    told: Body = answer.json()["answers"][0]
    return told


async def _undone(replica: Checkin, scan: Body) -> None:
    answer = await replica.undo(scan)
    assert answer.status_code in (200, 201, 409), answer.text


# --- what must follow from the log ----------------------------------------------------------------


async def check(replicas: Replicas) -> None:
    """Compare what is kept of each person with what their passages in the log say."""
    one, _ = replicas
    log = sorted(await one.rows(tables.scans), key=lambda row: (row.at, row.seq))
    taken_back = {row.undoes for row in log}
    passages: dict[UUID, list[Any]] = {}
    for row in log:
        if row.decision == "admitted" and row.scan_id not in taken_back:
            passages.setdefault(row.registration_id, []).append(row)
    last = {person: way[-1].scan_id for person, way in passages.items()}
    inside = {person for person, way in passages.items() if way[-1].direction == "in"}
    kept = await one.rows(tables.presence)
    assert {row.registration_id: row.scan_id for row in kept} == last
    assert {row.registration_id for row in kept if row.inside} == inside
    arrivals = {(row.registration_id, row.day): row.at for row in await one.rows(tables.attendance)}
    assert arrivals == _first_entries(passages)


def _first_entries(passages: dict[UUID, list[Any]]) -> dict[tuple[UUID, date], datetime]:
    first: dict[tuple[UUID, date], datetime] = {}
    for person, way in passages.items():
        for passage in way:
            if passage.direction == "in":
                day = passage.at.astimezone(GENEVA).date()
                first.setdefault((person, day), passage.at)
    return first
