"""Stewards with phones, at a roll call."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, Page, expect

from shared.access import Role
from tests.browser.chromium import DESK, PHONE
from tests.browser.test_accessibility import complaints, keep_picture
from tests.system import OneMachine, badge_of, device_at, register, scan_until_known


@pytest.fixture(scope="module")
def inside(system: OneMachine) -> list[dict[str, Any]]:
    """Badges of people who have come in."""
    visitor = system.visit()
    names = [("Zoë", "Müller-Österreich"), ("Aïcha", "Ben Salah"), ("Wei", "Ng")]
    badges = [
        badge_of(visitor, register(visitor, given_name=given, family_name=family)[0])
        for given, family in names
    ]
    with device_at(visitor, "tower-in") as device:
        for badge in badges:
            scan_until_known(device, badge["credential"])
    return badges


def steward(browser: Browser, system: OneMachine, **more: Any) -> Page:
    """The evacuation list, open before a security lead."""
    token = system.visit().token(Role.security_lead)
    page = browser.new_context(
        viewport=PHONE, extra_http_headers={"Authorization": f"Bearer {token}"}, **more
    ).new_page()
    page.goto(f"{system.origin}/checkin/evacuation")
    return page


def test_stewards_see_one_anothers_marks_and_find_people_by_name(
    system: OneMachine, browser: Browser, inside: list[dict[str, Any]], tmp_path: Path
) -> None:
    first, second = (steward(browser, system, locale="en") for _ in range(2))
    expect(first.locator(".roll > li")).to_have_count(len(inside))
    assert complaints(first) == []
    keep_picture(first, tmp_path, "list")
    first.get_by_role("button", name="Begin a roll call").click()
    expect(first.locator("[data-count=missing]")).to_have_text("3")
    second.reload()
    expect(second.locator("[data-count=missing]")).to_have_text("3")

    address = first.url
    first.get_by_role("button", name=re.compile("Found: Wei Ng")).click()
    expect(first.locator("[data-count=missing]")).to_have_text("2")
    assert first.url == address  # the page was not loaded anew
    expect(second.locator("[data-count=missing]")).to_have_text("2", timeout=10_000)
    marked = second.locator(".roll > li", has_text="Wei")
    expect(marked).to_have_attribute("data-state", "found")
    expect(marked.locator(".by")).to_contain_text("token:security_lead")
    assert complaints(second) == []
    keep_picture(second, tmp_path, "found")

    second.get_by_label("Name or organization").fill("muller oster")
    expect(second.locator(".roll > li:visible")).to_have_count(1)
    expect(second.locator(".roll > li:visible")).to_contain_text("MÜLLER-ÖSTERREICH")
    second.get_by_role("button", name=re.compile("Found: Zoë")).click()
    expect(first.locator("[data-count=found]")).to_have_text("2", timeout=10_000)
    second.get_by_role("button", name=re.compile("Still missing: Zoë")).click()
    expect(first.locator("[data-count=found]")).to_have_text("1", timeout=10_000)

    for width in (320, PHONE["width"], DESK["width"]):
        first.set_viewport_size({"width": width, "height": 900})
        assert first.evaluate("document.documentElement.scrollWidth") <= width
        keep_picture(first, tmp_path, f"{width}")
    first.evaluate("document.documentElement.dir = 'rtl'")
    keep_picture(first, tmp_path, "right-to-left")
    first.emulate_media(media="print")
    keep_picture(first, tmp_path, "print")
    expect(first.locator(".tick").first).to_be_visible()
    expect(first.get_by_role("button")).to_have_count(0)

    first.emulate_media(media="screen")
    end = first.get_by_role("button", name="End the roll call")
    expect(end).to_be_hidden()
    first.get_by_text("End the roll call…").click()
    keep_picture(first, tmp_path, "end")
    end.click()
    expect(second.get_by_role("button", name="Begin a roll call")).to_be_visible(timeout=10_000)


def test_a_gate_and_the_stewards_see_one_anothers_marks(
    system: OneMachine, browser: Browser, inside: list[dict[str, Any]], tmp_path: Path
) -> None:
    page = steward(browser, system, locale="en")
    gate = browser.new_context(viewport=PHONE, locale="en").new_page()
    with system.visit().as_staff(Role.security_lead) as lead:
        body = {"gate": "tower-in", "label": "Lane 7"}
        gate.goto(lead.post("/checkin/api/enrolments", json=body).json()["url"])
    expect(gate.locator("gate-app:not([data-people='0'])")).to_be_visible(timeout=20_000)
    page.get_by_role("button", name="Begin a roll call").click()
    gate.get_by_role("button", name="More").click()
    gate.get_by_role("button", name="Evacuation list").click()
    expect(gate.locator("evacuation-list [data-reach=now]")).to_be_visible(timeout=10_000)
    gate.get_by_role("button", name="Found: Wei Ng").click()
    marked = page.locator(".roll > li", has_text="Wei")
    expect(marked).to_have_attribute("data-state", "found", timeout=10_000)
    expect(marked.locator(".by")).to_contain_text("Lane 7")
    page.get_by_role("button", name=re.compile("Found: Zoë")).click()
    zoe = gate.get_by_role("button", name=re.compile("Found: Zoë"))
    expect(zoe).to_have_attribute("aria-pressed", "true", timeout=10_000)
    assert complaints(gate) == []
    keep_picture(gate, tmp_path, "gate")

    gate.context.set_offline(True)
    zoe.click()
    expect(gate.locator("evacuation-list [data-reach=later]")).to_be_visible(timeout=10_000)
    gate.context.set_offline(False)
    again = page.locator(".roll > li", has_text="Zoë")
    expect(again).to_have_attribute("data-state", "missing", timeout=30_000)
    page.get_by_text("End the roll call…").click()
    page.get_by_role("button", name="End the roll call").click()
    expect(gate.locator("evacuation-list [data-reach=never]")).to_be_visible(timeout=10_000)


def test_without_scripts_the_list_is_read_and_marked(
    system: OneMachine, browser: Browser, inside: list[dict[str, Any]]
) -> None:
    page = steward(browser, system, locale="en", java_script_enabled=False)
    page.get_by_role("button", name="Begin a roll call").click()
    page.get_by_role("button", name=re.compile("Found: Wei Ng")).click()
    expect(page.locator("[data-count=missing]")).to_have_text(str(len(inside) - 1))
    page.get_by_role("link", name="Show the missing only").click()
    expect(page.locator(".roll > li")).to_have_count(len(inside) - 1)
    page.get_by_text("End the roll call…").click()
    page.get_by_role("button", name="End the roll call").click()
    expect(page.get_by_role("button", name="Begin a roll call")).to_be_visible()
