"""Staff under test: accounts, and the browsers in which they are signed in."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any
from urllib.parse import parse_qs, urlsplit
from uuid import UUID

import httpx

from shared.access import SESSION_COOKIE, Role
from shared.events import StaffSignInOffered
from tests.registration import Registering

ACCOUNTS = "/registration/api/staff"


async def add(registering: Registering, email: str, *roles: Role, **more: Any) -> dict[str, Any]:
    """An account, made by an organiser."""
    body = {"email": email, "name": "Ada Lovelace", "roles": list(roles)} | more
    answer = await registering.http.post(ACCOUNTS, json=body, headers=registering.organiser)
    assert answer.status_code == 201, answer.text
    account: dict[str, Any] = answer.json()
    return account


async def offered(registering: Registering, email: str) -> list[StaffSignInOffered]:
    """The links that were mailed to this address, oldest first."""
    return [
        fact
        for fact in await registering.said()
        if isinstance(fact, StaffSignInOffered) and fact.email == email
    ]


def token_in(fact: StaffSignInOffered) -> str:
    [token] = parse_qs(urlsplit(fact.link).query)["token"]
    return token


async def press(browser: httpx.AsyncClient, fact: StaffSignInOffered) -> httpx.Response:
    """Press the button of the page that a mailed link opens."""
    return await browser.post("/registration/sign-in/link", data={"token": token_in(fact)})


@asynccontextmanager
async def signed_in(
    registering: Registering, email: str, language: str = "en"
) -> AsyncIterator[httpx.AsyncClient]:
    """A browser in which the holder of this account has just signed in by mail."""
    async with registering.browser(language) as browser:
        await browser.post("/registration/sign-in", data={"email": email})
        answer = await press(browser, (await offered(registering, email))[-1])
        assert answer.status_code == 303, answer.text
        yield browser


def session_in(browser: httpx.AsyncClient) -> dict[str, str]:
    """Headers with which this browser would call another service."""
    return {"Cookie": f"{SESSION_COOKIE}={browser.cookies[SESSION_COOKIE]}"}


async def end(registering: Registering, account: dict[str, Any]) -> httpx.Response:
    return await registering.http.post(
        f"{ACCOUNTS}/{account['id']}/end", headers=registering.organiser
    )


async def change(
    registering: Registering, account: dict[str, Any], **changes: Any
) -> httpx.Response:
    return await registering.http.patch(
        f"{ACCOUNTS}/{account['id']}", json=changes, headers=registering.organiser
    )


def id_of(account: dict[str, Any]) -> UUID:
    return UUID(account["id"])
