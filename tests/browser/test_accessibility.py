"""axe-core finds nothing to complain of, in any language, on any page for the public or the gate.

Source: WCAG 2.2 at levels A and AA, as far as a program can judge it.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

import httpx
import pytest
from playwright.sync_api import Browser, Page, ViewportSize, expect

from shared import forum
from shared.access import Role
from shared.settings import REPOSITORY
from tests.browser.chromium import DESK, PHONE, scan_by_hand, sign_in
from tests.registration import picture
from tests.system import OneMachine, badge_of, confirm_link, person, register

AXE: Final = REPOSITORY / "node_modules" / "axe-core" / "axe.min.js"
LEVELS: Final = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa"]
WORDS: Final = REPOSITORY / "services" / "checkin" / "web" / "src" / "words"
LANGUAGES: Final = sorted(file.stem for file in WORDS.glob("*.ts"))
NARROW: Final[ViewportSize] = {"width": 320, "height": 640}
"""The narrowest phone, and a screen of 1280 pixels at 400 % (WCAG 2.2, 1.4.10)."""
ZOOMED: Final[ViewportSize] = {"width": 640, "height": 450}
"""A screen of 1280 pixels at 200 %."""


@pytest.fixture(scope="module")
def lead(system: OneMachine) -> Iterator[httpx.Client]:
    with system.visit().as_staff(Role.security_lead) as http:
        yield http


@pytest.fixture(scope="module")
def badge(system: OneMachine) -> dict[str, Any]:
    visitor = system.visit()
    return badge_of(visitor, register(visitor)[0])


def complaints(page: Page) -> list[str]:
    """What axe-core finds, in words that lead to the place."""
    page.evaluate(AXE.read_text(encoding="utf-8"))
    found = page.evaluate("(tags) => axe.run({ runOnly: { type: 'tag', values: tags } })", LEVELS)
    return [
        f"{violation['id']} at {node['target']}: {node['failureSummary']}"
        for violation in found["violations"]
        for node in violation["nodes"]
    ]


def keep_picture(page: Page, folder: Path, name: str) -> None:
    """For whoever looks at what the test saw."""
    page.screenshot(path=folder / f"{name}.png")


@pytest.mark.parametrize("language", LANGUAGES)
def test_the_gate_can_be_used_by_everybody(
    browser: Browser,
    lead: httpx.Client,
    badge: dict[str, Any],
    tmp_path: Path,
    language: str,
) -> None:
    page = browser.new_context(viewport=PHONE, locale=language).new_page()
    page.goto(f"{lead.base_url}/checkin/gate/")
    expect(page.locator("gate-app")).to_have_attribute("data-state", "pairing")
    expect(page.locator("html")).to_have_attribute("lang", language)
    assert page.evaluate("document.documentElement.dir") == ("rtl" if language == "ar" else "ltr")
    assert complaints(page) == []
    keep_picture(page, tmp_path, "pairing")

    offered = lead.post(
        "/checkin/api/enrolments", json={"gate": "tower-in", "label": f"Lane {language}"}
    )
    page.goto(offered.json()["url"])
    expect(page.locator("gate-app")).to_have_attribute(
        "data-people", re.compile(r"[1-9]"), timeout=20_000
    )
    assert complaints(page) == []
    keep_picture(page, tmp_path, "ready")

    for face, text in (("answer", badge["credential"]), ("refused", "NO BADGE AT ALL")):
        scan_by_hand(page, text)
        expect(page.locator("gate-app")).to_have_attribute("data-state", "answer")
        page.wait_for_timeout(400)  # the sign lands
        assert complaints(page) == []
        keep_picture(page, tmp_path, face)
    assert page.evaluate("document.documentElement.scrollWidth") <= PHONE["width"]


@pytest.mark.parametrize("language", forum.LANGUAGES)
def test_the_registrants_pages_can_be_used_by_everybody(
    system: OneMachine, browser: Browser, tmp_path: Path, language: str
) -> None:
    page = browser.new_context(viewport=PHONE, locale=language).new_page()
    direction = "rtl" if language == "ar" else "ltr"

    def look(name: str) -> None:
        expect(page.locator("html")).to_have_attribute("lang", language)
        assert page.evaluate("document.documentElement.dir") == direction
        assert complaints(page) == []
        for size in (NARROW, ZOOMED, PHONE):
            page.set_viewport_size(size)
            assert page.evaluate("document.documentElement.scrollWidth") <= size["width"], name
        keep_picture(page, tmp_path, name)

    page.goto(f"{system.origin}/registration/")
    for part in page.locator("details > summary").all():
        part.click()
    page.locator("#photo").set_input_files(
        {"name": "me.png", "mimeType": "image/png", "buffer": picture()}
    )
    expect(page.locator("#crop")).to_be_visible()
    look("form")
    page.locator("main button[type=submit]").click()
    expect(page.locator(".error-summary")).to_be_focused()
    look("errors")
    visitor = system.visit()
    asked = person(language=language, family_name="Wolfeschlegelsteinhausenbergerdorff")
    with visitor.calling() as http:
        http.post("/registration/api/registrations", json=asked).raise_for_status()
    page.goto(f"{system.origin}/registration/received?reference=WF17-3K9Q2M")
    look("received")
    [mail] = visitor.mail_to(asked["email"])
    registration_id, token = confirm_link(mail)
    page.goto(f"{system.origin}/registration/confirm?id={registration_id}&token={token}")
    look("confirm")
    page.locator("main button[type=submit]").click()
    expect(page.locator("main .facts").first).to_be_visible()
    look("own")
    own = page.url
    for name in ("correct", "erase"):
        page.goto(own.replace("/me?", f"/me/{name}?"))
        look(name)
    page.goto(f"{system.origin}/registration/link")
    page.locator("main button[type=submit]").click()
    look("link")
    page.goto(f"{system.origin}/registration/confirm")
    look("problem")


def test_the_live_page_and_the_devices_can_be_used_by_everybody(
    system: OneMachine, browser: Browser, tmp_path: Path
) -> None:
    page = browser.new_context(viewport=DESK, locale="en").new_page()
    sign_in(page, system.sign_in_link())
    for path in ("/checkin/live", "/checkin/devices", "/checkin/report"):
        page.goto(f"{system.origin}{path}")
        page.wait_for_timeout(1000)
        assert complaints(page) == []
        keep_picture(page, tmp_path, path.replace("/", "-"))
