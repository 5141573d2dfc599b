"""A reviewer at a queue: by keyboard alone, without scripts, on a phone, from right to left."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
from playwright.sync_api import Browser, Page, expect

from services.registration.links import Links
from shared.access import Keyring, Role, open_keyring
from tests.browser.chromium import DESK, PHONE
from tests.browser.test_accessibility import complaints, keep_picture
from tests.system import OneMachine, person

FAMILIES = ("Abbott", "Ångström", "Bly", "Cochran", "Đoković", "Evans", "Fallaci", "Gellhorn")
API = "/registration/api/registrations"


@pytest.fixture(scope="module")
def keyring(system: OneMachine) -> Keyring:
    return open_keyring(system.home / "secret")


@pytest.fixture(scope="module")
def organiser(system: OneMachine, keyring: Keyring) -> Iterator[httpx.Client]:
    with system.visit().calling(keyring.staff_token(Role.organiser, "Ada")) as http:
        yield http


def waiting(system: OneMachine, **particulars: Any) -> str:
    """Somebody who has asked to come and followed the link in our mail."""
    asked = person(**{"category": "media", "language": "fr"} | particulars)
    links = Links(open_keyring(system.home / "secret"), system.origin)
    with system.visit().calling() as http:
        registration_id = http.post(API, json=asked).raise_for_status().json()["id"]
        token = links.confirm_token(registration_id, asked["email"])
        confirm = f"{API}/{registration_id}/confirm-email"
        http.post(confirm, json={"token": token}).raise_for_status()
    return str(registration_id)


def newspaper(system: OneMachine, name: str) -> list[str]:
    """Its people, in the order of their coming."""
    return [waiting(system, family_name=family, organization=name) for family in FAMILIES]


def reviewer(browser: Browser, system: OneMachine, address: str, **more: Any) -> Page:
    token = open_keyring(system.home / "secret").staff_token(Role.reviewer, "Mary")
    options = {"viewport": DESK, "locale": "en"} | more
    page = browser.new_context(
        extra_http_headers={"Authorization": f"Bearer {token}"}, **options
    ).new_page()
    page.goto(f"{system.origin}{address}")
    return page


def status(organiser: httpx.Client, registration_id: str) -> str:
    return str(organiser.get(f"{API}/{registration_id}").json()["status"])


def test_a_reviewer_clears_a_queue_by_keyboard_alone(
    system: OneMachine, browser: Browser, organiser: httpx.Client, tmp_path: Path
) -> None:
    ids = newspaper(system, "Le Quotidien")
    page = reviewer(browser, system, "/registration/review")
    press, rows = page.keyboard.press, page.locator(".queue > li")

    def in_hand(number: int) -> None:
        expect(rows.nth(number).locator(".who a")).to_be_focused()

    # Find them: no letter is a shortcut while one types.
    press("/")
    page.keyboard.type("quotidién jad")
    expect(page.locator("#q")).to_have_value("quotidién jad")
    press("Control+a")
    page.keyboard.type("quotidién")
    press("Enter")
    expect(rows).to_have_count(len(ids))
    expect(page.locator("#found")).to_have_text("8")
    assert complaints(page) == []
    keep_picture(page, tmp_path, "queue")

    # One by one.
    press("j")
    in_hand(0)
    press("a")
    in_hand(1)
    expect(rows.nth(0).locator(".chip")).to_have_text("Confirmed")
    expect(page.locator("#said")).to_have_text(re.compile("ABBOTT.*: Confirmed"))
    expect(page.locator("#found")).to_have_text("7")
    press("d")
    expect(page.locator("#decline")).to_be_visible()
    assert complaints(page) == []
    keep_picture(page, tmp_path, "decline")
    press("Enter")  # without a reason
    expect(page.locator("#decline .error")).to_be_visible()
    expect(page.locator("#decline #reason")).to_be_focused()
    press("Shift+Tab")
    press("5")
    press("Enter")
    expect(rows.nth(1).locator(".chip")).to_have_text("Declined")
    in_hand(2)
    reason = organiser.get(f"{API}/{ids[1]}/history").json()["items"][-1]["reason"]
    assert reason.startswith("L’accréditation des médias requiert")

    # Many at once; somebody else is quicker with one of them.
    press("x")
    press("j")
    press("x")
    press("ArrowDown")
    press("x")
    expect(page.locator("#selected")).to_have_text("3")
    organiser.post(f"{API}/{ids[3]}/decline", json={"reason": "Déjà vu"}).raise_for_status()
    press("a")
    expect(page.locator("#sure")).to_be_visible()
    press("Enter")
    expect(page.locator("#said")).to_have_text("Done: 2. Not done: 1.")
    expect(rows.nth(3).locator(".error")).to_have_text("Not done: it is already “Declined”.")
    assert [status(organiser, one) for one in ids[2:5]] == ["confirmed", "declined", "confirmed"]
    in_hand(5)
    keep_picture(page, tmp_path, "many")

    # Open one, write down what was found out, and go from one to the next.
    press("o")
    expect(page).to_have_title(re.compile("Evans"))
    press("n")
    expect(page.locator("#note")).to_be_focused()
    page.keyboard.type("Called: jada jada")
    press("Tab")
    press("Enter")
    expect(page.locator("#notes li")).to_contain_text("Called: jada jada")
    expect(page.locator("table")).to_contain_text("Note written")
    assert complaints(page) == []
    keep_picture(page, tmp_path, "one")
    press("a")
    expect(page).to_have_title(re.compile("Fallaci"))
    expect(page.locator("main .notice")).to_contain_text("EVANS Ada: Confirmed")
    press("d")
    page.keyboard.press("3")
    press("Enter")
    expect(page).to_have_title(re.compile("Gellhorn"))
    press("u")
    expect(rows).to_have_count(1)
    in_hand(0)
    press("a")
    expect(page.locator("#again")).to_be_focused()
    press("Enter")
    expect(page.locator(".empty")).to_contain_text("No registration fits.")
    assert {status(organiser, one) for one in ids} == {"confirmed", "declined"}


def test_a_phone_is_told_of_no_keys(system: OneMachine, browser: Browser) -> None:
    one = waiting(system, organization="El Diario")
    for is_phone in (True, False):
        page = reviewer(browser, system, f"/registration/review/{one}#decline", has_touch=is_phone)
        expect(page.locator("#decline .choice").first).to_be_visible()
        for told in (page.locator("[data-help]"), page.locator("#decline kbd").first):
            expect(told).to_be_visible(visible=not is_phone)
        page.context.close()


def test_keyboard_shortcuts_can_be_switched_off(
    system: OneMachine, browser: Browser, organiser: httpx.Client
) -> None:
    one = waiting(system, organization="Die Zeitung")
    page = reviewer(browser, system, "/registration/review?q=zeitung")
    page.keyboard.press("?")
    expect(page.locator("#help")).to_be_visible()
    assert complaints(page) == []
    page.get_by_label("Use keyboard shortcuts").uncheck()
    page.keyboard.press("Escape")
    page.reload()
    for key in ("j", "a", "?"):
        page.keyboard.press(key)
    expect(page.locator("#help")).to_be_hidden()
    page.locator(".queue .who a").focus()
    page.keyboard.press("a")
    page.get_by_role("button", name=re.compile("Keyboard shortcuts")).click()
    page.get_by_label("Use keyboard shortcuts").check()
    page.keyboard.press("Escape")
    assert status(organiser, one) == "in_review"
    # A key of another alphabet is known by its place.
    page.locator(".queue .who a").focus()
    page.evaluate("""() => document.activeElement.dispatchEvent(new KeyboardEvent('keydown',
        { key: 'ф', code: 'KeyA', bubbles: true, cancelable: true }))""")
    expect(page.locator(".queue").get_by_text("Confirmed", exact=True)).to_be_visible()


def test_without_scripts_many_are_decided_about_and_told_of(
    system: OneMachine, browser: Browser, organiser: httpx.Client, tmp_path: Path
) -> None:
    ids = newspaper(system, "The Gazette")
    page = reviewer(
        browser, system, "/registration/review?q=gazette&sort=name", java_script_enabled=False
    )
    page.get_by_role("button", name="Approve selected").click()
    expect(page.get_by_role("alert")).to_contain_text("select registrations first")
    for family in ("ABBOTT", "BLY"):
        page.get_by_role("checkbox", name=re.compile(family.title())).check()
    page.get_by_role("button", name="Approve selected").click()
    expect(page.get_by_role("status")).to_contain_text("Done: 2. Not done: 0.")
    page.get_by_role("link", name="Back to the queue").click()
    expect(page.locator(".queue > li")).to_have_count(6)
    for box in page.locator(".queue input[type=checkbox]").all():
        box.check()
    organiser.post(f"{API}/{ids[4]}/approve").raise_for_status()
    page.get_by_role("button", name="Decline selected").click()
    expect(page.get_by_role("heading", name="Decline selected")).to_be_visible()
    page.get_by_role("button", name="Decline").click()
    expect(page.locator("#reason-error")).to_be_visible()
    page.get_by_label("In your own words").fill("The press gallery is full")
    page.get_by_role("button", name="Decline").click()
    expect(page.get_by_role("status")).to_contain_text("Done: 5. Not done: 1.")
    expect(page.locator(".roll")).to_contain_text("Not done: it is already “Confirmed”.")
    keep_picture(page, tmp_path, "decided")
    assert [status(organiser, one) for one in ids].count("declined") == 5


def test_filters_are_saved_work_is_given_away_and_files_are_taken(
    system: OneMachine, browser: Browser, tmp_path: Path
) -> None:
    newspaper(system, "Al-Sahifa")
    page = reviewer(browser, system, "/registration/review?q=sahifa")
    page.get_by_text("Saved filters", exact=True).click()
    page.get_by_label("Save this filter as").fill("My newspaper")
    page.get_by_role("button", name="Save").click()
    page.goto(f"{system.origin}/registration/review")
    page.get_by_role("navigation", name="Saved filters").get_by_text("My newspaper").click()
    expect(page.locator(".queue > li")).to_have_count(len(FAMILIES))
    page.get_by_label("All on this page").check()
    page.get_by_role("button", name="Assign selected").click()
    expect(page.locator("#said")).to_have_text("Done: 8. Not done: 0.")
    expect(page.locator(".queue .assigned bdi").first).to_have_text("Mary")
    page.locator("#assigned").select_option("@nobody")
    page.get_by_role("button", name="Show").click()
    expect(page.locator(".empty")).to_be_visible()
    page.go_back()
    with page.expect_download() as download:
        page.get_by_role("link", name="CSV").click()
    lines = Path(download.value.path()).read_text(encoding="utf-8-sig").splitlines()
    assert len(lines) == len(FAMILIES) + 1


@pytest.mark.parametrize("language", ["en", "ar", "ru"])
def test_the_desk_can_be_used_by_everybody(
    system: OneMachine, browser: Browser, tmp_path: Path, language: str
) -> None:
    one = waiting(
        system,
        category="exhibitor",
        family_name="Wolfeschlegelsteinhausenbergerdorff",
        organization="Hochschulrektorenkonferenzgeschäftsstelle",
        visa_letter=True,
    )
    page = reviewer(browser, system, "/registration/review?category=exhibitor", locale=language)
    for name, path in (("queue", "?category=exhibitor"), ("one", f"/{one}?category=exhibitor")):
        page.goto(f"{system.origin}/registration/review{path}")
        for width in (DESK["width"], PHONE["width"], 320):
            page.set_viewport_size({"width": width, "height": 900})
            assert page.evaluate("document.documentElement.scrollWidth") <= width, (name, width)
            keep_picture(page, tmp_path, f"{name}-{width}")
        assert complaints(page) == []
