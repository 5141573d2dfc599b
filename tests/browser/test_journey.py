"""The whole journey as people make it: the form, the mail, the gate's camera, the live page."""

from __future__ import annotations

import re
from io import BytesIO
from pathlib import Path

from PIL import Image
from playwright.sync_api import expect

from tests.browser.chromium import (
    DESK,
    PHONE,
    fill_the_form,
    film,
    open_mail,
    pair_by_link,
    sign_in,
)
from tests.browser.chromium import (
    chromium as start_chromium,
)
from tests.system import OneMachine, attached

GATE_HEARS_SECONDS = 20


def test_from_the_form_by_mail_and_camera_into_the_figures(
    system: OneMachine, chromium: str, tmp_path: Path
) -> None:
    address = "zoe@example.org"
    with start_chromium(chromium) as browser:
        page = browser.new_context(viewport=PHONE, locale="fr").new_page()
        fill_the_form(page, system.origin, address)
        open_mail(page, system.origin, address, re.compile("confirmer votre adresse"))
        page.frame_locator("iframe.mail").get_by_role("link", name="Confirmer").click()
        page.locator("main button[type=submit]").click()
        expect(page.locator("main")).to_contain_text("Confirmée")

        open_mail(page, system.origin, address, re.compile("votre badge"))
        pictures = page.frame_locator("iframe.mail").locator("img")
        expect(pictures).to_have_count(2)
        for picture in pictures.all():
            expect(picture).to_have_js_property("complete", True)
            assert picture.evaluate("image => image.naturalWidth") > 0

    _, mail = system.visit().mail_to(address, count=2)
    badge = Image.open(BytesIO(attached(mail, "image/png")))
    camera = film(badge, tmp_path / "badge.y4m")

    with start_chromium(chromium, camera=camera) as browser:
        organiser = browser.new_context(viewport=DESK, locale="en")
        live = organiser.new_page()
        sign_in(live, system.sign_in_link())
        expect(live.locator("live-page")).to_have_attribute("data-state", "live")
        inside = live.locator("[data-figure=inside]")
        expect(inside).to_have_text("0")
        live.get_by_text("Menu").click()
        expect(live.get_by_role("link", name="Devices")).to_be_visible()

        phone = browser.new_context(viewport=PHONE, locale="en", permissions=["camera"])
        gate = phone.new_page()
        pair_by_link(organiser.new_page(), gate, system.origin, gate="tower-in")
        answer = gate.locator("gate-app answer-view")
        expect(answer).to_contain_text("Admitted", timeout=GATE_HEARS_SECONDS * 1000)
        expect(answer).to_contain_text("Müller-Österreich", ignore_case=True)
        expect(inside).to_have_text("1")

        expect(answer).to_contain_text("Refused", timeout=GATE_HEARS_SECONDS * 1000)
        expect(answer).to_contain_text(re.compile(r"Already inside since \d\d:\d\d, Tower"))
        expect(inside).to_have_text("1")
        expect(live.locator("[data-figure=refused_today]")).to_have_text("1")
