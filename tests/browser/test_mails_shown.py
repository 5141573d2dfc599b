"""Every mail in every language, opened in Chromium as a phone and a desktop show it."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Final, Literal

import httpx
import pytest
from playwright.sync_api import Browser, Page, expect

from services.badging import qr
from services.notifications import samples
from shared import forum as forums
from shared import i18n
from shared.access import Role
from shared.forum import LANGUAGES, Language
from shared.settings import Settings
from tests.browser.chromium import DESK, PHONE, open_mail, sign_in
from tests.browser.test_accessibility import NARROW, complaints, keep_picture
from tests.system import OneMachine, register

FORUM = forums.load(Settings.model_fields["forum"].default)
SCHEMES: Final[tuple[Literal["light", "dark"], ...]] = ("light", "dark")
MAILS = list(samples.matters(FORUM, "en", ""))
SMALLEST_CODE = 200
"""Pixels of its modules: what a gate's camera reads without coming close."""


@pytest.fixture(scope="module")
def organiser(system: OneMachine) -> Iterator[httpx.Client]:
    with system.visit().as_staff(Role.organiser) as http:
        yield http


def broken_pictures(page: Page) -> list[str]:
    """Descriptions of the pictures that show nothing."""
    found: list[str] = page.evaluate(
        "[...document.images].filter((one) => !one.naturalWidth).map((one) => one.alt)"
    )
    return found


def assert_fits(page: Page) -> None:
    """Nothing of the page is beyond its edge."""
    wide = page.evaluate("document.documentElement.scrollWidth - innerWidth")
    assert wide <= 0, f"{wide} pixels too wide"


@pytest.mark.parametrize("language", LANGUAGES)
def test_every_mail_can_be_read_on_a_phone_and_a_desktop(
    browser: Browser, organiser: httpx.Client, tmp_path: Path, language: Language
) -> None:
    page = browser.new_page()
    for mail in MAILS:
        answer = organiser.get(f"/notifications/preview/{mail}/{language}")
        assert answer.status_code == 200
        page.set_viewport_size(NARROW)
        page.set_content(answer.text)
        html = page.locator("html")
        expect(html).to_have_attribute("lang", language)
        expect(html).to_have_attribute("dir", i18n.direction(language))
        assert broken_pictures(page) == []
        for size in (NARROW, PHONE, DESK):
            page.set_viewport_size(size)
            assert_fits(page)
        keep_picture(page, tmp_path, mail)
        # What axe-core looks for is the same at all widths, and the colours in all languages.
        for scheme in SCHEMES if language == "en" else SCHEMES[:1]:
            page.emulate_media(color_scheme=scheme)
            assert complaints(page) == []
    page.close()


def test_an_organiser_sees_each_mail_before_it_is_sent(
    system: OneMachine, browser: Browser, tmp_path: Path
) -> None:
    page = browser.new_context(viewport=DESK, locale="en").new_page()
    sign_in(page, system.sign_in_link())
    page.goto(f"{system.origin}/registration/review")
    page.get_by_role("link", name="Mails").click()
    page.get_by_label("Mail", exact=True).select_option("promoted")
    page.locator("#language").select_option("ar")
    page.get_by_role("button", name="Show").click()
    expect(page.locator("main")).to_contain_text("توفر مكان لكم")
    mail = page.frame_locator("iframe")
    expect(mail.locator("h1")).to_have_text("شارتكم")
    expect(mail.locator("html")).to_have_attribute("dir", "rtl")
    assert complaints(page) == []
    keep_picture(page, tmp_path, "preview")


def test_the_code_in_a_mail_is_large_enough_on_a_phone(
    system: OneMachine, browser: Browser
) -> None:
    _, address = register(system.visit(), language="fr")
    page = browser.new_context(viewport=PHONE, locale="en").new_page()
    open_mail(page, system.origin, address, re.compile("votre badge"))
    address_of_the_mail = page.locator("iframe.mail").get_attribute("src")
    page.goto(f"{system.origin}{address_of_the_mail}")
    code = page.get_by_role("img", name="Le code QR de votre badge")
    assert code.evaluate("image => image.naturalWidth") > 0
    box = code.bounding_box()
    assert box is not None
    assert box["width"] * qr.MODULES / (qr.MODULES + 2 * qr.QUIET) >= SMALLEST_CODE
    assert box["y"] < 2 * PHONE["height"]
    assert broken_pictures(page) == []
    page.set_viewport_size(NARROW)
    assert_fits(page)
