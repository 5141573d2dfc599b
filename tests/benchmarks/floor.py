"""What a scan and a registration could cost at the least: endpoints that do one UPDATE, or one
INSERT of the document as it came, by raw asyncpg.

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
from uuid_utils.compat import uuid7

PREPARE = """
    CREATE TABLE IF NOT EXISTS tickets (id uuid PRIMARY KEY, used_at timestamptz);
    CREATE TABLE IF NOT EXISTS forms (id uuid PRIMARY KEY, form jsonb NOT NULL);
"""
USE = "UPDATE tickets SET used_at = now() WHERE id = $1 AND used_at IS NULL RETURNING id"
KEEP = "INSERT INTO forms VALUES ($1, $2)"


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

    async def keep(request: Request) -> JSONResponse:
        form, form_id = await request.body(), uuid7()
        json.loads(form)
        await pool.execute(KEEP, form_id, form.decode())
        return JSONResponse({"id": str(form_id)}, status_code=201)

    async def answer(request: Request) -> JSONResponse:
        return JSONResponse({"read": len(await request.body())})

    routes = [
        Route("/use", use, methods=["POST"]),
        Route("/keep", keep, methods=["POST"]),
        Route("/answer", answer, methods=["POST"]),
    ]
    return Starlette(routes=routes, lifespan=lifespan)


if __name__ == "__main__":
    uvicorn.run(create(sys.argv[2]), port=int(sys.argv[1]), log_level="error", access_log=False)
