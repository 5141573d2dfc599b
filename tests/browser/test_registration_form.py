"""The form as people fill it in: on a phone in Arabic, on a desktop in French, with a script and
without one, and with the keyboard alone."""

from __future__ import annotations

import re
from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, BrowserContext, Page, expect

from shared.forum import LANGUAGES
from tests.browser.chromium import DESK, PHONE, open_mail
from tests.system import OneMachine, confirm_link

ARABIC = {
    "given_name": "محمد",
    "family_name": "الخوارزمي",
    "organization": "بيت الحكمة",
    "position": "عالم رياضيات",
    "accessibility_needs": "مدخل بلا درج",
}
FRENCH = {
    "given_name": "Émilie",
    "family_name": "du Châtelet",
    "organization": "Académie des sciences de Bologne",
    "position": "Physicienne",
    "accessibility_needs": "Accès de plain-pied",
}


@pytest.fixture(params=[True, False], ids=["with a script", "without a script"])
def has_script(request: pytest.FixtureRequest) -> bool:
    return bool(request.param)


def fill_in(page: Page, address: str, country: str, texts: dict[str, str]) -> None:
    """All that the form asks for."""
    for field, text in texts.items():
        page.locator(f"#{field}").fill(text)
    page.locator("#email").fill(address)
    page.locator("#country").select_option(country)
    page.locator("input[name=category][value=civil_society]").check()
    page.locator("input[name=days]").nth(1).check()
    page.locator("input[name=tracks][value=exhibition]").check()
    for name, value in (("action_lines", "C4"), ("sdgs", "5")):
        page.locator("details", has=page.locator(f"[name={name}]")).locator("summary").click()
        page.locator(f"input[name={name}][value='{value}']").check()
    page.locator("#visa_letter").check()
    page.locator("#gender").select_option("other")
    page.locator("#consent").check()


def direction_of(page: Page, field: str) -> str:
    return str(page.locator(f"#{field}").evaluate("field => getComputedStyle(field).direction"))


def send(page: Page) -> None:
    page.locator("main button[type=submit]").click()


def typed(page: Page) -> dict[str, str]:
    return {
        field: page.locator(f"#{field}").input_value() for field in (*FRENCH, "email", "country")
    }


def test_the_whole_form_in_arabic_on_a_phone(
    system: OneMachine, browser: Browser, has_script: bool
) -> None:
    address = f"arabic.{has_script}@example.org".lower()
    phone = browser.new_context(viewport=PHONE, locale="ar", java_script_enabled=has_script)
    page = phone.new_page()
    page.goto(f"{system.origin}/registration/")
    expect(page.locator("html")).to_have_attribute("dir", "rtl")
    assert direction_of(page, "organization") == "rtl"
    page.locator("#organization").fill("ITU")
    assert direction_of(page, "organization") == "ltr"
    assert direction_of(page, "email") == "ltr"
    fill_in(page, address, "IQ", ARABIC)
    assert direction_of(page, "organization") == "rtl"
    send(page)
    expect(page).to_have_url(re.compile("/registration/received"))
    expect(page.locator("html")).to_have_attribute("lang", "ar")
    phone.close()

    # The links of the mail speak the person's own language, whatever the browser's is.
    [mail] = system.visit().mail_to(address)
    assert mail["Content-Language"] == "ar"
    registration_id, token = confirm_link(mail)
    other = browser.new_context(viewport=PHONE, locale="en", java_script_enabled=has_script)
    page = other.new_page()
    page.goto(f"{system.origin}/registration/confirm?id={registration_id}&token={token}")
    expect(page.locator("html")).to_have_attribute("lang", "ar")
    send(page)
    expect(page.locator("main h1")).to_have_text("تسجيلي")
    expect(page.locator("main")).to_contain_text("محمد الخوارزمي")
    expect(page.locator("main")).to_contain_text("الثلاثاء، 13 يونيو")
    other.close()


def test_the_whole_form_in_french_on_a_desktop(
    system: OneMachine, browser: Browser, has_script: bool
) -> None:
    address = f"french.{has_script}@example.org".lower()
    desk = browser.new_context(viewport=DESK, locale="fr-CH", java_script_enabled=has_script)
    page = desk.new_page()
    page.goto(f"{system.origin}/registration/")
    fill_in(page, "émilie", "FR", FRENCH)
    send(page)
    summary = page.locator(".error-summary")
    expect(summary).to_be_focused()
    expect(summary.locator("h2")).to_have_text("1 champ est à revoir")
    summary.get_by_role("link", name="Adresse électronique").click()
    email = page.locator("#email")
    expect(email).to_be_focused()
    expect(email).to_have_attribute("aria-invalid", "true")
    expect(email).to_have_accessible_description(re.compile("de la forme nom@example.org"))
    email.fill(address)
    expect(page.locator("input[name=sdgs][value='5']")).to_be_visible()
    send(page)
    expect(page).to_have_url(re.compile("/registration/received"))
    open_mail(page, system.origin, address, re.compile("confirmer votre adresse"))
    desk.close()


def test_another_language_keeps_what_was_typed(
    system: OneMachine, browser: Browser, has_script: bool
) -> None:
    context = browser.new_context(viewport=PHONE, locale="en", java_script_enabled=has_script)
    page = context.new_page()
    page.goto(f"{system.origin}/registration/")
    fill_in(page, "half an address", "FR", FRENCH)
    before = typed(page)
    for language in LANGUAGES:
        page.locator(f".languages button[value={language}]").click()
        expect(page.locator("html")).to_have_attribute("lang", language)
        assert typed(page) == before
        expect(page.locator("#language")).to_have_value(language)
        expect(page.locator("input[name=sdgs][value='5']")).to_be_checked()
        expect(page.locator(".error-summary")).to_have_count(0)
    context.close()


def test_the_enter_key_sends_the_form_and_changes_no_language(
    system: OneMachine, browser: Browser, has_script: bool
) -> None:
    context = browser.new_context(locale="en", java_script_enabled=has_script)
    page = context.new_page()
    page.goto(f"{system.origin}/registration/")
    page.locator("#given_name").fill("Ada")
    page.locator("#given_name").press("Enter")
    expect(page.locator("html")).to_have_attribute("lang", "en")
    expect(page.locator(".error-summary")).to_be_visible()
    context.close()


def test_the_form_is_filled_in_with_the_keyboard_alone(
    system: OneMachine, browser: Browser
) -> None:
    page = browser.new_page(viewport=DESK, locale="en")
    page.goto(f"{system.origin}/registration/")
    page.keyboard.press("Tab")
    expect(page.locator(".skip")).to_be_focused()
    page.keyboard.press("Enter")
    for field, keys in {
        "given_name": "Ada",
        "family_name": "Lovelace",
        "email": "keys@example.org",
        "country": "United K",
        "category": " ",
        "organization": "Analytical Society",
        "consent": " ",
    }.items():
        tab_to(page, field)
        page.keyboard.type(keys)
    page.keyboard.press("Tab")
    page.keyboard.press("Enter")
    expect(page).to_have_url(re.compile("/registration/received"))


def tab_to(page: Page, field: str) -> None:
    """Press Tab until the field has the focus, which is always to be seen."""
    for _ in range(60):
        page.keyboard.press("Tab")
        focused = page.locator(":focus")
        assert focused.evaluate("e => getComputedStyle(e).outlineStyle") != "none"
        if focused.get_attribute("id") == field:
            return
    raise AssertionError(f"#{field} cannot be reached")


def test_a_photo_that_is_too_large_is_refused_at_once(system: OneMachine, browser: Browser) -> None:
    page = browser.new_page(viewport=PHONE, locale="fr")
    page.goto(f"{system.origin}/registration/")
    photo, error = page.locator("#photo"), page.locator("#photo-too-large")
    for size, refused in ((5 * 1024 * 1024 + 1, True), (1000, False)):
        photo.set_input_files({"name": "me.jpg", "mimeType": "image/jpeg", "buffer": b"x" * size})
        expect(error).to_be_visible(visible=refused)
        assert photo.evaluate("photo => photo.files.length") == (0 if refused else 1)
    page.close()


# --- drafts --------------------------------------------------------------------------------------


@pytest.fixture
def context(browser: Browser) -> Iterator[BrowserContext]:
    opened = browser.new_context(locale="en", viewport=PHONE)
    yield opened
    opened.close()


def kept(page: Page) -> str:
    return str(page.evaluate("JSON.stringify({ ...localStorage })"))


def test_nothing_is_kept_unasked(system: OneMachine, context: BrowserContext) -> None:
    page = context.new_page()
    page.goto(f"{system.origin}/registration/")
    fill_in(page, "ada@example.org", "GB", FRENCH)
    assert kept(page) == "{}"


def test_a_draft_is_there_again_after_the_browser_was_closed_and_gone_when_it_is_sent(
    system: OneMachine, context: BrowserContext
) -> None:
    page = context.new_page()
    page.goto(f"{system.origin}/registration/")
    page.locator("#keep-draft").check()
    fill_in(page, "draft@example.org", "FR", FRENCH)
    assert "Châtelet" in kept(page)
    for secret in ("plain-pied", "consent", "idempotency"):
        assert secret not in kept(page)
    page.close()

    page = context.new_page()
    page.goto(f"{system.origin}/registration/")
    expect(page.locator("#draft-restored")).to_be_visible()
    expect(page.locator("#keep-draft")).to_be_checked()
    assert typed(page) == FRENCH | {
        "accessibility_needs": "",
        "email": "draft@example.org",
        "country": "FR",
    }
    for name, value in (("category", "civil_society"), ("tracks", "exhibition"), ("sdgs", "5")):
        expect(page.locator(f"input[name={name}][value='{value}']")).to_be_checked()
    expect(page.locator("input[name=sdgs][value='5']")).to_be_visible()
    expect(page.locator("#consent")).not_to_be_checked()
    page.locator("#consent").check()
    send(page)
    expect(page).to_have_url(re.compile("/registration/received"))
    assert kept(page) == "{}"


def test_what_comes_back_with_an_error_goes_before_the_draft(
    system: OneMachine, context: BrowserContext
) -> None:
    page = context.new_page()
    page.goto(f"{system.origin}/registration/")
    page.locator("#keep-draft").check()
    fill_in(page, "nobody", "FR", FRENCH)
    page.locator("#keep-draft").focus()
    send(page)
    expect(page.locator(".error-summary")).to_be_visible()
    expect(page.locator("#draft-restored")).to_be_hidden()
    expect(page.locator("#accessibility_needs")).to_have_value("Accès de plain-pied")


def test_who_no_longer_wants_a_draft_has_none(system: OneMachine, context: BrowserContext) -> None:
    page = context.new_page()
    page.goto(f"{system.origin}/registration/")
    page.locator("#keep-draft").check()
    page.locator("#given_name").fill("Ada")
    assert "Ada" in kept(page)
    page.locator("#keep-draft").uncheck()
    assert kept(page) == "{}"


@pytest.mark.parametrize(
    "draft",
    [
        "nonsense",
        "null",
        '{"savedAt": 0, "fields": [["given_name", "Ada"]]}',
        '{"savedAt": 9e15, "fields": [["given_name", "Ada"]]}',
    ],
)
def test_what_is_no_draft_or_an_old_one_is_forgotten(
    system: OneMachine, context: BrowserContext, draft: str
) -> None:
    page = context.new_page()
    page.goto(f"{system.origin}/registration/received")
    page.evaluate("draft => localStorage.setItem('forum-pass-draft', draft)", draft)
    page.goto(f"{system.origin}/registration/")
    expect(page.locator("#draft")).to_be_visible()
    expect(page.locator("#given_name")).to_have_value("")
    assert kept(page) == "{}"
