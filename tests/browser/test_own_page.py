"""The own page as people use it: corrections, a place given back, a lost link, a photo."""

from __future__ import annotations

import re
from collections.abc import Iterator
from io import BytesIO
from pathlib import Path
from typing import Any

import pytest
from PIL import Image
from playwright.sync_api import Browser, Page, expect

from shared.access import Role
from tests.browser.chromium import DESK, PHONE
from tests.registration import forum_with
from tests.system import OneMachine, Visitor, badge_of, eventually, person, register

OWN_LINK = re.compile(r"https?://\S+(/registration/me\?token=\S+)")
LEFT, RIGHT = (200, 30, 30), (30, 30, 200)


@pytest.fixture(scope="module")
def system(tmp_path_factory: pytest.TempPathFactory) -> Iterator[OneMachine]:
    """A forum with one place for the private sector."""
    home = tmp_path_factory.mktemp("one-machine")
    few = forum_with(home, private_sector={"capacity": 1})
    one = OneMachine(home, FORUMPASS_FORUM=str(few))
    one.start()
    yield one
    one.stop()


@pytest.fixture(params=[True, False], ids=["with a script", "without a script"])
def has_script(request: pytest.FixtureRequest) -> bool:
    return bool(request.param)


def own_page(visitor: Visitor, address: str, *, mails: int = 2) -> str:
    """The address of somebody's own page, from the newest of so many mails."""
    mail = visitor.mail_to(address, count=mails)[-1]
    body = mail.get_body(("plain",))
    assert body is not None
    found = OWN_LINK.search(str(body.get_content()))
    assert found is not None, mail.as_string()
    return visitor.origin + found.group(1)


def badges_of(visitor: Visitor, registration_id: str) -> list[dict[str, Any]]:
    with visitor.as_staff(Role.desk) as http:
        answer = http.get("/badging/api/badges", params={"registration_id": registration_id})
        items: list[dict[str, Any]] = answer.json()["items"]
        return items


def test_a_correction_brings_a_new_badge(
    system: OneMachine, browser: Browser, has_script: bool
) -> None:
    visitor = system.visit()
    registration_id, address = register(visitor, family_name="Byron")
    before = badge_of(visitor, registration_id)
    context = browser.new_context(viewport=PHONE, locale="en", java_script_enabled=has_script)
    page = context.new_page()
    page.goto(own_page(visitor, address))
    page.get_by_role("link", name="Correct my registration").click()
    expect(page.locator("#organization")).to_have_value("Analytical Society")
    page.locator("#family_name").fill("")
    page.locator("main button[type=submit]").last.click()
    expect(page.locator(".error-summary")).to_contain_text("Family name")
    page.locator("#family_name").fill("King")
    page.locator("main button[type=submit]").last.click()
    expect(page.locator("main")).to_contain_text("Your corrections are saved.")
    expect(page.locator("main .facts").last).to_contain_text("Ada King")
    found = eventually(lambda: badges_of(visitor, registration_id), lambda badges: len(badges) == 2)
    assert {badge["status"] for badge in found} == {"superseded", "valid"}
    assert next(badge for badge in found if badge["status"] == "superseded")["id"] == before["id"]
    visitor.mail_to(address, count=3)
    context.close()


def test_the_number_of_the_badge_stands_at_its_code(
    system: OneMachine, browser: Browser, has_script: bool
) -> None:
    visitor = system.visit()
    registration_id, address = register(visitor)
    number = badge_of(visitor, registration_id)["number"]
    context = browser.new_context(viewport=PHONE, locale="en", java_script_enabled=has_script)
    page = context.new_page()
    page.goto(own_page(visitor, address))
    caption = page.locator(".faces figcaption")
    expect(caption).to_contain_text("Show this code at the entrance")
    if has_script:
        expect(caption.locator(".code")).to_have_text(number)
    expect(page.locator("#badge-number")).to_be_visible(visible=has_script)
    context.close()


def test_who_cannot_come_gives_the_place_to_who_waits(system: OneMachine, browser: Browser) -> None:
    visitor = system.visit()
    _, first = register(visitor, category="private_sector")
    waiting_id, second = register(visitor, category="private_sector", given_name="Grace")
    phone = browser.new_context(viewport=PHONE, locale="en").new_page()
    desk = browser.new_context(viewport=DESK, locale="en").new_page()
    desk.goto(own_page(visitor, second))
    expect(desk.locator(".notice")).to_contain_text("On the waiting list")
    expect(desk.locator("figure")).to_have_count(0)

    phone.goto(own_page(visitor, first))
    phone.get_by_role("link", name="I cannot come").click()
    expect(phone.locator("main h1")).to_have_text("Cancel my registration?")
    phone.get_by_role("link", name="Go back").click()
    expect(phone.locator(".notice")).to_contain_text("Confirmed")
    phone.get_by_role("link", name="I cannot come").click()
    phone.get_by_role("button", name="Yes, cancel my registration").click()
    expect(phone.locator(".notice")).to_contain_text("Cancelled")

    desk.reload()
    expect(desk.locator(".notice")).to_contain_text("Confirmed")
    badge_of(visitor, waiting_id)
    promoted = visitor.mail_to(second, count=3)[-1]
    assert promoted.get_content_type() == "multipart/mixed"
    expect(desk.locator("figure img").first).to_be_visible()


def test_a_lost_link_comes_by_mail_in_arabic_on_a_phone(
    system: OneMachine, browser: Browser
) -> None:
    visitor = system.visit()
    _, address = register(visitor, language="ar")
    visitor.mail_to(address, count=2)
    page = browser.new_context(viewport=PHONE, locale="ar").new_page()
    page.goto(f"{system.origin}/registration/")
    page.locator("main a[href='/registration/link']").click()
    expect(page.locator("html")).to_have_attribute("dir", "rtl")
    page.locator("#email").fill("ada")
    page.locator("main button[type=submit]").click()
    expect(page.locator("#email-error")).to_be_visible()
    page.locator("#email").fill(address)
    page.locator("main button[type=submit]").click()
    expect(page).to_have_url(re.compile("/registration/link/asked"))
    page.goto(own_page(visitor, address, mails=3))
    expect(page.locator("main h1")).to_have_text("تسجيلي")


def test_who_is_erased_is_told_so_and_what_remains(system: OneMachine, browser: Browser) -> None:
    visitor = system.visit()
    _, address = register(visitor, given_name="Hypatia", language="fr")
    page = browser.new_context(viewport=PHONE, locale="fr").new_page()
    page.goto(own_page(visitor, address))
    page.get_by_role("link", name="Effacer mes données").click()
    expect(page.locator("main")).to_contain_text("Cette opération est irréversible")
    page.get_by_role("button", name="Oui, effacer mes données").click()
    expect(page.locator("main")).not_to_contain_text("Hypatia")
    expect(page.locator("main")).to_contain_text("Vos données personnelles ont été supprimées.")


# --- the photo -----------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def wide(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A picture with another colour on each side."""
    path = tmp_path_factory.mktemp("photo") / "me.png"
    picture = Image.new("RGB", (1600, 900), LEFT)
    picture.paste(RIGHT, (800, 0, 1600, 900))
    picture.save(path)
    return path


def send_with_photo(page: Page, system: OneMachine, address: str) -> Image.Image:
    """Fill in the rest of the form and send it; answers the photo that is kept."""
    page.locator("#given_name").fill("Ada")
    page.locator("#family_name").fill("Lovelace")
    page.locator("#email").fill(address)
    page.locator("#country").select_option("GB")
    page.locator("input[name=category][value=civil_society]").check()
    page.locator("#organization").fill("Analytical Society")
    page.locator("#consent").check()
    page.locator("main button[type=submit]").click()
    expect(page).to_have_url(re.compile("/registration/received"))
    with system.visit().as_staff(Role.organiser) as http:
        [found] = http.get("/registration/api/registrations", params={"q": address}).json()["items"]
        jpeg = http.get(f"/registration/api/registrations/{found['id']}/photo")
        return Image.open(BytesIO(jpeg.content)).convert("RGB")


def is_like(picture: Image.Image, where: float, color: tuple[int, int, int]) -> bool:
    """Whether the picture has this colour so far from its left side, in its width."""
    seen = picture.getpixel((int((picture.width - 1) * where), picture.height // 2))
    assert isinstance(seen, tuple)
    return all(abs(one - other) < 40 for one, other in zip(seen, color, strict=True))


def test_the_part_of_a_photo_is_chosen_with_the_keyboard_alone(
    system: OneMachine, browser: Browser, wide: Path
) -> None:
    page = browser.new_context(viewport=PHONE, locale="en").new_page()
    page.goto(f"{system.origin}/registration/")
    expect(page.locator("#crop")).to_be_hidden()
    page.locator("#photo").set_input_files(wide)
    expect(page.locator("#crop-view")).to_be_visible()
    page.locator("#crop-x").focus()
    page.keyboard.press("End")
    page.keyboard.press("Tab")
    kept = send_with_photo(page, system, person()["email"])
    assert kept.width * 4 == kept.height * 3
    assert all(is_like(kept, where, RIGHT) for where in (0.02, 0.5, 0.98))


def test_who_drags_the_picture_sends_what_is_shown(
    system: OneMachine, browser: Browser, wide: Path
) -> None:
    page = browser.new_context(viewport=DESK, locale="ar").new_page()
    page.goto(f"{system.origin}/registration/")
    page.locator("#photo").set_input_files(wide)
    view = page.locator("#crop-view")
    view.scroll_into_view_if_needed()
    box = view.bounding_box()
    assert box is not None
    page.mouse.move(box["x"] + 40, box["y"] + 100)
    page.mouse.down()
    page.mouse.move(box["x"] + 240, box["y"] + 100, steps=8)
    page.mouse.up()
    kept = send_with_photo(page, system, person()["email"])
    # Pulled to the right: more of the left side is seen.
    assert is_like(kept, 0.9, LEFT)


def test_without_a_script_the_whole_photo_goes_up(
    system: OneMachine, browser: Browser, wide: Path
) -> None:
    page = browser.new_context(locale="en", java_script_enabled=False).new_page()
    page.goto(f"{system.origin}/registration/")
    page.locator("#photo").set_input_files(wide)
    expect(page.locator("#crop")).to_be_hidden()
    kept = send_with_photo(page, system, person()["email"])
    assert kept.width > kept.height
    assert is_like(kept, 0.1, LEFT)
    assert is_like(kept, 0.9, RIGHT)


def test_who_wants_no_photo_after_all_sends_none(
    system: OneMachine, browser: Browser, wide: Path
) -> None:
    page = browser.new_context(viewport=PHONE, locale="en").new_page()
    page.goto(f"{system.origin}/registration/")
    page.locator("#photo").set_input_files(wide)
    page.get_by_role("button", name="Send no photo").click()
    expect(page.locator("#crop")).to_be_hidden()
    assert page.locator("#photo").evaluate("photo => photo.files.length") == 0
