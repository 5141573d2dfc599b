"""The reviewers' pages, and how staff sign in and out."""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import datetime, timedelta
from http.cookies import SimpleCookie
from typing import Any
from uuid import UUID

import httpx
import pytest

from deploy.private_servers import PostgreSQL
from services.registration.staff import sign_in_link
from shared.access import SESSION_COOKIE, Purpose, Role
from tests.registration import (
    NOBODY,
    Page,
    Registering,
    admitted,
    bounced,
    running,
    taken_back,
)
from tests.running import ORIGIN

QUEUE = "/registration/review"


@pytest.fixture(scope="module")
async def registering(
    postgres: PostgreSQL, tmp_path_factory: pytest.TempPathFactory
) -> AsyncIterator[Registering]:
    postgres.drop_databases()
    async with running(postgres.url, tmp_path_factory.mktemp("home")) as service:
        yield service


@pytest.fixture
async def stranger(registering: Registering) -> AsyncIterator[httpx.AsyncClient]:
    """A browser that nobody has signed in with."""
    async with registering.browser() as browser:
        yield browser


@pytest.fixture
async def reviewer(registering: Registering) -> AsyncIterator[httpx.AsyncClient]:
    """A reviewer's browser."""
    async with registering.browser() as browser:
        await browser.get(sign_in_link(registering.keyring, ORIGIN, Role.reviewer, "Mary"))
        yield browser


# --- signing in ----------------------------------------------------------------------------------


async def test_a_sign_in_link_opens_a_session(
    registering: Registering, stranger: httpx.AsyncClient
) -> None:
    answer = await stranger.get(sign_in_link(registering.keyring, ORIGIN, Role.reviewer, "Mary"))
    assert (answer.status_code, answer.headers["Location"]) == (303, QUEUE)
    cookie = SimpleCookie(answer.headers["Set-Cookie"])[SESSION_COOKIE]
    assert cookie["httponly"]
    assert cookie["samesite"].lower() == "lax"
    assert cookie["path"] == "/"
    assert int(cookie["max-age"]) == 12 * 3600
    assert not cookie["secure"]
    assert (await stranger.get(QUEUE)).status_code == 200


async def test_on_a_public_address_the_session_needs_tls(
    registering: Registering, tmp_path_factory: pytest.TempPathFactory
) -> None:
    given = registering.service.platform
    home = tmp_path_factory.mktemp("public")
    async with running(given.database_url, home, origin="https://pass.example") as public:
        link = sign_in_link(public.keyring, ORIGIN, Role.organiser, "Ada")
        answer = await public.http.get(link)
    assert SimpleCookie(answer.headers["Set-Cookie"])[SESSION_COOKIE]["secure"]


async def test_a_sign_in_link_works_once(registering: Registering) -> None:
    link = sign_in_link(registering.keyring, ORIGIN, Role.reviewer, "Mary")
    async with registering.browser() as first, registering.browser("fr") as second:
        assert (await first.get(link)).status_code == 303
        answer = await second.get(link)
        assert answer.status_code == 403
        assert Page(answer).title.startswith("Ce lien n’est pas valable")
        assert "Set-Cookie" not in answer.headers


async def test_what_is_no_sign_in_link_opens_nothing(
    registering: Registering, stranger: httpx.AsyncClient
) -> None:
    sign = registering.keyring.sign
    about: dict[str, Any] = {"role": "organiser", "id": "1"}
    for token in (
        "",
        "wrong",
        sign(Purpose.mailed_sign_in, NOBODY, timedelta(days=1), id="1", to=""),
        "\0",
        sign(Purpose.sign_in, "Ada", timedelta(seconds=-1), **about),
        sign(Purpose.sign_in, "Ada", timedelta(days=1), role="king", id="1"),
        sign(Purpose.sign_in, "Ada", timedelta(days=1), role="organiser"),
        registering.keyring.staff_token(Role.organiser, "Ada"),
        registering.keyring.registrant_token(UUID(NOBODY)),
    ):
        answer = await stranger.get("/registration/sign-in", params={"token": token})
        assert answer.status_code == 403
        assert "Set-Cookie" not in answer.headers


@pytest.mark.parametrize("role", Role)
async def test_every_role_is_led_somewhere(
    registering: Registering, stranger: httpx.AsyncClient, role: Role
) -> None:
    answer = await stranger.get(sign_in_link(registering.keyring, ORIGIN, role, "Mary"))
    assert answer.status_code == 303
    assert answer.headers["Location"].startswith("/")


async def test_who_signs_out_is_signed_out(reviewer: httpx.AsyncClient) -> None:
    assert "/registration/sign-out" in Page(await reviewer.get(QUEUE)).actions
    evil = {"Origin": "https://evil.example", "Sec-Fetch-Site": "cross-site"}
    assert (await reviewer.post("/registration/sign-out", headers=evil)).status_code == 403
    assert (await reviewer.get(QUEUE)).status_code == 200
    assert (await reviewer.post("/registration/sign-out")).status_code == 303
    assert (await reviewer.get(QUEUE)).status_code == 401


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("GET", QUEUE),
        ("GET", f"{QUEUE}/{{id}}"),
        ("POST", f"{QUEUE}/{{id}}/approve"),
        ("POST", f"{QUEUE}/{{id}}/decline"),
    ],
)
async def test_the_review_is_for_reviewers(
    registering: Registering, stranger: httpx.AsyncClient, method: str, path: str
) -> None:
    registration_id = await registering.confirmed_address(category="media")
    url, content = path.format(id=registration_id), {"reason": "No card"}
    answer = await stranger.request(method, url, data=content)
    assert answer.status_code == 401
    assert Page(answer).title.startswith("Please sign in")
    for role in set(Role) - {Role.reviewer, Role.organiser}:
        await stranger.get(sign_in_link(registering.keyring, ORIGIN, role, "Mary"))
        answer = await stranger.request(method, url, data=content)
        assert answer.status_code == 403
        assert Page(answer).title.startswith("Not allowed")
    assert await registering.status(registration_id) == "in_review"


# --- the queue -----------------------------------------------------------------------------------


async def test_the_queue_shows_who_waits_for_a_decision(
    registering: Registering, reviewer: httpx.AsyncClient
) -> None:
    waiting = await registering.confirmed_address(
        category="media", given_name="Nellie", family_name="Bly", country="FJ"
    )
    other = await registering.confirmed_address(given_name="Confirmed")
    page = Page(await reviewer.get(QUEUE))
    assert page.says("BLY", "Nellie", "Fiji", "Media")
    assert f"{QUEUE}/{waiting}" in page.links
    assert f"{QUEUE}/{waiting}/approve" in page.actions
    assert f"{QUEUE}/{other}" not in page.links
    wanted = "status=confirmed&q=confirmed+h"
    confirmed = Page(await reviewer.get(f"{QUEUE}?{wanted}"))
    assert f"{QUEUE}/{other}?{wanted}" in confirmed.links
    assert not [action for action in confirmed.actions if "/approve" in action]
    assert (confirmed.fields["q"], confirmed.fields["status"]) == (["confirmed h"], ["confirmed"])
    nobody = Page(await reviewer.get(QUEUE, params={"q": "nobody of this name"}))
    assert nobody.says("No registration fits.")


async def test_a_long_queue_goes_on(registering: Registering, reviewer: httpx.AsyncClient) -> None:
    name = "Q&A=50% <b>"
    made = [await registering.submitted(organization=name) for _ in range(51)]
    first = Page(await reviewer.get(QUEUE, params={"status": "submitted", "q": name}))
    [further] = [link for link in first.links if "cursor=" in link]
    second = Page(await reviewer.get(further))
    shown = [
        [link for link in page.links if link[len(QUEUE) + 1 :].partition("?")[0] in made]
        for page in (first, second)
    ]
    assert [len(links) for links in shown] == [50, 1]
    # The longest waits first.
    assert shown[1][0].startswith(f"{QUEUE}/{made[-1]}?")


@pytest.mark.parametrize("query", ["status=lost", "cursor=first", "q=%00", "q=" + "x" * 201])
async def test_a_wrong_query_is_refused_readably(reviewer: httpx.AsyncClient, query: str) -> None:
    answer = await reviewer.get(f"{QUEUE}?{query}")
    assert answer.status_code == 422
    assert Page(answer).title


# --- the decision --------------------------------------------------------------------------------


async def test_a_reviewer_sees_all_and_approves(
    registering: Registering, reviewer: httpx.AsyncClient
) -> None:
    registration_id = await registering.confirmed_address(
        category="media", title="Ms", accessibility_needs="Step-free access"
    )
    page = Page(await reviewer.get(f"{QUEUE}/{registration_id}"))
    assert page.says(
        "HOPPER Grace", "Title Ms", "Media", "Programmer", "Step-free access", "Address confirmed"
    )
    answer = await reviewer.post(f"{QUEUE}/{registration_id}/approve")
    assert (answer.status_code, answer.headers["Location"]) == (
        303,
        f"{QUEUE}?done={registration_id}",
    )
    assert Page(await reviewer.get(answer.headers["Location"])).says("HOPPER Grace", "Confirmed")
    assert await registering.status(registration_id) == "confirmed"
    after = Page(await reviewer.get(f"{QUEUE}/{registration_id}"))
    assert after.says("Confirmed", "Approved Mary")
    assert not [action for action in after.actions if "/approve" in action or "/decline" in action]


@pytest.mark.parametrize("reason", [..., "", " ", "\0", "x" * 201])
async def test_without_a_reason_nobody_is_declined(
    registering: Registering, reviewer: httpx.AsyncClient, reason: object
) -> None:
    registration_id = await registering.confirmed_address(category="media")
    content = {} if reason is ... else {"reason": reason}
    answer = await reviewer.post(f"{QUEUE}/{registration_id}/decline", data=content)
    assert answer.status_code == 422
    assert Page(answer).errors == {"reason": "Please give a reason."}
    assert 'aria-describedby="reason-hint reason-error"' in answer.text
    assert await registering.status(registration_id) == "in_review"


async def test_who_is_declined_is_declined_with_the_reason(
    registering: Registering, reviewer: httpx.AsyncClient
) -> None:
    registration_id = await registering.confirmed_address(category="media")
    answer = await reviewer.post(
        f"{QUEUE}/{registration_id}/decline", data={"reason": " No press  card "}
    )
    assert answer.status_code == 303
    *_, fact = await registering.said(UUID(registration_id))
    assert fact.reason == "No press card"
    assert Page(await reviewer.get(f"{QUEUE}/{registration_id}")).says("Declined", "No press card")


@pytest.mark.parametrize("act", ["approve", "decline"])
async def test_a_decision_that_somebody_else_has_taken_stays(
    registering: Registering, reviewer: httpx.AsyncClient, act: str
) -> None:
    registration_id = await registering.confirmed_address(category="media")
    await registering.act(registration_id, "approve")
    answer = await reviewer.post(f"{QUEUE}/{registration_id}/{act}", data={"reason": "No card"})
    assert answer.status_code == 409
    assert Page(answer).says("somebody else was quicker", "Confirmed", "Approved Ada")
    assert await registering.status(registration_id) == "confirmed"


# --- corrections and cancellations ---------------------------------------------------------------


async def test_a_confirmed_registration_is_cancelled_in_a_second_step(
    registering: Registering, reviewer: httpx.AsyncClient
) -> None:
    registration_id = await registering.confirmed_address()
    page = f"{QUEUE}/{registration_id}"
    assert f"{page}/cancel" in Page(await reviewer.get(page)).actions
    answer = await reviewer.post(f"{page}/cancel")
    assert answer.status_code == 303
    *_, fact = await registering.said(UUID(registration_id))
    assert fact.type == "registration.cancelled.v1"
    after = await reviewer.get(answer.headers["Location"])
    assert Page(after).says("Cancelled Mary")
    assert not [action for action in Page(after).actions if action.startswith(f"{page}/c")]


async def test_what_is_corrected_is_printed_anew_and_the_rest_stays(
    registering: Registering, reviewer: httpx.AsyncClient
) -> None:
    registration_id = await registering.confirmed_address()
    page = f"{QUEUE}/{registration_id}"
    shown = Page(await reviewer.get(page)).fields
    assert (shown["given_name"], shown["country"]) == (["Grace"], ["US"])
    correct = {
        "given_name": " Grace  Brewster",
        "family_name": "Hopper",
        "organization": "US Navy",
        "country": "ca",
        "email": "hopper@example.org",
    }
    answer = await reviewer.post(f"{page}/correct", data=correct)
    assert answer.status_code == 303
    assert Page(await reviewer.get(answer.headers["Location"])).says("The corrections are saved.")
    now = await registering.show(registration_id)
    assert {name: now[name] for name in correct} == correct | {
        "given_name": "Grace Brewster",
        "country": "CA",
    }
    assert (now["status"], now["position"]) == ("confirmed", "Programmer")
    amended, *_ = [
        fact
        for fact in await registering.said(UUID(registration_id))
        if fact.type == "registration.amended.v1"
    ]
    assert amended.person.given_name == "Grace Brewster"


async def test_a_correction_that_cannot_be_is_shown_again(
    registering: Registering, reviewer: httpx.AsyncClient
) -> None:
    registration_id = await registering.confirmed_address()
    wrong = {"given_name": "Grace", "family_name": "7", "country": "US", "email": "hopper"}
    answer = await reviewer.post(f"{QUEUE}/{registration_id}/correct", data=wrong)
    assert answer.status_code == 422
    page = Page(answer)
    assert set(page.errors) == {"family_name", "organization", "email"}
    assert page.fields["email"] == ["hopper"]
    assert (await registering.show(registration_id))["family_name"] == "Hopper"


@pytest.mark.parametrize("act", ["correct", "cancel"])
async def test_what_has_ended_meanwhile_is_neither_corrected_nor_cancelled(
    registering: Registering, reviewer: httpx.AsyncClient, act: str
) -> None:
    registration_id = await registering.confirmed_address()
    data = {
        name: value
        for name, value in (await registering.show(registration_id)).items()
        if name in ("given_name", "family_name", "organization", "country", "email")
    }
    await registering.act(registration_id, "cancel")
    answer = await reviewer.post(f"{QUEUE}/{registration_id}/{act}", data=data)
    assert answer.status_code == 409
    assert Page(answer).says("somebody else was quicker", "Cancelled")


@pytest.mark.parametrize("act", ["approve", "decline", "correct", "cancel"])
async def test_another_site_decides_nothing(
    registering: Registering, reviewer: httpx.AsyncClient, act: str
) -> None:
    registration_id = await registering.confirmed_address(category="media")
    answer = await reviewer.post(
        f"{QUEUE}/{registration_id}/{act}",
        data={"reason": "No card"},
        headers={"Origin": "https://evil.example", "Sec-Fetch-Site": "cross-site"},
    )
    assert answer.status_code == 403
    assert await registering.status(registration_id) == "in_review"


@pytest.mark.parametrize("unknown", [NOBODY, "7"])
async def test_there_is_no_page_for_nobody(reviewer: httpx.AsyncClient, unknown: str) -> None:
    for answer in (
        await reviewer.get(f"{QUEUE}/{unknown}"),
        await reviewer.post(f"{QUEUE}/{unknown}/approve"),
        await reviewer.post(f"{QUEUE}/{unknown}/decline", data={"reason": "No card"}),
        await reviewer.post(f"{QUEUE}/{unknown}/cancel"),
    ):
        assert answer.status_code == 404
        assert Page(answer).title.startswith("Not found")


async def test_who_came_is_shown_until_it_is_taken_back(
    registering: Registering, reviewer: httpx.AsyncClient
) -> None:
    registration_id = await registering.confirmed_address()
    came = admitted(registration_id, datetime.fromisoformat("2017-06-12T08:12:00+02:00"))
    page = f"{QUEUE}/{registration_id}"
    assert not Page(await reviewer.get(page)).says("Mon, 12 Jun 2017, 08:12")
    await registering.hear(came)
    assert Page(await reviewer.get(page)).says("Mon, 12 Jun 2017, 08:12")
    await registering.hear(taken_back(came))
    assert not Page(await reviewer.get(page)).says("Mon, 12 Jun 2017, 08:12")


async def test_a_mail_that_came_back_is_shown(
    registering: Registering, reviewer: httpx.AsyncClient
) -> None:
    registration_id = await registering.confirmed_address(category="media")
    sentence = "The last mail could not be delivered."
    assert not Page(await reviewer.get(f"{QUEUE}/{registration_id}")).says(sentence)
    await registering.hear(bounced(registration_id))
    assert Page(await reviewer.get(f"{QUEUE}/{registration_id}")).says(sentence)
