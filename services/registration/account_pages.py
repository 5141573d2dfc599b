"""HTTP for people: a member of staff's own account, its passkeys, and where it is signed in."""

from __future__ import annotations

from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Depends, Form, Request
from fastapi.responses import RedirectResponse, Response
from sqlalchemy import ColumnElement

from services.registration import accounts, passkeys, staff_sessions, staffing
from services.registration.accounts import TheAccounts
from services.registration.passkeys import NewPasskey, RelyingParty
from services.registration.sign_in_pages import ACCOUNT
from services.registration.staff_tables import sessions
from services.registration.staffing import AccountChange
from shared.access import Session, Staff, forbidden, staff_of, unauthenticated
from shared.forum import LANGUAGES, Language
from shared.i18n import NATIVE_NAMES
from shared.pages import OurPages
from shared.problems import conflict

router = APIRouter(prefix="/account", include_in_schema=False)


async def signed_in(request: Request) -> Staff:
    """Whoever is signed in, in whatever role. A token is nobody's account.

    Raises:
        Problem: 401, 403.
    """
    staff = staff_of(request)
    if staff is None:
        raise unauthenticated()
    if staff.session is None:
        raise forbidden()
    return staff


async def session_of(staff: Annotated[Staff, Depends(signed_in)]) -> Session:
    assert staff.session is not None
    return staff.session


Me = Annotated[Staff, Depends(signed_in)]
MySession = Annotated[Session, Depends(session_of)]


@router.get("")
async def account(
    request: Request, of: TheAccounts, pages: OurPages, me: Me, session: MySession
) -> Response:
    async with of.database.read() as connection:
        own, keys = None, []
        if session.account_id is not None:
            own = await accounts.get(connection, session.account_id)
            keys = await passkeys.of_account(connection, session.account_id)
        mine = await staff_sessions.going_on(connection, _mine(session))
    return pages.render(
        request,
        "account.html",
        me=me,
        account=own,
        sessions=mine,
        this_session=session.id,
        passkeys=[(passkeys.text_of(row.id), row) for row in keys],
        passkeys_possible=_party(request).is_possible,
        language_choices=[(code, NATIVE_NAMES[code]) for code in LANGUAGES],
    )


@router.post("/language")
async def change_language(
    of: TheAccounts, session: MySession, language: Annotated[Language, Form()]
) -> Response:
    if session.account_id is None:
        raise conflict("There is no account to change.")
    await staffing.change(of, session.account_id, AccountChange(language=language))
    return _back()


@router.post("/sessions/end-others")
async def end_others(of: TheAccounts, session: MySession) -> Response:
    await staff_sessions.end_all(of, _mine(session) & (sessions.c.id != session.id))
    return _back()


@router.post("/sessions/{session_id}/end")
async def end_session(of: TheAccounts, session: MySession, session_id: UUID) -> Response:
    await staff_sessions.end_one(of, session_id, _mine(session))
    return _back()


@router.post("/passkeys/options")
async def passkey_options(request: Request, of: TheAccounts, session: MySession) -> Response:
    options = await passkeys.creation_options(of, _party(request), session)
    return Response(options, media_type="application/json")


@router.post("/passkeys", status_code=204)
async def make_passkey(
    request: Request, of: TheAccounts, session: MySession, body: NewPasskey
) -> None:
    await passkeys.make(of, _party(request), session, body)


@router.post("/passkeys/{passkey_id}/remove")
async def remove_passkey(of: TheAccounts, session: MySession, passkey_id: str) -> Response:
    await passkeys.remove(of, session.account_id, passkey_id)
    return _back()


def _mine(session: Session) -> ColumnElement[bool]:
    """All sessions of the account; without one, this session."""
    if session.account_id is None:
        return sessions.c.id == session.id
    return sessions.c.account_id == session.account_id


def _party(request: Request) -> RelyingParty:
    party: RelyingParty = request.app.state.relying_party
    return party


def _back() -> Response:
    return RedirectResponse(ACCOUNT, 303)
