"""What no scan tells of: silent gates, old replicas, a full house; each ends by itself."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import update

from deploy.private_servers import PostgreSQL
from services.checkin.tables import devices
from services.checkin.watchman import Watchman
from shared.events import CHECKIN_PARTICIPANTS, TroubleCounted
from shared.settings import REPOSITORY
from tests.checkin import IN, OTHER_IN, OUT, Body, Checkin, Device, running
from tests.running import Neighbours

LIMIT = 20


@pytest.fixture
async def checkin(postgres: PostgreSQL, tmp_path: Path) -> AsyncIterator[Checkin]:
    """In a venue that holds twenty."""
    postgres.drop_databases()
    forum = tmp_path / "forum.toml"
    text = (REPOSITORY / "deploy" / "forum.toml").read_text(encoding="utf-8")
    forum.write_text(text.replace("limit = 2500", f"limit = {LIMIT}").replace(
        "capacity = 2500", f"capacity = {LIMIT}"
    ), encoding="utf-8")  # fmt: skip
    async with running(postgres.url, tmp_path, forum=forum) as service:
        yield service


async def look(checkin: Checkin) -> list[Body]:
    """The open alerts after somebody has looked around."""
    watchman = Watchman(checkin.service.app.state.gates)
    while not await watchman.look():  # the service's own does, and began before what we changed
        await asyncio.sleep(0.01)
    answer = await checkin.http.get(
        "/checkin/api/alerts", params={"open": True}, headers=checkin.lead
    )
    items: list[Body] = answer.json()["items"]
    return items


async def device_said(checkin: Checkin, device: Device, **ago: float) -> None:
    """The device's times, so many minutes ago."""
    now = checkin.service.platform.clock.now()
    values = {name: now - timedelta(minutes=minutes) for name, minutes in ago.items()}
    async with checkin.service.database.begin() as tx:
        await tx.execute(update(devices).where(devices.c.id == device.id).values(values))


async def seen_to(checkin: Checkin, alert: Body) -> None:
    await checkin.http.post(f"/checkin/api/alerts/{alert['id']}/acknowledge", headers=checkin.lead)


def about(alerts: list[Body]) -> list[tuple[Any, ...]]:
    return sorted((alert["kind"], alert["gate"]) for alert in alerts)


async def test_a_gate_that_was_heard_and_falls_silent_is_an_alert(checkin: Checkin) -> None:
    silent, fine, _never = [await checkin.pair(gate) for gate in (IN, OTHER_IN, OUT)]
    yesterday = await checkin.pair(OUT)
    await device_said(checkin, silent, last_contact_at=2)
    await device_said(checkin, fine, last_contact_at=1)
    await device_said(checkin, yesterday, last_contact_at=24 * 60)
    alerts = await look(checkin)
    assert about(alerts) == [("gate_silent", IN)]
    assert alerts[0]["device_id"] == str(silent.id)
    assert about(await look(checkin)) == [("gate_silent", IN)]


async def test_a_silence_alerts_once_and_the_next_again(checkin: Checkin) -> None:
    device = await checkin.pair(IN)
    await device_said(checkin, device, last_contact_at=5)
    [alert] = await look(checkin)
    await seen_to(checkin, alert)
    assert await look(checkin) == []
    await checkin.http.put("/checkin/api/devices/me", json={}, headers=device.headers)
    assert await look(checkin) == []
    async with checkin.service.database.begin() as tx:
        # Five minutes on, as far as the alerts know.
        await tx.exec_driver_sql("UPDATE alerts SET at = at - interval '5 minutes'")
    await device_said(checkin, device, last_contact_at=3)
    assert about(await look(checkin)) == [("gate_silent", IN)]


@pytest.mark.parametrize("end", ["heard again", "revoked"])
async def test_a_silence_that_is_over_ends_its_alert(checkin: Checkin, end: str) -> None:
    device = await checkin.pair(IN)
    await device_said(checkin, device, last_contact_at=5)
    [alert] = await look(checkin)
    if end == "revoked":
        stop = f"/checkin/api/devices/{device.id}/revoke"
        await checkin.http.post(stop, headers=checkin.lead)
    else:
        await checkin.http.put("/checkin/api/devices/me", json={}, headers=device.headers)
    assert await look(checkin) == []
    answer = await checkin.http.get("/checkin/api/alerts", headers=checkin.lead)
    [over] = answer.json()["items"]
    assert (over["id"], over["acknowledged_by"]) == (alert["id"], None)
    assert over["acknowledged_at"] is not None


async def test_a_device_that_only_scans_is_heard_of_and_never_silent(checkin: Checkin) -> None:
    device = await checkin.at(IN)
    before = checkin.service.platform.clock.now()
    await checkin.scan(await checkin.badge())
    assert await look(checkin) == []
    shown = await checkin.http.get("/checkin/api/devices", headers=checkin.lead)
    [heard] = [one for one in shown.json() if one["device_id"] == str(device.id)]
    assert datetime.fromisoformat(heard["last_contact_at"]) >= before
    page = await checkin.http.get("/checkin/devices", headers=checkin.lead)
    assert "Last contact" in page.text
    assert "Not heard of yet" not in page.text
    await device_said(checkin, device, last_scan_at=30)
    assert await look(checkin) == []


async def test_a_gate_whose_scans_come_is_not_silent(checkin: Checkin) -> None:
    device = await checkin.at(IN)
    await device_said(checkin, device, last_contact_at=5)
    assert about(await look(checkin)) == [("gate_silent", IN)]
    await checkin.scan(await checkin.badge())
    assert await look(checkin) == []


async def test_a_scan_of_a_rehearsal_before_is_no_contact_of_this_one(checkin: Checkin) -> None:
    device = await checkin.at(IN)
    await device_said(checkin, device, last_contact_at=5, last_scan_at=-60)
    assert about(await look(checkin)) == [("gate_silent", IN)]


async def test_a_replica_that_gets_no_newer_is_an_alert(checkin: Checkin) -> None:
    device = await checkin.pair(IN)
    await device_said(checkin, device, last_contact_at=0, replica_at=16)
    assert about(await look(checkin)) == [("replica_old", IN)]
    await device_said(checkin, device, replica_at=0)
    assert await look(checkin) == []


async def test_the_venue_alerts_before_it_is_full_and_when_it_is(checkin: Checkin) -> None:
    badges = [await checkin.badge() for _ in range(LIMIT)]
    for badge in badges[:17]:
        await checkin.scan(badge)
    assert await look(checkin) == []
    await checkin.scan(badges[17])
    [alert] = await look(checkin)
    assert (alert["kind"], alert["detail"]) == ("venue_nearly_full", f"18 / {LIMIT}")
    for badge in badges[18:]:
        await checkin.scan(badge)
    assert about(await look(checkin)) == [("venue_full", None), ("venue_nearly_full", None)]
    for badge in badges[:2]:
        await checkin.scan(badge, OUT)
    assert about(await look(checkin)) == [("venue_nearly_full", None)]
    for badge in badges[2:4]:
        await checkin.scan(badge, OUT)
    assert await look(checkin) == []


async def test_an_acknowledged_crowd_does_not_alert_at_every_look(checkin: Checkin) -> None:
    for _ in range(18):
        await checkin.scan(await checkin.badge())
    [alert] = await look(checkin)
    await seen_to(checkin, alert)
    assert await look(checkin) == []


async def test_a_service_says_how_many_dead_letters_it_has(
    postgres: PostgreSQL, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def two(_: Neighbours, queue: str) -> int:
        return 2 if queue == CHECKIN_PARTICIPANTS else 0

    monkeypatch.setattr(Neighbours, "count_dead_letters", two)
    postgres.drop_databases()
    async with running(postgres.url, tmp_path) as checkin, asyncio.timeout(10):
        expected = TroubleCounted(kind="dead_letters", where=CHECKIN_PARTICIPANTS, count=2)
        while expected not in await checkin.said():
            await asyncio.sleep(0.05)


async def test_a_service_that_starts_says_that_there_is_no_trouble(
    postgres: PostgreSQL, tmp_path: Path
) -> None:
    # Else an alert of before the restart would stay open for ever.
    postgres.drop_databases()
    async with running(postgres.url, tmp_path), asyncio.timeout(10):
        while CHECKIN_PARTICIPANTS not in await asyncio.to_thread(_without_trouble, postgres):
            await asyncio.sleep(0.05)


def _without_trouble(postgres: PostgreSQL) -> list[str]:
    return postgres.execute(
        """
        SELECT event -> 'data' ->> 'where' FROM outbox
        WHERE event ->> 'type' LIKE '%trouble_counted.v1' AND event -> 'data' ->> 'count' = '0'
        """,
        database="forumpass_checkin",
    )
