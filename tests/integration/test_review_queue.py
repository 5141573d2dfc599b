"""The review desk for programs: order, decisions about many, notes, assignment, saved filters."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from datetime import datetime
from typing import Any
from uuid import UUID, uuid4

import pytest

from deploy.private_servers import PostgreSQL
from services.registration.review import be_known
from services.registration.search_text import fold_some
from shared.access import Role, Staff
from tests.files import cells_of, rows_of
from tests.queue import NOW, fill
from tests.registration import API, NOBODY, Registering, forum_with, running

REVIEWERS = (Role.organiser, Role.reviewer)
SORTS = ("newest", "waiting", "name", "organization", "country")


@pytest.fixture(scope="module")
async def registering(
    postgres: PostgreSQL, tmp_path_factory: pytest.TempPathFactory
) -> AsyncIterator[Registering]:
    postgres.drop_databases()
    home = tmp_path_factory.mktemp("home")
    forum = forum_with(home, security={"capacity": 2, "review": True})
    async with running(postgres.url, home, forum=forum) as service:
        yield service


@pytest.fixture(scope="module")
async def crowd(registering: Registering) -> list[UUID]:
    """People in all states, who came over half a year."""
    url = registering.service.database.url.replace("postgresql+asyncpg", "postgresql")
    return await fill(url, 300)


async def waiting(registering: Registering, count: int, **particulars: Any) -> list[str]:
    """People of a category that is reviewed and has room for everybody."""
    sent = {"category": "exhibitor"} | particulars
    return [await registering.confirmed_address(**sent) for _ in range(count)]


async def decide(registering: Registering, ids: list[str], **decision: Any) -> list[dict[str, Any]]:
    answer = await registering.send(
        "POST", f"{API}/decisions", {"ids": ids, **decision}, registering.staff(Role.reviewer)
    )
    assert answer.status_code == 200, answer.text
    items: list[dict[str, Any]] = answer.json()["items"]
    return items


# --- finding -------------------------------------------------------------------------------------


@pytest.mark.parametrize("sort", SORTS)
async def test_a_list_in_any_order_is_read_to_its_end_and_nobody_twice(
    registering: Registering, crowd: list[UUID], sort: str
) -> None:
    found: list[dict[str, Any]] = []
    cursor: str | None = ""
    while cursor is not None:
        page = await registering.http.get(
            API,
            params={"sort": sort, "q": "person", "limit": 70, "cursor": cursor},
            headers=registering.organiser,
        )
        found += page.json()["items"]
        cursor = page.json()["next_cursor"]
    assert sorted(one["id"] for one in found) == sorted(map(str, crowd))
    keys = {
        "newest": [one["id"] for one in reversed(found)],
        "waiting": [one["state_since"] for one in found],
        "organization": [one["organization"].lower() for one in found],
        "country": [one["country"] for one in found],
    }
    if sort in keys:
        assert keys[sort] == sorted(keys[sort])
    else:
        # Whatever the accents: Ødegård stands before Okonkwo, and Świątek after Smith.
        names = [one["family_name"] for one in found]
        assert names.index("Ødegård") < names.index("Okonkwo") < names.index("Patel")
        assert names.index("Smith") < names.index("Świątek") < names.index("Tanaka")


async def test_a_cursor_belongs_to_its_order(registering: Registering, crowd: list[UUID]) -> None:
    for sort in SORTS:
        page = await registering.http.get(
            API, params={"sort": sort, "limit": 1}, headers=registering.organiser
        )
        for other in SORTS:
            answer = await registering.http.get(
                API,
                params={"sort": other, "cursor": page.json()["next_cursor"]},
                headers=registering.organiser,
            )
            assert answer.status_code == (200 if other == sort else 422)


async def test_who_waits_for_days_is_found(registering: Registering, crowd: list[UUID]) -> None:
    everybody = await registering.find(q="person", limit=200, status="in_review")
    long = await registering.find(q="person", limit=200, status="in_review", waiting=40)
    assert 0 < len(long) < len(everybody)
    for one in everybody:
        days = (NOW - _moment(one["state_since"])).days
        assert (one in long) == (days >= 40)


async def test_an_unknown_filter_is_named(registering: Registering) -> None:
    for field, value in (("categry", "media"), ("sort", "height"), ("waiting", "-1")):
        answer = await registering.http.get(
            API, params={field: value}, headers=registering.organiser
        )
        assert answer.status_code == 422
        assert [error["field"] for error in answer.json()["errors"]] == [field]


async def test_a_changed_name_is_found_and_the_old_one_is_not(registering: Registering) -> None:
    [one] = await waiting(registering, 1, family_name="Noether")
    await registering.amend(one, family_name="Nöther-Łoś")
    assert [found["id"] for found in await registering.find(q="nother los")] == [one]
    assert not await registering.find(q="noether")


async def test_names_that_the_version_before_changed_are_folded_anew(
    registering: Registering, postgres: PostgreSQL
) -> None:
    [one] = await waiting(registering, 1, family_name="Kovalevskaya")
    postgres.execute(
        f"UPDATE registrations SET family_name = 'Ковалевская' WHERE id = '{one}'",
        database="forumpass_registration",
    )
    await fold_some(registering.service.database)
    assert [found["id"] for found in await registering.find(q="КОВАЛЕВСКАЯ")] == [one]


# --- decisions about many ------------------------------------------------------------------------


async def test_many_are_approved_at_once(registering: Registering) -> None:
    ids = await waiting(registering, 3)
    outcomes = await decide(registering, ids, act="approve")
    assert outcomes == [
        {"id": one, "done": True, "status": "confirmed", "problem": None} for one in ids
    ]
    for one in ids:
        *_, fact = await registering.said(UUID(one))
        assert fact.type == "registration.confirmed.v1"


async def test_where_somebody_was_quicker_that_one_says_so_and_the_others_go_through(
    registering: Registering,
) -> None:
    first, second, third = await waiting(registering, 3)
    await registering.act(second, "decline", reason="No stand")
    before = await registering.said(UUID(second))
    outcomes = await decide(registering, [first, second, NOBODY, third, first], act="approve")
    assert [(one["id"], one["done"], one["status"]) for one in outcomes] == [
        (first, True, "confirmed"),
        (second, False, "declined"),
        (NOBODY, False, None),
        (third, True, "confirmed"),
    ]
    assert [one["problem"] and one["problem"]["status"] for one in outcomes] == [
        None,
        409,
        404,
        None,
    ]
    assert await registering.said(UUID(second)) == before


async def test_places_go_round_once_however_many_are_approved(registering: Registering) -> None:
    ids = await waiting(registering, 4, category="security")
    outcomes = await decide(registering, ids, act="approve")
    assert [one["status"] for one in outcomes] == ["confirmed"] * 2 + ["waitlisted"] * 2


async def test_each_registrant_reads_a_prepared_reason_in_their_own_language(
    registering: Registering,
) -> None:
    reason = registering.forum.decline_reasons[0]
    one = ""
    for language in ("ar", "zh", "en", "fr", "ru", "es"):
        [one] = await waiting(registering, 1, language=language)
        await decide(registering, [one], act="decline", reason_id=reason.id, reason="Stand 4")
        *_, fact = await registering.said(UUID(one))
        between = "" if language == "zh" else " "
        assert fact.reason == f"{reason.text.in_language(language)}{between}Stand 4"
    acts = await _acts(registering, one)
    assert (acts[-1]["step"], acts[-1]["reason_id"]) == ("decline", reason.id)
    assert acts[-1]["reason"] == f"{reason.text.es} Stand 4"


async def test_one_is_declined_with_a_prepared_reason_too(registering: Registering) -> None:
    [one] = await waiting(registering, 1, language="ru")
    answer = await registering.act(one, "decline", reason_id="duplicate")
    assert (answer.status_code, answer.json()["status"]) == (200, "declined")
    *_, fact = await registering.said(UUID(one))
    assert fact.reason.startswith("Вы уже зарегистрированы")


@pytest.mark.parametrize(
    ("content", "field"),
    [
        ({"act": "decline"}, "reason"),
        ({"act": "decline", "reason": " "}, "reason"),
        ({"act": "decline", "reason": "x" * 201}, "reason"),
        ({"act": "decline", "reason_id": "bad_weather"}, "reason_id"),
        ({"act": "forgive"}, "act"),
        ({"act": "approve", "ids": []}, "ids"),
        ({"act": "approve", "ids": ["7"]}, "ids.0"),
        ({"act": "approve", "ids": [NOBODY] * 201}, "ids"),
    ],
)
async def test_a_wrong_decision_is_named_and_changes_nothing(
    registering: Registering, content: dict[str, Any], field: str
) -> None:
    [one] = await waiting(registering, 1)
    before = await registering.stored()
    answer = await registering.send(
        "POST", f"{API}/decisions", {"ids": [one], **content}, registering.organiser
    )
    assert answer.status_code == 422
    assert [error["field"] for error in answer.json()["errors"]] == [field]
    assert await registering.stored() == before


# --- notes, assignment, history ------------------------------------------------------------------


async def test_what_was_done_is_told_with_who_and_when(registering: Registering) -> None:
    await be_known(registering.service.app.state.registrations, Staff("Mary", Role.reviewer))
    [one] = await waiting(registering, 1)
    await registering.send(
        "POST",
        f"{API}/assignments",
        {"ids": [one], "reviewer": "Mary"},
        registering.organiser,
    )
    await registering.send(
        "POST", f"{API}/{one}/notes", {"text": " Called\nthe ministry "}, registering.organiser
    )
    await registering.amend(one, organization="Ministry of Trade")
    await decide(registering, [one], act="approve")
    await registering.act(one, "cancel")
    acts = await _acts(registering, one)
    assert [(act["step"], act["actor"], act["reason"]) for act in acts] == [
        ("submit", "registrant", None),
        ("confirm_email", "registrant", None),
        ("assign", "Ada", "Mary"),
        ("note", "Ada", None),
        ("amend", "Ada", "organization"),
        ("approve", "Ada", None),
        ("cancel", "Ada", None),
    ]
    assert acts == sorted(acts, key=lambda act: _moment(act["at"]))
    notes = await registering.http.get(f"{API}/{one}/notes", headers=registering.organiser)
    [note] = notes.json()["items"]
    assert (note["author"], note["text"]) == ("Ada", "Called the ministry")


async def test_work_is_given_to_a_reviewer_and_taken_back(registering: Registering) -> None:
    of = registering.service.app.state.registrations
    for name in ("Mary", "Ada"):
        await be_known(of, Staff(name, Role.reviewer))
    known = await registering.http.get("/registration/api/reviewers", headers=registering.organiser)
    assert {"Ada", "Mary"} <= set(known.json()["items"])
    mine, hers = await waiting(registering, 2, country="VU")
    for one, reviewer in ((mine, "Ada"), (hers, "Mary"), (hers, "Mary")):
        answer = await registering.send(
            "POST",
            f"{API}/assignments",
            {"ids": [one], "reviewer": reviewer},
            registering.organiser,
        )
        assert [item["done"] for item in answer.json()["items"]] == [True]
    # Given to the same person again, nothing was done.
    assert [act["step"] for act in await _acts(registering, hers)].count("assign") == 1
    for assigned, expected in (("Mary", [hers]), ("@me", [mine]), ("@nobody", [])):
        found = await registering.find(country="VU", assigned=assigned)
        assert [one["id"] for one in found] == expected
    await registering.send(
        "POST", f"{API}/assignments", {"ids": [hers], "reviewer": None}, registering.organiser
    )
    assert [one["id"] for one in await registering.find(country="VU", assigned="@nobody")] == [hers]


async def test_who_gives_work_away_is_in_nobodys_way_while_waiting(
    registering: Registering,
) -> None:
    of = registering.service.app.state.registrations
    first, second = sorted(await waiting(registering, 2))
    given = {"ids": [first, second], "reviewer": None}
    async with of.database.begin() as tx:
        await of.hold(tx, UUID(second))
        assigned = asyncio.create_task(
            registering.send("POST", f"{API}/assignments", given, registering.organiser)
        )
        await registering.until_somebody_waits()
        # As who moves up when the second gives a place back.
        await of.lock(tx, UUID(first))
    assert [item["done"] for item in (await assigned).json()["items"]] == [True, True]


@pytest.mark.parametrize("reviewer", ["Somebody else", "", "\0", 7])
async def test_nobody_unknown_is_given_work(registering: Registering, reviewer: object) -> None:
    [one] = await waiting(registering, 1)
    answer = await registering.send(
        "POST", f"{API}/assignments", {"ids": [one], "reviewer": reviewer}, registering.organiser
    )
    assert answer.status_code == 422
    assert len(await _acts(registering, one)) == 2


@pytest.mark.parametrize("text", [..., "", " ", None, "x" * 1001, "\0"])
async def test_an_empty_note_is_refused(registering: Registering, text: object) -> None:
    [one] = await waiting(registering, 1)
    content = {} if text is ... else {"text": text}
    answer = await registering.send("POST", f"{API}/{one}/notes", content, registering.organiser)
    assert answer.status_code == 422
    assert [error["field"] for error in answer.json()["errors"]] == ["text"]


async def test_the_registrant_sees_nothing_of_notes_and_assignment(
    registering: Registering,
) -> None:
    [one] = await waiting(registering, 1)
    await registering.send(
        "POST", f"{API}/{one}/notes", {"text": "Persona non grata"}, registering.organiser
    )
    own = registering.registrant(one)
    shown = await registering.http.get(f"{API}/{one}", headers=own)
    page = await registering.http.get(registering.me(one))
    for answer in (shown, page):
        assert answer.status_code == 200
        assert "grata" not in answer.text
        assert "assigned_to" not in answer.text
    for path in ("notes", "history"):
        assert (await registering.http.get(f"{API}/{one}/{path}", headers=own)).status_code == 401


async def test_what_is_erased_has_no_notes_and_gets_none(registering: Registering) -> None:
    [one] = await waiting(registering, 1)
    content = {"text": "Knows the minister"}
    await registering.send("POST", f"{API}/{one}/notes", content, registering.organiser)
    await registering.act(one, "erase")
    notes = await registering.http.get(f"{API}/{one}/notes", headers=registering.organiser)
    assert notes.json() == {"items": []}
    again = await registering.send("POST", f"{API}/{one}/notes", content, registering.organiser)
    assert again.status_code == 409


# --- saved filters -------------------------------------------------------------------------------


async def test_everybody_has_filters_of_their_own(registering: Registering) -> None:
    path = "/registration/api/saved-filters"
    name = "Média / Kenya"
    wanted = {"status": "in_review", "category": "media", "country": "KE", "sort": "waiting"}
    saved = await registering.send("PUT", f"{path}/{name}", wanted, registering.organiser)
    assert saved.status_code == 200, saved.text
    listed = await registering.http.get(path, headers=registering.organiser)
    assert listed.json()["items"] == [saved.json()]
    found = await registering.http.get(
        f"{API}?{saved.json()['query']}", headers=registering.organiser
    )
    assert found.status_code == 200
    other = registering.keyring.staff_token(Role.reviewer, f"Mary {uuid4().hex}")
    hers = await registering.http.get(path, headers={"Authorization": f"Bearer {other}"})
    assert hers.json()["items"] == []
    await registering.send(
        "PUT", f"{path}/{name}", wanted | {"country": None}, registering.organiser
    )
    [only] = (await registering.http.get(path, headers=registering.organiser)).json()["items"]
    assert "KE" not in only["query"]
    for status in (204, 404):
        removed = await registering.http.delete(f"{path}/{name}", headers=registering.organiser)
        assert removed.status_code == status


@pytest.mark.parametrize(
    ("name", "wanted", "field"),
    [
        ("x" * 61, {}, "name"),
        ("Late", {"waiting": -1}, "waiting"),
        ("Late", {"category": "astronaut"}, "category"),
        ("Late", {"colour": "red"}, "colour"),
    ],
)
async def test_a_wrong_filter_is_not_saved(
    registering: Registering, name: str, wanted: dict[str, Any], field: str
) -> None:
    answer = await registering.send(
        "PUT", f"/registration/api/saved-filters/{name}", wanted, registering.organiser
    )
    if field == "name":  # an id that can be none
        assert answer.status_code == 404
    else:
        assert answer.status_code == 422
        assert [error["field"] for error in answer.json()["errors"]] == [field]


# --- files ---------------------------------------------------------------------------------------


async def test_the_filtered_list_is_taken_away_as_a_file(
    registering: Registering, crowd: list[UUID]
) -> None:
    asked: dict[str, Any] = {"q": "person", "status": "in_review", "country": "CH", "sort": "name"}
    listed = await registering.find(**asked, limit=200)
    lines = rows_of(await _file(registering, "csv", **asked))
    cells = cells_of(await _file(registering, "xlsx", **asked))
    assert [line["id"] for line in lines] == [one["id"] for one in listed]
    assert [row["id"].value for row in cells] == [one["id"] for one in listed]
    assert len(lines) > 3
    assert lines[0]["family_name"] == listed[0]["family_name"]
    assert lines[0]["days"] == "2017-06-12 2017-06-13 2017-06-14 2017-06-15 2017-06-16"
    assert _moment(lines[0]["submitted_at"]) == _moment(listed[0]["submitted_at"])


async def test_a_file_says_what_was_decided(registering: Registering) -> None:
    [one] = await waiting(registering, 1, country="PW", days=["2017-06-13"], visa_letter=True)
    await registering.act(one, "decline", reason='=HYPERLINK("http://evil.example")')
    [line] = rows_of(await _file(registering, "csv", country="PW"))
    assert line["decline_reason"] == '\'=HYPERLINK("http://evil.example")'
    assert (line["status"], line["decided_by"]) == ("declined", "Ada")
    assert (line["days"], line["visa_letter"]) == ("2017-06-13", "yes")
    [row] = cells_of(await _file(registering, "xlsx", country="PW"))
    assert row["decline_reason"].value == '=HYPERLINK("http://evil.example")'
    assert row["decline_reason"].data_type == "s"


async def test_what_people_need_is_in_the_organisers_file_only(registering: Registering) -> None:
    await waiting(registering, 1, country="KI", accessibility_needs="Ramp")
    [line] = rows_of(await _file(registering, "csv", country="KI"))
    assert line["accessibility_needs"] == "Ramp"
    answer = await _file(registering, "csv", Role.reviewer, country="KI")
    assert "Ramp" not in answer.text
    assert "accessibility_needs" not in rows_of(answer)[0]


@pytest.mark.parametrize("kind", ["csv", "xlsx"])
async def test_the_contract_names_each_column(registering: Registering, kind: str) -> None:
    document = (await registering.http.get("/registration/api/openapi.json")).json()
    route = document["paths"][f"{API}.{kind}"]["get"]
    answer = await _file(registering, "csv")
    for column in rows_of(answer)[0]:
        assert f"| `{column}` |" in route["description"]
    assert "attachment; filename=" in answer.headers["Content-Disposition"]


# --- who may -------------------------------------------------------------------------------------


@pytest.mark.parametrize("role", Role)
@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("GET", f"{API}/{NOBODY}/notes"),
        ("POST", f"{API}/{NOBODY}/notes"),
        ("GET", f"{API}/{NOBODY}/history"),
        ("POST", f"{API}/decisions"),
        ("POST", f"{API}/assignments"),
        ("GET", f"{API}.csv"),
        ("GET", f"{API}.xlsx"),
        ("GET", "/registration/api/reviewers"),
        ("GET", "/registration/api/decline-reasons"),
        ("GET", "/registration/api/saved-filters"),
        ("PUT", "/registration/api/saved-filters/mine"),
        ("DELETE", "/registration/api/saved-filters/mine"),
    ],
)
async def test_the_desk_is_for_reviewers(
    registering: Registering, method: str, path: str, role: Role
) -> None:
    answer = await registering.send(method, path, {}, registering.staff(role))
    assert (answer.status_code != 403) == (role in REVIEWERS)
    assert (await registering.send(method, path, {}, {})).status_code == 401


async def _acts(registering: Registering, registration_id: str) -> list[dict[str, Any]]:
    answer = await registering.http.get(
        f"{API}/{registration_id}/history", headers=registering.organiser
    )
    assert answer.status_code == 200, answer.text
    items: list[dict[str, Any]] = answer.json()["items"]
    return items


async def _file(
    registering: Registering, kind: str, role: Role = Role.organiser, /, **asked: Any
) -> Any:
    answer = await registering.http.get(
        f"{API}.{kind}", params=asked, headers=registering.staff(role)
    )
    assert answer.status_code == 200, answer.text
    return answer


def _moment(text: str) -> datetime:
    return datetime.fromisoformat(text)
