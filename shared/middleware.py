"""What happens to every HTTP request before a route sees it, as one plain ASGI layer."""

from __future__ import annotations

import asyncio
import functools
import time
from collections.abc import Awaitable, Callable, Mapping
from typing import Any
from urllib.parse import urlsplit

import structlog
from prometheus_client import CollectorRegistry, Histogram
from starlette.datastructures import Headers, MutableHeaders
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from shared import caller, problem_answers, problems, trace
from shared.access import SESSION_COOKIE, Staff, Unrecognised
from shared.problems import Problem

log = structlog.get_logger()

SLOW_BODY_SECONDS = 20.0
"""Between two parts of a request's body: even a slow link sends something in that time."""
SLOW_BODY_BYTES_PER_SECOND = 1024
"""Slower than this for longer than that, a body comes from somebody who means to tie us up."""
SAFE_METHODS = frozenset({"GET", "HEAD", "OPTIONS"})
METHODS = SAFE_METHODS | {"POST", "PUT", "PATCH", "DELETE"}
HANG_UP = {"Connection": "close"}
"""With an answer before the end of the body: nobody reads what is still to come."""
CONTENT_SECURITY_POLICY = (
    "default-src 'self'; script-src 'self' 'wasm-unsafe-eval'; style-src 'self' 'unsafe-inline'; "
    "img-src 'self' data: blob:; connect-src 'self'; worker-src 'self'; object-src 'none'; "
    "base-uri 'none'; form-action 'self'; frame-ancestors 'none'"
)

SignedIn = Callable[[Request], Awaitable[Staff | Unrecognised | None]]
"""Who sends a request from a signed-in browser."""


class Middleware:
    """Correlation, body limits, cross-site protection, security headers, timing."""

    def __init__(
        self,
        app: ASGIApp,
        *,
        service: str,
        metrics: CollectorRegistry,
        max_body_bytes: int,
        origin: str,
        is_up: Callable[[], bool],
        at_once: Mapping[str, Route],
        signed_in: SignedIn,
    ) -> None:
        self._app = app
        self._service = service
        self._max_body_bytes = max_body_bytes
        self._origin = origin
        self._is_up = is_up
        self._at_once = at_once
        """By path, POST routes that don't wait for the application to find them."""
        self._signed_in = signed_in
        seconds = Histogram(
            "http_request_seconds",
            "Time from request to response",
            ["method", "route", "status"],
            registry=metrics,
        )
        # As many as it has labels: to look for them takes longer than to observe.
        self._seconds_of = functools.cache(seconds.labels)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        started = time.perf_counter()
        scope["query_string"] = _query(scope)
        headers = Headers(scope=scope)
        trace.follow(headers.get("traceparent"))
        client = scope.get("client")
        caller.arrives(client[0] if client else None)
        status: int | None = None

        async def send_with_headers(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
                _add_headers(MutableHeaders(scope=message))
            await send(message)

        inner = scope
        try:
            problem = self._refusal(scope, headers)
            if problem is None and self._may_be_staff(scope, headers):
                await self._note_who(scope)
            if problem is not None:
                answer = problem_answers.response(Request(scope), problem)
                await answer(scope, receive, send_with_headers)
            elif scope["method"] == "HEAD":
                # RFC 9110, 9.3.2: what GET would answer, without the content.
                inner = {**scope, "method": "GET"}
                await self._app(inner, receive, _without_body(send_with_headers))
            else:
                limited = _limited(receive, self._max_body_bytes)
                route = self._at_once.get(scope["path"]) if scope["method"] == "POST" else None
                if route is None:
                    await self._app(scope, limited, send_with_headers)
                else:
                    await _serve(route, scope, limited, send_with_headers)
        except Exception as error:
            answer = problem_answers.crashed(Request(scope), error)
            if status is not None:  # too late for another answer
                raise
            await answer(scope, receive, send_with_headers)
        finally:
            self._measure(inner, scope["method"], status, time.perf_counter() - started)

    def _may_be_staff(self, scope: Scope, headers: Headers) -> bool:
        # Devices alone call what is in a hurry, and their token is none of ours to read.
        if scope["method"] == "POST" and scope["path"] in self._at_once:
            return False
        return "authorization" in headers or SESSION_COOKIE in headers.get("cookie", "")

    async def _note_who(self, scope: Scope) -> None:
        who = await self._signed_in(Request(scope))
        state = scope.setdefault("state", {})
        state["signed_in"] = who
        if isinstance(who, Staff) and who.session is not None:
            state["own_language"] = who.session.language

    def _refusal(self, scope: Scope, headers: Headers) -> Problem | None:
        """Why this request goes no further, if so."""
        if not self._is_up() and "/health/" not in scope["path"]:
            return problems.unavailable()
        if scope["method"] in SAFE_METHODS:
            return None
        if not _same_site(headers, self._origin):
            return Problem(403, "cross-site", "This request was sent by a page of another site.")
        length = headers.get("content-length", "0")
        if not length.isdecimal() or int(length) > self._max_body_bytes:
            return _too_large(self._max_body_bytes)
        return None

    def _measure(self, scope: Scope, method: str, status: int | None, seconds: float) -> None:
        # What callers make up must not become labels: each is kept for ever.
        route = getattr(scope.get("route"), "path", "none")
        method = method if method in METHODS else "other"
        self._seconds_of(method, route, status).observe(seconds)
        log.debug(
            "http.request",
            service=self._service,
            method=method,
            route=route,
            status=status,
            ms=round(seconds * 1000, 1),
        )


async def _serve(route: Route, scope: Scope, receive: Receive, send: Send) -> None:
    """Call a route's endpoint, with the application's answers to what it raises."""
    scope["route"] = route
    request = Request(scope, receive, send)
    try:
        answer: Response = await route.endpoint(request)
    except Exception as error:
        handlers: Mapping[Any, Any] = scope["app"].exception_handlers
        handler = next((handlers[kind] for kind in type(error).__mro__ if kind in handlers), None)
        if handler is None:
            raise
        answer = await handler(request, error)
    await answer(scope, receive, send)


def _query(scope: Scope) -> bytes:
    """The query; of one to an API without the fields that were left empty, which ask for nothing.

    To a page, an empty field may say something else than none at all.
    """
    query: bytes = scope["query_string"]
    has_blanks = b"=&" in query or query.endswith(b"=")
    if not has_blanks or "/api/" not in scope["path"]:
        return query
    return b"&".join(pair for pair in query.split(b"&") if pair.partition(b"=")[1:] != (b"=", b""))


def _same_site(headers: Headers, origin: str) -> bool:
    """Cross-site request forgery: browsers say from which page a request comes; programs need not.

    Source: OWASP CSRF prevention, verifying origin with standard headers; Fetch Metadata.
    """
    site = headers.get("sec-fetch-site")
    if site is not None:  # the browser's own word, which no page can forge
        return site in ("none", "same-origin")
    sender = headers.get("origin")
    if sender is None or sender == origin:
        return True
    try:
        return urlsplit(sender).netloc == headers.get("host")
    except ValueError:  # not an address at all
        return False


def _limited(receive: Receive, most: int) -> Receive:
    """Receive a body that is neither too long nor too slow, whatever its headers promised."""
    seen = 0
    complete = False
    began = time.monotonic()

    async def limited() -> Message:
        nonlocal seen, complete
        if complete:
            return await receive()
        patience = began + SLOW_BODY_SECONDS + seen / SLOW_BODY_BYTES_PER_SECOND - time.monotonic()
        if patience < 0:
            raise _too_slow()
        try:
            async with asyncio.timeout(min(patience, SLOW_BODY_SECONDS)):
                message = await receive()
        except TimeoutError:
            raise _too_slow() from None
        seen += len(message.get("body", b""))
        complete = not message.get("more_body", False)
        if seen > most:
            raise HTTPException(413, _too_large(most).detail, headers=HANG_UP)
        return message

    return limited


def _without_body(send: Send) -> Send:
    """Send the head of a response, end it there, and swallow the rest."""
    ended = False

    async def head_only(message: Message) -> None:
        nonlocal ended
        if ended:
            return
        await send(message)
        if message["type"] == "http.response.start":
            ended = True
            await send({"type": "http.response.body", "body": b"", "more_body": False})

    return head_only


def _too_slow() -> HTTPException:
    return HTTPException(408, "The body of the request came too slowly.", headers=HANG_UP)


def _too_large(most: int) -> Problem:
    detail = f"The body is longer than {most // 1024} KiB."
    return Problem(413, "too-large", detail, headers=HANG_UP)


def _add_headers(headers: MutableHeaders) -> None:
    headers["X-Content-Type-Options"] = "nosniff"
    # Links from mails carry tokens: no other site learns our addresses. Our own pages do, since
    # browsers that keep the referrer from a form's target say "Origin: null" to it as well.
    headers["Referrer-Policy"] = "same-origin"
    headers["X-Correlation-Id"] = trace.trace_id()
    headers.setdefault("Content-Security-Policy", CONTENT_SECURITY_POLICY)
