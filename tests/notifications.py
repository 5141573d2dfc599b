"""The notifications service under test: what it hears, and badging and a mail server beside it."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import AsyncIterator, Iterator, Mapping
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass
from email.message import EmailMessage
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from io import BytesIO
from pathlib import Path
from typing import Any, Final
from uuid import UUID, uuid4
from zipfile import ZipFile

import httpx
import pytest
from PIL import Image

from services.notifications.app import create
from services.notifications.settings import NotificationsSettings
from shared.access import Role
from shared.events import (
    BadgeIssued,
    BadgeRevoked,
    RegistrationContactChanged,
    RegistrationLinkRequested,
    RegistrationSubmitted,
)
from tests import running as service
from tests.running import FIRST_MORNING, ORIGIN, Running
from tests.servers import MailServer

LINK: Final = "signed"
PDF: Final = b"%PDF-1.7\n%%EOF\n"
SECONDS: Final = 10
MESSAGES: Final = "/notifications/api/messages"


class Badging:
    """Badging as this service sees it: files behind a signed link. It can be told to fail."""

    def __init__(self) -> None:
        picture = BytesIO()
        Image.new("RGB", (40, 60), "white").save(picture, "PNG")
        self.png: Final = picture.getvalue()
        self.failures: dict[str, tuple[int, bytes]] = {}
        """By a part of the path: the answer instead of the files."""
        self.traceparents: list[str] = []
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), _answering(self))
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.01,))

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self._server.server_port}"

    def answer(self, path: str) -> tuple[int, bytes]:
        for part, failure in self.failures.items():
            if part in path:
                return failure
        place, _, query = path.partition("?")
        if query != f"link={LINK}" or not place.startswith("/badging/api/badges/"):
            return 401, b"{}"
        if place.endswith(".zip"):
            return 200, archive({"badge.png": self.png, "badge.qr.png": self.png, "badge.pdf": PDF})
        return 200, self.png if place.endswith(".png") else PDF

    def start(self) -> None:
        self._thread.start()

    def stop(self) -> None:
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()


def archive(files: Mapping[str, bytes]) -> bytes:
    """Files by name, in one."""
    packed = BytesIO()
    with ZipFile(packed, "w") as together:
        for name, content in files.items():
            together.writestr(name, content)
    return packed.getvalue()


@contextmanager
def failing(badging: Badging, status: int, body: bytes = b"", part: str = "/") -> Iterator[None]:
    """Badging answers so for a while, to all or to what has this part in its path."""
    badging.failures[part] = status, body
    try:
        yield
    finally:
        del badging.failures[part]


@dataclass(frozen=True)
class Notifying(Running):
    smtp: MailServer

    @property
    def organiser(self) -> dict[str, str]:
        return self.staff(Role.organiser)

    async def register(self, **particulars: Any) -> UUID:
        """Somebody who has just filled the form."""
        fact = submitted(uuid4(), **particulars)
        await self.hear(fact)
        return fact.registration_id

    async def page(self, **filters: Any) -> Any:
        """A page of the delivery log."""
        answer = await self.http.get(MESSAGES, params=filters, headers=self.organiser)
        assert answer.status_code == 200, answer.text
        return answer.json()

    async def resend(self, message: dict[str, Any]) -> httpx.Response:
        return await self.http.post(f"{MESSAGES}/{message['id']}/resend", headers=self.organiser)

    async def messages(self, registration_id: UUID) -> list[dict[str, Any]]:
        """What was to be written to somebody, oldest first."""
        items: list[dict[str, Any]] = (await self.page(limit=200))["items"]
        return [item for item in items[::-1] if item["registration_id"] == str(registration_id)]

    async def waiting_for(
        self, registration_id: UUID, *, status: str, error: str = "", attempts: int = 0
    ) -> dict[str, Any]:
        """The newest message to somebody, once it has the status, such an error, such attempts."""

        def there() -> bool:
            return (
                found.get("status") == status
                and error in (found["error"] or "")
                and found["attempts"] >= attempts
            )

        found: dict[str, Any] = {}
        try:
            async with asyncio.timeout(SECONDS):
                while not there():
                    await asyncio.sleep(0.01)
                    found = (await self.messages(registration_id) or [{}])[-1]
        except TimeoutError:
            raise AssertionError(f"not {status} within {SECONDS} s: {found}") from None
        return found

    async def outcome(self, registration_id: UUID) -> list[tuple[str, str]]:
        """Kind and status of what was to be written to somebody, once nothing waits any more."""
        found = await self.messages(registration_id)
        try:
            async with asyncio.timeout(SECONDS):
                while any(message["status"] == "queued" for message in found):
                    await asyncio.sleep(0.01)
                    found = await self.messages(registration_id)
        except TimeoutError:
            raise AssertionError(f"still queued after {SECONDS} s: {found}") from None
        return [(message["kind"], message["status"]) for message in found]

    async def mail(self, to: UUID | str, *, count: int = 1) -> list[EmailMessage]:
        """The mail that the mail server took for somebody, as soon as there are `count`; in the
        order in which the messages came to be. Two of a person may arrive the other way round.
        """
        address = to if isinstance(to, str) else address_of(to)
        # In a thread: it waits, and the service under test runs in this one.
        mails = await asyncio.to_thread(self.smtp.wait_for, address, count=count)
        return sorted(mails, key=lambda mail: str(mail["Message-ID"]))  # they have a UUIDv7


def address_of(registration_id: UUID) -> str:
    return f"{registration_id.hex}@example.org"


def submitted(registration_id: UUID, version: int = 1, **particulars: Any) -> RegistrationSubmitted:
    links = f"{ORIGIN}/registration"
    given: dict[str, Any] = {
        "reference": "WF17-3K9Q2M",
        "email": address_of(registration_id),
        "title": "Dr.",
        "given_name": "Grace",
        "family_name": "Hopper",
        "language": "en",
        "confirm_link": f"{links}/confirm?id={registration_id}&token=confirm{version}",
        "me_link": f"{links}/me?token=me",
    }
    return RegistrationSubmitted(
        registration_id=registration_id, version=version, **given | particulars
    )


def contact_changed(
    registration_id: UUID, version: int, **particulars: Any
) -> RegistrationContactChanged:
    given: dict[str, Any] = {
        "email": address_of(registration_id),
        "given_name": "Grace",
        "family_name": "Murray",
        "language": "en",
    }
    return RegistrationContactChanged(
        registration_id=registration_id, version=version, **given | particulars
    )


def link_requested(
    registration_id: UUID, version: int, **particulars: Any
) -> RegistrationLinkRequested:
    given: dict[str, Any] = {
        "email": address_of(registration_id),
        "given_name": "Grace",
        "family_name": "Hopper",
        "language": "en",
        "me_link": f"{ORIGIN}/registration/me?token=me{version}",
    }
    return RegistrationLinkRequested(
        registration_id=registration_id, version=version, **given | particulars
    )


def badge_id(registration_id: UUID, version: int = 1) -> str:
    """The id of the badge that the registration's badge fact of this version issued."""
    return f"{registration_id.hex[-14:]}{version:02x}"


def issued(registration_id: UUID, version: int = 1, **particulars: Any) -> BadgeIssued:
    identity = badge_id(registration_id, version)
    given: dict[str, Any] = {
        "badge_id": identity,
        "number": "7KQ2-M9X1",
        "category": "civil_society",
        "days": 0b11111,
        "zones": 0b1,
        "files_link": f"/badging/api/badges/{identity}{{suffix}}?link={LINK}",
    }
    return BadgeIssued(registration_id=registration_id, version=version, **given | particulars)


def revoked(
    registration_id: UUID, version: int = 2, *, ends: int = 1, status: Any = "revoked"
) -> BadgeRevoked:
    """The end of the badge that the fact of version `ends` issued."""
    return BadgeRevoked(
        registration_id=registration_id,
        version=version,
        badge_id=badge_id(registration_id, ends),
        status=status,
    )


@asynccontextmanager
async def running(
    database_url: str,
    home: Path,
    smtp: MailServer,
    badging_url: str = "",
    *,
    away: bool = False,
    clock: str = FIRST_MORNING,
    **settings: Any,
) -> AsyncIterator[Notifying]:
    """The notifications service, up and ready; it tries again at once what fails.

    Args:
        away: no mail server is named: mails are queued and wait.
        settings: NotificationsSettings that differ.
    """
    given = {"badging_url": badging_url, "first_retry_seconds": 0.001} | settings
    prefix = NotificationsSettings.model_config.get("env_prefix")
    with pytest.MonkeyPatch.context() as environment:
        for name, value in given.items():
            environment.setenv(f"{prefix}{name.upper()}", str(value))
        async with service.running(
            create, database_url, home, clock=clock, smtp_url=None if away else smtp.url
        ) as one:
            yield Notifying(one.service, one.neighbours, one.http, smtp)


def _answering(badging: Badging) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            badging.traceparents.append(self.headers.get("traceparent", ""))
            status, body = badging.answer(self.path)
            self.send_response(status)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, format: str, *args: Any) -> None: ...  # noqa: A002 - its own name

    return Handler
