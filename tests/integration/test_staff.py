"""Staff accounts: how they are made and ended, how one signs in by mail, and sessions."""

from __future__ import annotations

import asyncio
import re
from collections.abc import AsyncIterator, Callable
from datetime import UTC, datetime, timedelta
from http.cookies import SimpleCookie
from itertools import count
from typing import Any
from uuid import uuid4

import httpx
import pytest
from sqlalchemy import func, update

from deploy.private_servers import PostgreSQL
from services.badging.app import create as create_badging
from services.registration import staffing
from services.registration.staff import ASKED_LIFETIME, account_link, sign_in_link
from shared import sessions
from shared.access import SESSION_COOKIE, Role, Staff
from shared.clock import Clock
from shared.events import StaffAccessChanged, StaffSessionEnded
from shared.tables import ended_sessions
from tests.registration import NOBODY, Page, Registering, running
from tests.running import ORIGIN, Running
from tests.running import running as running_service
from tests.staff import (
    ACCOUNTS,
    add,
    change,
    end,
    id_of,
    offered,
    press,
    session_in,
    signed_in,
    token_in,
)

API = "/registration/api"
QUEUE = "/registration/review"
ACCOUNT = "/registration/account"
STAFF = "/registration/staff"
_numbers = count()


@pytest.fixture(scope="module")
async def registering(
    postgres: PostgreSQL, tmp_path_factory: pytest.TempPathFactory
) -> AsyncIterator[Registering]:
    postgres.drop_databases()
    async with running(postgres.url, tmp_path_factory.mktemp("home")) as service:
        yield service


@pytest.fixture(scope="module")
async def badging(
    registering: Registering, tmp_path_factory: pytest.TempPathFactory
) -> AsyncIterator[Running]:
    """Another service of the same deployment: it has the same secret."""
    given = registering.service.platform.settings
    home = tmp_path_factory.mktemp("badging")
    url = registering.service.platform.database_url
    async with running_service(create_badging, url, home, secret_file=given.secret_path) as service:
        yield service


@pytest.fixture
def email() -> str:
    """An address that has no account yet."""
    return f"ada.{next(_numbers)}@example.org"


@pytest.fixture
def later(monkeypatch: pytest.MonkeyPatch) -> Callable[[timedelta], None]:
    def go_on(by: timedelta) -> None:
        then = datetime.now(UTC) + by
        monkeypatch.setattr(Clock, "wall", staticmethod(lambda: then))

    return go_on


# --- accounts ------------------------------------------------------------------------------------


async def test_an_organiser_makes_an_account_and_its_holder_is_mailed(
    registering: Registering, email: str
) -> None:
    made = await add(registering, email, Role.desk, Role.reviewer, language="fr")
    assert made["roles"] == ["reviewer", "desk"]
    assert (made["email"], made["language"], made["ended_at"]) == (email, "fr", None)
    assert made["made_by"] == "Ada"
    [mail] = await offered(registering, email)
    assert (mail.occasion, mail.language, mail.name) == ("invited", "fr", "Ada Lovelace")
    shown = (await registering.http.get(ACCOUNTS, headers=registering.organiser)).json()["items"]
    assert made in shown


@pytest.mark.parametrize(
    ("wrong", "field"),
    [
        ({"email": "nobody"}, "email"),
        ({"email": ""}, "email"),
        ({"name": " "}, "name"),
        ({"name": "\0"}, "name"),
        ({"roles": []}, "roles"),
        ({"roles": ["president"]}, "roles.0"),
        ({"roles": ["security"]}, "roles"),
        ({"roles": None}, "roles"),
        ({"language": "tlh"}, "language"),
        ({"password": "x"}, "password"),
    ],
)
async def test_what_is_wrong_with_a_new_account_is_named_and_none_is_made(
    registering: Registering, email: str, wrong: dict[str, Any], field: str
) -> None:
    before = await registering.stored()
    body = {"email": email, "name": "Ada", "roles": ["desk"]} | wrong
    answer = await registering.http.post(ACCOUNTS, json=body, headers=registering.organiser)
    assert answer.status_code == 422
    assert [error["field"] for error in answer.json()["errors"]] == [field]
    assert await registering.stored() == before


async def test_an_address_has_one_account_however_it_is_written(
    registering: Registering, email: str
) -> None:
    await add(registering, email, Role.desk)
    body = {"email": email.upper(), "name": "Ada", "roles": ["desk"]}
    answer = await registering.http.post(ACCOUNTS, json=body, headers=registering.organiser)
    assert answer.status_code == 422
    assert answer.json()["errors"][0]["kind"] == "taken"
    assert len(await offered(registering, email)) == 1


async def test_the_last_organiser_stays(registering: Registering, email: str) -> None:
    first = await add(registering, email, Role.organiser)
    for answer in (
        await end(registering, first),
        await change(registering, first, roles=["desk"]),
    ):
        assert answer.status_code == 409
        assert answer.json()["type"] == "urn:forum-pass:problem:last-organiser"
    second = await add(registering, f"second.{email}", Role.viewer, Role.organiser)
    assert (await change(registering, first, roles=["desk"])).status_code == 200
    assert (await end(registering, second)).status_code == 409
    assert (await change(registering, second, name="Grace Hopper")).status_code == 200
    assert (await change(registering, first, roles=["organiser"])).status_code == 200
    assert (await end(registering, second)).status_code == 200


@pytest.mark.parametrize("step", ["", "/end"])
async def test_there_is_no_such_account(registering: Registering, step: str) -> None:
    method = "POST" if step else "PATCH"
    for unknown in (NOBODY, "7"):
        answer = await registering.http.request(
            method, f"{ACCOUNTS}/{unknown}{step}", json={}, headers=registering.organiser
        )
        assert answer.status_code == 404


# --- the link by mail ----------------------------------------------------------------------------


async def test_whether_an_address_has_an_account_is_not_told(
    registering: Registering, email: str
) -> None:
    await add(registering, email, Role.desk)
    ended = await add(registering, f"ended.{email}", Role.desk)
    await end(registering, ended)
    async with registering.browser() as browser:
        answers = [
            await browser.post("/registration/sign-in", data={"email": address})
            for address in (email, f" {email.upper()} ", ended["email"], "no@example.org", "", "\0")
        ]
    told = {(one.status_code, one.headers["Location"], one.text) for one in answers}
    assert told == {(303, "/registration/sign-in/sent", "")}
    assert [one.occasion for one in await offered(registering, email)] == [
        "invited",
        *["asked"] * 2,
    ]
    assert len(await offered(registering, ended["email"])) == 1
    assert await offered(registering, "no@example.org") == []


async def test_the_link_signs_nobody_in_before_its_button_is_pressed(
    registering: Registering, email: str
) -> None:
    await add(registering, email, Role.reviewer, language="fr")
    [mail] = await offered(registering, email)
    async with registering.browser() as browser:
        for _ in range(2):  # scanners open links, and more than once
            looked = await browser.get(mail.link.removeprefix(ORIGIN))
            assert looked.status_code == 200
            assert "Set-Cookie" not in looked.headers
            page = Page(looked)
            assert page.says("Ada Lovelace", email)
            assert (page.language, page.actions[-1]) == ("fr", "/registration/sign-in/link")
        answer = await press(browser, mail)
        assert (answer.status_code, answer.headers["Location"]) == (303, QUEUE)
        assert (await browser.get(QUEUE)).status_code == 200
        account = Page(await browser.get(ACCOUNT))
        assert account.says("Ada Lovelace", email)


async def test_the_link_works_once(registering: Registering, email: str) -> None:
    await add(registering, email, Role.reviewer)
    [mail] = await offered(registering, email)
    async with registering.browser() as browser, registering.browser() as other:
        assert (await press(browser, mail)).status_code == 303
        for answer in (await press(other, mail), await other.get(mail.link)):
            assert answer.status_code == 403
            assert "/registration/sign-in" in Page(answer).links
        assert SESSION_COOKIE not in other.cookies


async def test_the_link_is_good_for_a_while_only(
    registering: Registering, email: str, later: Callable[[timedelta], None]
) -> None:
    await add(registering, email, Role.reviewer)
    async with registering.browser() as browser:
        await browser.post("/registration/sign-in", data={"email": email})
        invited, asked = await offered(registering, email)
        assert asked.valid_seconds == ASKED_LIFETIME.total_seconds()
        later(ASKED_LIFETIME)
        assert (await press(browser, asked)).status_code == 403
        assert (await press(browser, invited)).status_code == 303


async def test_a_link_of_an_ended_account_signs_nobody_in(
    registering: Registering, email: str
) -> None:
    account = await add(registering, email, Role.reviewer)
    [mail] = await offered(registering, email)
    await end(registering, account)
    async with registering.browser() as browser:
        assert (await browser.get(mail.link)).status_code == 403
        assert (await press(browser, mail)).status_code == 403


async def test_what_is_no_link_from_a_mail_signs_nobody_in(registering: Registering) -> None:
    operators = sign_in_link(registering.keyring, ORIGIN, Role.organiser, "Ada")
    nobodys = account_link(registering.keyring, ORIGIN, id_of({"id": NOBODY}), timedelta(hours=1))
    async with registering.browser() as browser:
        for link in (operators, nobodys, "x?token=", "x?token=wrong", "x?token=%00"):
            token = httpx.URL(link).params["token"]
            answer = await browser.post("/registration/sign-in/link", data={"token": token})
            assert answer.status_code == 403
        assert SESSION_COOKIE not in browser.cookies


async def test_whoever_signs_in_is_led_to_the_page_that_was_asked_for(
    registering: Registering, email: str
) -> None:
    await add(registering, email, Role.reviewer)
    wanted = f"{QUEUE}?status=confirmed"
    async with registering.browser() as browser:
        refused = await browser.get(wanted)
        [sign_in] = [one for one in Page(refused).links if "/sign-in?to=" in one]
        page = Page(await browser.get(sign_in))
        assert page.fields["to"] == [wanted]
        await browser.post("/registration/sign-in", data={"email": email, "to": wanted})
        answer = await press(browser, (await offered(registering, email))[-1])
        assert answer.headers["Location"] == wanted


@pytest.mark.parametrize(
    "to", ["https://evil.example", "//evil.example", "/\\evil.example", "evil", "/a\nb", "/a\\b"]
)
async def test_nobody_is_led_to_another_site(registering: Registering, email: str, to: str) -> None:
    await add(registering, email, Role.reviewer)
    async with registering.browser() as browser:
        page = Page(await browser.get("/registration/sign-in", params={"to": to}))
        assert "to" not in page.fields
        await browser.post("/registration/sign-in", data={"email": email, "to": to})
        answer = await press(browser, (await offered(registering, email))[-1])
        assert answer.headers["Location"] == QUEUE


async def test_a_mailbox_cannot_be_flooded(registering: Registering, email: str) -> None:
    await add(registering, email, Role.reviewer)
    async with registering.browser() as browser:
        answers = [
            (await browser.post("/registration/sign-in", data={"email": address})).status_code
            for address in [email, email.upper()] * 4
        ]
    assert answers == [303] * 5 + [429] * 3
    assert len(await offered(registering, email)) == 1 + 5


# --- sessions ------------------------------------------------------------------------------------


async def test_on_a_public_address_a_session_needs_tls(
    registering: Registering, email: str, tmp_path_factory: pytest.TempPathFactory
) -> None:
    await add(registering, email, Role.reviewer)
    [mail] = await offered(registering, email)
    given = registering.service.platform
    async with running(
        given.database_url,
        tmp_path_factory.mktemp("public"),
        origin="https://pass.example",
        secret_file=given.settings.secret_path,
    ) as public:
        answer = await public.http.post(
            "/registration/sign-in/link", data={"token": token_in(mail)}
        )
    cookie = SimpleCookie(answer.headers["Set-Cookie"])[SESSION_COOKIE]
    assert (cookie["secure"], cookie["httponly"], cookie["samesite"]) == (True, True, "lax")
    assert int(cookie["max-age"]) == 12 * 3600


async def test_signing_in_renews_the_session(registering: Registering, email: str) -> None:
    await add(registering, email, Role.reviewer)
    async with signed_in(registering, email) as browser:
        before = session_in(browser)
        await browser.post("/registration/sign-in", data={"email": email})
        await press(browser, (await offered(registering, email))[-1])
        assert session_in(browser) != before
        assert (await registering.http.get(QUEUE, headers=before)).status_code == 401
        assert (await browser.get(QUEUE)).status_code == 200


async def test_who_signs_out_is_signed_out_for_good(registering: Registering, email: str) -> None:
    await add(registering, email, Role.reviewer)
    async with signed_in(registering, email) as browser:
        kept = session_in(browser)
        await browser.post("/registration/sign-out")
        assert SESSION_COOKIE not in browser.cookies
        # Somebody else may have copied the cookie.
        assert (await registering.http.get(QUEUE, headers=kept)).status_code == 401


async def test_sessions_are_listed_and_ended_by_their_owner(
    registering: Registering, email: str
) -> None:
    await add(registering, email, Role.reviewer)
    async with signed_in(registering, email) as desk, signed_in(registering, email) as phone:
        page = Page(await desk.get(ACCOUNT))
        [end_it] = [one for one in page.actions if re.search(r"sessions/[\w-]+/end$", one)]
        assert (await desk.post(end_it)).status_code == 303
        assert (await phone.get(ACCOUNT)).status_code == 401
        assert (await desk.get(ACCOUNT)).status_code == 200
        assert (await desk.post(end_it)).status_code == 404
        async with signed_in(registering, email) as third:
            assert (await third.post(f"{ACCOUNT}/sessions/end-others")).status_code == 303
            assert (await third.get(ACCOUNT)).status_code == 200
        assert (await desk.get(ACCOUNT)).status_code == 401


async def test_nobody_ends_a_strangers_session(registering: Registering, email: str) -> None:
    mine, other = email, f"other.{email}"
    for address in (mine, other):
        await add(registering, address, Role.reviewer)
    async with signed_in(registering, mine) as me, signed_in(registering, other) as them:
        theirs = registering.keyring.read_session(them.cookies[SESSION_COOKIE]).session
        assert theirs is not None
        assert (await me.post(f"{ACCOUNT}/sessions/{theirs.id}/end")).status_code == 404
        assert (await them.get(ACCOUNT)).status_code == 200


async def test_an_organiser_ends_somebodys_session(registering: Registering, email: str) -> None:
    account = await add(registering, email, Role.reviewer)
    async with registering.browser() as organiser, signed_in(registering, email) as them:
        await organiser.get(sign_in_link(registering.keyring, ORIGIN, Role.organiser, "up"))
        page = Page(await organiser.get(f"{STAFF}/{account['id']}"))
        [end_it] = [one for one in page.actions if "/staff/sessions/" in one]
        assert (await organiser.post(end_it)).headers["Location"].endswith(account["id"])
        assert (await them.get(ACCOUNT)).status_code == 401
        listed = Page(await organiser.get(STAFF))
        assert listed.says("Ada Lovelace", email, "up")


async def test_a_session_ends_by_itself(registering: Registering, email: str) -> None:
    await add(registering, email, Role.reviewer)
    async with signed_in(registering, email) as browser:
        expire = "UPDATE sessions SET expires_at = now() WHERE holder = $1"
        async with registering.service.database.hurry() as run:
            await run(expire, email)
        assert (await browser.get(ACCOUNT)).status_code == 401


# --- other services ------------------------------------------------------------------------------

BADGES = "/badging/api/badges"


async def hear_all(registering: Registering, badging: Running) -> None:
    """Let the other service hear what registration has said of staff."""
    facts = [
        fact
        for fact in await registering.said()
        if isinstance(fact, StaffAccessChanged | StaffSessionEnded)
    ]
    await badging.hear(*facts)


async def status(badging: Running, session: dict[str, str]) -> int:
    return (await badging.http.get(BADGES, headers=session)).status_code


async def test_an_ended_session_is_over_in_every_service(
    registering: Registering, badging: Running, email: str
) -> None:
    await add(registering, email, Role.desk)
    async with signed_in(registering, email) as one, signed_in(registering, email) as other:
        first, second = session_in(one), session_in(other)
        assert (await status(badging, first), await status(badging, second)) == (200, 200)
        await one.post("/registration/sign-out")
        await hear_all(registering, badging)
        assert (await status(badging, first), await status(badging, second)) == (401, 200)


async def test_a_revoked_token_opens_nothing_in_any_service(
    registering: Registering, badging: Running
) -> None:
    staff = {"role": "desk", "name": "A printer that was stolen"}
    organiser = registering.staff(Role.organiser)
    made = await registering.http.post(f"{API}/tokens", json=staff, headers=organiser)
    stolen = {"Authorization": f"Bearer {made.json()['token']}"}
    other = registering.staff(Role.desk)
    assert (await status(badging, stolen), await status(badging, other)) == (200, 200)
    token_id = registering.keyring.read_staff_token(made.json()["token"]).token_id
    for _ in range(2):  # again, it changes nothing
        revoke = f"{API}/tokens/{token_id}/revoke"
        assert (await registering.http.post(revoke, headers=organiser)).status_code == 200
    own = f"{API}/registrations/{uuid4()}"
    assert (await registering.http.get(own, headers=stolen)).status_code == 401
    assert (await registering.http.get(own, headers=other)).status_code == 404
    await hear_all(registering, badging)
    assert (await status(badging, stolen), await status(badging, other)) == (401, 200)
    # What is forgotten in time is not the end of a token that may live on.
    async with badging.service.database.begin() as tx:
        long_ago = update(ended_sessions).where(ended_sessions.c.session_id == token_id)
        await tx.execute(long_ago.values(ended_at=func.now() - timedelta(days=360)))
        await sessions.forget_old(tx)
    assert await status(badging, stolen) == 401


async def test_another_role_holds_in_every_service_and_the_session_goes_on(
    registering: Registering, badging: Running, email: str
) -> None:
    account = await add(registering, email, Role.desk)
    async with signed_in(registering, email) as browser:
        session = session_in(browser)
        assert await status(badging, session) == 200
        await change(registering, account, roles=["reviewer"])
        await hear_all(registering, badging)
        assert await status(badging, session) == 403
        assert (await browser.get(QUEUE)).status_code == 200
        # Nothing is heard twice, and nothing older changes what is known.
        await change(registering, account, roles=["viewer", "desk"])
        await hear_all(registering, badging)
        await hear_all(registering, badging)
        assert await status(badging, session) == 200


async def test_of_two_changes_at_once_the_last_is_said(
    registering: Registering, email: str
) -> None:
    account, of = await add(registering, email, Role.desk), registering.service.app.state.accounts
    also = staffing.NewAccount(email=email, name="Ada Lovelace", roles=[Role.reviewer])
    async with of.database.begin() as tx:
        await staffing.let_be(tx, of, also, Staff("Ada", Role.organiser))
        changed = asyncio.create_task(change(registering, account, roles=["desk"]))
        await registering.until_somebody_waits()
    assert (await changed).json()["roles"] == ["desk"]
    said = [
        fact.roles
        for fact in await registering.said()
        if isinstance(fact, StaffAccessChanged) and str(fact.account_id) == account["id"]
    ]
    assert said == [("reviewer", "desk"), ("desk",)]


async def test_an_ended_account_is_over_in_every_service_and_so_it_stays_for_its_sessions(
    registering: Registering, badging: Running, email: str
) -> None:
    account = await add(registering, email, Role.desk)
    async with signed_in(registering, email) as browser, registering.browser() as organiser:
        session = session_in(browser)
        assert (await end(registering, account)).json()["ended_at"] is not None
        await hear_all(registering, badging)
        assert await status(badging, session) == 401
        assert (await browser.get(ACCOUNT)).status_code == 401
        await organiser.get(sign_in_link(registering.keyring, ORIGIN, Role.organiser, "up"))
        restored = await organiser.post(f"{STAFF}/{account['id']}/restore")
        assert restored.status_code == 303
        await hear_all(registering, badging)
        assert await status(badging, session) == 401
        assert (await browser.get(ACCOUNT)).status_code == 401
    async with signed_in(registering, email) as again:
        assert await status(badging, session_in(again)) == 200


# --- the organiser's page ------------------------------------------------------------------------


async def test_an_organiser_does_it_all_on_a_page(registering: Registering, email: str) -> None:
    async with registering.browser() as organiser:
        await organiser.get(sign_in_link(registering.keyring, ORIGIN, Role.organiser, "up"))
        form = {"name": "Ada", "email": email, "roles": ["desk", "viewer"], "language": "es"}
        wrong = Page(await organiser.post(STAFF, data=form | {"email": "ada", "roles": []}))
        assert set(wrong.errors) == {"email", "roles"}
        assert wrong.fields["name"] == ["Ada"]
        assert await offered(registering, email) == []
        made = await organiser.post(STAFF, data=form)
        account_id = made.headers["Location"].rpartition("#account-")[2]
        taken = await organiser.post(STAFF, data=form)
        assert (taken.status_code, set(Page(taken).errors)) == (422, {"email"})
        page = Page(await organiser.get(f"{STAFF}/{account_id}"))
        assert page.fields["roles"] == ["desk", "viewer"]
        nothing = {"name": "", "roles": [], "language": "es"}
        refused = await organiser.post(f"{STAFF}/{account_id}", data=nothing)
        assert (refused.status_code, set(Page(refused).errors)) == (422, {"name", "roles"})
        changed = {"name": "Ada King", "roles": ["reviewer"], "language": "fr"}
        assert (await organiser.post(f"{STAFF}/{account_id}", data=changed)).status_code == 303
        page = Page(await organiser.get(f"{STAFF}/{account_id}"))
        assert (page.fields["name"], page.fields["roles"]) == (["Ada King"], ["reviewer"])
        assert (await organiser.post(f"{STAFF}/{account_id}/invite")).status_code == 303
        assert [one.language for one in await offered(registering, email)] == ["es", "fr"]
        assert (await organiser.post(f"{STAFF}/{account_id}/end")).status_code == 303
        assert Page(await organiser.get(STAFF)).says("Ada King", "Ended")
        assert (await organiser.post(f"{STAFF}/{account_id}/invite")).status_code == 409


async def test_the_page_shows_what_an_account_needs(registering: Registering) -> None:
    async with registering.browser() as operator:
        await operator.get(sign_in_link(registering.keyring, ORIGIN, Role.organiser, "up"))
        account = Page(await operator.get(ACCOUNT))
        assert account.says("up", "give yourself an account")
        answer = await operator.post(f"{ACCOUNT}/passkeys/options")
        assert answer.status_code == 409


async def test_the_pages_come_in_the_language_of_the_account(
    registering: Registering, email: str
) -> None:
    await add(registering, email, Role.reviewer, language="ar")
    async with signed_in(registering, email) as browser:
        assert Page(await browser.get(ACCOUNT)).direction == "rtl"
        await browser.post(f"{ACCOUNT}/language", data={"language": "ru"})
        assert Page(await browser.get(ACCOUNT)).language == "ru"
