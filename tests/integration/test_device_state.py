"""What devices say of themselves, where a lead puts them, and what they need to know."""

from __future__ import annotations

import json
import re
from collections.abc import AsyncIterator
from datetime import datetime, timedelta
from typing import Any
from uuid import uuid4

import httpx
import pytest
from sqlalchemy import text

from deploy.private_servers import PostgreSQL
from shared.access import Role
from shared.clock import Clock
from tests.checkin import IN, OTHER_IN, ROOM, Body, Checkin, Device, running
from tests.people import NOBODY

LEADS = (Role.organiser, Role.security_lead)
UNKNOWN: Body = {
    "battery": None,
    "charging": None,
    "app_version": None,
    "pending": None,
    "replica_at": None,
    "clock_off_seconds": None,
}


@pytest.fixture(scope="module")
async def checkin(
    postgres: PostgreSQL, tmp_path_factory: pytest.TempPathFactory
) -> AsyncIterator[Checkin]:
    postgres.drop_databases()
    async with running(postgres.url, tmp_path_factory.mktemp("home")) as service:
        yield service


async def report(checkin: Checkin, device: Device, **state: Any) -> httpx.Response:
    return await checkin.http.put(
        "/checkin/api/devices/me",
        # Not httpx's own encoder: it refuses what some tests send.
        content=json.dumps(state),
        headers=device.headers | {"Content-Type": "application/json"},
    )


async def move(checkin: Checkin, device: Device, **change: Any) -> httpx.Response:
    return await checkin.http.patch(
        f"/checkin/api/devices/{device.id}", json=change, headers=checkin.lead
    )


async def me(checkin: Checkin, device: Device) -> Body:
    answer = await checkin.http.get("/checkin/api/devices/me", headers=device.headers)
    assert answer.status_code == 200, answer.text
    told: Body = answer.json()
    return told


def off_by(**time: float) -> str:
    return (Clock.wall() + timedelta(**time)).isoformat()


async def clock_alerts(checkin: Checkin, device: Device) -> list[Body]:
    answer = await checkin.http.get(
        "/checkin/api/alerts", params={"limit": 200}, headers=checkin.lead
    )
    return [
        alert
        for alert in answer.json()["items"]
        if (alert["kind"], alert["device_id"]) == ("clock_off", str(device.id))
    ]


# --- its state -----------------------------------------------------------------------------------


async def test_a_device_says_how_it_is(checkin: Checkin) -> None:
    device = await checkin.pair(IN)
    fresh = await me(checkin, device)
    assert fresh | UNKNOWN | {"last_contact_at": None} == fresh
    state = {
        "battery": 0.75,
        "charging": False,
        "app_version": "2017.6.1+abc",
        "pending": 37,
        "replica_at": "2017-06-12T08:00:00+02:00",
    }
    answer = await report(checkin, device, **state, device_now=off_by(seconds=5))
    assert answer.status_code == 200
    told = answer.json()
    assert set(told) == {"device_id", "label", "gate", "now", "clock_off_seconds"}
    assert (told["device_id"], told["label"], told["gate"]) == (str(device.id), "Lane 1", IN)
    assert told["now"].startswith("2017-06-12T")
    assert told["clock_off_seconds"] == pytest.approx(5, abs=2)
    kept = await me(checkin, device)
    assert kept["replica_at"] == "2017-06-12T06:00:00Z"
    assert kept["last_contact_at"].startswith("2017-06-12T")
    assert {name: kept[name] for name in ("battery", "charging", "app_version", "pending")} == {
        name: value for name, value in state.items() if name != "replica_at"
    }
    listed = await checkin.http.get("/checkin/api/devices", headers=checkin.lead)
    assert kept in listed.json()


@pytest.mark.parametrize("state", [{}, {"battery": None, "pending": None}])
async def test_what_is_not_said_any_more_is_not_known(checkin: Checkin, state: Body) -> None:
    device = await checkin.pair(IN)
    await report(checkin, device, battery=0.5, pending=1, device_now=off_by())
    answer = await report(checkin, device, **state)
    assert answer.json()["clock_off_seconds"] is None
    kept = await me(checkin, device)
    assert kept | UNKNOWN == kept


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("battery", -0.01),
        ("battery", 1.01),
        ("battery", float("nan")),
        ("battery", "0.5"),
        ("battery", True),
        ("charging", 1),
        ("charging", "yes"),
        ("app_version", ""),
        ("app_version", "x" * 101),
        ("app_version", "nul\0"),
        ("app_version", "\ud800"),
        ("app_version", 7),
        ("pending", -1),
        ("pending", 2**31),
        ("pending", 1.5),
        ("pending", "3"),
        ("replica_at", "2017-06-12T08:00:00"),
        ("replica_at", "yesterday"),
        ("replica_at", "0001-01-01T00:00:00+14:00"),
        ("device_now", "9999-12-31T23:59:59-14:00"),
        ("device_now", "now"),
        ("gate", OTHER_IN),
    ],
)
async def test_a_wrong_state_is_refused_and_the_field_is_named(
    checkin: Checkin, field: str, value: object
) -> None:
    device = await checkin.at(IN)
    answer = await checkin.nothing_written(report(checkin, device, **{field: value}))
    assert answer.status_code == 422
    assert [error["field"] for error in answer.json()["errors"]] == [field]


# --- its clock -----------------------------------------------------------------------------------


@pytest.mark.parametrize("seconds", [90, -90, 86_400 * 400, -86_400 * 400])
async def test_a_clock_that_is_wrong_alerts_once_until_it_is_acknowledged(
    checkin: Checkin, seconds: int
) -> None:
    device = await checkin.pair(IN)
    for _ in range(3):
        await report(checkin, device, device_now=off_by(seconds=seconds))
    [alert] = await clock_alerts(checkin, device)
    assert (alert["gate"], alert["acknowledged_at"]) == (IN, None)
    assert re.fullmatch(r"[+-]\d+ s", alert["detail"])
    assert (alert["detail"][0] == "+") == (seconds > 0)
    await checkin.http.post(f"/checkin/api/alerts/{alert['id']}/acknowledge", headers=checkin.lead)
    await report(checkin, device, device_now=off_by(seconds=seconds))
    assert len(await clock_alerts(checkin, device)) == 2


@pytest.mark.parametrize("seconds", [0, 50, -50])
async def test_a_clock_that_is_nearly_right_is_good_enough(checkin: Checkin, seconds: int) -> None:
    device = await checkin.pair(IN)
    await report(checkin, device, device_now=off_by(seconds=seconds))
    assert await clock_alerts(checkin, device) == []


# --- its place -----------------------------------------------------------------------------------


async def test_a_device_that_is_moved_learns_of_it_and_scans_there(checkin: Checkin) -> None:
    device = await checkin.pair(IN)
    moved = await move(checkin, device, gate=OTHER_IN)
    assert moved.status_code == 200
    assert (moved.json()["gate"], moved.json()["label"]) == (OTHER_IN, "Lane 1")
    assert (await report(checkin, device)).json()["gate"] == OTHER_IN
    badge = await checkin.badge()
    await checkin.post_scan(device, {"scan_id": str(uuid4()), "credential": badge.credential})
    [entry] = await checkin.log(registration_id=badge.registration_id)
    assert entry["gate"] == OTHER_IN


async def test_a_device_is_given_another_name(checkin: Checkin) -> None:
    device = await checkin.pair(IN)
    renamed = (await move(checkin, device, label="  Lane 7 ")).json()
    assert (renamed["label"], renamed["gate"]) == ("Lane 7", IN)


async def test_no_change_changes_nothing(checkin: Checkin) -> None:
    device = await checkin.pair(IN)
    for change in ({}, {"gate": IN}, {"gate": None}):
        answer = await checkin.nothing_written(move(checkin, device, **change))
        assert answer.status_code == 200


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("gate", "garage"),
        ("gate", ""),
        ("gate", "\0"),
        ("gate", 7),
        ("label", ""),
        ("label", "  "),
        ("label", "x" * 101),
        ("label", "two\nlines"),
        ("token", "mine"),
    ],
)
async def test_a_wrong_move_is_refused_and_the_field_is_named(
    checkin: Checkin, field: str, value: object
) -> None:
    device = await checkin.at(IN)
    change = {"gate": ROOM, "label": "Lane 2", field: value}
    answer = await checkin.nothing_written(move(checkin, device, **change))
    assert answer.status_code == 422
    assert [error["field"] for error in answer.json()["errors"]] == [field]


async def test_a_stopped_device_neither_reports_nor_moves(checkin: Checkin) -> None:
    device = await checkin.pair(IN)
    await checkin.http.post(f"/checkin/api/devices/{device.id}/revoke", headers=checkin.lead)
    told = await checkin.nothing_written(report(checkin, device, pending=1))
    moved = await checkin.nothing_written(move(checkin, device, gate=ROOM))
    assert (told.status_code, moved.status_code) == (401, 409)


@pytest.mark.parametrize("device_id", [str(NOBODY), "7", "%00"])
async def test_a_device_that_never_was_cannot_be_moved(checkin: Checkin, device_id: str) -> None:
    answer = await checkin.http.patch(
        f"/checkin/api/devices/{device_id}", json={"gate": IN}, headers=checkin.lead
    )
    assert answer.status_code == 404


@pytest.mark.parametrize("role", Role)
async def test_of_staff_the_leads_move_devices_and_none_reports_for_them(
    checkin: Checkin, role: Role
) -> None:
    device, headers = await checkin.pair(IN), checkin.staff(role)
    moved = await checkin.http.patch(
        f"/checkin/api/devices/{device.id}", json={"gate": ROOM}, headers=headers
    )
    assert moved.status_code == (200 if role in LEADS else 403)
    told = await checkin.http.put("/checkin/api/devices/me", json={}, headers=headers)
    assert told.status_code == 401
    page = await checkin.http.post(
        f"/checkin/devices/{device.id}/move", data={"gate": IN}, headers=headers
    )
    assert page.status_code == (303 if role in LEADS else 403)


async def test_nobody_else_moves_devices(checkin: Checkin) -> None:
    device = await checkin.pair(IN)
    registrant = checkin.keyring.registrant_token(uuid4())
    for headers in ({}, device.headers, {"Authorization": f"Bearer {registrant}"}):
        answer = await checkin.http.patch(
            f"/checkin/api/devices/{device.id}", json={"gate": ROOM}, headers=headers
        )
        assert answer.status_code == 401


# --- the page ------------------------------------------------------------------------------------


async def page(checkin: Checkin) -> str:
    answer = await checkin.http.get("/checkin/devices", headers=checkin.lead)
    assert answer.status_code == 200
    return answer.text


async def rename(checkin: Checkin, device: Device, label: str) -> None:
    assert (await move(checkin, device, label=label)).status_code == 200


def card_of(html: str, device: Device) -> str:
    """What the page says of a device."""
    [card] = [part for part in html.split("<section")[1:] if f'"device-{device.id}"' in part]
    return card.split("</section>")[0]


async def test_the_page_says_how_each_device_is(checkin: Checkin) -> None:
    device, silent, gone = [await checkin.pair(IN) for _ in range(3)]
    await rename(checkin, device, "<b>Lane</b>")
    assert "Not heard of yet" in card_of(await page(checkin), device)
    await report(
        checkin, device, battery=0.42, charging=True, app_version="2017.6.1", pending=37,
        device_now=off_by(hours=2),
    )  # fmt: skip
    await report(checkin, silent)
    async with checkin.service.database.begin() as tx:
        await tx.execute(
            text("""
                UPDATE devices SET last_contact_at = last_contact_at - interval '2 minutes'
                WHERE id = :id
            """),
            {"id": silent.id},
        )
    await checkin.http.post(f"/checkin/api/devices/{gone.id}/revoke", headers=checkin.lead)
    html = await page(checkin)
    card = card_of(html, device)
    for shown in (
        "&lt;b&gt;Lane", "In contact", "Clock is wrong", "42 %", "charging", "37", "2017.6.1",
    ):  # fmt: skip
        assert shown in card
    assert "No contact" in card_of(html, silent)
    assert f"device-{gone.id}" not in html


async def test_a_device_is_moved_on_the_page(checkin: Checkin) -> None:
    device = await checkin.pair(IN)
    assert f'<option value="{IN}" selected>' in card_of(await page(checkin), device)
    form = f"/checkin/devices/{device.id}/move"
    answer = await checkin.http.post(form, data={"gate": ROOM}, headers=checkin.lead)
    assert (answer.status_code, answer.headers["Location"]) == (303, "/checkin/devices")
    assert (await me(checkin, device))["gate"] == ROOM
    wrong = await checkin.http.post(form, data={"gate": "garage"}, headers=checkin.lead)
    assert wrong.status_code == 422


async def test_the_page_names_a_gate_that_the_forum_has_no_more(checkin: Checkin) -> None:
    device = await checkin.pair(IN)
    async with checkin.service.database.begin() as tx:
        await tx.execute(
            text("UPDATE devices SET gate = 'torn-down' WHERE id = :id"), {"id": device.id}
        )
    assert "torn-down" in card_of(await page(checkin), device)


# --- what it needs to know -----------------------------------------------------------------------


async def test_the_forum_says_what_a_device_decides_by(checkin: Checkin) -> None:
    told = (await checkin.http.get("/checkin/api/forum")).json()
    assert told["closes"] == checkin.forum.venue.closes.isoformat()
    assert [(zone["bit"], zone["anti_passback"], zone["scan_out"]) for zone in told["zones"]] == [
        (zone.bit, zone.anti_passback, zone.scan_out) for zone in checkin.forum.zones
    ]
    assert datetime.fromisoformat(told["now"]).utcoffset() is not None
