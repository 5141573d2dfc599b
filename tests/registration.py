"""The registration service under test: who would like to come, and what staff do about it."""

from __future__ import annotations

import asyncio
import json
import re
from base64 import b64encode
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import datetime
from html.parser import HTMLParser
from io import BytesIO
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit
from uuid import UUID, uuid4

import httpx
from PIL import Image
from sqlalchemy import func, select, text

from services.registration import tables
from services.registration.app import create
from shared.access import Role
from shared.events import AttendanceAdmitted, AttendanceUndone, NotificationBounced
from shared.settings import REPOSITORY
from tests import running as service
from tests.running import ORIGIN, Running

API = "/registration/api/registrations"
NOBODY = "01890a5d-ac96-774b-bcce-b302099a8057"
"""An id that no registration has."""


@dataclass(frozen=True)
class Registering(Running):
    async def submit(
        self, *, idempotency_key: str | None = None, **particulars: Any
    ) -> httpx.Response:
        """Ask to come, as a program does."""
        headers = {} if idempotency_key is None else {"Idempotency-Key": idempotency_key}
        return await self.send("POST", API, body(**particulars), headers)

    async def submitted(self, **particulars: Any) -> str:
        """The id of somebody who has just filled the form."""
        answer = await self.submit(**particulars)
        assert answer.status_code == 201, answer.text
        return str(answer.json()["id"])

    async def confirmed_address(self, **particulars: Any) -> str:
        """The id of somebody who has followed the link in our mail."""
        registration_id = await self.submitted(**particulars)
        answer = await self.act(
            registration_id, "confirm-email", token=await self.token(registration_id)
        )
        assert answer.status_code == 200, answer.text
        return registration_id

    async def token(self, registration_id: str) -> str:
        """What the newest confirmation mail would bring."""
        links = [
            fact.confirm_link
            for fact in await self.said(UUID(registration_id))
            if fact.type == "registration.submitted.v1"
        ]
        [token] = parse_qs(urlsplit(links[-1]).query)["token"]
        return str(token)

    async def act(
        self, registration_id: str, step: str, by: dict[str, str] | None = None, **content: object
    ) -> httpx.Response:
        """Ask for a step in a registration's life, as an organiser unless said otherwise."""
        headers = self.organiser if by is None else by
        return await self.send("POST", f"{API}/{registration_id}/{step}", content, headers)

    async def amend(
        self, registration_id: str, by: dict[str, str] | None = None, **changes: object
    ) -> httpx.Response:
        headers = self.organiser if by is None else by
        return await self.send("PATCH", f"{API}/{registration_id}", changes, headers)

    async def send(
        self, method: str, path: str, content: object, headers: dict[str, str]
    ) -> httpx.Response:
        """Send JSON, any JSON: httpx's own cannot write a lone surrogate."""
        return await self.http.request(
            method,
            path,
            content=json.dumps(content),
            headers={"Content-Type": "application/json"} | headers,
        )

    async def show(self, registration_id: str) -> dict[str, Any]:
        """A registration as an organiser sees it."""
        answer = await self.http.get(f"{API}/{registration_id}", headers=self.organiser)
        assert answer.status_code == 200, answer.text
        shown: dict[str, Any] = answer.json()
        return shown

    async def status(self, registration_id: str) -> str:
        return str((await self.show(registration_id))["status"])

    async def find(self, **wanted: Any) -> list[dict[str, Any]]:
        """What an organiser finds, newest first."""
        answer = await self.http.get(API, params=wanted, headers=self.organiser)
        assert answer.status_code == 200, answer.text
        items: list[dict[str, Any]] = answer.json()["items"]
        return items

    async def until_somebody_waits(self, many: int = 1) -> None:
        """For what another transaction holds."""
        waiting = text(
            "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database()"
            " AND wait_event_type = 'Lock'"
        )
        async with asyncio.timeout(10), self.service.database.read() as connection:
            while (await connection.execute(waiting)).scalar_one() < many:
                await asyncio.sleep(0.02)

    async def stored(self) -> dict[str, int]:
        """How many rows each table has, and how many events were said."""
        async with self.service.database.read() as connection:
            rows = {
                table.name: (
                    await connection.execute(select(func.count()).select_from(table))
                ).scalar_one()
                for table in tables.metadata.sorted_tables
            }
        return rows | {"said": len(await self.said())}

    def browser(self, language: str = "en") -> httpx.AsyncClient:
        """Somebody's browser, with cookies of its own: `async with registering.browser() as it`."""
        return httpx.AsyncClient(
            transport=httpx.ASGITransport(self.service.app),
            base_url=ORIGIN,
            headers={
                "Accept": "text/html,application/xhtml+xml,*/*;q=0.8",
                "Accept-Language": language,
                "Origin": ORIGIN,
                "Sec-Fetch-Site": "same-origin",
            },
        )

    @property
    def organiser(self) -> dict[str, str]:
        return self.staff(Role.organiser)

    def registrant(self, registration_id: str) -> dict[str, str]:
        """Headers with which a registrant's own link calls."""
        token = self.keyring.registrant_token(UUID(registration_id))
        return {"Authorization": f"Bearer {token}"}

    def me(self, registration_id: str) -> str:
        """The address of the registrant's own page."""
        return f"/registration/me?token={self.keyring.registrant_token(UUID(registration_id))}"


class Page(HTMLParser):
    """A page as its reader has it: what is in its fields, which of them are wrong, what it says."""

    def __init__(self, answer: httpx.Response) -> None:
        super().__init__()
        self.language = self.direction = self.title = ""
        self.fields: dict[str, list[str]] = {}
        self.errors: dict[str, str] = {}
        self.links: list[str] = []
        self.languages: list[str] = []
        self.actions: list[str] = []
        self.words: list[str] = []
        self._select = self._error = ""
        self._inside = ""
        assert answer.headers["Content-Type"] == "text/html; charset=utf-8"
        self.feed(answer.text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        has = {name: value or "" for name, value in attrs}
        self._inside = tag
        is_error = has.get("class") == "error" and "hidden" not in has
        self._error = has.get("id", "").removesuffix("-error") if is_error else ""
        match tag:
            case "html":
                self.language, self.direction = has["lang"], has["dir"]
            case "a":
                self.links.append(has["href"])
            case "button" if has.get("name") == "read_in":
                self.languages.append(has["value"])
            case "form":
                self.actions.append(has.get("action", ""))
            case "select":
                self._select = has["name"]
            case "option" if "selected" in has:
                self.fields.setdefault(self._select, []).append(has["value"])
            case "input" if "name" not in has:
                pass  # a script's: nobody is sent it
            case "input" if has.get("type") not in ("radio", "checkbox") or "checked" in has:
                self.fields.setdefault(has["name"], []).append(has.get("value", ""))

    def handle_data(self, data: str) -> None:
        words = " ".join(data.split())
        if words:
            self.words.append(words)
            if self._error:
                self.errors[self._error] = words
            if self._inside == "title":
                self.title += words

    def says(self, *sentences: str) -> bool:
        return all(sentence in " ".join(self.words) for sentence in sentences)


def body(**particulars: Any) -> dict[str, Any]:
    """What a registrant sends; a particular that is `...` is left out."""
    sent = {
        "category": "civil_society",
        "given_name": "Grace",
        "family_name": "Hopper",
        "email": "grace@example.org",
        "organization": "Eckert–Mauchly Computer Corporation",
        "position": "Programmer",
        "country": "US",
        "language": "en",
        "consent": True,
    } | particulars
    return {name: value for name, value in sent.items() if value is not ...}


def bounced(registration_id: str) -> NotificationBounced:
    """A mail to this registrant came back."""
    return NotificationBounced(
        message_id=uuid4(),
        registration_id=UUID(registration_id),
        kind="confirm_address",
        smtp_code=550,
    )


def admitted(registration_id: UUID | str | None, at: datetime) -> AttendanceAdmitted:
    """A gate let this registrant in."""
    return AttendanceAdmitted(
        scan_id=uuid4(),
        gate="tower-in",
        entrance="tower",
        zone="venue",
        at=at,
        badge_id="0" * 16,
        registration_id=UUID(str(registration_id)) if registration_id else None,
        reason="first_entry",
    )


def taken_back(scan: AttendanceAdmitted) -> AttendanceUndone:
    """An officer took the scan back."""
    entry = scan.model_dump(exclude={"reason"}) | {"scan_id": uuid4()}
    return AttendanceUndone(**entry, undoes=scan.scan_id)


def picture(
    kind: str = "PNG", size: tuple[int, int] = (300, 400), color: str = "teal", **options: Any
) -> bytes:
    """A photo as a registrant's phone makes it."""
    out = BytesIO()
    Image.new("RGB", size, color).save(out, kind, **options)
    return out.getvalue()


def sent_photo(photo: bytes) -> str:
    """A photo as it travels in JSON."""
    return b64encode(photo).decode()


def forum_with(folder: Path, *, places: int = 3000, **categories: dict[str, object]) -> Path:
    """The forum's file with other places: in all, and what is given of categories by their name."""
    text = (REPOSITORY / "deploy" / "forum.toml").read_text()
    text, found = re.subn(r"(?m)^capacity = 3000 ", f"capacity = {places} ", text)
    assert found == 1
    head, *blocks = re.split(r"(?m)^(?=\[\[categories\]\]$)", text)
    for place, block in enumerate(blocks):
        for key, value in categories.pop(block.split('"')[1], {}).items():
            rest = re.sub(rf"(?m)^{key} = .*\n", "", block, count=1)
            block = rest.replace("\n", f"\n{key} = {json.dumps(value)}\n", 1)
        blocks[place] = block
    assert not categories
    path = folder / "forum.toml"
    path.write_text("".join((head, *blocks)))
    return path


@asynccontextmanager
async def running(
    database_url: str, home: Path, *, forum: Path | None = None, **settings: Any
) -> AsyncIterator[Registering]:
    """The registration service, up and ready, on the forum's first morning."""
    async with service.running(create, database_url, home, forum=forum, **settings) as one:
        yield Registering(one.service, one.neighbours, one.http)
