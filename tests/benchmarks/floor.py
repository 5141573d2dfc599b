"""What a scan could cost at the least: an endpoint that does one UPDATE by raw asyncpg.

The same server, database server and commit; no rules, no log, no figures, no outbox. Run as
`python -m tests.benchmarks.floor PORT DATABASE_URL`.
"""

from __future__ import annotations

import json
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any
from uuid import UUID

import asyncpg
import uvicorn
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse
from starlette.routing import Route

PREPARE = """
    CREATE TABLE IF NOT EXISTS tickets (id uuid PRIMARY KEY, used_at timestamptz);
"""
USE = "UPDATE tickets SET used_at = now() WHERE id = $1 AND used_at IS NULL RETURNING id"


def create(url: str) -> Starlette:
    pool: asyncpg.Pool[Any]

    @asynccontextmanager
    async def lifespan(_: Starlette) -> AsyncIterator[None]:
        nonlocal pool
        async with asyncpg.create_pool(url, min_size=16, max_size=16) as pool:
            await pool.execute(PREPARE)
            yield

    async def use(request: Request) -> JSONResponse:
        ticket = UUID(json.loads(await request.body())["id"])
        return JSONResponse({"used": await pool.fetchval(USE, ticket) is not None})

    return Starlette(routes=[Route("/use", use, methods=["POST"])], lifespan=lifespan)


if __name__ == "__main__":
    uvicorn.run(create(sys.argv[2]), port=int(sys.argv[1]), log_level="error", access_log=False)
