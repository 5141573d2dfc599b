"""The figures and the log, as those see them who watch."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator
from uuid import uuid4

import pytest

from deploy.private_servers import PostgreSQL
from shared.access import SESSION_COOKIE, Role, Staff
from shared.events import RegistrationCancelled
from tests.checkin import IN, OTHER_IN, OUT, Checkin, running
from tests.people import confirmed

WATCHERS = (Role.organiser, Role.security_lead, Role.viewer)


@pytest.fixture(scope="module")
async def checkin(
    postgres: PostgreSQL, tmp_path_factory: pytest.TempPathFactory
) -> AsyncIterator[Checkin]:
    """A service that has seen the scans of one morning."""
    postgres.drop_databases()
    async with running(postgres.url, tmp_path_factory.mktemp("home")) as service:
        await one_morning(service)
        yield service


async def one_morning(checkin: Checkin) -> None:
    ada = await checkin.badge(category="government", country="GB")
    grace = await checkin.badge(category="government", country="US")
    aisha = await checkin.badge(category="media", country="KE")
    absent = await checkin.badge(country="FR")
    stopped = await checkin.badge(country="FR")
    await checkin.stop(stopped, "revoked")
    await checkin.hear(confirmed(uuid4()))  # no badge yet
    await checkin.hear(RegistrationCancelled(registration_id=absent.registration_id, version=3))
    await checkin.scan(ada, IN, scanned_at="2017-06-12T07:45:10+02:00")
    await checkin.scan(grace, IN, scanned_at="2017-06-12T07:45:50+02:00")
    await checkin.scan(aisha, OTHER_IN, scanned_at="2017-06-12T07:46:00+02:00")
    await checkin.scan(aisha, OUT, scanned_at="2017-06-12T07:50:00+02:00")
    await checkin.scan(aisha, IN, scanned_at="2017-06-12T07:55:00+02:00")
    await checkin.scan(grace, OUT, scanned_at="2017-06-12T07:56:00+02:00")
    await checkin.scan(ada, OTHER_IN)
    await checkin.scan(stopped, IN)
    await checkin.scan("nothing", IN)
    await checkin.scan("nothing", OUT)
    await checkin.scan("nothing", IN, scanned_at="2017-06-11T07:00:00+02:00")


# --- the figures ---------------------------------------------------------------------------------


async def test_the_figures_say_who_is_registered_who_came_and_who_is_inside(
    checkin: Checkin,
) -> None:
    figures = await checkin.attendance()
    curve = {"peak", "inside_by_minute"}
    assert {name: figures[name] for name in figures.keys() - curve} == {
        "day": "2017-06-12",
        "until": None,
        "registered": 5,
        "badged": 4,
        "arrived_total": 3,
        "arrived_today": 3,
        "inside": 2,
        "refused_today": 4,
        "by_entrance": {"tower": 2, "montbrillant": 1},
        "by_category": {"government": 2, "media": 1},
        "by_country": {"GB": 1, "US": 1, "KE": 1},
        "by_region": {"europe": 1, "americas": 1, "africa": 1},
        "by_gender": {},
        "by_minute": {"07:45": 2, "07:46": 1},
        "by_entrance_and_minute": {"tower": {"07:45": 2}, "montbrillant": {"07:46": 1}},
        "refusals_by_reason": {"already_inside": 1, "malformed": 2, "revoked": 1},
        "venue_limit": 2500,
    }


async def test_minutes_come_in_order(checkin: Checkin) -> None:
    figures = await checkin.attendance()
    assert list(figures["by_minute"]) == ["07:45", "07:46"]


@pytest.mark.parametrize("role", Role)
async def test_figures_and_log_are_for_those_who_watch(checkin: Checkin, role: Role) -> None:
    for path in ("/attendance", "/scans"):
        answer = await checkin.http.get(f"/checkin/api{path}", headers=checkin.staff(role))
        assert answer.status_code == (200 if role in WATCHERS else 403)


async def test_the_wall_screen_watches_with_its_session(checkin: Checkin) -> None:
    session = checkin.keyring.session(Staff("Wall", Role.viewer))
    cookie = {"Cookie": f"{SESSION_COOKIE}={session}"}
    answer = await checkin.http.get("/checkin/api/attendance", headers=cookie)
    assert answer.status_code == 200


async def test_the_live_page_knows_which_pages_its_viewer_may_open(checkin: Checkin) -> None:
    lead = checkin.staff(Role.security_lead)
    answer = await checkin.http.get("/checkin/api/me", headers=lead)
    assert answer.json() == {"name": "Ada", "roles": ["security_lead"], "role": "security_lead"}
    assert (await checkin.http.get("/checkin/api/me")).status_code == 401


@pytest.mark.parametrize("path", ["/attendance", "/attendance/stream", "/scans"])
async def test_nobody_else_sees_figures_or_log(checkin: Checkin, path: str) -> None:
    device = await checkin.at(IN)
    registrant = checkin.keyring.registrant_token(uuid4())
    for headers in (
        {},
        {"Authorization": "Bearer wrong"},
        {"Authorization": f"Bearer {registrant}"},
        device.headers,
    ):
        answer = await checkin.http.get(f"/checkin/api{path}", headers=headers)
        assert answer.status_code == 401
        assert answer.headers["Content-Type"] == "application/problem+json"


# --- the log -------------------------------------------------------------------------------------


async def test_the_log_is_newest_first_and_complete(checkin: Checkin) -> None:
    log = await checkin.log()
    assert [(entry["gate"], entry["reason"]) for entry in log] == [
        (IN, "malformed"),
        (OUT, "malformed"),
        (IN, "malformed"),
        (IN, "revoked"),
        (OTHER_IN, "already_inside"),
        (OUT, "departed"),
        (IN, "reentry"),
        (OUT, "departed"),
        (OTHER_IN, "first_entry"),
        (IN, "first_entry"),
        (IN, "first_entry"),
    ]


async def test_the_log_goes_on_with_its_cursor_and_nothing_comes_twice(checkin: Checkin) -> None:
    whole = await checkin.log()
    assert await checkin.log(limit=1) == whole
    assert await checkin.log(limit=4) == whole
    assert await checkin.log(limit=len(whole)) == whole


@pytest.mark.parametrize(
    ("filters", "expected"),
    [
        ({"decision": "refused"}, 5),
        ({"decision": "admitted"}, 6),
        ({"decision": "undone"}, 0),
        ({"reason": "malformed"}, 3),
        ({"gate": OUT}, 3),
        ({"gate": IN, "reason": "first_entry"}, 2),
        ({"gate": "no-such-gate"}, 0),
        ({"registration_id": "00000000-0000-0000-0000-000000000000"}, 0),
    ],
)
async def test_the_log_is_filtered(
    checkin: Checkin, filters: dict[str, str], expected: int
) -> None:
    log = await checkin.log(**filters)
    assert len(log) == expected
    assert await checkin.log(**filters, limit=2) == log
    for entry in log:
        assert entry | filters == entry


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("decision", "maybe"),
        ("gate", "\0"),
        ("reason", "\0"),
        ("reason", "'; DROP TABLE scans; --"),
        ("registration_id", "7"),
        ("cursor", "first"),
        ("cursor", "0"),
        ("cursor", "9" * 19),
        ("limit", "0"),
        ("limit", "1001"),
    ],
)
async def test_a_wrong_filter_is_named(checkin: Checkin, field: str, value: str) -> None:
    answer = await checkin.http.get(
        "/checkin/api/scans", params={field: value}, headers=checkin.lead
    )
    assert answer.status_code == 422
    assert [error["field"] for error in answer.json()["errors"]] == [field]


async def test_nobody_is_named_in_the_log(checkin: Checkin) -> None:
    answer = await checkin.http.get("/checkin/api/scans", headers=checkin.lead)
    assert not re.search("Grace|Hopper|Eckert", answer.text)
