"""Pairing codes cannot be guessed: they are long, short-lived, and tried slowly."""

from __future__ import annotations

import asyncio
from pathlib import Path

import httpx
import pytest

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


@pytest.mark.parametrize("at_once", [True, False])
async def test_guessing_codes_is_slowed_down_for_who_guesses(
    database_url: str, tmp_path: Path, at_once: bool
) -> None:
    async with running(database_url, tmp_path) as checkin:
        # From this very machine too: behind a proxy that hides its callers all come from it.
        guesses = [
            try_code(checkin.http, f"0000-{place:04}") for place in range(WRONG_CODES_AT_ONCE + 5)
        ]
        answers = await asyncio.gather(*guesses) if at_once else [await guess for guess in guesses]
        statuses = sorted(answer.status_code for answer in answers)
        assert statuses == [404] * WRONG_CODES_AT_ONCE + [429] * 5
        slowed = next(answer for answer in answers if answer.status_code == 429)
        assert 1 <= int(slowed.headers["Retry-After"]) <= 5
        code = await offered_code(checkin)
        assert (await try_code(checkin.http, code)).status_code == 429
        elsewhere = httpx.ASGITransport(checkin.service.app, client=("192.0.2.7", 7))
        async with httpx.AsyncClient(transport=elsewhere, base_url="http://forum") as other:
            assert (await try_code(other, code)).status_code == 201


async def test_right_codes_are_not_counted(database_url: str, tmp_path: Path) -> None:
    async with running(database_url, tmp_path) as checkin:
        for _ in range(WRONG_CODES_AT_ONCE + 5):
            await checkin.pair(IN)
