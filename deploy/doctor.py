"""`forumpass doctor`: what is needed, what is there, and what to do about the rest."""

from __future__ import annotations

import shutil
import socket
import stat
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from urllib.parse import urlsplit

import httpx2

from deploy.operators import SERVICES
from shared import forum as forums
from shared.clock import read_clock
from shared.forum import ForumFileError
from shared.settings import REPOSITORY, Settings

ENOUGH_DISK_BYTES = 1024**3
ANSWER_SECONDS = 3.0


@dataclass(frozen=True)
class Finding:
    """One thing looked at, and a sentence about it."""

    about: str
    good: bool
    says: str


def examine(settings: Settings) -> list[Finding]:
    """Look at everything once; changes nothing."""
    return [
        _python(),
        _forum(settings),
        _clock(settings),
        _pages(),
        _fonts(),
        _secret(settings),
        _disk(settings),
        *_servers(settings),
        *_services(settings),
    ]


def _python() -> Finding:
    version = ".".join(map(str, sys.version_info[:3]))
    return Finding("Python", sys.version_info >= (3, 11), f"{version}; 3.11 or newer is needed")


def _forum(settings: Settings) -> Finding:
    try:
        forum = forums.load(settings.forum)
    except (OSError, ForumFileError) as error:
        return Finding("Forum", False, str(error))
    return Finding("Forum", True, f"{forum.name.en}, {forum.days[0]} to {forum.days[-1]}")


def _clock(settings: Settings) -> Finding:
    """That of the running system, if any: it may rehearse because its forum is over."""
    rehearsal, now = _running_clock(settings)
    says = f"rehearsal, {now.astimezone(UTC):%d %B %Y %H:%M} UTC" if rehearsal else "real time"
    return Finding("Clock", True, says)


def _running_clock(settings: Settings) -> tuple[bool, datetime]:
    try:
        answer = httpx2.get(f"{settings.public_origin}/checkin/api/forum", timeout=ANSWER_SECONDS)
        forum = answer.raise_for_status().json()
        return forum["rehearsal"], datetime.fromisoformat(forum["now"])
    except (httpx2.HTTPError, ValueError, KeyError):
        clock = read_clock(settings.clock)
        return clock.rehearsal, clock.now()


def _pages() -> Finding:
    built = (REPOSITORY / "services/checkin/web/dist/gate.html").exists()
    return Finding("Gate app", built, "built" if built else "not built: run 'make up'")


def _fonts() -> Finding:
    from services.badging import fonts

    try:
        return Finding("Badge fonts", True, f"in {fonts.font_directory()}")
    except FileNotFoundError as error:
        return Finding("Badge fonts", False, str(error))


def _secret(settings: Settings) -> Finding:
    path = settings.secret_path
    if not path.exists():
        return Finding("Secret", True, f"{path} will be made at the first start")
    private = stat.S_IMODE(path.stat().st_mode) & 0o077 == 0
    says = "only its owner reads it" if private else f"others can read it: chmod 600 {path}"
    return Finding("Secret", private, says)


def _disk(settings: Settings) -> Finding:
    folder = settings.home if settings.home.exists() else settings.home.parent
    free = shutil.disk_usage(folder).free
    return Finding("Disk", free > ENOUGH_DISK_BYTES, f"{free / 1024**3:.1f} GiB free in {folder}")


def _servers(settings: Settings) -> Iterator[Finding]:
    """The servers that the settings name: whether something listens there."""
    named = (
        ("PostgreSQL", settings.database_url, 5432),
        ("RabbitMQ", settings.bus_url, 5672),
        ("Mail server", settings.smtp_url, 25),
    )
    for about, url, default_port in named:
        if url is None:
            yield Finding(about, True, "embedded")
            continue
        parts = urlsplit(url)
        host, port = parts.hostname or "localhost", parts.port or default_port
        try:
            socket.create_connection((host, port), ANSWER_SECONDS).close()
            yield Finding(about, True, f"listens at {host}:{port}")
        except OSError as error:
            yield Finding(about, False, f"no answer at {host}:{port} ({error})")


def _services(settings: Settings) -> Iterator[Finding]:
    """The running services, where there are any."""
    for name in SERVICES:
        url = f"{settings.public_origin}/{name}/health/ready"
        try:
            answer = httpx2.get(url, timeout=ANSWER_SECONDS)
        except httpx2.HTTPError:
            yield Finding(name, True, f"does not run at {settings.public_origin}")
            continue
        if answer.status_code == 404:
            # Behind a public proxy, which keeps health checks to itself.
            yield Finding(name, True, "not to be seen from here")
        else:
            yield Finding(name, answer.status_code == 200, answer.text)
