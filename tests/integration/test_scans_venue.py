"""The venue as a whole: when it is full, when it closes, and when several replicas guard it."""

from __future__ import annotations

import asyncio
from collections import Counter
from contextlib import AsyncExitStack
from pathlib import Path

from uuid_utils.compat import uuid7

from services.checkin.crowd import NEARLY_FULL
from shared.settings import REPOSITORY
from tests.checkin import ALL_ZONES, IN, OTHER_IN, OUT, ROOM, running

ROUNDS = 20

# --- empty ---------------------------------------------------------------------------------------


async def test_before_anybody_is_heard_of_every_figure_is_zero(
    database_url: str, tmp_path: Path
) -> None:
    async with running(database_url, tmp_path) as checkin:
        figures = await checkin.attendance()
        assert (figures.pop("day"), figures.pop("venue_limit")) == ("2017-06-12", 2500)
        assert (figures.pop("until"), figures.pop("peak")) == (None, None)
        assert {name for name, value in figures.items() if value not in (0, {})} == set()


# --- full ----------------------------------------------------------------------------------------


def small_forum(folder: Path, capacity: int) -> Path:
    text = (REPOSITORY / "deploy" / "forum.toml").read_text(encoding="utf-8")
    file = folder / "forum.toml"
    file.write_text(text.replace("capacity = 2500", f"capacity = {capacity}"), encoding="utf-8")
    return file


async def test_the_last_places_are_given_once_however_many_come_at_once(
    database_url: str, tmp_path: Path
) -> None:
    assert NEARLY_FULL > 5
    async with running(database_url, tmp_path, forum=small_forum(tmp_path, 5)) as checkin:
        await asyncio.gather(checkin.at(IN), checkin.at(OTHER_IN))
        badges = [await checkin.badge() for _ in range(16)]
        answers = await asyncio.gather(
            *(
                checkin.scan(badge, IN if place % 2 else OTHER_IN)
                for place, badge in enumerate(badges)
            )
        )
        reasons = Counter(answer["reason"] for answer in answers)
        assert reasons == {"first_entry": 5, "zone_full": 11}
        assert (await checkin.attendance())["inside"] == 5


async def test_a_place_that_is_left_is_free_and_an_override_goes_beyond_the_last(
    database_url: str, tmp_path: Path
) -> None:
    async with running(database_url, tmp_path, forum=small_forum(tmp_path, 1)) as checkin:
        first, second, third = [await checkin.badge() for _ in range(3)]
        assert (await checkin.scan(first))["reason"] == "first_entry"
        assert (await checkin.scan(second))["reason"] == "zone_full"
        assert (await checkin.scan(third, override="Speaker"))["reason"] == "override"
        await checkin.scan(third, OUT)
        assert (await checkin.scan(second))["reason"] == "zone_full"
        await checkin.scan(first, OUT)
        assert (await checkin.scan(second))["reason"] == "first_entry"


# --- closed --------------------------------------------------------------------------------------


async def test_presence_ends_by_itself_when_the_venue_closes(
    database_url: str, tmp_path: Path
) -> None:
    async with running(database_url, tmp_path, clock="2017-06-12T19:59:00+02:00") as evening:
        badge = await evening.badge()
        assert (await evening.scan(badge))["reason"] == "first_entry"
        assert (await evening.attendance())["inside"] == 1
    async with running(database_url, tmp_path, clock="2017-06-12T20:00:00+02:00") as night:
        figures = await night.attendance()
        assert (figures["inside"], figures["arrived_today"]) == (0, 1)
        # A night shift begins: inside until the closing of the next day, past midnight.
        assert (await night.scan(badge))["reason"] == "reentry"
        assert (await night.attendance())["inside"] == 1
    async with running(database_url, tmp_path, clock="2017-06-13T00:00:00+02:00") as midnight:
        figures = await midnight.attendance()
        assert (figures["day"], figures["inside"]) == ("2017-06-13", 1)
        assert (figures["arrived_total"], figures["arrived_today"]) == (1, 0)
        assert (await midnight.scan(badge))["reason"] == "already_inside"
    async with running(database_url, tmp_path, clock="2017-06-13T20:00:00+02:00") as closing:
        assert (await closing.attendance())["inside"] == 0
    async with running(database_url, tmp_path, clock="2017-06-14T08:00:00+02:00") as morning:
        answer = await morning.scan(badge)
        assert (answer["reason"], answer["previous"]["gate"]) == ("first_entry", IN)
        figures = await morning.attendance()
        assert (figures["arrived_total"], figures["arrived_today"], figures["inside"]) == (1, 1, 1)


async def test_where_leaving_is_not_scanned_every_day_begins_with_a_first_entry(
    database_url: str, tmp_path: Path
) -> None:
    async with running(database_url, tmp_path) as monday:
        badge = await monday.badge(zones=ALL_ZONES)
        assert (await monday.scan(badge, ROOM))["reason"] == "first_entry"
    async with running(database_url, tmp_path, clock="2017-06-13T08:00:00+02:00") as tuesday:
        assert (await tuesday.scan(badge, ROOM))["reason"] == "first_entry"
        assert (await tuesday.scan(badge, ROOM))["reason"] == "reentry"
        # The room is not the venue: nobody has arrived.
        assert (await tuesday.attendance())["arrived_total"] == 0


# --- several replicas ----------------------------------------------------------------------------


async def test_two_replicas_are_one_gate_keeper(database_url: str, tmp_path: Path) -> None:
    async with AsyncExitStack() as stack:
        one, other = await asyncio.gather(
            *(stack.enter_async_context(running(database_url, tmp_path)) for _ in range(2))
        )
        await asyncio.gather(one.at(IN), other.at(IN))
        for _ in range(ROUNDS):
            badge = await one.badge()
            answers = await asyncio.gather(one.scan(badge), other.scan(badge))
            reasons = sorted(answer["reason"] for answer in answers)
            assert reasons == ["already_inside", "first_entry"]
        inside = [(await replica.attendance())["inside"] for replica in (one, other)]
        assert inside == [ROUNDS, ROUNDS]


async def test_a_series_of_codes_alerts_once_whichever_replica_hears_them(
    database_url: str, tmp_path: Path
) -> None:
    async with AsyncExitStack() as stack:
        one, other = await asyncio.gather(
            *(stack.enter_async_context(running(database_url, tmp_path)) for _ in range(2))
        )
        device = await one.at(IN)
        badge = await one.badge()
        forged = badge.credential[:-1] + ("0" if badge.credential[-1] != "0" else "1")
        for replica in (one, other):
            for code in (forged, *(f"NONSENSE {number}" for number in range(40))):
                await replica.post_scan(device, {"scan_id": str(uuid7()), "credential": code})
        listed = await one.http.get("/checkin/api/alerts", headers=one.lead)
        kinds = [alert["kind"] for alert in listed.json()["items"]]
        assert sorted(kinds) == ["forged_badge", "unknown_badges"]


# --- started again -------------------------------------------------------------------------------


async def test_a_rehearsal_that_begins_its_morning_again_goes_on_where_people_are(
    database_url: str, tmp_path: Path
) -> None:
    async with running(database_url, tmp_path, clock="2017-06-12T10:00:00+02:00") as checkin:
        badge = await checkin.badge()
        assert (await checkin.scan(badge))["reason"] == "first_entry"
    async with running(database_url, tmp_path, clock="2017-06-12T08:00:00+02:00") as checkin:
        for gate, reason, inside in (
            (IN, "already_inside", 1),
            (OUT, "departed", 0),
            (IN, "reentry", 1),
            (OUT, "departed", 0),
        ):
            assert (await checkin.scan(badge, gate))["reason"] == reason
            assert (await checkin.attendance())["inside"] == inside
