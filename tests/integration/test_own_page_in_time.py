"""What the own page says to whom waits for a place, and after the forum to whom came."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

from tests.registration import Page, Registering, admitted, forum_with, running

MORNING = datetime(2017, 6, 12, 7, tzinfo=UTC)


async def _says(registering: Registering, registration_id: str, sentence: str) -> bool:
    async with registering.browser() as browser:
        return Page(await browser.get(registering.me(registration_id))).says(sentence)


async def test_who_waits_is_told_the_place_in_line(database_url: str, tmp_path: Path) -> None:
    forum = forum_with(tmp_path, civil_society={"capacity": 1}, private_sector={"capacity": 1})
    async with running(database_url, tmp_path, forum=forum) as registering:
        holder = await registering.confirmed_address()
        first = await registering.confirmed_address()
        await registering.confirmed_address(category="private_sector")
        other = await registering.confirmed_address(category="private_sector")
        second = await registering.confirmed_address()
        line = "You are number {} on the waiting list for your category."
        assert not await _says(registering, holder, "on the waiting list")
        assert await _says(registering, first, line.format(1))
        assert await _says(registering, other, line.format(1))
        assert await _says(registering, second, line.format(2))
        await registering.act(holder, "cancel")
        assert await registering.status(first) == "confirmed"
        assert await _says(registering, second, line.format(1))


async def test_who_came_finds_the_certificate_from_the_morning_after(
    database_url: str, tmp_path: Path
) -> None:
    link = "Certificate of participation (PDF)"
    async with running(database_url, tmp_path, clock="2017-06-16T20:00:00+02:00") as registering:
        came, absent = [await registering.confirmed_address() for _ in range(2)]
        await registering.hear(admitted(came, MORNING))
        assert not await _says(registering, came, link)
    async with running(database_url, tmp_path, clock="2017-06-17T09:00:01+02:00") as registering:
        assert await _says(registering, came, link)
        assert not await _says(registering, absent, link)


async def test_who_cancelled_can_register_again_while_one_can(
    database_url: str, tmp_path: Path
) -> None:
    async with running(database_url, tmp_path) as registering:
        cancelled = await registering.confirmed_address()
        assert not await _says(registering, cancelled, "Register again")
        await registering.act(cancelled, "cancel")
        assert await _says(registering, cancelled, "Register again")
    async with running(database_url, tmp_path, clock="2017-06-17T00:00:00+02:00") as registering:
        assert not await _says(registering, cancelled, "Register again")
        assert await _says(registering, cancelled, "To the start page")


async def test_after_the_forum_only_what_the_certificate_says_can_be_corrected(
    database_url: str, tmp_path: Path
) -> None:
    async with running(database_url, tmp_path, clock="2017-06-16T20:00:00+02:00") as registering:
        registration_id = await registering.confirmed_address(sdgs=[4])
        as_registrant = registering.registrant(registration_id)
        await registering.amend(registration_id, as_registrant, days=["2017-06-12", "2017-06-13"])
    async with running(database_url, tmp_path, clock="2017-06-17T09:00:01+02:00") as registering:
        before = await registering.show(registration_id)
        for change in ({"category": "private_sector"}, {"days": ["2017-06-14"]}):
            answer = await registering.amend(registration_id, as_registrant, **change)
            assert answer.status_code == 409
        assert await registering.show(registration_id) == before
        address = registering.me(registration_id).replace("/me?", "/me/correct?")
        async with registering.browser() as browser:
            page = Page(await browser.get(address))
            assert page.says("A certificate of participation shows")
            assert {"category", "days", "sdgs", "visa_letter"}.isdisjoint(page.fields)
            sent = page.fields | {"family_name": ["Murray"], "photo": []}
            assert (await browser.post(page.actions[0], data=sent)).status_code == 303
        after = await registering.show(registration_id)
        assert {name for name in after if after[name] != before[name]} == {"version", "family_name"}
        # Staff may still put things right.
        answer = await registering.amend(registration_id, category="private_sector")
        assert answer.status_code == 200
