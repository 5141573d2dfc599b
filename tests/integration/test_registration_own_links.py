"""The own link: asked for by whoever has lost it, and revoked by whoever has shown it around."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from typing import Any
from urllib.parse import parse_qs, urlsplit
from uuid import UUID, uuid4

import httpx
import pytest
from sqlalchemy import select

from deploy.private_servers import PostgreSQL
from services.registration import link_requests, tables
from shared.access import Purpose
from shared.events import RegistrationLinkRequested, RegistrationLinksRevoked
from tests.registration import API, Page, Registering, running

ASK = "/registration/link"


@pytest.fixture(scope="module")
async def registering(
    postgres: PostgreSQL, tmp_path_factory: pytest.TempPathFactory
) -> AsyncIterator[Registering]:
    postgres.drop_databases()
    async with running(postgres.url, tmp_path_factory.mktemp("home")) as service:
        yield service


@pytest.fixture
async def browser(registering: Registering) -> AsyncIterator[httpx.AsyncClient]:
    async with registering.browser() as browser:
        yield browser


def somebody() -> str:
    """An address that nobody else has."""
    return f"{uuid4().hex[:12]}@example.org"


async def eventually_said(registering: Registering, about: str, count: int) -> list[Any]:
    async with asyncio.timeout(10):
        while len(facts := await registering.said(UUID(about))) < count:
            await asyncio.sleep(0.02)
    return facts


# --- asked for -----------------------------------------------------------------------------------


async def test_who_has_lost_the_link_is_sent_it_again(
    registering: Registering, browser: httpx.AsyncClient
) -> None:
    address = somebody()
    registration_id = await registering.confirmed_address(email=address, language="ar")
    page = Page(await browser.get(ASK))
    # However the address is written.
    answer = await browser.post(page.actions[0], data={"email": f" {address.upper()}"})
    assert answer.status_code == 303
    assert Page(await browser.get(answer.headers["Location"])).says("If somebody is registered")
    *_, fact = await eventually_said(registering, registration_id, 3)
    assert isinstance(fact, RegistrationLinkRequested)
    assert (fact.email, fact.language, fact.version) == (address, "ar", 2)
    own = fact.me_link.removeprefix("http://127.0.0.1:8000")
    assert (await browser.get(own)).status_code == 200
    # The link of the mail before goes on opening the page: asking locks nobody out.
    assert (await browser.get(registering.me(registration_id))).status_code == 200


async def test_an_address_that_is_not_confirmed_is_asked_to_confirm_and_sent_no_way_in(
    registering: Registering, browser: httpx.AsyncClient
) -> None:
    address = somebody()
    registration_id = await registering.submitted(email=address)
    await browser.post(ASK, data={"email": address})
    facts = await eventually_said(registering, registration_id, 2)
    assert [fact.type for fact in facts] == ["registration.submitted.v1"] * 2
    # Heard as news: the version is another.
    assert [fact.version for fact in facts] == [1, 2]


async def test_each_registration_of_an_address_is_sent_its_own_link(
    registering: Registering, browser: httpx.AsyncClient
) -> None:
    address = somebody()
    everybody = [await registering.confirmed_address(email=address) for _ in range(3)]
    await registering.act(everybody[2], "erase")
    await browser.post(ASK, data={"email": address})
    for one in everybody[:2]:
        *_, fact = await eventually_said(registering, one, 3)
        [token] = parse_qs(urlsplit(fact.me_link).query)["token"]
        assert registering.keyring.read(Purpose.registrant, token)["sub"] == one
    said = await registering.said(UUID(everybody[2]))
    assert all(fact.type != "registration.link_requested.v1" for fact in said)


async def test_the_answer_tells_nobody_who_is_registered(
    registering: Registering, browser: httpx.AsyncClient
) -> None:
    address = somebody()
    await registering.confirmed_address(email=address)

    async def ask(whose: str) -> tuple[Any, ...]:
        before = await registering.stored()
        by_page = await browser.post(ASK, data={"email": whose})
        after = await registering.stored()
        by_program = await registering.send(
            "POST", "/registration/api/link-requests", {"email": whose}, {}
        )
        shown = await browser.get(by_page.headers["Location"])
        assert by_program.status_code == 202
        return (
            by_page.status_code,
            by_page.headers["Location"],
            by_page.content,
            shown.content,
            by_program.content,
            # The one thing that is done before the answer.
            after["link_requests"] - before["link_requests"],
        )

    assert await ask(address) == await ask(somebody())


async def test_an_address_that_was_asked_for_rests(
    registering: Registering, browser: httpx.AsyncClient
) -> None:
    address = somebody()
    registration_id = await registering.confirmed_address(email=address)
    await browser.post(ASK, data={"email": address})
    await eventually_said(registering, registration_id, 3)
    for _ in range(3):
        assert (await browser.post(ASK, data={"email": address})).status_code == 303
    # Whatever was asked for before is answered before this one.
    other = await registering.confirmed_address(email=(later := somebody()))
    await browser.post(ASK, data={"email": later})
    await eventually_said(registering, other, 3)
    assert len(await registering.said(UUID(registration_id))) == 3


async def test_who_is_sent_links_is_in_nobodys_way_meanwhile(
    registering: Registering, browser: httpx.AsyncClient
) -> None:
    of, address = registering.service.app.state.registrations, somebody()
    first, second = [
        await registering.confirmed_address(email=address, given_name=name) for name in "AB"
    ]
    async with of.database.begin() as tx:
        await of.hold(tx, UUID(first))
        await browser.post(ASK, data={"email": address})
        await registering.until_somebody_waits()
        # As whoever moves somebody up, or erases one of them.
        for row in (
            select(tables.registrations).where(tables.registrations.c.id == UUID(second)),
            select(tables.link_requests).where(tables.link_requests.c.address == address),
        ):
            await tx.execute(row.with_for_update(nowait=True))
    for one in (first, second):
        await eventually_said(registering, one, 3)


@pytest.mark.parametrize("address", ["", "nobody", "a@b", "x" * 999 + "@example.org"])
async def test_what_is_no_address_is_said_at_the_field(
    registering: Registering, browser: httpx.AsyncClient, address: str
) -> None:
    before = await registering.stored()
    answer = await browser.post(ASK, data={"email": address})
    assert answer.status_code == 422
    assert set(Page(answer).errors) == {"email"}
    by_program = await registering.send(
        "POST", "/registration/api/link-requests", {"email": address}, {}
    )
    assert [error["field"] for error in by_program.json()["errors"]] == ["email"]
    assert await registering.stored() == before


async def test_one_network_cannot_ask_for_everybody(registering: Registering) -> None:
    transport = httpx.ASGITransport(registering.service.app, client=("192.0.2.7", 1))
    async with httpx.AsyncClient(transport=transport, base_url="http://127.0.0.1:8000") as http:

        async def ask() -> int:
            sent = {"email": somebody()}
            return (await http.post("/registration/api/link-requests", json=sent)).status_code

        answers = [await ask() for _ in range(link_requests.AT_ONCE + 1)]
    assert answers == [202] * link_requests.AT_ONCE + [429]


# --- revoked -------------------------------------------------------------------------------------


async def test_a_revoked_link_opens_nothing_and_the_new_one_all(
    registering: Registering, browser: httpx.AsyncClient
) -> None:
    registration_id = await registering.confirmed_address()
    [submitted, *_] = await registering.said(UUID(registration_id))
    me, bearer = registering.me(registration_id), registering.registrant(registration_id)
    asked = Page(await browser.get(me.replace("/me?", "/me/revoke?")))
    answer = await browser.post(asked.actions[0])
    new = answer.headers["Location"]
    assert Page(await browser.get(new)).says("The earlier links no longer work.")
    assert (await browser.get(me)).status_code == 403
    for path in ("", "/photo", "/personal-data"):
        refused = await registering.http.get(f"{API}/{registration_id}{path}", headers=bearer)
        assert refused.status_code == 401
    assert (await registering.act(registration_id, "cancel", by=bearer)).status_code == 401
    # The mail that asked to confirm the address led to the page, too.
    form = Page(await browser.get(submitted.confirm_link))
    sent = {name: values[0] for name, values in form.fields.items()}
    assert (await browser.post(form.actions[0], data=sent)).status_code == 403

    revoked, requested = (await registering.said(UUID(registration_id)))[2:]
    assert isinstance(revoked, RegistrationLinksRevoked)
    assert (revoked.first_valid, revoked.version) == (2, 3)
    assert isinstance(requested, RegistrationLinkRequested)
    own = requested.me_link.removeprefix("http://127.0.0.1:8000")
    assert (await browser.get(own)).status_code == 200


async def test_of_two_who_revoke_at_once_one_wins(registering: Registering) -> None:
    registration_id = await registering.confirmed_address()
    own = registering.registrant(registration_id)
    await asyncio.gather(
        *(registering.act(registration_id, "revoke-links", by=own) for _ in range(4))
    )
    facts = await registering.said(UUID(registration_id))
    numbers = [fact.first_valid for fact in facts if isinstance(fact, RegistrationLinksRevoked)]
    assert numbers == list(range(2, 2 + len(numbers)))
    newest = registering.keyring.registrant_token(UUID(registration_id), numbers[-1])
    async with registering.browser() as browser:
        assert (await browser.get(f"/registration/me?token={newest}")).status_code == 200


async def test_of_who_is_erased_there_is_no_link_to_revoke(registering: Registering) -> None:
    registration_id = await registering.confirmed_address()
    await registering.act(registration_id, "erase")
    assert (await registering.act(registration_id, "revoke-links")).status_code == 409
