"""A database server that vanishes: no answer, and nobody says that it is gone."""

from __future__ import annotations

import time
from collections.abc import AsyncIterator

import pytest
from sqlalchemy import text
from sqlalchemy.exc import OperationalError

from deploy.private_servers import PostgreSQL
from shared.database import Database
from tests.faults.proxy import Proxy

WITHIN = 1.0


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
    one = Database(through, "checkin")
    await one.create_if_missing()
    yield one
    await one.close()


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
