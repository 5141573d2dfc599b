"""The log: all that is told of a scan follows from it, in whatever order scans come."""

from __future__ import annotations

from collections import Counter
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from typing import Any, Final
from uuid import UUID

import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from sqlalchemy import Row, text
from sqlalchemy.exc import DBAPIError

from deploy.private_servers import PostgreSQL
from services.checkin import tables
from shared.events import (
    AttendanceAdmitted,
    AttendanceDeparted,
    AttendanceUndone,
    ScanFact,
    ScanRefused,
)
from shared.forum import Forum
from tests.checkin import ALL_ZONES, IN, OTHER_IN, OUT, ROOM, Badge, Checkin, running

NOW: Final = datetime.fromisoformat("2017-06-14T10:00:00+02:00")
GROUPS: Final = [("government", "CH", "europe"), ("media", "KE", "africa"), ("staff", "", "none")]
MINUTES_AGO: Final = [
    None, 0, 1, 2, 60,
    13 * 60,  # last evening, after closing: the session is today's
    15 * 60,
    24 * 60,
    39 * 60,  # the evening before
    6 * 24 * 60,  # before the forum
    8 * 24 * 60,  # nobody waits so long: a wrong clock
]  # fmt: skip


@pytest.fixture(scope="module")
async def checkin(
    postgres: PostgreSQL, tmp_path_factory: pytest.TempPathFactory
) -> AsyncIterator[Checkin]:
    postgres.drop_databases()
    home = tmp_path_factory.mktemp("home")
    async with running(postgres.url, home, clock=NOW.isoformat()) as service:
        yield service


# --- any stream of scans -------------------------------------------------------------------------


@dataclass(frozen=True)
class Step:
    """A scan, or the undo of the one before it that is `undoes` steps back."""

    who: int
    gate: str
    minutes_ago: int | None
    override: bool
    undoes: int | None


steps = st.builds(
    Step,
    who=st.integers(0, len(GROUPS) - 1),
    gate=st.sampled_from([IN, OTHER_IN, OUT, "varembe-out", ROOM]),
    minutes_ago=st.sampled_from(MINUTES_AGO),
    override=st.booleans(),
    undoes=st.none() | st.integers(1, 5),
)


@given(stream=st.lists(steps, min_size=5, max_size=20))
@settings(
    max_examples=20,
    deadline=None,
    # Not Phase.shrink: with a fifth of a second for each try it would run into the time limit.
    phases=[Phase.explicit, Phase.reuse, Phase.generate],
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
async def test_the_figures_are_what_the_log_says_after_any_scans_undos_and_overrides(
    checkin: Checkin, stream: Sequence[Step]
) -> None:
    people = {
        badge.registration_id: (badge, (category, country, region))
        for category, country, region in GROUPS
        for badge in [await checkin.badge(category=category, country=country, zones=ALL_ZONES)]
    }
    before = figures(await checkin.attendance())
    await play(checkin, [badge for badge, _ in people.values()], stream)
    after = figures(await checkin.attendance())
    log = [
        row
        for row in sorted(await checkin.rows(tables.scans), key=lambda row: row.seq)
        if row.registration_id in people
    ]
    assert_judged_by_what_was_known(checkin.forum, log)
    for person in people:
        assert_said(
            await checkin.said(person), [row for row in log if row.registration_id == person]
        )
    after.subtract(before)
    counted = recount(checkin, log, {person: groups for person, (_, groups) in people.items()})
    assert {figure: change for figure, change in after.items() if change} == counted


Figures = Counter[tuple[str, str]]
"""Numbers of people, by figure and by key in it."""


_OTHERWISE_TESTED = ("inside_by_minute", "by_entrance_and_minute", "by_gender", "peak")
"""What test_control_room.py compares with tables counted by SQL."""


def figures(told: dict[str, Any]) -> Figures:
    found: Figures = Counter()
    for name, value in told.items():
        if name in _OTHERWISE_TESTED:
            continue
        if isinstance(value, dict):
            found.update({(name, key): number for key, number in value.items()})
        elif isinstance(value, int):
            found[name, ""] = value
    return found


async def play(checkin: Checkin, people: Sequence[Badge], stream: Sequence[Step]) -> None:
    scans: list[dict[str, Any]] = []
    for step in stream:
        if step.undoes is not None and step.undoes <= len(scans):
            answer = await checkin.undo(scans[-step.undoes])
            assert answer.status_code in (200, 409)
            continue
        more: dict[str, Any] = {"override": "Said so"} if step.override else {}
        if step.minutes_ago is not None:
            moment = checkin.service.platform.clock.now() - timedelta(minutes=step.minutes_ago)
            more["scanned_at"] = moment.isoformat()
        scans.append(await checkin.scan(people[step.who], step.gate, **more))


def recount(
    checkin: Checkin, log: Sequence[Row[Any]], groups: dict[UUID, tuple[str, str, str]]
) -> Figures:
    """The figures, counted from nothing but the log and who is who."""
    forum, now = checkin.forum, checkin.service.platform.clock.now()
    today = now.astimezone(forum.timezone).date()
    ways: dict[UUID, list[Row[Any]]] = {}
    for row in passages(log):
        if row.zone == "venue":
            ways.setdefault(row.registration_id, []).append(row)
    counted: Figures = Counter()
    for person, way in ways.items():
        entries = [row for row in way if row.direction == "in"]
        counted["inside", ""] += is_inside(forum, way, session(forum, now))
        counted["arrived_total", ""] += bool(entries)
        for row in [row for row in entries if local(forum, row).date() == today][:1]:
            category, country, region = groups[person]
            counted["arrived_today", ""] += 1
            counted["by_entrance", row.entrance] += 1
            counted["by_category", category] += 1
            counted["by_country", country] += 1
            counted["by_region", region] += 1
            counted["by_minute", f"{local(forum, row):%H:%M}"] += 1
    for row in log:
        if row.decision == "refused" and local(forum, row).date() == today:
            counted["refused_today", ""] += 1
            counted["refusals_by_reason", row.reason] += 1
    return +counted


def passages(log: Sequence[Row[Any]]) -> list[Row[Any]]:
    """Who went through and was not taken back, in order of time."""
    taken_back = {row.undoes for row in log}
    return sorted(
        (row for row in log if row.decision == "admitted" and row.scan_id not in taken_back),
        key=lambda row: (row.at, row.seq),
    )


def local(forum: Forum, row: Row[Any]) -> datetime:
    moment: datetime = row.at
    return moment.astimezone(forum.timezone)


def session(forum: Forum, moment: datetime) -> date:
    there = moment.astimezone(forum.timezone)
    return there.date() + timedelta(days=there.time() >= time(20))


def is_inside(forum: Forum, way: Sequence[Row[Any]], wanted: date) -> bool:
    directions = [row.direction for row in way if session(forum, row.at) == wanted]
    return directions[-1:] == ["in"]


def assert_judged_by_what_was_known(forum: Forum, log: Sequence[Row[Any]]) -> None:
    """Nobody who was inside by the log so far was let in again, and nobody else was kept out."""
    for place, row in enumerate(log):
        if row.direction == "out" or row.decision == "undone" or row.zone != "venue":
            continue
        way = [
            one
            for one in passages(log[:place])
            if (one.registration_id, one.zone) == (row.registration_id, row.zone)
        ]
        inside = is_inside(forum, way, session(forum, row.at))
        came = {local(forum, one).date() for one in way if one.direction == "in"}
        if local(forum, row).date() not in forum.days:
            assert "not_valid_today" in (row.reason, row.overridden)
        elif inside:
            assert "already_inside" in (row.reason, row.overridden)
        else:
            again = local(forum, row).date() in came
            assert row.reason == ("reentry" if again else "first_entry")


def assert_said(said: Sequence[Any], log: Sequence[Row[Any]]) -> None:
    """Each entry of the log was said once, in its order, as what it is."""
    facts = [fact for fact in said if isinstance(fact, ScanFact)]
    assert facts == [fact_of(row) for row in log]


def fact_of(row: Row[Any]) -> ScanFact:
    about: dict[str, Any] = {
        "scan_id": row.scan_id,
        "gate": row.gate,
        "entrance": row.entrance,
        "zone": row.zone,
        "at": row.at,
        "badge_id": row.badge_id,
        "registration_id": row.registration_id,
    }
    if row.decision == "undone":
        return AttendanceUndone(undoes=row.undoes, **about)
    if row.decision == "refused":
        return ScanRefused(reason=row.reason, **about)
    if row.direction == "out":
        return AttendanceDeparted(**about)
    return AttendanceAdmitted(reason=row.reason, **about)


# --- scans that come late ------------------------------------------------------------------------


async def test_an_exit_that_comes_late_does_not_put_out_who_came_back(checkin: Checkin) -> None:
    badge = await checkin.badge()
    before = (await checkin.attendance())["inside"]
    await checkin.scan(badge, IN, scanned_at="2017-06-14T08:00:00+02:00")
    await checkin.scan(
        badge, OTHER_IN, scanned_at="2017-06-14T09:00:00+02:00", override="Saw her leave"
    )
    late = await checkin.scan(badge, OUT, scanned_at="2017-06-14T08:30:00+02:00")
    assert late["reason"] == "departed"
    assert (await checkin.attendance())["inside"] == before + 1
    assert (await checkin.scan(badge, IN))["reason"] == "already_inside"


async def test_an_undo_goes_back_to_the_passage_before_in_time(checkin: Checkin) -> None:
    badge = await checkin.badge()
    entry = await checkin.scan(badge, IN, scanned_at="2017-06-14T09:00:00+02:00")
    await checkin.scan(badge, OUT, scanned_at="2017-06-14T08:30:00+02:00")
    mistake = await checkin.scan(badge, OUT)
    await checkin.undo(mistake)
    again = await checkin.scan(badge, OTHER_IN)
    assert (again["reason"], again["previous"]["scan_id"]) == ("already_inside", entry["scan_id"])


async def test_an_entry_of_yesterday_that_comes_late_leaves_today_as_it_is(
    checkin: Checkin,
) -> None:
    badge = await checkin.badge()
    await checkin.scan(badge, IN)
    before = await checkin.attendance()
    late = await checkin.scan(badge, OTHER_IN, scanned_at="2017-06-13T09:00:00+02:00")
    assert late["reason"] == "first_entry"
    assert await checkin.attendance() == before
    assert (await checkin.scan(badge, IN))["reason"] == "already_inside"


async def test_an_earlier_first_entry_that_comes_late_is_the_one_that_counts(
    checkin: Checkin,
) -> None:
    badge = await checkin.badge()
    await checkin.scan(badge, IN, scanned_at="2017-06-14T09:10:00+02:00")
    await checkin.scan(badge, OUT, scanned_at="2017-06-14T09:20:00+02:00")
    before = await checkin.attendance()
    await checkin.scan(badge, OTHER_IN, scanned_at="2017-06-14T07:47:00+02:00")
    after = await checkin.attendance()
    assert after["by_minute"]["07:47"] == before["by_minute"].get("07:47", 0) + 1
    assert after["by_minute"].get("09:10", 0) == before["by_minute"]["09:10"] - 1
    assert after["by_entrance"]["montbrillant"] == before["by_entrance"].get("montbrillant", 0) + 1
    assert after["arrived_today"] == before["arrived_today"]
    assert after["inside"] == before["inside"]


# --- never rewritten -----------------------------------------------------------------------------


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE scans SET decision = 'admitted'",
        "UPDATE scans SET said = NULL WHERE false",
        "DELETE FROM scans",
        "TRUNCATE scans",
        "INSERT INTO scans SELECT * FROM scans LIMIT 1",
    ],
)
async def test_the_log_cannot_be_changed_even_in_sql(checkin: Checkin, statement: str) -> None:
    await checkin.scan(await checkin.badge())
    before = await checkin.rows(tables.scans)
    with pytest.raises(DBAPIError):
        async with checkin.service.database.begin() as tx:
            await tx.execute(text(statement))
    assert await checkin.rows(tables.scans) == before
