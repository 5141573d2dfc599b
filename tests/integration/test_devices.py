"""Devices at the gates: paired by a code, stopped by a lead."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import datetime, timedelta
from uuid import UUID, uuid4

import httpx
import pytest

from deploy.private_servers import PostgreSQL
from services.checkin import tables
from services.checkin.gates import Gates
from services.checkin.turnstile import Turnstile
from shared.access import SESSION_COOKIE, Role, Staff
from shared.events import DeviceEnrolled, DeviceRevoked
from tests.checkin import IN, ROOM, Checkin, Device, running
from tests.people import NOBODY

LEADS = (Role.organiser, Role.security_lead)


@pytest.fixture(scope="module")
async def checkin(
    postgres: PostgreSQL, tmp_path_factory: pytest.TempPathFactory
) -> AsyncIterator[Checkin]:
    postgres.drop_databases()
    async with running(postgres.url, tmp_path_factory.mktemp("home")) as service:
        yield service


async def offer(checkin: Checkin, gate: str = IN, **more: object) -> dict[str, str]:
    answer = await checkin.http.post(
        "/checkin/api/enrolments", json={"gate": gate, "label": "Lane 1"} | more,
        headers=checkin.lead,
    )  # fmt: skip
    assert answer.status_code == 201, answer.text
    offered: dict[str, str] = answer.json()
    return offered


async def pair(checkin: Checkin, code: str) -> httpx.Response:
    return await checkin.http.post("/checkin/api/devices", json={"code": code})


async def revoke(checkin: Checkin, device: Device) -> httpx.Response:
    return await checkin.http.post(f"/checkin/api/devices/{device.id}/revoke", headers=checkin.lead)


# --- pairing -------------------------------------------------------------------------------------


async def test_a_device_is_paired_by_a_code_and_scans_at_its_gate(checkin: Checkin) -> None:
    offered = await offer(checkin)
    assert set(offered) == {"code", "url", "expires_at"}
    assert offered["url"].endswith(f"/checkin/gate/#code={offered['code']}")
    paired = await pair(checkin, offered["code"])
    assert paired.status_code == 201
    assert set(paired.json()) == {"device_id", "token", "gate"}
    device = Device(UUID(paired.json()["device_id"]), paired.json()["gate"], paired.json()["token"])
    assert device.gate == IN
    badge = await checkin.badge()
    answer = await checkin.post_scan(
        device, {"scan_id": str(uuid4()), "credential": badge.credential}
    )
    assert answer.json()["reason"] == "first_entry"
    [entry] = await checkin.log(registration_id=badge.registration_id)
    assert (entry["gate"], entry["device_id"]) == (IN, str(device.id))


async def test_a_code_is_good_for_a_quarter_of_an_hour(checkin: Checkin) -> None:
    offered = await offer(checkin)
    left = datetime.fromisoformat(offered["expires_at"]) - checkin.service.platform.clock.now()
    assert timedelta(minutes=14) < left <= timedelta(minutes=15)


@pytest.mark.parametrize("typed", ["{0}", "{1}", " {2} \n", "{3}"])
async def test_a_code_may_be_typed_in_any_way(checkin: Checkin, typed: str) -> None:
    code = (await offer(checkin))["code"]
    ways = (code.lower(), code.replace("-", ""), code.replace("-", " "), code.replace("0", "O"))
    assert (await pair(checkin, typed.format(*ways))).status_code == 201


async def test_a_code_works_once(checkin: Checkin) -> None:
    code = (await offer(checkin))["code"]
    answers = await asyncio.gather(*(pair(checkin, code) for _ in range(4)))
    assert sorted(answer.status_code for answer in answers) == [201, 409, 409, 409]


async def test_a_wrong_code_pairs_nothing(checkin: Checkin) -> None:
    for code in ("0000-0000", "", "\0", "x" * 100):
        answer = await checkin.nothing_written(pair(checkin, code))
        assert answer.status_code == 404
        assert answer.headers["Content-Type"] == "application/problem+json"


async def test_an_old_code_pairs_nothing_though_the_rehearsal_began_anew(
    checkin: Checkin,
) -> None:
    state = checkin.service.app.state
    gates: Gates = state.gates
    state.gates = replace(gates, enrolment_lifetime=timedelta(0))
    code = (await offer(checkin))["code"]
    state.gates = replace(gates, clock=replace(gates.clock, offset=timedelta(days=-9000)))
    answer = await checkin.nothing_written(pair(checkin, code))
    state.gates = gates
    assert answer.status_code == 410


async def test_codes_and_tokens_are_kept_as_digests_only(checkin: Checkin) -> None:
    code = (await offer(checkin))["code"]
    token = (await pair(checkin, code)).json()["token"]
    kept = repr([await checkin.rows(tables.enrolments), await checkin.rows(tables.devices)])
    for secret in (code, code.replace("-", ""), token):
        assert secret not in kept


async def test_others_are_told_of_devices(checkin: Checkin) -> None:
    device = await checkin.pair(ROOM)
    await revoke(checkin, device)
    about = [fact for fact in await checkin.said() if getattr(fact, "device_id", 0) == device.id]
    assert about == [
        DeviceEnrolled(device_id=device.id, gate=ROOM),
        DeviceRevoked(device_id=device.id, gate=ROOM),
    ]


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("gate", "garage"),
        ("gate", ""),
        ("gate", None),
        ("gate", "\0"),
        ("label", ""),
        ("label", "  "),
        ("label", "x" * 101),
        ("label", "two\nlines"),
        ("label", "nul\0"),
        ("label", "\ud800"),
        ("label", 7),
        ("zone", "venue"),
    ],
)
async def test_a_wrong_enrolment_is_refused_and_the_field_is_named(
    checkin: Checkin, field: str, value: object
) -> None:
    answer = await checkin.nothing_written(
        checkin.http.post(
            "/checkin/api/enrolments",
            content=json.dumps({"gate": IN, "label": "Lane 1", field: value}),
            headers=checkin.lead | {"Content-Type": "application/json"},
        )
    )
    assert answer.status_code == 422
    assert [error["field"] for error in answer.json()["errors"]] == [field]


@pytest.mark.parametrize("kind", ["text/plain", ""])
async def test_a_body_that_is_not_said_to_be_json_is_refused(checkin: Checkin, kind: str) -> None:
    headers = checkin.lead | ({"Content-Type": kind} if kind else {})
    answer = await checkin.nothing_written(
        checkin.http.post(
            "/checkin/api/enrolments", content='{"gate": "tower-in", "label": "1"}', headers=headers
        )
    )
    assert answer.status_code == 415
    assert "application/json" in answer.json()["detail"]


@pytest.mark.parametrize("body", ["{}", '{"code": 7}', '{"code": null}', '{"code": "\\ud800"}'])
async def test_a_body_without_a_code_is_refused(checkin: Checkin, body: str) -> None:
    answer = await checkin.nothing_written(
        checkin.http.post(
            "/checkin/api/devices", content=body, headers={"Content-Type": "application/json"}
        )
    )
    assert answer.status_code == 422
    assert [error["field"] for error in answer.json()["errors"]] == ["code"]


# --- stopping ------------------------------------------------------------------------------------


async def test_a_stopped_device_is_refused_at_once(checkin: Checkin) -> None:
    device, other = await checkin.pair(IN), await checkin.pair(IN)
    badge = await checkin.badge()
    scan = {"scan_id": str(uuid4()), "credential": badge.credential}
    assert (await checkin.post_scan(device, scan)).status_code == 200
    stopped = await revoke(checkin, device)
    assert stopped.status_code == 200
    assert stopped.json()["revoked_at"] is not None
    # Not even the answer of its own scan.
    for body in (scan, scan | {"scan_id": str(uuid4())}):
        assert (await checkin.post_scan(device, body)).status_code == 401
    for path in ("/devices/me", "/gates"):
        answer = await checkin.http.get(f"/checkin/api{path}", headers=device.headers)
        assert answer.status_code == 401
    assert (await checkin.undo(scan, by=device)).status_code == 401
    assert (await checkin.post_scan(other, scan)).status_code == 200


async def test_stopping_a_device_again_changes_nothing(checkin: Checkin) -> None:
    device = await checkin.pair(IN)
    first = await revoke(checkin, device)
    again = await checkin.nothing_written(revoke(checkin, device))
    assert again.json() == first.json()


@pytest.mark.parametrize("device_id", [str(NOBODY), "7", "%00"])
async def test_a_device_that_never_was_cannot_be_stopped(checkin: Checkin, device_id: str) -> None:
    answer = await checkin.http.post(
        f"/checkin/api/devices/{device_id}/revoke", headers=checkin.lead
    )
    assert answer.status_code == 404


async def test_a_device_at_a_gate_that_the_forum_no_longer_has_is_told_so(
    checkin: Checkin,
) -> None:
    device, badge = await checkin.pair("varembe-in"), await checkin.badge()
    scan = {"credential": badge.credential}
    await checkin.post_scan(device, scan | {"scan_id": str(uuid4())})
    state = checkin.service.app.state
    before: Turnstile = state.turnstile
    gates: Gates = state.gates
    kept = tuple(gate for gate in checkin.forum.gates if gate.entrance != "varembe")
    smaller = checkin.forum.model_copy(update={"gates": kept})
    state.turnstile = Turnstile(replace(gates, forum=smaller))
    answer = await checkin.post_scan(device, scan | {"scan_id": str(uuid4())})
    # Who came in there is known all the same.
    elsewhere = await checkin.scan(badge)
    state.turnstile = before
    assert answer.status_code == 409
    assert elsewhere["previous"]["gate"] == "varembe-in"


# --- who may -------------------------------------------------------------------------------------


@pytest.mark.parametrize("role", Role)
async def test_of_staff_the_leads_manage_devices(checkin: Checkin, role: Role) -> None:
    device = await checkin.pair(IN)
    allowed = role in LEADS
    headers = checkin.staff(role)
    for method, path, body, status in (
        ("POST", "/enrolments", {"gate": IN, "label": "Lane 1"}, 201),
        ("GET", "/devices", None, 200),
        ("POST", f"/devices/{device.id}/revoke", None, 200),
    ):
        answer = await checkin.http.request(
            method, f"/checkin/api{path}", json=body, headers=headers
        )
        assert answer.status_code == (status if allowed else 403)


async def test_nobody_else_manages_devices(checkin: Checkin) -> None:
    device = await checkin.pair(IN)
    registrant = checkin.keyring.registrant_token(uuid4())
    for headers in ({}, device.headers, {"Authorization": f"Bearer {registrant}"}):
        for method, path in (
            ("POST", "/enrolments"),
            ("GET", "/devices"),
            ("POST", f"/devices/{device.id}/revoke"),
        ):
            answer = await checkin.http.request(
                method,
                f"/checkin/api{path}",
                json={"gate": IN, "label": "Lane 1"} if path == "/enrolments" else None,
                headers=headers,
            )
            assert answer.status_code == 401


@pytest.mark.parametrize(
    ("accepted", "name"),
    [
        ("ru", "Башня, вход"),
        ("ar-EG, en;q=0.5", "البرج – دخول"),
        ("de", "Tower in"),
        (None, "Tower in"),
    ],
)
async def test_a_gate_is_named_in_the_callers_language(
    checkin: Checkin, accepted: str | None, name: str
) -> None:
    device = await checkin.at(IN)
    headers = device.headers | ({"Accept-Language": accepted} if accepted else {})
    gates = (await checkin.http.get("/checkin/api/gates", headers=headers)).json()
    forum = (await checkin.http.get("/checkin/api/forum", headers=headers)).json()
    for answer in (gates, forum["gates"]):
        assert [gate["name"] for gate in answer if gate["id"] == IN] == [name]


async def test_gates_are_listed_for_devices_and_staff_and_nobody_else(checkin: Checkin) -> None:
    device = await checkin.pair(IN)
    expected = [
        {
            "id": gate.id,
            "name": gate.name.en,
            "names": gate.name.model_dump(),
            "zone": gate.zone,
            "direction": gate.direction,
            "entrance": gate.entrance,
        }
        for gate in checkin.forum.gates
    ]
    session = checkin.keyring.session(Staff("Ada", Role.viewer))
    for headers in (
        device.headers,
        *(checkin.staff(role) for role in Role),
        {"Cookie": f"{SESSION_COOKIE}={session}"},
    ):
        answer = await checkin.http.get("/checkin/api/gates", headers=headers)
        assert answer.status_code == 200
        assert answer.json() == expected
    registrant = checkin.keyring.registrant_token(uuid4())
    for headers in (
        {},
        {"Authorization": "Bearer wrong"},
        {"Authorization": f"Bearer {registrant}"},
        {"Authorization": f"Basic {device.token}"},
        {"Cookie": f"{SESSION_COOKIE}={device.token}"},
    ):
        answer = await checkin.http.get("/checkin/api/gates", headers=headers)
        assert answer.status_code == 401


async def test_a_device_asks_who_it_is(checkin: Checkin) -> None:
    device = await checkin.pair(ROOM)
    answer = await checkin.http.get("/checkin/api/devices/me", headers=device.headers)
    told = answer.json()
    assert (told["device_id"], told["gate"]) == (str(device.id), ROOM)
    assert (told["label"], told["revoked_at"]) == ("Lane 1", None)
    listed = await checkin.http.get("/checkin/api/devices", headers=checkin.lead)
    assert told in listed.json()
