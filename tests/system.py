"""A whole running system, as people and programs reach it from outside."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from email import policy
from email.message import EmailMessage
from email.parser import BytesParser
from pathlib import Path
from typing import Any, Final, TypeVar
from uuid import uuid4

import httpx

from deploy.child import ChildProcess
from deploy.private_servers import free_port
from shared.access import Role

FORUMPASS: Final = Path(sys.executable).with_name("forumpass")
START_SECONDS: Final = 60
ANSWER_SECONDS: Final = 20
CONFIRM_LINK: Final = re.compile(r"https?://\S+/registration/confirm\?id=(\S+)&token=(\S+)")
SIGN_IN_LINK: Final = re.compile(r"https?://\S+/registration/sign-in\?token=\S+")

T = TypeVar("T")


class OneMachine:
    """`forumpass up` as a process of its own, on state and a port of its own.

    Args:
        host: how it is called; browsers know passkeys for names only.
    """

    def __init__(self, home: Path, host: str = "127.0.0.1", **settings: str) -> None:
        self.home = home
        self.port = free_port()
        self.origin = f"http://{host}:{self.port}"
        own = {"FORUMPASS_PORT": str(self.port), "FORUMPASS_ORIGIN": self.origin}
        self.environment = environment(home, **own) | settings
        self.process = ChildProcess(
            "Forum Pass",
            [FORUMPASS, "up"],
            log=home / "up.log",
            environment=self.environment,
            folder=home,
            stop_signal=signal.SIGINT,
        )
        self._log_begins = 0
        self._tokens: dict[Role, str] = {}

    @property
    def printed(self) -> str:
        """What it has printed since it was started last."""
        return self.process.log.read_bytes()[self._log_begins :].decode()

    def start(self) -> None:
        self._log_begins = self.process.log.stat().st_size if self.process.log.exists() else 0
        self.process.start()
        self.process.wait_until(lambda: "is ready" in self.printed, within=START_SECONDS)

    def stop(self) -> None:
        """Ctrl-C."""
        self.process.stop()

    def kill(self) -> None:
        self.process.kill()

    def sign_in_link(self) -> str:
        found = SIGN_IN_LINK.search(self.printed)
        assert found is not None, self.printed
        return found.group()

    def visit(self) -> Visitor:
        mailbox = f"{self.origin}/mailbox/"
        return Visitor(self.origin, mailbox, self.environment, self.home, self._tokens)


@dataclass(frozen=True)
class Visitor:
    """Somebody who uses a running system by its public address, its mail and its command line."""

    origin: str
    mailbox: str
    environment: Mapping[str, str]
    home: Path
    _tokens: dict[Role, str] = field(default_factory=dict)
    """Of staff, by role: who uses a system keeps theirs, and does not call for one each time."""

    def forumpass(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        """Run the command line as an operator does."""
        return forumpass(self.environment, self.home, *arguments)

    def token(self, role: Role) -> str:
        """The token of a member of staff, the same each time."""
        if role not in self._tokens:
            self._tokens[role] = self.new_token(role)
        return self._tokens[role]

    def new_token(self, role: Role) -> str:
        done = self.forumpass("token", "create", "--role", role)
        assert done.returncode == 0, done.stderr
        return done.stdout.splitlines()[-1]

    @contextmanager
    def as_staff(self, role: Role) -> Iterator[httpx.Client]:
        with self.calling(self.token(role)) as http:
            yield http

    def calling(self, token: str | None = None) -> httpx.Client:
        headers = {"Authorization": f"Bearer {token}"} if token else {}
        return httpx.Client(
            base_url=self.origin, headers=headers, timeout=ANSWER_SECONDS, trust_env=False
        )

    def mail_to(
        self, address: str, *, count: int = 1, within: float = ANSWER_SECONDS
    ) -> list[EmailMessage]:
        """The mail to an address, oldest first, as soon as there are `count`."""
        with httpx.Client(base_url=self.mailbox, timeout=ANSWER_SECONDS, trust_env=False) as http:

            def arrived() -> list[str]:
                items = http.get("api/messages", params={"to": address}).json()["items"]
                return [item["id"] for item in reversed(items)]

            ids = eventually(arrived, lambda found: len(found) >= count, within)
            return [_parsed(http.get(f"{mail_id}/source").content) for mail_id in ids]


def environment(home: Path, **settings: str) -> dict[str, str]:
    """The environment of a process under test: no setting of the caller's shell counts."""
    return {
        "PATH": os.environ.get("PATH", os.defpath),
        "FORUMPASS_HOME": str(home),
        **settings,
    }


def forumpass(
    given: Mapping[str, str], folder: Path, *arguments: str
) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [FORUMPASS, *arguments],
        env=dict(given),
        cwd=folder,
        capture_output=True,
        text=True,
        timeout=START_SECONDS,
    )


def eventually(
    look: Callable[[], T], good: Callable[[T], bool], within: float = ANSWER_SECONDS
) -> T:
    """What is seen as soon as it is good."""
    deadline = time.monotonic() + within
    while not good(seen := look()):
        assert time.monotonic() < deadline, f"after {within:g} s still {seen!r}"
        time.sleep(0.05)
    return seen


# --- the journey, step by step -------------------------------------------------------------------


def person(**particulars: Any) -> dict[str, Any]:
    """What somebody who registers sends; the address is nobody else's."""
    return {
        "category": "civil_society",
        "given_name": "Ada",
        "family_name": "Lovelace",
        "email": f"ada.{uuid4().hex[:12]}@example.org",
        "organization": "Analytical Society",
        "position": "Analyst",
        "country": "GB",
        "language": "en",
        "consent": True,
    } | particulars


def register(visitor: Visitor, **particulars: Any) -> tuple[str, str]:
    """Ask to come and confirm the address by the mailed link; answers the id and the address."""
    asked = person(**particulars)
    with visitor.calling() as http:
        answer = http.post("/registration/api/registrations", json=asked)
        assert answer.status_code == 201, answer.text
        registration_id: str = answer.json()["id"]
        [mail] = visitor.mail_to(asked["email"])
        named, token = confirm_link(mail)
        assert named == registration_id
        confirmed = http.post(
            f"/registration/api/registrations/{registration_id}/confirm-email",
            json={"token": token},
        )
        assert confirmed.status_code == 200, confirmed.text
    return registration_id, asked["email"]


def confirm_link(mail: EmailMessage) -> tuple[str, str]:
    """The registration's id and the token in a mail that asks to confirm the address."""
    found = _confirm_link(mail)
    assert found is not None, mail.as_string()
    return found.group(1), found.group(2)


def asks_to_confirm(mail: EmailMessage) -> bool:
    return _confirm_link(mail) is not None


def _confirm_link(mail: EmailMessage) -> re.Match[str] | None:
    body = mail.get_body(("plain",))
    assert body is not None
    return CONFIRM_LINK.search(str(body.get_content()))


def badge_of(visitor: Visitor, registration_id: str) -> dict[str, Any]:
    """The badge, as soon as it is made."""
    with visitor.as_staff(Role.desk) as http:

        def badges() -> list[dict[str, Any]]:
            answer = http.get("/badging/api/badges", params={"registration_id": registration_id})
            # A service that has just been started may not answer yet.
            items: list[dict[str, Any]] = answer.json()["items"] if answer.is_success else []
            return items

        return eventually(badges, bool)[0]


@contextmanager
def device_at(visitor: Visitor, gate: str) -> Iterator[httpx.Client]:
    """A device that has just been paired."""
    with visitor.as_staff(Role.security_lead) as http:
        offered = http.post("/checkin/api/enrolments", json={"gate": gate, "label": "Lane 1"})
        assert offered.status_code == 201, offered.text
    with visitor.calling() as http:
        paired = http.post("/checkin/api/devices", json={"code": offered.json()["code"]})
        assert paired.status_code == 201, paired.text
    with visitor.calling(paired.json()["token"]) as device:
        yield device


def scan(device: httpx.Client, credential: str) -> dict[str, Any]:
    answer = device.post(
        "/checkin/api/scans", json={"scan_id": str(uuid4()), "credential": credential}
    )
    assert answer.status_code == 200, answer.text
    judged: dict[str, Any] = answer.json()
    return judged


def scan_until_known(device: httpx.Client, credential: str) -> dict[str, Any]:
    """The first answer of a gate that has heard of the badge."""
    return eventually(
        lambda: scan(device, credential),
        lambda judged: judged["reason"] not in ("unknown_badge", "bad_signature"),
    )


def attached(mail: EmailMessage, media_type: str) -> bytes:
    """The one file of this kind in a mail; of the pictures, the badge's and not the QR's alone."""
    [part] = [
        part
        for part in mail.walk()
        if part.get_content_type() == media_type
        and not (part.get_filename() or "").endswith(".qr.png")
    ]
    content = part.get_payload(decode=True)
    assert isinstance(content, bytes)
    return content


def _parsed(source: bytes) -> EmailMessage:
    mail = BytesParser(policy=policy.default).parsebytes(source)
    assert isinstance(mail, EmailMessage)
    return mail
