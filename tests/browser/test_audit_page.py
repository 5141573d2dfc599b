"""An organiser finds in the audit log who decided about a registration."""

from __future__ import annotations

import re
from pathlib import Path

from playwright.sync_api import Browser, expect

from shared import forum
from shared.access import Role
from tests.browser.chromium import DESK, sign_in
from tests.browser.test_accessibility import NARROW, complaints, keep_picture
from tests.system import OneMachine, register


def test_an_organiser_finds_who_decided_in_any_language(
    system: OneMachine, browser: Browser, tmp_path: Path
) -> None:
    visitor = system.visit()
    registration_id, _ = register(visitor, category="media", family_name="Kovalevskaya")
    path = f"/registration/api/registrations/{registration_id}"
    with visitor.as_staff(Role.reviewer) as http:
        http.get(path).raise_for_status()
        http.post(f"{path}/decline", json={"reason": "No press card"}).raise_for_status()

    context = browser.new_context(viewport=DESK, locale="en")
    page = context.new_page()
    sign_in(page, system.sign_in_link())
    page.goto(f"{system.origin}/registration/review")
    page.get_by_role("link", name="Audit").click()
    page.get_by_label("About the registration").fill(registration_id)
    page.get_by_role("button", name="Find").click()
    row = page.locator("tbody tr", has_text="registration.decline")
    expect(row).to_contain_text("No press card")
    expect(row).to_contain_text("token:reviewer")
    expect(page.locator("tbody tr")).to_have_count(2)
    keep_picture(page, tmp_path, "desk")

    page.get_by_label("Act").fill("badge")
    page.get_by_role("button", name="Find").click()
    expect(page.locator(".empty")).to_be_visible()
    page.get_by_role("link", name="Check-in", exact=True).click()
    expect(page).to_have_url(re.compile(r"/checkin/audit\?.*act=badge"))

    page.set_viewport_size(NARROW)
    for language in forum.LANGUAGES:
        page.goto(f"{system.origin}/registration/audit?lang={language}")
        expect(page.locator("html")).to_have_attribute("lang", language)
        assert page.evaluate("document.documentElement.scrollWidth") <= NARROW["width"]
    page.goto(f"{system.origin}/badging/audit?lang=ar")
    assert complaints(page) == []
    page.goto(f"{system.origin}/registration/audit?lang=ar")
    assert complaints(page) == []
    page.screenshot(path=tmp_path / "phone-ar.png", full_page=True)
    page.set_viewport_size(DESK)
    keep_picture(page, tmp_path, "desk-ar")
