"""Every service notes what staff and devices do, and the operator proves all logs unbroken."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial
from typing import Any
from uuid import uuid4

import httpx
import pytest

from deploy.private_servers import PostgreSQL
from shared.access import Role
from tests.system import (
    OneMachine,
    Visitor,
    badge_of,
    device_at,
    eventually,
    register,
    scan_until_known,
)

STRANGER = "203.0.113.7"


@pytest.fixture(scope="module")
def visitor(postgres: PostgreSQL, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Visitor]:
    postgres.drop_databases()
    one = OneMachine(tmp_path_factory.mktemp("home"), FORUMPASS_DATABASE_URL=postgres.url)
    one.start()
    yield one.visit()
    one.stop()


@pytest.fixture(scope="module")
def organiser(visitor: Visitor) -> Iterator[httpx.Client]:
    with visitor.as_staff(Role.organiser) as http:
        yield http


def test_the_gate_and_the_control_room(visitor: Visitor, organiser: httpx.Client) -> None:
    registration_id, _ = register(visitor)
    badge = badge_of(visitor, registration_id)
    with device_at(visitor, "tower-in") as device:
        scan_until_known(device, badge["credential"])
        _post(device, "/checkin/api/scans", scan_id=str(uuid4()), credential=badge["credential"])
        wanted = {"scan_id": str(uuid4()), "credential": badge["credential"]}
        let_in = _post(device, "/checkin/api/scans", **wanted, override="Twins")
        _post(device, "/checkin/api/scans", **wanted, override="Twins")
        _post(device, f"/checkin/api/scans/{let_in['scan_id']}/undo", reason="No twins")
        device_id = device.get("/checkin/api/devices/me").json()["device_id"]
        device.get("/checkin/api/participants", params={"q": "Lovelace"}).raise_for_status()
    organiser.get("/checkin/api/scans.csv").raise_for_status()
    organiser.get("/checkin/api/evacuation").raise_for_status()
    organiser.get("/checkin/api/participants", params={"q": "Lovelace"}).raise_for_status()
    _post(organiser, f"/checkin/api/devices/{device_id}/revoke")

    about = _acts(organiser, "checkin", about=registration_id)
    assert about == [
        ("organiser", "participant.search"),
        ("device", "participant.search"),
        ("device", "scan.undo"),
        ("device", "scan.override"),
    ]
    [override] = _entries(organiser, "checkin", act="scan.override", about=registration_id)
    assert (override["who"], override["which"]) == (device_id, let_in["scan_id"])
    assert override["reason"] == "Twins"
    assert override["details"] == {"gate": "tower-in", "rule": "already_inside"}
    assert override["address"] == "127.0.0.1"
    everything = [act for _, act in _acts(organiser, "checkin")]
    assert everything[:3] == ["device.stop", "participant.search", "evacuation.read"]
    for act in ("file.export", "device.pair", "device.offer_pairing"):
        assert act in everything


def test_badges_and_mails(visitor: Visitor, organiser: httpx.Client) -> None:
    registration_id, address = register(visitor)
    badge = badge_of(visitor, registration_id)
    visitor.mail_to(address, count=2)
    organiser.get(f"/badging/api/badges/{badge['id']}.pdf").raise_for_status()
    new = _post(organiser, f"/badging/api/badges/{badge['id']}/reissue", reason="Lost")
    _post(organiser, f"/badging/api/badges/{new['id']}/revoke", reason="Lost again")
    found = organiser.get("/notifications/api/messages", params={"recipient": address}).json()
    confirmation = found["items"][-1]["id"]
    organiser.post(f"/notifications/api/messages/{confirmation}/resend")

    acts = [act for _, act in _acts(organiser, "badging", about=registration_id)]
    assert acts[:3] == ["badge.revoke", "badge.reissue", "badge.read"]
    acts = [act for _, act in _acts(organiser, "notifications", about=registration_id)]
    assert acts == ["message.search"]  # the confirmation says what is no longer true: not sent


def test_it_says_from_where_though_a_proxy_stands_before_it(organiser: httpx.Client) -> None:
    organiser.get("/registration/api/registrations", headers={"X-Forwarded-For": STRANGER})
    assert _entries(organiser, "registration", act="registration.search")[0]["address"] == STRANGER


def test_a_token_is_noted(visitor: Visitor, organiser: httpx.Client) -> None:
    done = visitor.forumpass("token", "create", "--role", "desk", "--name", "Printer 3")
    assert done.returncode == 0, done.stderr
    [entry] = [
        entry
        for entry in _entries(organiser, "registration", act="token.create")
        if entry["details"]["holder"] == "Printer 3"
    ]
    assert (entry["who"], entry["details"]["role"]) == ("operator", "desk")


def test_a_token_is_revoked_by_itself_or_by_its_id(
    visitor: Visitor, organiser: httpx.Client
) -> None:
    tokens = [visitor.new_token(Role.desk) for _ in range(2)]
    made = _entries(organiser, "registration", act="token.create")
    for given, token in ((tokens[0], tokens[0]), (made[0]["which"], tokens[1])):
        with visitor.calling(token) as http:
            assert _status(http) == 200
            done = visitor.forumpass("token", "revoke", given)
            assert done.returncode == 0, done.stderr
            eventually(partial(_status, http), lambda status: status == 401)
    revoked = _entries(organiser, "registration", act="token.revoke")
    assert [entry["which"] for entry in revoked] == [entry["which"] for entry in made[:2]]
    wrong = visitor.forumpass("token", "revoke", "nonsense")
    assert (wrong.returncode, len(wrong.stderr.splitlines())) == (1, 1)


def _status(http: httpx.Client) -> int:
    return http.get("/badging/api/badges").status_code


def test_the_operator_proves_it_unbroken_or_learns_where_it_breaks(
    postgres: PostgreSQL, visitor: Visitor, organiser: httpx.Client
) -> None:
    for _ in range(3):
        organiser.get("/badging/api/badges").raise_for_status()
    done = visitor.forumpass("audit", "verify")
    assert (done.returncode, done.stdout.count(": unbroken")) == (0, 4), done.stdout

    last = postgres.execute("SELECT seq FROM audit_head", database="forumpass_badging")[0]
    forged = str(int(last) - 1)
    postgres.execute(
        f"""
        ALTER TABLE audit DISABLE TRIGGER USER;
        UPDATE audit SET who = 'Somebody else' WHERE seq = {forged};
        ALTER TABLE audit ENABLE TRIGGER USER;
        """,
        database="forumpass_badging",
    )
    done = visitor.forumpass("audit", "verify")
    assert done.returncode == 1
    assert f"badging: BROKEN: entry {forged} is not what was written" in done.stdout
    assert done.stdout.count(": unbroken") == 3


def _post(http: httpx.Client, path: str, **content: Any) -> dict[str, Any]:
    answer = http.post(path, json=content)
    assert answer.is_success, answer.text
    answered: dict[str, Any] = answer.json()
    return answered


def _entries(http: httpx.Client, service: str, **wanted: str) -> list[dict[str, Any]]:
    answer = http.get(f"/{service}/api/audit", params=wanted)
    assert answer.status_code == 200, answer.text
    items: list[dict[str, Any]] = answer.json()["items"]
    return items


def _acts(http: httpx.Client, service: str, **wanted: str) -> list[tuple[str, str]]:
    """Roles and acts, newest first."""
    return [(entry["role"], entry["act"]) for entry in _entries(http, service, **wanted)]
