"""What happens to every request before a route sees it."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass
from typing import Annotated, Any

import httpx
import pytest
from fastapi import FastAPI, Form, Request
from fastapi.responses import StreamingResponse
from prometheus_client import CollectorRegistry
from starlette.types import Message
from structlog.testing import capture_logs

from shared import middleware, problem_answers
from shared.middleware import Middleware

ORIGIN = "https://forum.example.org"
MOST = 2048
TRACE = "0af7651916cd43dd8448eb211c80319c"


@dataclass
class Site:
    """An application behind the middleware."""

    app: FastAPI
    http: httpx.AsyncClient
    metrics: CollectorRegistry
    up: bool = True

    def count(self, **labels: str) -> float:
        """How many requests with these labels were measured."""
        return self.metrics.get_sample_value("http_request_seconds_count", labels) or 0


class ASecondEachTime:
    """A stopwatch for a link on which each part of a body takes a second."""

    def __init__(self) -> None:
        self._now = 0.0

    def monotonic(self) -> float:
        self._now += 1
        return self._now

    perf_counter = monotonic


async def nobody(_: Request) -> None: ...


@pytest.fixture
async def site() -> AsyncIterator[Site]:
    app, metrics = FastAPI(), CollectorRegistry()
    problem_answers.install(app)
    transport = httpx.ASGITransport(app)
    async with httpx.AsyncClient(transport=transport, base_url="http://127.0.0.1:8000") as http:
        one = Site(app, http, metrics)
        app.add_middleware(
            Middleware,
            service="checkin",
            metrics=metrics,
            max_body_bytes=MOST,
            origin=ORIGIN,
            is_up=lambda: one.up,
            signed_in=nobody,
            at_once={},
        )

        @app.post("/raw")
        async def raw(request: Request) -> int:
            return len(await request.body())

        @app.post("/json")
        async def read_json(body: dict[str, Any]) -> int:
            return len(body)

        @app.post("/form")
        async def read_form(name: Annotated[str, Form()]) -> int:
            return len(name)

        @app.get("/gates/{gate}")
        async def gate(gate: str) -> dict[str, str]:
            return {"gate": gate}

        @app.get("/checkin/health/live")
        async def live() -> str:
            return "alive"

        @app.get("/crash")
        async def crash() -> None:
            raise LookupError("a mistake of ours")

        @app.get("/stream")
        async def stream() -> StreamingResponse:
            async def breaks() -> AsyncIterator[bytes]:
                yield b"first"
                raise LookupError("too late")

            return StreamingResponse(breaks())

        with capture_logs():  # without a set-up, structlog takes seconds to draw a crash
            yield one


async def call(
    site: Site, *parts: bytes | None, path: str = "/raw", **headers: str
) -> list[Message]:
    """POST a body in parts, without its length; after `None` nothing more comes."""
    waiting: Iterator[bytes | None] = iter(parts)
    sent: list[Message] = []

    async def receive() -> Message:
        part = next(waiting, b"")
        if part is None:
            await asyncio.Event().wait()
        return {"type": "http.request", "body": part, "more_body": part != b""}

    async def send(message: Message) -> None:
        sent.append(message)

    raw = [(name.replace("_", "-").encode(), value.encode()) for name, value in headers.items()]
    scope = {
        "type": "http", "method": "POST", "path": path, "query_string": b"", "headers": raw,
        "http_version": "1.1", "scheme": "http", "server": ("127.0.0.1", 8000),
        "client": ("127.0.0.1", 1), "root_path": "", "raw_path": path.encode(),
    }  # fmt: skip
    async with asyncio.timeout(5):
        await site.app(scope, receive, send)
    return sent


def head_of(sent: list[Message]) -> tuple[int, dict[bytes, bytes]]:
    return sent[0]["status"], dict(sent[0]["headers"])


# --- bodies --------------------------------------------------------------------------------------


async def test_a_body_of_the_allowed_length_is_read(site: Site) -> None:
    answer = await site.http.post("/raw", content=b"x" * MOST)
    assert (answer.status_code, answer.json()) == (200, MOST)


async def test_a_body_that_is_announced_as_too_long_is_not_read(site: Site) -> None:
    answer = await site.http.post("/raw", content=b"x" * (MOST + 1))
    assert answer.status_code == 413
    assert answer.json()["type"] == "urn:forum-pass:problem:too-large"
    assert answer.headers["connection"] == "close"


@pytest.mark.parametrize("path", ["/raw", "/json", "/form"])
async def test_a_body_that_only_turns_out_too_long_is_cut_off(site: Site, path: str) -> None:
    kinds = {"/json": "application/json", "/form": "application/x-www-form-urlencoded"}
    parts = [b"x" * 1000] * 1000
    status, headers = head_of(
        await call(site, *parts, path=path, content_type=kinds.get(path, "text/plain"))
    )
    assert status == 413
    assert headers[b"content-type"] == b"application/problem+json"
    assert headers[b"connection"] == b"close"


@pytest.mark.parametrize("length", ["-1", "many", "1e3", "²", "9" * 30])
async def test_a_length_that_is_none_is_refused(site: Site, length: str) -> None:
    status, _ = head_of(await call(site, b"x", content_length=length))
    assert status == 413


@pytest.mark.parametrize("path", ["/raw", "/json", "/form"])
async def test_a_body_that_stops_coming_is_given_up(
    site: Site, monkeypatch: pytest.MonkeyPatch, path: str
) -> None:
    monkeypatch.setattr(middleware, "SLOW_BODY_SECONDS", 0.05)
    kinds = {"/json": "application/json", "/form": "application/x-www-form-urlencoded"}
    status, headers = head_of(
        await call(site, b"x", None, path=path, content_type=kinds.get(path, "text/plain"))
    )
    assert status == 408
    assert headers[b"content-type"] == b"application/problem+json"
    assert headers[b"connection"] == b"close"


async def test_a_body_that_drips_is_given_up_though_it_never_stops(
    site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(middleware, "time", ASecondEachTime())
    status, _ = head_of(await call(site, *[b"x"] * 2000))
    assert status == 408


async def test_a_long_body_over_a_slow_link_is_read_to_its_end(
    site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(middleware, "time", ASecondEachTime())
    monkeypatch.setattr(middleware, "SLOW_BODY_BYTES_PER_SECOND", 8)
    status, _ = head_of(await call(site, *[b"x" * 10] * 200))
    assert status == 200


# --- other sites ---------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "headers",
    [
        {},  # a program
        {"Origin": ORIGIN},
        {"Origin": "http://127.0.0.1:8000"},  # the page stands where the request goes
        {"Sec-Fetch-Site": "same-origin", "Origin": ORIGIN},
        {"Sec-Fetch-Site": "none"},
    ],
    ids=str,
)
async def test_our_own_pages_and_programs_may_post(site: Site, headers: dict[str, str]) -> None:
    assert (await site.http.post("/raw", headers=headers)).status_code == 200


@pytest.mark.parametrize(
    "headers",
    [
        {"Origin": "https://evil.example"},
        {"Origin": "null"},
        {"Origin": "http://forum.example.org"},
        {"Origin": f"{ORIGIN}.evil.example"},
        {"Origin": "https://[::1"},
        {"Origin": ""},
        {"Sec-Fetch-Site": "cross-site"},
        {"Sec-Fetch-Site": "same-site"},
        {"Sec-Fetch-Site": "cross-site", "Origin": ORIGIN},
    ],
    ids=str,
)
async def test_a_page_of_another_site_may_not_post(site: Site, headers: dict[str, str]) -> None:
    answer = await site.http.post("/raw", headers=headers)
    assert answer.status_code == 403
    assert answer.json()["type"] == "urn:forum-pass:problem:cross-site"


async def test_a_link_from_another_site_opens(site: Site) -> None:
    headers = {"Sec-Fetch-Site": "cross-site", "Origin": "https://mail.example"}
    assert (await site.http.get("/gates/A", headers=headers)).status_code == 200


# --- headers -------------------------------------------------------------------------------------


@pytest.mark.parametrize("path", ["/gates/A", "/nowhere", "/crash"])
async def test_every_answer_carries_the_security_headers(site: Site, path: str) -> None:
    headers = (await site.http.get(path)).headers
    assert headers["x-content-type-options"] == "nosniff"
    assert headers["referrer-policy"] in ("same-origin", "no-referrer")
    policy = headers["content-security-policy"]
    assert "frame-ancestors 'none'" in policy
    assert "default-src 'self'" in policy
    assert "script-src 'self' 'wasm-unsafe-eval';" in policy


async def test_an_answer_names_the_trace_of_its_request(site: Site) -> None:
    parent = {"traceparent": f"00-{TRACE}-b7ad6b7169203331-01"}
    assert (await site.http.get("/gates/A", headers=parent)).headers["x-correlation-id"] == TRACE
    refused = await site.http.post("/raw", headers=parent | {"Origin": "null"})
    assert refused.headers["x-correlation-id"] == refused.json()["trace_id"] == TRACE


async def test_an_answer_to_a_request_without_a_trace_begins_one(site: Site) -> None:
    ids = {(await site.http.get("/nowhere")).headers["x-correlation-id"] for _ in range(3)}
    assert len(ids) == 3
    assert all(len(trace_id) == 32 for trace_id in ids)


# --- what goes wrong -----------------------------------------------------------------------------


async def test_a_mistake_of_ours_is_a_problem_document_without_the_mistake(site: Site) -> None:
    answer = await site.http.get("/crash")
    assert answer.status_code == 500
    assert answer.json()["type"] == "urn:forum-pass:problem:internal-error"
    assert "mistake of ours" not in answer.text
    assert site.count(method="GET", route="/crash", status="500") == 1


async def test_an_answer_that_breaks_in_the_middle_is_seen_to_be_broken(site: Site) -> None:
    with pytest.raises(LookupError):
        await site.http.get("/stream")
    assert site.count(method="GET", route="/stream", status="200") == 1


async def test_a_service_that_is_not_up_answers_about_its_health_alone(site: Site) -> None:
    site.up = False
    answer = await site.http.get("/gates/A")
    assert answer.status_code == 503
    assert answer.json()["type"] == "urn:forum-pass:problem:unavailable"
    assert (await site.http.get("/checkin/health/live")).status_code == 200


# --- methods and figures -------------------------------------------------------------------------


@pytest.mark.parametrize("path", ["/gates/A", "/nowhere", "/crash"])
async def test_head_is_get_without_the_content(site: Site, path: str) -> None:
    get, head = await site.http.get(path), await site.http.head(path)
    assert (head.status_code, head.content) == (get.status_code, b"")
    assert head.headers.keys() == get.headers.keys()
    assert head.headers["content-type"] == get.headers["content-type"]


async def test_requests_are_counted_by_route_and_not_by_address(site: Site) -> None:
    for gate in "ABC":
        await site.http.get(f"/gates/{gate}")
    await site.http.head("/gates/A")
    assert site.count(method="GET", route="/gates/{gate}", status="200") == 3
    assert site.count(method="HEAD", route="/gates/{gate}", status="200") == 1


async def test_what_callers_make_up_is_not_kept(site: Site) -> None:
    for number in range(3):
        await site.http.request(f"BREW{number}", f"/teapot/{number}")
    assert site.count(method="other", route="none", status="404") == 3


# --- what asks for nothing -----------------------------------------------------------------------


@pytest.mark.parametrize(
    ("query", "seen"),
    [
        ("status=&category=&country=CH&q=", "country=CH"),
        ("status=", ""),
        ("cursor=abc=&token=ab==", "cursor=abc=&token=ab=="),
        ("flag&status=", "flag"),
        ("q=a%20b&limit=1", "q=a%20b&limit=1"),
        ("", ""),
    ],
)
async def test_a_field_that_was_left_empty_is_as_if_not_there(
    site: Site, query: str, seen: str
) -> None:
    @site.app.get("/api/echo")
    @site.app.get("/page")
    async def echo(request: Request) -> str:
        return str(request.url.query)

    assert (await site.http.get(f"/api/echo?{query}")).json() == seen
    assert (await site.http.get(f"/page?{query}")).json() == query
