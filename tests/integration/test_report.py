"""The report after the forum: its numbers, counted again from the log and who is who alone."""

from __future__ import annotations

import asyncio
import io
from collections import Counter, defaultdict
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from datetime import date, datetime, timedelta
from pathlib import Path
from typing import Any, Final
from uuid import UUID
from zoneinfo import ZoneInfo

import pypdfium2
import pytest
from anyio import BrokenWorkerProcess
from hypothesis import HealthCheck, Phase, given, settings
from openpyxl import load_workbook
from sqlalchemy import Row
from structlog.testing import capture_logs

from deploy.private_servers import PostgreSQL
from services.checkin import reports, tables
from services.checkin.reports import Reports
from shared import countries
from shared.access import Role
from shared.events import RegistrationAmended, RegistrationCancelled, RegistrationErased
from shared.forum import LANGUAGES, Language
from tests.checkin import ALL_ZONES, IN, OUT, Body, Checkin, running
from tests.people import person
from tests.streams import Step, play, streams

NOW: Final = "2017-06-14T10:00:00+02:00"
GENEVA: Final = ZoneInfo("Europe/Zurich")
PEOPLE: Final[list[dict[str, Any]]] = [
    {"category": "government", "country": "CH", "gender": "female"},
    {"category": "media", "country": "KE", "gender": None},
    {"category": "staff", "country": "TN", "gender": "other"},
]
WATCHERS: Final = (Role.organiser, Role.security_lead, Role.viewer)
FILES: Final = ("report", "report.pdf", "report.xlsx")


@pytest.fixture(scope="module")
async def checkin(
    postgres: PostgreSQL, tmp_path_factory: pytest.TempPathFactory
) -> AsyncIterator[Checkin]:
    postgres.drop_databases()
    async with counting_anew(postgres.url, tmp_path_factory.mktemp("home"), clock=NOW) as service:
        yield service


@asynccontextmanager
async def counting_anew(url: str, home: Path, *, clock: str) -> AsyncIterator[Checkin]:
    """Check-in that counts at each question, even where a busy machine takes its time for it."""
    async with running(url, home, clock=clock) as service:
        service.service.app.state.reports.patience = 600.0
        yield service


async def report(checkin: Checkin) -> Body:
    answer = await checkin.http.get("/checkin/api/report", headers=checkin.lead)
    assert answer.status_code == 200, answer.text
    body: Body = answer.json()
    return body


@given(stream=streams)
@settings(
    max_examples=20,
    deadline=None,
    phases=[Phase.explicit, Phase.reuse, Phase.generate],
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
async def test_every_number_follows_from_the_log(checkin: Checkin, stream: Sequence[Step]) -> None:
    people = [await checkin.badge(zones=ALL_ZONES, **person) for person in PEOPLE]
    await play(checkin, people, stream)
    log = sorted(await checkin.rows(tables.scans), key=lambda row: (row.at, row.seq))
    who = {row.registration_id: row for row in await checkin.rows(tables.participants)}
    told = await report(checkin)
    told.pop("at")
    busiest = told.pop("busiest")
    counted = recount(checkin.forum.days, log, who)
    quarters = counted.pop("quarters")
    assert told == counted
    # Of those with as many entries, the earlier ones.
    best = sorted(quarters.items(), key=lambda each: (-each[1], each[0]))[:10]
    assert [(datetime.fromisoformat(one["begins"]), one["entries"]) for one in busiest] == best


def recount(
    days: Sequence[date], log: Sequence[Row[Any]], who: Mapping[UUID, Row[Any]]
) -> dict[str, Any]:
    """The report in plain Python."""
    undone = {row.undoes for row in log}
    passages = [
        row
        for row in log
        if row.decision == "admitted" and row.zone == "venue" and row.scan_id not in undone
    ]
    first: dict[tuple[UUID, date], datetime] = {}
    quarters: Counter[datetime] = Counter()
    inside: defaultdict[date, set[UUID]] = defaultdict(set)
    peaks: dict[str, dict[str, Any]] = {}
    for row in passages:
        wall = row.at.astimezone(GENEVA)
        session = wall.date() + timedelta(days=wall.hour >= 20)
        if row.direction == "in":
            inside[session].add(row.registration_id)
            first.setdefault((row.registration_id, wall.date()), wall)
            quarters[_quarter(wall)] += 1
        else:
            inside[session].discard(row.registration_id)
        level = len(inside[session])
        if level > peaks.get(session.isoformat(), {"inside": 0})["inside"]:
            peaks[session.isoformat()] = {"inside": level, "at": wall.isoformat()}
    groups = _groups(first, who)
    arrivals: defaultdict[str, Counter[str]] = defaultdict(Counter)
    for (_, day), wall in first.items():
        arrivals[day.isoformat()][f"{_quarter(wall):%H:%M}"] += 1
    refusals: defaultdict[str, Counter[str]] = defaultdict(Counter)
    for row in log:
        if row.decision == "refused":
            refusals[row.at.astimezone(GENEVA).date().isoformat()][row.reason] += 1
    all_days = sorted({day.isoformat() for day in days} | {day.isoformat() for _, day in first})
    return {
        "over": False,
        "days": all_days,
        "total": groups["total"].get("", {}),
        **{f"by_{name}": groups[name] for name in ("category", "region", "country")},
        "by_gender": {gender: _in_fives(one) for gender, one in groups["gender"].items()},
        "arrivals": {day: dict(found) for day, found in arrivals.items()},
        "refusals": {day: dict(found) for day, found in refusals.items()},
        "peaks": {day: peak for day, peak in peaks.items() if day in all_days},
        "quarters": quarters,
    }


def _groups(
    first: Mapping[tuple[UUID, date], datetime], who: Mapping[UUID, Row[Any]]
) -> dict[str, dict[str, Any]]:
    groups: dict[str, dict[str, Any]] = {
        name: {} for name in ("total", "category", "region", "country", "gender")
    }

    def of(whom: UUID) -> list[dict[str, Any]]:
        row = who[whom]
        keys = ("", row.category, str(countries.region(row.country)), row.country, row.gender or "")
        return [
            found.setdefault(key, {"registered": 0, "attended": 0, "by_day": {}})
            for found, key in zip(groups.values(), keys, strict=True)
        ]

    came = {whom for whom, _ in first}
    for whom, row in who.items():
        for figures in of(whom):
            figures["registered"] += row.status == "confirmed" or whom in came
    for whom in came:
        for figures in of(whom):
            figures["attended"] += 1
    for whom, day in first:
        for figures in of(whom):
            by_day = figures["by_day"]
            by_day[day.isoformat()] = by_day.get(day.isoformat(), 0) + 1
    return groups


def _in_fives(group: Body) -> Body:
    """As long as the forum is not over."""
    return {
        "registered": group["registered"] // 5 * 5,
        "attended": group["attended"] // 5 * 5,
        "by_day": {day: count // 5 * 5 for day, count in group["by_day"].items()},
    }


def _quarter(wall: datetime) -> datetime:
    return wall.replace(minute=wall.minute // 15 * 15, second=0, microsecond=0)


# --- page and files ------------------------------------------------------------------------------


@pytest.fixture(scope="module")
async def visited(checkin: Checkin) -> Checkin:
    """Somebody came, so that no table is empty."""
    badge = await checkin.badge(country="CI", category="media", gender="female")
    await checkin.scan(badge, IN)
    await checkin.scan(badge, IN)
    await checkin.scan(badge, OUT)
    return checkin


async def fetch(checkin: Checkin, path: str, language: str) -> bytes:
    answer = await checkin.http.get(f"/checkin/{path}?lang={language}", headers=checkin.lead)
    assert answer.status_code == 200, answer.text
    return answer.content


@pytest.mark.parametrize(
    ("language", "words"),
    [
        ("en", ["Stakeholder groups", "Côte d’Ivoire", "Media", "Already inside"]),
        ("fr", ["Groupes de parties prenantes", "Côte d’Ivoire", "Médias", "Déjà présent"]),
    ],
)
async def test_page_pdf_and_workbook_say_the_same(
    visited: Checkin, language: str, words: list[str]
) -> None:
    figures = await report(visited)
    registered, attended = figures["total"]["registered"], figures["total"]["attended"]
    page = (await fetch(visited, "report", language)).decode()
    document = pypdfium2.PdfDocument(await fetch(visited, "api/report.pdf", language))
    printed = "\n".join(one.get_textpage().get_text_range() for one in document)
    book = load_workbook(io.BytesIO(await fetch(visited, "api/report.xlsx", language)))
    cells = [row for sheet in book for row in sheet.iter_rows(values_only=True)]
    for word in words:
        assert word in page.replace("&#39;", "'")
        assert word in printed
        assert word in [*book.sheetnames, *(row[0] for row in cells)]
    overview = [row[1] for row in book.worksheets[0].iter_rows(min_row=2, values_only=True)]
    share = round(100 * attended / registered)
    assert overview[:3] == [registered, attended, share / 100]
    for shown in (page, printed):
        assert (f"{share}%" if language == "en" else f"{share} %") in shown.replace("\u00a0", " ")
    assert f"<dd>{registered}</dd>" in page
    country = next(row for row in cells if row[0] == "Côte d’Ivoire")
    assert country[2] == figures["by_country"]["CI"]["attended"] > 0


@pytest.mark.parametrize("role", Role)
async def test_the_report_is_for_those_who_watch(checkin: Checkin, role: Role) -> None:
    for path in (*(f"api/{file}" for file in FILES), "report"):
        answer = await checkin.http.get(f"/checkin/{path}", headers=checkin.staff(role))
        assert answer.status_code == (200 if role in WATCHERS else 403)
        assert (await checkin.http.get(f"/checkin/{path}")).status_code == 401


async def test_it_is_recorded_who_took_a_file(checkin: Checkin) -> None:
    for file in ("pdf", "xlsx"):
        with capture_logs() as logged:
            await fetch(checkin, f"api/report.{file}", "fr")
        [record] = [entry for entry in logged if entry["event"] == "export.made"]
        taken = (record["file"], record["by"], record["role"])
        assert taken == (f"report-fr.{file}", "Ada", "security_lead")
        noted = await checkin.http.get(
            "/checkin/api/audit",
            params={"act": "file.export"},
            headers=checkin.staff(Role.organiser),
        )
        newest = noted.json()["items"][0]
        assert (newest["who"], newest["details"]) == ("Ada", {"file": f"report-fr.{file}"})


@pytest.mark.parametrize("language", LANGUAGES)
async def test_page_and_workbook_speak_all_languages_and_the_pdf_two(
    visited: Checkin, language: Language
) -> None:
    page = (await fetch(visited, "report", language)).decode()
    book = load_workbook(io.BytesIO(await fetch(visited, "api/report.xlsx", language)))
    media = {one.id: one for one in visited.forum.categories}["media"].name.in_language(language)
    assert media in page
    assert media in [row[0] for sheet in book for row in sheet.iter_rows(values_only=True)]
    pdf = await visited.http.get(f"/checkin/api/report.pdf?lang={language}", headers=visited.lead)
    printed = "fr" if language == "fr" else "en"
    assert f"report-{printed}.pdf" in pdf.headers["Content-Disposition"]


@pytest.mark.parametrize("path", ["report.pdf", "report.xlsx"])
async def test_a_file_of_the_report_is_made_in_a_process_beside(
    visited: Checkin, path: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    made: list[str] = []

    async def killed(make: Callable[[Any], bytes], *_: Any, **__: Any) -> bytes:
        made.append(make.__name__)
        raise BrokenWorkerProcess

    monkeypatch.setattr(reports, "work_beside", killed)
    answer = await visited.http.get(f"/checkin/api/{path}", headers=visited.lead)
    assert (answer.status_code, len(made)) == (503, 1)


async def test_while_the_figures_are_counted_the_page_says_so_and_comes_by_itself(
    visited: Checkin,
) -> None:
    reports: Reports = visited.service.app.state.reports
    patience, reports.patience = reports.patience, 0.0
    try:
        first = await visited.http.get("/checkin/report", headers=visited.lead)
        assert (first.status_code, first.headers["Refresh"]) == (202, "2")
        async with asyncio.timeout(10):
            while (
                page := await visited.http.get("/checkin/report", headers=visited.lead)
            ).status_code == 202:
                await asyncio.sleep(0.05)
        assert page.status_code == 200
        # What took long is good for a minute; a second reader does not have it counted again.
        figures = [await report(visited) for _ in range(2)]
        assert figures[0]["at"] == figures[1]["at"]
    finally:
        reports.patience = patience


async def test_when_the_forum_is_over_the_report_has_genders_as_they_are(
    postgres: PostgreSQL, tmp_path_factory: pytest.TempPathFactory
) -> None:
    postgres.drop_databases()
    home = tmp_path_factory.mktemp("over")
    async with counting_anew(postgres.url, home, clock="2017-06-16T20:30:00+02:00") as over:
        figures = await report(over)
        assert figures["total"] == {"registered": 0, "attended": 0, "by_day": {}}
        for path in ("report", "api/report.pdf", "api/report.xlsx"):
            await fetch(over, path, "fr")  # before anybody came
        await over.scan(await over.badge(gender="other"))
        figures = await report(over)
        assert figures["over"]
        last = {"registered": 1, "attended": 1, "by_day": {"2017-06-16": 1}}
        assert figures["by_gender"] == {"other": last}


async def test_who_came_stays_registered_in_the_group_in_which_they_came(
    postgres: PostgreSQL, tmp_path_factory: pytest.TempPathFactory
) -> None:
    postgres.drop_databases()
    home = tmp_path_factory.mktemp("stays")
    async with counting_anew(postgres.url, home, clock=NOW) as one:
        came, amended, stayed_away = [await one.badge(category="media") for _ in range(3)]
        for badge in (came, amended):
            await one.scan(badge)
        await one.hear(RegistrationErased(registration_id=came.registration_id, version=9))
        particulars = person(category="government")
        who = amended.registration_id
        await one.hear(RegistrationAmended(registration_id=who, version=9, person=particulars))
        groups = (await report(one))["by_category"]
        assert (groups["media"]["registered"], groups["media"]["attended"]) == (3, 2)
        assert "government" not in groups
        who = stayed_away.registration_id
        await one.hear(RegistrationCancelled(registration_id=who, version=9))
        figures = await report(one)
        assert (figures["total"]["registered"], figures["total"]["attended"]) == (2, 2)
