"""Scans that are sent again, and scans at the same time."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from uuid import uuid4

import pytest
from sqlalchemy import text

from deploy.private_servers import PostgreSQL
from services.checkin import persons, tables
from tests.checkin import (
    IN,
    OTHER_IN,
    OUT,
    Checkin,
    issued,
    new_badge,
    new_scan_id,
    running,
)
from tests.people import confirmed

ROUNDS = 20
PATIENCE_SECONDS = 10


@pytest.fixture(scope="module")
async def checkin(
    postgres: PostgreSQL, tmp_path_factory: pytest.TempPathFactory
) -> AsyncIterator[Checkin]:
    postgres.drop_databases()
    async with running(postgres.url, tmp_path_factory.mktemp("home")) as service:
        yield service


# --- before the person is known ------------------------------------------------------------------


async def test_who_enters_while_their_particulars_are_heard_counts_in_their_groups(
    checkin: Checkin,
) -> None:
    for _ in range(ROUNDS):
        badge = new_badge(uuid4())
        await checkin.hear(issued(badge))
        fact = confirmed(badge.registration_id, category="media", country="CH")
        judged, _ = await asyncio.gather(checkin.scan(badge), checkin.hear(fact))
        assert judged["reason"] == "first_entry"
    figures = await checkin.attendance()
    assert "" not in figures["by_category"]
    assert "" not in figures["by_country"]
    assert figures["by_category"]["media"] == ROUNDS


# --- sent again ----------------------------------------------------------------------------------


async def test_a_scan_sent_again_has_the_same_answer_and_writes_nothing(checkin: Checkin) -> None:
    inside, outside, stranger = await checkin.badge(), await checkin.badge(), new_badge(uuid4())
    await checkin.scan(inside)
    await checkin.stop(outside, "revoked")
    device = await checkin.at(OTHER_IN)
    for body in (
        {"credential": (await checkin.badge()).credential},
        {"number": (await checkin.badge()).number, "direction": "out"},
        {"credential": inside.credential},
        {"credential": inside.credential, "override": "Came out by the garage"},
        {"credential": outside.credential},
        {"credential": stranger.credential},
        {"credential": "nothing"},
    ):
        scan = {"scan_id": new_scan_id(), **body}
        first = await checkin.post_scan(device, scan)
        assert first.status_code == 200
        again = await checkin.nothing_written(checkin.post_scan(device, scan))
        assert (again.status_code, again.content) == (200, first.content)


async def test_a_scan_sent_again_later_has_the_answer_of_its_time(checkin: Checkin) -> None:
    badge = await checkin.badge()
    scan = {"scan_id": new_scan_id(), "credential": badge.credential}
    first = await checkin.post_scan(await checkin.at(IN), scan)
    await checkin.scan(badge, OUT)
    await checkin.stop(badge, "revoked")
    again = await checkin.post_scan(await checkin.at(IN), scan)
    assert again.json() == first.json()


async def test_a_scan_sent_again_with_another_body_or_by_another_gate_is_the_same_scan(
    checkin: Checkin,
) -> None:
    badge, other = await checkin.badge(), await checkin.badge()
    scan_id = new_scan_id()
    first = await checkin.answer_to({"scan_id": scan_id, "credential": badge.credential})
    device = await checkin.at(OTHER_IN)
    for body in (
        {"credential": other.credential},
        {"number": other.number, "direction": "out"},
        {"credential": "nothing"},
    ):
        scan = {"scan_id": scan_id, **body}
        again = await checkin.nothing_written(checkin.post_scan(device, scan))
        assert again.json() == first
    assert (await checkin.scan(other))["reason"] == "first_entry"


async def test_a_scan_sent_several_times_at_once_is_written_once(checkin: Checkin) -> None:
    devices = [await checkin.at(IN), await checkin.at(OTHER_IN)]
    for _ in range(ROUNDS):
        badge, other = await checkin.badge(), await checkin.badge()
        scan_id = new_scan_id()
        texts = [badge.credential, badge.credential, other.credential, "nothing"]
        answers = await asyncio.gather(
            *(
                checkin.post_scan(device, {"scan_id": scan_id, "credential": text})
                for text in texts
                for device in devices
            )
        )
        assert {answer.status_code for answer in answers} == {200}
        assert len({answer.content for answer in answers}) == 1
        written = [row for row in await checkin.rows(tables.scans) if str(row.scan_id) == scan_id]
        assert len(written) == 1
    assert len(await checkin.said()) == len(await checkin.rows(tables.scans)) + len(devices) + 1


async def test_the_id_of_an_undo_is_no_scan(checkin: Checkin) -> None:
    undone = (await checkin.undo(await checkin.scan(await checkin.badge()))).json()
    badge = await checkin.badge()
    answer = await checkin.post_scan(
        await checkin.at(IN), {"scan_id": undone["scan_id"], "credential": badge.credential}
    )
    assert answer.status_code == 409
    assert (await checkin.scan(badge))["reason"] == "first_entry"


# --- at the same time ----------------------------------------------------------------------------


async def test_of_two_gates_that_see_one_badge_at_once_exactly_one_admits(
    checkin: Checkin,
) -> None:
    await asyncio.gather(checkin.at(IN), checkin.at(OTHER_IN))
    for _ in range(ROUNDS):
        badge = await checkin.badge()
        answers = await asyncio.gather(*(checkin.scan(badge, gate) for gate in (IN, OTHER_IN) * 2))
        [entry] = [answer for answer in answers if answer["decision"] == "admitted"]
        assert entry["reason"] == "first_entry"
        for answer in answers:
            if answer is not entry:
                assert answer["reason"] == "already_inside"
                assert answer["previous"]["scan_id"] == entry["scan_id"]


async def test_of_two_gates_whose_clocks_differ_exactly_one_admits(checkin: Checkin) -> None:
    for _ in range(ROUNDS):
        badge = await checkin.badge()
        answers = await asyncio.gather(
            checkin.scan(badge, IN, scanned_at="2017-06-12T08:00:00+02:00"),
            checkin.scan(badge, OTHER_IN, scanned_at="2017-06-12T07:59:00+02:00"),
        )
        reasons = sorted(answer["reason"] for answer in answers)
        assert reasons == ["already_inside", "first_entry"]


async def test_old_and_new_badge_at_once_let_one_person_in_once(checkin: Checkin) -> None:
    for _ in range(ROUNDS):
        old = await checkin.badge()
        new = await checkin.another_badge(old.registration_id, version=3)
        answers = await asyncio.gather(checkin.scan(old, IN), checkin.scan(new, OTHER_IN))
        assert sorted(answer["reason"] for answer in answers) == ["already_inside", "first_entry"]


async def test_people_who_come_and_go_at_once_are_all_counted(checkin: Checkin) -> None:
    before = await checkin.attendance()
    badges = [await checkin.badge() for _ in range(30)]
    await asyncio.gather(*(checkin.scan(badge, IN) for badge in badges))
    await asyncio.gather(*(checkin.scan(badge, OUT) for badge in badges[:10]))
    after = await checkin.attendance()
    assert after["arrived_today"] - before["arrived_today"] == 30
    assert after["inside"] - before["inside"] == 20


async def test_whoever_waits_for_a_lock_keeps_nobody_else_waiting(checkin: Checkin) -> None:
    held, others = await checkin.badge(), [await checkin.badge() for _ in range(3)]
    await checkin.scan(held, IN)
    async with checkin.service.database.begin() as tx:
        await persons.hold(tx, [held.registration_id])
        waiting = asyncio.create_task(checkin.scan(held, OUT))
        async with asyncio.timeout(PATIENCE_SECONDS):
            while not await _somebody_waits_for_a_lock(checkin):
                await asyncio.sleep(0.01)
        for badge in others:
            assert (await checkin.scan(badge, OTHER_IN))["decision"] == "admitted"
        assert not waiting.done()
    assert (await waiting)["reason"] == "departed"


async def _somebody_waits_for_a_lock(checkin: Checkin) -> bool:
    query = text("SELECT EXISTS (SELECT FROM pg_stat_activity WHERE wait_event_type = 'Lock')")
    async with checkin.service.database.read() as connection:
        return bool((await connection.execute(query)).scalar_one())
