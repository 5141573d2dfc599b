"""How many people a second go all the way to the badge at the mail server.

Whom organisers bring in a file has no address to confirm: one mail goes to each. Who registers by
the form has two: one asks for the address, one brings the badge."""

from __future__ import annotations

import asyncio
import json
import quopri
import smtplib
import time
from collections.abc import Awaitable, Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import AsyncExitStack
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from rich.console import Console
from rich.table import Table

from deploy.private_servers import started
from shared.access import Role
from tests.benchmarks.imports import file_of
from tests.benchmarks.load import caller
from tests.benchmarks.mail_sink import mail_sink
from tests.system import CONFIRM_LINK, OneMachine, person

PEOPLE: Final = 300
WARM_UP: Final = 50
CONNECTIONS: Final = 8
SECONDS: Final = 120
REGISTRATIONS: Final = "/registration/api/registrations"
WITH_FILES: Final = b"Content-Type: multipart/mixed"
"""In the head of the badge's mail, not of that which asks for the address."""
HEAD: Final = 4000
"""Bytes in which that stands, if at all."""

Through = Callable[["Course", int], Awaitable[None]]
"""Registers so many people."""


@dataclass
class Course:
    """A running system, and the mails that have come from it."""

    port: int
    token: str
    """An organiser's."""
    mails: list[bytes] = field(default_factory=list)
    arrived: asyncio.Event = field(default_factory=asyncio.Event)

    def taken(self, mail: bytes) -> None:
        self.mails.append(mail)
        self.arrived.set()

    async def until(self, count: int) -> None:
        """Returns once so many mails have come."""
        while len(self.mails) < count:
            self.arrived.clear()
            await self.arrived.wait()


def run(console: Console, home: Path) -> None:
    """Measure and print; the floor hands the same mails to the same server and does no more."""
    table = Table("by", "people", "a second", "floor: the mails alone", title="To the badge")
    for way, people, seconds, floor in asyncio.run(_measure(home)):
        row = (way, str(people), f"{people / seconds:.0f}", f"{people / floor:.0f}")
        table.add_row(*row)
    console.print(table)


async def _measure(home: Path) -> Sequence[tuple[str, int, float, float]]:
    measured = []
    async with AsyncExitStack() as stack:
        course = Course(0, "")
        smtp = await stack.enter_async_context(mail_sink(course.taken))
        system = OneMachine(home / "system", FORUMPASS_SMTP_URL=f"smtp://127.0.0.1:{smtp}")
        system.home.mkdir()
        stack.enter_context(started(system))
        course.port, course.token = system.port, system.visit().token(Role.organiser)
        await _seconds(course, by_the_form, WARM_UP)  # fonts are read, connections made
        for way, through in (
            ("the form, two mails each", by_the_form),
            ("an organiser's file", by_a_file),
        ):
            seconds = await _seconds(course, through, PEOPLE)
            floor = await asyncio.to_thread(_hand_over, smtp, list(course.mails))
            measured.append((way, PEOPLE, seconds, floor))
    return measured


async def _seconds(course: Course, through: Through, people: int) -> float:
    """From the first registration to the last badge's mail."""
    course.mails.clear()
    began = time.perf_counter()
    async with asyncio.timeout(SECONDS):
        await through(course, people)
    return time.perf_counter() - began


async def by_the_form(course: Course, people: int) -> None:
    requests: asyncio.Queue[tuple[str, bytes]] = asyncio.Queue()
    for number in range(people):
        requests.put_nowait((REGISTRATIONS, _participant(number)))

    async def send() -> None:
        async with caller(course.port, {}) as post:
            while True:
                await post(*await requests.get())

    async with asyncio.TaskGroup() as group:
        callers = [group.create_task(send()) for _ in range(CONNECTIONS)]
        for seen in range(2 * people):
            await course.until(seen + 1)
            if WITH_FILES not in course.mails[seen][:HEAD]:
                requests.put_nowait(_confirmation(course.mails[seen]))
        for each in callers:
            each.cancel()


async def by_a_file(course: Course, people: int) -> None:
    headers = {"Authorization": f"Bearer {course.token}", "Content-Type": "text/csv"}
    async with caller(course.port, headers) as post:
        answer = await post("/registration/api/imports", file_of(people, "pipeline"))
        assert json.loads(answer)["rejected"] == 0, answer
        await course.until(people)


def _participant(number: int) -> bytes:
    return json.dumps(person(family_name=f"Lovelace {number}")).encode()


def _confirmation(mail: bytes) -> tuple[str, bytes]:
    """The path and the body that confirm the address which the mail went to."""
    found = CONFIRM_LINK.search(quopri.decodestring(mail).decode(errors="replace"))
    assert found is not None, mail
    registration_id, token = found.groups()
    return f"{REGISTRATIONS}/{registration_id}/confirm-email", json.dumps({"token": token}).encode()


def _hand_over(port: int, mails: list[bytes]) -> float:
    """Seconds that it takes to hand the mails over by so many connections."""

    def some(start: int) -> None:
        with smtplib.SMTP("127.0.0.1", port) as connection:
            for content in mails[start::CONNECTIONS]:
                connection.sendmail("floor@example.org", ["floor@example.org"], content)

    began = time.perf_counter()
    with ThreadPoolExecutor(CONNECTIONS) as callers:
        list(callers.map(some, range(CONNECTIONS)))
    return time.perf_counter() - began
