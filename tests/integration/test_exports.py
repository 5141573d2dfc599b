"""Files that organisers take away: who came on which day, and the log."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Mapping
from datetime import datetime
from typing import Final

import pytest
from sqlalchemy import text
from structlog.testing import capture_logs

from deploy.private_servers import PostgreSQL
from services.checkin.exports import attendance_export
from shared.access import SESSION_COOKIE, Role, Staff
from tests.checkin import IN, OTHER_IN, OUT, ROOM, Badge, Body, Checkin, running
from tests.files import cells_of, fetch, rows_of

FILES: Final = ("attendance.csv", "attendance.xlsx", "scans.csv", "scans.xlsx")
WATCHERS: Final = (Role.organiser, Role.security_lead, Role.viewer)
LEADS: Final = (Role.organiser, Role.security_lead)
FORMULAS: Final = ("=1+1", "+1", "-1", "@SUM(A1)", "＝1+1")


@pytest.fixture(scope="module")
async def checkin(
    postgres: PostgreSQL, tmp_path_factory: pytest.TempPathFactory
) -> AsyncIterator[Checkin]:
    """A service that has seen two days."""
    postgres.drop_databases()
    async with running(
        postgres.url, tmp_path_factory.mktemp("home"), clock="2017-06-13T09:00:00+02:00"
    ) as service:
        yield service


@pytest.fixture(scope="module")
async def grace(checkin: Checkin) -> Badge:
    grace = await checkin.badge(country="US", category="government")
    await checkin.scan(grace, IN, scanned_at="2017-06-12T07:59:30.250+02:00")
    await checkin.scan(grace, OUT, scanned_at="2017-06-12T12:00:00+02:00")
    await checkin.scan(grace, OTHER_IN, scanned_at="2017-06-13T08:10:00+02:00")
    await checkin.scan(grace, OTHER_IN, scanned_at="2017-06-13T08:10:10+02:00")
    refused = await checkin.scan(grace, ROOM)
    assert refused["reason"] == "zone_not_allowed"
    wrong = await checkin.scan(grace, OUT)
    await checkin.undo(wrong, reason="=cmd|' /C calc'!A0")
    return grace


@pytest.fixture(scope="module")
async def spiteful(checkin: Checkin) -> list[Badge]:
    """People whose names are formulas."""
    people = [
        await checkin.badge(family_name=name, given_name='Ana, "Nita"', organization="ＡＢＣ")
        for name in FORMULAS
    ]
    for person in people:
        await checkin.scan(person, IN)
    return people


def of(rows: list[dict[str, str]], badge: Badge) -> list[dict[str, str]]:
    return [row for row in rows if row["registration_id"] == str(badge.registration_id)]


# --- who came on which day -----------------------------------------------------------------------


async def test_attendance_has_a_row_for_each_person_and_day(checkin: Checkin, grace: Badge) -> None:
    rows = of(rows_of(await fetch(checkin, "attendance.csv")), grace)
    for row in rows:
        assert row.pop("scan_id")
    who = {
        "registration_id": str(grace.registration_id),
        "family_name": "Hopper",
        "given_name": "Grace",
        "organization": "Eckert–Mauchly Computer Corporation",
        "category": "government",
        "country": "US",
        "region": "americas",
    }
    assert rows == [
        {"day": "2017-06-12", **who}
        | {"entrance": "tower", "first_entry_at": "2017-06-12T07:59:30.250+02:00"},
        {"day": "2017-06-13", **who}
        | {"entrance": "montbrillant", "first_entry_at": "2017-06-13T08:10:00.000+02:00"},
    ]


async def test_attendance_of_one_day(checkin: Checkin, grace: Badge) -> None:
    rows = rows_of(await fetch(checkin, "attendance.csv", day="2017-06-12"))
    assert [row["registration_id"] for row in rows] == [str(grace.registration_id)]
    assert rows_of(await fetch(checkin, "attendance.csv", day="2017-06-14")) == []


async def test_a_workbook_says_what_the_csv_says(checkin: Checkin, spiteful: list[Badge]) -> None:
    lines = rows_of(await fetch(checkin, "attendance.csv"))
    cells = cells_of(await fetch(checkin, "attendance.xlsx"))
    assert len(cells) == len(lines) >= len(spiteful)
    for line, row in zip(lines, cells, strict=True):
        day, entered = row["day"].value, row["first_entry_at"].value
        assert isinstance(day, datetime)
        assert day.date().isoformat() == line["day"]
        assert isinstance(entered, datetime)
        wall = datetime.fromisoformat(line["first_entry_at"]).replace(tzinfo=None)
        assert abs((entered - wall).total_seconds()) < 0.01
        for name in ("registration_id", "given_name", "organization", "category", "entrance"):
            assert row[name].value == line[name]


# --- the log -------------------------------------------------------------------------------------


async def test_the_log_as_a_file_has_each_entry_oldest_first(
    checkin: Checkin, grace: Badge
) -> None:
    rows = rows_of(await fetch(checkin, "scans.csv"))
    listed = await checkin.log()
    assert [row["scan_id"] for row in rows] == [entry["scan_id"] for entry in reversed(listed)]
    first, *_, undone = of(rows, grace)
    assert first["badge_number"] == grace.number
    assert first["family_name"] == "Hopper"
    assert first["device"] == "Lane 1"
    assert (undone["decision"], undone["by"], undone["device"]) == ("undone", "Ada", "")


@pytest.mark.parametrize(
    "asked",
    [
        {"gate": IN},
        {"entrance": "tower"},
        {"zone": "high_level"},
        {"decision": "undone"},
        {"reason": "zone_not_allowed"},
        {"day": "2017-06-12"},
        {"day": "2017-06-12", "gate": OUT},
        {"from": "2017-06-12T12:00:00+02:00", "to": "2017-06-13T08:10:00+02:00"},
        {"from": "2017-06-13T06:10:10Z"},
        {"registration_id": "the person's"},
        {"badge": "the badge's number"},
        {"badge": "the badge's id"},
        {"device_id": "the device's"},
    ],
)
async def test_list_and_files_are_filtered_alike(
    checkin: Checkin, grace: Badge, spiteful: list[Badge], asked: Body
) -> None:
    meant = {
        "the person's": str(grace.registration_id),
        "the badge's number": grace.number.replace("-", "").lower(),
        "the badge's id": grace.badge_id,
        "the device's": str((await checkin.at(IN)).id),
    }
    asked = {name: meant.get(value, value) for name, value in asked.items()}
    whole = await checkin.log()
    listed = await checkin.log(**asked)
    assert 0 < len(listed) < len(whole)
    assert listed == [entry for entry in whole if _fits(entry, asked, grace)]
    ids = [entry["scan_id"] for entry in reversed(listed)]
    assert [row["scan_id"] for row in rows_of(await fetch(checkin, "scans.csv", **asked))] == ids
    cells = cells_of(await fetch(checkin, "scans.xlsx", **asked))
    assert [row["scan_id"].value for row in cells] == ids


def _fits(entry: Body, asked: Mapping[str, str], grace: Badge) -> bool:
    at = datetime.fromisoformat(entry["at"])
    tests: dict[str, Callable[[str], bool]] = {
        "day": lambda day: f"{at.astimezone(datetime.fromisoformat(NOON).tzinfo):%Y-%m-%d}" == day,
        "from": lambda begins: at >= datetime.fromisoformat(begins),
        "to": lambda ends: at < datetime.fromisoformat(ends),
        "badge": lambda _: entry["badge_id"] == grace.badge_id,
    }
    return all(
        tests[name](value) if name in tests else entry[name] == value
        for name, value in asked.items()
    )


NOON: Final = "2017-06-12T12:00:00+02:00"


@pytest.mark.parametrize("file", ["scans", "scans.csv", "scans.xlsx"])
@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("gate", "\0"),
        ("day", "yesterday"),
        ("day", "9999-12-31"),
        ("from", "2017-06-12T08:00:00"),
        ("to", "soon"),
        ("badge", "7KQ2"),
        ("device_id", "7"),
        ("direction", "in"),
    ],
)
async def test_a_wrong_filter_is_named(checkin: Checkin, file: str, field: str, value: str) -> None:
    answer = await checkin.http.get(
        f"/checkin/api/{file}", params={field: value}, headers=checkin.lead
    )
    assert answer.status_code == 422, answer.text
    assert answer.headers["Content-Type"] == "application/problem+json"
    assert [error["field"] for error in answer.json()["errors"]] == [field]


# --- what a spreadsheet makes of it --------------------------------------------------------------


async def test_a_name_that_is_a_formula_is_text_in_every_file(
    checkin: Checkin, grace: Badge, spiteful: list[Badge]
) -> None:
    for file in ("attendance.csv", "scans.csv"):
        rows = rows_of(await fetch(checkin, file))
        names = [of(rows, person)[0]["family_name"] for person in spiteful]
        assert names == [f"'{name}" for name in FORMULAS]
        for row in rows:
            assert not any(value.startswith(tuple("=+-@\t\r")) for value in row.values())
    rows = rows_of(await fetch(checkin, "scans.csv"))
    [undone] = [row for row in rows if row["decision"] == "undone"]
    assert undone["said"] == "'=cmd|' /C calc'!A0"
    for file in ("attendance.xlsx", "scans.xlsx"):
        cells = cells_of(await fetch(checkin, file))
        found = [row["family_name"] for row in cells if row["given_name"].value == 'Ana, "Nita"']
        assert [cell.value for cell in found] == list(FORMULAS)
        assert {cell.data_type for cell in found} == {"s"}


async def test_a_csv_is_as_rfc_4180_has_it(checkin: Checkin, spiteful: list[Badge]) -> None:
    content = (await fetch(checkin, "attendance.csv")).content
    assert content.count(b"\r\n") == content.count(b"\n") > len(spiteful)
    assert content.endswith(b"\r\n")
    assert b'"Ana, ""Nita"""' in content


@pytest.mark.parametrize("file", ["attendance.csv", "scans.csv"])
async def test_a_csv_begins_with_a_byte_order_mark_if_wanted(
    checkin: Checkin, grace: Badge, file: str
) -> None:
    plain = (await fetch(checkin, file)).content
    marked = (await fetch(checkin, file, bom=True)).content
    assert not plain.startswith(b"\xef\xbb\xbf")
    assert marked == b"\xef\xbb\xbf" + plain


# --- who may -------------------------------------------------------------------------------------


@pytest.mark.parametrize("file", FILES)
@pytest.mark.parametrize("role", Role)
async def test_files_are_for_those_who_watch(checkin: Checkin, file: str, role: Role) -> None:
    answer = await checkin.http.get(f"/checkin/api/{file}", headers=checkin.staff(role))
    assert answer.status_code == (200 if role in WATCHERS else 403)


@pytest.mark.parametrize("file", FILES)
async def test_nobody_else_gets_a_file(checkin: Checkin, file: str) -> None:
    device = await checkin.at(IN)
    for headers in ({}, device.headers):
        answer = await checkin.http.get(f"/checkin/api/{file}", headers=headers)
        assert answer.status_code == 401


@pytest.mark.parametrize("role", WATCHERS)
async def test_names_are_for_those_who_answer_for_the_doors(
    checkin: Checkin, grace: Badge, role: Role
) -> None:
    for file in ("attendance.csv", "scans.csv"):
        answer = await fetch(checkin, file, role)
        assert ("Hopper" in answer.text) == (role in LEADS)
        assert (grace.number in answer.text) == (role in LEADS and file == "scans.csv")
        assert ("family_name" in rows_of(answer)[0]) == (role in LEADS)
    for file in ("attendance.xlsx", "scans.xlsx"):
        cells = cells_of(await fetch(checkin, file, role))
        assert ("family_name" in cells[0]) == (role in LEADS)


@pytest.mark.parametrize("role", WATCHERS)
async def test_what_an_officer_said_may_name_somebody(
    checkin: Checkin, grace: Badge, role: Role
) -> None:
    blocked = await checkin.badge()
    await checkin.scan(blocked, IN)
    await checkin.scan(blocked, IN, override={"reason": "Mr Smith knows her"})
    listed = await checkin.http.get("/checkin/api/scans", headers=checkin.staff(role))
    for answer in (listed, await fetch(checkin, "scans.csv", role)):
        assert ("Mr Smith" in answer.text) == (role in LEADS)


async def test_what_an_officer_said_is_for_leads_whatever_else_they_are(
    checkin: Checkin, grace: Badge
) -> None:
    badge = await checkin.badge()
    await checkin.scan(badge, IN)
    await checkin.scan(badge, IN, override={"reason": "Mr Jones knows her"})
    both = checkin.keyring.session(Staff("Ada", Role.viewer, (Role.security_lead,)))
    answer = await checkin.http.get(
        "/checkin/api/scans", headers={"Cookie": f"{SESSION_COOKIE}={both}"}
    )
    assert "Mr Jones" in answer.text


async def test_it_is_recorded_who_took_what(checkin: Checkin, grace: Badge) -> None:
    for file in FILES:
        with capture_logs() as logged:
            await fetch(checkin, file, Role.viewer, day="2017-06-12")
        [record] = [entry for entry in logged if entry["event"] == "export.made"]
        assert record["file"] == file
        assert (record["by"], record["role"]) == ("Ada", "viewer")
        assert record["filters"] == {"day": "2017-06-12"}
        assert record["rows"] == (1 if "attendance" in file else 2)


async def test_the_documentation_names_each_column(checkin: Checkin, grace: Badge) -> None:
    documents = (await checkin.http.get("/checkin/api/openapi.json")).json()
    for file in FILES:
        route = documents["paths"][f"/checkin/api/{file}"]["get"]
        answer = await fetch(checkin, file)
        head = cells_of(answer)[0] if "xlsx" in file else rows_of(answer)[0]
        for column in head:
            assert f"| `{column}` |" in route["description"]
        assert answer.headers["Content-Type"] in route["responses"]["200"]["content"]
        assert answer.headers["Content-Disposition"].startswith("attachment; filename=")
        assert answer.headers["Content-Disposition"].endswith(f'-{file}"')


# --- when something breaks off --------------------------------------------------------------------


async def test_the_last_of_a_file_may_be_taken_slowly(checkin: Checkin, grace: Badge) -> None:
    """The database has said all long before, and would end a transaction that does nothing."""
    export = attendance_export(checkin.forum, None, with_names=True)
    taken = []

    async def slowly(piece: bytes) -> None:
        await asyncio.sleep(1)
        taken.append(piece)

    async with checkin.service.database.begin() as tx:
        await tx.execute(text("SET LOCAL idle_in_transaction_session_timeout = '100ms'"))
        assert await export.copy(tx, checkin.forum, slowly, defused=True) >= 2
    assert b"Hopper" in b"".join(taken)


async def test_who_stops_taking_a_file_holds_no_connection(checkin: Checkin, grace: Badge) -> None:
    export = attendance_export(checkin.forum, None, with_names=True)

    async def away(_: bytes) -> None:
        await asyncio.sleep(0.2)  # until PostgreSQL has said all
        raise ConnectionResetError

    async with asyncio.timeout(10):
        with pytest.raises(ConnectionResetError):
            async with checkin.service.database.begin(within=None) as tx:
                await export.copy(tx, checkin.forum, away, defused=True)
        assert rows_of(await fetch(checkin, "attendance.csv"))


async def test_a_workbook_that_cannot_be_made_is_no_file(
    checkin: Checkin, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("sys.executable", "/bin/false")
    answer = await checkin.http.get("/checkin/api/scans.xlsx", headers=checkin.lead)
    assert answer.status_code == 503
    assert answer.headers["Content-Type"] == "application/problem+json"
