"""Whoever is told of scans afterwards waits for those who scan, but not for ever."""

from __future__ import annotations

import asyncio

import pytest

from services.checkin.lull import Lull


async def scan_all_the_time(lull: Lull) -> None:
    while True:
        lull.ends()
        await asyncio.sleep(0)


async def test_a_gate_where_nobody_scans_has_its_lull_at_once() -> None:
    await Lull(least=0).come()


def test_whether_anybody_scans_just_then_can_be_asked(monkeypatch: pytest.MonkeyPatch) -> None:
    lull = Lull()
    assert lull.is_now
    lull.ends()
    monkeypatch.setattr("services.checkin.lull.QUIET_SECONDS", 3600)
    assert not lull.is_now
    monkeypatch.setattr("services.checkin.lull.QUIET_SECONDS", 0)
    assert lull.is_now


async def test_there_is_no_lull_while_people_scan() -> None:
    lull = Lull(least=0.001, most=3600)
    scanning = asyncio.create_task(scan_all_the_time(lull))
    coming = asyncio.create_task(lull.come())
    done, _ = await asyncio.wait([coming], timeout=0.2)
    assert not done
    scanning.cancel()
    await coming


async def test_people_who_never_stop_hold_nothing_up_for_ever() -> None:
    lull = Lull(least=0.001, most=0.05)
    scanning = asyncio.create_task(scan_all_the_time(lull))
    await lull.come()
    assert not scanning.done()
    scanning.cancel()
