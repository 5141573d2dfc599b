"""The gate without a network: it goes on, and afterwards the server knows everything once."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator
from io import BytesIO
from pathlib import Path
from typing import Any

import httpx
import pytest
from PIL import Image
from playwright.sync_api import Browser, BrowserContext, Locator, Page, expect

from shared.access import Role
from tests.browser.chromium import PHONE, film, scan_by_hand
from tests.browser.chromium import chromium as start_chromium
from tests.browser.test_accessibility import complaints, keep_picture
from tests.system import OneMachine, badge_of, eventually, register

PEOPLE = 6
HEARS_MS = 20_000
Badge = dict[str, Any]


@pytest.fixture(scope="module")
def people(system: OneMachine) -> list[Badge]:
    visitor = system.visit()
    return [
        badge_of(visitor, register(visitor, given_name=f"Åsa{n}", family_name=f"Guest{n}")[0])
        for n in range(PEOPLE)
    ]


@pytest.fixture(scope="module")
def lead(system: OneMachine) -> Iterator[httpx.Client]:
    with system.visit().as_staff(Role.security_lead) as http:
        yield http


@pytest.fixture
def browser(chromium: str) -> Iterator[Browser]:
    """One a test, for one test here has its own, and Playwright runs no two beside each other."""
    with start_chromium(chromium) as started:
        yield started


def paired(browser: Browser, lead: httpx.Client, gate: str) -> Page:
    """A gate that needs the network no more: it has the people, and its own files."""
    page = browser.new_context(viewport=PHONE, locale="en").new_page()
    offered = lead.post("/checkin/api/enrolments", json={"gate": gate, "label": f"At {gate}"})
    page.goto(offered.json()["url"])
    expect(page.locator("gate-app")).to_have_attribute(
        "data-people", re.compile(r"[1-9]"), timeout=HEARS_MS
    )
    page.evaluate("navigator.serviceWorker.ready.then(() => {})")
    return page


def told(page: Page, badge: Badge | str, sentence: str) -> None:
    """Scan, and be told this."""
    scan_by_hand(page, badge if isinstance(badge, str) else badge["credential"])
    expect(page.locator("answer-view")).to_contain_text(re.compile(sentence, re.DOTALL))


def forged(badge: Badge) -> str:
    """The badge's credential with another signature."""
    credential: str = badge["credential"]
    return credential[:-1] + ("0" if credential[-1] != "0" else "1")


def status(page: Page, text: str) -> None:
    expect(page.locator("gate-header .link")).to_have_text(re.compile(text), timeout=HEARS_MS)


def log_of(lead: httpx.Client, badges: list[Badge]) -> Counter[tuple[str, str]]:
    ids = {badge["registration_id"] for badge in badges}
    items = lead.get("/checkin/api/scans", params={"limit": 1000}).json()["items"]
    return Counter(
        (item["decision"], item["reason"]) for item in items if item["registration_id"] in ids
    )


def cut(context: BrowserContext) -> None:
    context.set_offline(True)


def test_scans_go_on_through_a_cut_a_reload_and_a_crash_and_reach_the_server_once(
    browser: Browser, lead: httpx.Client, people: list[Badge]
) -> None:
    page = paired(browser, lead, "tower-in")
    first, second, third, fourth = people[:4]
    told(page, first, "Admitted.*First entry")
    status(page, "^Online$")

    cut(page.context)
    told(page, second, "Admitted.*First entry today.*Guest1")
    told(page, second, "Refused.*Already inside since.*Guest1")
    told(page, first, "Refused.*Already inside since.*Guest0")
    told(page, forged(second), "Refused.*(Forged|Misread)")
    status(page, r"^Offline since \d\d:\d\d · 4 scans waiting$")

    page.reload()
    status(page, r"^Offline since \d\d:\d\d · 4 scans waiting$")
    told(page, second, "Refused.*Already inside since.*Guest1")
    told(page, third, "Admitted.*First entry today.*Guest2")

    crashed, page = page, page.context.new_page()
    crashed.close()
    page.goto(f"{lead.base_url}/checkin/gate/")
    status(page, r"^Offline since \d\d:\d\d · 6 scans waiting$")
    told(page, fourth, "Admitted.*First entry today.*Guest3")
    page.get_by_role("button", name="Recent scans").click()
    page.locator("recent-scans li", has_text="Guest2").get_by_role("button", name="Undo").click()
    page.get_by_role("button", name="Wrong person").click()
    told(page, third, "Admitted.*First entry today.*Guest2")

    page.context.set_offline(False)
    status(page, "^Online$")
    expect(page.locator("correction-notice")).to_have_count(0)
    log = log_of(lead, people[:4])
    assert log == {
        ("admitted", "first_entry"): 5,
        ("refused", "already_inside"): 3,
        ("undone", "undone"): 1,
    }
    page.context.close()


def test_a_gate_reads_on_while_the_network_comes_and_goes(
    browser: Browser, lead: httpx.Client, people: list[Badge]
) -> None:
    page = paired(browser, lead, "tower-out")
    before = log_of(lead, people)
    for turn in range(12):
        page.context.set_offline(turn % 3 == 1)
        told(page, people[turn % PEOPLE], f"Left.*Guest{turn % PEOPLE}")
    page.context.set_offline(False)
    status(page, "^Online$")
    after = eventually(lambda: log_of(lead, people), lambda log: log.total() >= before.total() + 12)
    assert after - before == {("admitted", "departed"): 12}
    page.context.close()


def test_two_gates_that_let_the_same_badge_in_are_told_when_they_are_back(
    browser: Browser, lead: httpx.Client, people: list[Badge]
) -> None:
    one, other = (paired(browser, lead, gate) for gate in ("tower-in", "montbrillant-in"))
    badge = people[4]
    for page in (one, other):
        cut(page.context)
        told(page, badge, "Admitted.*Guest4")
    one.context.set_offline(False)
    status(one, "^Online$")
    other.context.set_offline(False)
    notice = other.locator("correction-notice")
    expect(notice).to_contain_text(
        re.compile("Guest4.*Already inside", re.DOTALL), timeout=HEARS_MS
    )
    status(other, "^Online$")
    notice.get_by_role("button", name="Noted").click()
    expect(notice).to_have_count(0)
    expect(one.locator("correction-notice")).to_have_count(0)
    kinds = [alert["kind"] for alert in lead.get("/checkin/api/alerts").json()["items"]]
    assert kinds.count("double_use") == 1
    for page in (one, other):
        page.context.close()


def test_somebody_without_a_badge_is_found_and_admitted_with_and_without_a_network(
    browser: Browser, lead: httpx.Client, people: list[Badge]
) -> None:
    page = paired(browser, lead, "varembe-in")
    for offline in (False, True):
        page.context.set_offline(offline)
        page.get_by_role("button", name="Find person").click()
        page.get_by_role("searchbox").fill("guest5 asa")
        found = page.locator("find-person li")
        expect(found).to_have_count(1)
        expect(found).to_contain_text("Analytical Society")
        expect(found).to_contain_text("Inside since" if offline else "Not inside")
        found.get_by_role("button", name="Admit by number").click()
        answer = page.locator("answer-view")
        expect(answer).to_contain_text("Already inside" if offline else "Admitted")
    page.context.close()


def test_without_a_network_the_gate_lists_who_is_inside_and_ticks_who_was_found(
    browser: Browser, lead: httpx.Client, people: list[Badge], tmp_path: Path
) -> None:
    page = paired(browser, lead, "tower-in")
    told(page, people[0], "Guest0")
    told(page, people[5], "Guest5")

    def inside() -> dict[str, str | None]:
        """Who is inside, and by which entrance, as the server has it."""
        listed = lead.get("/checkin/api/evacuation").json()["people"]
        return {one["registration_id"]: one["entrance"] for one in listed}

    two = {people[at]["registration_id"] for at in (0, 5)}
    known = eventually(inside, lambda listed: two <= listed.keys())
    another = next(one for one in people if one["registration_id"] not in known)
    lines = page.locator("evacuation-list li")
    page.reload()  # with what is new in the copy
    status(page, "^Online$")
    eventually(lambda: opened(page, lines), lambda listed: listed == known.keys())

    cut(page.context)
    told(page, another, "Admitted")
    assert opened(page, lines) == {*known, another["registration_id"]}
    new = lines.and_(page.locator(f"[data-registration='{another['registration_id']}']"))
    expect(new).to_contain_text("Tower, ")
    expect(page.locator("evacuation-list .age")).to_contain_text("this device’s own list, as of")
    assert complaints(page) == []
    keep_picture(page, tmp_path, "evacuation list without a network")

    missing = page.locator("evacuation-list [data-count=missing]")
    expect(missing).to_have_text(str(len(known) + 1))
    new.get_by_role("button", name="Found").click()
    expect(missing).to_have_text(str(len(known)))
    page.reload()
    assert opened(page, lines) == {*known, another["registration_id"]}
    expect(missing).to_have_text(str(len(known)))
    page.get_by_text("Only those not found yet").click()
    expect(lines).to_have_count(len(known))
    page.locator("evacuation-list").get_by_role("searchbox").fill("guest5 asa")
    expect(lines).to_have_count(1)
    page.context.close()


def opened(page: Page, lines: Locator) -> set[str | None]:
    """Who stands on the evacuation list when it is opened anew."""
    if page.locator("bottom-sheet").count():
        page.get_by_role("button", name="Close").click()
    page.get_by_role("button", name="More").click()
    page.get_by_role("button", name="Evacuation list").click()
    expect(page.locator("evacuation-list .counts")).to_be_visible()
    return {line.get_attribute("data-registration") for line in lines.all()}


def test_the_control_room_moves_a_gate_and_then_takes_its_names_away(
    browser: Browser, lead: httpx.Client, people: list[Badge]
) -> None:
    page = paired(browser, lead, "varembe-in")
    device = lead.get("/checkin/api/devices").json()[0]
    assert device["app_version"]
    lead.patch(f"/checkin/api/devices/{device['device_id']}", json={"gate": "varembe-out"})
    expect(page.locator("gate-header h1")).to_have_text("Varembé out", timeout=30_000)
    cut(page.context)
    told(page, people[0], "Left")
    assert kept(page)["blocks"] == 1
    assert kept(page)["outgoing"] == 1

    lead.post(f"/checkin/api/devices/{device['device_id']}/revoke")
    page.context.set_offline(False)
    expect(page.locator("pair-screen")).to_contain_text("unpaired by the control room")
    assert set(kept(page).values()) == {0}
    page.context.close()


def test_unpairing_with_scans_that_wait_asks_twice_and_says_how_many_are_lost(
    browser: Browser, lead: httpx.Client, people: list[Badge], tmp_path: Path
) -> None:
    page = paired(browser, lead, "varembe-in")
    cut(page.context)
    scan_by_hand(page, people[0]["credential"])
    status(page, "1 scan waiting")
    page.get_by_role("button", name="More").click()
    menu = page.locator("more-menu")
    expect(menu).to_contain_text("Not yet sent: 1 scan")
    menu.get_by_role("button", name="Unpair this device").click()
    menu.get_by_role("button", name="Cancel").click()
    menu.get_by_role("button", name="Unpair this device").click()
    assert complaints(page) == []
    keep_picture(page, tmp_path, "unpairing")
    menu.get_by_role("button", name="Unpair and lose 1 scan").click()
    expect(page.locator("pair-screen")).to_be_visible()
    assert set(kept(page).values()) == {0}
    page.context.close()


def kept(page: Page) -> dict[str, int]:
    """How much of what is personal is on the device."""
    counts: dict[str, int] = page.evaluate("""async () => {
        const open = indexedDB.open('forumpass-gate');
        await new Promise((resolve) => { open.onsuccess = resolve; });
        const counts = {};
        for (const store of open.result.objectStoreNames) {
            const all = open.result.transaction(store).objectStore(store).count();
            await new Promise((resolve) => { all.onsuccess = resolve; });
            counts[store] = all.result;
        }
        open.result.close();
        return counts;
    }""")
    return counts


def test_the_camera_reads_badges_after_a_reload_without_a_network(
    chromium: str, system: OneMachine, lead: httpx.Client, people: list[Badge], tmp_path: Path
) -> None:
    with system.visit().as_staff(Role.desk) as http:
        face = http.get(f"/badging/api/badges/{people[5]['id']}.png").content
    camera = film(Image.open(BytesIO(face)), tmp_path / "badge.y4m")
    with start_chromium(chromium, camera=camera) as browser:
        page = paired(browser, lead, "popov-room-in")
        cut(page.context)
        page.reload()
        status(page, "^Offline since")
        answer = page.locator("answer-view")
        expect(answer).to_contain_text(
            re.compile("does not open.*Guest5", re.DOTALL), timeout=HEARS_MS
        )


def test_the_app_can_be_installed(system: OneMachine, browser: Browser) -> None:
    page = browser.new_context(viewport=PHONE).new_page()
    page.goto(f"{system.origin}/checkin/gate/")
    page.evaluate("navigator.serviceWorker.ready.then(() => {})")
    session = page.context.new_cdp_session(page)
    assert session.send("Page.getAppManifest")["errors"] == []
    faults = session.send("Page.getInstallabilityErrors")["installabilityErrors"]
    # A window without a profile, as tests have it, can't install anything.
    assert [fault["errorId"] for fault in faults] in ([], ["in-incognito"])
    page.context.close()
