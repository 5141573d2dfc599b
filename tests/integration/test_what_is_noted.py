"""Whatever staff call, the audit log has what tests/what_is_noted.py says of it."""

from __future__ import annotations

import base64
import json
import re
import zlib
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack
from dataclasses import dataclass, field
from itertools import count
from pathlib import Path
from typing import Any, Final
from urllib.parse import quote, urlencode
from uuid import UUID, uuid4

import httpx
import pytest
from sqlalchemy import insert, select, update

from deploy.onemachine import MAKERS
from deploy.private_servers import PostgreSQL
from services.badging.tables import certificates
from services.notifications.tables import messages
from services.registration.staff import account_link
from services.registration.staff_tables import sessions
from shared import badge_number
from shared.access import SESSION_COOKIE, SESSION_LIFETIME, Role
from shared.bus import DeadLetter
from shared.tables import audit
from tests.checkin import Checkin, key_published, new_scan_id
from tests.delegations import ALL_GOOD, HEADER, delegation, member, table
from tests.notifications import submitted
from tests.people import confirmed, portrait
from tests.registration import Registering, picture, sent_photo
from tests.running import Running, listening, running
from tests.what_is_noted import CSV, FORM, JSON, SHOWS_NOBODY, WHAT_IS_NOTED, Elsewhere, Noted
from tests.who_may import ACCOUNT, NOBODY, WHO_MAY

BRACES: Final = re.compile(r"\{(\w+)(?::\w+)?\}")
"""What is to be filled in; JSON has other things in braces."""
FAMILY_NAME: Final = "Wahrhaftig"
"""Of everybody here, and of nobody in any sample."""
NEEDS_A_KEY: Final = (".pkpass", ".google-wallet")
"""404 without, when it is noted already."""
_numbers = count()


@dataclass(frozen=True)
class World:
    """All services, somebody in each, and whatever a call needs."""

    services: dict[str, Running]
    origins: dict[str, str]
    http: httpx.AsyncClient

    @property
    def registering(self) -> Registering:
        one = self.services["registration"]
        return Registering(one.service, one.neighbours, one.http)

    @property
    def checkin(self) -> Checkin:
        one = self.services["checkin"]
        return Checkin(one.service, one.neighbours, one.http)

    async def last_entry(self, service: str) -> int:
        async with self.services[service].service.database.read() as connection:
            query = select(audit.c.seq).order_by(audit.c.seq.desc()).limit(1)
            return (await connection.execute(query)).scalar_one_or_none() or 0

    async def entries(self, service: str, after: int) -> list[tuple[str, list[UUID]]]:
        """Acts, and whom they concerned."""
        async with self.services[service].service.database.read() as connection:
            query = select(audit.c.act, audit.c.about).where(audit.c.seq > after)
            return [(row.act, row.about) for row in await connection.execute(query)]


@dataclass
class Call:
    """One call, and what was made for it."""

    world: World
    route: str
    row: Noted
    made: dict[str, str] = field(default_factory=dict)

    @property
    def service(self) -> str:
        return self.route.split("/")[1]

    async def filled(self, text: str) -> str:
        for name in BRACES.findall(text):
            if name not in self.made:
                self.made[name] = await _MAKERS[self.service, name](self)
        return BRACES.sub(lambda match: self.made[match[1]], text)

    async def send(self, route: str) -> tuple[int, str]:
        """The status and, as far as it goes, the content of the answer."""
        method, path = route.split(" ")
        given = self.row if route == self.route else Noted(self.row.act)
        # The path first: what it names may be part of the content.
        url = await self.filled(self.world.origins[self.service] + path)
        query = await self.filled(given.query)
        content = await self.filled(given.content) or ("{}" if given.kind == JSON else "")
        headers = await self.headers()
        if method != "GET":
            headers["Content-Type"] = given.kind or JSON
        async with self.world.http.stream(
            method,
            f"{url}?{query}" if query else url,
            headers=headers,
            content=quote(content, safe="=&@%+") if given.kind == FORM else content,
        ) as answer:
            if answer.headers.get("Content-Type", "").startswith("text/event-stream"):
                # It never ends.
                return answer.status_code, await anext(answer.aiter_text())
            return answer.status_code, (await answer.aread()).decode(errors="replace")

    async def headers(self) -> dict[str, str]:
        if Role.organiser in WHO_MAY[self.route]:
            return dict(self.world.services[self.service].staff(Role.organiser))
        if "cookie" not in self.made:
            self.made["cookie"] = await _signed_in(self, await _account_id(self))
            await _signed_in(self, self.made["account_id"])  # on another machine too
        return {"Cookie": self.made["cookie"]}


@pytest.fixture(scope="module")
async def world(
    postgres: PostgreSQL, tmp_path_factory: pytest.TempPathFactory
) -> AsyncIterator[World]:
    postgres.drop_databases()
    home = tmp_path_factory.mktemp("home")
    async with AsyncExitStack() as stack:
        services, origins = {}, {}
        for make in MAKERS:
            one = await stack.enter_async_context(running(make, postgres.url, home))
            name = one.service.name
            services[name] = one
            origins[name] = await stack.enter_async_context(listening(one.service))
        await services["checkin"].hear(key_published())
        yield World(
            services,
            origins,
            await stack.enter_async_context(httpx.AsyncClient(trust_env=False, timeout=60)),
        )


# --- what a call needs ---------------------------------------------------------------------------


async def _registration_id(call: Call) -> str:
    """Somebody whom this service knows."""
    registering, photo = call.world.registering, sent_photo(picture())
    named: dict[str, Any] = {"family_name": FAMILY_NAME}
    if "delegation_id" in call.made:
        path = f"/registration/api/delegations/{call.made['delegation_id']}/members"
        answer = await registering.send("POST", path, member(**named), registering.organiser)
        assert answer.status_code == 201, answer.text
        return str(answer.json()["id"])
    return await registering.confirmed_address(category=call.row.category, photo=photo, **named)


async def _holder(call: Call) -> str:
    return await _holder_named(call, FAMILY_NAME)


async def _holder_named(call: Call, name: str) -> str:
    registration_id = uuid4()
    await call.world.services["badging"].hear(_with_photo(registration_id, name))
    return str(registration_id)


async def _holders_name(call: Call) -> str:
    name = f"{FAMILY_NAME}{next(_numbers)}"
    call.made["registration_id"] = await _holder_named(call, name)
    return name


async def _badge_id(call: Call) -> str:
    call.made["registration_id"] = registration_id = await _holder(call)
    badging = call.world.services["badging"]
    found = await badging.http.get(
        "/badging/api/badges",
        params={"registration_id": registration_id},
        headers=badging.staff(Role.organiser),
    )
    return str(found.json()["items"][0]["id"])


async def _number(call: Call) -> str:
    call.made["registration_id"] = registration_id = await _holder(call)
    number = badge_number.make(next(_numbers))
    async with call.world.services["badging"].service.database.begin() as tx:
        now = call.world.services["badging"].service.platform.clock.now()
        certificate = {"registration_id": UUID(registration_id), "days": 1, "issued_at": now}
        await tx.execute(insert(certificates).values(number=number, **certificate))
    return number


async def _key_id(call: Call) -> str:
    badging = call.world.services["badging"]
    organiser = badging.staff(Role.organiser)
    signs = (await badging.http.get("/badging/api/keys/history", headers=organiser)).json()
    await badging.http.post("/badging/api/keys/rotate", headers=organiser)
    known = signs["items"] if isinstance(signs, dict) else signs
    return str([one for one in known if one["retired_at"] is None][-1]["id"])


async def _participant(call: Call) -> str:
    """Somebody who is inside."""
    checkin, name = call.world.checkin, f"{FAMILY_NAME}{next(_numbers)}"
    badge = await checkin.badge(family_name=name)
    await checkin.hear(_with_photo(badge.registration_id, name))
    scan = await checkin.scan(badge)
    assert scan["decision"] == "admitted"
    call.made |= {"scan_id": scan["scan_id"], "family_name": name}
    return str(badge.registration_id)


def _with_photo(registration_id: UUID, name: str) -> Any:
    return confirmed(registration_id, 3, portrait(), family_name=name)


async def _with_participant(call: Call, what: str) -> str:
    call.made["registration_id"] = await _participant(call)
    return call.made[what]


async def _somebody_missing(call: Call) -> str:
    """Somebody who is looked for."""
    registration_id = await _participant(call)
    await _roll_call_id(call)
    return registration_id


async def _roll_call_id(call: Call) -> str:
    checkin = call.world.checkin
    begun = await checkin.http.post("/checkin/api/roll-calls", headers=checkin.lead)
    return str(begun.json()["id"])


async def _device_id(call: Call) -> str:
    return str((await call.world.checkin.pair("tower-in")).id)


async def _alert_id(call: Call) -> str:
    """Of a badge that two let in without a network."""
    checkin = call.world.checkin
    badge = await checkin.badge()
    for _ in range(2):
        body = {"scan_id": new_scan_id(), "credential": badge.credential, "override": "Twins"}
        await checkin.answer_to(body)
    alerts = await checkin.http.get(
        "/checkin/api/alerts", params={"open": True}, headers=checkin.lead
    )
    return str(alerts.json()["items"][0]["id"])


async def _message_id(call: Call) -> str:
    notifying = call.world.services["notifications"]
    registration_id = uuid4()
    await notifying.hear(submitted(registration_id, family_name=FAMILY_NAME))
    call.made["registration_id"] = str(registration_id)
    async with notifying.service.database.begin() as tx:
        sent = await tx.execute(
            update(messages)
            .where(messages.c.registration_id == registration_id)
            .values(status="sent")
            .returning(messages.c.id)
        )
        return str(sent.scalar_one())


async def _recipient(call: Call) -> str:
    await _message_id(call)
    return call.made["registration_id"]


async def _delegation_id(call: Call) -> str:
    return await delegation(call.world.registering, quota=9)


async def _focal_point_id(call: Call) -> str:
    registering = call.world.registering
    path = f"/registration/api/delegations/{call.made['delegation_id']}/focal-points"
    new = {"name": "Ida", "email": f"ida.{next(_numbers)}@example.org", "language": "en"}
    invited = await registering.send("POST", path, new, registering.organiser)
    return str(invited.json()["id"])


async def _member(call: Call) -> str:
    return json.dumps(member())


async def _member_form(call: Call) -> str:
    asked = {name: value for name, value in member().items() if name != "category"}
    return urlencode(asked | {"consent": "yes"}, quote_via=quote)


async def _file(call: Call) -> str:
    return _people()


async def _packed_file(call: Call) -> str:
    packed = base64.b64encode(zlib.compress(_people().encode())).decode()
    return quote(packed, safe="")


def _people() -> str:
    """A file of people who are not registered yet."""
    row = dict(zip(HEADER, ALL_GOOD, strict=True)) | {"email": f"{uuid4().hex}@example.org"}
    return table(row.values())


async def _import_id(call: Call) -> str:
    registering = call.world.registering
    taken = await registering.http.post(
        "/registration/api/imports",
        content=_people(),
        headers=registering.organiser | {"Content-Type": CSV},
    )
    return str(taken.json()["id"])


async def _account(call: Call) -> str:
    return json.dumps(_new_account())


async def _account_form(call: Call) -> str:
    return urlencode(_new_account(), doseq=True)


def _new_account() -> dict[str, Any]:
    return {
        "email": f"ada.{next(_numbers)}@example.org",
        "name": "Ada",
        "roles": ["desk"],
        "language": "en",
    }


async def _account_id(call: Call) -> str:
    registering = call.world.registering
    path = "/registration/api/staff"
    added = await registering.send("POST", path, _new_account(), registering.organiser)
    call.made["account_id"] = str(added.json()["id"])
    return call.made["account_id"]


async def _session_id(call: Call) -> str:
    """Another session of whoever calls, or of anybody for an organiser."""
    if "cookie" not in call.made:
        await call.headers()
    if "account_id" not in call.made:
        await _signed_in(call, await _account_id(call))
    async with call.world.registering.service.database.read() as connection:
        query = (
            select(sessions.c.id)
            .where(sessions.c.account_id == UUID(call.made["account_id"]))
            .order_by(sessions.c.seen_at.desc())
        )
        return str((await connection.execute(query)).scalars().first())


async def _signed_in(call: Call, account_id: str) -> str:
    """A cookie of this account's."""
    registering = call.world.registering
    link = account_link(registering.keyring, "", UUID(account_id), SESSION_LIFETIME)
    async with registering.browser() as browser:
        token = {"token": httpx.URL(link).params["token"]}
        answer = await browser.post("/registration/sign-in/link", data=token)
        assert answer.status_code == 303, answer.text
        return f"{SESSION_COOKIE}={browser.cookies[SESSION_COOKIE]}"


async def _letter_id(call: Call) -> str:
    """A dead letter about somebody, in a bus that has no other."""
    neighbours = call.world.services[call.service].neighbours
    call.made["registration_id"] = registration_id = str(uuid4())
    body = json.dumps({"data": {"registration_id": registration_id, "family_name": FAMILY_NAME}})
    letter = DeadLetter("letter", "a.queue", "a.fact.v1", 6, None, "LookupError", body)
    neighbours.letters = [letter]
    return letter.id


Make = Callable[[Call], Awaitable[str]]


def _of_participant(what: str) -> Make:
    async def make(call: Call) -> str:
        return await _with_participant(call, what)

    return make


async def _token_id(_: Call) -> str:
    return str(uuid4())


_MAKERS: Final[dict[tuple[str, str], Make]] = {
    ("registration", "registration_id"): _registration_id,
    ("registration", "delegation_id"): _delegation_id,
    ("registration", "focal_point_id"): _focal_point_id,
    ("registration", "member"): _member,
    ("registration", "member_form"): _member_form,
    ("registration", "file"): _file,
    ("registration", "packed_file"): _packed_file,
    ("registration", "import_id"): _import_id,
    ("registration", "account"): _account,
    ("registration", "account_form"): _account_form,
    ("registration", "account_id"): _account_id,
    ("registration", "session_id"): _session_id,
    ("registration", "token_id"): _token_id,
    ("badging", "registration_id"): _holder,
    ("badging", "family_name"): _holders_name,
    ("badging", "badge_id"): _badge_id,
    ("badging", "number"): _number,
    ("badging", "key_id"): _key_id,
    ("checkin", "registration_id"): _somebody_missing,
    ("checkin", "scan_id"): _of_participant("scan_id"),
    ("checkin", "family_name"): _of_participant("family_name"),
    ("checkin", "device_id"): _device_id,
    ("checkin", "alert_id"): _alert_id,
    ("checkin", "roll_call_id"): _roll_call_id,
    ("notifications", "message_id"): _message_id,
    ("notifications", "registration_id"): _recipient,
    **{
        (service, "letter_id"): _letter_id
        for service in ("registration", "badging", "checkin", "notifications")
    },
}


# --- what must hold ------------------------------------------------------------------------------


def test_every_route_that_is_for_staff_is_in_the_table() -> None:
    staff = {ACCOUNT, *Role}
    for_staff = {
        route for route, callers in WHO_MAY.items() if callers & staff and NOBODY not in callers
    }
    assert for_staff == set(WHAT_IS_NOTED)


@pytest.mark.parametrize(
    "route", [route for route, row in WHAT_IS_NOTED.items() if isinstance(row, Noted)]
)
async def test_whoever_is_shown_and_whatever_is_done_is_noted(world: World, route: str) -> None:
    row = WHAT_IS_NOTED[route]
    assert isinstance(row, Noted)
    call = Call(world, route, row)
    await call.filled(route + row.query + row.content)
    if row.names_them:
        await call.filled("{registration_id}")
    if row.beforehand:
        status, answer = await call.send(row.beforehand)
        assert status < 400, answer[:300]
    before = await world.last_entry(call.service)
    status, answer = await call.send(route)
    assert status < 400 or route.endswith(NEEDS_A_KEY), answer[:300]
    entries = await world.entries(call.service, before)
    about = [whom for act, whom in entries if act == row.act]
    assert about, entries
    if row.names_them:
        assert any(UUID(call.made["registration_id"]) in whom for whom in about)


@pytest.mark.parametrize(
    "route",
    [
        route
        for route, row in WHAT_IS_NOTED.items()
        if row is SHOWS_NOBODY and route.startswith("GET")
    ],
)
async def test_what_is_said_to_show_nobody_names_nobody(world: World, route: str) -> None:
    call = Call(world, route, Noted(""))
    call.made |= {"mail": "badge", "language": "en"}
    await call.filled(route + "{registration_id}")
    status, answer = await call.send(route)
    assert status < 400 or "not-built" in answer, answer[:300]
    assert FAMILY_NAME not in answer


def test_what_is_proved_elsewhere_is_proved_there() -> None:
    for row in WHAT_IS_NOTED.values():
        if isinstance(row, Elsewhere):
            assert f'"{row.act}"' in (Path(__file__).parent / row.test).read_text()
