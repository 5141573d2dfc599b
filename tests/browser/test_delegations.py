"""A focal point at work: invited by mail, a spoiled file of Excel's mended and imported, a member
replaced. With a script and without one, in French, on a desktop; every page for everybody."""

from __future__ import annotations

import csv
import re
from io import StringIO
from pathlib import Path
from typing import Any, Final
from uuid import uuid4

import pytest
from playwright.sync_api import Browser, ViewportSize, expect

from shared import forum
from shared.access import Role
from tests.browser.chromium import DESK, PHONE, open_mail
from tests.browser.test_accessibility import complaints
from tests.system import (
    OneMachine,
    Visitor,
    badge_of,
    device_at,
    eventually,
    scan,
    scan_until_known,
)

HEADER: Final = ("Nom de famille", "Prénom", "Adresse électronique", "Organisation", "Langue")
NARROW: Final[ViewportSize] = {"width": 320, "height": 640}
MINISTRY: Final = "Office fédéral de la communication"


@pytest.fixture(params=[True, False], ids=["with a script", "without a script"])
def has_script(request: pytest.FixtureRequest) -> bool:
    return bool(request.param)


def excels(folder: Path, rows: list[list[str]]) -> Path:
    """A file as a French Excel saves it: semicolons, Windows-1252, line breaks inside a cell."""
    out = StringIO()
    csv.writer(out, delimiter=";").writerows([HEADER, *rows])
    path = folder / "délégation.csv"
    path.write_bytes(out.getvalue().encode("cp1252"))
    return path


def delegation(visitor: Visitor, **particulars: Any) -> str:
    """The id of a new delegation."""
    sent = {"name": "Suisse", "country": "CH", "category": "government", "quota": 3}
    with visitor.as_staff(Role.organiser) as http:
        answer = http.post("/registration/api/delegations", json=sent | particulars)
        assert answer.status_code == 201, answer.text
        return str(answer.json()["id"])


def test_a_focal_point_mends_a_spoiled_file_and_replaces_a_member(
    system: OneMachine, browser: Browser, tmp_path: Path, has_script: bool
) -> None:
    visitor, some = system.visit(), uuid4().hex[:8]
    address = f"emilie.{some}@example.org"

    # An organiser makes the delegation and invites its focal point.
    signed_in = {"Authorization": f"Bearer {visitor.token(Role.organiser)}"}
    organiser = browser.new_context(
        viewport=DESK, locale="en", java_script_enabled=has_script, extra_http_headers=signed_in
    ).new_page()
    organiser.goto(f"{system.origin}/registration/delegations")
    organiser.locator("#name").fill(f"Suisse {some}")
    organiser.locator("#country").select_option("CH")
    organiser.locator("#category").select_option("government")
    organiser.locator("#quota").fill("3")
    organiser.get_by_role("button", name="Make the delegation").click()
    expect(organiser.locator("h1")).to_have_text(f"Suisse {some}")
    organiser.locator("#name").fill("Émilie du Châtelet")
    organiser.locator("#email").fill(address)
    organiser.locator("#language").select_option("fr")
    organiser.get_by_role("button", name="Send the invitation").click()
    expect(organiser.locator(".notice")).to_contain_text("on its way")

    # The mail's link leads to the delegation, in the language of the mail.
    page = browser.new_context(
        viewport=DESK, locale="en", java_script_enabled=has_script
    ).new_page()
    open_mail(page, system.origin, address, re.compile("votre délégation"))
    link = page.frame_locator("iframe.mail").get_by_role("link", name="Ouvrir ma délégation")
    page.goto(str(link.get_attribute("href")))
    # A button signs in: what looks at the mail before its reader must not.
    page.locator("main form").get_by_role("button").click()
    expect(page.locator("html")).to_have_attribute("lang", "fr")
    expect(page.locator("h1")).to_have_text(f"Suisse {some}")

    # A file that Excel has saved, with two rows that are wrong: nothing is registered yet.
    marie = ["Curie", "Marie", f"marie.{some}@example.org", MINISTRY, "Français"]
    blaise = ["Pascal", "Blaise", f"blaise.{some}", f"{MINISTRY}\r\nBienne", "fr"]
    sophie = ["", "Sophie", f"sophie.{some}@example.org", MINISTRY, "français"]
    page.get_by_role("link", name="Importer un fichier").click()
    page.locator("#file").set_input_files(excels(tmp_path, [marie, blaise, sophie]))
    page.get_by_role("button", name="Examiner le fichier").click()
    errors = page.get_by_role("region", name="À corriger")
    expect(errors.locator("tbody tr")).to_have_count(2)
    expect(errors.locator("tbody tr").first).to_contain_text(f"blaise.{some}")
    expect(errors.locator("tbody tr").first).to_contain_text("de la forme nom@example.org")
    expect(errors.locator("tbody tr").last).to_contain_text("Nom de famille")
    expect(page.locator("main")).to_contain_text("Marie Curie")
    with visitor.as_staff(Role.organiser) as http:
        found = http.get("/registration/api/registrations", params={"q": some}).json()
        assert found["items"] == []

    # The good row is registered; the others are given back with what is wrong with them.
    with page.expect_download() as download:
        page.get_by_role("button", name="Télécharger les lignes à corriger").click()
    given_back = download.value.path().read_text(encoding="utf-8-sig")
    to_mend = list(csv.DictReader(StringIO(given_back), delimiter=";"))
    assert [row["Prénom"] for row in to_mend] == ["Blaise", "Sophie"]
    assert "Adresse électronique" in to_mend[0]["Ce qui ne va pas"]
    page.locator("#consent").check()
    page.get_by_role("button", name="Inscrire ces personnes").click()
    expect(page.locator("h1")).to_have_text("Le fichier est importé")

    # Mended, the whole file is imported again: nobody is registered twice.
    blaise[2], sophie[0] = f"blaise.{some}@example.org", "Germain"
    page.get_by_role("link", name="Choisir un autre fichier").click()
    page.locator("#file").set_input_files(excels(tmp_path, [marie, blaise, sophie]))
    page.get_by_role("button", name="Examiner le fichier").click()
    expect(page.get_by_role("region", name="À corriger")).to_have_count(0)
    page.get_by_role("button", name="Inscrire ces personnes").click()
    expect(page.locator("#consent-error")).to_be_visible()
    page.locator("#consent").check()
    page.get_by_role("button", name="Inscrire ces personnes").click()
    page.get_by_role("link", name="Vers la délégation").click()
    expect(page.locator(".roll").first.locator("li")).to_have_count(3)
    expect(page.locator("main")).to_contain_text("3 sur 3")

    # One of them cannot come: somebody else takes the place, and the badge stops at the gate.
    with visitor.as_staff(Role.organiser) as http:
        found = http.get("/registration/api/registrations", params={"q": f"blaise.{some}"}).json()
        [leaving] = found["items"]
    badge = badge_of(visitor, leaving["id"])
    with device_at(visitor, "tower-in") as device:
        assert scan_until_known(device, badge["credential"])["decision"] == "admitted"
    page.get_by_role("link", name="Remplacer Blaise Pascal").click()
    expect(page.locator(".notice")).to_contain_text("Blaise Pascal")
    page.locator("#given_name").fill("Ada")
    page.get_by_role("button", name="Remplacer").click()
    expect(page.locator(".error-summary")).to_be_visible()
    page.locator("#family_name").fill("Lovelace")
    page.locator("#email").fill(f"ada.{some}@example.org")
    page.locator("#organization").fill(MINISTRY)
    page.locator("#consent").check()
    page.get_by_role("button", name="Remplacer").click()
    expect(page.locator(".notice").first).to_contain_text("Le membre est remplacé")
    member = page.locator(".roll").first.locator("li")
    expect(member.filter(has_text="LOVELACE Ada")).to_contain_text("Confirmée")
    expect(member.filter(has_text="PASCAL Blaise")).to_contain_text("Annulée")
    with device_at(visitor, "varembe-in") as device:
        judged = eventually(
            lambda: scan(device, badge["credential"]),
            lambda judged: judged["decision"] == "refused",
        )
        assert judged["reason"] == "cancelled"
    [mail] = visitor.mail_to(f"ada.{some}@example.org")
    assert mail["Content-Language"] == "fr"
    body = mail.get_body(("plain",))
    assert body is not None
    assert f"La délégation Suisse {some} a procédé à votre inscription" in " ".join(
        str(body.get_content()).split()
    )


@pytest.mark.parametrize("language", forum.LANGUAGES)
def test_the_pages_of_a_delegation_can_be_used_by_everybody(
    system: OneMachine, browser: Browser, tmp_path: Path, language: str
) -> None:
    visitor, some = system.visit(), uuid4().hex[:8]
    delegation_id = delegation(visitor, name="Wolfeschlegelsteinhausenbergerdorff")
    signed_in = {"Authorization": f"Bearer {visitor.token(Role.organiser)}"}
    context = browser.new_context(viewport=PHONE, locale=language, extra_http_headers=signed_in)
    page = context.new_page()

    def look(name: str) -> None:
        expect(page.locator("html")).to_have_attribute("lang", language)
        assert complaints(page) == [], name
        for size in (NARROW, PHONE):
            page.set_viewport_size(size)
            page.screenshot(path=tmp_path / f"{name}-{size['width']}.png", full_page=True)
            assert page.evaluate("document.documentElement.scrollWidth") <= size["width"], name

    home = f"{system.origin}/registration/delegations"
    rows = [
        ["Participant", "Wolfeschlegelsteinhausen", f"{some}@example.org", MINISTRY, "fr"],
        ["", "", "x" * 80, "=1+1\r\n", "Volapük"],
    ]
    page.goto(home)
    look("delegations")
    page.goto(f"{home}/{delegation_id}/members/new")
    page.locator("#member .actions button").click()
    expect(page.locator(".error-summary")).to_be_focused()
    look("member")
    page.goto(f"{system.origin}/registration/imports?delegation={delegation_id}")
    look("import")
    page.locator("form.card button").click()
    expect(page.locator(".error-summary")).to_be_focused()
    look("no-file")
    page.locator("#file").set_input_files(excels(tmp_path, rows))
    page.locator("form.card button").click()
    look("preview")
    page.locator("#consent").check()
    page.locator("#import .actions button").first.click()
    expect(page).to_have_url(re.compile("/registration/imports/[0-9a-f-]+$"))
    look("imported")
    page.goto(f"{home}/{delegation_id}")
    page.locator("main details summary").first.click()
    look("delegation")
    context.close()
