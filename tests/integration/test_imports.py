"""Files of people: all good rows in, every bad one reported, nothing half done."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from deploy.private_servers import PostgreSQL
from shared.access import Role
from tests.delegations import (
    ALL_GOOD,
    HEADER,
    IMPORTS,
    focal_point,
    looked_after,
    members,
    people,
    send_file,
    table,
)
from tests.registration import Registering, forum_with, running


@pytest.fixture(scope="module")
async def registering(
    postgres: PostgreSQL, tmp_path_factory: pytest.TempPathFactory
) -> AsyncIterator[Registering]:
    postgres.drop_databases()
    async with running(postgres.url, tmp_path_factory.mktemp("home")) as service:
        yield service


async def report_of(registering: Registering, content: str | bytes, **wanted: Any) -> Any:
    answer = await send_file(registering, content, **wanted)
    assert answer.status_code == (200 if wanted.get("dry_run") else 201), answer.text
    return answer.json()


async def test_all_good_rows_are_in_and_every_bad_one_is_reported(
    registering: Registering,
) -> None:
    rows = [
        ("Byron", "Ada", "ada.in@example.org", "Analytical Society", "GB", "civil_society", "en"),
        ("", "Nobody", "no address", "Org", "Atlantis", "king", "xx"),
        ("Hopper", "Grace", "grace.in@example.org", "Navy", "US", "civil_society", "fr"),
    ]
    report = await report_of(registering, table(*rows))
    assert (report["rows"], report["imported"], report["rejected"]) == (3, 2, 1)
    assert [(e["line"], e["column"], e["kind"]) for e in report["errors"]] == [
        (3, "family_name", "string_too_short"),
        (3, "email", "email"),
        (3, "country", "country"),
        (3, "category", "category"),
        (3, "language", "language"),
    ]
    assert all(error["reason"] for error in report["errors"])
    assert [each["line"] for each in report["registrations"]] == [2, 4]
    for each, row in zip(report["registrations"], (rows[0], rows[2]), strict=True):
        shown = await registering.show(each["id"])
        assert (shown["family_name"], shown["email"], shown["country"]) == (row[0], row[2], row[4])
        assert shown["reference"] == each["reference"]
        # Nobody need confirm an address that somebody vouches for.
        assert shown["status"] == each["status"] == "confirmed"
    answer = await registering.http.get(f"{IMPORTS}/{report['id']}", headers=registering.organiser)
    assert answer.json() == report


async def test_whoever_is_registered_is_told_of_in_the_own_language(
    registering: Registering,
) -> None:
    rows = [
        ("Ковалевская", "Софья", "sofya@example.org", "Академия", "RU", "civil_society", "ru"),
        ("Bly", "Nellie", "nellie@example.org", "World", "US", "media", "en"),
    ]
    report = await report_of(registering, table(*rows))
    [confirmed, reviewed] = [
        [fact.type for fact in await registering.said(each["id"])]
        for each in report["registrations"]
    ]
    assert confirmed == ["registration.enrolled.v1", "registration.confirmed.v1"]
    assert reviewed == ["registration.enrolled.v1", "registration.in_review.v1"]
    [enrolled, fact] = await registering.said(report["registrations"][0]["id"])
    assert (enrolled.email, enrolled.language) == ("sofya@example.org", "ru")
    assert enrolled.delegation == ""
    assert "/registration/me?token=" in enrolled.me_link
    assert fact.person.family_name == "Ковалевская"


async def test_a_dry_run_says_the_same_and_writes_nothing(registering: Registering) -> None:
    content = table(*people(3), ("", *ALL_GOOD[1:]))
    before = await registering.stored()
    tried = await report_of(registering, content, dry_run=True)
    assert await registering.stored() == before
    done = await report_of(registering, content)
    different = {"id", "dry_run", "registrations"}
    assert {k: v for k, v in tried.items() if k not in different} == {
        k: v for k, v in done.items() if k not in different
    }
    assert (tried["id"], tried["registrations"]) == (None, [])


async def test_a_mended_file_is_sent_again_as_a_whole(registering: Registering) -> None:
    good, spoiled = people(2, family_name="Mended")
    spoiled[2] = "not an address"
    first = await report_of(registering, table(good, spoiled))
    assert (first["imported"], first["rejected"]) == (1, 1)
    spoiled[2] = "mended@example.org"
    good[2] = good[2].upper()
    second = await report_of(registering, table(good, spoiled))
    assert (second["imported"], second["rejected"]) == (1, 0)
    [known] = second["already_registered"]
    assert known["line"] == 2
    assert known["id"] == first["registrations"][0]["id"]


async def test_the_same_key_gets_the_same_answer(registering: Registering) -> None:
    content = table(*people(2, family_name="Once"))
    first = await report_of(registering, content, key="one")
    again = await asyncio.gather(*(report_of(registering, content, key="one") for _ in range(3)))
    assert again == [first] * 3
    answer = await send_file(registering, table(*people(2, family_name="Else")), key="one")
    assert answer.status_code == 422
    assert answer.json()["type"].endswith(":idempotency-key-reused")


async def test_a_file_sent_twice_at_once_registers_nobody_twice(registering: Registering) -> None:
    content = table(*people(20, family_name="Twice"))
    reports = await asyncio.gather(*(report_of(registering, content) for _ in range(3)))
    assert sorted(report["imported"] for report in reports) == [0, 0, 20]
    assert len(await registering.find(q="Twice", limit=200)) == 20


async def test_the_same_person_twice_in_a_file_is_reported(registering: Registering) -> None:
    row = people(1, family_name="Double")[0]
    report = await report_of(registering, table(row, [*row[:2], row[2].upper(), *row[3:]]))
    assert report["imported"] == 1
    [error] = report["errors"]
    assert (error["line"], error["column"], error["kind"]) == (3, None, "twice")


async def test_a_row_may_not_have_more_cells_than_columns(registering: Registering) -> None:
    row = people(1, family_name="Wide")[0]
    report = await report_of(registering, table([*row, "", " "], [*row, "more"]))
    assert [(e["line"], e["kind"]) for e in report["errors"]] == [(3, "cells")]


async def test_excels_file_is_read(registering: Registering) -> None:
    header = ("Nom", "Prénom", "Adresse électronique", "Organisation", "Pays", "Catégorie",
              "Langue", "Jours", "Taille")  # fmt: skip
    row = ("Çelik", "José", "jose@example.org", "École\r\nnormale", "Côte d’Ivoire",
           "Société civile", "Français", "12/06/2017", "L")  # fmt: skip
    content = table(row, header=header, delimiter=";").encode("cp1252")
    report = await report_of(registering, content)
    assert report["encoding"] == "windows-1252"
    assert report["delimiter"] == ";"
    assert report["ignored_columns"] == ["Taille"]
    [registered] = report["registrations"]
    shown = await registering.show(registered["id"])
    assert shown["family_name"] == "Çelik"
    assert shown["organization"] == "École normale"
    assert (shown["country"], shown["category"]) == ("CI", "civil_society")
    assert (shown["language"], shown["days"]) == ("fr", ["2017-06-12"])


async def test_a_charset_that_is_named_is_believed(registering: Registering) -> None:
    row = ("Ломоносов", "Михаил", "m.l@example.org", "МГУ", "RU", "civil_society", "ru")
    content = table(row).encode("cp1251")
    report = await report_of(registering, content, media_type="text/csv; charset=windows-1251")
    shown = await registering.show(report["registrations"][0]["id"])
    assert shown["family_name"] == "Ломоносов"


async def test_a_form_may_bring_the_file(registering: Registering) -> None:
    content = table(*people(1, family_name="Form")).encode()
    answer = await registering.http.post(
        IMPORTS, files={"file": ("people.csv", content)}, headers=registering.organiser
    )
    assert (answer.status_code, answer.json()["imported"]) == (201, 1)
    answer = await registering.http.post(
        IMPORTS, files={"other": ("people.csv", content)}, headers=registering.organiser
    )
    assert (answer.status_code, answer.json()["errors"][0]["field"]) == (422, "file")


async def test_a_formula_is_text(registering: Registering) -> None:
    row = people(1, family_name="=HYPERLINK()")[0]
    row[3] = "'@SUM(A1)"
    report = await report_of(registering, table(row))
    shown = await registering.show(report["registrations"][0]["id"])
    assert (shown["family_name"], shown["organization"]) == ("=HYPERLINK()", "@SUM(A1)")


async def test_a_column_of_consent_is_believed(registering: Registering) -> None:
    header = (*HEADER, "consent")
    rows = [
        [*row, said]
        for row, said in zip(people(3, family_name="Said"), ("yes", "no", ""), strict=True)
    ]
    report = await report_of(registering, table(*rows, header=header))
    assert report["imported"] == 1
    assert [(e["line"], e["kind"]) for e in report["errors"]] == [(3, "consent"), (4, "consent")]


@pytest.mark.parametrize(
    ("content", "status", "kind"),
    [
        (b"", 422, "empty"),
        (b"PK\x03\x04", 422, "workbook"),
        (b"email\r\na@example.org\r\n", 422, "columns-missing"),
        (b"\x81\x8d", 422, "encoding"),
        (b'email,"name\r\n', 422, "quotes"),
        (b"a" * (5 * 1024 * 1024 + 1), 413, "too-large"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
async def test_what_is_no_table_is_refused_in_words(
    registering: Registering, content: bytes, status: int, kind: str
) -> None:
    before = await registering.stored()
    answer = await send_file(registering, content)
    assert answer.status_code == status
    assert answer.headers["Content-Type"] == "application/problem+json"
    assert answer.json()["errors"][0]["kind"] == kind
    assert await registering.stored() == before


async def test_only_files_are_taken(registering: Registering) -> None:
    answer = await send_file(registering, "{}", media_type="application/json")
    assert answer.status_code == 415


@given(st.binary(max_size=400), st.booleans(), st.sampled_from(["", "; charset=gb18030"]))
@settings(
    max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
async def test_any_bytes_are_answered(
    registering: Registering, content: bytes, has_header: bool, charset: str
) -> None:
    if has_header:
        content = table().encode() + content
    for dry_run in (True, False):
        answer = await send_file(
            registering, content, media_type=f"text/csv{charset}", dry_run=dry_run
        )
        assert answer.status_code in (200, 201, 422)


# --- who may -------------------------------------------------------------------------------------


MAY = {Role.organiser, Role.reviewer, Role.focal_point}


async def test_only_reviewers_organisers_and_focal_points_import(registering: Registering) -> None:
    before = await registering.stored()
    content = table(*people(1, family_name="May"))
    others = [registering.staff(role) for role in Role if role not in MAY]
    looks_after_nobody = focal_point(registering, "nobody@example.org")
    assert (await send_file(registering, content, {})).status_code == 401
    for by in (*others, looks_after_nobody):
        assert (await send_file(registering, content, by)).status_code == 403
    assert await registering.stored() == before
    for number, role in enumerate((Role.organiser, Role.reviewer)):
        content = table(*people(1, family_name=f"May {number}"))
        answer = await send_file(registering, content, registering.staff(role))
        assert (answer.status_code, answer.json()["imported"]) == (201, 1)


async def test_a_focal_point_imports_into_the_own_delegation_only(
    registering: Registering,
) -> None:
    mine, by = await looked_after(registering, quota=5)
    other, _ = await looked_after(registering, quota=5)
    content = table(*people(2, category="government"))
    assert (await send_file(registering, content, by, delegation=other)).status_code == 404
    report = (await send_file(registering, content, by)).json()
    assert (report["imported"], report["delegation_id"]) == (2, mine)
    assert (len(await members(registering, mine)), await members(registering, other)) == (2, [])
    [enrolled, _] = await registering.said(report["registrations"][0]["id"])
    assert enrolled.delegation == "Switzerland"
    # What somebody else has imported is nobody else's to see.
    answer = await registering.http.get(f"{IMPORTS}/{report['id']}", headers=by)
    assert answer.status_code == 200
    answer = await registering.http.get(f"{IMPORTS}/{report['id']}", headers=registering.organiser)
    assert answer.status_code == 404


async def test_who_looks_after_two_delegations_says_which(registering: Registering) -> None:
    email = "two@example.org"
    first, by = await looked_after(registering, email)
    await looked_after(registering, email)
    content = table(*people(1, category="government"))
    answer = await send_file(registering, content, by)
    assert (answer.status_code, answer.json()["errors"][0]["field"]) == (422, "delegation")
    answer = await send_file(registering, content, by, delegation=first)
    assert (answer.status_code, answer.json()["delegation_id"]) == (201, first)


# --- quotas and places ---------------------------------------------------------------------------


async def test_rows_behind_the_quota_are_reported(registering: Registering) -> None:
    delegation_id, by = await looked_after(registering, quota=2)
    content = table(*people(3, category="government"))
    report = (await send_file(registering, content, by)).json()
    assert report["imported"] == 2
    [error] = report["errors"]
    assert (error["line"], error["kind"]) == (4, "quota")
    assert "quota" in error["reason"]
    assert len(await members(registering, delegation_id)) == 2


async def test_what_a_delegation_has_in_common_may_be_left_out(registering: Registering) -> None:
    _, by = await looked_after(registering, organization="OFCOM")
    header = ("family_name", "given_name", "email", "language")
    content = table(("Tell", "Wilhelm", "w.tell@example.org", "fr"), header=header)
    report = (await send_file(registering, content, by)).json()
    shown = await registering.show(report["registrations"][0]["id"])
    assert (shown["country"], shown["organization"]) == ("CH", "OFCOM")
    assert shown["category"] == "government"


async def test_a_member_comes_in_the_delegations_category(registering: Registering) -> None:
    _, by = await looked_after(registering)
    report = (await send_file(registering, table(*people(1, category="media")), by)).json()
    assert [(e["column"], e["kind"]) for e in report["errors"]] == [("category", "other_category")]


async def test_whoever_finds_no_place_waits_in_the_order_of_the_file(
    postgres: PostgreSQL, tmp_path_factory: pytest.TempPathFactory
) -> None:
    folder = tmp_path_factory.mktemp("full")
    forum = forum_with(folder, places=10_000, civil_society={"capacity": 2})
    async with running(postgres.url, folder, forum=forum) as small:
        places = 2 - len(await small.find(category="civil_society", status="confirmed"))
        rows = people(4, family_name="Crowd")
        report = await report_of(small, table(*rows))
        taken = max(places, 0)
        statuses = [each["status"] for each in report["registrations"]]
        assert statuses == ["confirmed"] * taken + ["waitlisted"] * (4 - taken)
        assert report["statuses"].get("waitlisted", 0) == 4 - taken


async def test_a_closed_registration_takes_no_file(
    postgres: PostgreSQL, tmp_path_factory: pytest.TempPathFactory
) -> None:
    home = tmp_path_factory.mktemp("late")
    async with running(postgres.url, home, clock="2017-07-01T08:00:00+02:00") as late:
        for dry_run in (True, False):
            answer = await send_file(late, table(ALL_GOOD), dry_run=dry_run)
            assert answer.status_code == 403
            assert answer.json()["type"].endswith(":registration-closed")
