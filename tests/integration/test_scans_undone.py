"""Taking a scan back."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from datetime import datetime
from typing import Any
from uuid import UUID

import pytest

from deploy.private_servers import PostgreSQL
from services.checkin import tables
from shared.access import Role
from shared.events import AttendanceUndone, RegistrationAmended, RegistrationErased
from tests.checkin import IN, OTHER_IN, OUT, Body, Checkin, running
from tests.people import NOBODY, person


@pytest.fixture(scope="module")
async def checkin(
    postgres: PostgreSQL, tmp_path_factory: pytest.TempPathFactory
) -> AsyncIterator[Checkin]:
    postgres.drop_databases()
    async with running(postgres.url, tmp_path_factory.mktemp("home")) as service:
        yield service


async def test_an_entry_taken_back_never_was(checkin: Checkin) -> None:
    before = await checkin.attendance()
    badge = await checkin.badge()
    entry = await checkin.scan(badge)
    assert (await checkin.undo(entry)).status_code == 200
    after = await checkin.attendance()
    # The curve says that somebody was looked for; nobody was there.
    assert not any(after.pop("inside_by_minute").values())
    assert not after.pop("peak")
    assert after | {name: before[name] for name in ("inside_by_minute", "peak")} == before | {
        "registered": before["registered"] + 1,
        "badged": before["badged"] + 1,
    }
    again = await checkin.scan(badge, OTHER_IN)
    assert (again["reason"], again["previous"]) == ("first_entry", None)


async def test_a_departure_taken_back_puts_the_person_inside_again(checkin: Checkin) -> None:
    badge = await checkin.badge()
    entry = await checkin.scan(badge, IN)
    left = await checkin.scan(badge, OUT)
    inside = (await checkin.attendance())["inside"]
    assert (await checkin.undo(left)).status_code == 200
    assert (await checkin.attendance())["inside"] == inside + 1
    again = await checkin.scan(badge, OTHER_IN)
    assert (again["reason"], again["previous"]["scan_id"]) == ("already_inside", entry["scan_id"])


async def test_the_first_of_two_entries_taken_back_makes_the_second_the_first(
    checkin: Checkin,
) -> None:
    badge = await checkin.badge()
    first = await checkin.scan(badge, IN, scanned_at="2017-06-12T07:31:00+02:00")
    await checkin.scan(badge, OUT, scanned_at="2017-06-12T07:32:00+02:00")
    await checkin.scan(badge, OTHER_IN, scanned_at="2017-06-12T07:33:00+02:00")
    before = await checkin.attendance()
    await checkin.undo(first)
    after = await checkin.attendance()
    assert after["arrived_today"] == before["arrived_today"]
    assert after["by_minute"]["07:33"] == before["by_minute"].get("07:33", 0) + 1
    assert after["by_minute"].get("07:31", 0) == before["by_minute"]["07:31"] - 1
    assert after["by_entrance"]["montbrillant"] == before["by_entrance"].get("montbrillant", 0) + 1


async def test_an_override_taken_back_leaves_the_first_entry(checkin: Checkin) -> None:
    badge = await checkin.badge()
    await checkin.scan(badge, IN)
    before = await checkin.attendance()
    override = await checkin.scan(badge, OTHER_IN, override="Saw her leave")
    await checkin.undo(override)
    assert await checkin.attendance() == before
    assert (await checkin.scan(badge, OTHER_IN))["reason"] == "already_inside"


async def test_an_undo_is_a_new_entry_of_the_log_and_says_who_and_why(checkin: Checkin) -> None:
    badge = await checkin.badge()
    entry = await checkin.scan(badge, IN)
    answer = await checkin.undo(entry, reason=" Wrong person ")
    undone = answer.json()
    assert set(undone) == {"scan_id", "undoes", "at"}
    assert undone["undoes"] == entry["scan_id"]
    logged, original = await checkin.log(registration_id=badge.registration_id)
    assert original["scan_id"] == entry["scan_id"]
    assert (original["decision"], original["reason"]) == ("admitted", "first_entry")
    assert logged["scan_id"] == undone["scan_id"]
    assert (logged["decision"], logged["undoes"]) == ("undone", entry["scan_id"])
    assert logged["said"] == "Wrong person"
    [row] = [one for one in await checkin.rows(tables.scans) if one.undoes is not None][-1:]
    assert (row.by, row.device_id) == ("Ada", None)


async def undone_at(checkin: Checkin, moment: str | None, **who: Any) -> datetime:
    """When the log says that a scan of 07:30 was taken back, by a device unless said otherwise."""
    badge = await checkin.badge()
    entry = await checkin.scan(badge, scanned_at="2017-06-12T07:30:00+02:00")
    about = {"by": await checkin.at(IN)} | who
    if moment is not None:
        about["undone_at"] = moment
    answer = (await checkin.undo(entry, **about)).json()
    [logged, _] = await checkin.log(registration_id=badge.registration_id)
    assert answer["at"] == logged["at"]
    fact = (await checkin.said(badge.registration_id))[-1]
    assert isinstance(fact, AttendanceUndone)
    assert fact.at == datetime.fromisoformat(answer["at"])
    return fact.at


async def test_an_undo_without_a_network_has_the_time_at_which_it_was_done(
    checkin: Checkin,
) -> None:
    told = await undone_at(checkin, "2017-06-12T07:31:05+02:00")
    assert told == datetime.fromisoformat("2017-06-12T07:31:05+02:00")
    [row] = [one for one in await checkin.rows(tables.scans) if one.undoes is not None][-1:]
    assert row.device_time == told < row.decided_at


@pytest.mark.parametrize(
    ("said", "who"),
    [(None, None), ("2017-06-01T08:00:00+02:00", None), ("2017-06-12T22:00:00+02:00", None),
     ("2017-06-12T07:31:00+02:00", Role.security_lead)],
    ids=["not said", "too long ago", "to come", "by staff"],
)  # fmt: skip
async def test_an_undo_whose_time_nobody_can_know_happens_now(
    checkin: Checkin, said: str | None, who: Role | None
) -> None:
    before = checkin.service.app.state.gates.clock.now()
    by = {} if who is None else {"by": checkin.staff(who)}
    assert await undone_at(checkin, said, **by) >= before


async def test_nothing_is_taken_back_before_it_happened(checkin: Checkin) -> None:
    told = await undone_at(checkin, "2017-06-12T07:29:00+02:00")
    assert told == datetime.fromisoformat("2017-06-12T07:30:00+02:00")


async def test_others_are_told_of_an_undo(checkin: Checkin) -> None:
    badge = await checkin.badge()
    entry = await checkin.scan(badge, IN)
    undone = (await checkin.undo(entry)).json()
    fact = (await checkin.said(badge.registration_id))[-1]
    assert isinstance(fact, AttendanceUndone)
    assert (str(fact.scan_id), str(fact.undoes)) == (undone["scan_id"], entry["scan_id"])
    assert (fact.gate, fact.badge_id) == (IN, badge.badge_id)


async def test_the_device_that_scanned_may_take_it_back(checkin: Checkin) -> None:
    badge = await checkin.badge()
    device = await checkin.at(IN)
    answer = await checkin.undo(await checkin.scan(badge, IN), by=device)
    assert answer.status_code == 200
    [logged, _] = await checkin.log(registration_id=badge.registration_id)
    assert UUID(logged["device_id"]) == device.id


@pytest.mark.parametrize("role", Role)
async def test_of_staff_the_leads_may_take_a_scan_back(checkin: Checkin, role: Role) -> None:
    entry = await checkin.scan(await checkin.badge())
    answer = await checkin.undo(entry, by=checkin.staff(role))
    allowed = role in (Role.organiser, Role.security_lead)
    assert answer.status_code == (200 if allowed else 403)


async def test_nobody_else_may_take_a_scan_back(checkin: Checkin) -> None:
    badge = await checkin.badge()
    entry = await checkin.scan(badge)
    registrant = checkin.keyring.registrant_token(badge.registration_id)
    for headers in (
        {"Authorization": "Bearer wrong"},
        {"Authorization": f"Bearer {registrant}"},
        {"Authorization": "Basic eDp5"},
    ):
        assert (await checkin.undo(entry, by=headers)).status_code == 401
    assert (await checkin.scan(badge, OTHER_IN))["reason"] == "already_inside"


async def test_a_scan_is_taken_back_once(checkin: Checkin) -> None:
    badge = await checkin.badge()
    entry = await checkin.scan(badge)
    answers = await asyncio.gather(*(checkin.undo(entry) for _ in range(5)))
    assert sorted(answer.status_code for answer in answers) == [200, 409, 409, 409, 409]
    answer = await checkin.nothing_written(checkin.undo(entry))
    assert answer.status_code == 409
    assert len(await checkin.log(registration_id=badge.registration_id)) == 2


async def test_what_let_nobody_pass_cannot_be_taken_back(checkin: Checkin) -> None:
    entry = await checkin.scan(await checkin.badge())
    undone = (await checkin.undo(entry)).json()
    refused = await checkin.scan("nothing")
    for scan in (undone, refused):
        answer = await checkin.nothing_written(checkin.undo(scan))
        assert answer.status_code == 409
        assert answer.headers["Content-Type"] == "application/problem+json"


@pytest.mark.parametrize("scan_id", [str(NOBODY), "7", "%00"])
async def test_a_scan_that_never_was_cannot_be_taken_back(checkin: Checkin, scan_id: str) -> None:
    assert (await checkin.undo({"scan_id": scan_id})).status_code == 404


async def test_an_undo_and_a_scan_at_once_leave_the_figures_right(checkin: Checkin) -> None:
    before = (await checkin.attendance())["inside"]
    inside = 0
    for _ in range(15):
        badge = await checkin.badge()
        entry = await checkin.scan(badge)
        _, left = await asyncio.gather(checkin.undo(entry), checkin.scan(badge, OTHER_IN))
        inside += left["decision"] == "admitted"
    assert (await checkin.attendance())["inside"] == before + inside


async def test_a_scan_is_taken_back_after_the_badge_was_stopped(checkin: Checkin) -> None:
    badge = await checkin.badge()
    entry = await checkin.scan(badge)
    await checkin.stop(badge, "revoked")
    inside = (await checkin.attendance())["inside"]
    assert (await checkin.undo(entry)).status_code == 200
    assert (await checkin.attendance())["inside"] == inside - 1


async def test_an_undo_leaves_the_person_in_the_groups_that_they_counted_in(
    checkin: Checkin,
) -> None:
    badge = await checkin.badge(category="media", country="KE")
    await checkin.scan(badge, IN)
    before = await checkin.attendance()
    about = {"registration_id": badge.registration_id}
    await checkin.hear(
        RegistrationAmended(**about, version=3, person=person(category="staff", country="CH"))
    )
    await checkin.undo(await checkin.scan(badge, OUT))
    assert _without_curve(await checkin.attendance()) == _without_curve(before)
    await checkin.hear(RegistrationErased(**about, version=4))
    await checkin.undo(await checkin.scan(badge, OUT))
    figures = await checkin.attendance()
    assert (figures["by_category"], figures["by_country"]) == (
        before["by_category"],
        before["by_country"],
    )


def _without_curve(figures: Body) -> Body:
    """The curve of who was inside is drawn anew now and then, and goes to the minute at hand."""
    return {name: figures[name] for name in figures.keys() - {"inside_by_minute", "peak"}}
