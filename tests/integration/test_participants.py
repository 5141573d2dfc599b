"""Looking people up at the gate: by name, however it is written, or by number."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from typing import Any
from uuid import uuid4

import httpx
import pytest
from sqlalchemy import text

from deploy.private_servers import PostgreSQL
from services.checkin.tables import participants
from shared import name_folding
from shared.access import SESSION_COOKIE, Role, Staff
from shared.events import RegistrationAmended, RegistrationErased
from shared.folding import folded
from tests.checkin import ALL_ZONES, IN, NO_SUCH_NUMBER, OUT, ROOM, Badge, Body, Checkin, running
from tests.people import person

FINDERS = (Role.organiser, Role.security_lead, Role.security, Role.desk)


@pytest.fixture(scope="module")
async def checkin(
    postgres: PostgreSQL, tmp_path_factory: pytest.TempPathFactory
) -> AsyncIterator[Checkin]:
    postgres.drop_databases()
    async with running(postgres.url, tmp_path_factory.mktemp("home")) as service:
        yield service


async def ask(checkin: Checkin, q: str, **more: Any) -> httpx.Response:
    device = await checkin.at(IN)
    return await checkin.http.get(
        "/checkin/api/participants", params={"q": q} | more, headers=device.headers
    )


async def find(checkin: Checkin, q: str, **more: Any) -> list[Body]:
    answer = await ask(checkin, q, **more)
    assert answer.status_code == 200, answer.text
    items: list[Body] = answer.json()["items"]
    return items


async def finds(checkin: Checkin, q: str, badge: Badge) -> bool:
    return badge.badge_id in {item["badge_id"] for item in await find(checkin, q)}


# --- finding -------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("given", "family", "asked"),
    [
        ("Zoë", "Åkerström", "zoe akerstrom"),
        ("Zoe", "Akerstrom", "ZOË ÅKERSTRÖM"),
        ("Łukasz", "Wójcik", "wojcik lukasz"),
        ("Søren", "Ødegård", "odegard sor"),
        ("Jürgen", "Weiß", "weiss"),
        ("Þórir", "Æsir", "thorir aesir"),
        ("Đorđe", "Đokić", "dokic dorde"),
        ("İpek", "Yıldız", "ipek yildiz"),
        ("Conor", "O’Brien", "obrien"),
        ("Conor", "O'Brien", "o'brien"),
        ("Jean-Luc", "Picard", "jean luc"),
        ("Jean Luc", "Picard", "JEAN-LUC, Picard"),
        ("Фёдор", "Достоевский", "федор ДОСТОЕВСКИЙ"),
        ("أحمد", "الخوارزمي", "احمد"),
        ("伟", "欧阳", "欧阳 伟"),
        ("伟", "欧阳", "欧阳伟"),
        ("伟", "王", "王"),
        ("지우", "김", "김지우"),
        ("さくら", "山田", "山田さくら"),
        ("Ｆｕｌｌ", "Width", "full"),
    ],
)
async def test_somebody_is_found_however_the_name_is_written(
    checkin: Checkin, given: str, family: str, asked: str
) -> None:
    badge = await checkin.badge(given_name=given, family_name=family)
    assert await finds(checkin, asked, badge)


async def test_all_words_must_be_in_the_name(checkin: Checkin) -> None:
    badge = await checkin.badge(given_name="Rosalind", family_name="Franklin")
    assert await finds(checkin, "frank rosa", badge)
    assert await finds(checkin, "lind", badge)
    assert not await finds(checkin, "rosalind curie", badge)


async def test_names_that_begin_with_what_was_asked_come_first(checkin: Checkin) -> None:
    for given, family in (("Ann", "Xavier"), ("Joan", "Annex"), ("Joanna", "Abel")):
        await checkin.badge(given_name=given, family_name=family)
    found = [item["given_name"] for item in await find(checkin, "ann")]
    assert found == ["Joan", "Ann", "Joanna"]


@pytest.mark.parametrize(
    "asked", ["%%", "__", "%_", "\\\\", "a%", "100%", "' OR 1=1 --", "--", "  "]
)
async def test_signs_find_nobody(checkin: Checkin, asked: str) -> None:
    await checkin.badge(given_name="Plain", family_name="Person")
    answer = await ask(checkin, asked)
    assert answer.status_code == 422 or answer.json()["items"] == []


async def test_of_many_at_most_twenty_are_shown_and_more_on_demand(checkin: Checkin) -> None:
    for number in range(25):
        await checkin.badge(given_name="Multitude", family_name=f"M{number}")
    assert len(await find(checkin, "multitude")) == 20
    assert len(await find(checkin, "multitude", limit=50)) == 25
    assert len(await find(checkin, "multitude", limit=3)) == 3


async def test_a_number_finds_its_badge_however_it_is_typed(checkin: Checkin) -> None:
    badge = await checkin.badge(family_name="Numbered")
    for typed in (badge.number, badge.number.lower(), badge.number.replace("-", " ")):
        [item] = await find(checkin, typed)
        assert (item["badge_id"], item["family_name"]) == (badge.badge_id, "Numbered")
    assert await find(checkin, NO_SUCH_NUMBER) == []


async def test_a_name_that_could_be_a_number_is_found_as_a_name(checkin: Checkin) -> None:
    # With the right check symbol, as one name in thirty-two has.
    badge = await checkin.badge(family_name=NO_SUCH_NUMBER.replace("-", ""))
    assert await finds(checkin, NO_SUCH_NUMBER.replace("-", ""), badge)


# --- what is shown -------------------------------------------------------------------------------


async def test_whoever_is_found_is_shown_with_where_they_are(checkin: Checkin) -> None:
    badge = await checkin.badge(given_name="Katherine", family_name="Johnson", zones=ALL_ZONES)
    [before] = await find(checkin, "katherine johnson")
    assert before == {
        "registration_id": str(badge.registration_id),
        "badge_id": badge.badge_id,
        "number": badge.number,
        "given_name": "Katherine",
        "family_name": "Johnson",
        "organization": "Eckert–Mauchly Computer Corporation",
        "country": "US",
        "category": "private_sector",
        "photo": None,
        "status": "valid",
        "blocked": False,
        "inside": False,
        "inside_since": None,
        "entrance": None,
    }
    await checkin.scan(badge)
    await checkin.scan(badge, ROOM)
    [inside] = await find(checkin, "katherine johnson")
    assert (inside["inside"], inside["entrance"]) == (True, "tower")
    assert inside["inside_since"] is not None
    await checkin.scan(badge, OUT)
    assert await find(checkin, "katherine johnson") == [before]


async def test_inside_is_said_of_the_zone_where_it_is_asked(checkin: Checkin) -> None:
    badge = await checkin.badge(given_name="Dorothy", family_name="Vaughan", zones=ALL_ZONES)
    await checkin.scan(badge)
    asked: dict[str, Any] = {"params": {"q": "dorothy vaughan"}}
    told = {}
    for where in (IN, ROOM):
        headers = (await checkin.at(where)).headers
        answer = await checkin.http.get("/checkin/api/participants", headers=headers, **asked)
        [told[where]] = answer.json()["items"]
    answer = await checkin.http.get("/checkin/api/participants", headers=checkin.lead, **asked)
    [told["staff"]] = answer.json()["items"]
    assert {where: found["inside"] for where, found in told.items()} == {
        IN: True, ROOM: False, "staff": True,
    }  # fmt: skip


async def test_the_badge_that_is_good_now_is_shown(checkin: Checkin) -> None:
    old = await checkin.badge(family_name="Reissued")
    await checkin.stop(old, "superseded")
    new = await checkin.another_badge(old.registration_id, version=3)
    [item] = await find(checkin, "reissued")
    assert (item["badge_id"], item["status"]) == (new.badge_id, "valid")
    [item] = await find(checkin, old.number)
    assert (item["badge_id"], item["status"]) == (old.badge_id, "superseded")


async def test_a_hold_is_shown(checkin: Checkin) -> None:
    badge = await checkin.badge(family_name="Heldback")
    await checkin.block(badge)
    [item] = await find(checkin, "heldback")
    assert item["blocked"] is True


async def test_an_amended_name_is_found_and_the_old_one_is_not(checkin: Checkin) -> None:
    badge = await checkin.badge(family_name="Maiden")
    amended = person(family_name="Wedded")
    await checkin.hear(
        RegistrationAmended(registration_id=badge.registration_id, version=3, person=amended)
    )
    assert await finds(checkin, "wedded", badge)
    assert not await finds(checkin, "maiden", badge)


async def test_an_erased_person_is_not_found_by_name(checkin: Checkin) -> None:
    badge = await checkin.badge(family_name="Forgotten")
    await checkin.hear(RegistrationErased(registration_id=badge.registration_id, version=5))
    assert await find(checkin, "forgotten") == []
    [item] = await find(checkin, badge.number)
    assert (item["status"], item["family_name"]) == ("cancelled", "")


async def test_names_that_the_version_before_writes_are_found_all_the_same(
    checkin: Checkin, monkeypatch: pytest.MonkeyPatch
) -> None:
    kept = await checkin.badge(family_name="Élan")
    changed = await checkin.badge(family_name="Before")
    async with checkin.service.database.begin() as tx:
        await tx.execute(
            text("UPDATE participants SET search_name = NULL WHERE registration_id = :who"),
            {"who": kept.registration_id},
        )
        await tx.execute(
            text("UPDATE participants SET family_name = 'Änder' WHERE registration_id = :who"),
            {"who": changed.registration_id},
        )
    # What it erases is gone at once.
    assert not await finds(checkin, "before", changed)
    monkeypatch.setattr(name_folding, "FOLD_SECONDS", 60)
    folding = asyncio.create_task(name_folding.keep_folding(checkin.service.database, participants))
    async with asyncio.timeout(5):
        while not (await finds(checkin, "elan", kept) and await finds(checkin, "ander", changed)):
            await asyncio.sleep(0.05)
    folding.cancel()
    await asyncio.wait([folding])


def test_folding_twice_changes_nothing() -> None:
    for name in ("İpek Yıldız", "Weiß", "O’Brien-Łoś", "ﬁancé", "ǅ", "ΆΣ"):
        assert folded(folded(name)) == folded(name)


# --- what is refused -----------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("params", "field"),
    [
        ({}, "q"),
        ({"q": ""}, "q"),
        ({"q": "a"}, "q"),
        ({"q": " a "}, "q"),
        ({"q": "%"}, "q"),
        ({"q": "x" * 101}, "q"),
        ({"q": "grace", "limit": 0}, "limit"),
        ({"q": "grace", "limit": 51}, "limit"),
        ({"q": "grace", "limit": "many"}, "limit"),
    ],
)
async def test_a_wrong_question_is_refused_and_the_field_is_named(
    checkin: Checkin, params: dict[str, Any], field: str
) -> None:
    device = await checkin.at(IN)
    answer = await checkin.http.get(
        "/checkin/api/participants", params=params, headers=device.headers
    )
    assert answer.status_code == 422
    assert [error["field"] for error in answer.json()["errors"]] == [field]


@pytest.mark.parametrize("asked", ["a\0b", "\ud800x".encode("utf-8", "replace").decode()])
async def test_what_no_name_can_hold_finds_nobody(checkin: Checkin, asked: str) -> None:
    answer = await ask(checkin, asked)
    assert answer.status_code in (200, 422)


@pytest.mark.parametrize("role", Role)
async def test_of_staff_security_and_desk_look_people_up(checkin: Checkin, role: Role) -> None:
    session = checkin.keyring.session(Staff("Ada", role))
    for headers in (checkin.staff(role), {"Cookie": f"{SESSION_COOKIE}={session}"}):
        answer = await checkin.http.get(
            "/checkin/api/participants", params={"q": "grace"}, headers=headers
        )
        assert answer.status_code == (200 if role in FINDERS else 403)


async def test_nobody_else_looks_people_up(checkin: Checkin) -> None:
    stopped = await checkin.pair(IN)
    await checkin.http.post(f"/checkin/api/devices/{stopped.id}/revoke", headers=checkin.lead)
    registrant = checkin.keyring.registrant_token(uuid4())
    for headers in ({}, stopped.headers, {"Authorization": f"Bearer {registrant}"}):
        answer = await checkin.http.get(
            "/checkin/api/participants", params={"q": "grace"}, headers=headers
        )
        assert answer.status_code == 401
