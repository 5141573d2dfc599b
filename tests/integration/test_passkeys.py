"""A challenge to a passkey is good for one answer, for five minutes, to whoever was asked."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import timedelta
from itertools import count
from typing import Any, Final

import httpx
import pytest
from sqlalchemy import select, update

from deploy.private_servers import PostgreSQL
from services.registration.passkeys import CHALLENGE_LIFETIME
from services.registration.sign_in_pages import CHALLENGE_COOKIE
from services.registration.staff_tables import challenges
from shared.access import SESSION_COOKIE, Role
from tests.passkeys import SecurityKey
from tests.registration import Registering, running
from tests.staff import add, signed_in

SITE: Final = "localhost"
ORIGIN: Final = f"http://{SITE}:8000"
"""Browsers know no passkeys for the address that other tests are at."""
PASSKEYS: Final = "/registration/account/passkeys"
SIGN_IN: Final = "/registration/sign-in/passkey"
JSON: Final = "application/json"
_numbers = count()


@pytest.fixture(scope="module")
async def registering(
    postgres: PostgreSQL, tmp_path_factory: pytest.TempPathFactory
) -> AsyncIterator[Registering]:
    postgres.drop_databases()
    home = tmp_path_factory.mktemp("home")
    async with running(postgres.url, home, origin=ORIGIN) as service:
        yield service


@pytest.fixture
async def email(registering: Registering) -> str:
    """The address of a new account."""
    address = f"ada.{next(_numbers)}@example.org"
    await add(registering, address, Role.reviewer)
    return address


@pytest.fixture
async def owner(registering: Registering, email: str) -> AsyncIterator[httpx.AsyncClient]:
    """A browser in which its holder is signed in."""
    async with signed_in(registering, email) as browser:
        yield browser


@pytest.fixture
async def anybody(registering: Registering) -> AsyncIterator[httpx.AsyncClient]:
    """A browser in which nobody is signed in."""
    async with registering.browser() as browser:
        yield browser


@pytest.fixture
def key() -> SecurityKey:
    return SecurityKey(ORIGIN, SITE)


async def test_an_answer_signs_in_once(
    owner: httpx.AsyncClient, anybody: httpx.AsyncClient, key: SecurityKey
) -> None:
    await _make(owner, key)
    options, asked = await _ask(anybody)
    answer = key.answer_to(options)
    assert (await _sign_in(anybody, answer, asked)).status_code == 200
    assert SESSION_COOKIE in anybody.cookies
    anybody.cookies.clear()
    # Sent again, or signed anew: the challenge is used up.
    for again in (answer, key.answer_to(options)):
        _is_refused(await _sign_in(anybody, again, asked))
    assert SESSION_COOKIE not in anybody.cookies


async def test_a_wrong_answer_uses_the_challenge_up(
    owner: httpx.AsyncClient, anybody: httpx.AsyncClient, key: SecurityKey
) -> None:
    await _make(owner, key)
    options, asked = await _ask(anybody)
    elsewhere = replace(key, origin="http://localhost:9999")
    _is_refused(await _sign_in(anybody, elsewhere.answer_to(options), asked))
    _is_refused(await _sign_in(anybody, key.answer_to(options), asked))


async def test_an_answer_to_another_challenge_signs_nobody_in(
    owner: httpx.AsyncClient, anybody: httpx.AsyncClient, key: SecurityKey
) -> None:
    await _make(owner, key)
    first, _ = await _ask(anybody)
    _, asked_later = await _ask(anybody)
    _is_refused(await _sign_in(anybody, key.answer_to(first), asked_later))
    _is_refused(await _sign_in(anybody, key.answer_to(first), ""))


async def test_whoever_answers_too_late_is_not_let_in(
    registering: Registering,
    owner: httpx.AsyncClient,
    anybody: httpx.AsyncClient,
    key: SecurityKey,
) -> None:
    await _make(owner, key)
    options, asked = await _ask(anybody)
    await _wait(registering, CHALLENGE_LIFETIME - timedelta(seconds=30))
    assert (await _sign_in(anybody, key.answer_to(options), asked)).status_code == 200
    anybody.cookies.clear()
    options, asked = await _ask(anybody)
    await _wait(registering, CHALLENGE_LIFETIME)
    _is_refused(await _sign_in(anybody, key.answer_to(options), asked))


async def test_a_passkey_is_made_once_and_in_time(
    registering: Registering, owner: httpx.AsyncClient, key: SecurityKey
) -> None:
    made = await _make(owner, key)
    _is_refused(await _keep(owner, made))
    another = SecurityKey(ORIGIN, SITE)
    options = (await owner.post(f"{PASSKEYS}/options")).json()
    await _wait(registering, CHALLENGE_LIFETIME)
    _is_refused(await _keep(owner, another.made_for(options)))


async def test_what_is_done_to_passkeys_is_in_the_audit_log(
    registering: Registering, owner: httpx.AsyncClient, key: SecurityKey
) -> None:
    await _make(owner, key)
    assert (await owner.post(f"{PASSKEYS}/{key.id}/remove")).status_code == 303
    entries = await registering.http.get(
        "/registration/api/audit", params={"act": "staff."}, headers=registering.organiser
    )
    acts = [entry["act"] for entry in entries.json()["items"]]
    assert acts[:2] == ["staff.remove_passkey", "staff.add_passkey"]


async def test_only_the_session_that_was_asked_can_answer_and_only_the_newest_question(
    registering: Registering, email: str, owner: httpx.AsyncClient, key: SecurityKey
) -> None:
    earlier = (await owner.post(f"{PASSKEYS}/options")).json()
    newest = (await owner.post(f"{PASSKEYS}/options")).json()
    _is_refused(await _keep(owner, key.made_for(earlier)))
    async with signed_in(registering, email) as other:
        _is_refused(await _keep(other, key.made_for(newest)))


async def test_what_was_asked_to_make_a_passkey_signs_nobody_in(
    registering: Registering,
    owner: httpx.AsyncClient,
    anybody: httpx.AsyncClient,
    key: SecurityKey,
) -> None:
    await _make(owner, key)
    options = (await owner.post(f"{PASSKEYS}/options")).json()
    async with registering.service.database.read() as connection:
        newest = select(challenges.c.id).order_by(challenges.c.expires_at.desc()).limit(1)
        asked = str((await connection.execute(newest)).scalar_one())
    _is_refused(await _sign_in(anybody, key.answer_to(options), asked))


async def _make(browser: httpx.AsyncClient, key: SecurityKey) -> dict[str, Any]:
    """Let the account have this passkey; answers what was sent."""
    made = key.made_for((await browser.post(f"{PASSKEYS}/options")).json())
    answer = await _keep(browser, made)
    assert answer.status_code == 204, answer.text
    return made


async def _keep(browser: httpx.AsyncClient, made: dict[str, Any]) -> httpx.Response:
    return await browser.post(
        PASSKEYS, json={"name": "Key", "credential": made}, headers={"Accept": JSON}
    )


async def _ask(browser: httpx.AsyncClient) -> tuple[dict[str, Any], str]:
    """What is to be signed, and the cookie that says what was asked."""
    answer = await browser.post(f"{SIGN_IN}/options")
    browser.cookies.clear()
    return answer.json(), answer.cookies[CHALLENGE_COOKIE]


async def _sign_in(
    browser: httpx.AsyncClient, credential: dict[str, Any], asked: str
) -> httpx.Response:
    return await browser.post(
        SIGN_IN,
        json={"credential": credential},
        headers={"Accept": JSON, "Cookie": f"{CHALLENGE_COOKIE}={asked}"},
    )


def _is_refused(answer: httpx.Response) -> None:
    assert answer.status_code == 403, answer.text
    assert answer.json()["type"].endswith(":passkey-refused")


async def _wait(registering: Registering, how_long: timedelta) -> None:
    """Let so much time go by for the challenges that wait for their answer."""
    async with registering.service.database.begin() as tx:
        earlier = challenges.c.expires_at - how_long
        await tx.execute(update(challenges).values(expires_at=earlier))
