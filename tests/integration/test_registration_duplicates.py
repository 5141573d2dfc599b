"""Possible duplicates: reviewers see them, nobody is refused and nothing is merged."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Final

import pytest
from sqlalchemy import update

from deploy.private_servers import PostgreSQL
from services.registration.duplicates import MOST, name_key
from services.registration.tables import registrations
from shared.access import Role
from tests.registration import API, Page, Registering, running

SECONDS: Final = 10


@pytest.fixture(scope="module")
async def registering(
    postgres: PostgreSQL, tmp_path_factory: pytest.TempPathFactory
) -> AsyncIterator[Registering]:
    postgres.drop_databases()
    async with running(postgres.url, tmp_path_factory.mktemp("home")) as service:
        yield service


async def found(registering: Registering, registration_id: str) -> dict[str, list[str]]:
    shown = await registering.show(registration_id)
    return {one["id"]: one["same"] for one in shown["possible_duplicates"]}


async def test_the_same_name_and_country_is_found_however_it_is_written(
    registering: Registering,
) -> None:
    def written(given: str, family: str, country: str, at: str) -> dict[str, str]:
        address = f"{at}@names.example"
        return {"given_name": given, "family_name": family, "country": country, "email": address}

    first = await registering.confirmed_address(**written("Émilie", "du Châtelet", "FR", "one"))
    folded = await registering.submitted(**written("EMILIE", "DU CHATELET", "FR", "two"))
    turned = await registering.submitted(**written("du Chatelet", "Émilie", "FR", "three"))
    await registering.submitted(**written("Émilie", "du Châtelet", "CH", "four"))
    await registering.submitted(**written("Émile", "du Châtelet", "FR", "five"))
    assert await found(registering, first) == {
        folded: ["name_and_country"],
        turned: ["name_and_country"],
    }
    # Nobody was refused or changed for it.
    assert [await registering.status(one) for one in (first, folded, turned)] == [
        "confirmed",
        "submitted",
        "submitted",
    ]


async def test_the_same_address_is_found_and_so_is_who_was_cancelled(
    registering: Registering,
) -> None:
    first = await registering.confirmed_address(email="Desk@Mouseion.example", given_name="Theon")
    await registering.act(first, "cancel")
    second = await registering.submitted(email="desk@mouseion.example", given_name="Hypatia")
    third = await registering.submitted(email="desk@mouseion.example", given_name="Hypatia")
    assert await found(registering, second) == {
        first: ["address"],
        third: ["address", "name_and_country"],
    }


async def test_the_many_of_an_assistant_leave_the_others_of_a_page_theirs(
    registering: Registering,
) -> None:
    def named(family: str, at: str) -> dict[str, str]:
        return {"given_name": "Ada", "family_name": family, "country": "FJ", "email": at}

    pair = [await registering.submitted(**named("Twin", f"{at}@twins.example")) for at in "ab"]
    for number in range(MOST + 5):
        # No two have one name; all have one address.
        await registering.submitted(**named("B" * (number + 1), "assistant@many.example"))
    page = {row["id"]: row["possible_duplicates"] for row in await registering.find(country="FJ")}
    assert [[other["id"] for other in page[one]] for one in pair] == [pair[1:], pair[:1]]
    assert [len(page[one]) for one in page if one not in pair] == [MOST] * (MOST + 5)


async def test_who_is_erased_is_like_nobody(registering: Registering) -> None:
    first, second = [
        await registering.submitted(given_name="Sofia", email=f"s{n}@gone.example") for n in (1, 2)
    ]
    other = await registering.submitted(given_name="Ada", email="s3@gone.example")
    for one in (first, other):
        await registering.act(one, "erase")
    assert await found(registering, second) == {}
    assert await found(registering, first) == {}


async def test_a_corrected_name_is_compared_as_it_is_now(registering: Registering) -> None:
    first = await registering.submitted(given_name="Mary", email="m1@corrected.example")
    second = await registering.submitted(given_name="Marie", email="m2@corrected.example")
    assert await found(registering, first) == {}
    await registering.amend(second, given_name="Mary")
    assert await found(registering, first) == {second: ["name_and_country"]}


async def test_only_staff_see_them(registering: Registering) -> None:
    first, second = [await registering.submitted(email="one@shared.example") for _ in range(2)]
    own = await registering.http.get(f"{API}/{first}", headers=registering.registrant(first))
    assert own.json()["possible_duplicates"] is None
    assert second not in own.text
    listed = {item["id"]: item for item in await registering.find(q="one@shared.example")}
    assert listed[first]["possible_duplicates"][0]["id"] == second


async def test_a_reviewer_sees_them_in_the_queue_and_beside_the_registration(
    registering: Registering,
) -> None:
    first, second = [
        await registering.confirmed_address(
            category="media", family_name="Wu", email=f"wu{n}@queue.example"
        )
        for n in (1, 2)
    ]
    alone = await registering.confirmed_address(
        category="media", family_name="Meitner", email="lise@queue.example"
    )
    async with registering.browser() as browser:
        browser.headers.update(registering.staff(Role.reviewer))
        queue = await browser.get("/registration/review?q=queue.example")
        assert queue.text.count("possible duplicate") == 2
        page = Page(await browser.get(f"/registration/review/{first}"))
        assert f"/registration/review/{second}" in page.links
        assert page.says("May be the same person", "same name and country")
        other = Page(await browser.get(f"/registration/review/{alone}"))
        assert not other.says("May be the same person")


async def test_who_was_registered_before_there_were_keys_is_found_too(
    registering: Registering, tmp_path: Path
) -> None:
    first, second = [
        await registering.submitted(given_name="Lise", email=f"l{n}@before.example") for n in (1, 2)
    ]
    async with registering.service.database.begin() as tx:
        await tx.execute(update(registrations).values(name_key=""))
    assert await found(registering, first) == {}
    given = registering.service.platform
    # In the background, a few at a time.
    async with running(given.database_url, tmp_path), asyncio.timeout(SECONDS):
        while await found(registering, first) != {second: ["name_and_country"]}:
            await asyncio.sleep(0.02)


@pytest.mark.parametrize(
    ("given", "family", "key"),
    [
        ("Émilie", "du Châtelet", "chatelet du emilie"),
        ("冲之", "祖", "冲之 祖"),
        ("Jean-Luc", "O’Neill", "jean luc oneill"),
        ("İbrahim", "ŞAHİN", "ibrahim sahin"),
    ],
)
def test_a_key_is_the_names_words_in_order(given: str, family: str, key: str) -> None:
    assert name_key(given, family) == key == name_key(family, given)
