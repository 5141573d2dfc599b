"""Errors as problem documents (RFC 9457)."""

from __future__ import annotations

import logging
from collections.abc import AsyncIterator, Callable
from datetime import date
from typing import Annotated, Any, Literal
from uuid import UUID

import httpx
import pytest
from fastapi import Body, FastAPI, HTTPException, Query, Request
from fastapi.responses import HTMLResponse, Response
from pydantic import AwareDatetime, BaseModel, ConfigDict, Field, ValidationError, field_validator
from sqlalchemy.exc import DBAPIError, InterfaceError, OperationalError
from sqlalchemy.exc import TimeoutError as PoolTimeout
from structlog.testing import capture_logs

from shared import problem_answers, problems
from shared.log import formatter
from shared.problems import FieldError, Problem


class Form(BaseModel):
    email: str
    days: list[int] = []

    @field_validator("email")
    @classmethod
    def _has_an_at(cls, value: str) -> str:
        if "@" not in value:
            raise ValueError("must be an address")
        return value


class Refused(Exception):
    """What the database driver raises."""

    def __init__(self, sqlstate: str) -> None:
        super().__init__("Grace's address is taken")
        self.sqlstate = sqlstate


@pytest.fixture
def app() -> FastAPI:
    app = FastAPI()
    problem_answers.install(app)

    @app.get("/api/badges/{badge_id}")
    async def badge(badge_id: UUID, limit: Annotated[int, Query(le=100)] = 10) -> None: ...

    @app.post("/api/registrations")
    async def register(form: Annotated[Form, Body()]) -> None: ...

    return app


@pytest.fixture
async def http(app: FastAPI) -> AsyncIterator[httpx.AsyncClient]:
    transport = httpx.ASGITransport(app)
    async with httpx.AsyncClient(transport=transport, base_url="http://forum") as client:
        with capture_logs():  # without a set-up, structlog takes seconds to draw a crash
            yield client


@pytest.fixture
def failing(app: FastAPI) -> Callable[[Exception], str]:
    """The path of a page that fails in this way."""

    def add(error: Exception) -> str:
        @app.get("/fails")
        async def fails() -> None:
            raise error

        return "/fails"

    return add


def problem_of(answer: httpx.Response) -> dict[str, Any]:
    """The problem document; it has what RFC 9457 wants."""
    assert answer.headers["content-type"] == "application/problem+json"
    body: dict[str, Any] = answer.json()
    assert body["type"].startswith("urn:forum-pass:problem:")
    assert body["status"] == answer.status_code
    assert body["title"]
    assert body["detail"]
    assert len(body["trace_id"]) == 32
    return body


async def test_an_error_of_the_domain_is_told_with_its_kind_and_detail(
    http: httpx.AsyncClient, failing: Callable[[Exception], str]
) -> None:
    error = Problem(
        409,
        "full",
        "The forum is full.",
        errors=[FieldError("days", "no place on Monday", "full")],
        headers={"Retry-After": "60"},
    )
    answer = await http.get(failing(error))
    body = problem_of(answer)
    assert (answer.status_code, body["type"]) == (409, "urn:forum-pass:problem:full")
    assert (body["title"], body["detail"]) == ("Conflict", "The forum is full.")
    assert body["errors"] == [{"field": "days", "message": "no place on Monday", "kind": "full"}]
    assert answer.headers["retry-after"] == "60"


async def test_a_page_that_is_not_there_is_a_problem(http: httpx.AsyncClient) -> None:
    answer = await http.get("/nowhere")
    assert answer.status_code == 404
    assert problem_of(answer)["type"].endswith(":not-found")


async def test_a_method_that_is_not_allowed_names_those_that_are(http: httpx.AsyncClient) -> None:
    answer = await http.delete("/api/registrations")
    assert answer.status_code == 405
    assert answer.headers["allow"] == "POST"
    assert problem_of(answer)["type"].endswith(":method-not-allowed")


async def test_each_wrong_field_is_named(http: httpx.AsyncClient) -> None:
    answer = await http.post("/api/registrations", json={"email": "grace", "days": [0, "x"]})
    body = problem_of(answer)
    assert answer.status_code == 422
    assert body["type"].endswith(":invalid-input")
    assert body["detail"].startswith("email: must be an address; days.1: ")
    assert [error["field"] for error in body["errors"]] == ["email", "days.1"]


async def test_a_wrong_parameter_is_named(http: httpx.AsyncClient) -> None:
    answer = await http.get(f"/api/badges/{UUID(int=1)}", params={"limit": "1000"})
    assert answer.status_code == 422
    assert [error["field"] for error in problem_of(answer)["errors"]] == ["limit"]


async def test_an_id_that_cannot_be_one_is_the_id_of_nothing(http: httpx.AsyncClient) -> None:
    answer = await http.get("/api/badges/7")
    assert answer.status_code == 404
    assert problem_of(answer)["type"].endswith(":not-found")


@pytest.mark.parametrize(
    "body", [b"{", b"\xff\xfe", b"[" * 100_000, b'{"email": ' + b"9" * 10_000 + b"}"]
)
async def test_a_body_that_is_no_json_is_the_callers_mistake(
    http: httpx.AsyncClient, body: bytes
) -> None:
    headers = {"Content-Type": "application/json"}
    answer = await http.post("/api/registrations", content=body, headers=headers)
    assert answer.status_code == 400
    problem_of(answer)


async def test_what_the_caller_sent_is_not_sent_back(http: httpx.AsyncClient) -> None:
    answer = await http.post("/api/registrations", json={"email": "<script>"})
    assert "<script>" not in answer.text


@pytest.mark.parametrize(
    "error",
    [
        OperationalError("SELECT", {}, Exception()),
        InterfaceError("SELECT", {}, Exception()),
        PoolTimeout(),
        ConnectionRefusedError(),
        DBAPIError("SELECT", {}, Refused("57P03")),  # the server is starting up
        DBAPIError("SELECT", {}, Refused("53100")),  # its disk is full
        DBAPIError("SELECT", {}, Refused("08006")),  # the connection broke
        DBAPIError("SELECT", {}, Exception(), connection_invalidated=True),
    ],
    ids=lambda error: f"{type(error).__name__}",
)
async def test_without_its_database_a_service_asks_to_come_again(
    http: httpx.AsyncClient, failing: Callable[[Exception], str], error: Exception
) -> None:
    answer = await http.get(failing(error))
    assert answer.status_code == 503
    assert int(answer.headers["retry-after"]) > 0
    assert problem_of(answer)["type"].endswith(":unavailable")


@pytest.mark.parametrize("sqlstate", ["40001", "40P01"])
async def test_whoever_was_in_anothers_way_is_asked_to_try_again(
    http: httpx.AsyncClient, failing: Callable[[Exception], str], sqlstate: str
) -> None:
    answer = await http.get(failing(DBAPIError("UPDATE", {}, Refused(sqlstate))))
    assert answer.status_code == 503
    assert int(answer.headers["retry-after"]) > 0
    assert problem_of(answer)["type"].endswith(":crossed")
    assert "Nothing was changed" in answer.text


@pytest.mark.parametrize("sqlstate", ["22021", "22P05"])
async def test_a_character_that_cannot_be_stored_is_the_callers_mistake(
    http: httpx.AsyncClient, failing: Callable[[Exception], str], sqlstate: str
) -> None:
    answer = await http.get(failing(DBAPIError("INSERT", {}, Refused(sqlstate))))
    assert answer.status_code == 422
    assert problem_of(answer)["type"].endswith(":invalid-input")
    assert "cannot be stored" in answer.text


async def test_what_the_database_refuses_is_our_mistake_and_not_repeated(
    http: httpx.AsyncClient, failing: Callable[[Exception], str]
) -> None:
    answer = await http.get(failing(DBAPIError("SELECT", {}, Refused("23505"))))
    assert answer.status_code == 500
    assert problem_of(answer)["type"].endswith(":internal-error")
    assert "Grace" not in answer.text


async def test_headers_of_an_http_error_are_kept(
    http: httpx.AsyncClient, failing: Callable[[Exception], str]
) -> None:
    answer = await http.get(failing(HTTPException(401, "Who?", {"WWW-Authenticate": "Bearer"})))
    assert answer.headers["www-authenticate"] == "Bearer"
    assert problem_of(answer)["detail"] == "Who?"


@pytest.mark.parametrize(
    ("accept", "path", "as_page"),
    [
        ("text/html,application/xhtml+xml", "/fails", True),
        ("application/json", "/fails", False),
        ("*/*", "/fails", False),
        ("text/html", "/api/badges/7", False),
    ],
)
async def test_a_person_gets_a_page_and_a_program_a_document(
    app: FastAPI,
    http: httpx.AsyncClient,
    failing: Callable[[Exception], str],
    accept: str,
    path: str,
    as_page: bool,
) -> None:
    def page(_: Request, problem: Problem) -> Response:
        return HTMLResponse(f"<h1>{problem.detail}</h1>", problem.status)

    app.state.problem_page = page
    failing(problems.not_found("badge"))
    answer = await http.get(path, headers={"Accept": accept})
    assert answer.status_code == 404
    assert answer.headers["content-type"].startswith("text/html") is as_page


# --- in the log ----------------------------------------------------------------------------------


class Detailed(Exception):
    """An error of asyncpg, as it looks in a traceback."""

    def __str__(self) -> str:
        return "duplicate key\nDETAIL:  Key (email)=(grace@example.org) already exists.\nHINT: none"


@pytest.mark.parametrize("as_json", [True, False])
def test_a_crash_is_logged_without_the_values_that_caused_it(as_json: bool) -> None:
    def crash() -> None:
        address = "grace@example.org"
        try:
            Form.model_validate({"email": address, "days": [address]})
        except ValidationError as error:
            raise Detailed from error

    with pytest.raises(Detailed) as crashed:
        crash()
    exc_info = (crashed.type, crashed.value, crashed.tb)
    record = logging.LogRecord("us", logging.ERROR, __file__, 1, "crashed", (), exc_info)
    line = formatter(as_json=as_json).format(record)
    for kept in ("crashed", "duplicate key", "HINT", "days.0"):
        assert kept in line
    assert "grace@example.org" not in line


# --- in plain words ------------------------------------------------------------------------------


class Strict(BaseModel):
    model_config = ConfigDict(extra="forbid")

    name: Annotated[str, Field(min_length=1, max_length=5)] = "Grace"
    at: AwareDatetime | None = None
    days: Annotated[list[int], Field(min_length=1, max_length=2)] = [1]
    on: list[date] = []
    way: Literal["in", "out"] = "in"


@pytest.mark.parametrize(
    ("content", "field", "says"),
    [
        ({"name": ""}, "name", "must not be empty"),
        ({"name": "Hopper"}, "name", "must have at most 5 characters"),
        ({"name": 7}, "name", "must be a valid string"),
        ({"at": "2017-06-12T08:00:00"}, "at", "needs its time zone, such as Z or +02:00"),
        ({"days": ["one"]}, "days.0", "must be a valid integer, unable to parse string as an"),
        ({"days": [1, 2, 3]}, "days", "must have at most 2 items"),
        ({"days": []}, "days", "must have at least 1 item"),
        ({"on": [9]}, "on.0", "must be a date, such as 2017-06-12"),
        ({"on": ["Monday"]}, "on.0", "must be a date, such as 2017-06-12"),
        ({"way": "up"}, "way", "must be 'in' or 'out'"),
        ({"nothing": 1}, "nothing", "is not known here"),
        ([], "body", "must be a JSON object"),
    ],
)
def test_what_pydantic_says_goes_on_behind_the_name_of_the_field(
    content: Any, field: str, says: str
) -> None:
    with pytest.raises(ValidationError) as error:
        Strict.model_validate(content)
    [found] = problems.field_errors(error.value.errors())
    assert found.field == field
    assert found.message.startswith(says)
    assert "validation" not in found.message
