"""Pairing codes cannot be guessed: they are long, short-lived, and tried slowly."""

from __future__ import annotations

import asyncio
from pathlib import Path

import httpx

from services.checkin.devices import WRONG_CODES_AT_ONCE
from tests.checkin import IN, Checkin, running


async def offered_code(checkin: Checkin) -> str:
    answer = await checkin.http.post(
        "/checkin/api/enrolments", json={"gate": IN, "label": "Lane 1"}, headers=checkin.lead
    )
    code: str = answer.json()["code"]
    return code


async def try_code(http: httpx.AsyncClient, code: str) -> httpx.Response:
    return await http.post("/checkin/api/devices", json={"code": code})


async def test_guessing_codes_is_slowed_down_for_who_guesses(
    database_url: str, tmp_path: Path
) -> None:
    async with running(database_url, tmp_path) as checkin:
        # From this very machine too: behind a proxy that hides its callers all come from it.
        for place in range(WRONG_CODES_AT_ONCE):
            assert (await try_code(checkin.http, f"0000-{place:04}")).status_code == 404
        code = await offered_code(checkin)
        slowed = await try_code(checkin.http, code)
        assert slowed.status_code == 429
        assert 1 <= int(slowed.headers["Retry-After"]) <= 5
        elsewhere = httpx.ASGITransport(checkin.service.app, client=("192.0.2.7", 7))
        async with httpx.AsyncClient(transport=elsewhere, base_url="http://forum") as other:
            assert (await try_code(other, code)).status_code == 201


async def test_many_guesses_at_once_are_not_more_than_one_after_the_other(
    database_url: str, tmp_path: Path
) -> None:
    async with running(database_url, tmp_path) as checkin:
        code = await offered_code(checkin)
        wrong = [f"0000-{place:04}" for place in range(WRONG_CODES_AT_ONCE)]
        answers = await asyncio.gather(*(try_code(checkin.http, one) for one in [*wrong, code]))
        assert [answer.status_code for answer in answers] == [404] * WRONG_CODES_AT_ONCE + [429]


async def test_right_codes_are_not_counted(database_url: str, tmp_path: Path) -> None:
    async with running(database_url, tmp_path) as checkin:
        for _ in range(WRONG_CODES_AT_ONCE + 5):
            await checkin.pair(IN)
