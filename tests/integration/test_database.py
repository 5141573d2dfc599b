"""A database server that vanishes: no answer, and nobody says that it is gone."""

from __future__ import annotations

import asyncio
import gc
import time
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager, suppress
from typing import Any

import pytest
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError, IntegrityError, OperationalError

from deploy.private_servers import PostgreSQL
from shared.database import MOST_IDLE, Database, Run, statements_in
from tests.faults.proxy import Proxy

WITHIN = 1.0
# Dead connections are left lying, as to close them would take as long: asyncpg says so.
pytestmark = pytest.mark.filterwarnings("ignore:unclosed connection:ResourceWarning")


@pytest.fixture
async def line(postgres: PostgreSQL) -> AsyncIterator[Proxy]:
    proxy = Proxy(postgres.port)
    await proxy.start()
    yield proxy
    await proxy.stop()


@pytest.fixture
async def database(postgres: PostgreSQL, line: Proxy) -> AsyncIterator[Database]:
    postgres.drop_databases()
    through = postgres.url.replace(f":{postgres.port}", f":{line.port}")
    one = Database(through, "checkin", plan_once=True)
    await one.create_if_missing()
    yield one
    await one.close()
    gc.collect()  # here, and not where a later test would hear of it


async def _ask(database: Database) -> int:
    async with database.begin(within=WITHIN) as tx:
        return int((await tx.execute(text("SELECT 1"))).scalar_one())


async def test_a_transaction_that_gets_no_answer_fails_as_with_a_database_that_is_away(
    database: Database, line: Proxy
) -> None:
    assert await _ask(database) == 1
    line.go_deaf()
    began = time.monotonic()
    with pytest.raises(OperationalError):
        await _ask(database)
    assert time.monotonic() - began < WITHIN + 5


async def test_a_read_that_gets_no_answer_fails_too(database: Database, line: Proxy) -> None:
    assert await _ask(database) == 1
    line.go_deaf()
    with pytest.raises(OperationalError):
        async with database.read(within=WITHIN) as connection:
            await connection.execute(text("SELECT 1"))


async def test_once_the_server_answers_again_no_dead_connection_is_used(
    database: Database, line: Proxy
) -> None:
    async with database.begin(), database.begin(), database.begin():
        pass  # three connections in the pool
    line.go_deaf()
    with pytest.raises(OperationalError):
        await _ask(database)
    line.recover(tell=False)
    for _ in range(4):
        assert await _ask(database) == 1


async def test_what_takes_its_time_may_be_given_it(database: Database) -> None:
    with pytest.raises(OperationalError):
        async with database.begin(within=0.1) as tx:
            await tx.execute(text("SELECT pg_sleep(0.5)"))
    async with database.begin(within=None) as tx:
        await tx.execute(text("SELECT pg_sleep(0.2)"))


# --- in a hurry ----------------------------------------------------------------------------------


async def _ask_in_a_hurry(database: Database, statement: str = "SELECT $1::int") -> int:
    async with database.hurry(within=WITHIN) as run:
        [row] = await run(statement, 1)
        return int(row[0])


async def test_what_is_in_a_hurry_runs_on_a_connection_that_is_used_again(
    database: Database,
) -> None:
    backend = "SELECT pg_backend_pid() * $1::int"
    first = await _ask_in_a_hurry(database, backend)
    assert await _ask_in_a_hurry(database, backend) == first
    async with database.hurry() as run, database.hurry() as another:
        # A second one at the same time has a connection of its own.
        assert [tuple(await each("SELECT 1")) for each in (run, another)] == [((1,),)] * 2
    assert await _ask_in_a_hurry(database, "SELECT $1::int") == 1


async def test_errors_in_a_hurry_are_the_same_as_otherwise(database: Database) -> None:
    with pytest.raises(DBAPIError) as wrong:
        await _ask_in_a_hurry(database, "SELECT 1 / ($1::int - 1)")
    assert getattr(wrong.value.orig, "sqlstate", None) == "22012"
    async with database.hurry() as run:
        await run("CREATE TABLE once (n int PRIMARY KEY)")
        await run("INSERT INTO once VALUES (1)")
    with pytest.raises(IntegrityError):
        await _ask_in_a_hurry(database, "INSERT INTO once VALUES ($1::int) RETURNING n")


async def test_no_answer_in_a_hurry_fails_too_and_no_dead_connection_is_used(
    database: Database, line: Proxy
) -> None:
    async with database.hurry() as run, database.hurry() as another:
        await asyncio.gather(run("SELECT 1"), another("SELECT 1"))
    line.go_deaf()
    with pytest.raises(OperationalError):
        await _ask_in_a_hurry(database)
    line.recover(tell=False)
    for _ in range(3):
        assert await _ask_in_a_hurry(database) == 1


async def test_who_gives_up_in_a_hurry_leaves_no_half_read_answer_to_the_next(
    database: Database,
) -> None:
    impatient = asyncio.create_task(_ask_in_a_hurry(database, "SELECT pg_sleep($1::int)::text"))
    await asyncio.sleep(0.2)
    impatient.cancel()
    with pytest.raises(asyncio.CancelledError):
        await impatient
    assert await _ask_in_a_hurry(database) == 1


async def test_a_connection_that_the_server_has_ended_meanwhile_is_not_used(
    database: Database, postgres: PostgreSQL
) -> None:
    assert await _ask_in_a_hurry(database) == 1
    postgres.execute(
        "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname LIKE 'forumpass%'"
    )
    await asyncio.sleep(0.2)  # by then we have heard of it
    assert await _ask_in_a_hurry(database) == 1


async def test_what_needed_many_connections_for_once_does_not_keep_them(
    database: Database,
) -> None:
    others = "SELECT count(*) FROM pg_stat_activity WHERE datname LIKE 'forumpass%' AND $1 = 1"
    async with AsyncExitStack() as stack:
        for _ in range(3 * MOST_IDLE):
            await stack.enter_async_context(database.hurry())
    async with asyncio.timeout(5):
        while await _ask_in_a_hurry(database, others) > MOST_IDLE:
            await asyncio.sleep(0.02)


async def test_who_is_cancelled_while_connecting_leaves_nothing_half_open(
    database: Database,
) -> None:
    complaints: list[dict[str, Any]] = []
    loop = asyncio.get_running_loop()
    usual = loop.get_exception_handler()
    loop.set_exception_handler(lambda _, context: complaints.append(context))
    for step in range(100):
        asking = asyncio.create_task(_ask(database))
        await asyncio.sleep(step / 10_000)
        asking.cancel()
        with suppress(asyncio.CancelledError):
            await asking
        await database.engine.dispose()
    await asyncio.sleep(0.2)
    gc.collect()
    await asyncio.sleep(0)
    loop.set_exception_handler(usual)
    assert complaints == []


# --- plans ---------------------------------------------------------------------------------------

FIND = "SELECT * FROM person WHERE id = $1::int"


async def _plan(run: Run) -> str:
    """How the server finds a person, as it has planned it for this connection."""
    await run(FIND, 7)
    [[name]] = await run("SELECT name FROM pg_prepared_statements WHERE statement = $1", FIND)
    return " ".join([row[0] for row in await run(f"EXPLAIN EXECUTE {name}(7)")])


@pytest.mark.parametrize("way", ["hurry", "read"])
async def test_what_was_planned_for_an_empty_table_is_planned_again(
    database: Database, monkeypatch: pytest.MonkeyPatch, way: str
) -> None:
    @asynccontextmanager
    async def connection() -> AsyncIterator[Run]:
        if way == "hurry":
            async with database.hurry() as run:
                yield run
        else:
            async with database.read() as reading:
                yield statements_in(reading)

    async with database.begin() as tx:
        await tx.execute(text("CREATE TABLE person (id int PRIMARY KEY)"))
        await tx.execute(text("ANALYZE person"))
    async with connection() as run:
        assert "Seq Scan" in await _plan(run)
    async with database.begin() as tx:
        await tx.execute(text("INSERT INTO person SELECT generate_series(1, 10000)"))
    async with connection() as run:
        assert "Seq Scan" in await _plan(run)  # in the same second
    monkeypatch.setattr("shared.database.PLAN_SECONDS", 0)
    async with connection() as run:
        assert "Index" in await _plan(run)


async def test_a_connection_that_died_in_the_pool_is_replaced(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("shared.database.PLAN_SECONDS", 0)
    async with database.read() as one:
        [[backend]] = await statements_in(one)("SELECT pg_backend_pid()")
    async with database.hurry() as run:
        await run("SELECT pg_terminate_backend($1)", backend)
    assert await _ask(database) == 1
