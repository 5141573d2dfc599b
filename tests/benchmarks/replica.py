"""What a gate copies: bytes, and seconds until it works, beside the bare bytes as a file."""

from __future__ import annotations

import statistics
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import httpx
from playwright.sync_api import Browser
from rich.console import Console
from rich.table import Table

from deploy.child import ChildProcess
from deploy.private_servers import free_port, listens, started
from tests.benchmarks.crowd import Crowd, crowd
from tests.browser.chromium import chromium, find_chromium
from tests.system import device_at, environment

PEOPLE: Final = 10_000
MANY: Final = 100_000
TIMES: Final = 3
ENCODINGS: Final = ("zstd", "gzip")
READ_AND_PARSE: Final = """
    async () => {
        const began = performance.now();
        const text = await (await fetch('/copy')).text();
        for (const line of text.trimEnd().split('\\n')) JSON.parse(line);
        return (performance.now() - began) / 1000;
    }
"""


def run(console: Console, home: Path) -> None:
    """Measure and print."""
    _run(console, home, PEOPLE)


def run_large(console: Console, home: Path) -> None:
    """The same with ten times the people."""
    _run(console, home, MANY)


@dataclass(frozen=True)
class Copied:
    body: bytes
    seconds: float


def _run(console: Console, home: Path, count: int) -> None:
    program = find_chromium()
    with crowd(home, count) as people:
        copies = {encoding: _copy(people, encoding) for encoding in ENCODINGS}
        file = home / "copy"
        file.write_bytes(copies["zstd"].body)
        with _served(home, file) as origin:
            bare = _bare(origin)
            if program is None:
                console.print("replica: chromium is not installed")
                return
            with chromium(program) as browser:
                opened = [_until_it_works(people, browser) for _ in range(TIMES)]
                floor = _floor(browser, origin)
    title = f"Replica of {count:,} people, half of them inside"
    table = Table("", "kB", "s", "same bytes as a file, s", title=title)
    for encoding, copied in copies.items():
        file_seconds = f"{bare:.3f}" if encoding == "zstd" else ""
        size = f"{len(copied.body) / 1000:,.0f}"
        table.add_row(f"the server, {encoding}", size, f"{copied.seconds:.2f}", file_seconds)
    working, again = (statistics.median(seconds) for seconds in zip(*opened, strict=True))
    table.add_row("pairing to a working gate", "", f"{working:.2f}", f"{floor:.2f}")
    table.add_row("the app opened again", "", f"{again:.2f}", "")
    console.print(table)
    console.print(
        f"The last two: the median of {TIMES}, in Chromium, offline when opened again; the file is"
        " fetched and parsed line by line there."
    )


def _copy(people: Crowd, encoding: str) -> Copied:
    with device_at(people.system.visit(), "tower-out") as device:
        headers = {
            "Authorization": device.headers["Authorization"],
            "Accept-Encoding": encoding,
        }
        return _fetch(f"{people.system.origin}/checkin/api/replica", headers)


def _fetch(url: str, headers: dict[str, str]) -> Copied:
    began = time.perf_counter()
    with httpx.stream("GET", url, headers=headers, timeout=60, trust_env=False) as response:
        response.raise_for_status()
        body = b"".join(response.iter_raw())
    return Copied(body, time.perf_counter() - began)


def _bare(origin: str) -> float:
    return min(_fetch(f"{origin}/copy", {"Accept-Encoding": "zstd"}).seconds for _ in range(3))


def _until_it_works(people: Crowd, browser: Browser) -> tuple[float, float]:
    """Seconds from opening the pairing link, and from opening the app again, to all the people."""
    link = people.pairing_link()
    began = time.perf_counter()
    page = browser.new_context(locale="en").new_page()
    page.goto(link)
    people.wait_for_people(page)
    working = time.perf_counter() - began
    # The copy is written to the disk after it is in use.
    page.wait_for_timeout(2000)
    page.context.set_offline(True)
    page.evaluate("navigator.serviceWorker.ready.then(() => {})")
    began = time.perf_counter()
    page.reload()
    people.wait_for_people(page)
    return working, time.perf_counter() - began


def _floor(browser: Browser, origin: str) -> float:
    page = browser.new_context().new_page()
    page.goto(origin)
    return min(float(page.evaluate(READ_AND_PARSE)) for _ in range(3))


@contextmanager
def _served(home: Path, file: Path) -> Iterator[str]:
    """The file by the server that we use, and nothing of ours; answers the origin."""
    port = free_port()
    child = ChildProcess(
        "The floor",
        [sys.executable, "-m", "tests.benchmarks.file_floor", str(port), str(file)],
        log=home / "floor.log",
        environment=environment(home),
    )
    with started(child):
        child.wait_until(lambda: listens(port), within=20)
        yield f"http://127.0.0.1:{port}"
