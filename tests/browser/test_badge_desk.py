"""A clerk at the badge desk, with a keyboard and a scanner, replaces somebody's badge."""

from __future__ import annotations

from pathlib import Path

from playwright.sync_api import Browser, expect

from shared.access import Role
from tests.browser.chromium import PHONE
from tests.browser.test_accessibility import complaints, keep_picture
from tests.system import OneMachine, badge_of, device_at, register, scan_until_known


def test_a_lost_badge_is_replaced_by_keyboard_and_scanner(
    system: OneMachine, browser: Browser, tmp_path: Path
) -> None:
    visitor = system.visit()
    lost = badge_of(visitor, register(visitor, given_name="Zoë", family_name="Åkerström")[0])
    headers = {"Authorization": f"Bearer {visitor.token(Role.desk)}"}
    page = browser.new_context(locale="en", extra_http_headers=headers).new_page()
    page.goto(f"{system.origin}/badging/desk")
    assert complaints(page) == []

    # The box has the focus: nobody has to reach for the mouse.
    page.keyboard.type("akerstrom")
    page.keyboard.press("Enter")
    expect(page.get_by_role("link", name="ÅKERSTRÖM Zoë")).to_be_focused()
    assert complaints(page) == []
    page.keyboard.press("Enter")
    expect(page.locator(".verdict")).to_contain_text("Valid")
    expect(page.get_by_role("link", name="Print")).to_be_focused()

    # A scanner types wherever the focus is, here under caps lock.
    page.keyboard.type(lost["credential"].swapcase())
    page.keyboard.press("Enter")
    expect(page.locator("h1")).to_have_text("ÅKERSTRÖM Zoë")
    page.get_by_text("Reissue", exact=True).click()
    assert complaints(page) == []
    page.get_by_role("button", name=f"Reissue: {lost['number']} stops").click()
    expect(page.locator(".verdict")).to_contain_text(f"takes the place of {lost['number']}")
    keep_picture(page, tmp_path, "reissued")
    with device_at(visitor, "tower-in") as gate:
        assert scan_until_known(gate, lost["credential"])["reason"] == "superseded"

    page.goto(f"{system.origin}/badging/desk/{lost['id']}")
    expect(page.locator(".verdict")).to_contain_text("Superseded")
    assert complaints(page) == []
    phone = browser.new_context(viewport=PHONE, extra_http_headers=headers).new_page()
    for language in ("ar", "zh", "fr"):
        for path in ("", "?q=akerstrom", f"/{lost['id']}", "/runs"):
            mark = "&" if "?" in path else "?"
            phone.goto(f"{system.origin}/badging/desk{path}{mark}lang={language}")
            assert complaints(phone) == [], (language, path)
        keep_picture(phone, tmp_path, language)
