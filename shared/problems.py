"""Errors that callers are told about: a `type` for programs, a `detail` for people.

As an answer: shared/problem_answers.py."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from http import HTTPStatus
from typing import Any, Final


@dataclass(frozen=True)
class FieldError:
    """What is wrong with one field of the input."""

    field: str
    message: str
    kind: str = "invalid"


class Problem(Exception):
    """An error of the domain that the caller is told about."""

    def __init__(
        self,
        status: int,
        kind: str,
        detail: str,
        *,
        errors: Sequence[FieldError] = (),
        headers: dict[str, str] | None = None,
    ) -> None:
        super().__init__(detail)
        self.status = status
        self.kind = kind
        self.detail = detail
        self.errors = tuple(errors)
        self.headers = headers or {}


def not_found(what: str) -> Problem:
    return Problem(404, "not-found", f"There is no such {what}.")


def conflict(detail: str) -> Problem:
    return Problem(409, "not-allowed-now", detail)


def invalid_input(errors: Sequence[FieldError]) -> Problem:
    detail = "; ".join(f"{error.field}: {error.message}" for error in errors)
    return Problem(422, "invalid-input", detail, errors=errors)


def documented(*statuses: int) -> dict[int | str, dict[str, Any]]:
    """A route's `responses`: these are problem documents, and so is any other refusal."""
    text = {"type": "string"}
    members = {"type": text, "title": text, "status": {"type": "integer"}, "detail": text}
    schema = {"type": "object", "properties": members, "required": list(members)}
    content = {"application/problem+json": {"schema": schema}}
    answers: dict[int | str, dict[str, Any]] = {
        status: {"description": HTTPStatus(status).phrase, "content": content}
        for status in statuses
    }
    # Without it FastAPI documents a 422 of its own making, in its own form.
    return answers | {"default": {"description": "Any other problem", "content": content}}


_WHERE = frozenset({"body", "query", "path", "header"})
"""FastAPI's word for the part of the request, before the name of the field."""


def field_errors(errors: Sequence[Any], within: tuple[str | int, ...] = ()) -> list[FieldError]:
    """Pydantic's errors in our form: the field as the caller wrote it.

    Args:
        errors: as Pydantic gives them.
        within: where in the body the thing stands that they are about.
    """
    return [
        FieldError(
            field=".".join(str(part) for part in (*within, *e["loc"]) if part not in _WHERE)
            or "body",
            message=_in_plain_words(e),
            kind=e["type"],
        )
        for e in errors
    ]


_PLAINLY: Final = {
    "missing": "is missing",
    "extra_forbidden": "is not known here",
    "timezone_aware": "needs its time zone, such as Z or +02:00",
    "string_pattern_mismatch": "has characters that it cannot have",
    "model_type": "must be a JSON object",
    "model_attributes_type": "must be a JSON object",
    "dict_type": "must be a JSON object",
    "date_from_datetime_inexact": "must be a date, such as 2017-06-12",
    "date_from_datetime_parsing": "must be a date, such as 2017-06-12",
    "date_type": "must be a date, such as 2017-06-12",
}
"""What Pydantic says in words for programmers, by its name for the error."""


def _in_plain_words(error: Any) -> str:
    """A sentence that goes on behind the name of the field."""
    if error["type"] in _PLAINLY:
        return _PLAINLY[error["type"]]
    if error["type"] == "string_too_short" and error.get("ctx", {}).get("min_length") == 1:
        return "must not be empty"
    said = str(error["msg"]).removeprefix("Value error, ")
    # "Input should be a valid integer", "String should have at most 100 characters"
    subject, should, rest = said.partition(" should ")
    # Of lists: "… items after validation, not 1001"
    return f"must {rest.partition(' after ')[0]}" if should and subject.isalpha() else said


def unavailable() -> Problem:
    return Problem(
        503,
        "unavailable",
        "The database does not answer. Nothing was changed; please try again in a moment.",
        headers={"Retry-After": "2"},
    )


def crossed() -> Problem:
    """Two transactions were in each other's way, and the database undid this one."""
    return Problem(
        503,
        "crossed",
        "Others were at work on the same at this moment. Nothing was changed; please try again.",
        headers={"Retry-After": "1"},
    )


def unstorable() -> Problem:
    """Of which field, the database does not say."""
    return Problem(422, "invalid-input", "A text has a character that cannot be stored.")
