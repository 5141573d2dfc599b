"""How many people a second go from the form, or from a file, to the badge at the mail server.

From the form two mails go to each: one asks for the address, one brings the badge. Whom organisers
bring in a file has no address to confirm."""

from __future__ import annotations

import smtplib
import time
from concurrent.futures import ThreadPoolExecutor
from email import policy
from email.message import EmailMessage
from email.parser import BytesParser
from pathlib import Path
from typing import Final

import httpx
from rich.console import Console
from rich.table import Table

from deploy.private_servers import started
from tests.benchmarks.imports import file_of, send_file
from tests.servers import MailServer
from tests.system import OneMachine, confirm_link, person

PEOPLE: Final = 200
CONNECTIONS: Final = 8
SECONDS: Final = 120
WITH_FILES: Final = b"Content-Type: multipart/mixed"
"""In the head of the badge's mail, not of that which asks for the address."""
HEAD: Final = 4000
"""Bytes in which that stands, if at all."""


def run(console: Console, home: Path) -> None:
    """Measure and print; the floor hands the same mails to the same server and does no more."""
    with started(MailServer()) as smtp:
        system = OneMachine(home / "system", FORUMPASS_SMTP_URL=smtp.url)
        system.home.mkdir()
        with started(system):
            _through(system, smtp, CONNECTIONS)  # fonts are read, connections made
            measured: list[tuple[str, float, list[bytes]]] = []
            for way, through in (("the form", _through), ("a file", _from_a_file)):
                smtp.clear()
                seconds = through(system, smtp, PEOPLE)
                measured.append((way, seconds, smtp.contents))
        table = Table("from", "people", "a second", "floor: the mails alone", title="To the badge")
        for way, seconds, mails in measured:
            floor = _hand_over(smtp, mails)
            table.add_row(way, str(PEOPLE), f"{PEOPLE / seconds:.0f}", f"{PEOPLE / floor:.0f}")
    console.print(table)


def _through(system: OneMachine, smtp: MailServer, people: int) -> float:
    """Seconds from the first registration to the last badge's mail."""
    with (
        system.visit().calling() as http,
        ThreadPoolExecutor(CONNECTIONS) as callers,
    ):

        def confirm(mail: bytes) -> httpx.Response:
            message = BytesParser(policy=policy.default).parsebytes(mail)
            assert isinstance(message, EmailMessage)
            registration_id, token = confirm_link(message)
            path = f"/registration/api/registrations/{registration_id}/confirm-email"
            return http.post(path, json={"token": token})

        began = time.perf_counter()
        sent = [
            callers.submit(http.post, "/registration/api/registrations", json=person())
            for _ in range(people)
        ]
        seen = 0
        while seen < 2 * people:
            assert time.perf_counter() - began < SECONDS, f"{seen} mails came"
            arrived = smtp.contents[seen:]
            seen += len(arrived)
            asking = [mail for mail in arrived if WITH_FILES not in mail[:HEAD]]
            sent += [callers.submit(confirm, mail) for mail in asking]
            time.sleep(0.01)
        seconds = time.perf_counter() - began
        for request in sent:
            request.result().raise_for_status()
        return seconds


def _from_a_file(system: OneMachine, smtp: MailServer, people: int) -> float:
    """Seconds from the sending of the file to the last badge's mail."""
    began = time.perf_counter()
    send_file(system, file_of(people, "pipeline"), dry_run=False)
    while (seen := len(smtp.contents)) < people:
        assert time.perf_counter() - began < SECONDS, f"{seen} mails came"
        time.sleep(0.01)
    return time.perf_counter() - began


def _hand_over(smtp: MailServer, mails: list[bytes]) -> float:
    """Seconds that it takes to hand the mails over by so many connections."""

    def some(start: int) -> None:
        with smtplib.SMTP("127.0.0.1", smtp.port) as connection:
            for content in mails[start::CONNECTIONS]:
                connection.sendmail("floor@example.org", ["floor@example.org"], content)

    began = time.perf_counter()
    with ThreadPoolExecutor(CONNECTIONS) as callers:
        list(callers.map(some, range(CONNECTIONS)))
    return time.perf_counter() - began
