"""One run: people come and go, faults happen, all settles, and everything is checked."""

from __future__ import annotations

import asyncio
import random
import statistics
import time
from collections import Counter, defaultdict
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Final
from uuid import UUID

import asyncpg
from rich.console import Console
from rich.table import Table

from tests.faults.faults import Fault, Harm, deal
from tests.faults.invariants import Findings, check, read_state
from tests.faults.ledger import Ledger
from tests.faults.messages import Poison
from tests.faults.plant import Plant
from tests.faults.settling import settle
from tests.faults.stream import Stream

VISITORS: Final = 6
"""People under way at a time."""
RECOVERY_SECONDS: Final = 90.0
"""Who is confirmed after a fault has a badge that the gates know within this time, or the run is
red."""
QUEUES_KEPT_SECONDS: Final = 2.0
"""So old are the queues when the first fault comes. One that RabbitMQ 3.10 was killed half a second
after making comes back without a leader, for good, and nobody can consume from it."""
LONG_SECONDS: Final = 300.0
"""Runs that are shorter leave the slow faults out."""
ALONE: Final = 0.35
"""Of the rounds have one fault, the others two at once."""
TOGETHER: Final = "two at once"
SHOWN: Final = 25
"""Findings that the report prints."""


@dataclass
class Report:
    """What happened in a run."""

    seed: int
    ledger: Ledger
    injected: Counter[str] = field(default_factory=Counter)
    recoveries: dict[str, list[float]] = field(default_factory=lambda: defaultdict(list))
    """Seconds, by fault."""
    settled_after: float = 0.0
    findings: Findings = field(default_factory=Findings)

    @property
    def operations(self) -> int:
        return self.ledger.operations.total()

    @property
    def faults(self) -> int:
        return self.injected.total()


async def run(home: Path, *, seconds: float, seed: int, settle_within: float) -> Report:
    """Make a run.

    Args:
        home: for state and logs.
        seconds: how long faults are injected.
        seed: draws the faults.
        settle_within: how long it may take afterwards until nothing is under way.
    """
    rng = random.Random(seed)
    async with Plant(home) as plant:
        stream = Stream(plant, random.Random(seed))
        try:
            await stream.pair_devices()
            report = Report(seed, stream.ledger)
            poison = Poison()
            over = asyncio.Event()
            await asyncio.sleep(QUEUES_KEPT_SECONDS)
            async with asyncio.TaskGroup() as group:
                group.create_task(stream.run(VISITORS, until=over))
                await _do_harm(Harm(plant, rng, poison), stream, seconds, report)
                over.set()
            await plant.until_all_are_up(settle_within)
            report.settled_after = await settle(plant, settle_within)
            state = await read_state(plant, await stream.figures())
            report.findings = check(stream.ledger, poison, state)
        finally:
            await stream.close()
    return report


async def _do_harm(harm: Harm, stream: Stream, seconds: float, report: Report) -> None:
    """One fault after the other, or two at a time, each round once the last one is got over."""
    plan = deal(harm.rng, slow_ones=seconds >= LONG_SECONDS)
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        drawn = _draw(plan, harm.rng)
        _note(harm.plant.home, " and ".join(fault.name for fault in drawn))
        report.injected.update(fault.name for fault in drawn)
        await asyncio.gather(*(fault.act(harm) for fault in drawn))
        _note(harm.plant.home, "undone")
        took = await _recovery(harm.plant, stream)
        _note(harm.plant.home, f"recovered in {took:.1f} s")
        report.recoveries[drawn[0].name if len(drawn) == 1 else TOGETHER].append(took)


def _note(home: Path, what: str) -> None:
    """For whoever reads the services' logs afterwards."""
    with (home / "logs" / "faults.log").open("a") as log:
        log.write(f"{datetime.now(UTC).isoformat()} {what}\n")


def _draw(plan: Iterator[Fault], rng: random.Random) -> list[Fault]:
    """The next fault; or the next two, where they harm different things."""
    first = next(plan)
    if rng.random() < ALONE:
        return [first]
    second = next(plan)
    while second.targets & first.targets:
        second = next(plan)
    return [first, second]


async def _recovery(plant: Plant, stream: Stream) -> float:
    """Seconds from now until somebody who registers now has a badge that the gates know."""
    begun = time.monotonic()
    async with asyncio.timeout(RECOVERY_SECONDS):
        person = await stream.confirmed_registration()
        while not await _is_known_at_the_gates(plant, person.registration_id):
            await asyncio.sleep(0.1)
    return time.monotonic() - begun


async def _is_known_at_the_gates(plant: Plant, registration_id: UUID) -> bool:
    with suppress(OSError, asyncpg.PostgresError, asyncpg.InterfaceError):
        connection = await plant.look_into("checkin")
        try:
            known = await connection.fetchval(
                "SELECT count(*) FROM badges WHERE registration_id = $1 AND number IS NOT NULL",
                registration_id,
            )
        finally:
            await connection.close()
        return bool(known)
    return False


# --- the table ------------------------------------------------------------------------------------


def show(console: Console, report: Report) -> None:
    """Print what happened."""
    _show_operations(console, report)
    _show_faults(console, report)
    findings = report.findings
    console.print(
        f"seed {report.seed}: {report.operations} operations in {report.ledger.tries} calls,"
        f" {report.faults} faults; settled after {report.settled_after:.1f} s; "
        f"lost {len(findings.lost)}, doubled {len(findings.doubled)}, wrong {len(findings.wrong)};"
        f" {findings.dead_letters} dead letters, all poison;"
        f" {findings.mails_repeated} mails came twice as the same message"
    )
    for finding in findings.all[:SHOWN]:
        console.print(finding, markup=False)


def _show_operations(console: Console, report: Report) -> None:
    table = Table("operation", "acknowledged", title=f"Operations (seed {report.seed})")
    table.columns[1].justify = "right"
    for kind, count in sorted(report.ledger.operations.items()):
        table.add_row(kind, str(count))
    table.add_row("all", str(report.operations), style="bold")
    console.print(table)


def _show_faults(console: Console, report: Report) -> None:
    table = Table("fault", title="Faults, and seconds until a new badge was known at the gates")
    for column in ("injected", "alone", "median", "max"):
        table.add_column(column, justify="right")
    for kind in sorted({*report.injected, *report.recoveries}):
        took = report.recoveries.get(kind, [])
        times = [f"{statistics.median(took):.1f}", f"{max(took):.1f}"] if took else ["", ""]
        table.add_row(kind, str(report.injected[kind] or ""), str(len(took) or ""), *times)
    every = [seconds for took in report.recoveries.values() for seconds in took]
    if every:
        summary = [f"{statistics.median(every):.1f}", f"{max(every):.1f}"]
        table.add_row("all", str(report.faults), str(len(every)), *summary, style="bold")
    console.print(table)
