"""The control room's stream: the whole, then each change, with no gap, at any process."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any, Final
from uuid import uuid4

import httpx
import pytest
from sqlalchemy import text

from deploy.private_servers import PostgreSQL
from services.checkin import look_back, pages
from services.checkin.lull import Lull
from services.checkin.room import LATEST_SCANS, merge_patch
from services.checkin.watchman import LOOK_SECONDS
from shared.access import Role
from shared.events import RegistrationErased
from tests.checkin import IN, OTHER_IN, OUT, Badge, Body, Checkin, new_scan_id, running
from tests.people import confirmed
from tests.running import listening

AT_ONCE: Final = 5.0
"""Seconds: what a person takes for at once; a busy machine needs some of it."""


@pytest.fixture(scope="module")
async def checkin(
    postgres: PostgreSQL, tmp_path_factory: pytest.TempPathFactory
) -> AsyncIterator[Checkin]:
    postgres.drop_databases()
    async with running(postgres.url, tmp_path_factory.mktemp("home")) as service:
        yield service


@pytest.fixture(scope="module")
async def origin(checkin: Checkin) -> AsyncIterator[str]:
    async with listening(checkin.service) as address:
        yield address


class Viewer:
    """A page that follows the stream, as room.ts does."""

    def __init__(self, response: httpx.Response) -> None:
        self._lines = response.aiter_lines()
        self.room: Body = {}
        self.last_event_id = ""
        self.told: list[str] = []

    async def hear(self) -> None:
        """Take in one event."""
        event = ""
        async for line in self._lines:
            name, _, value = line.partition(": ")
            if name == "id":
                self.last_event_id = value
            if name == "event":
                event = value
            if name == "data" and event != "beat":
                self.told.append(value)
                self._take(event, json.loads(value))
                return
        raise AssertionError("the stream has ended")

    async def until(self, seen: Callable[[Body], bool]) -> Body:
        """The room, as soon as this is seen in it."""
        async with asyncio.timeout(AT_ONCE):
            while not self.room or not seen(self.room):
                await self.hear()
        return self.room

    def _take(self, event: str, data: Body) -> None:
        if event == "room":
            self.room = data
            return
        assert event == "changes"
        for name, value in data.items():
            if name == "figures":
                self.room["figures"] = merged(self.room["figures"], value)
            elif name == "scans":
                by_seq = {scan["seq"]: scan for scan in [*self.room["scans"], *value]}
                self.room["scans"] = [by_seq[seq] for seq in sorted(by_seq)]
            else:
                self.room[name] = value


def merged(target: Any, patch: Any) -> Any:
    """RFC 7396, section 2."""
    if not isinstance(patch, dict):
        return patch
    result = dict(target) if isinstance(target, dict) else {}
    for name, value in patch.items():
        if value is None:
            result.pop(name, None)
        else:
            result[name] = merged(result.get(name), value)
    return result


@asynccontextmanager
async def watching(
    checkin: Checkin, origin: str, role: Role = Role.security_lead, last: str | None = None
) -> AsyncIterator[Viewer]:
    headers = checkin.staff(role) | ({} if last is None else {"Last-Event-ID": last})
    url = f"{origin}/checkin/api/live"
    async with httpx.AsyncClient() as http, http.stream("GET", url, headers=headers) as response:
        assert response.status_code == 200
        viewer = Viewer(response)
        await viewer.until(bool)
        yield viewer


def inside(count: int) -> Callable[[Body], bool]:
    return lambda room: bool(room["figures"]["inside"] == count)


def has_scan(scan: Body) -> Callable[[Body], bool]:
    return lambda room: any(one["scan_id"] == scan["scan_id"] for one in room["scans"])


# --- what is shown -------------------------------------------------------------------------------


async def test_a_viewer_follows_the_figures_by_their_changes(checkin: Checkin, origin: str) -> None:
    async with watching(checkin, origin) as viewer:
        before = viewer.room["figures"]
        badge = await checkin.badge(country="KE", category="media")
        await checkin.scan(badge, IN)
        room = await viewer.until(inside(before["inside"] + 1))
        assert room["figures"]["by_country"]["KE"] == before["by_country"].get("KE", 0) + 1
        left = await checkin.scan(badge, OUT)
        await viewer.until(inside(before["inside"]))
        await checkin.undo(left)
        await viewer.until(inside(before["inside"] + 1))
        assert set(json.loads(viewer.told[-1])["figures"]) < set(viewer.room["figures"])
        told = await checkin.attendance()
        figures = {name: viewer.room["figures"].get(name) for name in told}
        curve: dict[str, Any] = dict.fromkeys(("peak", "inside_by_minute"))
        assert figures | curve == told | curve


async def test_who_comes_while_people_scan_without_a_pause_sees_all_of_it(
    checkin: Checkin, origin: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = await checkin.attendance()
    monkeypatch.setattr(Lull, "is_now", False)
    # Nobody watches, so nobody looks at these.
    scans = [await checkin.scan(await checkin.badge()) for _ in range(3)]
    async with watching(checkin, origin) as viewer:
        first = viewer.room
        assert first["figures"]["inside"] == before["inside"] + 3
        assert all(has_scan(scan)(first) for scan in scans)
        after = await checkin.scan(await checkin.badge())
        await viewer.until(has_scan(after))


async def test_scans_are_shown_with_names_to_leads_only(checkin: Checkin, origin: str) -> None:
    async with (
        watching(checkin, origin) as lead,
        watching(checkin, origin, Role.viewer) as viewer,
    ):
        badge = await checkin.badge(
            given_name="Wangari", family_name="Maathai", category="civil_society", gender="female"
        )
        scan = await checkin.scan(badge, OTHER_IN)
        for watcher, name in ((lead, "Wangari Maathai"), (viewer, None)):
            shown = (await watcher.until(has_scan(scan)))["scans"][-1]
            assert shown == {
                "seq": shown["seq"],
                "scan_id": scan["scan_id"],
                "at": shown["at"],
                "gate": OTHER_IN,
                "direction": "in",
                "decision": "admitted",
                "reason": "first_entry",
                "undoes": None,
                "category": "civil_society",
                "name": name,
            }
        await checkin.hear(RegistrationErased(registration_id=badge.registration_id, version=9))

        def is_nameless(room: Body) -> bool:
            [shown] = [one for one in room["scans"] if one["scan_id"] == scan["scan_id"]]
            return shown["name"] is None

        await lead.until(is_nameless)
        assert "Maathai" not in "".join(viewer.told)
        assert '"gender"' not in "".join(lead.told)


async def test_genders_are_shown_in_fives_only(checkin: Checkin, origin: str) -> None:
    async with watching(checkin, origin) as viewer:
        before = viewer.room["figures"]["arrived_today"]
        for _ in range(6):
            await checkin.scan(await checkin.badge(gender="other"))
        room = await viewer.until(lambda room: bool(room["figures"]["arrived_today"] == before + 6))
        assert room["figures"]["by_gender"]["other"] == 5
        assert all(count % 5 == 0 for count in room["figures"]["by_gender"].values())


async def test_devices_and_alerts_are_shown_as_they_change(checkin: Checkin, origin: str) -> None:
    async with watching(checkin, origin) as viewer:
        device = await checkin.pair(OUT)
        state = {"battery": 0.5, "pending": 3}
        await checkin.http.put("/checkin/api/devices/me", json=state, headers=device.headers)

        def shown(room: Body) -> Body:
            return next((one for one in room["devices"] if one["device_id"] == str(device.id)), {})

        await viewer.until(lambda room: shown(room).get("pending") == 3)
        stop = f"/checkin/api/devices/{device.id}/revoke"
        await checkin.http.post(stop, headers=checkin.lead)
        await viewer.until(lambda room: not shown(room))

        badge = await checkin.badge()
        await checkin.stop(badge, "revoked")
        await checkin.scan(badge)
        room = await viewer.until(lambda room: bool(room["alerts"]))
        [alert] = [one for one in room["alerts"] if one["kind"] == "stopped_badge_shown"]
        seen_to = f"/checkin/api/alerts/{alert['id']}/acknowledge"
        await checkin.http.post(seen_to, headers=checkin.lead)
        await viewer.until(
            lambda room: any(
                one["id"] == alert["id"] and one["acknowledged_by"] == "Ada"
                for one in room["alerts"]
            )
        )


async def test_an_alert_names_its_device_and_to_leads_only_whom_it_is_about(
    checkin: Checkin, origin: str
) -> None:
    device = await checkin.pair(IN)
    unheard = await checkin.another_badge(uuid4())
    known = await checkin.badge(given_name="Berta", family_name="Suttner")
    for badge in (known, unheard):
        await checkin.stop(badge, "revoked")

    async def show(badge: Badge) -> str:
        scan = {"scan_id": new_scan_id(), "credential": badge.credential}
        late = {"admitted": True, "scanned_at": "2017-06-12T08:00:00+02:00"}
        batch = {"scans": [scan | late]}
        url = "/checkin/api/scans/batch"
        answer = await checkin.http.post(url, json=batch, headers=device.headers)
        assert answer.json()["answers"][0]["conflict"] == "revoked", answer.text
        return scan["scan_id"]

    async def named(watcher: Viewer, scan_id: str, **names: Any) -> None:
        def is_so(room: Body) -> bool:
            alerts = [one for one in room["alerts"] if one["scan_id"] == scan_id]
            return any(one | names == one for one in alerts)

        await watcher.until(is_so)

    async with (
        watching(checkin, origin) as lead,
        watching(checkin, origin, Role.viewer) as viewer,
    ):
        about_known, about_unheard = await show(known), await show(unheard)
        await named(lead, about_known, who="Berta Suttner", device="Lane 1")
        await named(lead, about_unheard, who=unheard.number, device="Lane 1")
        await named(viewer, about_known, who=None, device="Lane 1")
        await named(viewer, about_unheard, who=None, device="Lane 1")

        await checkin.hear(
            confirmed(unheard.registration_id, given_name="Rosa", family_name="Parks")
        )
        await named(lead, about_unheard, who="Rosa Parks")
        erased = RegistrationErased(registration_id=known.registration_id, version=9)
        await checkin.hear(erased)
        await named(lead, about_known, who=None)
        rename = f"/checkin/api/devices/{device.id}"
        await checkin.http.patch(rename, json={"label": "Left lane"}, headers=checkin.lead)
        await named(viewer, about_known, device="Left lane")
        told = "".join(viewer.told)
        assert not any(secret in told for secret in ("Suttner", "Parks", unheard.number))


async def test_a_device_that_only_scans_is_shown_as_heard_of(checkin: Checkin, origin: str) -> None:
    async with watching(checkin, origin) as viewer:
        device = await checkin.pair(IN)
        badge = await checkin.badge()
        scan = {"scan_id": new_scan_id(), "credential": badge.credential}
        await checkin.post_scan(device, scan)

        def is_heard_of(room: Body) -> bool:
            return any(
                one["device_id"] == str(device.id) and one["last_contact_at"] is not None
                for one in room["devices"]
            )

        async with asyncio.timeout(LOOK_SECONDS + AT_ONCE):
            while not is_heard_of(viewer.room):
                await viewer.hear()


# --- no gap --------------------------------------------------------------------------------------


async def test_after_a_lost_connection_no_scan_is_missing(checkin: Checkin, origin: str) -> None:
    async with watching(checkin, origin) as viewer:
        first = await checkin.scan(await checkin.badge())
        await viewer.until(has_scan(first))
        last = viewer.last_event_id
    missed = [await checkin.scan(await checkin.badge()) for _ in range(3)]
    async with watching(checkin, origin, last=last) as viewer:
        await viewer.until(lambda room: all(has_scan(scan)(room) for scan in missed))
        assert all(scan["seq"] > int(last) for scan in viewer.room["scans"])


async def test_who_was_away_for_long_gets_the_latest(checkin: Checkin, origin: str) -> None:
    scans = [await checkin.scan("nothing", IN) for _ in range(LATEST_SCANS + 5)]
    async with watching(checkin, origin, last="1") as viewer:
        await viewer.until(has_scan(scans[-1]))
        assert len(viewer.room["scans"]) >= LATEST_SCANS


@pytest.mark.parametrize("last", ["", "x", "-1", "9" * 30])
async def test_a_last_event_id_of_no_meaning_harms_nobody(
    checkin: Checkin, origin: str, last: str
) -> None:
    async with watching(checkin, origin, last=last) as viewer:
        scan = await checkin.scan(await checkin.badge())
        await viewer.until(has_scan(scan))


async def test_a_scan_whose_transaction_ends_late_is_shown_too(
    checkin: Checkin, origin: str
) -> None:
    """Its number in the log is lower than those that were seen before it."""
    late = uuid4()
    entry = text(
        "INSERT INTO scans (scan_id, gate, entrance, zone, direction, decision, reason, at,"
        " decided_at) VALUES (:id, 'tower-in', 'tower', 'venue', 'in', 'refused', 'malformed',"
        " now(), now())"
    )
    async with watching(checkin, origin) as viewer:
        async with checkin.service.database.begin() as tx:
            await tx.execute(entry, {"id": late})
            for _ in range(3):
                overtakes = await checkin.scan("nothing", IN)
                await viewer.until(has_scan(overtakes))
                await asyncio.sleep(1.2)  # what was seen long ago is not looked at again
        checkin.service.app.state.gates.live.changed()
        await viewer.until(has_scan({"scan_id": str(late)}))
        seqs = [scan["seq"] for scan in viewer.room["scans"]]
        assert len(set(seqs)) == len(seqs)


async def test_nothing_is_shown_as_live_without_a_database(
    checkin: Checkin, origin: str, postgres: PostgreSQL
) -> None:
    close = "ALTER DATABASE forumpass_checkin ALLOW_CONNECTIONS"
    async with watching(checkin, origin) as viewer:
        postgres.execute(f"{close} false")
        postgres.execute(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
            " WHERE datname = 'forumpass_checkin'"
        )
        checkin.service.app.state.gates.live.changed()
        try:
            with pytest.raises(AssertionError, match="the stream has ended"):
                await viewer.until(lambda _: False)
            answer = await checkin.http.get("/checkin/api/live", headers=checkin.lead)
            assert answer.is_server_error
        finally:
            postgres.execute(f"{close} true")
    async with asyncio.timeout(20):
        while await checkin.service.trouble():
            await asyncio.sleep(0.05)
    async with watching(checkin, origin) as viewer:
        scan = await checkin.scan(await checkin.badge())
        await viewer.until(has_scan(scan))


# --- several processes ---------------------------------------------------------------------------


async def test_a_scan_at_one_process_reaches_those_who_watch_at_another(
    checkin: Checkin, origin: str, postgres: PostgreSQL, tmp_path_factory: pytest.TempPathFactory
) -> None:
    home = tmp_path_factory.mktemp("sibling")
    async with (
        running(postgres.url, home) as sibling,
        listening(sibling.service) as its_origin,
        watching(sibling, its_origin) as viewer,
    ):
        before = viewer.room["figures"]
        badge = await checkin.badge()
        await viewer.until(lambda room: bool(room["figures"]["badged"] == before["badged"] + 1))
        scan = await checkin.scan(badge)
        room = await viewer.until(has_scan(scan))
        assert room["figures"]["inside"] == before["inside"] + 1
        last = viewer.last_event_id
    # Their server has stopped: they go on at the other.
    missed = await checkin.scan(badge, OUT)
    async with watching(checkin, origin, last=last) as elsewhere:
        await elsewhere.until(has_scan(missed))


async def test_a_lost_line_between_processes_is_mended(
    checkin: Checkin, postgres: PostgreSQL, tmp_path_factory: pytest.TempPathFactory
) -> None:
    home = tmp_path_factory.mktemp("sibling")
    cut = text(
        "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
        " WHERE application_name = 'checkin: siblings'"
    )
    async with (
        running(postgres.url, home) as sibling,
        listening(sibling.service) as its_origin,
        watching(sibling, its_origin) as viewer,
    ):
        before = viewer.room["figures"]["inside"]
        async with checkin.service.database.begin() as tx:
            assert (await tx.execute(cut)).rowcount == 2
        await checkin.scan(await checkin.badge())
        await viewer.until(inside(before + 1))


# --- earlier figures -----------------------------------------------------------------------------


async def looked_back(checkin: Checkin, **asked: str) -> httpx.Response:
    return await checkin.http.get(
        "/checkin/api/attendance", params=asked, headers=checkin.staff(Role.viewer)
    )


async def test_the_figures_of_an_earlier_moment_are_those_of_the_log(checkin: Checkin) -> None:
    ada, grace = await checkin.badge(country="IS"), await checkin.badge(country="IS")
    later = "2017-06-11T09:40:00+02:00"
    for badge, gate, at in (
        (ada, IN, "2017-06-11T09:10:00+02:00"),
        (grace, IN, "2017-06-11T09:20:00+02:00"),
        (ada, OUT, later),
    ):
        # The day before the forum: an officer let them in.
        await checkin.scan(badge, gate, scanned_at=at, override="Building the stands")
    await checkin.undo(await checkin.scan(grace, OUT, scanned_at=later))
    answers = {
        until: (await looked_back(checkin, day="2017-06-11", until=until)).json()
        for until in ("09:10", "09:15", "09:30", "09:50")
    }
    assert [answers[until]["inside"] for until in answers] == [0, 1, 2, 1]
    assert [answers[until]["arrived_today"] for until in answers] == [0, 1, 2, 2]
    assert answers["09:50"]["by_country"] == {"IS": 2}
    assert answers["09:50"]["peak"] == {"inside": 2, "at": "2017-06-11T07:20:00Z"}
    assert answers["09:50"]["inside_by_minute"] == {"09:10": 1, "09:20": 2, "09:40": 1}
    whole = (await looked_back(checkin, day="2017-06-11")).json()
    assert (whole["inside"], whole["arrived_today"], whole["peak"]["inside"]) == (0, 2, 2)


async def test_the_figures_of_now_equal_those_counted_from_the_tables(checkin: Checkin) -> None:
    live = await checkin.attendance()
    now = checkin.service.platform.clock.now()
    async with checkin.service.database.read() as connection:
        counted = await look_back.totals(connection, checkin.forum, checkin.forum.day_of(now), now)
    told = counted.model_dump(mode="json")
    assert live["inside"] > 0
    for name in ("until", "peak", "inside_by_minute"):
        del live[name], told[name]
    assert live == told


@pytest.mark.parametrize(
    ("asked", "field"),
    [
        ({"day": "2017-06-13"}, "day"),
        ({"day": "2017-06-12", "until": "23:59"}, "until"),
        ({"day": "2017-06-12", "until": "25:00"}, "until"),
        ({"day": "2017-06-12", "until": "08:00+02:00"}, "until"),
        ({"day": "yesterday"}, "day"),
        ({"until": "09:00"}, "day"),
    ],
)
async def test_a_moment_that_cannot_be_looked_back_at_is_named(
    checkin: Checkin, asked: dict[str, str], field: str
) -> None:
    answer = await looked_back(checkin, **asked)
    assert answer.status_code == 422
    assert [error["field"] for error in answer.json()["errors"]] == [field]


def test_a_merge_patch_turns_what_was_into_what_is() -> None:
    before = {"a": 1, "b": {"c": 1, "d": 2}, "e": 5}
    after = {"a": 1, "b": {"c": 3}, "f": {"g": 1}}
    patch = merge_patch(before, after)
    assert patch == {"b": {"c": 3, "d": None}, "e": None, "f": {"g": 1}}
    assert merged(before, patch) == after


@pytest.mark.parametrize("path", ["%00", "assets/%00.js", "x" * 300, "../pages.py", "none.js"])
async def test_a_file_that_cannot_be_is_not_found(
    checkin: Checkin, path: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(pages, "BUILT", tmp_path)  # built or not
    assert (await checkin.http.get(f"/checkin/web/{path}")).status_code == 404
