"""A security lead with a phone puts somebody on hold, and releases them."""

from __future__ import annotations

import re
from pathlib import Path

from playwright.sync_api import Browser, expect

from shared.access import Role
from tests.browser.chromium import PHONE
from tests.browser.test_accessibility import complaints, keep_picture
from tests.system import OneMachine, badge_of, device_at, register, scan_until_known


def test_somebody_is_held_and_released_by_phone(
    system: OneMachine, browser: Browser, tmp_path: Path
) -> None:
    visitor = system.visit()
    badge = badge_of(visitor, register(visitor, given_name="Zoë", family_name="Åkerström")[0])
    token = visitor.token(Role.security_lead)
    page = browser.new_context(
        viewport=PHONE, locale="en", extra_http_headers={"Authorization": f"Bearer {token}"}
    ).new_page()
    with device_at(visitor, "tower-in") as device:
        scan_until_known(device, badge["credential"])

        page.goto(f"{system.origin}/checkin/holds")
        expect(page.locator(".empty")).to_have_text("Nobody is on hold.")
        page.get_by_label("Name or badge number").fill("akerstrom")
        page.get_by_role("button", name="Find").click()
        page.get_by_label("Reason").fill("Police")
        assert complaints(page) == []
        page.get_by_role("button", name=re.compile("Put on hold: Zoë")).click()
        expect(page.locator("main .chip").first).to_have_text("Security hold")
        keep_picture(page, tmp_path, "held")
        assert scan_until_known(device, badge["credential"])["reason"] == "blocked"

        page.get_by_label("Reason").fill("It was somebody else")
        page.get_by_role("button", name=re.compile("Release: Zoë")).click()
        expect(page.locator("main .chip").first).to_have_text("No hold")
        assert scan_until_known(device, badge["credential"])["reason"] != "blocked"

    for language in ("ar", "zh", "fr"):
        page.goto(f"{system.origin}/checkin/holds?q=akerstrom&lang={language}")
        assert complaints(page) == []
        keep_picture(page, tmp_path, language)
