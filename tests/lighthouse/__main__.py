"""Lighthouse's judgement of how everybody can use the public pages: `make lighthouse`.

Prints each page's score, and what costs it points; ends with 1 unless all have the whole hundred.
"""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

from rich.console import Console
from rich.table import Table

from deploy.private_servers import started
from shared.settings import REPOSITORY
from tests.browser.chromium import QUIET, find_chromium
from tests.system import OneMachine, Visitor, confirm_link, person, register

FOLDER: Final = Path(__file__).parent
PROGRAM: Final = FOLDER / "node_modules" / ".bin" / "lighthouse"
LANGUAGES: Final = ("en", "ar")
WHOLE: Final = 100
OWN_PAGE: Final = re.compile(r"https?://\S+/registration/me\?token=\S+")


def main() -> None:
    chromium = find_chromium()
    if chromium is None:
        sys.exit("chromium is not installed")
    table = Table("page", "language", "accessibility", "what costs points")
    whole = True
    with tempfile.TemporaryDirectory(prefix="forumpass-lighthouse-") as home:
        system = OneMachine(Path(home) / "system")
        system.home.mkdir()
        with started(system):
            for name, address in pages(system.visit()):
                for language in LANGUAGES:
                    score, wrong = judge(chromium, f"{address}&lang={language}")
                    whole = whole and score == WHOLE
                    table.add_row(name, language, f"{score:.0f}", "\n".join(wrong))
    Console().print(table)
    sys.exit(0 if whole else 1)


def pages(visitor: Visitor) -> Iterator[tuple[str, str]]:
    """Names and addresses of the pages for the public."""
    origin = visitor.origin
    yield "form", f"{origin}/registration/?"
    yield "received", f"{origin}/registration/received?reference=WF17-3K9Q2M"
    asked = person()
    with visitor.calling() as http:
        http.post("/registration/api/registrations", json=asked).raise_for_status()
    [mail] = visitor.mail_to(asked["email"])
    registration_id, token = confirm_link(mail)
    yield "confirm", f"{origin}/registration/confirm?id={registration_id}&token={token}"
    _, address = register(visitor)
    *_, badge = visitor.mail_to(address, count=2)
    text = badge.get_body(("plain",))
    found = text and OWN_PAGE.search(str(text.get_content()))
    assert found
    yield "my registration", found.group()
    yield "check a certificate", f"{origin}/badging/certificates?"


def judge(chromium: str, address: str) -> tuple[float, list[str]]:
    """Score of a page, and the audits that it does not pass."""
    browser = " ".join(("--headless=new", *QUIET))
    options = ["--quiet", "--output=json", "--only-categories=accessibility"]
    done = subprocess.run(
        [PROGRAM, address, *options, f"--chrome-flags={browser}"],
        env=os.environ | {"CHROME_PATH": chromium},
        cwd=REPOSITORY,
        capture_output=True,
        text=True,
        timeout=300,
    )
    if done.returncode:
        sys.exit(f"Lighthouse failed: {done.stderr.strip()[-500:]}")
    report: dict[str, Any] = json.loads(done.stdout)
    audits = report["audits"]
    wrong = [
        f"{audits[one['id']]['title']}"
        for one in report["categories"]["accessibility"]["auditRefs"]
        if one["weight"] and audits[one["id"]]["score"] not in (1, None)
    ]
    return 100 * report["categories"]["accessibility"]["score"], wrong


if __name__ == "__main__":
    main()
