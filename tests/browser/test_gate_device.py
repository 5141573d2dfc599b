"""What a device keeps of itself, what its camera can do, and how it looks to whoever holds it."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import Final

import httpx
import pytest
from PIL import Image
from playwright.sync_api import Page, Route, expect

from shared.access import Role
from tests.browser.chromium import (
    PHONE,
    allow_camera_with_zoom,
    film,
    profile,
    scan_by_hand,
)
from tests.browser.chromium import chromium as start_chromium
from tests.browser.test_accessibility import keep_picture
from tests.system import OneMachine, badge_of, device_at, eventually, register, scan_until_known

HEARS_MS = 20_000


@pytest.fixture(scope="module")
def lead(system: OneMachine) -> Iterator[httpx.Client]:
    with system.visit().as_staff(Role.security_lead) as http:
        yield http


def offered(lead: httpx.Client) -> str:
    body = {"gate": "tower-in", "label": "Lane 1"}
    url: str = lead.post("/checkin/api/enrolments", json=body).json()["url"]
    return url


@contextmanager
def paired(chromium: str, lead: httpx.Client) -> Iterator[Page]:
    """A phone that has just opened a pairing link."""
    with start_chromium(chromium) as browser:
        page = browser.new_context(viewport=PHONE, locale="en").new_page()
        page.goto(offered(lead))
        expect(page.locator("gate-header")).to_be_visible(timeout=HEARS_MS)
        yield page


def test_a_pairing_outlives_a_browser_that_is_killed_at_once(
    system: OneMachine, chromium: str, lead: httpx.Client, tmp_path: Path
) -> None:
    with profile(chromium, tmp_path) as (browser, process):
        page = browser.contexts[0].new_page()
        page.goto(offered(lead))
        expect(page.locator("gate-header")).to_be_visible(timeout=HEARS_MS)
        process.kill()
        process.wait()
    with profile(chromium, tmp_path) as (browser, _):
        page = browser.contexts[0].new_page()
        page.goto(f"{system.origin}/checkin/gate/")
        expect(page.locator("gate-header h1")).to_have_text("Tower in", timeout=HEARS_MS)


@pytest.mark.parametrize(
    ("locale", "name"),
    [("ar", "البرج – دخول"), ("zh", "塔楼入口"), ("fr", "Tour, entrée"), ("ru", "Башня, вход")],
)
def test_the_gate_is_named_in_the_officers_language(
    chromium: str, lead: httpx.Client, locale: str, name: str
) -> None:
    with start_chromium(chromium) as browser:
        page = browser.new_context(viewport=PHONE, locale=locale).new_page()
        page.goto(offered(lead))
        expect(page.locator("gate-header h1")).to_have_text(name, timeout=HEARS_MS)


def test_an_answer_in_chinese_is_broken_between_its_phrases(
    system: OneMachine, chromium: str, lead: httpx.Client
) -> None:
    visitor = system.visit()
    badge = badge_of(visitor, register(visitor)[0])
    with device_at(visitor, "montbrillant-in") as device:
        scan_until_known(device, badge["credential"])
    with start_chromium(chromium) as browser:
        page = browser.new_context(viewport=PHONE, locale="zh").new_page()
        body = {"gate": "montbrillant-in", "label": "Lane 1"}
        page.goto(lead.post("/checkin/api/enrolments", json=body).json()["url"])
        expect(page.locator("gate-app")).to_have_attribute(
            "data-people", re.compile(r"[1-9]"), timeout=HEARS_MS
        )
        sentence = page.locator("answer-view .verdict p")
        scan_by_hand(page, badge["credential"])
        expect(sentence).to_contain_text("入口：Montbrillant楼")
        for width in range(320, 440, 10):
            page.set_viewport_size({"width": width, "height": PHONE["height"]})
            assert all(line[-1] in "，：楼" for line in sentence.evaluate(LINES)), width


LINES: Final = """
    (element) => {
        const lines = new Map();
        const range = document.createRange();
        const nodes = document.createTreeWalker(element, NodeFilter.SHOW_TEXT);
        while (nodes.nextNode())
            for (const place of nodes.currentNode.data.trimEnd().split('').keys()) {
                range.setStart(nodes.currentNode, place);
                range.setEnd(nodes.currentNode, place + 1);
                const { top } = range.getBoundingClientRect();
                lines.set(top, (lines.get(top) ?? '') + range.toString());
            }
        return [...lines.values()].filter((line) => line.trim());
    }
"""


def test_the_camera_enlarges_and_remembers(
    chromium: str, lead: httpx.Client, tmp_path: Path
) -> None:
    camera = film(Image.new("RGB", (600, 800), "white"), tmp_path / "nothing.y4m")
    with start_chromium(chromium, camera=camera) as browser:
        context = browser.new_context(viewport=PHONE, locale="en")
        allow_camera_with_zoom(context)
        page = context.new_page()
        page.goto(offered(lead))
        larger = page.get_by_role("button", name="Larger")
        smaller = page.get_by_role("button", name="Smaller")
        expect(smaller).to_be_disabled(timeout=HEARS_MS)
        larger.click()
        larger.click()
        shown = page.locator("camera-view output")
        expect(shown).to_have_text("33%")
        expect(smaller).to_be_enabled()
        zoomed = zoom_of(page)
        assert zoomed > 1
        page.reload()
        expect(page.get_by_role("button", name="Smaller")).to_be_enabled(timeout=HEARS_MS)
        assert zoom_of(page) == zoomed
        for button in (larger, smaller):
            box = button.bounding_box()
            assert box is not None
            assert min(box["width"], box["height"]) >= 44


def zoom_of(page: Page) -> float:
    """As the camera itself says."""
    zoom: float = page.locator("camera-view video").evaluate(
        "video => video.srcObject.getVideoTracks()[0].getSettings().zoom"
    )
    return zoom


def test_a_camera_that_cannot_enlarge_offers_nothing(
    chromium: str, lead: httpx.Client, tmp_path: Path
) -> None:
    camera = film(Image.new("RGB", (600, 800), "white"), tmp_path / "nothing.y4m")
    with start_chromium(chromium, camera=camera) as browser:
        context = browser.new_context(viewport=PHONE, locale="en", permissions=["camera"])
        page = context.new_page()
        page.add_init_script(
            "MediaStreamTrack.prototype.getCapabilities = () => ({ width: { max: 640 } })"
        )
        page.goto(offered(lead))
        expect(page.locator("camera-view .aim")).to_have_text(
            re.compile("Hold the badge"), timeout=HEARS_MS
        )
        expect(page.get_by_role("button", name="Larger")).to_have_count(0)


# --- what an officer sees ------------------------------------------------------------------------

SIZES: Final = {
    "small phone": (320, 568),
    "phone": (390, 844),
    "phone on its side": (844, 390),
    "tablet": (820, 1180),
    "desk": (1280, 800),
}
HIDDEN: Final = """
    () => {
        const answer = document.querySelector('gate-app').shadowRoot.querySelector('answer-view');
        const shown = answer.shadowRoot.querySelector('.told').getBoundingClientRect();
        return ['.verdict h2', '.verdict p', '.name', '.category'].filter((part) => {
            const box = answer.shadowRoot.querySelector(part).getBoundingClientRect();
            return box.top < shown.top - 1 || box.bottom > shown.bottom + 1
                || box.left < shown.left - 1 || box.right > shown.right + 1;
        });
    }
"""


@pytest.mark.parametrize("locale", ["fr", "ar", "ru", "zh"])
def test_word_reason_name_and_category_are_seen_whole_on_every_screen(
    system: OneMachine, chromium: str, lead: httpx.Client, locale: str
) -> None:
    visitor = system.visit()
    particulars = {
        "given_name": "María Fernanda",
        "family_name": "Wickremesinghe",
        "organization": "Ministère des Postes et des Télécommunications",
        "category": "academia_technical_community",
    }
    badge = badge_of(visitor, register(visitor, **particulars)[0])
    with start_chromium(chromium) as browser:
        page = browser.new_context(viewport=PHONE, locale=locale).new_page()
        page.goto(offered(lead))
        expect(page.locator("gate-header")).to_be_visible(timeout=HEARS_MS)
        for reason in ("first_entry", "already_inside"):
            scan_by_hand(page, badge["credential"])
            expect(page.locator("answer-view")).to_have_attribute("data-reason", reason)
        assert_seen_whole(page)
        page.locator("gate-header input[value=out]").check()
        scan_by_hand(page, badge["credential"])
        expect(page.locator("answer-view")).to_have_attribute("data-reason", "departed")
        assert_seen_whole(page)


def assert_seen_whole(page: Page) -> None:
    for size, (width, height) in SIZES.items():
        page.set_viewport_size({"width": width, "height": height})
        # What stands beside the answer on a desk goes a moment later.
        eventually(partial(hidden_parts, page, size), lambda seen: not seen[1])


def hidden_parts(page: Page, size: str) -> tuple[str, list[str]]:
    return size, page.evaluate(HIDDEN)


def test_a_gate_that_is_turned_says_so_and_forgets_the_last_answer(
    system: OneMachine, chromium: str, lead: httpx.Client
) -> None:
    badge = badge_of(system.visit(), register(system.visit())[0])
    with start_chromium(chromium) as browser:
        page = browser.new_context(viewport=PHONE, locale="en").new_page()
        page.goto(offered(lead))
        app = page.locator("gate-app")
        counting = page.locator("gate-header .counting")
        expect(page.locator("gate-header")).to_be_visible(timeout=HEARS_MS)
        expect(counting).to_be_hidden()
        for half in page.locator("gate-header .directions label").all():
            box = half.bounding_box()
            assert box is not None
            assert min(box["width"], box["height"]) >= 48
        scan_by_hand(page, badge["credential"])
        expect(page.locator("answer-view")).to_have_attribute("data-reason", "first_entry")
        page.locator("gate-header input[value=out]").check()
        expect(app).to_have_attribute("data-state", "ready")
        expect(counting).to_have_text("Counting people OUT")
        scan_by_hand(page, badge["credential"])
        expect(page.locator("answer-view")).to_have_attribute("data-reason", "departed")
        page.get_by_role("button", name="More").click()
        counters = page.locator("more-menu")
        expect(counters).to_contain_text("1 admitted on this device today")
        expect(counters).to_contain_text("1 counted out on this device today")
        page.keyboard.press("Escape")
        page.locator("gate-header input[value=in]").check()
        expect(app).to_have_attribute("data-state", "ready")
        expect(counting).to_be_hidden()


def test_what_is_undone_is_off_the_screen_and_the_count(
    system: OneMachine, chromium: str, lead: httpx.Client
) -> None:
    badge = badge_of(system.visit(), register(system.visit(), family_name="Takenback")[0])
    with paired(chromium, lead) as page:
        scan_by_hand(page, badge["credential"])
        answer = page.locator("answer-view")
        expect(answer).to_have_attribute("data-reason", "first_entry")
        expect(page.locator("gate-header .tally")).to_contain_text("1 admitted")
        page.get_by_role("button", name="Recent scans").click()
        page.get_by_role("button", name="Undo").click()
        page.get_by_role("button", name="Wrong person").click()
        expect(answer).to_have_attribute("data-decision", "undone")
        expect(answer).to_contain_text("Undone")
        expect(answer).not_to_contain_text("Admitted")
        expect(answer).to_contain_text("Takenback")
        expect(page.locator("gate-header .tally")).to_contain_text("0 admitted")
        expect(page.locator("gate-app [aria-live=assertive]")).to_contain_text("Undone.")
        page.reload()
        expect(page.locator("gate-header .tally")).to_contain_text("0 admitted")
        expect(page.locator("gate-app")).to_have_attribute("data-state", "ready")
        page.get_by_role("button", name="Recent scans").click()
        expect(page.locator("recent-scans li")).to_contain_text("Undone")
        expect(page.locator("recent-scans li")).to_contain_text("Takenback")


def test_nobody_on_hold_is_offered_to_be_let_in(
    system: OneMachine, chromium: str, lead: httpx.Client, tmp_path: Path
) -> None:
    badge = badge_of(system.visit(), register(system.visit(), family_name="Heldback")[0])
    who = f"/checkin/api/participants/{badge['registration_id']}/hold"
    assert lead.post(who, json={"reason": "Police"}).is_success
    with paired(chromium, lead) as page:
        found = page.locator("find-person li")
        for direction in ("in", "out"):
            page.locator(f"gate-header input[value={direction}]").check()
            page.get_by_role("button", name="Find person").click()
            page.get_by_role("searchbox").fill("heldback")
            expect(found).to_contain_text("Security hold: call the security lead")
            expect(found).to_contain_text(badge["number"])
            # Nobody is kept inside.
            expect(found.get_by_role("button")).to_have_count(int(direction == "out"))
            keep_picture(page, tmp_path, f"found on hold {direction}")
            page.get_by_role("button", name="Close").click()
        page.locator("gate-header input[value=in]").check()
        scan_by_hand(page, badge["credential"])
        expect(page.locator("answer-view")).to_have_attribute("data-reason", "blocked")
        expect(page.get_by_role("button", name="Admit anyway")).to_have_count(0)


def test_a_sheet_begins_at_its_field_and_gives_the_focus_back(
    system: OneMachine, chromium: str, lead: httpx.Client
) -> None:
    badge = badge_of(system.visit(), register(system.visit())[0])
    with paired(chromium, lead) as page:
        for opener, field in (("Type number", "number"), ("Find person", "query")):
            page.get_by_role("button", name=opener).focus()
            page.keyboard.press("Enter")
            expect(page.locator(f"bottom-sheet #{field}")).to_be_focused()
            page.keyboard.type("a b", delay=120)  # no scanner's pace
            expect(page.get_by_role("dialog")).to_be_visible()
            page.get_by_role("button", name="Close").press("Enter")
            expect(page.get_by_role("button", name=opener)).to_be_focused()

        scan_by_hand(page, badge["credential"])
        expect(page.locator("answer-view")).to_have_attribute("data-reason", "first_entry")
        page.get_by_role("button", name="Recent scans").focus()
        page.keyboard.press("Enter")
        page.locator("recent-scans").get_by_role("button", name="Undo").press("Enter")
        sheet = page.get_by_role("dialog", name="Undo this scan")
        expect(sheet.get_by_role("button", name="Close")).to_be_focused()
        page.get_by_role("button", name="Wrong person").press("Enter")
        expect(page.get_by_role("button", name="Recent scans")).to_be_focused()


def test_the_pairing_code_that_is_still_held_up_is_no_badge(
    system: OneMachine, chromium: str, lead: httpx.Client
) -> None:
    badge = badge_of(system.visit(), register(system.visit())[0])
    with start_chromium(chromium) as browser:
        page = browser.new_context(viewport=PHONE, locale="en").new_page()
        link = offered(lead)
        page.goto(link)
        expect(page.locator("gate-header")).to_be_visible(timeout=HEARS_MS)
        scan_by_hand(page, link)
        for text in (link, badge["credential"]):
            page.locator("camera-view").evaluate(
                "(camera, detail) => camera.dispatchEvent(new CustomEvent('read', { detail }))",
                text,
            )
        expect(page.locator("answer-view")).to_have_attribute("data-reason", "first_entry")
        page.get_by_role("button", name="Recent scans").click()
        expect(page.locator("recent-scans li")).to_have_count(1)


def test_what_the_server_declines_is_said_in_the_officers_language(
    system: OneMachine, chromium: str, lead: httpx.Client, tmp_path: Path
) -> None:
    badge = badge_of(system.visit(), register(system.visit())[0])
    declined = {"status": 404, "json": {"title": "Not Found", "detail": "There is no such scan."}}
    with start_chromium(chromium) as browser:
        page = browser.new_context(viewport=PHONE, locale="ar").new_page()
        page.goto(offered(lead))
        expect(page.locator("gate-header")).to_be_visible(timeout=HEARS_MS)
        scan_by_hand(page, badge["credential"])
        expect(page.locator("answer-view")).to_have_attribute("data-reason", "first_entry")
        page.context.route("**/undo", lambda route: route.fulfill(**declined))
        page.get_by_role("button", name="آخر عمليات المسح").click()
        page.locator("recent-scans button").click()
        page.locator("reason-form button").first.click()
        fault = page.locator("reason-form [role=alert]")
        expect(fault).to_contain_text("لم يتم التراجع. أبلغ مسؤول الأمن.")
        expect(fault.locator("bdi[lang=en]")).to_have_text("There is no such scan.")
        keep_picture(page, tmp_path, "not undone")

        page.keyboard.press("Escape")
        page.context.route("**/scans", lambda route: route.fulfill(**declined | {"status": 422}))
        scan_by_hand(page, badge["credential"])
        expect(page.locator("answer-view")).to_contain_text("لم يقبلها الخادم.")
        keep_picture(page, tmp_path, "not scanned")


def test_the_camera_asks_for_the_pairing_code_first_and_for_badges_then(
    system: OneMachine, chromium: str, lead: httpx.Client, tmp_path: Path
) -> None:
    camera = film(Image.new("RGB", (600, 800), "white"), tmp_path / "nothing.y4m")
    with start_chromium(chromium, camera=camera) as browser:
        context = browser.new_context(viewport=PHONE, locale="en", permissions=["camera"])
        page = context.new_page()
        page.goto(f"{system.origin}/checkin/gate/")
        page.get_by_role("button", name="Scan the code").click(timeout=HEARS_MS)
        aim = page.locator("camera-view .aim")
        expect(aim).to_have_text("Hold the pairing code in the frame", timeout=HEARS_MS)
        page.goto(offered(lead))
        expect(aim).to_have_text(re.compile("Hold the badge"), timeout=HEARS_MS)


SAID: Final = """
    () => {
        const header = document.querySelector('gate-app').shadowRoot.querySelector('gate-header');
        const link = header.shadowRoot.querySelector('.link');
        window.said = [];
        new MutationObserver(() => window.said.push(link.textContent))
            .observe(link, { childList: true, characterData: true, subtree: true });
    }
"""


# A second may be over before a loaded machine has answered a scan.
WITH_PATIENCE: Final = """
    const setTimer = window.setTimeout;
    window.patience = 60_000;
    window.setTimeout = (job, ms) => setTimer(job, ms === 1000 ? window.patience : ms);
"""


NOTHING_WAITS: Final = """
    () => document.querySelector('gate-app').shadowRoot.querySelector('gate-header').waiting === 0
"""


def test_the_status_line_speaks_of_scans_that_wait_only_if_they_do(
    system: OneMachine, chromium: str, lead: httpx.Client
) -> None:
    badge = badge_of(system.visit(), register(system.visit())[0])
    with start_chromium(chromium) as browser:
        page = browser.new_context(viewport=PHONE, locale="en").new_page()
        page.add_init_script(WITH_PATIENCE)
        page.goto(offered(lead))
        expect(page.locator("gate-header")).to_be_visible(timeout=HEARS_MS)
        page.evaluate(SAID)
        for reason in ("first_entry", "already_inside"):
            scan_by_hand(page, badge["credential"])
            expect(page.locator("answer-view")).to_have_attribute("data-reason", reason)
        assert page.evaluate("window.said") == []
        # What the device shows at once it may be sending still, and the next would go with it.
        page.wait_for_function(NOTHING_WAITS)
        page.evaluate("window.patience = 0")
        held: list[Route] = []
        page.context.route("**/scans", lambda route: held.append(route))
        with page.expect_request("**/scans"):
            scan_by_hand(page, badge["credential"])
        expect(page.locator("gate-header .link")).to_have_text("Online · 1 scan waiting")
        held[0].continue_()
        expect(page.locator("gate-header .link")).to_have_text("Online")


CENTRES: Final = """
    () => {
        const answer = document.querySelector('gate-app').shadowRoot.querySelector('answer-view');
        const centre = (box) => (box.left + box.right) / 2;
        const range = document.createRange();
        range.selectNodeContents(answer.shadowRoot.querySelector('.next p'));
        return [answer, range].map((one) => Math.round(centre(one.getBoundingClientRect())));
    }
"""


def test_without_a_camera_nothing_keeps_its_place(chromium: str, lead: httpx.Client) -> None:
    with paired(chromium, lead) as page:
        scan_by_hand(page, "NO BADGE OF THE FORUM")
        expect(page.locator("answer-view")).to_have_attribute("data-reason", "malformed")
        answer, next_words = page.evaluate(CENTRES)
        assert abs(answer - next_words) <= 1


FOCUSED: Final = """
    () => {
        let at = document.activeElement;
        while (at?.shadowRoot?.activeElement) at = at.shadowRoot.activeElement;
        const outlined = [at, at.nextElementSibling].some(
            (one) => one && getComputedStyle(one).outlineStyle !== 'none');
        return { name: at.getAttribute('aria-label') || at.value || at.innerText, outlined };
    }
"""


def test_every_control_is_reached_by_the_keyboard_and_seen_to_be(
    chromium: str, lead: httpx.Client, tmp_path: Path
) -> None:
    camera = film(Image.new("RGB", (600, 800), "white"), tmp_path / "nothing.y4m")
    with start_chromium(chromium, camera=camera) as browser:
        context = browser.new_context(viewport=PHONE, locale="en")
        allow_camera_with_zoom(context)
        page = context.new_page()
        page.goto(offered(lead))
        page.get_by_role("button", name="Larger").click(timeout=HEARS_MS)
        expect(page.get_by_role("button", name="Smaller")).to_be_enabled()
        page.evaluate("document.activeElement.blur()")
        reached = {}
        for _ in range(12):
            page.keyboard.press("Tab")
            focused = page.evaluate(FOCUSED)
            reached[focused["name"].strip()] = focused["outlined"]
    controls = {
        "in", "Smaller", "Larger", "Type number", "Recent scans", "Find person", "More",
    }  # fmt: skip
    assert {name: reached.get(name) for name in controls} == dict.fromkeys(controls, True)
