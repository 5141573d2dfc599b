"""What a copy could cost at the least: its bytes as a file, packed already, by the same server.

Run as `python -m tests.benchmarks.file_floor PORT FILE`.
"""

from __future__ import annotations

import sys

import uvicorn
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import FileResponse, HTMLResponse, Response
from starlette.routing import Route


def create(file: str) -> Starlette:
    async def page(_: Request) -> Response:
        return HTMLResponse("<!doctype html><title>Floor</title>")

    async def copy(_: Request) -> Response:
        headers = {"Content-Encoding": "zstd", "Cache-Control": "no-store"}
        return FileResponse(file, media_type="application/x-ndjson", headers=headers)

    return Starlette(routes=[Route("/", page), Route("/copy", copy)])


if __name__ == "__main__":
    uvicorn.run(create(sys.argv[2]), port=int(sys.argv[1]), log_level="error", access_log=False)
