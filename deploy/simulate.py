"""`forumpass simulate` and `forumpass demo`: a living forum, for rehearsals and newcomers."""

from __future__ import annotations

import asyncio
import os
import shutil
import subprocess
import sys
import time
from collections.abc import Sequence
from datetime import date, datetime
from datetime import time as clock_time
from typing import Annotated, Final

import typer
from rich.console import Console
from rich.progress import BarColumn, Progress, TaskProgressColumn, TextColumn, TimeElapsedColumn
from rich.table import Table

from deploy.operators import NotDone
from deploy.simulation.desks import furnish
from deploy.simulation.ledger import Check
from deploy.simulation.rehearsal import Rehearsal
from deploy.simulation.system import System, reached
from shared import forum as forums
from shared.forum import Forum, ForumFileError
from shared.settings import Settings, WrongSetting, load

console = Console(highlight=False)
START_SECONDS: Final = 120
DEMO_TIME: Final = clock_time(12, 0)
"""Late enough for a morning's curve, early enough for lunch."""
DEMO_SPEED: Final = 200.0

People = Annotated[int, typer.Option(min=1, max=100_000, help="How many people are invented.")]


def simulate(
    people: People = 250,
    speed: Annotated[float, typer.Option(min=1, help="Times faster than real time.")] = 60.0,
    day: Annotated[
        list[int] | None,
        typer.Option(help="Of the forum, from 1; several may be named. Today when absent."),
    ] = None,
    live: Annotated[
        bool, typer.Option(help="Go on at the system's pace once its clock is reached.")
    ] = False,
    seed: Annotated[int, typer.Option(help="Draws the people and what they do.")] = 2017,
    wait: Annotated[bool, typer.Option(help="Wait until the system runs.")] = False,
    desks: Annotated[
        bool, typer.Option(help="Leave requests, a delegation and accounts to those at desks.")
    ] = False,
) -> None:
    """Play days of the forum against the running system: a rehearsal, with invented people.

    Scans are dated up to what the forum's clock shows: FORUMPASS_CLOCK=2017-06-12T18:00:00+02:00
    lets the whole first day be played.
    """
    settings = load(Settings)
    forum = _forum_of(settings)
    try:
        good = asyncio.run(
            _run(settings, forum, people, speed, day, seed, live=live, wait=wait, desks=desks)
        )
    except* NotDone as failures:
        raise _first(failures) from None
    if not good:
        raise typer.Exit(1)


def demo(people: People = 2500) -> None:
    """Run everything on this machine, as `up` does, with a morning of the forum in it.

    Its state is var/demo, made anew each time.
    """
    from deploy import onemachine  # takes a second to load

    settings = load(Settings)
    forum = _forum_of(settings)
    home = settings.home / "demo"
    try:
        onemachine.require_free(settings.model_copy(update={"home": home}))
    except onemachine.AlreadyRunning as error:
        raise NotDone(str(error)) from None
    shutil.rmtree(home, ignore_errors=True)
    noon = datetime.combine(forum.days[0], DEMO_TIME, forum.timezone)
    os.environ |= {
        "FORUMPASS_HOME": str(home),
        "FORUMPASS_CLOCK": noon.isoformat(),
        "FORUMPASS_LOG_LEVEL": "warning",
        # Drawing badges for the mails is what takes longest: not at the newcomer's expense.
        "FORUMPASS_NOTIFICATIONS_CONCURRENCY": "1",
        "FORUMPASS_BADGING_DRAWN_AT_ONCE": "1",
    }
    command = [sys.argv[0], "simulate", "--people", str(people), "--speed", str(DEMO_SPEED)]
    simulation = subprocess.Popen([*command, "--live", "--wait", "--desks"])
    try:
        from deploy.cli import up

        up()
    finally:
        simulation.terminate()
        simulation.wait()


def _forum_of(settings: Settings) -> Forum:
    try:
        return forums.load(settings.forum)
    except (OSError, ForumFileError) as error:
        raise WrongSetting(f"FORUMPASS_FORUM: {error}") from None


async def _run(
    settings: Settings,
    forum: Forum,
    people: int,
    speed: float,
    numbers: Sequence[int] | None,
    seed: int,
    *,
    live: bool,
    wait: bool,
    desks: bool,
) -> bool:
    """Play and tell; answers whether all is as it should be."""
    async with reached(settings, forum) as system:
        if wait:
            await _wait_for(system, settings)
        with Progress(
            TextColumn("{task.description:<24}"),
            BarColumn(),
            TaskProgressColumn(),
            TimeElapsedColumn(),
            console=console,
        ) as progress:
            watched = _Bars(progress, people)
            rehearsal = Rehearsal(system, forum, count=people, seed=seed, watched=watched)
            now = await rehearsal.begin()
            if desks:
                await furnish(system, forum, seed, first=people)
            days = _days(forum, numbers, now)
            watched.expect(rehearsal.plan(days, until=None if live else now))
            played = await rehearsal.play(speed, live=live)
        checks = await rehearsal.check()
        await system.retire_devices()
    _tell(rehearsal, system, played, checks)
    return all(check.good for check in checks) and not rehearsal.ledger.unexpected


async def _wait_for(system: System, settings: Settings) -> None:
    deadline = time.monotonic() + START_SECONDS
    while not await system.is_there():
        if time.monotonic() > deadline:
            raise NotDone(f"Nothing answers at {settings.public_origin}.")
        await asyncio.sleep(0.5)


def _days(forum: Forum, numbers: Sequence[int] | None, now: datetime) -> list[date]:
    """The days to play, none of which may be to come.

    Raises:
        NotDone: one is, or the forum has no such day.
    """
    today = forum.day_of(now)
    if not numbers and today not in forum.days:
        raise NotDone(f"The forum is not held on {today}, which its clock shows: name a --day.")
    days = [today]
    if numbers:
        if not all(1 <= number <= len(forum.days) for number in numbers):
            raise NotDone(f"The forum has the days 1 to {len(forum.days)}.")
        days = [forum.days[number - 1] for number in sorted(set(numbers))]
    if days[-1] > today:
        late = datetime.combine(days[-1], clock_time(18), forum.timezone).isoformat()
        raise NotDone(f"The forum's clock shows {today}: start it with FORUMPASS_CLOCK={late}")
    return days


class _Bars:
    """How far it is, on the terminal."""

    def __init__(self, progress: Progress, people: int) -> None:
        self._progress = progress
        self._registered = progress.add_task("Registered", total=people)
        self._badged = progress.add_task("With a badge", total=people)
        self._played = progress.add_task("At the gates", total=None)

    def expect(self, steps: int) -> None:
        self._progress.update(self._played, total=steps)

    def registered(self, done: int) -> None:
        self._progress.update(self._registered, completed=done)

    def badged(self, done: int) -> None:
        self._progress.update(self._badged, completed=done)

    def played(self, done: int, at: datetime) -> None:
        self._progress.update(
            self._played, completed=done, description=f"At the gates, {at:%a %H:%M}"
        )


def _tell(rehearsal: Rehearsal, system: System, played: int, checks: Sequence[Check]) -> None:
    table = Table(box=None, show_header=False)
    for what, count in sorted(system.sent.items()):
        table.add_row("sent", what, f"{count:,}")
    for reason, count in rehearsal.ledger.answers().most_common():
        table.add_row("answered", reason, f"{count:,}")
    for (wanted, came), count in rehearsal.ledger.unexpected.items():
        table.add_row("[red]unexpected[/]", f"{came} for {wanted}", f"{count:,}")
    for check in checks:
        mark = "[green]equal[/]" if check.good else "[red]differs[/]"
        shown = (
            f"{check.sent:,}" if check.good else f"{check.sent:,}, the system says {check.found:,}"
        )
        table.add_row(mark, check.about, shown)
    console.print(f"{played:,} steps played.")
    console.print(table)


def _first(failures: BaseExceptionGroup[NotDone]) -> NotDone:
    """One of them is enough to tell."""
    failure: BaseException = failures
    while isinstance(failure, BaseExceptionGroup):
        failure = failure.exceptions[0]
    assert isinstance(failure, NotDone)
    return failure
