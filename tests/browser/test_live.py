"""The control room in Chromium: it follows real scans, and says so when it does not."""

from __future__ import annotations

import csv
import re
from collections.abc import Iterator
from dataclasses import dataclass
from io import BytesIO, StringIO
from pathlib import Path
from typing import Any, Final

import httpx
import openpyxl
import pypdfium2
import pytest
from playwright.sync_api import Browser, Locator, Page, ViewportSize, expect

from shared.access import Role
from tests.browser.chromium import DESK, PHONE, sign_in
from tests.browser.test_accessibility import complaints, keep_picture
from tests.system import (
    OneMachine,
    badge_of,
    device_at,
    eventually,
    register,
    scan,
    scan_until_known,
)

WALLS: Final[tuple[ViewportSize, ...]] = (
    {"width": 1280, "height": 720},
    {"width": 1920, "height": 1080},
    {"width": 3840, "height": 2160},
)
AT_ONCE_MS: Final = 10_000
"""What a person takes for at once, on a machine that does other things too."""


@pytest.fixture(scope="module")
def lead(system: OneMachine) -> Iterator[httpx.Client]:
    with system.visit().as_staff(Role.security_lead) as http:
        yield http


@pytest.fixture(scope="module")
def gate(system: OneMachine) -> Iterator[httpx.Client]:
    with device_at(system.visit(), "tower-in") as device:
        yield device


@pytest.fixture(scope="module")
def tokens(system: OneMachine) -> dict[Role, str]:
    return {role: system.visit().token(role) for role in (Role.security_lead, Role.viewer)}


@pytest.fixture
def pages(system: OneMachine, browser: Browser, tokens: dict[Role, str]) -> Pages:
    return Pages(system.origin, browser, tokens)


@dataclass(frozen=True)
class Pages:
    """Pages of the control room, each in a browser of its own."""

    origin: str
    browser: Browser
    tokens: dict[Role, str]

    def open(
        self,
        viewport: ViewportSize = DESK,
        *,
        language: str = "en",
        role: Role = Role.security_lead,
        path: str = "/checkin/live",
    ) -> Page:
        """One that is live."""
        context = self.browser.new_context(
            viewport=viewport,
            locale=language,
            extra_http_headers={"Authorization": f"Bearer {self.tokens[role]}"},
        )
        page = context.new_page()
        page.goto(f"{self.origin}{path}")
        expect(page.locator("live-page")).to_have_attribute("data-state", "live")
        expect(figure(page, "inside")).to_be_visible()
        return page


def figure(page: Page, name: str) -> Locator:
    return page.locator(f"[data-figure={name}]")


def value_of(page: Page, name: str) -> int:
    return int(figure(page, name).get_attribute("data-value") or "")


def expect_value(page: Page, name: str, value: int) -> None:
    expect(figure(page, name)).to_have_attribute("data-value", str(value), timeout=AT_ONCE_MS)


def new_badge(system: OneMachine, **person: Any) -> dict[str, Any]:
    """The badge of somebody who may come."""
    visitor = system.visit()
    return badge_of(visitor, register(visitor, **person)[0])


def test_the_page_follows_real_scans(system: OneMachine, pages: Pages, gate: httpx.Client) -> None:
    page, viewer = pages.open(), pages.open(PHONE, role=Role.viewer)
    inside, arrived = value_of(page, "inside"), value_of(page, "arrived_today")
    badge = new_badge(system, given_name="Wangari", family_name="Maathai", country="KE")
    assert scan_until_known(gate, badge["credential"])["reason"] == "first_entry"
    for one in (page, viewer):
        expect_value(one, "inside", inside + 1)
        expect_value(one, "arrived_today", arrived + 1)
        latest = one.locator("scan-feed li").first
        expect(latest).to_contain_text("First entry")
        expect(latest).to_contain_text("Tower in")
    expect(page.locator("scan-feed li").first).to_contain_text("Wangari Maathai")
    expect(viewer.locator("scan-feed")).not_to_contain_text("Maathai")
    expect(page.locator("[data-panel=country] [data-key=KE]")).to_have_attribute("data-count", "1")
    expect(page.locator("occupancy-chart canvas")).to_be_visible()
    expect(page.locator("arrivals-chart canvas")).to_be_visible()
    assert scan(gate, badge["credential"])["reason"] == "already_inside"
    expect(page.locator("scan-feed li").first).to_have_attribute("data-decision", "refused")
    expect(page.locator("[data-panel=refusals] [data-key=already_inside]")).to_be_visible()


def test_a_lost_connection_shows_and_is_mended_with_no_gap(
    system: OneMachine, pages: Pages, gate: httpx.Client
) -> None:
    page = pages.open()
    page.evaluate("window.neverReloaded = true")
    inside = value_of(page, "inside")
    badges = [new_badge(system)["credential"] for _ in range(2)]
    scan_until_known(gate, badges[0])
    expect_value(page, "inside", inside + 1)
    system.kill()
    warning = page.locator("[data-warning=lost]")
    expect(warning).to_contain_text(re.compile(r"Not live since \d\d:\d\d"), timeout=AT_ONCE_MS)
    expect(page.locator("main")).to_have_attribute("data-old", "")
    system.start()
    scan(gate, badges[1])
    expect(warning).to_have_count(0, timeout=20_000)
    expect_value(page, "inside", inside + 2)
    shown = page.locator("scan-feed li[data-seq]")
    numbers = shown.evaluate_all("all => all.map(one => Number(one.dataset.seq))")
    assert numbers == sorted(set(numbers), reverse=True)
    assert numbers[0] - numbers[1] == 1
    assert page.evaluate("window.neverReloaded")


def settled_after_a_while(page: Page, gate: httpx.Client, lead: httpx.Client) -> int:
    """The number up to which those who watch have all entries of the log: `Last-Event-ID`."""
    page.wait_for_timeout(700)
    scan(gate, "nothing")
    with lead.stream("GET", "/checkin/api/live") as events:
        return next(int(line[3:]) for line in events.iter_lines() if line.startswith("id:"))


def test_who_is_erased_while_the_line_is_cut_has_no_name_after_it(
    system: OneMachine, pages: Pages, gate: httpx.Client, lead: httpx.Client
) -> None:
    page = pages.open()
    badge = new_badge(system, given_name="Bertha", family_name="Benz")
    scan_until_known(gate, badge["credential"])
    feed = page.locator("scan-feed")
    expect(feed).to_contain_text("Bertha Benz", timeout=AT_ONCE_MS)
    seq = int(feed.locator("li").first.get_attribute("data-seq") or "")
    eventually(lambda: settled_after_a_while(page, gate, lead), lambda settled: settled >= seq)
    expect(feed).to_contain_text("Bertha Benz")
    page.context.set_offline(True)  # Chromium leaves an open stream alone
    system.kill()
    system.start()
    warning = page.locator("[data-warning=lost]")
    expect(warning).to_be_visible(timeout=20_000)
    path = f"/registration/api/registrations/{badge['registration_id']}/erase"
    with system.visit().as_staff(Role.organiser) as organiser:
        organiser.post(path, json={}).raise_for_status()
    # As soon as it is told to nobody who opens the page, the one that was cut off must lose it.
    expect(pages.open().locator("scan-feed")).not_to_contain_text("Benz", timeout=AT_ONCE_MS)
    page.context.set_offline(False)
    expect(warning).to_have_count(0, timeout=20_000)
    expect(feed.locator("li").first).to_be_visible()
    expect(feed).not_to_contain_text("Benz")


def test_an_alert_is_raised_seen_to_and_kept(
    system: OneMachine, pages: Pages, gate: httpx.Client, lead: httpx.Client
) -> None:
    page, viewer = pages.open(), pages.open(role=Role.viewer)
    wall = pages.open(WALLS[0], path="/checkin/live?wall")
    badge = new_badge(system, given_name="Berta", family_name="Suttner")
    scan_until_known(gate, badge["credential"])
    visitor = system.visit()
    with visitor.as_staff(Role.desk) as desk:
        stop = f"/badging/api/badges/{badge['id']}/revoke"
        desk.post(stop, json={"reason": "Lost"}).raise_for_status()
    eventually(
        lambda: scan(gate, badge["credential"])["reason"], lambda reason: reason == "revoked"
    )
    alert = page.locator("alert-list li.open[data-kind=stopped_badge_shown]")
    expect(alert).to_contain_text("Tower in", timeout=AT_ONCE_MS)
    expect(alert).to_contain_text("Berta Suttner")
    for other in (viewer, wall):
        expect(other.locator("alert-list li.open")).to_have_count(1)
        expect(other.locator("alert-list")).not_to_contain_text("Suttner")
    expect(viewer.locator("alert-list button")).to_have_count(0)
    alert.get_by_role("button", name="Seen to").click()
    for one in (page, viewer):
        expect(one.locator("alert-list li.open")).to_have_count(0)
    page.locator("alert-list summary").click()
    expect(page.locator("alert-list details li").first).to_contain_text("Seen to by")


def test_a_device_is_moved_and_stopped_from_the_board(system: OneMachine, pages: Pages) -> None:
    page = pages.open()
    with device_at(system.visit(), "varembe-in") as device:
        state = {"battery": 0.15, "pending": 4, "app_version": "abc"}
        device.put("/checkin/api/devices/me", json=state).raise_for_status()
        shown = page.locator("[data-gate=varembe-in] [data-device]")
        expect(shown).to_have_attribute("data-contact", "online", timeout=AT_ONCE_MS)
        for fact in ("Battery 15%", "To send: 4", "Version abc"):
            expect(shown).to_contain_text(fact)
        shown.locator("summary").click()
        shown.locator("select").select_option("varembe-out")
        shown.get_by_role("button", name="Move").click()
        moved = page.locator("[data-gate=varembe-out] [data-device]")
        expect(moved).to_be_visible()
        if not moved.locator("details[open]").count():
            moved.locator("summary").click()
        moved.get_by_role("button", name="Stop").click()
        expect(moved).to_be_visible()
        moved.get_by_role("button", name="Really stop").click()
        expect(moved).to_have_count(0)
        assert device.get("/checkin/api/devices/me").status_code == 401


def test_the_wall_needs_no_hands_and_fits_its_screen(pages: Pages, tmp_path: Path) -> None:
    for viewport in WALLS:
        page = pages.open(viewport, path="/checkin/live?wall")
        for essential in ("alert-list", "gate-board", "occupancy-chart", "arrivals-chart"):
            box = page.locator(essential).bounding_box()
            assert box is not None
            assert box["y"] + box["height"] <= viewport["height"]
        assert page.evaluate("document.documentElement.scrollHeight") <= viewport["height"]
        assert page.locator("button, select, summary").count() == 0
        assert complaints(page) == []
        keep_picture(page, tmp_path, f"wall-{viewport['width']}")


CROWDED: Final = """
    () => {
        const part = (name) =>
            document.querySelector('live-page').shadowRoot.querySelector(name);
        const at = part('gate-board').now.toISOString();
        const many = (count, make) => Array.from(Array(count), (_, place) => make(String(place)));
        part('alert-list').alerts = many(30, (id) => ({
            id, kind: 'gate_silent', at, gate: 'tower-in', device: `Lane ${id}`, who: null,
            detail: `Lane ${id}`, acknowledged_at: null, acknowledged_by: null,
        }));
        part('gate-board').devices = many(5, (id) => ({
            device_id: id, label: `Lane ${id}`, gate: 'tower-in', battery: null, charging: null,
            app_version: null, pending: null, last_contact_at: at,
        }));
        part('gate-board').gates = many(30, (id) => ({
            id: id === '0' ? 'tower-in' : id, names: { en: `Gate ${id}` },
        }));
    }
"""


def test_the_wall_counts_what_it_has_no_room_for(pages: Pages, tmp_path: Path) -> None:
    page = pages.open(WALLS[0], path="/checkin/live?wall")
    expect(page.locator("alert-list")).to_be_visible()
    page.evaluate(CROWDED)
    for panel, entry in (("alert-list", "li.open"), ("gate-board", ".gates > li")):
        entries = page.locator(panel).locator(entry)
        expect(entries).to_have_count(30)
        seen = len([one for one in entries.all() if one.is_visible()])
        assert 0 < seen < 30
        expect(page.locator(panel).locator(".more").last).to_have_text(f"+ {30 - seen} more")
    at_the_tower = page.locator("[data-gate=tower-in]")
    expect(at_the_tower.locator("[data-device]")).to_have_count(3)
    expect(at_the_tower).to_contain_text("+ 2 more")
    keep_picture(page, tmp_path, "crowded")


def test_an_organiser_looks_back_and_returns(
    system: OneMachine, pages: Pages, gate: httpx.Client
) -> None:
    scan_until_known(gate, new_badge(system)["credential"])
    page = pages.open()
    inside = value_of(page, "inside")
    assert inside > 0
    page.locator("look-back select[name=until]").select_option("07:45")
    page.get_by_role("button", name="Show").click()
    expect(page.locator("[data-warning=earlier]")).to_contain_text("07:45")
    expect_value(page, "inside", 0)
    scan_until_known(gate, new_badge(system)["credential"])
    expect(page.locator("scan-feed li").first).to_contain_text("First entry")
    expect_value(page, "inside", 0)
    page.get_by_role("button", name="Back to live").click()
    expect_value(page, "inside", inside + 1)


def test_the_reports_files_are_downloaded_and_read_back(
    system: OneMachine, browser: Browser, gate: httpx.Client
) -> None:
    badge = new_badge(system, given_name="Wangari", family_name="Maathai", country="KE")
    entry = scan_until_known(gate, badge["credential"])["scan_id"]
    context = browser.new_context(viewport=DESK, locale="en")
    page = context.new_page()
    sign_in(page, system.sign_in_link())
    page.goto(f"{system.origin}/checkin/report")

    def file(link: str) -> Path:
        with page.expect_download() as download:
            page.get_by_role("link", name=link).click()
        return Path(download.value.path())

    rows = list(csv.DictReader(StringIO(file("Scans as CSV").read_text(encoding="utf-8-sig"))))
    [scanned] = [row for row in rows if row["scan_id"] == entry]
    assert (scanned["decision"], scanned["gate"]) == ("admitted", "tower-in")
    rows = list(csv.DictReader(StringIO(file("Attendance as CSV").read_text(encoding="utf-8-sig"))))
    [came] = [row for row in rows if row["registration_id"] == badge["registration_id"]]
    assert (came["family_name"], came["country"]) == ("Maathai", "KE")
    attended = str(len(rows))
    expect(page.locator("main")).to_contain_text(re.compile(rf"Attended\s*{attended}\D"))
    book = openpyxl.load_workbook(BytesIO(file("Excel").read_bytes()))
    cells = {str(cell.value) for sheet in book for row in sheet for cell in row}
    assert attended in cells
    [href] = [
        str(link.get_attribute("href"))
        for link in page.get_by_role("link", name="PDF (français)").all()
    ]
    printed = pypdfium2.PdfDocument(page.request.get(f"{system.origin}{href}").body())
    assert "Inscrits" in printed[0].get_textpage().get_text_bounded()


@pytest.mark.parametrize("viewport", [PHONE, DESK], ids=["phone", "desk"])
@pytest.mark.parametrize("language", ["en", "fr", "ar"])
def test_the_control_room_can_be_used_by_everybody(
    pages: Pages, tmp_path: Path, viewport: ViewportSize, language: str
) -> None:
    page = pages.open(viewport, language=language)
    assert page.evaluate("document.documentElement.dir") == ("rtl" if language == "ar" else "ltr")
    page.locator("live-page nav summary").click()
    page.locator("gate-board summary").first.click()
    assert complaints(page) == []
    assert page.evaluate("document.documentElement.scrollWidth") <= viewport["width"]
    keep_picture(page, tmp_path, "live")


BROKEN_WORDS: Final = r"""
    () => {
        const broken = [];
        const line = (node, place) => {
            const letter = document.createRange();
            letter.setStart(node, place);
            letter.setEnd(node, place + 1);
            // A letter after a soft hyphen has the hyphen's place too.
            return [...letter.getClientRects()].at(-1)?.top;
        };
        const look = (root) => {
            const nodes = document.createTreeWalker(root, NodeFilter.SHOW_ALL);
            while (nodes.nextNode()) {
                const node = nodes.currentNode;
                if (node.shadowRoot) look(node.shadowRoot);
                if (node.nodeType !== Node.TEXT_NODE) continue;
                if (!node.parentElement?.checkVisibility()) continue;
                for (const { 0: word, index } of node.data.matchAll(/\p{Alphabetic}{2,}/gu)) {
                    const end = index + word.length - 1;
                    if (line(node, index) !== line(node, end)) broken.push(word);
                }
            }
        };
        look(document.body);
        return broken;
    }
"""


@pytest.mark.parametrize("language", ["en", "fr", "ru", "es", "ar"])
def test_no_word_is_broken_on_a_phone_but_where_it_may_be(pages: Pages, language: str) -> None:
    # A soft hyphen stands between two parts, each of which is whole.
    page = pages.open(PHONE, language=language)
    for width in (375, PHONE["width"], 412):
        page.set_viewport_size({"width": width, "height": PHONE["height"]})
        assert page.evaluate(BROKEN_WORDS) == []
