"""HTTP for people: organisers say who is on the staff, and what each may do."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from fastapi import APIRouter, Request
from fastapi.responses import RedirectResponse, Response
from pydantic import ValidationError

from services.registration import accounts, passkeys, staff_sessions, staffing
from services.registration.accounts import Accounts, TheAccounts
from services.registration.api import Organiser
from services.registration.staff_tables import sessions
from services.registration.staffing import AccountChange, NewAccount
from shared.access import ACCOUNT_ROLES
from shared.forum import LANGUAGES
from shared.i18n import NATIVE_NAMES
from shared.pages import OurPages, Pages
from shared.problems import FieldError, Problem, field_errors

router = APIRouter(prefix="/staff", include_in_schema=False)
STAFF = "/registration/staff"


@router.get("")
async def everybody(request: Request, of: TheAccounts, pages: OurPages, _: Organiser) -> Response:
    return await _everybody(request, of, pages, {}, [])


async def _everybody(
    request: Request,
    of: Accounts,
    pages: Pages,
    values: dict[str, Any],
    errors: list[FieldError],
    status: int = 200,
) -> Response:
    async with of.database.read() as connection:
        rows = await staffing.listed(connection)
        operators = await staff_sessions.going_on(connection, sessions.c.account_id.is_(None))
    return pages.render(
        request,
        "staff.html",
        status,
        accounts=rows,
        operators=operators,
        values=values,
        errors=_by_field(errors),
        **_choices(),
    )


@router.post("")
async def add(request: Request, of: TheAccounts, pages: OurPages, by: Organiser) -> Response:
    values = await _values(request)
    try:
        row = await staffing.add(of, NewAccount.model_validate(values), by)
    except ValidationError as error:
        errors = field_errors(error.errors())
        return await _everybody(request, of, pages, values, errors, 422)
    except Problem as problem:
        if not problem.errors:
            raise
        return await _everybody(request, of, pages, values, list(problem.errors), problem.status)
    return RedirectResponse(f"{STAFF}#account-{row.id}", 303)


@router.get("/{account_id}")
async def one(
    request: Request, of: TheAccounts, pages: OurPages, account_id: UUID, _: Organiser
) -> Response:
    return await _one(request, of, pages, account_id, {}, [])


async def _one(
    request: Request,
    of: Accounts,
    pages: Pages,
    account_id: UUID,
    values: dict[str, Any],
    errors: list[FieldError],
    status: int = 200,
) -> Response:
    async with of.database.read() as connection:
        row = await accounts.get(connection, account_id)
        open_sessions = await staff_sessions.going_on(
            connection, sessions.c.account_id == account_id
        )
        keys = await passkeys.of_account(connection, account_id)
    shown = {"name": row.name, "roles": row.roles, "language": row.language}
    return pages.render(
        request,
        "staff_one.html",
        status,
        account=row,
        sessions=open_sessions,
        passkeys=len(keys),
        values=shown | values,
        errors=_by_field(errors),
        **_choices(),
    )


@router.post("/{account_id}")
async def change(
    request: Request, of: TheAccounts, pages: OurPages, account_id: UUID, _: Organiser
) -> Response:
    values = await _values(request)
    try:
        await staffing.change(of, account_id, AccountChange.model_validate(values))
    except ValidationError as error:
        errors = field_errors(error.errors())
        return await _one(request, of, pages, account_id, values, errors, 422)
    return _to(account_id)


@router.post("/{account_id}/end")
async def end(of: TheAccounts, account_id: UUID, _: Organiser) -> Response:
    await staffing.end(of, account_id)
    return RedirectResponse(STAFF, 303)


@router.post("/{account_id}/restore")
async def restore(of: TheAccounts, account_id: UUID, _: Organiser) -> Response:
    await staffing.restore(of, account_id)
    return _to(account_id)


@router.post("/{account_id}/invite")
async def invite(of: TheAccounts, account_id: UUID, _: Organiser) -> Response:
    await staffing.invite(of, account_id)
    return _to(account_id)


@router.post("/sessions/{session_id}/end")
async def end_session(of: TheAccounts, session_id: UUID, _: Organiser, to: str = "") -> Response:
    await staff_sessions.end_one(of, session_id)
    try:
        return _to(UUID(to))
    except ValueError:
        return RedirectResponse(STAFF, 303)


async def _values(request: Request) -> dict[str, Any]:
    """The form's fields, as the API would be sent them; no box ticked is an empty list."""
    async with request.form(max_files=0, max_fields=30) as data:
        texts = [(name, text) for name, text in data.multi_items() if isinstance(text, str)]
    roles = [text for name, text in texts if name == "roles"]
    return {name: text for name, text in texts if name != "roles"} | {"roles": roles}


def _by_field(errors: list[FieldError]) -> dict[str, FieldError]:
    return {error.field.split(".")[0]: error for error in reversed(errors)}


def _choices() -> dict[str, Any]:
    return {
        "role_choices": ACCOUNT_ROLES,
        "language_choices": [(code, NATIVE_NAMES[code]) for code in LANGUAGES],
    }


def _to(account_id: UUID) -> Response:
    return RedirectResponse(f"{STAFF}/{account_id}", 303)
