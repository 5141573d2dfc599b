"""Takes the pictures of the README: `make screenshots`.

A machine is started at noon of the first day, the morning of 2,500 people is played, and the faces
are photographed: the form, the mail, the gate's answers, the live page, the report and the
evacuation lists.
"""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from io import BytesIO
from pathlib import Path
from typing import Final

from PIL import Image
from playwright.sync_api import Browser, Page, ViewportSize, expect

from deploy.private_servers import started
from shared.access import Role
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
from tests.system import FORUMPASS, OneMachine, attached, eventually

PICTURES: Final = Path(__file__).parents[2] / "docs" / "images"
PEOPLE: Final = 2500
NOON: Final = "2017-06-12T12:00:00+02:00"
WALL: Final[ViewportSize] = {"width": 1920, "height": 1080}


def main() -> None:
    program = shutil.which("chromium")
    if program is None:
        sys.exit("chromium is not installed")
    PICTURES.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory() as folder:
        # The mails of 2,500 people must not keep those waiting who are photographed.
        settings = {
            "FORUMPASS_CLOCK": NOON,
            "FORUMPASS_NOTIFICATIONS_CONCURRENCY": "1",
            "FORUMPASS_BADGING_DRAWN_AT_ONCE": "1",
        }
        system = OneMachine(Path(folder), **settings)
        with started(system):
            _photograph(system, program, Path(folder))


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
    camera = film(badge, folder / "badge.y4m")
    with _the_forum_played(system), chromium(program, camera=camera) as browser:
        _photograph_the_gate_and_the_live_page(system, browser)


def _photograph_the_gate_and_the_live_page(system: OneMachine, browser: Browser) -> None:
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


@contextmanager
def _the_forum_played(system: OneMachine) -> Iterator[None]:
    """Its morning has been played, and it goes on."""
    played = ("--people", str(PEOPLE), "--speed", "1000", "--live")
    command = [str(FORUMPASS), "simulate", *played]
    simulation = subprocess.Popen(command, env=system.environment, stdout=subprocess.DEVNULL)
    try:
        with system.visit().as_staff(Role.viewer) as staff:
            # Eight in ten come on the first day; most of them in the morning.
            eventually(
                lambda: staff.get("/checkin/api/attendance").json(),
                lambda so_far: (
                    so_far["badged"] > PEOPLE and so_far["arrived_today"] > 0.75 * PEOPLE
                ),
                within=300,
            )
        yield
    finally:
        simulation.terminate()
        simulation.wait()


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
