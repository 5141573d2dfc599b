"""What staff do stands in the audit log, with the act or not at all; nobody changes it unseen."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any
from uuid import UUID

import asyncpg
import pytest
from sqlalchemy import insert
from structlog.testing import capture_logs

from deploy.audit_commands import Chain, check
from deploy.private_servers import PostgreSQL
from shared import audit, caller
from shared.access import Role
from shared.audit_chain import Broken, End, Link
from shared.tables import audit_notes
from tests.registration import API, Registering, running

ODD = 'Zoë "الاسم" \\ \x01\t\x7f\u2028 😀'
WHERE = "203.0.113.7"


@pytest.fixture(scope="module")
async def registering(
    postgres: PostgreSQL, tmp_path_factory: pytest.TempPathFactory
) -> AsyncIterator[Registering]:
    postgres.drop_databases()
    async with running(postgres.url, tmp_path_factory.mktemp("home")) as service:
        yield service


async def test_an_act_is_noted_with_who_what_whom_when_and_from_where(
    registering: Registering,
) -> None:
    registration_id = await registering.confirmed_address(category="media")
    answer = await registering.act(registration_id, "decline", reason="No press card")

    [entry] = await _found(registering, about=registration_id, act="registration.decline")
    assert (entry["who"], entry["role"]) == ("Ada", "organiser")
    assert entry["about"] == [registration_id]
    assert entry["at"].startswith("2017-06-12T")
    assert entry["address"] == "127.0.0.1"
    assert entry["trace_id"] == answer.headers["X-Correlation-Id"]
    assert entry["reason"] == "No press card"


async def test_an_act_that_is_refused_leaves_no_entry(registering: Registering) -> None:
    registration_id = await registering.submitted()
    answer = await registering.act(registration_id, "approve")
    assert answer.status_code == 409
    assert await _found(registering, about=registration_id, act="registration.approve") == []


async def test_an_act_that_cannot_be_noted_is_not_done(registering: Registering) -> None:
    registration_id = await registering.confirmed_address(category="media")
    await _run(registering, "ALTER TABLE audit RENAME TO audit_elsewhere")
    try:
        answer = await registering.act(registration_id, "approve")
    finally:
        await _run(registering, "ALTER TABLE audit_elsewhere RENAME TO audit")
    assert answer.status_code == 500
    assert await registering.status(registration_id) == "in_review"


async def test_what_registrants_do_themselves_is_no_act_of_staff(registering: Registering) -> None:
    registration_id = await registering.confirmed_address()
    own = registering.registrant(registration_id)
    await registering.act(registration_id, "cancel", by=own)
    await registering.http.get(f"{API}/{registration_id}", headers=own)
    assert await _found(registering, about=registration_id) == []


async def test_who_reads_a_record_is_in_the_log(registering: Registering) -> None:
    registration_id = await registering.confirmed_address(family_name="Kovalevskaya")
    reviewer = registering.staff(Role.reviewer)
    await registering.http.get(f"{API}/{registration_id}", headers=reviewer)
    await registering.http.get(API, params={"q": "Kovalevskaya"}, headers=reviewer)
    await registering.http.get(f"/registration/review/{registration_id}", headers=reviewer)

    entries = await _found(registering, about=registration_id)
    assert [(entry["act"], entry["role"]) for entry in entries] == [
        ("registration.read", "reviewer"),
        ("registration.search", "reviewer"),
        ("registration.read", "reviewer"),
    ]
    assert "Kovalevskaya" not in str(entries)


async def test_who_was_searched_for_is_neither_in_the_log_of_files_nor_in_the_services_own(
    registering: Registering,
) -> None:
    wanted = {"q": "Germain", "assigned": "Sophie", "category": "media"}
    with capture_logs() as logged:
        answer = await registering.http.get(
            f"{API}.csv", params=wanted, headers=registering.organiser
        )
    assert answer.status_code == 200

    entry = (await _found(registering, act="file.export"))[0]
    assert entry["details"]["filters"] == {"q": True, "assigned": True, "category": "media"}
    assert "Germain" not in str(logged)
    assert "Sophie" not in str(logged)
    [made] = [entry for entry in logged if entry["event"] == "export.made"]
    assert made["filters"] == entry["details"]["filters"]


async def test_a_reason_goes_with_the_person_and_the_chain_holds(registering: Registering) -> None:
    registration_id = await registering.confirmed_address(category="media")
    await registering.act(registration_id, "decline", reason="Hypatia is not on the list")
    await registering.act(registration_id, "erase")
    [_, entry] = await _found(registering, about=registration_id, act="registration")
    assert (entry["act"], entry["reason"]) == ("registration.decline", None)
    chain = await _chain(registering)
    assert next(link for link in chain.links if link.seq == entry["seq"]).reason_digest
    check(chain, None)


async def test_the_chain_is_the_same_here_as_in_the_database(registering: Registering) -> None:
    database = registering.service.database
    caller.arrives(WHERE)
    caller.is_known_as(ODD, "organiser")
    async with database.begin() as tx:
        for number in range(3):
            await audit.note(
                tx,
                registering.service.platform.clock.now(),
                "test.act",
                which=ODD,
                about=[UUID(int=number), UUID(int=7)],
                reason=ODD,
                words=ODD,
                number=number,
                nested={"b": [1.5, None, True], "a": "é"},
            )
    chain = await _chain(registering)
    check(chain, None)
    assert [link.who for link in chain.links[-3:]] == [ODD] * 3


async def test_entries_of_many_at_once_have_no_gaps(registering: Registering) -> None:
    database, now = registering.service.database, registering.service.platform.clock.now()
    before = (await _chain(registering)).ends.seq

    async def act(number: int) -> None:
        async with database.begin() as tx:
            await audit.note(tx, now, "test.at_once", which=number)
            await asyncio.sleep(0.01)  # the other way round than they began
            if number % 5 == 0:
                raise ZeroDivisionError

    await asyncio.gather(*(act(number) for number in range(40)), return_exceptions=True)
    chain = await _chain(registering)
    assert check(chain, None).seq == before + 32


@pytest.mark.parametrize(
    "change",
    [
        "UPDATE audit SET who = 'Nobody' WHERE seq = 2",
        "DELETE FROM audit WHERE seq = 2",
        "TRUNCATE audit",
    ],
)
async def test_the_database_refuses_to_change_an_entry(
    registering: Registering, change: str
) -> None:
    await registering.http.get(API, headers=registering.organiser)
    with pytest.raises(asyncpg.PostgresError, match="never rewritten"):
        await _run(registering, change)


@pytest.mark.parametrize(
    ("change", "first_broken"),
    [
        ("UPDATE audit SET who = 'Nobody' WHERE seq = 3", 3),
        ("UPDATE audit SET about = ARRAY[gen_random_uuid()] WHERE seq = 3", 3),
        ("DELETE FROM audit WHERE seq = 3", 3),
        ("DELETE FROM audit WHERE seq <= 3", 1),
        (
            """
            UPDATE audit_head SET begins_after = 3,
                begins_with = (SELECT hash FROM audit WHERE seq = 3);
            DELETE FROM audit WHERE seq <= 3
            """,
            3,
        ),
    ],
)
async def test_whoever_changes_an_entry_by_force_is_found_out(
    registering: Registering, change: str, first_broken: int
) -> None:
    for _ in range(4):
        await registering.http.get(API, headers=registering.organiser)
    connection = await registering.service.database.connect("a forger")
    try:
        async with _undone(connection):
            await connection.execute("ALTER TABLE audit DISABLE TRIGGER USER")
            await connection.execute(change)
            with pytest.raises(Broken) as found:
                check(await _chain_in(connection), None)
    finally:
        await connection.close()
    assert found.value.seq == first_broken
    check(await _chain(registering), None)


async def test_an_end_that_was_cut_off_is_found_by_whoever_looked_before(
    registering: Registering,
) -> None:
    await registering.http.get(API, headers=registering.organiser)
    chain = await _chain(registering)
    end = check(chain, None)
    shorter = Chain(chain.begins_after, End(end.seq - 1, chain.links[-2].hash), chain.links[:-1])
    check(shorter, None)
    with pytest.raises(Broken):
        check(shorter, end)


async def test_old_entries_go_and_the_chain_says_so(registering: Registering) -> None:
    database, now = registering.service.database, registering.service.platform.clock.now()
    for _ in range(3):
        await registering.http.get(API, headers=registering.organiser)
    known = check(await _chain(registering), None)
    async with database.begin() as tx:
        gone = await audit.end_old(tx, now, before=registering.service.platform.clock.now())
    chain = await _chain(registering)
    assert gone > 3
    assert [link.act for link in chain.links] == ["audit.end_old"]
    assert check(chain, known).seq == known.seq + 1


async def test_the_page_says_roles_in_words_and_leads_to_the_person(
    registering: Registering,
) -> None:
    registration_id = await registering.submitted()
    await registering.http.get(f"{API}/{registration_id}", headers=registering.organiser)
    token = {"role": "security_lead", "name": "Gates"}
    await registering.http.post(
        "/registration/api/tokens", json=token, headers=registering.organiser
    )
    headers = registering.organiser | {"Accept-Language": "en"}
    page = (await registering.http.get("/registration/audit", headers=headers)).text
    assert f'href="/registration/review/{registration_id}"' in page
    assert f'href="?about={registration_id}"' in page
    assert "Security lead" in page
    assert "security_lead" not in page
    person = await registering.http.get(f"/registration/review/{registration_id}", headers=headers)
    assert f'href="/notifications/mails/{registration_id}"' in person.text


async def test_only_organisers_see_it(registering: Registering) -> None:
    for role in Role:
        headers = registering.staff(role)
        for path in ("api/audit", "api/audit/chain", "audit"):
            answer = await registering.http.get(f"/registration/{path}", headers=headers)
            assert answer.status_code == (200 if role == Role.organiser else 403), path
    assert (await registering.http.get("/registration/api/audit")).status_code == 401


@pytest.mark.parametrize(
    ("field", "wrong"),
    [
        ("about", "nobody"),
        ("since", "yesterday"),
        ("since", "0001-01-01"),
        ("until", "9999-12-31"),
        ("cursor", "0"),
        ("cursor", str(1 << 63)),
        ("who", "a\x00b"),
        ("colour", "blue"),
    ],
)
async def test_a_wrong_filter_is_named(registering: Registering, field: str, wrong: str) -> None:
    answer = await registering.http.get(
        "/registration/api/audit", params={field: wrong}, headers=registering.organiser
    )
    assert answer.status_code == 422
    assert answer.json()["errors"][0]["field"] == field


async def test_it_is_found_by_who_what_when_and_page_by_page(registering: Registering) -> None:
    registration_id = await registering.confirmed_address(category="media")
    await registering.act(registration_id, "approve", by=registering.staff(Role.reviewer))
    day = {"since": "2017-06-12", "until": "2017-06-12"}
    assert await _found(registering, who="Ada", act="registration.appr", **day)
    assert await _found(registering, since="2017-06-13") == []
    assert await _found(registering, who="Grace") == []
    for _ in range(60):
        await registering.http.get(API, headers=registering.organiser)
    seen: list[int] = []
    cursor = ""
    while True:
        answer = await registering.http.get(
            "/registration/api/audit", params={"cursor": cursor}, headers=registering.organiser
        )
        seen += [entry["seq"] for entry in answer.json()["items"]]
        cursor = answer.json()["next_cursor"]
        if cursor is None:
            break
    assert len(seen) > 60
    assert seen == sorted(set(seen), reverse=True)


async def test_a_note_that_python_did_not_write_is_chained_as_well(
    registering: Registering,
) -> None:
    now = registering.service.platform.clock.now()
    async with registering.service.database.begin() as tx:
        values = {"at": now, "who": "x", "role": "device", "act": "test.sql"}
        await tx.execute(insert(audit_notes).values(values))
    chain = await _chain(registering)
    assert chain.links[-1].act == "test.sql"
    check(chain, None)


async def _found(registering: Registering, **wanted: Any) -> list[dict[str, Any]]:
    answer = await registering.http.get(
        "/registration/api/audit", params=wanted, headers=registering.organiser
    )
    assert answer.status_code == 200, answer.text
    items: list[dict[str, Any]] = answer.json()["items"]
    return items


async def _chain(registering: Registering) -> Chain:
    async with registering.service.database.read() as connection:
        begins_after, ends = await audit.ends(connection)
        return Chain(begins_after, ends, await audit.links(connection, 0, 10_000))


async def _chain_in(connection: asyncpg.Connection) -> Chain:
    head = await connection.fetchrow("SELECT * FROM audit_head")
    rows = await connection.fetch("SELECT *, details::text AS written FROM audit ORDER BY seq")
    return Chain(
        End(head["begins_after"], head["begins_with"].hex()),
        End(head["seq"], head["hash"].hex()),
        [
            Link(
                **{name: row[name] for name in ("seq", "at", "who", "role", "act", "which")},
                about=tuple(UUID(str(one)) for one in row["about"]),
                details=row["written"],
                address=row["address"],
                trace_id=row["trace_id"],
                reason_digest=row["reason_digest"] and row["reason_digest"].hex(),
                hash=row["hash"].hex(),
            )
            for row in rows
        ],
    )


@asynccontextmanager
async def _undone(connection: asyncpg.Connection) -> AsyncIterator[None]:
    """A transaction that is always rolled back."""
    tx = connection.transaction()
    await tx.start()
    try:
        yield
    finally:
        await tx.rollback()


async def _run(registering: Registering, statement: str) -> None:
    connection = await registering.service.database.connect("a test")
    try:
        await connection.execute(statement)
    finally:
        await connection.close()
