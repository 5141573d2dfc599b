"""Print runs: which badges, in which order, on which paper."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any
from uuid import UUID

import httpx
import psutil
import pypdfium2
import pytest
import zxingcpp

from deploy.private_servers import PostgreSQL
from services.badging import sheets
from shared.access import Role
from shared.events import RegistrationCancelled, RegistrationErased
from tests.badging import Badging, running
from tests.people import NOBODY

A6 = (298, 420)
A4 = (595, 839)


@pytest.fixture(scope="module")
async def badging(
    postgres: PostgreSQL, tmp_path_factory: pytest.TempPathFactory
) -> AsyncIterator[Badging]:
    postgres.drop_databases()
    async with running(postgres.url, tmp_path_factory.mktemp("home")) as service:
        yield service


@pytest.fixture(scope="module")
async def people(badging: Badging) -> dict[str, dict[str, Any]]:
    """Badges by family name; of some who do not come any more, too."""
    people = {
        "Zuse": {"category": "academia_technical_community", "country": "DE"},
        "de Vries": {"category": "government", "country": "NL"},
        "Hopper": {"category": "government", "country": "US"},
        "Arısoy": {"category": "government", "country": "TR", "language": "ru"},
        "ابن الهيثم": {"category": "civil_society", "country": "IQ", "language": "ar"},
        "Gone": {"category": "government", "country": "US"},
        "Erased": {"category": "government", "country": "US"},
    }
    badges = {
        name: await badging.issue(family_name=name, **particulars)
        for name, particulars in people.items()
    }
    await badging.hear(
        RegistrationCancelled(registration_id=UUID(badges["Gone"]["registration_id"]), version=9),
        RegistrationErased(registration_id=UUID(badges["Erased"]["registration_id"]), version=9),
    )
    return badges


async def printed(badging: Badging, **asked: Any) -> httpx.Response:
    return await badging.http.get(
        "/badging/api/sheets.pdf", params=asked, headers=badging.desk, timeout=60
    )


def credentials_of(answer: httpx.Response) -> list[list[str]]:
    """What a scanner reads on each page, in reading order."""
    assert answer.status_code == 200, answer.text
    assert answer.headers["Content-Type"] == "application/pdf"
    pages = []
    for page in pypdfium2.PdfDocument(answer.content):
        found = zxingcpp.read_barcodes(page.render(scale=3).to_pil().convert("L"))
        found.sort(key=lambda each: (each.position.top_left.y // 200, each.position.top_left.x))
        pages.append([each.text for each in found])
    return pages


async def test_a_badge_a_page_by_family_name(badging: Badging, people: dict[str, Any]) -> None:
    answer = await printed(badging)
    order = ("Arısoy", "de Vries", "Hopper", "Zuse", "ابن الهيثم")
    assert credentials_of(answer) == [[people[name]["credential"]] for name in order]
    sizes = {tuple(map(round, page.get_size())) for page in pypdfium2.PdfDocument(answer.content)}
    assert sizes == {A6}
    assert answer.headers["Cache-Control"] == "no-store"
    assert "Link" not in answer.headers


async def test_four_on_a_sheet(badging: Badging, people: dict[str, Any]) -> None:
    answer = await printed(badging, paper="a4")
    order = ("Arısoy", "de Vries", "Hopper", "Zuse", "ابن الهيثم")
    read = [people[name]["credential"] for name in order]
    assert credentials_of(answer) == [read[:4], read[4:]]
    sizes = {tuple(map(round, page.get_size())) for page in pypdfium2.PdfDocument(answer.content)}
    assert sizes == {A4}


@pytest.mark.parametrize(
    ("asked", "names"),
    [
        ({"category": "government"}, ["Arısoy", "de Vries", "Hopper"]),
        ({"category": ["civil_society", "government"], "country": ["US", "IQ"]},
         ["Hopper", "ابن الهيثم"]),
        ({"country": "NL"}, ["de Vries"]),
    ],
)  # fmt: skip
async def test_only_those_asked_for(
    badging: Badging, people: dict[str, Any], asked: dict[str, Any], names: list[str]
) -> None:
    answer = await printed(badging, **asked)
    assert credentials_of(answer) == [[people[name]["credential"]] for name in names]


async def test_chosen_registrations(badging: Badging, people: dict[str, Any]) -> None:
    chosen = [people[name]["registration_id"] for name in ("Zuse", "Gone", "Hopper")]
    answer = await printed(badging, registration_id=chosen)
    assert credentials_of(answer) == [[people[n]["credential"]] for n in ("Hopper", "Zuse")]


async def test_only_what_has_come_since(badging: Badging, people: dict[str, Any]) -> None:
    last = max(badge["issued_at"] for badge in people.values())
    assert (await printed(badging, issued_after=last)).status_code == 404
    before = people["Hopper"]["issued_at"]
    later = await printed(badging, issued_after=before, category="government")
    assert credentials_of(later) == [[people["Arısoy"]["credential"]]]


async def test_a_long_run_comes_in_parts(
    badging: Badging, people: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sheets, "MOST", 2)
    read, address = [], "/badging/api/sheets.pdf?category=government"
    while address:
        answer = await badging.http.get(address, headers=badging.desk, timeout=60)
        read += credentials_of(answer)
        address = next_part(answer)
    assert read == [[people[name]["credential"]] for name in ("Arısoy", "de Vries", "Hopper")]


@pytest.mark.parametrize(
    ("asked", "field"),
    [
        ({"category": "nobility"}, "category"),
        ({"country": "XX"}, "country"),
        ({"paper": "a3"}, "paper"),
        ({"part": "0"}, "part"),
        ({"part": "2"}, "after"),
        ({"part": "2", "after": "nonsense"}, "after"),
        ({"part": "2", "after": "WyIxIiwyLCIzIl0="}, "after"),
        ({"part": "2", "after": "WyJcdTAwMDAiLCIiLCIiXQ=="}, "after"),
        ({"part": "2", "after": "WyJcdWQ4MDAiLCIiLCIiXQ=="}, "after"),
        ({"issued_after": "yesterday"}, "issued_after"),
        ({"registration_id": "7"}, "registration_id"),
    ],
)
async def test_what_there_is_not_is_named(
    badging: Badging, people: dict[str, Any], asked: dict[str, str], field: str
) -> None:
    answer = await printed(badging, **asked)
    assert answer.status_code == 422
    assert field in answer.json()["errors"][0]["field"]


async def test_nobody_is_skipped_when_somebody_cancels_while_a_part_is_printed(
    badging: Badging, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sheets, "MOST", 2)
    names = ("Aalto", "Bardeen", "Curie", "Dirac", "Euler")
    issued = [await badging.issue(family_name=name, country="FI") for name in names]
    first = await printed(badging, country="FI")
    for gone in (0, 1):
        person = UUID(issued[gone]["registration_id"])
        await badging.hear(RegistrationCancelled(registration_id=person, version=9))
    read, address = [], next_part(first)
    while address:
        answer = await badging.http.get(address, headers=badging.desk, timeout=60)
        read += credentials_of(answer)
        address = next_part(answer)
    assert read == [[badge["credential"]] for badge in issued[2:]]


def next_part(answer: httpx.Response) -> str:
    following: str = answer.headers.get("Link", "")
    return following.partition(">")[0].removeprefix("<")


async def test_nobody_to_print(badging: Badging, people: dict[str, Any]) -> None:
    assert (await printed(badging, registration_id=str(NOBODY))).status_code == 404


async def test_only_the_desk_prints(badging: Badging, people: dict[str, Any]) -> None:
    for headers, status in (
        ({}, 401),
        (badging.staff(Role.viewer), 403),
        (badging.staff(Role.organiser), 200),
    ):
        answer = await badging.http.get(
            "/badging/api/sheets.pdf?country=NL", headers=headers, timeout=60
        )
        assert answer.status_code == status


async def test_a_process_that_was_killed_is_made_again(
    badging: Badging, people: dict[str, Any]
) -> None:
    for _ in range(2):
        assert (await printed(badging, country="NL")).status_code == 200
        for child in psutil.Process().children():
            if "anyio.to_process" in child.cmdline():
                child.kill()
