"""Rows on their way out of PostgreSQL, piece by piece, to somebody who may take their time."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import Any

import asyncpg
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

Sink = Callable[[bytes], Awaitable[None]]


async def copy_out(
    tx: AsyncConnection, statement: str, *values: Any, to: Sink, **options: Any
) -> int:
    """Hand over a statement's rows as CSV, in pieces; answers how many.

    Args:
        tx: a transaction of its own, begun with `within=None`: how long it takes is the reader's.
        statement: with $1, $2… for the values.
        values: in their order.
        to: takes the pieces; an error of its own ends the connection.
        options: how the CSV is written, as asyncpg's `copy_from_query` has them.
    """
    # PostgreSQL has soon said all; whoever takes it may still be at it for minutes.
    await tx.execute(text("SELECT set_config('idle_in_transaction_session_timeout', '0', true)"))
    database: asyncpg.Connection = (await tx.get_raw_connection()).driver_connection
    try:
        done = await database.copy_from_query(
            statement, *values, output=to, format="csv", **options
        )
    except BaseException:
        # The driver has stopped reading in the middle, and would wait for the rest for ever.
        database.terminate()
        await tx.invalidate()
        raise
    return int(done.rpartition(" ")[2])


@asynccontextmanager
async def patient(to: Sink, seconds: float) -> AsyncIterator[Sink]:
    """A sink that may take as long as it likes, as long as something moves.

    Raises:
        TimeoutError: nothing moved for so many seconds.
    """
    loop = asyncio.get_running_loop()
    async with asyncio.timeout(seconds) as patience:

        async def sink(piece: bytes) -> None:
            await to(piece)
            patience.reschedule(loop.time() + seconds)

        yield sink
