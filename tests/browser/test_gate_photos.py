"""The photo of who stands at the gate: there at once, with and without a network, and never waited
for."""

from __future__ import annotations

import re
from base64 import b64encode
from collections.abc import Iterator
from io import BytesIO
from pathlib import Path
from typing import Any

import httpx
import pytest
from PIL import Image, ImageDraw
from playwright.sync_api import Browser, Locator, Page, Route, expect

from shared.access import Role
from tests.browser.test_accessibility import complaints, keep_picture
from tests.browser.test_gate_offline import HEARS_MS, cut, kept, paired, status, told
from tests.system import OneMachine, attached, badge_of, eventually, register

Badge = dict[str, Any]
PHOTO = (330, 1290)
"""A pixel of every badge that is in the photo, if there is one."""
TEAL, NAVY = (0, 128, 128), (0, 0, 128)


def photo(color: tuple[int, int, int]) -> str:
    """A photo as a phone sends it, in base64: somebody before a wall of this colour."""
    picture = Image.new("RGB", (900, 1200), color)
    draw = ImageDraw.Draw(picture)
    draw.ellipse((150, 850, 750, 1500), fill="dimgray")
    draw.ellipse((290, 250, 610, 820), fill="peru")
    out = BytesIO()
    picture.save(out, "JPEG")
    return b64encode(out.getvalue()).decode()


@pytest.fixture(scope="module")
def lead(system: OneMachine) -> Iterator[httpx.Client]:
    with system.visit().as_staff(Role.security_lead) as http:
        yield http


@pytest.fixture(scope="module")
def people(system: OneMachine) -> list[Badge]:
    """Two with a photo, and one without."""
    visitor = system.visit()
    given: list[dict[str, Any]] = [
        {"given_name": "Åsa", "family_name": "Teal", "photo": photo(TEAL)},
        {"given_name": "Élodie", "family_name": "Navy", "photo": photo(NAVY)},
        {"given_name": "Zoë", "family_name": "Plain"},
    ]
    return [badge_of(visitor, register(visitor, **one)[0]) for one in given]


def shown(box: Locator) -> str:
    """The colour of the wall in the photo that is in the box."""
    image = box.locator("img")
    expect(image).to_be_visible()
    pixel = image.evaluate(
        """async (image) => {
            await image.decode();
            const canvas = new OffscreenCanvas(image.naturalWidth, image.naturalHeight);
            const paper = canvas.getContext('2d');
            paper.drawImage(image, 0, 0);
            return [...paper.getImageData(6, 6, 1, 1).data].slice(0, 3);
        }"""
    )
    return "teal" if pixel[1] > 64 else "navy"


def photos_of(page: Page, badge: Badge) -> int:
    """How many photos of its holder are on the device."""
    count: int = page.evaluate(
        """async (who) => {
            const open = indexedDB.open('forumpass-gate');
            await new Promise((resolve) => { open.onsuccess = resolve; });
            const keys = open.result.transaction('photos').objectStore('photos').getAllKeys();
            await new Promise((resolve) => { keys.onsuccess = resolve; });
            open.result.close();
            return keys.result.filter(([id]) => id === who).length;
        }""",
        badge["registration_id"],
    )
    return count


def unpair(page: Page) -> None:
    page.get_by_role("button", name="More").click()
    for step in ("Unpair this device", "Really unpair it"):
        page.locator("more-menu").get_by_role("button", name=step).click()


def has_come(page: Page, badge: Badge) -> None:
    """Wait until the photo is on the device."""
    eventually(lambda: photos_of(page, badge), lambda photos: photos == 1)


def test_the_mailed_badge_has_the_photo_given_at_registration(system: OneMachine) -> None:
    visitor = system.visit()
    _, address = register(visitor, photo=photo(TEAL))
    _, mail = visitor.mail_to(address, count=2)
    badge = Image.open(BytesIO(attached(mail, "image/png"))).convert("RGB")
    assert badge.getpixel((PHOTO[0] - 150, PHOTO[1] - 150)) == pytest.approx(TEAL, abs=12)


def test_who_is_scanned_is_seen_with_a_network_and_without(
    browser: Browser, lead: httpx.Client, people: list[Badge], tmp_path: Path
) -> None:
    page = paired(browser, lead, "tower-in")
    teal, navy, plain = people
    box = page.locator("answer-view person-photo")
    told(page, teal, "Admitted.*Teal")
    assert shown(box) == "teal"
    expect(box.locator("img")).to_have_attribute("alt", "Åsa Teal")
    assert complaints(page) == []
    keep_picture(page, tmp_path, "online")
    size = box.bounding_box()

    has_come(page, navy)
    cut(page.context)
    page.reload()
    status(page, "^Offline since")
    told(page, navy, "Admitted.*Navy")
    assert shown(box) == "navy"
    keep_picture(page, tmp_path, "offline")
    told(page, plain, "Admitted.*Plain")
    expect(box.locator("svg")).to_be_visible()
    expect(box.locator("img")).to_have_count(0)
    assert complaints(page) == []
    keep_picture(page, tmp_path, "without a photo")
    now = box.bounding_box()
    assert size
    assert now
    assert [now[side] for side in ("width", "height")] == pytest.approx(
        [size[side] for side in ("width", "height")], abs=0.5
    )
    page.context.close()


def test_who_is_looked_up_is_seen_with_a_network_and_without(
    browser: Browser, lead: httpx.Client, people: list[Badge], tmp_path: Path
) -> None:
    page = paired(browser, lead, "varembe-in")
    has_come(page, people[1])
    for offline in (False, True):
        page.context.set_offline(offline)
        page.get_by_role("button", name="Find person").click()
        page.get_by_role("searchbox").fill("navy elodie")
        found = page.locator("find-person li")
        expect(found).to_have_count(1)
        assert shown(found.locator("person-photo")) == "navy"
        assert complaints(page) == []
        keep_picture(page, tmp_path, f"found offline {offline}")
        page.get_by_role("button", name="Close").click()
    page.context.close()


def test_an_answer_does_not_wait_for_the_photo(
    browser: Browser, lead: httpx.Client, people: list[Badge]
) -> None:
    page = paired(browser, lead, "montbrillant-out")
    unpair(page)
    held: list[Route] = []
    page.context.route(re.compile("/participants/[^/]+/photo$"), lambda route: held.append(route))
    offered = lead.post(
        "/checkin/api/enrolments", json={"gate": "montbrillant-out", "label": "Slow"}
    )
    page.goto(offered.json()["url"])
    expect(page.locator("gate-app")).to_have_attribute(
        "data-people", re.compile(r"[1-9]"), timeout=HEARS_MS
    )
    told(page, people[0], "Left.*Teal")
    box = page.locator("answer-view person-photo")
    expect(box.locator("svg")).to_be_visible()
    before = box.bounding_box()
    for route in held:
        route.continue_()
    page.context.unroute_all()
    assert shown(box) == "teal"
    assert box.bounding_box() == before
    page.context.close()


def test_who_is_erased_leaves_the_device_and_unpairing_takes_the_rest(
    browser: Browser, system: OneMachine, lead: httpx.Client
) -> None:
    visitor = system.visit()
    registration_id, _ = register(visitor, family_name="Gone", photo=photo(NAVY))
    badge = badge_of(visitor, registration_id)
    page = paired(browser, lead, "varembe-in")
    box = page.locator("answer-view person-photo")
    told(page, badge, "Admitted.*Gone")
    assert shown(box) == "navy"
    has_come(page, badge)
    with visitor.as_staff(Role.organiser) as organiser:
        organiser.post(f"/registration/api/registrations/{registration_id}/erase", json={})
        # The device hears of it at its next contact, at the latest.
        eventually(lambda: photos_of(page, badge), lambda photos: photos == 0, within=40)
        path = f"/checkin/api/participants/{registration_id}/photo"
        assert organiser.get(path).status_code == 404
    told(page, badge, "Refused")
    expect(box.locator("img")).to_have_count(0)
    unpair(page)
    expect(page.locator("pair-screen")).to_be_visible()
    assert set(kept(page).values()) == {0}
    page.context.close()
