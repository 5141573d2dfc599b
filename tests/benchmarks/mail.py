"""From the confirmed address to the badge at the mail server, on an idle machine."""

from __future__ import annotations

import statistics
import time
from pathlib import Path

from rich.console import Console
from rich.table import Table

from deploy.private_servers import started
from tests.servers import MailServer
from tests.system import OneMachine, confirm_link, person

PEOPLE = 50


def run(console: Console, home: Path) -> None:
    """Measure and print."""
    with started(MailServer()) as smtp:
        system = OneMachine(home / "system", FORUMPASS_SMTP_URL=smtp.url)
        system.home.mkdir()
        with started(system):
            waited_ms = [_wait_for_a_badge(system, smtp) for _ in range(PEOPLE + 1)]
    # The first one draws the first badge of the process: fonts are read then.
    first = waited_ms.pop(0)
    table = Table(
        "people", "median ms", "p90 ms", "first ms", title="From confirming to the badge mail"
    )
    p90 = sorted(waited_ms)[int(len(waited_ms) * 0.9)]
    table.add_row(str(PEOPLE), f"{statistics.median(waited_ms):.0f}", f"{p90:.0f}", f"{first:.0f}")
    console.print(table)


def _wait_for_a_badge(system: OneMachine, smtp: MailServer) -> float:
    asked = person()
    with system.visit().calling() as http:
        registered = http.post("/registration/api/registrations", json=asked)
        registered.raise_for_status()
        [mail] = smtp.wait_for(asked["email"])
        registration_id, token = confirm_link(mail)
        confirm = f"/registration/api/registrations/{registration_id}/confirm-email"
        began = time.perf_counter()
        http.post(confirm, json={"token": token}).raise_for_status()
        smtp.wait_for(asked["email"], count=2)
        return (time.perf_counter() - began) * 1000
