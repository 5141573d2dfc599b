"""The badge desk's pages: a clerk with a queue finds a person, prints, reissues and revokes."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator
from html import unescape
from typing import Any

import httpx
import pypdfium2
import pytest

from deploy.private_servers import PostgreSQL
from services.badging import sheets
from shared.access import Role
from tests.badging import Badging, running

DESK = "/badging/desk"


@pytest.fixture(scope="module")
async def badging(
    postgres: PostgreSQL, tmp_path_factory: pytest.TempPathFactory
) -> AsyncIterator[Badging]:
    postgres.drop_databases()
    async with running(postgres.url, tmp_path_factory.mktemp("home")) as service:
        yield service


async def get(badging: Badging, path: str = "", **asked: Any) -> httpx.Response:
    return await badging.http.get(f"{DESK}{path}", params=asked, headers=badging.desk)


async def post(badging: Badging, path: str = "", **fields: str) -> httpx.Response:
    return await badging.http.post(f"{DESK}{path}", data=fields, headers=badging.desk)


async def found(badging: Badging, asked: str) -> list[str]:
    """The ids of the badges that a search leads to or lists."""
    answer = await post(badging, q=asked)
    if answer.status_code == 303 and "?" not in answer.headers["Location"]:
        return [answer.headers["Location"].removeprefix(f"{DESK}/")]
    listed = await get(badging, q=asked)
    assert listed.status_code == 200, listed.text
    return re.findall(rf'href="{DESK}/([0-9a-f]{{16}})"', listed.text)


# --- finding --------------------------------------------------------------------------------------


async def test_a_number_however_it_is_typed_and_a_scanned_code_lead_to_the_badge(
    badging: Badging,
) -> None:
    badge = await badging.issue(family_name="Scanned")
    number, code = badge["number"], badge["credential"]
    for asked in (number, number.lower(), number.replace("-", " "), code, code.swapcase() + "\r\n"):
        assert await found(badging, asked) == [badge["id"]], asked


@pytest.mark.parametrize(
    ("given", "family", "asked"),
    [
        ("Zoë", "Åkerström", "akerstrom"),
        ("Anne", "de la Tour", "TOUR anne"),
        ("伟", "欧阳", "欧阳伟"),
        ("محمد", "الفاسي", "الفاسي"),
    ],
)
async def test_a_name_lists_those_who_have_it(
    badging: Badging, given: str, family: str, asked: str
) -> None:
    badge = await badging.issue(given_name=given, family_name=family)
    assert await found(badging, asked) == [badge["id"]]


async def test_of_somebody_with_several_badges_the_valid_one_is_listed(badging: Badging) -> None:
    old = await badging.issue(family_name="Loser")
    await post(badging, f"/{old['id']}/reissue")
    [shown] = await found(badging, "loser")
    assert shown != old["id"]


@pytest.mark.parametrize("asked", ["Nobody at all", "7KQ2-M9X1", "x", "%", "' OR 1=1"])
async def test_who_is_not_found_is_told_what_to_do(badging: Badging, asked: str) -> None:
    answer = await get(badging, q=asked)
    assert answer.status_code == 200
    assert "Nobody was found." in answer.text


async def test_a_code_of_somebody_elses_opens_no_badge(badging: Badging) -> None:
    badge = await badging.issue(family_name="Forged")
    text = badge["credential"]
    forged = text[:-1] + ("A" if text[-1] != "A" else "B")
    answer = await post(badging, q=forged)
    assert answer.status_code == 404
    assert "This code is on no badge of ours." in answer.text


# --- one person -----------------------------------------------------------------------------------


async def test_a_lost_badge_is_reissued_and_the_old_one_says_by_which(badging: Badging) -> None:
    old = await badging.issue(family_name="O’Lost & Sons")
    shown = await get(badging, f"/{old['id']}")
    assert f"/badging/api/badges/{old['id']}.pdf" in shown.text
    assert "O’LOST & SONS" in unescape(shown.text)
    done = await post(badging, f"/{old['id']}/reissue", reason="Left in the tram")
    assert done.status_code == 303
    new = done.headers["Location"].removeprefix(f"{DESK}/")
    assert old["number"] in (await get(badging, f"/{new}")).text
    before = (await get(badging, f"/{old['id']}")).text
    assert f'href="{DESK}/{new}"' in before
    assert f"/badging/api/badges/{old['id']}.pdf" not in before
    # Whoever comes second is told, and nothing is done.
    again = await post(badging, f"/{old['id']}/reissue")
    assert again.status_code == 409
    assert "somebody else was quicker" in again.text


async def test_to_revoke_takes_a_reason_in_words(badging: Badging) -> None:
    badge = await badging.issue(family_name="Stopped")
    for reason in ("", "  ", badge["credential"]):
        answer = await post(badging, f"/{badge['id']}/revoke", reason=reason)
        assert answer.status_code == 422
        assert "Please give a reason" in answer.text
    assert (await post(badging, f"/{badge['id']}/revoke", reason="Stolen")).status_code == 303
    page = await get(badging, f"/{badge['id']}")
    assert "Stolen" in page.text
    assert "no gate admits it" in page.text


async def test_a_badge_that_was_taken_away_by_mistake_is_reissued(badging: Badging) -> None:
    old = await badging.issue(family_name="Mistaken")
    await post(badging, f"/{old['id']}/revoke", reason="Stolen")
    reissue = f'action="{DESK}/{old["id"]}/reissue"'
    assert reissue in (await get(badging, f"/{old['id']}")).text
    done = await post(badging, f"/{old['id']}/reissue")
    assert done.status_code == 303
    assert done.headers["Location"] != f"{DESK}/{old['id']}"
    assert reissue not in (await get(badging, f"/{old['id']}")).text


async def test_the_photo_is_shown_where_there_is_one(badging: Badging) -> None:
    badge = await badging.issue(family_name="Faceless")
    answer = await get(badging, f"/people/{badge['registration_id']}/photo")
    assert answer.status_code == 404


# --- print runs -----------------------------------------------------------------------------------


async def test_a_run_is_counted_and_each_of_its_parts_can_be_printed(
    badging: Badging, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sheets, "MOST", 2)
    monkeypatch.setattr("services.badging.runs_pages.MOST", 2)
    for name in ("Runner A", "Runner B", "Runner C", "Runner D", "Runner E"):
        await badging.issue(family_name=name, country="IS")
    page = await get(badging, "/runs", country="IS")
    parts = [unescape(one) for one in re.findall(r'href="(/badging/api/sheets[^"]+)"', page.text)]
    assert len(parts) == 3
    pages = []
    for part in parts:
        printed = await badging.http.get(part, headers=badging.desk, timeout=60)
        pages.append(len(pypdfium2.PdfDocument(printed.content)))
    assert pages == [2, 2, 1]
    assert "Print 5 to 5" in page.text
    nobody = await get(badging, "/runs", country="VA")
    assert "there is nothing to print" in nobody.text


async def test_a_run_of_what_is_not_there_is_refused(badging: Badging) -> None:
    for wrong in ({"category": "astronaut"}, {"country": "XX"}, {"since": "yesterday"}):
        assert (await get(badging, "/runs", **wrong)).status_code == 422


# --- who ------------------------------------------------------------------------------------------


@pytest.mark.parametrize("role", Role)
async def test_the_desk_and_organisers_stand_there(badging: Badging, role: Role) -> None:
    answer = await badging.http.get(DESK, headers=badging.staff(role))
    assert answer.status_code == (200 if role in (Role.desk, Role.organiser) else 403)
