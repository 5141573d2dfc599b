"""Scans that devices made without network, and tell of afterwards."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from services.checkin import judging, tables, turnstile
from services.checkin.cases import UNKNOWN_TO_THE_DEVICE
from services.checkin.scans import Answer
from services.checkin.schemas import MOST_SCANS
from tests.checkin import IN, OTHER_IN, Badge, Body, Checkin, Device, new_scan_id, running


@pytest.fixture
async def checkin(database_url: str, tmp_path: Path) -> AsyncIterator[Checkin]:
    async with running(database_url, tmp_path) as service:
        yield service


def made(checkin: Checkin, badge: Badge, minutes_ago: float, **more: Any) -> Body:
    at = checkin.service.platform.clock.now() - timedelta(minutes=minutes_ago)
    scanned_at = at.isoformat()
    return {
        "scan_id": new_scan_id(),
        "credential": badge.credential,
        "scanned_at": scanned_at,
        **more,
    }


async def tell(checkin: Checkin, device: Device, *scans: Any) -> list[Body]:
    answer = await checkin.http.post(
        "/checkin/api/scans/batch", json={"scans": list(scans)}, headers=device.headers
    )
    assert answer.status_code == 200, answer.text
    answers: list[Body] = answer.json()["answers"]
    return answers


async def alerts(checkin: Checkin) -> list[tuple[str, str]]:
    answer = await checkin.http.get("/checkin/api/alerts", headers=checkin.lead)
    assert answer.status_code == 200, answer.text
    return [(alert["kind"], alert["scan_id"]) for alert in answer.json()["items"]]


async def logged(checkin: Checkin) -> list[tuple[str, str, str | None]]:
    rows = sorted(await checkin.rows(tables.scans), key=lambda row: int(row.seq))
    return [(str(row.scan_id), row.decision, row.conflict) for row in rows]


async def test_a_batch_of_nothing_is_answered_with_nothing(checkin: Checkin) -> None:
    assert await tell(checkin, await checkin.at(IN)) == []


async def test_a_batch_is_answered_in_its_order_and_keeps_the_devices_time(
    checkin: Checkin,
) -> None:
    device, badges = await checkin.at(IN), [await checkin.badge() for _ in range(3)]
    scans = [made(checkin, badge, 30 - n) for n, badge in enumerate(badges)]
    answers = await tell(checkin, device, *scans)
    assert [answer["scan_id"] for answer in answers] == [scan["scan_id"] for scan in scans]
    assert {answer["reason"] for answer in answers} == {"first_entry"}
    rows = await checkin.rows(tables.scans)
    assert [row.at.isoformat() for row in rows] == [row.device_time.isoformat() for row in rows]
    assert [str(row.scan_id) for row in rows] == [scan["scan_id"] for scan in scans]


async def test_one_person_may_come_and_go_within_a_batch(checkin: Checkin) -> None:
    device, badge = await checkin.at(IN), await checkin.badge()
    ways = [("in", 40), ("out", 30), ("in", 20), ("in", 10)]
    scans = [made(checkin, badge, ago, direction=way) for way, ago in ways]
    answers = await tell(checkin, device, *scans)
    # The last: by its own scans the device knew that the person is inside.
    assert [(answer["decision"], answer["reason"]) for answer in answers] == [
        ("admitted", "first_entry"),
        ("admitted", "departed"),
        ("admitted", "reentry"),
        ("refused", "already_inside"),
    ]
    assert await alerts(checkin) == []
    assert (await checkin.attendance())["inside"] == 1


async def test_told_again_a_batch_changes_nothing_and_has_the_same_answers(
    checkin: Checkin,
) -> None:
    device, badges = await checkin.at(IN), [await checkin.badge() for _ in range(2)]
    scans = [made(checkin, badge, 5) for badge in badges]
    first = await tell(checkin, device, *scans)
    before = await logged(checkin)
    # Also in pieces, as when the answer to the first was lost half-way.
    assert await tell(checkin, device, scans[1]) == [first[1]]
    assert await tell(checkin, device, *scans) == first
    assert await logged(checkin) == before
    said = [event.type for event in await checkin.said()]
    assert said.count("attendance.admitted.v1") == 2


async def test_two_gates_that_admitted_one_badge_are_both_believed_and_alert(
    checkin: Checkin,
) -> None:
    badge = await checkin.badge()
    one, other = await checkin.at(IN), await checkin.at(OTHER_IN)
    here, there = made(checkin, badge, 20), made(checkin, badge, 10)
    [first] = await tell(checkin, one, here)
    [second] = await tell(checkin, other, there)
    assert (first["decision"], first["conflict"]) == ("admitted", None)
    assert (second["decision"], second["conflict"]) == ("admitted", "already_inside")
    assert await alerts(checkin) == [("double_use", there["scan_id"])]
    assert len(await logged(checkin)) == 2
    figures = await checkin.attendance()
    assert (figures["inside"], figures["arrived_today"]) == (1, 1)


async def test_two_gates_that_tell_at_the_same_time_make_one_alert(checkin: Checkin) -> None:
    badge = await checkin.badge()
    one, other = await checkin.at(IN), await checkin.at(OTHER_IN)
    pair = (made(checkin, badge, 20, admitted=True), made(checkin, badge, 20, admitted=True))
    await asyncio.gather(tell(checkin, one, pair[0]), tell(checkin, other, pair[1]))
    assert [kind for kind, _ in await alerts(checkin)] == ["double_use"]
    assert {decision for _, decision, _ in await logged(checkin)} == {"admitted"}


@pytest.mark.parametrize("status", ["revoked", "superseded", "cancelled"])
async def test_a_badge_stopped_meanwhile_is_inside_in_fact_and_alerts(
    checkin: Checkin, status: str
) -> None:
    badge = await checkin.badge()
    scan = made(checkin, badge, 5)
    await checkin.stop(badge, status)
    [answer] = await tell(checkin, await checkin.at(IN), scan)
    assert (answer["decision"], answer["conflict"]) == ("admitted", status)
    assert await alerts(checkin) == [("stopped_badge_admitted", scan["scan_id"])]
    assert (await checkin.attendance())["inside"] == 1


async def test_what_the_device_refused_did_not_pass(checkin: Checkin) -> None:
    badge = await checkin.badge()
    scan = made(checkin, badge, 5, admitted=False, reason="unknown_badge")
    [answer] = await tell(checkin, await checkin.at(IN), scan)
    assert (answer["decision"], answer["reason"]) == ("refused", "unknown_badge")
    assert (await checkin.attendance())["inside"] == 0
    assert await alerts(checkin) == []


@pytest.mark.parametrize("reason", sorted({"not_valid_today", "zone_not_allowed"}))
async def test_what_the_device_could_know_is_judged_by_the_rules(
    checkin: Checkin, reason: str
) -> None:
    badge = await checkin.badge(**({"days": 2} if reason == "not_valid_today" else {"zones": 2}))
    assert reason not in UNKNOWN_TO_THE_DEVICE
    [answer] = await tell(checkin, await checkin.at(IN), made(checkin, badge, 5))
    assert (answer["decision"], answer["reason"]) == ("refused", reason)
    # Unless it says that it let the person in all the same.
    [answer] = await tell(checkin, await checkin.at(IN), made(checkin, badge, 4, admitted=True))
    assert (answer["decision"], answer["conflict"]) == ("admitted", reason)


async def test_a_scan_stays_where_it_was_made_though_the_device_was_moved(
    checkin: Checkin,
) -> None:
    device, badge = await checkin.pair(IN), await checkin.badge()
    scan = made(checkin, badge, 5, gate=IN)
    moved = await checkin.http.patch(
        f"/checkin/api/devices/{device.id}", json={"gate": OTHER_IN}, headers=checkin.lead
    )
    assert moved.status_code == 200
    other = made(checkin, await checkin.badge(), 4)
    await tell(checkin, device, scan, other)
    rows = await checkin.rows(tables.scans)
    assert {str(row.scan_id): row.gate for row in rows} == {
        scan["scan_id"]: IN,
        other["scan_id"]: OTHER_IN,
    }


async def test_a_forged_badge_is_never_in_whatever_the_device_says(checkin: Checkin) -> None:
    badge = await checkin.badge()
    forged = badge.credential[:-1] + ("0" if badge.credential[-1] != "0" else "1")
    scan = made(checkin, badge, 5, admitted=True) | {"credential": forged}
    [answer] = await tell(checkin, await checkin.at(IN), scan)
    assert (answer["decision"], answer["reason"]) == ("refused", "bad_signature")
    assert await alerts(checkin) == [("forged_badge", scan["scan_id"])]


async def test_of_a_batch_what_cannot_be_read_is_told_and_the_rest_is_done(
    checkin: Checkin,
) -> None:
    device, badge = await checkin.at(IN), await checkin.badge()
    good = made(checkin, badge, 5)
    wrong: list[Any] = [
        {**good, "scan_id": "seven"},
        {**good, "scan_id": new_scan_id(), "number": "7KQ2-M9X1"},
        {**good, "scan_id": new_scan_id(), "scanned_at": "yesterday"},
        {**good, "scan_id": new_scan_id(), "admitted": "yes"},
        "a scan",
    ]
    answers = await tell(checkin, device, wrong[0], wrong[1], good, *wrong[2:])
    assert answers[2]["decision"] == "admitted"
    problems = [answers[place] for place in (0, 1, 3, 4, 5)]
    assert [one["scan_id"] for one in problems[:4]] == [one["scan_id"] for one in wrong[:4]]
    fields = [[error["field"] for error in one["problem"]["errors"]] for one in problems]
    assert fields == [
        ["scans.0.scan_id"],
        ["scans.1.number"],
        ["scans.3.scanned_at"],
        ["scans.4.admitted"],
        ["scans.5"],
    ]
    assert [one[0] for one in await logged(checkin)] == [good["scan_id"]]


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({}, "scans"),
        ({"scans": {}}, "scans"),
        ({"scans": [{}] * (MOST_SCANS + 1)}, "scans"),
        ({"scans": [{}], "device": "another"}, "device"),
    ],
)
async def test_a_batch_that_is_none_changes_nothing(
    checkin: Checkin, body: Body, field: str
) -> None:
    device = await checkin.at(IN)
    answer = await checkin.nothing_written(
        checkin.http.post("/checkin/api/scans/batch", json=body, headers=device.headers)
    )
    assert answer.status_code == 422
    assert [error["field"] for error in answer.json()["errors"]] == [field]


async def test_a_full_batch_is_taken(checkin: Checkin) -> None:
    device, badge = await checkin.at(IN), await checkin.badge()
    ways = ("in", "out")
    scans = [
        made(checkin, badge, (MOST_SCANS - n) / 60, direction=ways[n % 2])
        for n in range(MOST_SCANS)
    ]
    answers = await tell(checkin, device, *scans)
    assert len(answers) == MOST_SCANS
    assert {answer["decision"] for answer in answers} == {"admitted"}
    assert [one for one, _, _ in await logged(checkin)] == [scan["scan_id"] for scan in scans]


async def test_devices_that_all_tell_at_once_take_turns(
    checkin: Checkin, monkeypatch: pytest.MonkeyPatch
) -> None:
    now, most = 0, 0

    async def counted(*args: Any) -> list[Answer | None]:
        nonlocal now, most
        now += 1
        most = max(most, now)
        try:
            return await judging.judge(*args)
        finally:
            now -= 1

    monkeypatch.setattr(turnstile, "judge", counted)
    devices = [await checkin.pair(IN) for _ in range(8)]
    badges = [await checkin.badge() for _ in devices]
    answers = await asyncio.gather(
        *(
            tell(checkin, device, made(checkin, badge, 5))
            for device, badge in zip(devices, badges, strict=True)
        )
    )
    assert [answer["decision"] for [answer] in answers] == ["admitted"] * len(devices)
    assert most <= turnstile.BATCHES


async def test_a_device_that_is_unpaired_tells_nothing(checkin: Checkin) -> None:
    device, badge = await checkin.pair(IN), await checkin.badge()
    scan = made(checkin, badge, 5)
    await tell(checkin, device, scan)
    await checkin.http.post(f"/checkin/api/devices/{device.id}/revoke", headers=checkin.lead)
    before = await logged(checkin)
    answer = await checkin.http.post(
        "/checkin/api/scans/batch",
        json={"scans": [scan, made(checkin, badge, 1)]},
        headers=device.headers,
    )
    assert answer.status_code == 401
    assert await logged(checkin) == before


async def test_many_unknown_codes_of_one_device_alert_once(checkin: Checkin) -> None:
    device = await checkin.pair(IN)
    badge = await checkin.badge()
    scans = [made(checkin, badge, 1) | {"credential": f"NONSENSE {number}"} for number in range(80)]
    answers = await tell(checkin, device, *scans)
    assert {answer["reason"] for answer in answers} == {"malformed"}
    assert [kind for kind, _ in await alerts(checkin)] == ["unknown_badges"]
    assert len(await logged(checkin)) == 80
