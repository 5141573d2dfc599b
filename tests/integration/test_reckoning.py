"""Presence and attendance, made again from the log."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Sequence
from typing import Any, Final
from uuid import UUID, uuid4

import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from sqlalchemy import Table, text

from deploy.private_servers import PostgreSQL
from services.checkin import reckoning
from services.checkin.tables import attendance, presence
from shared.access import Role
from tests.checkin import ALL_ZONES, IN, OTHER_IN, OUT, Badge, Body, Checkin, running
from tests.streams import PEOPLE, Step, play, streams

NOW: Final = "2017-06-14T10:00:00+02:00"
SPOILED: Final = (
    "DELETE FROM presence",
    "DELETE FROM attendance",
    "UPDATE presence SET inside = NOT inside",
    "UPDATE presence SET session = session - 1",
    "UPDATE presence SET last_entry_day = NULL",
    "UPDATE presence SET at = at + interval '1 s', gate = 'nowhere'",
    "UPDATE attendance SET entrance = 'nowhere'",
    "UPDATE attendance SET at = at - interval '1 s'",
    "UPDATE attendance SET scan_id = gen_random_uuid()",
    """INSERT INTO attendance SELECT registration_id, '2017-06-16', scan_id, at, gate, 'media',
       'CH', 'europe' FROM presence WHERE zone = 'venue' ON CONFLICT DO NOTHING""",
)


@pytest.fixture(scope="module")
async def checkin(
    postgres: PostgreSQL, tmp_path_factory: pytest.TempPathFactory
) -> AsyncIterator[Checkin]:
    postgres.drop_databases()
    async with running(postgres.url, tmp_path_factory.mktemp("home"), clock=NOW) as service:
        yield service


async def reckon(checkin: Checkin, *, repair: bool = True) -> list[Body]:
    """What has differed."""
    found: list[Body] = []
    place: dict[str, str] = {}
    while True:
        answer = await checkin.http.post(
            "/checkin/api/rebuild/attendance",
            params={"repair": str(repair).lower()} | place,
            headers=checkin.staff(Role.organiser),
        )
        assert answer.status_code == 200, answer.text
        found += answer.json()["differences"]
        if answer.json()["next"] is None:
            return found
        place = {"after": answer.json()["next"]}


async def kept(checkin: Checkin) -> dict[str, list[dict[str, Any]]]:
    async def rows(table: Table) -> list[dict[str, Any]]:
        found = [dict(row._mapping) for row in await checkin.rows(table)]
        for row in found:
            row.pop("changed", None)
        return sorted(found, key=repr)

    return {table.name: await rows(table) for table in (presence, attendance)}


async def spoil(checkin: Checkin, statement: str) -> None:
    async with checkin.service.database.begin() as tx:
        await tx.execute(text(statement))


@given(stream=streams, statements=st.lists(st.sampled_from(SPOILED), min_size=1, max_size=4))
@settings(
    max_examples=25,
    deadline=None,
    # Not Phase.shrink: each try takes long.
    phases=[Phase.explicit, Phase.reuse, Phase.generate],
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
async def test_what_is_kept_follows_from_the_log_and_is_made_again_from_it(
    checkin: Checkin, stream: Sequence[Step], statements: Sequence[str]
) -> None:
    people = [
        await checkin.badge(zones=ALL_ZONES, category="media", country="KE") for _ in range(PEOPLE)
    ]
    await play(checkin, people, stream)
    assert await reckon(checkin, repair=False) == []
    before = await kept(checkin)
    for statement in statements:
        await spoil(checkin, statement)
    spoiled = await kept(checkin)
    differences = await reckon(checkin, repair=False)
    assert bool(differences) == (spoiled != before)
    assert await kept(checkin) == spoiled
    assert await reckon(checkin) == differences
    assert await kept(checkin) == before
    assert await reckon(checkin) == []


async def test_what_was_put_right_is_in_the_audit_log(checkin: Checkin) -> None:
    badge = await checkin.badge()
    await checkin.scan(badge)
    await spoil(
        checkin, f"DELETE FROM attendance WHERE registration_id = '{badge.registration_id}'"
    )
    await reckon(checkin)
    entries = await checkin.http.get(
        "/checkin/api/audit",
        params={"about": str(badge.registration_id)},
        headers=checkin.staff(Role.organiser),
    )
    assert entries.json()["items"][0]["act"] == "attendance.put_right"


async def test_scans_go_on_meanwhile_and_lose_nothing(
    checkin: Checkin, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(reckoning, "PEOPLE", 10)
    crowd = [await checkin.badge() for _ in range(12)]

    async def come_and_go(badge: Badge) -> None:
        for gate in 3 * (IN, OUT, OTHER_IN, OUT) + (IN,):
            await checkin.scan(badge, gate)

    scans = asyncio.gather(*(come_and_go(badge) for badge in crowd))
    while not scans.done():
        assert await reckon(checkin) == []
    await scans
    assert await reckon(checkin) == []
    inside = {row.registration_id for row in await checkin.rows(presence) if row.inside}
    assert {badge.registration_id for badge in crowd} <= inside


async def test_everybody_is_checked_however_many_there_are(checkin: Checkin) -> None:
    ids = sorted(str(UUID(int=number)) for number in range(1, 2 * reckoning.PEOPLE + 2))
    await spoil(
        checkin,
        "INSERT INTO presence (registration_id, zone, inside, session, scan_id, at, gate)"
        " SELECT CAST(lpad(to_hex(n), 32, '0') AS uuid), 'venue', true, '2017-06-14',"
        f" gen_random_uuid(), now(), 'tower-in' FROM generate_series(1, {len(ids)}) AS n",
    )
    differences = await reckon(checkin)
    assert [one["registration_id"] for one in differences] == ids
    assert {str(one["from_log"]) for one in differences} == {"None"}
    assert await reckon(checkin) == []


async def test_the_groups_that_somebody_counted_in_stay(checkin: Checkin) -> None:
    badge = await checkin.badge(category="government", country="GB")
    await checkin.scan(badge, IN)
    await spoil(
        checkin,
        "UPDATE participants SET category = 'media', country = 'KE'"
        f" WHERE registration_id = '{badge.registration_id}'",
    )
    where = f" WHERE registration_id = '{badge.registration_id}'"
    for statement, groups in (
        (f"UPDATE attendance SET entrance = 'nowhere' {where}", ("government", "GB", "europe")),
        (f"DELETE FROM attendance {where}", ("media", "KE", "africa")),
    ):
        await spoil(checkin, statement)
        assert len(await reckon(checkin)) == 1
        [row] = [
            row
            for row in await checkin.rows(attendance)
            if row.registration_id == badge.registration_id
        ]
        assert (row.category, row.country, row.region) == groups


async def test_only_the_organiser_makes_it_again(checkin: Checkin) -> None:
    for role in Role:
        answer = await checkin.http.post(
            f"/checkin/api/rebuild/attendance?after={uuid4()}", headers=checkin.staff(role)
        )
        assert answer.status_code == (200 if role == Role.organiser else 403)
    answer = await checkin.http.post(
        "/checkin/api/rebuild/attendance?after=7", headers=checkin.staff(Role.organiser)
    )
    assert answer.status_code == 422
    assert [error["field"] for error in answer.json()["errors"]] == ["after"]
