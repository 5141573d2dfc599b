"""Alerts: raised where something is noticed, seen by those who watch, acknowledged by a lead."""

from __future__ import annotations

import asyncio
import re
from collections.abc import AsyncIterator, Sequence
from typing import Any
from uuid import UUID, uuid4

import httpx
import pytest
from sqlalchemy.exc import IntegrityError

from deploy.private_servers import PostgreSQL
from services.checkin import scan_log
from services.checkin.alarms import MANY
from services.checkin.alerts import AlertKind, raise_alert
from services.checkin.gates import Gates
from services.checkin.scan_log import Line
from shared.access import Role
from shared.database import Run
from shared.events import Event, TroubleCounted
from shared.settings import REPOSITORY
from tests.checkin import IN, OTHER_IN, Badge, Body, Checkin, new_scan_id, running
from tests.people import NOBODY

LEADS = (Role.organiser, Role.security_lead)
WATCHERS = (*LEADS, Role.viewer)


@pytest.fixture(scope="module")
async def checkin(
    postgres: PostgreSQL, tmp_path_factory: pytest.TempPathFactory
) -> AsyncIterator[Checkin]:
    postgres.drop_databases()
    async with running(postgres.url, tmp_path_factory.mktemp("home")) as service:
        yield service


async def raised(checkin: Checkin, **about: Any) -> UUID:
    """An alert, about a scan of its own unless said otherwise; answers the scan's id."""
    gates: Gates = checkin.service.app.state.gates
    scan_id: UUID = about.setdefault("scan_id", uuid4())
    async with gates.database.begin() as tx:
        await raise_alert(tx, gates, AlertKind.double_use, at=gates.clock.now(), **about)
    return scan_id


async def listed(checkin: Checkin, **params: Any) -> list[Body]:
    answer = await checkin.http.get("/checkin/api/alerts", params=params, headers=checkin.lead)
    assert answer.status_code == 200, answer.text
    items: list[Body] = answer.json()["items"]
    return items


async def about(checkin: Checkin, scan_id: UUID | str) -> list[Body]:
    return [one for one in await listed(checkin, limit=200) if one["scan_id"] == str(scan_id)]


async def acknowledge(checkin: Checkin, alert: Body, role: Role = Role.security_lead) -> Any:
    return await checkin.http.post(
        f"/checkin/api/alerts/{alert['id']}/acknowledge", headers=checkin.staff(role)
    )


# --- raising and listing -------------------------------------------------------------------------


async def test_an_alert_says_what_where_and_about_whom(checkin: Checkin) -> None:
    device, who = await checkin.at(IN), uuid4()
    scan_id = await raised(
        checkin, gate=IN, device_id=device.id, registration_id=who, detail="Also at montbrillant"
    )
    [alert] = await about(checkin, scan_id)
    assert alert == {
        "id": alert["id"],
        "kind": "double_use",
        "at": alert["at"],
        "gate": IN,
        "device_id": str(device.id),
        "scan_id": str(scan_id),
        "registration_id": str(who),
        "detail": "Also at montbrillant",
        "acknowledged_at": None,
        "acknowledged_by": None,
    }
    assert alert["at"].startswith("2017-06-12T")


async def test_the_same_about_the_same_scan_alerts_once(checkin: Checkin) -> None:
    scan_id = uuid4()
    await asyncio.gather(*(raised(checkin, scan_id=scan_id) for _ in range(4)))
    assert len(await about(checkin, scan_id)) == 1


async def test_an_alert_of_a_transaction_that_fails_is_none(checkin: Checkin) -> None:
    gates: Gates = checkin.service.app.state.gates
    scan_id = uuid4()

    async def fail() -> None:
        async with gates.database.begin() as tx:
            now = gates.clock.now()
            await raise_alert(tx, gates, AlertKind.forged_badge, at=now, scan_id=scan_id)
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        await fail()
    assert await about(checkin, scan_id) == []


async def test_alerts_page_newest_first(checkin: Checkin) -> None:
    scans = [await raised(checkin) for _ in range(5)]
    seen: list[str] = []
    cursor: dict[str, str] = {}
    while True:
        answer = await checkin.http.get(
            "/checkin/api/alerts", params={"limit": 2, **cursor}, headers=checkin.lead
        )
        page = answer.json()
        seen += [alert["scan_id"] for alert in page["items"]]
        if page["next_cursor"] is None:
            break
        cursor = {"cursor": page["next_cursor"]}
    assert seen[:5] == [str(scan_id) for scan_id in reversed(scans)]
    assert len(set(seen)) == len(seen)


# --- acknowledging -------------------------------------------------------------------------------


async def test_an_acknowledged_alert_is_open_no_more(checkin: Checkin) -> None:
    [alert] = await about(checkin, await raised(checkin))
    assert alert["id"] in {one["id"] for one in await listed(checkin, open=True, limit=200)}
    answer = await acknowledge(checkin, alert)
    assert answer.status_code == 200
    seen_to = answer.json()
    assert seen_to == alert | {
        "acknowledged_at": seen_to["acknowledged_at"],
        "acknowledged_by": "Ada",
    }
    assert seen_to["acknowledged_at"].startswith("2017-06-12T")
    assert alert["id"] not in {one["id"] for one in await listed(checkin, open=True, limit=200)}
    assert seen_to in await listed(checkin, open=False, limit=200)


async def test_acknowledging_again_changes_nothing(checkin: Checkin) -> None:
    [alert] = await about(checkin, await raised(checkin))
    answers = await asyncio.gather(*(acknowledge(checkin, alert) for _ in range(4)))
    assert {answer.status_code for answer in answers} == {200}
    first = answers[0].json()
    again = await checkin.nothing_written(acknowledge(checkin, alert, Role.organiser))
    assert again.json() == first


@pytest.mark.parametrize("alert_id", [str(NOBODY), "7", "%00"])
async def test_an_alert_that_never_was_cannot_be_acknowledged(
    checkin: Checkin, alert_id: str
) -> None:
    answer = await checkin.nothing_written(acknowledge(checkin, {"id": alert_id}))
    assert answer.status_code == 404


# --- of scans ------------------------------------------------------------------------------------


async def test_a_scan_that_is_judged_again_still_has_its_alert(
    checkin: Checkin, monkeypatch: pytest.MonkeyPatch
) -> None:
    tries, write = 0, scan_log.write

    async def fail_at_first(run: Run, lines: Sequence[Line]) -> set[UUID]:
        nonlocal tries
        tries += 1
        if tries == 1:
            raise IntegrityError(None, None, Exception())
        return await write(run, lines)

    monkeypatch.setattr(scan_log, "write", fail_at_first)
    badge = await checkin.badge()
    forged = badge.credential[:-1] + ("0" if badge.credential[-1] != "0" else "1")
    refused = await checkin.scan(forged)
    assert (tries, refused["reason"]) == (2, "bad_signature")
    [alert] = await about(checkin, refused["scan_id"])
    assert alert["kind"] == "forged_badge"


async def test_nonsense_that_is_judged_again_is_counted_once(
    checkin: Checkin, monkeypatch: pytest.MonkeyPatch
) -> None:
    device, write = await checkin.pair(IN), scan_log.write
    failed: set[Any] = set()

    async def fail_each_once(run: Run, lines: Sequence[Line]) -> set[UUID]:
        if not {line["scan_id"] for line in lines} <= failed:
            failed.update(line["scan_id"] for line in lines)
            raise IntegrityError(None, None, Exception())
        return await write(run, lines)

    monkeypatch.setattr(scan_log, "write", fail_each_once)
    for number in range(MANY - 1):
        scan = {"scan_id": new_scan_id(), "credential": f"NONSENSE {number}"}
        assert (await checkin.post_scan(device, scan)).status_code == 200
    of_device = [one for one in await listed(checkin) if one["device_id"] == str(device.id)]
    assert of_device == []
    last = {"scan_id": new_scan_id(), "credential": "NONSENSE"}
    await checkin.post_scan(device, last)
    assert [one["kind"] for one in await about(checkin, last["scan_id"])] == ["unknown_badges"]


# --- corrections ---------------------------------------------------------------------------------


async def show(checkin: Checkin, scan: Body, gate: str = IN, **body: Any) -> httpx.Response:
    device = await checkin.at(gate)
    told = {"decision": "admitted", "reason": "first_entry"} | body
    return await checkin.http.post(
        f"/checkin/api/scans/{scan['scan_id']}/shown", json=told, headers=device.headers
    )


async def test_an_officer_who_was_told_something_else_is_an_alert(checkin: Checkin) -> None:
    badge = await checkin.badge()
    await checkin.scan(badge, OTHER_IN)
    refused = await checkin.scan(badge)
    for _ in range(2):  # the answer to the first may be lost
        answer = await show(checkin, refused)
        assert (answer.status_code, answer.content) == (204, b"")
    [alert] = await about(checkin, refused["scan_id"])
    assert alert["kind"] == "correction"
    assert alert["gate"] == IN
    assert alert["registration_id"] == str(badge.registration_id)
    assert alert["detail"] == "shown admitted: first_entry; logged refused: already_inside"


async def test_an_officer_who_was_told_the_same_is_none(checkin: Checkin) -> None:
    admitted = await checkin.scan(await checkin.badge())
    answer = await checkin.nothing_written(show(checkin, admitted))
    assert answer.status_code == 204


async def test_only_a_devices_own_scans_are_corrected(checkin: Checkin) -> None:
    badge: Badge = await checkin.badge()
    scan = await checkin.scan(badge)
    undone = (await checkin.undo(scan, by=await checkin.at(IN))).json()
    await checkin.at(OTHER_IN)  # a device is paired there
    for wrong, gate in (
        (scan, OTHER_IN),
        (undone, IN),
        ({"scan_id": new_scan_id()}, IN),
        ({"scan_id": "7"}, IN),
    ):
        answer = await checkin.nothing_written(show(checkin, wrong, gate, decision="refused"))
        assert answer.status_code == 404


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({"decision": "maybe"}, "decision"),
        ({"decision": None}, "decision"),
        ({"reason": "because"}, "reason"),
        ({"reason": 7}, "reason"),
        ({"other": "thing"}, "other"),
    ],
)
async def test_a_wrong_correction_is_refused_and_the_field_is_named(
    checkin: Checkin, body: Body, field: str
) -> None:
    scan = await checkin.scan(await checkin.badge())
    answer = await checkin.nothing_written(show(checkin, scan, **body))
    assert answer.status_code == 422
    assert [error["field"] for error in answer.json()["errors"]] == [field]


# --- who may -------------------------------------------------------------------------------------


@pytest.mark.parametrize("role", Role)
async def test_watchers_see_alerts_and_leads_acknowledge_them(checkin: Checkin, role: Role) -> None:
    [alert] = await about(checkin, await raised(checkin))
    headers = checkin.staff(role)
    seen = await checkin.http.get("/checkin/api/alerts", headers=headers)
    assert seen.status_code == (200 if role in WATCHERS else 403)
    answer = await acknowledge(checkin, alert, role)
    assert answer.status_code == (200 if role in LEADS else 403)
    shown = await checkin.http.post(
        f"/checkin/api/scans/{alert['scan_id']}/shown",
        json={"decision": "admitted", "reason": "reentry"},
        headers=headers,
    )
    assert shown.status_code == 401


async def test_nobody_else_sees_alerts(checkin: Checkin) -> None:
    [alert] = await about(checkin, await raised(checkin))
    device = await checkin.at(IN)
    registrant = checkin.keyring.registrant_token(uuid4())
    for headers in ({}, device.headers, {"Authorization": f"Bearer {registrant}"}):
        seen = await checkin.http.get("/checkin/api/alerts", headers=headers)
        acknowledged = await checkin.http.post(
            f"/checkin/api/alerts/{alert['id']}/acknowledge", headers=headers
        )
        assert (seen.status_code, acknowledged.status_code) == (401, 401)


@pytest.mark.parametrize(
    ("params", "field"),
    [({"open": "perhaps"}, "open"), ({"cursor": "7"}, "cursor"), ({"limit": 0}, "limit"),
     ({"limit": 201}, "limit")],
)  # fmt: skip
async def test_a_wrong_page_is_refused_and_the_field_is_named(
    checkin: Checkin, params: Body, field: str
) -> None:
    answer = await checkin.http.get("/checkin/api/alerts", params=params, headers=checkin.lead)
    assert answer.status_code == 422
    assert [error["field"] for error in answer.json()["errors"]] == [field]


# --- what goes wrong elsewhere -------------------------------------------------------------------


async def open_of(checkin: Checkin, kind: str) -> list[str]:
    return [one["detail"] for one in await listed(checkin, open=True) if one["kind"] == kind]


async def test_mail_that_comes_back_is_an_alert_once_it_is_several(checkin: Checkin) -> None:
    def bounced(count: int) -> TroubleCounted:
        return TroubleCounted(kind="mail_bouncing", where="notifications", count=count)

    await checkin.hear(bounced(4))
    assert await open_of(checkin, "mail_bouncing") == []
    await checkin.hear(bounced(5), bounced(9))
    assert await open_of(checkin, "mail_bouncing") == ["notifications"]
    await checkin.hear(bounced(3))
    assert await open_of(checkin, "mail_bouncing") == ["notifications"]
    await checkin.hear(bounced(0))
    assert await open_of(checkin, "mail_bouncing") == []


async def test_dead_letters_of_any_service_are_an_alert_until_they_are_gone(
    checkin: Checkin,
) -> None:
    queue = "notifications.registrations"
    for count in (1, 3):
        await checkin.hear(TroubleCounted(kind="dead_letters", where=queue, count=count))
        assert await open_of(checkin, "dead_letters") == [queue]
    await checkin.hear(TroubleCounted(kind="dead_letters", where=queue, count=0))
    assert await open_of(checkin, "dead_letters") == []


async def test_a_count_that_was_overtaken_by_a_newer_one_alerts_nobody(checkin: Checkin) -> None:
    def counted(where: str, count: int) -> Event:
        return checkin.event(TroubleCounted(kind="dead_letters", where=where, count=count))

    # Only what is newer of the same queue overtakes.
    five, elsewhere = counted("badging.staff", 5), counted("badging.attendance", 1)
    for event in (counted("badging.staff", 0), five, elsewhere):
        await checkin.neighbours.deliver(event)
    assert await open_of(checkin, "dead_letters") == ["badging.attendance"]


def test_the_control_room_has_words_for_every_kind() -> None:
    # TypeScript sees to it that the other languages have the same.
    words = (REPOSITORY / "services/checkin/web/src/words/en.ts").read_text(encoding="utf-8")
    [kinds] = re.findall(r"alertKinds: \{(.*?)\}", words, re.DOTALL)
    assert set(re.findall(r"(\w+): '", kinds)) == set(AlertKind)
