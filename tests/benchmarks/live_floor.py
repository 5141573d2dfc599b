"""What seeing a scan could cost at the least: a server that tells each viewer of each scan.

The same addresses, server and number of viewers; no database, no rules, no figures, and a page with
one number on it. Run as `python -m tests.benchmarks.live_floor PORT`.
"""

from __future__ import annotations

import asyncio
import json
import sys
from collections.abc import AsyncIterator

import uvicorn
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import HTMLResponse, JSONResponse, StreamingResponse
from starlette.routing import Route

PAGE = """<!doctype html><title>Floor</title><p data-figure="inside" data-value="0">0</p>
<script>
    const number = document.querySelector('p');
    new EventSource('/checkin/api/live').onmessage = ({ data }) => {
        number.textContent = number.dataset.value = JSON.parse(data).inside;
    };
</script>"""


def create() -> Starlette:
    viewers: set[asyncio.Queue[str]] = set()
    inside = 0

    async def scan(request: Request) -> JSONResponse:
        nonlocal inside
        inside += 1
        scan_id = json.loads(await request.body())["scan_id"]
        for viewer in viewers:
            viewer.put_nowait(_event(scan_id))
        return JSONResponse({"scan_id": scan_id})

    async def watch(_: Request) -> StreamingResponse:
        return StreamingResponse(told(), media_type="text/event-stream")

    async def told() -> AsyncIterator[str]:
        queue: asyncio.Queue[str] = asyncio.Queue()
        viewers.add(queue)
        try:
            yield _event("")
            while True:
                yield await queue.get()
        finally:
            viewers.discard(queue)

    async def page(_: Request) -> HTMLResponse:
        return HTMLResponse(PAGE)

    def _event(scan_id: str) -> str:
        content = json.dumps({"scan_id": scan_id, "inside": inside}, separators=(",", ":"))
        return f"data: {content}\r\n\r\n"

    return Starlette(
        routes=[
            Route("/checkin/api/scans", scan, methods=["POST"]),
            Route("/checkin/api/live", watch),
            Route("/checkin/live", page),
        ]
    )


if __name__ == "__main__":
    uvicorn.run(create(), port=int(sys.argv[1]), log_level="error", access_log=False)
