"""Takes the pictures of the README: `make screenshots`.

A machine is started, a hundred and fifty people register and arrive in the first half hour, and the
faces are photographed: the form, the mail, the gate's answers, the live page, the report and the
evacuation lists.
"""

from __future__ import annotations

import random
import re
import shutil
import sys
import tempfile
from collections.abc import Sequence
from datetime import datetime, timedelta
from io import BytesIO
from pathlib import Path
from typing import Final
from uuid import uuid4

import httpx
from PIL import Image
from playwright.sync_api import Browser, Page, ViewportSize, expect

from deploy.private_servers import started
from services.badging import face_words
from services.badging.face_layout import Face
from services.badging.face_png import draw_png
from services.notifications import samples
from shared import forum as forums
from shared.access import Role
from shared.dates import period
from shared.settings import Settings
from tests.browser.chromium import (
    DESK,
    PHONE,
    chromium,
    fill_the_form,
    film,
    open_mail,
    pair_by_link,
    sign_in,
)
from tests.system import OneMachine, Visitor, attached, device_at, eventually, register

PICTURES: Final = Path(__file__).parents[2] / "docs" / "images"
PEOPLE: Final = 150
FIRST_ARRIVAL: Final = datetime.fromisoformat("2017-06-12T07:31:00+02:00")
COUNTRIES: Final = ("CH", "FR", "KE", "IN", "BR", "CN", "SA", "RU", "NG", "JP", "MX", "DE", "GH")
CATEGORIES: Final = (
    "government", "private_sector", "civil_society", "academia_technical_community",
    "international_organization",
)  # fmt: skip
GENDERS: Final = ("female", "female", "male", "male", None)
WALL: Final[ViewportSize] = {"width": 1920, "height": 1080}
ENTRANCES: Final = ("montbrillant", "tower", "varembe")


def main() -> None:
    program = shutil.which("chromium")
    if program is None:
        sys.exit("chromium is not installed")
    PICTURES.mkdir(parents=True, exist_ok=True)
    _draw_the_sample()
    with tempfile.TemporaryDirectory() as folder:
        system = OneMachine(Path(folder))
        with started(system):
            _photograph(system, program, Path(folder))


def _draw_the_sample() -> None:
    """The badge in the mails that organisers are shown: notifications cannot draw one."""
    forum = forums.load(Settings.model_fields["forum"].default)
    category = forum.categories[0]
    face = Face(
        forum_name=forum.name.en,
        forum_dates=period(forum.days, "en"),
        family_name="Lovelace",
        given_name="Ada",
        title="",
        position="Analyst",
        organization="Analytical Society",
        country="United Kingdom",
        category=category.name.en,
        category_color=category.color,
        days=face_words.days(forum, forum.days_bitmap(category.days), "en"),
        number=samples.NUMBER,
        credential=samples.CODE,
        language="en",
    )
    picture = Image.open(BytesIO(draw_png(face))).convert("RGB").reduce(2)
    picture.quantize(32).save(samples.BADGE, optimize=True)


def _photograph(system: OneMachine, program: str, folder: Path) -> None:
    address = "zoe@example.org"
    with chromium(program) as browser:
        page = browser.new_context(viewport=DESK, locale="en").new_page()
        page.goto(f"{system.origin}/registration/")
        _take(page, "form")
        fill_the_form(page, system.origin, address)
        open_mail(page, system.origin, address, re.compile("confirm your"))
        page.frame_locator("iframe.mail").get_by_role("link", name="Confirm").click()
        page.locator("main button[type=submit]").click()
        open_mail(page, system.origin, address, re.compile("your badge"))
        page.wait_for_timeout(500)
        _take(page, "mail", height=1240)
    _, mail = system.visit().mail_to(address, count=2)
    badge = Image.open(BytesIO(attached(mail, "image/png")))
    devices = _fill_the_forum(system.visit())
    with chromium(program, camera=film(badge, folder / "badge.y4m")) as browser:
        _photograph_the_gate_and_the_live_page(system, browser, devices)


def _photograph_the_gate_and_the_live_page(
    system: OneMachine, browser: Browser, devices: Sequence[str]
) -> None:
    organiser = browser.new_context(viewport=DESK, locale="en")
    live = organiser.new_page()
    sign_in(live, system.sign_in_link())
    phone = browser.new_context(viewport=PHONE, locale="en", permissions=["camera"])
    gate = phone.new_page()
    pair_by_link(organiser.new_page(), gate, system.origin, gate="tower-in")
    answer = gate.locator("gate-app answer-view")
    expect(answer).to_contain_text("Admitted", timeout=30_000)
    _take(gate, "gate-admitted")
    expect(answer).to_contain_text("Refused", timeout=30_000)
    _take(gate, "gate-refused")
    _say_how_they_are(system.visit(), devices)
    live.wait_for_timeout(1000)
    _take(live, "live", height=1180)
    _photograph_other_screens(system, browser)
    phone.set_offline(True)
    gate.locator("gate-header input[value=out]").check()
    expect(answer).to_contain_text("Left", timeout=30_000)
    expect(gate.locator("gate-header .link")).to_contain_text("Offline since")
    _take(gate, "gate-offline")
    gate.get_by_role("button", name="More").click()
    gate.get_by_role("button", name="Evacuation list").click()
    expect(gate.locator("evacuation-list li").first).to_be_visible()
    _take(gate, "gate-evacuation")


def _photograph_other_screens(system: OneMachine, browser: Browser) -> None:
    """The control room on a phone, from right to left, and on the wall."""
    signed_in = {"Authorization": f"Bearer {system.visit().token(Role.organiser)}"}
    for name, viewport, language, path in (
        ("live-phone-ar", PHONE, "ar", "/checkin/live"),
        ("live-wall", WALL, "en", "/checkin/live?wall"),
    ):
        context = browser.new_context(
            viewport=viewport, locale=language, extra_http_headers=signed_in
        )
        page = context.new_page()
        page.goto(f"{system.origin}{path}")
        expect(page.locator("arrivals-chart canvas")).to_be_visible()
        page.wait_for_timeout(500)
        _take(page, name)
        context.close()
    page = browser.new_context(viewport=DESK, locale="en", extra_http_headers=signed_in).new_page()
    for name in ("report", "evacuation"):
        page.goto(f"{system.origin}/checkin/{name}")
        _take(page, name, height=1180)
    page.context.close()


def _fill_the_forum(visitor: Visitor) -> list[str]:
    """Answers the tokens of the devices at the gates.

    People from everywhere, arriving as people do: more and more towards the opening."""
    dice = random.Random(2017)
    known = [
        register(
            visitor,
            country=dice.choice(COUNTRIES),
            category=dice.choice(CATEGORIES),
            gender=dice.choice(GENDERS),
            family_name=f"Participant {number}",
        )[0]
        for number in range(PEOPLE)
    ]
    with visitor.as_staff(Role.organiser) as staff:
        eventually(
            lambda: staff.get("/checkin/api/attendance").json()["badged"],
            lambda badged: badged > PEOPLE,
        )
        badges = [
            staff.get("/badging/api/badges", params={"registration_id": one}).json()["items"][0]
            for one in known
        ]
    devices = []
    for entrance in ENTRANCES:
        with device_at(visitor, f"{entrance}-in") as device:
            devices.append(device.headers["Authorization"].removeprefix("Bearer "))
            for badge in badges[ENTRANCES.index(entrance) :: len(ENTRANCES)]:
                minute = 28 * dice.random() ** 0.5
                _scan(device, badge["credential"], FIRST_ARRIVAL + timedelta(minutes=minute))
                if dice.random() < 0.06:
                    _scan(device, badge["credential"], FIRST_ARRIVAL + timedelta(minutes=minute))

    return devices


def _say_how_they_are(visitor: Visitor, devices: Sequence[str]) -> None:
    for token, battery in zip(devices, (0.84, 0.61, 0.17), strict=True):
        with visitor.calling(token) as device:
            state = {"battery": battery, "charging": False, "pending": 0}
            device.put("/checkin/api/devices/me", json=state).raise_for_status()


def _scan(device: httpx.Client, credential: str, at: datetime) -> None:
    scan = {"scan_id": str(uuid4()), "credential": credential, "scanned_at": at.isoformat()}
    device.post("/checkin/api/scans", json=scan).raise_for_status()


def _take(page: Page, name: str, height: int | None = None) -> None:
    """A picture with few colours: it loses nothing that one sees, and half the bytes."""
    size = page.viewport_size
    assert size is not None
    if height is not None:
        page.set_viewport_size({"width": size["width"], "height": height})
        page.wait_for_timeout(300)
    picture = Image.open(BytesIO(page.screenshot()))
    picture.convert("RGB").quantize(128).save(PICTURES / f"{name}.png", optimize=True)


if __name__ == "__main__":
    main()
