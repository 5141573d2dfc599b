"""Who must be got out of the house, and the roll call outside."""

from __future__ import annotations

import asyncio
import csv
import io
import re
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any
from uuid import uuid4

import httpx
import pytest
from structlog.testing import capture_logs

from shared.access import Role
from tests.checkin import ALL_ZONES, IN, OTHER_IN, OUT, ROOM, Badge, Body, Checkin, running
from tests.people import NOBODY, confirmed, portrait

LEADS = (Role.organiser, Role.security_lead)


@pytest.fixture
async def checkin(database_url: str, tmp_path: Path) -> AsyncIterator[Checkin]:
    async with running(database_url, tmp_path, clock="2017-06-12T12:00:00+02:00") as service:
        yield service


async def listed(checkin: Checkin) -> Body:
    answer = await checkin.http.get("/checkin/api/evacuation", headers=checkin.lead)
    assert answer.status_code == 200, answer.text
    body: Body = answer.json()
    return body


async def person(checkin: Checkin, badge: Badge) -> Body:
    [found] = [
        one
        for one in (await listed(checkin))["people"]
        if one["registration_id"] == str(badge.registration_id)
    ]
    return dict(found)


async def ids(checkin: Checkin) -> set[str]:
    return {one["registration_id"] for one in (await listed(checkin))["people"]}


async def post(checkin: Checkin, path: str, **headers: Any) -> httpx.Response:
    return await checkin.http.post(f"/checkin/api/{path}", headers=headers or checkin.lead)


async def begin(checkin: Checkin) -> str:
    answer = await post(checkin, "roll-calls")
    assert answer.status_code == 200, answer.text
    return str(answer.json()["id"])


async def mark(checkin: Checkin, badge: Badge, word: str = "found", by: str = "Ada") -> None:
    token = checkin.keyring.staff_token(Role.security_lead, by)
    headers = {"Authorization": f"Bearer {token}"}
    path = f"evacuation/people/{badge.registration_id}/{word}"
    answer = await post(checkin, path, **headers)
    assert answer.status_code == 204, answer.text


async def counts(checkin: Checkin) -> tuple[int, int, int]:
    body = await listed(checkin)
    return body["missing"], body["found"], body["left"]


# --- who is inside -------------------------------------------------------------------------------


async def test_the_list_has_everybody_who_is_inside_and_nobody_else(checkin: Checkin) -> None:
    inside, left, back, refused, absent = [await checkin.badge() for _ in range(5)]
    for badge in (inside, left, back):
        await checkin.scan(badge, IN)
    for badge in (left, back):
        await checkin.scan(badge, OUT)
    await checkin.scan(back, OTHER_IN)
    await checkin.stop(refused, "revoked")
    await checkin.scan(refused, IN)
    assert await ids(checkin) == {str(one.registration_id) for one in (inside, back)}
    assert (await listed(checkin))["missing"] == (await checkin.attendance())["inside"] == 2
    assert absent.registration_id not in await ids(checkin)


async def test_it_says_who_they_are_and_where_they_came_in(checkin: Checkin) -> None:
    badge = await checkin.badge(category="media", country="KE", organization="Radio")
    await checkin.scan(badge, IN, scanned_at="2017-06-12T08:15:00+02:00")
    assert await person(checkin, badge) == {
        "registration_id": str(badge.registration_id),
        "family_name": "Hopper",
        "given_name": "Grace",
        "organization": "Radio",
        "category": "media",
        "country": "KE",
        "photo": None,
        "number": badge.number,
        "entrance": "tower",
        "since": "2017-06-12T08:15:00+02:00",
        "zone": "venue",
        "seen_at": "2017-06-12T08:15:00+02:00",
        "seen_gate": IN,
        "state": "missing",
        "marked_at": None,
        "marked_by": None,
    }


async def test_their_photo_is_on_the_list(checkin: Checkin) -> None:
    photo = portrait("teal")
    badge = await checkin.badge(photo=photo)
    await checkin.scan(badge, IN)
    page = await checkin.http.get("/checkin/evacuation", headers=checkin.lead)
    [address] = re.findall(r'<img src="([^"]+)"', page.text)
    answer = await checkin.http.get(address, headers=checkin.lead)
    assert (answer.status_code, answer.content) == (200, photo)


async def test_it_says_where_they_were_seen_last(checkin: Checkin) -> None:
    badge, other = [await checkin.badge(zones=ALL_ZONES) for _ in range(2)]
    await checkin.scan(badge, IN, scanned_at="2017-06-12T08:15:00+02:00")
    await checkin.scan(badge, ROOM, scanned_at="2017-06-12T10:00:00+02:00")
    await checkin.scan(other, IN)
    seen = await person(checkin, badge)
    assert (seen["zone"], seen["seen_gate"], seen["entrance"]) == ("high_level", ROOM, "tower")
    assert [one["zone"] for one in (await listed(checkin))["people"]] == ["venue", "high_level"]
    await checkin.scan(badge, OUT)
    assert str(badge.registration_id) not in await ids(checkin)


async def test_who_was_seen_in_a_room_after_leaving_is_looked_for(checkin: Checkin) -> None:
    badge = await checkin.badge(zones=ALL_ZONES)
    await checkin.scan(badge, IN, scanned_at="2017-06-12T08:15:00+02:00")
    await checkin.scan(badge, OUT, scanned_at="2017-06-12T09:00:00+02:00")
    await checkin.scan(badge, ROOM, scanned_at="2017-06-12T10:00:00+02:00")
    seen = await person(checkin, badge)
    assert (seen["zone"], seen["entrance"], seen["since"]) == ("high_level", None, None)


async def test_nobody_is_inside_from_the_day_before(database_url: str, tmp_path: Path) -> None:
    async with running(database_url, tmp_path, clock="2017-06-13T07:00:00+02:00") as checkin:
        badge = await checkin.badge(zones=ALL_ZONES)
        await checkin.scan(badge, IN, scanned_at="2017-06-12T18:00:00+02:00")
        await checkin.scan(badge, ROOM, scanned_at="2017-06-12T18:10:00+02:00")
        assert await ids(checkin) == set()


async def test_the_list_as_csv_says_the_same(checkin: Checkin) -> None:
    badge = await checkin.badge(family_name="=1+1")
    await checkin.hear(confirmed(badge.registration_id, 3, portrait(), family_name="=1+1"))
    await checkin.scan(badge, IN)
    with capture_logs() as logged:
        answer = await checkin.http.get("/checkin/api/evacuation.csv", headers=checkin.lead)
    assert [entry["rows"] for entry in logged if entry["event"] == "export.made"] == [1]
    [row] = csv.DictReader(io.StringIO(answer.content.decode(), newline=""))
    said = await person(checkin, badge)
    assert row.pop("family_name") == "'=1+1"
    said.pop("family_name")
    assert said.pop("photo") is not None
    assert row == {name: value or "" for name, value in said.items()}
    marked = await checkin.http.get("/checkin/api/evacuation.csv?bom=true", headers=checkin.lead)
    assert marked.content == b"\xef\xbb\xbf" + answer.content


# --- the roll call -------------------------------------------------------------------------------


async def test_a_roll_call_looks_for_all_who_were_inside_when_it_began(checkin: Checkin) -> None:
    people = [await checkin.badge() for _ in range(3)]
    for badge in people:
        await checkin.scan(badge, IN)
    await begin(checkin)
    assert await counts(checkin) == (3, 0, 0)
    await mark(checkin, people[0])
    await checkin.scan(people[1], OUT)
    assert await counts(checkin) == (1, 1, 1)
    assert [(await person(checkin, one))["state"] for one in people] == ["found", "left", "missing"]


async def test_who_turns_out_to_have_been_inside_is_looked_for_too(checkin: Checkin) -> None:
    await begin(checkin)
    late = await checkin.badge()
    await checkin.scan(late, IN, scanned_at="2017-06-12T09:00:00+02:00")
    assert (await person(checkin, late))["state"] == "missing"
    await mark(checkin, late)
    assert (await person(checkin, late))["state"] == "found"


async def test_somebody_may_be_found_who_was_not_on_the_list(checkin: Checkin) -> None:
    call, badge = await begin(checkin), await checkin.badge()
    await mark(checkin, badge)
    assert (await person(checkin, badge))["state"] == "found"
    await post(checkin, f"roll-calls/{call}/end")
    ended = await checkin.http.get(f"/checkin/api/roll-calls/{call}", headers=checkin.lead)
    assert (ended.json()["missing"], ended.json()["found"]) == (0, 1)


async def test_the_first_to_find_somebody_is_named_until_they_are_not_found(
    checkin: Checkin,
) -> None:
    badge = await checkin.badge()
    await checkin.scan(badge, IN)
    await begin(checkin)
    await mark(checkin, badge, by="Ada")
    first = await person(checkin, badge)
    await mark(checkin, badge, by="Grace")
    assert await person(checkin, badge) == first
    assert (first["state"], first["marked_by"]) == ("found", "Ada")
    await mark(checkin, badge, "not-found", by="Grace")
    again = await person(checkin, badge)
    assert (again["state"], again["marked_by"]) == ("missing", "Grace")
    await mark(checkin, badge, by="Grace")
    assert (await person(checkin, badge))["marked_by"] == "Grace"


async def test_many_stewards_at_once_lose_no_mark(checkin: Checkin) -> None:
    people = [await checkin.badge() for _ in range(12)]
    for badge in people:
        await checkin.scan(badge, IN)
    calls = await asyncio.gather(*(begin(checkin) for _ in range(6)))
    assert len(set(calls)) == 1
    await asyncio.gather(
        *(mark(checkin, badge, by=f"Steward {n % 3}") for n, badge in enumerate(2 * people))
    )
    assert await counts(checkin) == (0, 12, 0)
    assert (
        len((await checkin.http.get("/checkin/api/roll-calls", headers=checkin.lead)).json()) == 1
    )


async def test_marks_are_told_apart_from_the_list(checkin: Checkin) -> None:
    found, missing = [await checkin.badge() for _ in range(2)]
    for badge in (found, missing):
        await checkin.scan(badge, IN)
    call = await begin(checkin)
    await mark(checkin, found)
    marks = (await checkin.http.get("/checkin/api/evacuation/marks", headers=checkin.lead)).json()
    assert marks["roll_call"]["id"] == call
    assert (marks["missing"], marks["found"], marks["left"]) == (1, 1, 0)
    [(who, how)] = marks["people"].items()
    assert who == str(found.registration_id)
    assert (how["state"], how["marked_by"]) == ("found", "Ada")
    assert how["marked_at"].endswith("+02:00")


async def test_an_ended_roll_call_stays_as_it_was(checkin: Checkin) -> None:
    people = [await checkin.badge() for _ in range(3)]
    for badge in people:
        await checkin.scan(badge, IN)
    call = await begin(checkin)
    await mark(checkin, people[0])
    await checkin.scan(people[1], OUT)
    first = (await post(checkin, f"roll-calls/{call}/end")).json()
    assert (await post(checkin, f"roll-calls/{call}/end")).json() == first
    await checkin.scan(people[2], OUT)
    shown = await checkin.http.get(f"/checkin/api/roll-calls/{call}", headers=checkin.lead)
    body = shown.json()
    assert (body["missing"], body["found"], body["left"]) == (1, 1, 1)
    assert (await listed(checkin))["roll_call"] is None
    refused = await post(checkin, f"evacuation/people/{people[2].registration_id}/found")
    assert refused.status_code == 409


async def test_closing_time_does_not_end_the_search(database_url: str, tmp_path: Path) -> None:
    async with running(database_url, tmp_path, clock="2017-06-12T19:30:00+02:00") as checkin:
        await checkin.scan(await checkin.badge(), IN)
        await begin(checkin)
    async with running(database_url, tmp_path, clock="2017-06-12T20:00:01+02:00") as checkin:
        assert (await checkin.attendance())["inside"] == 0
        assert await counts(checkin) == (1, 0, 0)


async def test_those_in_charge_are_alerted_until_it_ends(checkin: Checkin) -> None:
    await checkin.scan(await checkin.badge(), IN)
    call = await begin(checkin)
    await begin(checkin)
    assert await open_alerts(checkin) == [("roll_call", "1")]
    await post(checkin, f"roll-calls/{call}/end")
    assert await open_alerts(checkin) == []


async def open_alerts(checkin: Checkin) -> list[tuple[str, str]]:
    answer = await checkin.http.get("/checkin/api/alerts?open=true", headers=checkin.lead)
    return [(one["kind"], one["detail"]) for one in answer.json()["items"]]


@pytest.mark.parametrize(
    ("path", "status"),
    [
        (f"evacuation/people/{NOBODY}/found", 409),
        ("evacuation/people/7/found", 404),
        (f"roll-calls/{NOBODY}/end", 404),
    ],
)
async def test_what_is_not_there_changes_nothing(checkin: Checkin, path: str, status: int) -> None:
    answer = await checkin.nothing_written(post(checkin, path))
    assert answer.status_code == status
    assert answer.headers["Content-Type"] == "application/problem+json"


async def test_a_stranger_is_not_marked(checkin: Checkin) -> None:
    await begin(checkin)
    answer = await checkin.nothing_written(post(checkin, f"evacuation/people/{uuid4()}/found"))
    assert answer.status_code == 404


# --- who may -------------------------------------------------------------------------------------


@pytest.mark.parametrize("role", Role)
async def test_evacuation_is_for_those_who_answer_for_the_doors(
    checkin: Checkin, role: Role
) -> None:
    staff, allowed = checkin.staff(role), role in LEADS
    badge = await checkin.badge()
    for path in ("api/evacuation", "api/evacuation.csv", "api/evacuation/marks", "evacuation"):
        answer = await checkin.http.get(f"/checkin/{path}", headers=staff)
        assert answer.status_code == (200 if allowed else 403)
    for path in ("roll-calls", f"evacuation/people/{badge.registration_id}/found"):
        answer = await post(checkin, path, **staff)
        assert answer.is_success == allowed
        assert allowed or answer.status_code == 403


async def test_a_gate_reads_the_list_and_marks_people_but_calls_nobody_together(
    checkin: Checkin,
) -> None:
    device, badge = await checkin.at(IN), await checkin.badge()
    await checkin.scan(badge, IN)
    assert (await post(checkin, "roll-calls", **device.headers)).status_code == 401
    await begin(checkin)
    for path in ("evacuation", "evacuation/marks"):
        answer = await checkin.http.get(f"/checkin/api/{path}", headers=device.headers)
        assert answer.status_code == 200
        assert (await checkin.http.get(f"/checkin/api/{path}")).status_code == 401
    for word, state in (("found", "found"), ("not-found", "missing")):
        path = f"evacuation/people/{badge.registration_id}/{word}"
        assert (await post(checkin, path, **device.headers)).status_code == 204
        marked = await person(checkin, badge)
        assert marked["state"] == state
        assert marked["marked_by"] == "Lane 1"


# --- the page ------------------------------------------------------------------------------------


async def test_the_page_works_without_a_script(checkin: Checkin) -> None:
    badge = await checkin.badge(family_name="Ng", organization="<b>Radio</b>")
    await checkin.scan(badge, IN)

    async def page(path: str = "evacuation", language: str = "en") -> str:
        headers = checkin.lead | {"Accept-Language": language}
        answer = await checkin.http.get(f"/checkin/{path}", headers=headers)
        assert answer.status_code == 200, answer.text
        return answer.text

    async def press(path: str) -> None:
        answer = await checkin.http.post(f"/checkin/{path}", headers=checkin.lead)
        assert answer.status_code == 303, answer.text
        await page(answer.headers["Location"].removeprefix("/checkin/"))

    assert "<strong>NG</strong> Grace" in await page()
    assert "&lt;b&gt;Radio&lt;/b&gt;" in await page()
    assert "Qui est à l’intérieur" in await page(language="fr")
    await press("evacuation/begin")
    assert f'<li id="person-{badge.registration_id}" data-state="missing">' in await page()
    await press(f"evacuation/people/{badge.registration_id}/found?show=missing")
    assert "Nobody is missing." in await page("evacuation?show=missing")
    assert 'data-state="found"' in await page()
    await press(f"evacuation/people/{badge.registration_id}/not-found")
    assert "NG" in await page("evacuation?show=missing")
    call = (await listed(checkin))["roll_call"]["id"]
    await press(f"evacuation/{call}/end")
    assert "Begin a roll call" in await page()
