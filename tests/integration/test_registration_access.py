"""Who may see and do what with registrations, and how staff find them."""

from __future__ import annotations

import itertools
from collections.abc import AsyncIterator
from uuid import UUID

import httpx
import pytest

from deploy.private_servers import PostgreSQL
from services.registration.app import REGISTRATIONS_AT_ONCE
from services.registration.staff import sign_in_link
from shared.access import SESSION_COOKIE, Role, Staff
from tests.registration import API, NOBODY, Registering, body, running
from tests.running import ORIGIN


@pytest.fixture(scope="module")
async def registering(
    postgres: PostgreSQL, tmp_path_factory: pytest.TempPathFactory
) -> AsyncIterator[Registering]:
    postgres.drop_databases()
    async with running(postgres.url, tmp_path_factory.mktemp("home")) as service:
        yield service


# --- who may -------------------------------------------------------------------------------------

DESK = {Role.organiser, Role.reviewer, Role.desk}
REVIEWERS = {Role.organiser, Role.reviewer}
CALLS = {
    "GET ": (REVIEWERS, False),
    "GET /{id}": (DESK, True),
    "GET /{id}/photo": (DESK, True),
    "PATCH /{id}": (DESK, True),
    "POST /{id}/approve": (REVIEWERS, False),
    "POST /{id}/decline": (REVIEWERS, False),
    "POST /{id}/cancel": (DESK, True),
    "POST /{id}/erase": ({Role.organiser}, True),
}
"""Each call: the roles that may make it, and whether registrants may, for their own."""


@pytest.mark.parametrize("call", CALLS)
async def test_whoever_may_not_is_refused_and_changes_nothing(
    registering: Registering, call: str
) -> None:
    mine = await registering.confirmed_address(category="media")
    other = await registering.submitted()
    roles, registrant_may = CALLS[call]
    before = await registering.stored(), await registering.show(mine)
    strangers = [{}, {"Authorization": "Bearer wrong"}, {"Authorization": "Basic eDp5"}]
    others = [registering.staff(role) for role in Role if role not in roles]
    if registrant_may:
        others.append(registering.registrant(other))
    else:
        strangers.append(registering.registrant(mine))
    for status, callers in ((401, strangers), (403, others)):
        for caller in callers:
            answer = await _make(registering, call, mine, caller)
            assert answer.status_code == status, (caller, answer.text)
            assert answer.headers["Content-Type"] == "application/problem+json"
            assert ("WWW-Authenticate" in answer.headers) == (status == 401)
    assert (await registering.stored(), await registering.show(mine)) == before


@pytest.mark.parametrize("call", CALLS)
async def test_whoever_may_is_answered(registering: Registering, call: str) -> None:
    roles, registrant_may = CALLS[call]
    expected = 404 if call.endswith("/photo") else 200
    for role in sorted(roles):
        registration_id = await registering.confirmed_address(category="media")
        answer = await _make(registering, call, registration_id, registering.staff(role))
        assert answer.status_code == expected, answer.text
    if registrant_may:
        registration_id = await registering.confirmed_address(category="media")
        own = registering.registrant(registration_id)
        answer = await _make(registering, call, registration_id, own)
        assert answer.status_code == expected, answer.text


@pytest.mark.parametrize("call", [call for call in CALLS if "{id}" in call])
@pytest.mark.parametrize("unknown", [NOBODY, "7", "x" * 36, "%00", NOBODY + "%0A"])
async def test_an_id_of_no_registration_is_not_found(
    registering: Registering, call: str, unknown: str
) -> None:
    answer = await _make(registering, call, unknown, registering.organiser)
    assert answer.status_code == 404
    assert answer.headers["Content-Type"] == "application/problem+json"
    assert answer.json()["type"] == "urn:forum-pass:problem:not-found"


async def test_a_confirmation_for_no_registration_is_not_found(registering: Registering) -> None:
    answer = await registering.act(NOBODY, "confirm-email", by={}, token="x")
    assert answer.status_code == 404


async def test_a_link_in_a_mail_opens_the_own_registration(registering: Registering) -> None:
    registration_id = await registering.submitted()
    token = registering.keyring.registrant_token(UUID(registration_id))
    answer = await registering.http.get(f"{API}/{registration_id}", params={"token": token})
    assert (answer.status_code, answer.json()["id"]) == (200, registration_id)


async def test_a_session_is_as_good_as_a_token(registering: Registering) -> None:
    registration_id = await registering.submitted()
    async with registering.browser() as browser:
        await browser.get(sign_in_link(registering.keyring, ORIGIN, Role.organiser, "Ada"))
        answer = await browser.get(f"{API}/{registration_id}")
    assert answer.status_code == 200


async def test_a_session_that_was_never_begun_opens_nothing(registering: Registering) -> None:
    registration_id = await registering.submitted()
    session = registering.keyring.session(Staff("Ada", Role.organiser))
    cookie = {"Cookie": f"{SESSION_COOKIE}={session}"}
    answer = await registering.http.get(f"{API}/{registration_id}", headers=cookie)
    assert answer.status_code == 401


async def test_another_site_cannot_use_a_session(registering: Registering) -> None:
    registration_id = await registering.submitted()
    async with registering.browser() as browser:
        await browser.get(sign_in_link(registering.keyring, ORIGIN, Role.organiser, "Ada"))
        session = browser.cookies[SESSION_COOKIE]
    headers = {"Cookie": f"{SESSION_COOKIE}={session}", "Origin": "https://evil.example"}
    answer = await registering.act(registration_id, "cancel", by=headers)
    assert answer.status_code == 403
    assert answer.json()["type"] == "urn:forum-pass:problem:cross-site"
    assert await registering.status(registration_id) == "submitted"


async def test_one_address_cannot_fill_the_forum(
    postgres: PostgreSQL,
    registering: Registering,
    tmp_path_factory: pytest.TempPathFactory,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("FORUMPASS_REGISTRATION_BURST_PER_ADDRESS", "2")
    async with running(postgres.url, tmp_path_factory.mktemp("home")) as service:
        statuses = {}
        for address in ("203.0.113.7", "203.0.113.8", "127.0.0.1"):
            transport = httpx.ASGITransport(service.service.app, client=(address, 1))
            async with httpx.AsyncClient(transport=transport, base_url="http://x") as http:
                answers = [await http.post(API, json=body()) for _ in range(3)]
            statuses[address] = [answer.status_code for answer in answers]
        assert statuses == {
            "203.0.113.7": [201, 201, 429],
            "203.0.113.8": [201, 201, 429],
            "127.0.0.1": [201, 201, 201],
        }


async def test_many_networks_cannot_fill_one_mailbox(registering: Registering) -> None:
    def sent_from(place: int) -> httpx.AsyncClient:
        transport = httpx.ASGITransport(registering.service.app, client=(f"198.51.100.{place}", 1))
        return httpx.AsyncClient(transport=transport, base_url=ORIGIN)

    spellings = itertools.cycle(["stranger@example.org", "Stranger@Example.org"])
    for place in range(REGISTRATIONS_AT_ONCE):
        async with sent_from(place) as http:
            answer = await http.post(API, json=body(email=next(spellings)))
        assert answer.status_code == 201
    async with sent_from(200) as http:
        # What is refused brings no mail, and counts for nothing.
        assert (await http.post(API, json=body(email="else@example.org", country="?"))).is_error
        for email, is_limited in (("stranger@example.org", True), ("else@example.org", False)):
            by_program = await http.post(API, json=body(email=email))
            by_form = await http.post("/registration/", data=body(email=email, consent="yes"))
            answers = [by_program.status_code, by_form.status_code]
            assert answers == ([429, 429] if is_limited else [201, 303])


async def test_a_token_is_not_made_with_what_it_cannot_have(registering: Registering) -> None:
    answer = await registering.http.post(
        "/registration/api/tokens",
        json={"role": "desk", "name": "Printer", "days": 3},
        headers=registering.organiser,
    )
    assert answer.status_code == 422
    assert [error["field"] for error in answer.json()["errors"]] == ["days"]


async def _make(
    registering: Registering, call: str, registration_id: str, caller: dict[str, str]
) -> httpx.Response:
    method, path = call.split(" ")
    url = API + path.format(id=registration_id)
    if method == "GET":
        return await registering.http.get(url, headers=caller)
    content = {"reason": "No card"} if path.endswith("decline") else {}
    return await registering.send(method, url, content, caller)
