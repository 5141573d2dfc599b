"""What a gate copies: all of it or what has changed, whatever happens meanwhile."""

from __future__ import annotations

import asyncio
import gzip
import inspect
import random
import re
from collections import Counter
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack, asynccontextmanager, suppress
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any, Final
from uuid import UUID, uuid4

import httpx
import pytest
import zstandard
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import text
from starlette.types import Message, Send
from structlog.testing import capture_logs

from deploy.private_servers import PostgreSQL
from services.checkin import replica
from services.checkin.gates import Gates
from shared.access import Role
from shared.database import Database
from shared.events import RegistrationCancelled, RegistrationErased
from tests.checkin import IN, OUT, ROOM, Badge, Body, Checkin, Device, key_published, running
from tests.replica import many_people, read
from tests.running import listening

AT_ONCE: Final = 3.0
"""Seconds: a notice may wait for the one before it, and on a busy machine."""
FOR_OTHERS: Final = 6.0
"""Seconds: what another process did is looked for every two."""


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


async def ask(checkin: Checkin, after: str | None = None, **headers: str) -> httpx.Response:
    device = await checkin.at(IN)
    return await checkin.http.get(
        "/checkin/api/replica",
        params={} if after is None else {"after": after},
        headers=device.headers | headers,
    )


def lines_of(answer: httpx.Response) -> list[Body]:
    assert answer.status_code == 200, answer.text
    return read(answer.content)


@dataclass
class Copy:
    """What a gate keeps."""

    checkin: Checkin
    cursor: str | None = None
    told: list[Body] = field(default_factory=list)
    """The last answer."""
    kept: dict[tuple[Any, ...], Body] = field(default_factory=dict)

    async def refresh(self) -> list[Body]:
        """Ask for news, and answer what was not known: lines may repeat themselves."""
        first, *told, last = lines_of(await ask(self.checkin, self.cursor))
        assert (first["kind"], first["full"]) == ("begin", self.cursor is None)
        if first["full"]:
            self.kept = {}
        news = [line for line in told if self.kept.get(_name(line)) != line]
        self.kept |= {_name(line): line for line in news}
        self.cursor, self.told = last["cursor"], told
        return news

    def badge(self, badge: Badge) -> Body:
        return self.kept["badge", badge.badge_id]

    def presence(self, badge: Badge, zone: str = "venue") -> Body:
        return self.kept["presence", str(badge.registration_id), zone]


def _name(line: Body) -> tuple[Any, ...]:
    match line["kind"]:
        case "badge":
            return "badge", line["badge_id"]
        case "presence":
            return "presence", line["registration_id"], line["zone"]
    return line["kind"], line["key_id"]


async def whole(checkin: Checkin) -> Copy:
    copy = Copy(checkin)
    await copy.refresh()
    return copy


# --- what it says --------------------------------------------------------------------------------


async def test_a_whole_copy_says_who_may_come_and_who_is_inside(checkin: Checkin) -> None:
    badge = await checkin.badge(given_name="Zoë", family_name='O"Brien\\', country="IE")
    entry = await checkin.scan(badge)
    answer = await ask(checkin)
    assert answer.headers["Content-Type"] == "application/x-ndjson"
    assert answer.headers["Cache-Control"] == "no-store"
    lines = lines_of(answer)
    assert (lines[0]["kind"], lines[0]["full"], lines[0]["format"]) == ("begin", True, 2)
    assert set(lines[-1]) == {"kind", "cursor", "now"}
    key = key_published()
    assert lines[1] == {
        "kind": "key", "key_id": 1, "public_key": key.public_key, "retired": False,
    }  # fmt: skip
    mine = [line for line in lines if line.get("registration_id") == str(badge.registration_id)]
    assert mine == [
        {
            "kind": "badge",
            "badge_id": badge.badge_id,
            "registration_id": str(badge.registration_id),
            "number": badge.number,
            "status": "valid",
            "days": 31,
            "zones": 1,
            "blocked": False,
            "given_name": "Zoë",
            "family_name": 'O"Brien\\',
            "organization": "Eckert–Mauchly Computer Corporation",
            "country": "IE",
            "category": "private_sector",
            "photo": None,
        },
        {
            "kind": "presence",
            "registration_id": str(badge.registration_id),
            "zone": "venue",
            "inside": True,
            "session": "2017-06-12",
            "last_entry_day": "2017-06-12",
            "at": datetime.fromisoformat(entry["decided_at"]).replace(microsecond=0),
            "gate": "tower-in",
            "entrance": "tower",
            "direction": "in",
        },
    ]


async def test_a_badge_is_as_good_as_its_holder(checkin: Checkin) -> None:
    good, revoked, cancelled, erased, blocked = [await checkin.badge() for _ in range(5)]
    await checkin.stop(revoked, "revoked")
    await checkin.hear(
        RegistrationCancelled(registration_id=cancelled.registration_id, version=5),
        RegistrationErased(registration_id=erased.registration_id, version=5),
    )
    await checkin.block(blocked)
    copy = await whole(checkin)
    badges = [copy.badge(badge) for badge in (good, revoked, cancelled, erased, blocked)]
    assert [line["status"] for line in badges] == [
        "valid", "revoked", "cancelled", "cancelled", "valid",
    ]  # fmt: skip
    assert [line["blocked"] for line in badges] == [False, False, False, False, True]
    assert badges[3]["family_name"] == ""


async def test_a_badge_whose_holder_is_not_known_yet_is_there(checkin: Checkin) -> None:
    badge = await checkin.another_badge(uuid4())
    line = (await whole(checkin)).badge(badge)
    assert (line["status"], line["family_name"], line["blocked"]) == ("valid", "", False)


@pytest.mark.parametrize(
    ("accepted", "encoding"),
    [("gzip, deflate, br, zstd", "zstd"), ("gzip, deflate, br", "gzip"), ("identity", None)],
)
async def test_lines_are_packed_as_the_device_can_unpack_them(
    checkin: Checkin, accepted: str, encoding: str | None
) -> None:
    badge = await checkin.badge()
    answer = await ask(checkin, **{"Accept-Encoding": accepted})
    assert answer.headers.get("Content-Encoding") == encoding
    assert answer.headers["Vary"] == "Accept-Encoding"
    assert badge.badge_id in {line.get("badge_id") for line in lines_of(answer)}


async def test_a_person_can_read_the_lines(checkin: Checkin) -> None:
    badge = await checkin.badge(family_name="Nguyễn")
    await checkin.scan(badge)
    lines = (await ask(checkin)).text.splitlines()
    [place] = [at for at, line in enumerate(lines) if "Nguyễn" in line]
    assert re.fullmatch(
        r'\["badge","[\w+/]{22}","[\w+/]{11}","[0-9A-Z]{7}","Grace","Nguyễn",'
        r'"Eckert–Mauchly Computer Corporation","US","private_sector","valid",31,1,false,null]',
        lines[place],
    )
    assert re.fullmatch(
        r'\["presence",null,\d+,"venue",true,"2017-06-12","2017-06-12","tower-in","tower","in"]',
        lines[place + 1],
    )


# --- what has changed ----------------------------------------------------------------------------


async def test_only_what_changed_is_told_again(checkin: Checkin) -> None:
    badge, other = await checkin.badge(), await checkin.badge()
    copy = await whole(checkin)
    assert await copy.refresh() == []
    await checkin.scan(badge)
    [line] = await copy.refresh()
    assert (line["kind"], line["inside"], line["direction"]) == ("presence", True, "in")
    await checkin.scan(badge, OUT)
    [line] = await copy.refresh()
    assert (line["inside"], line["last_entry_day"]) == (False, "2017-06-12")
    await checkin.stop(other, "superseded")
    [line] = await copy.refresh()
    assert (line["badge_id"], line["status"]) == (other.badge_id, "superseded")
    await checkin.hear(RegistrationCancelled(registration_id=badge.registration_id, version=5))
    [line] = await copy.refresh()
    assert (line["badge_id"], line["status"]) == (badge.badge_id, "cancelled")


async def test_what_has_not_changed_is_not_told_for_ever(checkin: Checkin) -> None:
    await checkin.badge()
    copy = await whole(checkin)
    async with asyncio.timeout(5):
        # Until the transactions that were under way have ended.
        while [line for line in copy.told if line["kind"] != "key"]:
            await copy.refresh()


async def test_who_is_nowhere_any_more_is_told_so_until_they_come_again(checkin: Checkin) -> None:
    badge = await checkin.badge()
    copy = await whole(checkin)
    entry = await checkin.scan(badge)
    await copy.refresh()
    await checkin.undo(entry)
    await copy.refresh()
    assert copy.presence(badge) == {
        "kind": "presence",
        "registration_id": str(badge.registration_id),
        "zone": "venue",
        "inside": False,
        "session": "2017-06-12",
        "last_entry_day": None,
        "at": None,
        "gate": None,
        "entrance": None,
        "direction": None,
    }
    await checkin.scan(badge)
    await copy.refresh()
    assert (copy.presence(badge)["inside"], copy.presence(badge)["gate"]) == (True, IN)


@pytest.mark.parametrize(
    "after", ["", "abc", "-1", "1.5", "٣", "9" * 19, "9" * 500, "1'; --", "NaN"]
)
async def test_a_cursor_that_means_nothing_here_gets_everything(
    checkin: Checkin, after: str
) -> None:
    badge = await checkin.badge()
    lines = lines_of(await ask(checkin, after))
    assert lines[0]["full"] is True
    assert badge.badge_id in {line.get("badge_id") for line in lines}


RENAME: Final = text("UPDATE participants SET given_name = :name WHERE registration_id = :who")


async def test_a_change_that_was_under_way_for_long_is_not_missed(checkin: Checkin) -> None:
    slow, quick = await checkin.badge(), await checkin.badge()
    copy = await whole(checkin)
    database = checkin.service.database
    async with database.begin() as older:
        await older.execute(RENAME, {"name": "Slow", "who": slow.registration_id})
        async with database.begin() as younger:
            await younger.execute(RENAME, {"name": "Quick", "who": quick.registration_id})
        await copy.refresh()
        assert copy.badge(quick)["given_name"] == "Quick"
        assert copy.badge(slow)["given_name"] == "Grace"
    await copy.refresh()
    assert copy.badge(slow)["given_name"] == "Slow"


steps = st.lists(
    st.tuples(st.sampled_from(["write", "enter", "leave", "commit", "give up", "read"]),
              st.integers(0, 3)),
    max_size=25,
)  # fmt: skip


@given(steps=steps)
@settings(
    max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
async def test_whatever_the_order_of_commits_a_copy_ends_up_right(
    checkin: Checkin, steps: list[tuple[str, int]]
) -> None:
    """Each of four writers has a person of their own, so that none waits for another."""
    badges = [await checkin.badge() for _ in range(4)]
    copy = await whole(checkin)
    writers: dict[int, tuple[AsyncExitStack, Any]] = {}
    async with AsyncExitStack() as all_of_them:
        for number, (step, one) in enumerate(steps):
            if step == "read":
                await copy.refresh()
            elif step in ("commit", "give up"):
                if one in writers:
                    stack, tx = writers.pop(one)
                    if step == "give up":
                        await tx.rollback()
                    await stack.aclose()
            else:
                if one not in writers:
                    stack = await all_of_them.enter_async_context(AsyncExitStack())
                    writers[one] = (
                        stack, await stack.enter_async_context(checkin.service.database.begin()),
                    )  # fmt: skip
                await write(writers[one][1], step, badges[one].registration_id, number)
    await copy.refresh()
    truth = await whole(checkin)
    nowhere = {name for name, line in copy.kept.items() if line.get("at", "") is None}
    kept = {name: line for name, line in copy.kept.items() if name not in nowhere}
    assert kept == truth.kept


async def write(tx: Any, step: str, who: UUID, number: int) -> None:
    if step == "write":
        await tx.execute(RENAME, {"name": f"Grace {number}", "who": who})
    elif step == "leave":
        await tx.execute(text("DELETE FROM presence WHERE registration_id = :who"), {"who": who})
    else:
        await tx.execute(
            text("""
                INSERT INTO presence (registration_id, zone, inside, session, scan_id, at, gate)
                VALUES (:who, 'venue', true, '2017-06-12', :scan_id, now(), 'tower-in')
                ON CONFLICT (registration_id, zone) DO UPDATE SET scan_id = excluded.scan_id
            """),
            {"who": who, "scan_id": uuid4()},
        )


async def test_a_restored_database_and_another_format_give_everything(checkin: Checkin) -> None:
    number, _, history = ((await whole(checkin)).cursor or "").partition("@")
    # As it was written before lines had a format.
    old = f"{number}@{history.rpartition('-')[0]}"
    for cursor in (f"{int(number) + 1_000_000}@{history}", f"{number}@another", number, old):
        assert lines_of(await ask(checkin, cursor))[0]["full"] is True
    assert lines_of(await ask(checkin, f"{number}@{history}"))[0]["full"] is False


# --- what goes wrong -----------------------------------------------------------------------------


async def test_an_answer_that_is_cut_off_has_no_end(
    checkin: Checkin, origin: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    device = await checkin.at(IN)
    breaks = "SELECT json_build_array('x', 1 / (200000 - n)) FROM generate_series(1, 200000) n"
    monkeypatch.setattr(replica, "_EVERYTHING", breaks)
    got = bytearray()

    async def read() -> None:
        async with (
            httpx.AsyncClient() as http,
            http.stream(
                "GET",
                f"{origin}/checkin/api/replica",
                headers=device.headers | {"Accept-Encoding": "identity"},
            ) as response,
        ):
            async for part in response.aiter_bytes():
                got.extend(part)

    with capture_logs(), pytest.raises(httpx.RemoteProtocolError):
        await read()
    assert got.startswith(b'["begin"')
    assert b'"end"' not in got
    monkeypatch.undo()
    # Nothing of it stays behind with the connection.
    for _ in range(5):
        assert lines_of(await ask(checkin))[-1]["kind"] == "end"


async def test_devices_that_take_nothing_keep_nobody_from_the_news(
    checkin: Checkin, monkeypatch: pytest.MonkeyPatch
) -> None:
    copy = await whole(checkin)
    stuck = asyncio.Event()
    monkeypatch.setattr(replica, "STALLED_SECONDS", 1.0)

    async def never(message: Message) -> None:
        if message["type"] == "http.response.body":
            await stuck.wait()

    stalled = [asyncio.create_task(send_copy(checkin, never)) for _ in range(6)]
    await asyncio.sleep(0)
    badge = await checkin.badge()
    async with asyncio.timeout(1):
        await copy.refresh()
        assert copy.badge(badge)["status"] == "valid"
        await checkin.scan(badge)
    await asyncio.gather(*stalled)


async def test_a_copy_may_take_longer_than_a_transaction_otherwise(
    checkin: Checkin, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As long as something moves: a phone with a bad network gets there in the end."""
    usual: Any = inspect.unwrap(Database.begin)
    monkeypatch.setitem(usual.__kwdefaults__, "within", 0.3)
    monkeypatch.setattr(replica, "STALLED_SECONDS", 1.0)
    got, pool = bytearray(), checkin.service.database.engine.pool

    async def slowly(message: Message) -> None:
        await asyncio.sleep(0.2)
        got.extend(message.get("body", b""))

    await checkin.badge()
    await send_copy(checkin, slowly)
    assert read(bytes(got))[-1]["kind"] == "end"
    assert checkin.service.database.engine.pool is pool


async def test_who_stops_in_the_middle_of_a_copy_is_cut_off_alone(
    checkin: Checkin, monkeypatch: pytest.MonkeyPatch
) -> None:
    long = "SELECT json_build_array('x', n) FROM generate_series(1, 2000000) n"
    monkeypatch.setattr(replica, "_EVERYTHING", long)
    monkeypatch.setattr(replica, "STALLED_SECONDS", 0.5)
    taken, pool = 0, checkin.service.database.engine.pool

    async def gone_soon(message: Message) -> None:
        nonlocal taken
        taken += 1
        if taken > 10:
            await asyncio.Event().wait()

    with capture_logs() as logged:
        async with asyncio.timeout(5):
            await send_copy(checkin, gone_soon)
    assert [line["event"] for line in logged] == ["replica.stalled"]
    assert checkin.service.database.engine.pool is pool
    monkeypatch.undo()
    # Nothing of it stays behind with the connection.
    for _ in range(5):
        assert lines_of(await ask(checkin))[-1]["kind"] == "end"


async def send_copy(checkin: Checkin, send: Send) -> None:
    gates: Gates = checkin.service.app.state.gates
    scope: Any = {"type": "http", "headers": []}
    await gates.replica.after(None)(scope, None, send)  # type: ignore[arg-type]


@pytest.mark.parametrize("path", ["/replica", "/replica/stream"])
async def test_only_devices_copy(checkin: Checkin, path: str) -> None:
    stopped = await checkin.pair(IN)
    await checkin.http.post(f"/checkin/api/devices/{stopped.id}/revoke", headers=checkin.lead)
    registrant = checkin.keyring.registrant_token(uuid4())
    for headers in (
        {},
        stopped.headers,
        {"Authorization": f"Bearer {registrant}"},
        *(checkin.staff(role) for role in Role),
    ):
        answer = await checkin.http.get(f"/checkin/api{path}", headers=headers)
        assert answer.status_code == 401
        assert answer.headers["Content-Type"] == "application/problem+json"


# --- how much it is ------------------------------------------------------------------------------

PEOPLE: Final = 10_000


async def ten_thousand(checkin: Checkin) -> None:
    """All of them are inside."""
    draw, opening = random.Random(1), datetime(2017, 6, 12, 6, tzinfo=UTC)
    people = [
        asdict(one)
        | {"scan_id": uuid4(), "at": opening + timedelta(seconds=draw.uniform(0, 4 * 3600))}
        for one in many_people(PEOPLE)
    ]
    async with checkin.service.database.begin() as tx:
        for statement in (_JOIN, _WEAR, _ENTER, _STAY):
            await tx.execute(text(statement), people)


async def empty(checkin: Checkin) -> None:
    async with checkin.service.database.begin() as tx:
        await tx.execute(text("TRUNCATE participants, badges, presence, presence_removed"))


_JOIN: Final = """
    INSERT INTO participants (registration_id, version, status, given_name, family_name,
        organization, country, category, search_name)
    VALUES (:registration_id, 1, 'confirmed', :given_name, :family_name, :organization, :country,
        :category, '')
"""
_WEAR: Final = """
    INSERT INTO badges (badge_id, registration_id, version, status, number, days, zones)
    VALUES (:badge_id, :registration_id, 1, 'valid', :number, 31, 3)
"""
_ENTER: Final = """
    INSERT INTO scans (scan_id, gate, entrance, zone, direction, badge_id, registration_id,
        decision, reason, at, decided_at)
    VALUES (:scan_id, 'tower-in', 'tower', 'venue', 'in', :badge_id, :registration_id, 'admitted',
        'first_entry', :at, :at)
"""
_STAY: Final = """
    INSERT INTO presence (registration_id, zone, inside, session, last_entry_day, scan_id, at, gate)
    VALUES (:registration_id, 'venue', true, '2017-06-12', '2017-06-12', :scan_id, :at, 'tower-in')
"""


@pytest.mark.parametrize(
    ("encoding", "unpack"),
    [("gzip", gzip.decompress), ("zstd", zstandard.ZstdDecompressor().decompressobj().decompress)],
)
async def test_ten_thousand_people_who_are_inside_are_small(
    checkin: Checkin, origin: str, encoding: str, unpack: Callable[[bytes], bytes]
) -> None:
    await empty(checkin)
    await ten_thousand(checkin)
    device = await checkin.at(IN)
    headers = device.headers | {"Accept-Encoding": encoding}
    packed = b""
    async with (
        httpx.AsyncClient() as http,
        http.stream("GET", f"{origin}/checkin/api/replica", headers=headers) as response,
    ):
        async for chunk in response.aiter_raw():
            packed += chunk
    # So many that the venue would be full for the tests that follow.
    await empty(checkin)
    kinds = Counter(line["kind"] for line in read(unpack(packed)))
    assert (kinds["badge"], kinds["presence"], kinds["end"]) == (PEOPLE, PEOPLE, 1)
    assert len(packed) < 600_000


# --- the stream ----------------------------------------------------------------------------------


class Listener:
    """A device that has opened the stream."""

    def __init__(self, response: httpx.Response) -> None:
        self._response = response
        self._told: asyncio.Queue[bool] = asyncio.Queue()

    async def read(self) -> None:
        event = ""
        async for line in self._response.aiter_lines():
            name, _, value = line.partition(": ")
            if name == "event":
                event = value
            if name == "data":
                assert (event, value) == ("changed", "{}")
                self._told.put_nowait(True)
        self._told.put_nowait(False)

    async def told(self, within: float = AT_ONCE) -> bool:
        """Wait for the next `changed`; False when the stream ends instead."""
        async with asyncio.timeout(within):
            return await self._told.get()

    async def quiet(self) -> None:
        """Wait until nothing is told any more."""
        with suppress(TimeoutError):
            while True:
                await self.told(within=1.5)


@asynccontextmanager
async def listener(origin: str, device: Device) -> AsyncIterator[Listener]:
    url = f"{origin}/checkin/api/replica/stream"
    async with (
        httpx.AsyncClient() as http,
        http.stream("GET", url, headers=device.headers) as response,
    ):
        assert response.headers["Content-Type"].startswith("text/event-stream")
        one = Listener(response)
        reading = asyncio.create_task(one.read())
        # What happened before the stream was open.
        assert await one.told()
        yield one
        reading.cancel()
        await asyncio.wait([reading])


async def test_devices_are_told_soon_that_something_has_changed(
    checkin: Checkin, origin: str
) -> None:
    badge = await checkin.badge()
    async with AsyncExitStack() as stack:
        devices = [await checkin.pair(IN) for _ in range(3)]
        listeners = [await stack.enter_async_context(listener(origin, one)) for one in devices]

        async def all_told() -> None:
            assert await asyncio.gather(*(one.told() for one in listeners)) == [True] * 3

        await asyncio.gather(*(one.quiet() for one in listeners))
        entry = await checkin.scan(badge)
        await all_told()
        await checkin.undo(entry)
        await all_told()
        await checkin.block(badge)
        await all_told()
        await checkin.stop(badge, "revoked")
        await all_told()


async def test_news_of_a_key_are_told(checkin: Checkin, origin: str) -> None:
    async with listener(origin, await checkin.pair(IN)) as one:
        key = key_published()
        await checkin.hear(key.model_copy(update={"key_id": 7, "retired": True}))
        assert await one.told()


async def test_what_another_process_has_written_is_told(checkin: Checkin, origin: str) -> None:
    badge = await checkin.badge()
    async with listener(origin, await checkin.pair(IN)) as one:
        await one.quiet()
        async with checkin.service.database.begin() as tx:
            await tx.execute(
                text("UPDATE participants SET blocked = true WHERE registration_id = :id"),
                {"id": badge.registration_id},
            )
        assert await one.told(within=FOR_OTHERS)


@pytest.mark.parametrize("by_another_process", [False, True])
async def test_a_stopped_device_is_told_nothing_any_more(
    checkin: Checkin, origin: str, by_another_process: bool
) -> None:
    device, other = await checkin.pair(IN), await checkin.pair(ROOM)
    async with listener(origin, device) as one, listener(origin, other) as still:
        if by_another_process:
            async with checkin.service.database.begin() as tx:
                stop = text("UPDATE devices SET revoked_at = now() WHERE id = :id")
                await tx.execute(stop, {"id": device.id})
        else:
            await checkin.http.post(
                f"/checkin/api/devices/{device.id}/revoke", headers=checkin.lead
            )
        async with asyncio.timeout(FOR_OTHERS):
            while await one.told(within=FOR_OTHERS):
                pass
        await checkin.badge()
        assert await still.told()
