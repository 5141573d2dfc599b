"""What the links in our mails open: the confirmation of the address, and the own page."""

from __future__ import annotations

from collections.abc import AsyncIterator
from urllib.parse import parse_qs, urlsplit
from uuid import UUID

import httpx
import pytest

from deploy.private_servers import PostgreSQL
from tests.registration import NOBODY, Page, Registering, running


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


# --- the mail's link -----------------------------------------------------------------------------


async def test_the_link_in_the_mail_confirms_by_its_button_only(
    registering: Registering, browser: httpx.AsyncClient
) -> None:
    registration_id = await registering.submitted()
    [fact] = await registering.said(UUID(registration_id))
    before = await registering.stored()
    page = Page(await browser.get(fact.confirm_link))
    assert page.says("Yes, this is my address")
    assert await registering.stored() == before
    assert await registering.status(registration_id) == "submitted"
    form = {name: values[0] for name, values in page.fields.items()}
    answer = await browser.post(page.actions[0], data=form)
    assert answer.status_code == 303
    assert answer.headers["Location"].startswith("/registration/me?token=")
    assert Page(await browser.get(answer.headers["Location"])).says("Confirmed")
    again = await browser.post(page.actions[0], data=form)
    assert again.status_code == 303


@pytest.mark.parametrize(
    "query", ["", "?id=", "?id=7&token=x", "?token=x", f"?id={NOBODY[:20]}", "?id=%00&token=%00"]
)
async def test_half_a_link_is_explained(registering: Registering, query: str) -> None:
    async with registering.browser("fr") as browser:
        answer = await browser.get(f"/registration/confirm{query}")
        assert answer.status_code == 403
        page = Page(answer)
        assert page.language == "fr"
        assert page.title.startswith("Ce lien n’est pas valable")
        sent = {name: values[0] for name, values in parse_qs(query[1:]).items()}
        assert (await browser.post("/registration/confirm", data=sent)).status_code == 403


async def test_a_wrong_link_is_explained(registering: Registering) -> None:
    registration_id = await registering.submitted()
    async with registering.browser("fr") as browser:
        answer = await browser.post(
            "/registration/confirm", data={"id": registration_id, "token": "wrong"}
        )
    assert answer.status_code == 403
    assert Page(answer).title.startswith("Ce lien n’est pas valable")
    assert await registering.status(registration_id) == "submitted"


async def test_who_has_cancelled_is_told_that_it_is_too_late(
    registering: Registering, browser: httpx.AsyncClient
) -> None:
    registration_id = await registering.submitted()
    sent = {"id": registration_id, "token": await registering.token(registration_id)}
    await registering.act(registration_id, "cancel")
    answer = await browser.post("/registration/confirm", data=sent)
    assert answer.status_code == 409
    assert Page(answer).title.startswith("This is not possible any more")


# --- the own page --------------------------------------------------------------------------------


async def test_the_own_page_shows_the_registration_and_the_badge(
    registering: Registering, browser: httpx.AsyncClient
) -> None:
    registration_id = await registering.confirmed_address(title="Dr", days=["2017-06-13"])
    answer = await browser.get(registering.me(registration_id))
    assert answer.headers["Cache-Control"] == "no-store"
    page = Page(answer)
    reference = (await registering.show(registration_id))["reference"]
    assert page.says("Confirmed", "Dr Grace Hopper", "United States", "Civil society", reference)
    assert page.says("Tue 13 Jun", "grace@example.org")
    token = parse_qs(urlsplit(str(answer.url)).query)["token"][0]
    assert f"/badging/me.pdf?token={token}" in page.links
    assert f'src="/badging/me.png?token={token}"' in answer.text


@pytest.mark.parametrize(
    ("category", "state"), [("media", "In review"), ("government", "Confirmed")]
)
async def test_the_own_page_says_how_it_stands(
    registering: Registering, browser: httpx.AsyncClient, category: str, state: str
) -> None:
    registration_id = await registering.submitted(category=category)
    me = registering.me(registration_id)
    assert Page(await browser.get(me)).says("Waiting for your confirmation")
    token = await registering.token(registration_id)
    await registering.act(registration_id, "confirm-email", token=token)
    page = Page(await browser.get(me))
    assert page.says(state)
    assert any("/badging/" in link for link in page.links) == (state == "Confirmed")


async def test_who_cannot_come_cancels_on_the_own_page(
    registering: Registering, browser: httpx.AsyncClient
) -> None:
    registration_id = await registering.confirmed_address()
    me = registering.me(registration_id)
    [cancel] = Page(await browser.get(me)).actions
    assert (await browser.get(cancel)).status_code == 405
    answer = await browser.post(cancel)
    assert (answer.status_code, answer.headers["Location"]) == (303, me)
    page = Page(await browser.get(me))
    assert page.says("Cancelled")
    assert page.actions == []
    assert await registering.status(registration_id) == "cancelled"
    again = await browser.post(cancel)
    assert again.status_code == 409
    assert Page(again).title.startswith("This is not possible any more")


async def test_another_site_cannot_cancel(
    registering: Registering, browser: httpx.AsyncClient
) -> None:
    registration_id = await registering.confirmed_address()
    [cancel] = Page(await browser.get(registering.me(registration_id))).actions
    headers = {"Origin": "https://evil.example", "Sec-Fetch-Site": "cross-site"}
    assert (await browser.post(cancel, headers=headers)).status_code == 403
    assert await registering.status(registration_id) == "confirmed"


async def test_a_wrong_own_link_opens_nothing(registering: Registering) -> None:
    registration_id = await registering.confirmed_address()
    token = registering.keyring.registrant_token(UUID(registration_id))
    async with registering.browser("fr") as browser:
        for address in ("me", "me?token=", "me?token=wrong", f"me?token={token[:-5]}"):
            for method, path in (("GET", ""), ("POST", "/cancel")):
                url = f"/registration/{address.replace('me', f'me{path}', 1)}"
                answer = await browser.request(method, url)
                assert answer.status_code == 403, url
                assert Page(answer).title.startswith("Ce lien n’est pas valable")
        bearer = {"Authorization": f"Bearer {token}"}
        assert (await browser.get("/registration/me", headers=bearer)).status_code == 403
        gone = registering.keyring.registrant_token(UUID(NOBODY))
        assert (await browser.get(f"/registration/me?token={gone}")).status_code == 404
