"""How soon those who watch see a scan, and what it costs that they watch."""

from __future__ import annotations

import asyncio
import json
import re
import statistics
import sys
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, asynccontextmanager, contextmanager, suppress
from dataclasses import dataclass, field
from itertools import islice
from pathlib import Path
from typing import Final

import httpx
from playwright.async_api import async_playwright
from rich.console import Console
from rich.table import Table
from uuid_utils.compat import uuid7

from deploy.child import ChildProcess
from deploy.private_servers import PostgreSQL, free_port, listens, started
from shared.access import Role
from tests.benchmarks.scans import badges, roomy_forum
from tests.browser.chromium import DESK, QUIET, find_chromium
from tests.running import FIRST_MORNING
from tests.system import OneMachine, device_at, environment

VIEWERS: Final = 200
SCANS_PER_SECOND: Final = 100
SECONDS: Final = 10
WARM_UP: Final = 2 * SCANS_PER_SECOND
IDLE: Final = 1000
SCAN_ID: Final = re.compile(rb'"scan_id":"([0-9a-f-]{36})"')

# How many are inside, as the page shows it: in each frame, noted when that frame has been drawn.
# Each scan lets one more in.
WATCH_THE_SCREEN: Final = """
    () => {
        const inside = () => (document.querySelector('live-page')?.shadowRoot ?? document)
            .querySelector('[data-figure=inside]')?.dataset.value;
        window.shown = [];
        let before;
        const look = () => {
            const value = inside();
            if (value !== before) {
                setTimeout(() => window.shown.push([
                    (performance.timeOrigin + performance.now()) / 1000, Number(value),
                ]));
            }
            before = value;
            requestAnimationFrame(look);
        };
        look();
    }
"""

Headers = Mapping[str, str]
Shown = Sequence[tuple[float, int]]


@dataclass
class Screens:
    """When each scan was seen, by how many."""

    seen: dict[str, list[float]] = field(default_factory=dict)

    def note(self, chunk: bytes) -> None:
        now = time.time()
        for scan_id in SCAN_ID.findall(chunk):
            self.seen.setdefault(scan_id.decode(), []).append(now)


@dataclass(frozen=True)
class Run:
    """When each scan was sent and answered, and seen; all in seconds of the machine's clock."""

    answered: Mapping[str, float]
    sent: Mapping[str, float]
    seen: Mapping[str, Sequence[float]]
    drawn: Mapping[str, float]
    """In Chromium; empty where there is none."""

    def to_viewers(self, began: Mapping[str, float]) -> list[float]:
        """Milliseconds, in order; the scans of the warm-up are left out."""
        return sorted(
            max(0.0, at - began[one]) * 1000 for one in began for at in self.seen.get(one, ())
        )

    def to_the_screen(self) -> list[float]:
        return sorted(
            max(0.0, self.drawn[one] - at) * 1000
            for one, at in self.answered.items()
            if one in self.drawn
        )


def run(console: Console, home: Path) -> None:
    """Measure and print."""
    with ExitStack() as stack:
        database = stack.enter_context(started(PostgreSQL(home / "postgresql")))
        settings = {
            "FORUMPASS_DATABASE_URL": database.url,
            "FORUMPASS_FORUM": str(roomy_forum(home)),
            "FORUMPASS_CLOCK": FIRST_MORNING,
        }
        system = OneMachine(home / "system", **settings)
        system.home.mkdir()
        stack.enter_context(started(system))
        device = stack.enter_context(device_at(system.visit(), "tower-in"))
        each = WARM_UP + SCANS_PER_SECOND * SECONDS
        checkin = f"{database.url}/forumpass_checkin"
        texts = iter(asyncio.run(badges(system.home, checkin, 2 * each)))
        viewer = {"Authorization": f"Bearer {system.visit().token(Role.organiser)}"}
        gate = {"Authorization": device.headers["Authorization"]}

        def measure(scans_at: int, seen_at: int, *, drawn: bool) -> Run:
            credentials = list(islice(texts, each)) if scans_at == system.port else ["-"] * each
            return asyncio.run(_run(scans_at, seen_at, gate, viewer, credentials, drawn=drawn))

        ours = measure(system.port, system.port, drawn=True)
        console.print(asyncio.run(_idle_table(system, viewer)))
        with _another_process(system, settings) as port:
            others = measure(system.port, port, drawn=False)
        with _floor(home) as port:
            floor = measure(port, port, drawn=True)
    console.print(_seen_table(ours, others, floor))


def _seen_table(ours: Run, others: Run, floor: Run) -> Table:
    table = Table(
        "from … to",
        "p50 ms",
        "p99 ms",
        "seen",
        "floor p50",
        "floor p99",
        "ratio p50",
        title=f"A scan on a screen: {VIEWERS} viewers, {SCANS_PER_SECOND} scans a second",
    )
    scans = len(ours.answered)
    answered, sent = floor.to_viewers(floor.answered), floor.to_viewers(floor.sent)
    rows = [
        ("answered … at a viewer", ours.to_viewers(ours.answered), answered, VIEWERS),
        ("… at another process's", others.to_viewers(others.answered), answered, VIEWERS),
        ("… drawn by Chromium", ours.to_the_screen(), floor.to_the_screen(), 1),
        ("sent … at a viewer", ours.to_viewers(ours.sent), sent, VIEWERS),
    ]
    for name, took, least, screens in rows:
        if not took or not least:
            table.add_row(name, "not measured")
            continue
        table.add_row(
            name,
            *(f"{one:.0f}" for one in _quantiles(took)),
            f"{len(took) / (scans * screens):.1%}",
            *(f"{one:.0f}" for one in _quantiles(least)),
            f"{statistics.median(took) / max(0.1, statistics.median(least)):.1f}",
        )
    return table


def _quantiles(took: Sequence[float]) -> tuple[float, float]:
    return statistics.median(took), took[int(len(took) * 0.99)]


async def _run(
    scans_at: int,
    seen_at: int,
    gate: Headers,
    viewer: Headers,
    credentials: Sequence[str],
    *,
    drawn: bool,
) -> Run:
    """Scan at one port, and watch at another or the same."""
    screens, texts = Screens(), iter(credentials)
    program = find_chromium() if drawn else None
    async with (
        _watching(seen_at, viewer, VIEWERS, screens),
        _chromium(program, seen_at, viewer) as shown,
    ):
        warm, _ = await _scan_evenly(scans_at, gate, list(islice(texts, WARM_UP)))
        answered, sent = await _scan_evenly(scans_at, gate, list(texts))
        with suppress(TimeoutError):
            async with asyncio.timeout(5):
                while any(len(screens.seen.get(scan_id, ())) < VIEWERS for scan_id in answered):
                    await asyncio.sleep(0.05)
        await asyncio.sleep(0.5)  # a frame more
        values = await shown()
    return Run(answered, sent, screens.seen, _drawn({**warm, **answered}, values))


def _drawn(answered: Mapping[str, float], shown: Shown) -> dict[str, float]:
    """When the page counted each scan: the number on it had grown by so many as were answered."""
    if not shown:
        return {}
    begin, at = shown[0][1], iter(shown[1:])
    drawn: dict[str, float] = {}
    moment, value = shown[0]
    for rank, scan_id in enumerate(sorted(answered, key=answered.__getitem__), start=1):
        while value < begin + rank:
            moment, value = next(at, (0.0, -1))
            if value == -1:
                return drawn
        drawn[scan_id] = moment
    return drawn


@asynccontextmanager
async def _chromium(
    program: str | None, port: int, viewer: Headers
) -> AsyncIterator[Callable[[], Awaitable[Shown]]]:
    """The live page in a real browser; gives what it has shown, and when."""
    if program is None:
        yield _nothing
        return
    async with async_playwright() as playwright:
        browser = await playwright.chromium.launch(executable_path=program, args=list(QUIET))
        context = await browser.new_context(viewport=DESK, extra_http_headers=dict(viewer))
        page = await context.new_page()
        await page.goto(f"http://127.0.0.1:{port}/checkin/live")
        await page.wait_for_selector("[data-figure=inside]")
        await page.evaluate(WATCH_THE_SCREEN)

        async def shown() -> Shown:
            values: Shown = await page.evaluate("window.shown")
            return values

        yield shown
        await browser.close()


async def _nothing() -> Shown:
    return []


@contextmanager
def _another_process(system: OneMachine, settings: Mapping[str, str]) -> Iterator[int]:
    """Check-in as a process of its own, on the same database; answers its port."""
    port = free_port()
    child = ChildProcess(
        "Another check-in",
        [sys.executable, "-m", "services.checkin"],
        log=system.home / "another.log",
        environment=environment(system.home, FORUMPASS_CHECKIN_PORT=str(port), **settings),
    )
    with started(child):
        child.wait_until(lambda: _is_ready(port), within=30)
        yield port


def _is_ready(port: int) -> bool:
    with suppress(httpx.TransportError):
        return httpx.get(f"http://127.0.0.1:{port}/checkin/health/ready").is_success
    return False


@contextmanager
def _floor(home: Path) -> Iterator[int]:
    """The server of live_floor.py; answers its port."""
    port = free_port()
    child = ChildProcess(
        "The floor",
        [sys.executable, "-m", "tests.benchmarks.live_floor", str(port)],
        log=home / "live_floor.log",
        environment=environment(home),
    )
    with started(child):
        child.wait_until(lambda: listens(port), within=20)
        yield port


async def _scan_evenly(
    port: int, gate: Headers, credentials: Sequence[str]
) -> tuple[dict[str, float], dict[str, float]]:
    """Scans at even distances, whatever the answers take."""
    answered: dict[str, float] = {}
    sent: dict[str, float] = {}
    connections: list[tuple[asyncio.StreamReader, asyncio.StreamWriter]] = []

    async def scan(text: str) -> None:
        # The server hangs up where nothing was said for some seconds.
        connections[:] = [each for each in connections if not each[0].at_eof()]
        connection = connections.pop(0) if connections else await connected(port)
        scan_id = str(uuid7())
        body = json.dumps({"scan_id": scan_id, "credential": text}).encode()
        sent[scan_id] = time.time()
        connection[1].write(request("POST", "/checkin/api/scans", gate, body))
        head = await connection[0].readuntil(b"\r\n\r\n")
        assert b" 200 " in head, head
        length = int(head.lower().split(b"content-length:")[1].split(b"\r\n")[0])
        await connection[0].readexactly(length)
        answered[scan_id] = time.time()
        connections.append(connection)

    async with asyncio.TaskGroup() as scanning:
        begin = time.time()
        for number, text in enumerate(credentials):
            await asyncio.sleep(begin + number / SCANS_PER_SECOND - time.time())
            scanning.create_task(scan(text))
    for _, writer in connections:
        writer.close()
    return answered, sent


async def _idle_table(system: OneMachine, viewer: Headers) -> Table:
    before = _resident(system)
    async with _watching(system.port, viewer, IDLE, Screens()):
        await asyncio.sleep(1)
        grown = _resident(system) - before
    table = Table("viewers", "MB", title="Viewers that wait")
    table.add_row(str(IDLE), f"{grown / 1e6:.0f}")
    return table


@asynccontextmanager
async def _watching(
    port: int, viewer: Headers, count: int, screens: Screens
) -> AsyncIterator[None]:
    """So many who watch the control room."""
    streams = []
    for _ in range(count):
        reader, writer = await connected(port)
        writer.write(request("GET", "/checkin/api/live", viewer))
        assert b" 200 " in await reader.readuntil(b"\r\n\r\n")
        await reader.readuntil(b"\r\n\r\n")  # the whole
        streams.append((reader, writer))
    tasks = [asyncio.create_task(_watch(reader, screens)) for reader, _ in streams]
    yield
    for task in tasks:
        task.cancel()
    for _, writer in streams:
        writer.close()


async def _watch(reader: asyncio.StreamReader, screens: Screens) -> None:
    while True:
        screens.note(await reader.readuntil(b"\r\n\r\n"))


async def connected(port: int) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
    return await asyncio.open_connection("127.0.0.1", port, limit=1 << 20)


def request(method: str, path: str, headers: Headers, body: bytes = b"") -> bytes:
    fixed = {
        "Host": "127.0.0.1",
        "Content-Type": "application/json",
        "Content-Length": str(len(body)),
        **headers,
    }
    head = "".join(f"{name}: {value}\r\n" for name, value in fixed.items())
    return f"{method} {path} HTTP/1.1\r\n{head}\r\n".encode() + body


def _resident(system: OneMachine) -> int:
    """Bytes of memory that the server has."""
    status = Path(f"/proc/{system.process.pid}/status").read_text(encoding="ascii")
    [line] = [line for line in status.splitlines() if line.startswith("VmRSS:")]
    return int(line.split()[1]) * 1024
