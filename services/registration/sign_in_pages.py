"""HTTP for people: staff sign in, by a link, by a passkey or at their own identity provider."""

from __future__ import annotations

from contextlib import suppress
from pathlib import Path
from typing import Annotated, Final
from uuid import UUID

from fastapi import APIRouter, BackgroundTasks, Form, Query, Request
from fastapi.responses import JSONResponse, RedirectResponse, Response

from services.registration import passkeys, staff, staff_sessions
from services.registration.accounts import Accounts, TheAccounts, by_email
from services.registration.oidc import Provider
from services.registration.passkeys import Assertion, RelyingParty
from services.registration.staff_sessions import Means, browser_of
from shared import caching, dates
from shared.access import SESSION_COOKIE, SESSION_LIFETIME, Role, Staff, staff_of
from shared.limits import RateLimit
from shared.pages import OurPages, speak_own_language
from shared.problems import Problem

HOME: Final = {
    Role.organiser: "/checkin/live",
    Role.viewer: "/checkin/live",
    Role.security_lead: "/checkin/live",
    Role.reviewer: "/registration/review",
    Role.desk: "/badging/desk",
}
ACCOUNT: Final = "/registration/account"
CHALLENGE_COOKIE: Final = "forumpass_challenge"
CHALLENGE_PATH: Final = "/registration/sign-in/passkey"
PASSKEY_SCRIPT: Final = Path(__file__).parent / "web" / "passkey.js"
LONGEST_ADDRESS: Final = 254

Token = Annotated[str, Query(max_length=2000)]
To = Annotated[str, Query(max_length=500)]

router = APIRouter(include_in_schema=False)


@router.get("/sign-in")
async def sign_in(
    request: Request,
    of: TheAccounts,
    pages: OurPages,
    token: Annotated[str | None, Query(max_length=2000)] = None,
    to: To = "",
) -> Response:
    if token is None:
        return pages.render(
            request,
            "sign_in.html",
            to=ours(to),
            passkeys=_party(request).is_possible,
            provider=_provider(request),
        )
    # From the command line, and from nowhere else: no mail scanner sees it.
    who = await staff.sign_in(
        of, token, browser=_browser(request), instead_of=_signed_in_as(request)
    )
    return enter(of, who, "")


@router.post("/sign-in")
async def ask_for_link(
    request: Request,
    of: TheAccounts,
    afterwards: BackgroundTasks,
    email: Annotated[str, Form(max_length=LONGEST_ADDRESS)] = "",
    to: Annotated[str, Form(max_length=500)] = "",
) -> Response:
    address = email.strip()
    _limit_caller(request)
    # Whether or not it has an account: the answer must not tell.
    _address_limit(request).spend(address.lower())
    # After the answer, so that not even the time that it takes tells.
    if address.isprintable():
        afterwards.add_task(staff.offer, of, address, ours(to))
    return RedirectResponse("/registration/sign-in/sent", 303, background=afterwards)


@router.get("/sign-in/sent")
async def sent(request: Request, pages: OurPages) -> Response:
    seconds = int(staff.ASKED_LIFETIME.total_seconds())
    valid_for = dates.duration(seconds, pages.language(request))
    return pages.render(request, "sign_in_sent.html", valid_for=valid_for)


@router.get("/sign-in/link")
async def link_page(
    request: Request, of: TheAccounts, pages: OurPages, token: Token = ""
) -> Response:
    # Mail scanners open links: nobody is signed in before the button is pressed.
    account = await staff.look_at_link(of, token)
    speak_own_language(request, account.language)
    return pages.render(request, "sign_in_link.html", account=account, token=token)


@router.post("/sign-in/link")
async def use_link(
    request: Request, of: TheAccounts, token: Annotated[str, Form(max_length=2000)] = ""
) -> Response:
    who, to = await staff.sign_in_by_mail(
        of, token, browser=_browser(request), instead_of=_signed_in_as(request)
    )
    return enter(of, who, to)


@router.get("/passkey.js")
async def passkey_script() -> Response:
    return caching.for_an_hour(PASSKEY_SCRIPT)


@router.post("/sign-in/passkey/options")
async def passkey_options(request: Request, of: TheAccounts) -> Response:
    _limit_caller(request)
    challenge_id, options = await passkeys.request_options(of, _party(request))
    response = Response(options, media_type="application/json")
    response.set_cookie(
        CHALLENGE_COOKIE,
        str(challenge_id),
        max_age=int(passkeys.CHALLENGE_LIFETIME.total_seconds()),
        path=CHALLENGE_PATH,
        httponly=True,
        samesite="strict",
        secure=_is_secure(of),
    )
    return response


@router.post("/sign-in/passkey")
async def use_passkey(request: Request, of: TheAccounts, body: Assertion) -> Response:
    try:
        challenge_id = UUID(request.cookies.get(CHALLENGE_COOKIE, ""))
    except ValueError:
        raise Problem(403, "passkey-refused", "Please try again.") from None
    who = await passkeys.sign_in(
        of,
        _party(request),
        challenge_id,
        body.credential,
        browser=_browser(request),
        instead_of=_signed_in_as(request),
    )
    response = JSONResponse({"to": _first_page(who, ours(body.to))})
    response.delete_cookie(CHALLENGE_COOKIE, path=CHALLENGE_PATH)
    _give_session(of, response, who)
    return response


@router.get("/sign-in/oidc")
async def to_provider(request: Request, to: To = "") -> Response:
    _limit_caller(request)
    return await _provider_or_404(request).begin(request, ours(to))


@router.get("/sign-in/oidc/callback")
async def back_from_provider(request: Request, of: TheAccounts) -> Response:
    email, to = await _provider_or_404(request).finish(request)
    async with of.database.begin() as tx:
        account = await by_email(tx, email)
        if account is None:
            raise Problem(403, "no-account", "There is no staff account with this address.")
        who = await staff_sessions.begin(
            tx,
            of,
            account,
            Means.oidc,
            browser=_browser(request),
            instead_of=_signed_in_as(request),
        )
    return enter(of, who, to)


@router.post("/sign-out")
async def sign_out(request: Request, of: TheAccounts) -> Response:
    who = _signed_in_as(request)
    if who is not None and who.session is not None:
        with suppress(Problem):  # ended meanwhile, from elsewhere
            await staff_sessions.end_one(of, who.session.id)
    response = RedirectResponse("/registration/", 303)
    response.delete_cookie(SESSION_COOKIE)
    return response


def enter(of: Accounts, who: Staff, to: str) -> Response:
    """Lead somebody who has just signed in to the page that they wanted, or to their first."""
    response = RedirectResponse(_first_page(who, to), 303)
    _give_session(of, response, who)
    return response


def _first_page(who: Staff, to: str) -> str:
    return to or next((HOME[role] for role in who.roles if role in HOME), ACCOUNT)


def _give_session(of: Accounts, response: Response, who: Staff) -> None:
    response.set_cookie(
        SESSION_COOKIE,
        of.keyring.session(who),
        max_age=int(SESSION_LIFETIME.total_seconds()),
        httponly=True,
        samesite="lax",
        secure=_is_secure(of),
    )


def ours(to: str) -> str:
    """The page to lead to, if it is one of ours: a link must not lead from us to another site."""
    is_path = to.startswith("/") and to[1:2] not in ("/", "\\") and to.isprintable()
    return to if is_path and "\\" not in to else ""


def _signed_in_as(request: Request) -> Staff | None:
    """Whose session this browser has, whatever else calls."""
    return staff_of(request)


def _is_secure(of: Accounts) -> bool:
    return of.origin.startswith("https://")


def _browser(request: Request) -> str:
    return browser_of(request.headers.get("user-agent", ""))


def _limit_caller(request: Request) -> None:
    limit: RateLimit = request.app.state.sign_in_limit
    limit.spend_by(request)


def _address_limit(request: Request) -> RateLimit:
    limit: RateLimit = request.app.state.sign_in_mail_limit
    return limit


def _party(request: Request) -> RelyingParty:
    party: RelyingParty = request.app.state.relying_party
    return party


def _provider(request: Request) -> Provider | None:
    provider: Provider | None = request.app.state.oidc
    return provider


def _provider_or_404(request: Request) -> Provider:
    provider = _provider(request)
    if provider is None:
        raise Problem(404, "not-found", "No identity provider is configured.")
    return provider
