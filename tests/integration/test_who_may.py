"""Every caller on every route of every service: served or refused as tests/who_may.py says."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator, Iterator
from contextlib import AsyncExitStack
from dataclasses import dataclass
from datetime import timedelta
from typing import Final
from uuid import UUID

import httpx
import pytest
from starlette.routing import BaseRoute

from deploy.onemachine import MAKERS
from deploy.private_servers import PostgreSQL
from services.registration.staff import account_link
from shared.access import SESSION_COOKIE, Role
from tests.people import confirmed
from tests.running import Running, listening, running
from tests.who_may import ACCOUNT, CALLERS, DEVICE, NOBODY, REGISTRANT, WHO_MAY

SOMEBODY: Final = UUID("01890a5d-ac96-774b-bcce-b302099a8057")
"""The registrant who calls."""
NOTHING: Final = "0190f000-0000-7000-8000-000000000000"
"""The id of nothing."""
FILLED_IN: Final = {
    "act": "cancel",
    "number": "4F7K-Q2M9X",
    "mail": "badge",
    "language": "en",
    "file": "base.css",
    "path:path": "x.js",
}
REFUSED: Final = ("unauthenticated", "forbidden")
DOCS: Final = "/docs/oauth2-redirect"
"""FastAPI's own, without anything in it."""
PAST_FASTAPI: Final = re.compile(r"openapi\.json$|^POST /checkin/api/scans$")
"""What is answered without looking at a query: at once, or from what was made once."""
ASKS: Final = [route for route in WHO_MAY if "/api/" in route and not PAST_FASTAPI.search(route)]


@dataclass(frozen=True)
class Forum:
    """All services, and whoever calls them."""

    services: dict[str, Running]
    origins: dict[str, str]
    http: httpx.AsyncClient
    headers: dict[str, dict[str, str]]
    account_id: str
    badge_id: str

    async def as_account(self) -> dict[str, str]:
        """A session that has just begun: what is called may end it."""
        keyring = self.services["registration"].keyring
        link = account_link(keyring, "", UUID(self.account_id), timedelta(minutes=1))
        answer = await self.http.post(
            f"{self.origins['registration']}/registration/sign-in/link",
            data={"token": httpx.URL(link).params["token"]},
        )
        assert answer.status_code == 303, answer.text
        self.http.cookies.clear()
        return {"Cookie": f"{SESSION_COOKIE}={answer.cookies[SESSION_COOKIE]}"}

    async def headers_of(self, caller: str, path: str) -> dict[str, str]:
        if caller == ACCOUNT and (path.startswith("/registration/") or ACCOUNT not in self.headers):
            self.headers[ACCOUNT] = await self.as_account()
        return self.headers[caller]

    def address(self, path: str) -> str:
        values = FILLED_IN | {"registration_id": str(SOMEBODY), "badge_id": self.badge_id}
        filled = re.sub(r"\{([^}]+)\}", lambda name: values.get(name[1], NOTHING), path)
        return self.origins[path.split("/")[1]] + filled

    async def status(self, route: str, caller: str) -> tuple[int, str]:
        """What a caller is answered, and the kind of problem if it is one."""
        method, path = route.split(" ")
        headers = await self.headers_of(caller, path)
        own_link = {"token": headers["Authorization"].split()[1]} if caller == REGISTRANT else {}
        # Some answers never end.
        async with self.http.stream(
            method, self.address(path), headers=headers, params=own_link, json=_body(method)
        ) as answer:
            if "problem+json" not in answer.headers.get("Content-Type", ""):
                return answer.status_code, ""
            await answer.aread()
            return answer.status_code, answer.json()["type"].rpartition(":")[2]


def _body(method: str) -> dict[str, object] | None:
    return None if method == "GET" else {}


@pytest.fixture(scope="module")
async def forum(
    postgres: PostgreSQL, tmp_path_factory: pytest.TempPathFactory
) -> AsyncIterator[Forum]:
    postgres.drop_databases()
    home = tmp_path_factory.mktemp("home")
    async with AsyncExitStack() as stack:
        services = {}
        for make in MAKERS:
            one = await stack.enter_async_context(running(make, postgres.url, home))
            services[one.service.name] = one
        origins = {
            name: await stack.enter_async_context(listening(one.service))
            for name, one in services.items()
        }
        http = await stack.enter_async_context(httpx.AsyncClient(trust_env=False, timeout=60))
        badging, checkin = services["badging"], services["checkin"]
        await badging.hear(confirmed(SOMEBODY))
        organiser = badging.staff(Role.organiser)
        badges = await badging.http.get("/badging/api/badges", headers=organiser)
        lane = {"gate": "tower-in", "label": "Lane 1"}
        offered = await checkin.http.post("/checkin/api/enrolments", json=lane, headers=organiser)
        code = {"code": offered.json()["code"]}
        paired = (await checkin.http.post("/checkin/api/devices", json=code)).json()
        focal_point = {"email": "f@example.org", "name": "Focal", "roles": ["focal_point"]}
        account = await services["registration"].http.post(
            "/registration/api/staff", json=focal_point, headers=organiser
        )
        registrant = badging.keyring.registrant_token(SOMEBODY)
        yield Forum(
            services,
            origins,
            http,
            {
                NOBODY: {},
                REGISTRANT: {"Authorization": f"Bearer {registrant}"},
                DEVICE: {"Authorization": f"Bearer {paired['token']}"},
                **{role: badging.staff(role) for role in Role},
            },
            account.json()["id"],
            badges.json()["items"][0]["id"],
        )


def routes_of(routes: list[BaseRoute], prefix: str) -> Iterator[str]:
    """Each method and path that is served, those of included routers too."""
    for route in routes:
        included = getattr(route, "original_router", None)
        if included is not None:
            yield from routes_of(included.routes, prefix)
            continue
        path: str = getattr(route, "path", "")
        whole = path if path.startswith((f"{prefix}/", DOCS)) else prefix + path
        methods: set[str] = getattr(route, "methods", set())
        yield from (f"{method} {whole}" for method in methods - {"HEAD"} if whole != DOCS)


async def test_the_table_has_every_route_and_no_other(forum: Forum) -> None:
    served = {
        route
        for name, one in forum.services.items()
        for route in routes_of(one.service.app.routes, f"/{name}")
    }
    assert served == set(WHO_MAY)


async def test_every_route_that_is_documented_is_in_the_table(forum: Forum) -> None:
    for one in forum.services.values():
        documented = {
            f"{method.upper()} {path}"
            for path, methods in one.service.app.openapi()["paths"].items()
            for method in methods
        }
        # The documentation names a part of a path without its converter.
        assert documented <= {re.sub(r":\w+}", "}", route) for route in WHO_MAY}


@pytest.mark.parametrize("route", WHO_MAY)
async def test_a_route_serves_those_whom_it_should_and_refuses_the_others(
    forum: Forum, route: str
) -> None:
    # A link for oneself that is none is refused in words of its own.
    refused = (*REFUSED, "wrong-link") if WHO_MAY[route] == {REGISTRANT} else REFUSED
    answers = {caller: await forum.status(route, caller) for caller in CALLERS}
    served = {caller for caller, (_, kind) in answers.items() if kind not in refused}
    assert served == WHO_MAY[route], answers
    if NOBODY not in served:
        assert answers[NOBODY][0] in (401, 403)


@pytest.mark.parametrize("route", ASKS)
async def test_an_api_says_which_parameter_it_does_not_know(forum: Forum, route: str) -> None:
    method, path = route.split(" ")
    headers = await forum.headers_of(Role.organiser, path)
    asked = {"registration_idd": NOTHING, "lang": "fr"}
    answer = await forum.http.request(
        method, forum.address(path), headers=headers, params=asked, json=_body(method)
    )
    assert answer.status_code == 422, answer.text
    assert answer.json()["errors"] == [
        {"field": "registration_idd", "message": "is not known here", "kind": "extra_forbidden"}
    ]
