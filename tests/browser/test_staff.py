"""Staff sign in as people do: by the link in a mail, by passkey, at their identity provider."""

from __future__ import annotations

import json
import os
import re
import sys
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any, Final

import httpx
import pytest
from playwright.sync_api import Browser, BrowserContext, Page, expect

from deploy.child import ChildProcess
from deploy.private_servers import free_port
from shared.access import Role
from tests.browser.chromium import DESK, PHONE, open_mail, sign_in
from tests.browser.test_accessibility import NARROW, complaints, keep_picture
from tests.system import START_SECONDS, OneMachine

CLIENT: Final = {"id": "forum-pass", "secret": "a secret of theirs"}
AUTHENTICATOR: Final = {
    "protocol": "ctap2",
    "transport": "internal",
    "hasResidentKey": True,
    "hasUserVerification": True,
    "isUserVerified": True,
    "automaticPresenceSimulation": True,
}


@pytest.fixture(scope="module")
def provider(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The issuer of an identity provider at which three people have accounts.

    A process of its own: as a thread of ours, its libraries' warnings would be our errors.
    """
    folder, port = tmp_path_factory.mktemp("provider"), free_port()
    people = [
        {"sub": sub, "email": f"{sub}@example.org", "email_verified": verified}
        for sub, verified in (("ida", True), ("stranger", True), ("unsure", False))
    ]
    claims = [f"--user-claims={json.dumps(person)}" for person in people]
    process = ChildProcess(
        "identity provider",
        [sys.executable, "-m", "oidc_provider_mock", f"--port={port}", *claims],
        log=folder / "provider.log",
        environment={"PATH": os.environ.get("PATH", os.defpath)},
        folder=folder,
    )
    issuer = f"http://127.0.0.1:{port}"
    process.start()
    process.wait_until(lambda: _answers(issuer), within=START_SECONDS)
    yield issuer
    process.stop()


def _answers(issuer: str) -> bool:
    with suppress(httpx.HTTPError):
        address = f"{issuer}/.well-known/openid-configuration"
        return httpx.get(address, trust_env=False).is_success
    return False


@pytest.fixture(scope="module")
def system(tmp_path_factory: pytest.TempPathFactory, provider: str) -> Iterator[OneMachine]:
    one = OneMachine(
        tmp_path_factory.mktemp("one-machine"),
        host="localhost",
        FORUMPASS_REGISTRATION_OIDC_ISSUER=provider,
        FORUMPASS_REGISTRATION_OIDC_CLIENT_ID=CLIENT["id"],
        FORUMPASS_REGISTRATION_OIDC_CLIENT_SECRET=CLIENT["secret"],
        FORUMPASS_REGISTRATION_OIDC_NAME="Example Identity",
    )
    one.start()
    yield one
    one.stop()


def add(system: OneMachine, email: str, *roles: Role, **more: Any) -> str:
    """Make an account, and answer its id."""
    with system.visit().as_staff(Role.organiser) as http:
        body = {"email": email, "name": "Ada Lovelace", "roles": list(roles)} | more
        made = http.post("/registration/api/staff", json=body)
        assert made.status_code == 201, made.text
        return str(made.json()["id"])


def sign_in_by_mail(page: Page, system: OneMachine, email: str) -> None:
    page.goto(f"{system.origin}/registration/sign-in")
    page.locator("#email").fill(email)
    page.locator("form[action='/registration/sign-in'] button").click()
    expect(page).to_have_url(re.compile("/registration/sign-in/sent"))
    open_mail(page, system.origin, email, re.compile("your sign-in link"))
    page.frame_locator("iframe.mail").get_by_role("link", name="Sign in").click()
    page.locator("main button[type=submit]").click()


def with_authenticator(context: BrowserContext) -> tuple[Page, Any]:
    """A page in a browser whose owner has a fingerprint reader, and the reader."""
    page = context.new_page()
    reader = context.new_cdp_session(page)
    reader.send("WebAuthn.enable")
    made = reader.send("WebAuthn.addVirtualAuthenticator", {"options": AUTHENTICATOR})
    return page, lambda: reader.send(
        "WebAuthn.getCredentials", {"authenticatorId": made["authenticatorId"]}
    )["credentials"]


def test_from_the_mail_to_a_passkey_and_in_again_without_a_mail(
    system: OneMachine, browser: Browser, tmp_path: Path
) -> None:
    email = "ada@example.org"
    add(system, email, Role.desk, Role.reviewer)
    page, credentials = with_authenticator(browser.new_context(viewport=DESK, locale="en"))
    sign_in_by_mail(page, system, email)
    expect(page).to_have_url(f"{system.origin}/registration/review")

    page.get_by_role("link", name="My account").click()
    page.locator("#passkey-name").fill("My laptop")
    page.get_by_role("button", name="Make a passkey").click()
    expect(page.locator("main")).to_contain_text("My laptop")
    expect(page.locator("main")).to_contain_text("not used yet")
    [passkey] = credentials()
    assert passkey["isResidentCredential"]
    assert passkey["rpId"] == "localhost"
    assert complaints(page) == []
    keep_picture(page, tmp_path, "account")

    page.get_by_role("button", name="Sign out").click()
    page.goto(f"{system.origin}/registration/review")
    expect(page.locator("main")).to_contain_text("This page is for staff.")
    page.locator("main").get_by_role("link", name="Sign in").click()
    page.get_by_role("button", name="Sign in with a passkey").click()
    expect(page).to_have_url(f"{system.origin}/registration/review")
    assert credentials()[0]["signCount"] > passkey["signCount"]

    page.get_by_role("link", name="My account").click()
    expect(page.locator("main")).to_contain_text("last used")
    expect(page.locator("main")).to_contain_text("by passkey")
    page.get_by_role("button", name="Remove: My laptop").click()
    expect(page.locator("main")).not_to_contain_text("My laptop")
    page.get_by_role("button", name="Sign out").click()
    page.goto(f"{system.origin}/registration/sign-in")
    page.get_by_role("button", name="Sign in with a passkey").click()
    expect(page.locator("[data-passkey-error]")).to_be_visible()


def test_a_copied_passkey_is_refused(system: OneMachine, browser: Browser) -> None:
    email = "copied@example.org"
    add(system, email, Role.reviewer)
    context = browser.new_context(viewport=DESK, locale="en")
    page = context.new_page()
    reader = context.new_cdp_session(page)
    reader.send("WebAuthn.enable")
    options = {"options": AUTHENTICATOR}
    original = reader.send("WebAuthn.addVirtualAuthenticator", options)["authenticatorId"]
    sign_in_by_mail(page, system, email)
    page.goto(f"{system.origin}/registration/account")
    page.locator("#passkey-name").fill("Key")
    page.get_by_role("button", name="Make a passkey").click()
    expect(page.locator("main")).to_contain_text("not used yet")
    asked = {"authenticatorId": original}
    [copy] = reader.send("WebAuthn.getCredentials", asked)["credentials"]
    page.get_by_role("button", name="Sign out").click()

    def try_it() -> None:
        page.goto(f"{system.origin}/registration/sign-in")
        page.get_by_role("button", name="Sign in with a passkey").click()

    try_it()
    expect(page).to_have_url(f"{system.origin}/registration/review")
    page.get_by_role("button", name="Sign out").click()
    # The copy was made before: it counts from where the original was then.
    reader.send("WebAuthn.removeVirtualAuthenticator", asked)
    other = reader.send("WebAuthn.addVirtualAuthenticator", options)["authenticatorId"]
    reader.send("WebAuthn.addCredential", {"authenticatorId": other, "credential": copy})
    try_it()
    expect(page.locator("[data-passkey-error]")).to_be_visible()


@pytest.mark.parametrize(
    ("person", "says"),
    [
        ("ida", None),
        ("stranger", "no staff account with your address"),
        ("unsure", "does not vouch for your e-mail address"),
    ],
)
def test_at_the_identity_provider(
    system: OneMachine, browser: Browser, person: str, says: str | None
) -> None:
    if person == "ida":
        add(system, "Ida@example.org", Role.reviewer)
    page = browser.new_context(viewport=DESK, locale="en").new_page()
    wanted = "/registration/review?status=confirmed"
    page.goto(f"{system.origin}{wanted}")
    page.locator("main").get_by_role("link", name="Sign in").click()
    page.get_by_role("link", name="Sign in with Example Identity").click()
    page.locator("input[name=sub]").fill(person)
    page.get_by_role("button", name="Authorize").click()
    if says is None:
        expect(page).to_have_url(f"{system.origin}{wanted}")
        page.get_by_role("link", name="My account").click()
        expect(page.locator("main")).to_contain_text("at the identity provider")
    else:
        expect(page.locator("main")).to_contain_text(says)
        assert all(cookie["name"] != "forumpass_session" for cookie in page.context.cookies())


def test_whoever_was_not_sent_by_us_is_not_let_in_from_the_provider(
    system: OneMachine, browser: Browser
) -> None:
    page = browser.new_context(viewport=DESK, locale="en").new_page()
    page.goto(f"{system.origin}/registration/sign-in/oidc/callback?code=stolen&state=made-up")
    expect(page.locator("main")).to_contain_text("did not sign you in")


def test_an_ended_account_leaves_the_control_room_by_itself(
    system: OneMachine, browser: Browser
) -> None:
    email = "watcher@example.org"
    account_id = add(system, email, Role.viewer)
    page = browser.new_context(viewport=DESK, locale="en").new_page()
    sign_in_by_mail(page, system, email)
    expect(page.locator("live-page")).to_have_attribute("data-state", "live")
    with system.visit().as_staff(Role.organiser) as http:
        ended = http.post(f"/registration/api/staff/{account_id}/end")
        assert ended.status_code == 200, ended.text
    # Nobody touches the page: its stream ends, and it finds that nobody is signed in.
    expect(page.locator("main")).to_contain_text("This page is for staff.", timeout=20_000)


def test_another_role_is_felt_in_another_service(system: OneMachine, browser: Browser) -> None:
    email = "lead@example.org"
    account_id = add(system, email, Role.security_lead)
    page = browser.new_context(viewport=DESK, locale="en").new_page()
    sign_in_by_mail(page, system, email)
    page.goto(f"{system.origin}/checkin/devices")
    expect(page.get_by_role("heading", name="Devices at the gates")).to_be_visible()
    with system.visit().as_staff(Role.organiser) as http:
        changed = http.patch(f"/registration/api/staff/{account_id}", json={"roles": ["viewer"]})
        assert changed.status_code == 200, changed.text
    expect(page.locator("main")).to_contain_text("Devices")
    for _ in range(40):
        answer = page.goto(f"{system.origin}/checkin/devices")
        if answer is not None and answer.status == 403:
            break
        page.wait_for_timeout(100)
    expect(page.locator("main")).to_contain_text("does not have the role")


@pytest.mark.parametrize("language", ["en", "ar"])
def test_the_pages_of_staff_can_be_used_by_everybody(
    system: OneMachine, browser: Browser, tmp_path: Path, language: str
) -> None:
    context = browser.new_context(viewport=PHONE, locale=language)
    page = context.new_page()

    def look(name: str) -> None:
        expect(page.locator("html")).to_have_attribute("lang", language)
        assert complaints(page) == []
        for size in (DESK, NARROW, PHONE):
            page.set_viewport_size(size)
            page.screenshot(path=tmp_path / f"{name}-{size['width']}.png", full_page=True)
            assert page.evaluate("document.documentElement.scrollWidth") <= size["width"], name

    email = f"look-{language}@example.org"
    account_id = add(system, email, Role.organiser, Role.desk, language=language)
    page.goto(f"{system.origin}/registration/sign-in")
    look("sign-in")
    page.goto(f"{system.origin}/registration/sign-in/sent")
    look("sent")
    [mail] = system.visit().mail_to(email)
    body = mail.get_body(("plain",))
    assert body is not None
    link = re.search(r"http\S+/sign-in/link\?token=\S+", body.get_content())
    assert link is not None
    page.goto(link.group())
    look("link")
    page.locator("main button[type=submit]").click()
    expect(page).to_have_url(re.compile("/checkin/live"))
    page.goto(f"{system.origin}/registration/account")
    look("account")
    page.goto(f"{system.origin}/registration/staff")
    look("staff")
    page.evaluate("document.querySelector('#add').noValidate = true")
    page.locator("#add button[type=submit]").click()
    look("staff-errors")
    page.goto(f"{system.origin}/registration/staff/{account_id}")
    page.locator("main details > summary").click()
    look("staff-one")
    page.goto(link.group())
    look("link-used")


def test_whoever_came_by_the_command_line_is_told_to_make_an_account(
    system: OneMachine, browser: Browser, tmp_path: Path
) -> None:
    page = browser.new_context(viewport=PHONE, locale="en").new_page()
    sign_in(page, system.sign_in_link())
    page.goto(f"{system.origin}/registration/account")
    assert complaints(page) == []
    keep_picture(page, tmp_path, "operator")
    page.get_by_role("link", name="Make an account").click()
    expect(page.get_by_role("heading", name="Staff")).to_be_visible()


@pytest.mark.parametrize("has_script", [True, False], ids=["with a script", "without a script"])
def test_the_menu_is_opened_on_a_phone_and_stands_open_on_a_desk(
    system: OneMachine, browser: Browser, has_script: bool
) -> None:
    signed_in = {"Authorization": f"Bearer {system.visit().token(Role.organiser)}"}
    context = browser.new_context(
        viewport=NARROW, locale="en", java_script_enabled=has_script, extra_http_headers=signed_in
    )
    page = context.new_page()
    page.goto(f"{system.origin}/registration/staff")
    current = page.get_by_role("navigation", name="Staff").get_by_role("link", name="Staff")
    expect(current).to_be_hidden()
    page.locator("header summary").focus()
    page.keyboard.press("Enter")
    expect(current).to_be_visible()
    expect(current).to_have_attribute("aria-current", "page")
    page.keyboard.press("Enter")
    expect(current).to_be_hidden()
    page.set_viewport_size(DESK)
    expect(current).to_be_visible()
    expect(page.locator("header summary")).to_be_hidden()
    context.close()
