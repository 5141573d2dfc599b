"""How staff find registrations: filters, words, pages."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest

from deploy.private_servers import PostgreSQL
from tests.registration import API, Registering, running


@pytest.fixture(scope="module")
async def registering(
    postgres: PostgreSQL, tmp_path_factory: pytest.TempPathFactory
) -> AsyncIterator[Registering]:
    postgres.drop_databases()
    async with running(postgres.url, tmp_path_factory.mktemp("home")) as service:
        yield service


async def test_a_list_is_read_page_by_page_newest_first(registering: Registering) -> None:
    made = [await registering.submitted(country="FJ") for _ in range(5)]
    found: list[str] = []
    cursor = ""
    for length in (2, 2, 1):
        page = await registering.http.get(
            API,
            params={"country": "FJ", "limit": "2", "cursor": cursor},
            headers=registering.organiser,
        )
        assert set(page.json()) == {"items", "next_cursor"}
        assert len(page.json()["items"]) == length
        found += [item["id"] for item in page.json()["items"]]
        cursor = page.json()["next_cursor"]
    assert cursor is None
    assert found == made[::-1]


async def test_nobody_new_shifts_the_pages(registering: Registering) -> None:
    older, newer = [await registering.submitted(country="TV") for _ in range(2)]
    first = await registering.http.get(
        API, params={"country": "TV", "limit": 1}, headers=registering.organiser
    )
    await registering.submitted(country="TV")
    cursor = first.json()["next_cursor"]
    assert [one["id"] for one in first.json()["items"]] == [newer]
    assert [one["id"] for one in await registering.find(country="TV", cursor=cursor)] == [older]


async def test_a_list_is_narrowed_by_state_category_and_country(registering: Registering) -> None:
    media = await registering.confirmed_address(category="media", country="NR")
    other = await registering.submitted(category="government", country="NR")
    for wanted, expected in (
        ({}, [other, media]),
        ({"status": "in_review"}, [media]),
        ({"category": "government"}, [other]),
        ({"category": "media", "status": "submitted"}, []),
        # An empty field of a search form is no condition.
        ({"status": "", "category": "", "q": "", "cursor": ""}, [other, media]),
    ):
        found = await registering.find(country="nr", **wanted)
        assert [one["id"] for one in found] == expected, wanted


@pytest.mark.parametrize(
    "words",
    [
        "Émilie",
        "émilie",
        "CHÂTELET",
        "milie du Ch",
        "du Châtelet Émilie",
        "chatelet emilie",
        "EMILIE chat",
        "example du",
        "E\u0301milie",
        " Émilie ",
        "100%_\\sure",
        "emilie@exam",
    ],
)
async def test_people_are_found_by_part_of_a_name_organization_or_address(
    registering: Registering, words: str
) -> None:
    await registering.submitted(given_name="Emil", organization="100 per cent")
    registration_id = await registering.submitted(
        given_name="Émilie",
        family_name="du Châtelet",
        organization="100%_\\sure",
        email="emilie@example.org",
    )
    assert registration_id == (await registering.find(q=words))[0]["id"]
    assert len({one["given_name"] for one in await registering.find(q=words)}) == 1


async def test_people_are_found_by_their_reference(registering: Registering) -> None:
    answer = await registering.submit()
    reference = answer.json()["reference"]
    [found] = await registering.find(q=reference.lower())
    assert found["id"] == answer.json()["id"]


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("status", "lost"),
        ("category", "astronaut"),
        ("category", "\0"),
        ("country", "ZZ"),
        ("country", "\0"),
        ("cursor", "first"),
        ("cursor", "\0"),
        ("limit", "0"),
        ("limit", "201"),
        ("limit", "many"),
        ("q", "x" * 201),
        ("q", "x" * 3000),
        ("q", "nul\0"),
    ],
)
async def test_a_wrong_filter_is_named(registering: Registering, field: str, value: str) -> None:
    answer = await registering.http.get(API, params={field: value}, headers=registering.organiser)
    assert answer.status_code == 422
    assert [error["field"] for error in answer.json()["errors"]] == [field]


async def test_the_contract_documents_every_refusal(registering: Registering) -> None:
    document = (await registering.http.get("/registration/api/openapi.json")).json()
    assert f"{API}/{{registration_id}}/confirm-email" in document["paths"]
    for path, operations in document["paths"].items():
        for operation in operations.values():
            assert operation["summary"], path
            for status, answer in operation["responses"].items():
                if not status.startswith("2"):
                    assert list(answer["content"]) == ["application/problem+json"], path
