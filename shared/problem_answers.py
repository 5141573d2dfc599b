"""Problems as answers: documents (RFC 9457) for programs, pages for people.

Apart from shared/problems.py, so that whoever only names a problem needs no web framework."""

from __future__ import annotations

import json
from collections.abc import Callable
from http import HTTPStatus
from typing import Any, TypeVar

import structlog
from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse, Response
from pydantic import BaseModel, ValidationError
from sqlalchemy.exc import DBAPIError, InterfaceError, OperationalError
from sqlalchemy.exc import TimeoutError as PoolTimeout
from starlette.exceptions import HTTPException

from shared import trace
from shared.problems import Problem, crossed, field_errors, invalid_input, unavailable, unstorable

log = structlog.get_logger()

TYPE_PREFIX = "urn:forum-pass:problem:"

Body = TypeVar("Body", bound=BaseModel)
ProblemPage = Callable[[Request, Problem], Response]


def _wants_html(request: Request) -> bool:
    return "text/html" in request.headers.get("accept", "")


def document(problem: Problem) -> dict[str, Any]:
    """The problem as RFC 9457 writes it."""
    body: dict[str, Any] = {
        "type": TYPE_PREFIX + problem.kind,
        "title": HTTPStatus(problem.status).phrase,
        "status": problem.status,
        "detail": problem.detail,
        "trace_id": trace.trace_id(),
    }
    if problem.errors:
        body["errors"] = [
            {"field": e.field, "message": e.message, "kind": e.kind} for e in problem.errors
        ]
    return body


def response(request: Request, problem: Problem) -> Response:
    """The problem as JSON for programs, as a page for a person who followed a link."""
    # A request that the middleware turned away has not reached an application.
    app = request.scope.get("app")
    page: ProblemPage | None = getattr(app.state, "problem_page", None) if app else None
    if page and "/api/" not in request.url.path and _wants_html(request):
        return page(request, problem)
    return JSONResponse(
        document(problem),
        status_code=problem.status,
        media_type="application/problem+json",
        headers=problem.headers,
    )


def install(app: FastAPI) -> None:
    """Turn errors that leave a route into problem documents; the rest is the middleware's."""
    app.add_exception_handler(Problem, _on_problem)
    app.add_exception_handler(RequestValidationError, _on_validation_error)
    app.add_exception_handler(HTTPException, _on_http_exception)
    for silence in (OperationalError, InterfaceError, PoolTimeout, ConnectionError):
        app.add_exception_handler(silence, _on_unavailable)
    app.add_exception_handler(DBAPIError, _on_database_error)


async def _on_problem(request: Request, error: Exception) -> Response:
    assert isinstance(error, Problem)
    return response(request, error)


async def _on_validation_error(request: Request, error: Exception) -> Response:
    assert isinstance(error, RequestValidationError)
    if any(e["type"] == "json_invalid" for e in error.errors()):
        return response(request, Problem(400, "malformed-json", "The body is not valid JSON."))
    if all(e["loc"][0] == "path" for e in error.errors()):
        # An id that cannot be one is the id of nothing.
        return response(request, Problem(404, "not-found", "There is nothing with this id."))
    if _is_json_unsaid(request, error):
        return response(
            request,
            Problem(
                415,
                "unsupported-media-type",
                "The body is JSON: send it with 'Content-Type: application/json'.",
            ),
        )
    return response(request, invalid_input(field_errors(error.errors())))


def _is_json_unsaid(request: Request, error: RequestValidationError) -> bool:
    """Whether the body is wrong as a whole because nobody said that it is JSON."""
    wrong_as_a_whole = any(e["loc"] == ("body",) and "type" in e["type"] for e in error.errors())
    return wrong_as_a_whole and not _says_json(request)


def _says_json(request: Request) -> bool:
    return "json" in request.headers.get("content-type", "").lower()


async def _on_http_exception(request: Request, error: Exception) -> Response:
    assert isinstance(error, HTTPException)
    kind = HTTPStatus(error.status_code).phrase.lower().replace(" ", "-")
    headers = dict(error.headers or {})
    return response(request, Problem(error.status_code, kind, str(error.detail), headers=headers))


async def _on_unavailable(request: Request, error: Exception) -> Response:
    log.warning("database.unavailable", error=type(error).__name__)
    return response(request, unavailable())


async def _on_database_error(request: Request, error: Exception) -> Response:
    # asyncpg reports a server that is shutting down, starting or out of disk as plain DBAPIErrors:
    # SQLSTATE classes 08 (connection), 53 (resources), 57 (operator intervention).
    assert isinstance(error, DBAPIError)
    state = str(getattr(error.orig, "sqlstate", "") or "")
    if error.connection_invalidated or state[:2] in ("08", "53", "57"):
        return await _on_unavailable(request, error)
    # Class 40: a deadlock, or what cannot be put in any order.
    if state[:2] == "40":
        log.warning("database.crossed", sqlstate=state)
        return response(request, crossed())
    # A zero byte in a text, or in a text within JSON: sent on purpose, for no keyboard writes one.
    if state in ("22021", "22P05"):
        return response(request, unstorable())
    return crashed(request, error)


def crashed(request: Request, error: Exception) -> Response:
    """The answer to an error that nobody foresaw."""
    log.error("request.crashed", exc_info=error)
    return response(
        request,
        Problem(500, "internal-error", "Something went wrong on our side. It has been logged."),
    )


async def read_body(model: type[Body], request: Request) -> Body:
    """The JSON body of a request, read past FastAPI: for a route that is in a hurry.

    Raises:
        RequestValidationError: it isn't one; the caller is told as by FastAPI.
    """
    content: Any = await request.body()
    if content and _says_json(request):
        try:
            # Pydantic's own parser would call a text that is no Unicode no JSON.
            content = json.loads(content)
        except (ValueError, RecursionError):
            raise RequestValidationError([{"type": "json_invalid", "loc": ("body",)}]) from None
    try:
        return model.model_validate(content)
    except ValidationError as error:
        errors = [{**each, "loc": ("body", *each["loc"])} for each in error.errors()]
        raise RequestValidationError(errors) from None
