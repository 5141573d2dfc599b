"""What is no scan: refused with a problem that names what is wrong, and nothing is written."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from typing import Any

import httpx
import pytest

from deploy.private_servers import PostgreSQL
from shared.access import Role
from tests.checkin import IN, Badge, Checkin, new_scan_id, running

JSON = {"Content-Type": "application/json"}


@pytest.fixture(scope="module")
async def checkin(
    postgres: PostgreSQL, tmp_path_factory: pytest.TempPathFactory
) -> AsyncIterator[Checkin]:
    postgres.drop_databases()
    async with running(postgres.url, tmp_path_factory.mktemp("home")) as service:
        yield service


@pytest.fixture(scope="module")
async def badge(checkin: Checkin) -> Badge:
    """A badge that would be admitted."""
    return await checkin.badge()


async def refused(checkin: Checkin, content: str | bytes, **headers: str) -> httpx.Response:
    """The problem in answer to a body that a device sends; nothing was written."""
    device = await checkin.at(IN)
    answer = await checkin.nothing_written(
        checkin.http.post(
            "/checkin/api/scans", content=content, headers=JSON | device.headers | headers
        )
    )
    assert answer.headers["Content-Type"] == "application/problem+json"
    assert answer.json()["status"] == answer.status_code
    assert answer.json()["type"].startswith("urn:forum-pass:problem:")
    return answer


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("scan_id", "7"),
        ("scan_id", ""),
        ("scan_id", None),
        ("scan_id", 7),
        ("scan_id", float("nan")),
        ("scan_id", "\0"),
        ("credential", 7),
        ("credential", ["A"]),
        ("credential", {}),
        ("credential", "A" * 7090),
        ("credential", "\ud800"),
        ("direction", "sideways"),
        ("direction", ""),
        ("direction", 1),
        ("scanned_at", "2017-06-12T08:00:00"),
        ("scanned_at", "yesterday"),
        ("scanned_at", "2017-06-31T08:00:00Z"),
        ("scanned_at", "0001-01-01T00:00:00+14:00"),
        ("scanned_at", "9999-12-31T23:59:59-14:00"),
        ("scanned_at", float("inf")),
        ("scanned_at", 5),
        ("scanned_at", "1497247200"),
        ("scanned_at", "\0"),
        ("override", ""),
        ("override", "  "),
        ("override", True),
        ("override", {}),
        ("override", {"reason": None}),
        ("override", {"reason": ["Speaker"]}),
        ("override", "x" * 201),
        ("override", "nul\0"),
        ("override", "two\nlines"),
        ("override", "\udfff"),
        ("gate", IN),  # the device's own counts
    ],
)
async def test_a_wrong_field_is_named(
    checkin: Checkin, badge: Badge, field: str, value: object
) -> None:
    body = {"scan_id": new_scan_id(), "credential": badge.credential, field: value}
    answer = await refused(checkin, json.dumps(body))
    assert answer.status_code == 422
    assert [error["field"] for error in answer.json()["errors"]] == [field]
    assert answer.json()["detail"].startswith(f"{field}: ")


@pytest.mark.parametrize("value", [7, "0" * 101, "\ud800", ["7KQ2-M9X1"]])
async def test_a_wrong_number_is_named(checkin: Checkin, value: object) -> None:
    answer = await refused(checkin, json.dumps({"scan_id": new_scan_id(), "number": value}))
    assert answer.status_code == 422
    assert [error["field"] for error in answer.json()["errors"]] == ["number"]


async def test_a_scan_shows_a_credential_or_a_number_and_not_both(
    checkin: Checkin, badge: Badge
) -> None:
    both = {"credential": badge.credential, "number": badge.number}
    for shown in ({}, both, dict.fromkeys(both)):
        answer = await refused(checkin, json.dumps({"scan_id": new_scan_id(), **shown}))
        assert answer.status_code == 422
        assert answer.json()["detail"] == "number: give either credential or number"


async def test_all_that_is_missing_is_named(checkin: Checkin) -> None:
    answer = await refused(checkin, "{}")
    assert answer.status_code == 422
    assert {error["field"] for error in answer.json()["errors"]} == {"scan_id", "number"}


@pytest.mark.parametrize("content", ["{", "{'scan_id': 1}", "scan", '{"a": 1,}', "{}{}"])
async def test_what_is_not_json_is_refused(checkin: Checkin, content: str) -> None:
    answer = await refused(checkin, content)
    assert answer.status_code == 400
    assert answer.json()["type"] == "urn:forum-pass:problem:malformed-json"


@pytest.mark.parametrize(
    "content",
    [b"\xff\xfe", b"[" * 100_000, b'{"a":' * 100_000, b'{"scan_id": ' + b"1" * 5000 + b"}"],
    ids=["no UTF-8", "deep lists", "deep objects", "a huge number"],
)
async def test_json_that_no_device_writes_is_refused(checkin: Checkin, content: bytes) -> None:
    assert (await refused(checkin, content)).status_code == 400


@pytest.mark.parametrize("content", ["", "null", "[]", "7", '"text"', "true"])
async def test_json_that_is_no_scan_is_refused(checkin: Checkin, content: str) -> None:
    answer = await refused(checkin, content)
    assert answer.status_code == 422
    assert [error["field"] for error in answer.json()["errors"]] == ["body"]


async def test_a_name_that_is_no_text_is_refused(checkin: Checkin, badge: Badge) -> None:
    body = {"scan_id": new_scan_id(), "credential": badge.credential, "\ud800": 1}
    assert (await refused(checkin, json.dumps(body))).status_code == 422


async def test_a_form_is_no_scan(checkin: Checkin, badge: Badge) -> None:
    body = {"scan_id": new_scan_id(), "credential": badge.credential}
    form = {"Content-Type": "application/x-www-form-urlencoded"}
    answer = await refused(checkin, str(httpx.QueryParams(body)), **form)
    assert answer.status_code == 415


async def test_a_scan_has_no_parameters(checkin: Checkin, badge: Badge) -> None:
    device = await checkin.at(IN)
    body = {"scan_id": new_scan_id(), "credential": badge.credential}
    answer = await checkin.nothing_written(
        checkin.http.post("/checkin/api/scans?dry=yes", json=body, headers=device.headers)
    )
    assert answer.status_code == 422
    assert [error["field"] for error in answer.json()["errors"]] == ["dry"]


async def test_a_huge_body_is_refused_whether_or_not_it_says_how_long_it_is(
    checkin: Checkin, badge: Badge
) -> None:
    body = json.dumps({"scan_id": new_scan_id(), "credential": badge.credential})
    content = body.encode() + b" " * 10_000_000
    assert (await refused(checkin, content)).status_code == 413

    async def pieces() -> AsyncIterator[bytes]:
        for start in range(0, len(content), 100_000):
            yield content[start : start + 100_000]

    device = await checkin.at(IN)
    answer = await checkin.nothing_written(
        checkin.http.post("/checkin/api/scans", content=pieces(), headers=JSON | device.headers)
    )
    assert answer.status_code == 413


# --- who calls -----------------------------------------------------------------------------------


def strangers(checkin: Checkin, badge: Badge) -> list[dict[str, str]]:
    registrant = checkin.keyring.registrant_token(badge.registration_id)
    return [
        {},
        {"Authorization": ""},
        {"Authorization": "Bearer"},
        {"Authorization": "Bearer wrong"},
        {"Authorization": "Bearer ü"},
        {"Authorization": f"Bearer {registrant}"},
        *(checkin.staff(role) for role in Role),
    ]


@pytest.mark.parametrize("good", [True, False])
async def test_only_a_device_scans(checkin: Checkin, badge: Badge, good: bool) -> None:
    device = await checkin.at(IN)
    body: dict[str, Any] = {"scan_id": new_scan_id()}
    if good:
        body["credential"] = badge.credential
    callers = [
        *strangers(checkin, badge),
        {"Authorization": f"Basic {device.token}"},
        {"Authorization": f"Bearer {device.token}x"},
        {"Authorization": f"Bearer {device.token[:-1]}"},
        {"Authorization": device.token},
    ]
    for headers in callers:
        answer = await checkin.nothing_written(
            checkin.http.post(
                "/checkin/api/scans",
                json=body,
                headers=[(name.encode(), value.encode()) for name, value in headers.items()],
            )
        )
        assert answer.status_code == 401, headers
        assert answer.headers["Content-Type"] == "application/problem+json"
        assert answer.headers["WWW-Authenticate"] == "Bearer"


@pytest.mark.parametrize(
    "reason", ["", " ", "x" * 201, "two\nlines", "nul\0", "\ud800", None, 7, ["Mistake"]]
)
async def test_an_undo_without_a_proper_reason_is_refused(checkin: Checkin, reason: object) -> None:
    scan = await checkin.scan(await checkin.badge())
    answer = await checkin.nothing_written(
        checkin.http.post(
            f"/checkin/api/scans/{scan['scan_id']}/undo",
            content=json.dumps({"reason": reason}),
            headers=JSON | checkin.lead,
        )
    )
    assert answer.status_code == 422
    assert [error["field"] for error in answer.json()["errors"]] == ["reason"]


async def test_an_undo_with_a_field_that_it_has_not_is_refused(checkin: Checkin) -> None:
    scan = await checkin.scan(await checkin.badge())
    answer = await checkin.nothing_written(
        checkin.http.post(
            f"/checkin/api/scans/{scan['scan_id']}/undo",
            json={"reason": "Mistake", "gate": "tower-in"},
            headers=checkin.lead,
        )
    )
    assert answer.status_code == 422
    assert [error["field"] for error in answer.json()["errors"]] == ["gate"]
