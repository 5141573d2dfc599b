"""Chromium as people have it: on a phone or a desk, and with a badge before its camera."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

from PIL import Image
from playwright.sync_api import Browser, BrowserContext, Page, ViewportSize, expect, sync_playwright

from tests.system import eventually

PHONE: Final[ViewportSize] = {"width": 390, "height": 844}
DESK: Final[ViewportSize] = {"width": 1280, "height": 900}

# What Chromium would fetch in the background is no part of the test.
QUIET: Final = (
    "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run",
    "--disable-background-networking", "--disable-component-update", "--disable-sync",
)  # fmt: skip
FONTS: Final = Path(__file__).with_name("fonts.conf")
CAMERA_SIZE: Final = (640, 480)
FRAMES_A_SECOND: Final = 4
SECONDS_SHOWN: Final = 1
SECONDS_AWAY: Final = 5
"""Longer than the three seconds for which a badge that stays before the camera is one scan."""


def find_chromium() -> str | None:
    """Where it is, by any of its names."""
    names = ("chromium", "chromium-browser", "google-chrome-stable", "google-chrome")
    return next(filter(None, map(shutil.which, names)), None)


@contextmanager
def chromium(program: str, *, camera: Path | None = None) -> Iterator[Browser]:
    """A running browser; with `camera`, a video that it takes for its camera's picture."""
    arguments = list(QUIET)
    if camera is not None:
        arguments += [
            "--use-fake-ui-for-media-stream",
            "--use-fake-device-for-media-stream",
            f"--use-file-for-fake-video-capture={camera}",
        ]
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(
            executable_path=program,
            args=arguments,
            env={**os.environ, "FONTCONFIG_FILE": str(FONTS)},
        )
        try:
            yield browser
        finally:
            browser.close()


@contextmanager
def profile(program: str, folder: Path) -> Iterator[tuple[Browser, subprocess.Popen[bytes]]]:
    """A browser that keeps what it is given in `folder`, and its process, which may be killed."""
    port_file = folder / "DevToolsActivePort"
    port_file.unlink(missing_ok=True)
    arguments = ["--headless=new", "--remote-debugging-port=0", f"--user-data-dir={folder}"]
    process = subprocess.Popen([program, *QUIET, *arguments], stderr=subprocess.DEVNULL)
    try:
        # Written once it listens.
        text = eventually(lambda: port_file.exists() and port_file.read_text(), bool)
        port = str(text).split()[0]
        with sync_playwright() as playwright:
            yield playwright.chromium.connect_over_cdp(f"http://127.0.0.1:{port}"), process
    finally:
        process.kill()
        process.wait()


def film(badge: Image.Image, path: Path) -> Path:
    """A video of somebody who shows a badge, takes it away and shows it again, for ever."""
    width, height = CAMERA_SIZE
    scene = Image.new("RGB", CAMERA_SIZE, (70, 75, 80))
    shown = scene.copy()
    # Held so that the code fills a good part of the picture, as people do.
    code = badge.convert("RGB").crop((0, badge.height // 2, badge.width, badge.height))
    code.thumbnail((width - 40, height - 40))
    shown.paste(code, ((width - code.width) // 2, (height - code.height) // 2))
    with path.open("wb") as file:
        file.write(f"YUV4MPEG2 W{width} H{height} F{FRAMES_A_SECOND}:1 Ip A1:1 C420\n".encode())
        for picture, seconds in ((scene, 1), (shown, SECONDS_SHOWN), (scene, SECONDS_AWAY)):
            frame = b"FRAME\n" + _as_yuv420(picture)
            file.write(frame * (seconds * FRAMES_A_SECOND))
    return path


def _as_yuv420(picture: Image.Image) -> bytes:
    luma, blue, red = picture.convert("YCbCr").split()
    half = (picture.width // 2, picture.height // 2)
    return luma.tobytes() + blue.resize(half).tobytes() + red.resize(half).tobytes()


# --- what people do ------------------------------------------------------------------------------


def fill_the_form(page: Page, origin: str, address: str) -> None:
    """Register as somebody from civil society, in whatever language the page is in."""
    page.goto(f"{origin}/registration/")
    page.locator("#given_name").fill("Zoë")
    page.locator("#family_name").fill("Müller-Österreich")
    page.locator("#email").fill(address)
    page.locator("#country").select_option("CH")
    page.locator("input[name=category][value=civil_society]").check()
    page.locator("#organization").fill("Association suisse pour le numérique")
    page.locator("#consent").check()
    page.locator("main button[type=submit]").click()
    expect(page).to_have_url(re.compile("/registration/received"))


def open_mail(page: Page, origin: str, address: str, subject: re.Pattern[str]) -> None:
    """Open a mail in the mailbox, as soon as it is there."""
    link = page.get_by_role("link", name=subject)
    for _ in range(40):
        page.goto(f"{origin}/mailbox/?to={address}")
        if link.count():
            link.first.click()
            return
        page.wait_for_timeout(250)
    raise AssertionError(f"no mail {subject.pattern!r} to {address}")


def sign_in(page: Page, link: str) -> None:
    page.goto(link)
    expect(page).to_have_url(re.compile("/checkin/live"))


def allow_camera_with_zoom(context: BrowserContext) -> None:
    """Playwright's own permission for the camera leaves its zoom out."""
    browser = context.browser
    assert browser is not None
    session = browser.new_browser_cdp_session()
    [context_id] = session.send("Target.getBrowserContexts")["browserContextIds"]
    for camera in ({"name": "camera"}, {"name": "camera", "panTiltZoom": True}):
        session.send(
            "Browser.setPermission",
            {"permission": camera, "setting": "granted", "browserContextId": context_id},
        )


def scan_by_hand(page: Page, text: str) -> None:
    """Read a badge with a handheld scanner: it types, evenly and faster than any test could."""
    page.evaluate(
        """(text) => {
            const press = (key) =>
                dispatchEvent(new KeyboardEvent('keydown', { key, cancelable: true }));
            // The first key of all wakes the loudspeaker, which takes longer than a scanner waits.
            ['Shift', ...text, 'Enter'].forEach(press);
        }""",
        text,
    )


def pair_by_link(lead: Page, officer: Page, origin: str, *, gate: str) -> None:
    """The security lead makes a code; the officer's phone opens its link."""
    lead.goto(f"{origin}/checkin/devices")
    lead.locator("#gate").select_option(gate)
    lead.locator("#label").fill("Lane 1")
    lead.get_by_role("button", name="Make a pairing code").click()
    address = lead.get_by_role("link", name="Pair this very device").get_attribute("href")
    assert address is not None
    officer.goto(address)
