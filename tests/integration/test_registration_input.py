"""Input that nobody should send: refused in words, and nothing of it kept."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from typing import Any

import httpx
import pytest

from deploy.private_servers import PostgreSQL
from shared.access import Role
from tests.registration import API, Page, Registering, body, running

JSON = {"Content-Type": "application/json"}
CALLS = ["POST ", "PATCH /{id}", "POST /{id}/confirm-email", "POST /{id}/decline"]
every_call = pytest.mark.parametrize("call", CALLS)


@pytest.fixture(scope="module")
async def registering(
    postgres: PostgreSQL, tmp_path_factory: pytest.TempPathFactory
) -> AsyncIterator[Registering]:
    postgres.drop_databases()
    async with running(postgres.url, tmp_path_factory.mktemp("home")) as service:
        yield service


@pytest.fixture(scope="module")
async def registration_id(registering: Registering) -> str:
    """Somebody in review, of whom nothing must change."""
    return await registering.confirmed_address(category="media")


async def refused(
    registering: Registering,
    registration_id: str,
    call: str,
    content: bytes | str | AsyncIterator[bytes],
    headers: dict[str, str] = JSON,
) -> httpx.Response:
    """The answer to a call that changes nothing."""
    method, path = call.split(" ")
    before = await registering.stored(), await registering.show(registration_id)
    answer = await registering.http.request(
        method,
        API + path.format(id=registration_id),
        content=content,
        headers=registering.organiser | headers,
    )
    assert answer.headers["Content-Type"] == "application/problem+json"
    assert answer.json()["status"] == answer.status_code
    assert answer.json()["detail"]
    assert (await registering.stored(), await registering.show(registration_id)) == before
    return answer


@every_call
@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"{",
        b"{'category': 'media'}",
        b'{"a": 1} {"a": 1}',
        b'{"a": "\xff"}',
        b"\0",
        b"<registration/>",
        b'{"sdgs": [' + b"9" * 10_000 + b"]}",
        b"[" * 100_000 + b"]" * 100_000,
        b'{"a":' * 100_000 + b"1" + b"}" * 100_000,
    ],
    ids=lambda content: repr(content[:20]),
)
async def test_what_is_no_json_is_malformed(
    registering: Registering, registration_id: str, call: str, content: bytes
) -> None:
    answer = await refused(registering, registration_id, call, content)
    assert answer.status_code == 400
    assert answer.json()["type"] == "urn:forum-pass:problem:malformed-json"


@every_call
@pytest.mark.parametrize("content", ["[]", "[{}]", '"text"', "7", "null", "true", "NaN"])
async def test_json_that_is_no_object_is_refused(
    registering: Registering, registration_id: str, call: str, content: str
) -> None:
    answer = await refused(registering, registration_id, call, content)
    assert answer.status_code == 422
    assert [error["field"] for error in answer.json()["errors"]] == ["body"]


@every_call
@pytest.mark.parametrize(
    "media_type", ["text/plain", "application/x-www-form-urlencoded", "application/xml", "json"]
)
async def test_only_json_is_read_as_json(
    registering: Registering, registration_id: str, call: str, media_type: str
) -> None:
    headers = {"Content-Type": media_type}
    answer = await refused(registering, registration_id, call, json.dumps(body()), headers)
    assert answer.status_code == 415


async def test_json_is_json_with_any_parameter(registering: Registering) -> None:
    for media_type in ("application/json; charset=utf-8", "Application/JSON", "application/x+json"):
        answer = await registering.http.post(
            API, content=json.dumps(body()), headers={"Content-Type": media_type}
        )
        assert answer.status_code == 201


@every_call
async def test_a_body_of_10_mb_is_too_large(
    registering: Registering, registration_id: str, call: str
) -> None:
    content = b'{"given_name": "' + b"x" * 10 * 1024 * 1024 + b'"}'

    async def in_parts() -> AsyncIterator[bytes]:
        for start in range(0, len(content), 1024 * 1024):
            yield content[start : start + 1024 * 1024]

    for sent in (content, in_parts()):
        answer = await refused(registering, registration_id, call, sent)
        assert answer.status_code == 413


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("given_name", "x" * 7 * 1024 * 1024),
        # In normal form, marks are sorted; by one of 230 and one of 220 in turn, for very long.
        ("given_name", "a" + "\u0301\u0323" * 500_000),
        ("email", "a@" + "a." * 1024 * 1024 + "org"),
        ("email", "a" * 1024 * 1024 + "@example.org"),
        ("tracks", ["forum"] * 500_000),
        ("accessibility_needs", " " * 4 * 1024 * 1024),
        ("photo", "A" * 7 * 1024 * 1024),
    ],
    ids=lambda value: str(value)[:12],
)
async def test_a_very_long_field_is_refused_without_keeping_others_waiting(
    registering: Registering, registration_id: str, field: str, value: object
) -> None:
    answer = await refused(
        registering, registration_id, "POST ", json.dumps(body(**{field: value}))
    )
    assert answer.status_code == 422
    assert [error["field"] for error in answer.json()["errors"]] == [field]
    assert answer.elapsed.total_seconds() < 2
    assert len(answer.content) < 2000


UNKNOWN: list[dict[str, Any]] = [
    {"status": "confirmed"},
    {"id": "7"},
    {"version": 9},
    {"reference": "WF17-AAAAAA"},
    {"submitted_at": "2017-01-01T00:00:00Z"},
]


@pytest.mark.parametrize("unknown", UNKNOWN, ids=lambda unknown: next(iter(unknown)))
@pytest.mark.parametrize("call", CALLS[:2])
async def test_what_is_not_for_the_caller_to_say_is_refused(
    registering: Registering, registration_id: str, call: str, unknown: dict[str, Any]
) -> None:
    sent = (body() if call == "POST " else {}) | unknown
    answer = await refused(registering, registration_id, call, json.dumps(sent))
    assert answer.status_code == 422
    assert [error["field"] for error in answer.json()["errors"]] == list(unknown)


async def test_all_that_is_wrong_is_said_at_once(
    registering: Registering, registration_id: str
) -> None:
    answer = await refused(registering, registration_id, "POST ", "{}")
    assert answer.status_code == 422
    assert answer.json()["type"] == "urn:forum-pass:problem:invalid-input"
    assert {error["field"] for error in answer.json()["errors"]} == set(body())
    for error in answer.json()["errors"]:
        assert error["field"] in answer.json()["detail"]
        assert error["message"]


async def test_what_was_sent_is_not_sent_back(
    registering: Registering, registration_id: str
) -> None:
    sent = body(email="grace at example.org", country="Utopia")
    answer = await refused(registering, registration_id, "POST ", json.dumps(sent))
    assert "grace" not in answer.text
    assert "Utopia" not in answer.text


@pytest.mark.parametrize("key", ["", "x" * 201, "nul\0", "é", "tab\t"])
async def test_a_key_that_cannot_be_kept_is_refused(
    registering: Registering, registration_id: str, key: str
) -> None:
    headers = JSON | {"Idempotency-Key": key}
    raw = [(name.encode(), value.encode("latin-1")) for name, value in headers.items()]
    before = await registering.stored()
    answer = await registering.http.post(API, content=json.dumps(body()), headers=raw)
    assert answer.status_code == 422
    assert answer.json()["errors"][0]["field"].endswith("idempotency-key")
    assert await registering.stored() == before


@pytest.mark.parametrize("method", ["PUT", "DELETE"])
async def test_what_no_call_does_is_not_allowed(
    registering: Registering, registration_id: str, method: str
) -> None:
    answer = await refused(registering, registration_id, f"{method} /{{id}}", b"")
    assert answer.status_code == 405


async def test_a_zero_byte_is_refused_and_no_mistake_of_ours(
    registering: Registering, registration_id: str
) -> None:
    """PostgreSQL keeps none in a text."""
    assert (await registering.submit(given_name="Gr\0ce")).status_code == 422
    given = {"id": registration_id, "act": "assign", "reviewer": "Ad\0"}
    async with registering.browser() as browser:
        browser.headers.update(registering.staff(Role.reviewer))
        for path, sent in (("decisions", given), ("filters/remove", {"name": "mi\0ne"})):
            answer = await browser.post(f"/registration/review/{path}", data=sent)
            assert answer.status_code == 422
            assert Page(answer).says("has a character that cannot be stored")
