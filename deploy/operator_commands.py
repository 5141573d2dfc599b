"""`forumpass dead-letters`, `forumpass outbox`, `forumpass rebuild`: see deploy/operators.py."""

from __future__ import annotations

import json
from typing import Annotated

import typer
from rich.console import Console
from rich.progress import Progress
from rich.table import Table

from deploy.operators import Operator, operator
from shared.settings import Settings, load

console = Console(highlight=False, soft_wrap=True)
dead_letters = typer.Typer(no_args_is_help=True)
rebuild = typer.Typer(no_args_is_help=True)
LetterId = Annotated[str | None, typer.Argument(help="As `dead-letters list` shows it.")]
All = Annotated[bool, typer.Option("--all", help="Every dead letter.")]


@dead_letters.command("list")
def list_letters() -> None:
    """Events that failed to the end, oldest first in each queue."""
    with operator(load(Settings)) as one:
        letters = one.dead_letters()
    if not letters:
        console.print("No dead letters.")
        return
    for _, letter in letters:
        # Whole lines, however narrow the terminal: ids are copied from here.
        console.print(f"{letter['id']}  {letter['queue']}  {letter['type']}", markup=False)
        since = f" since {letter['died_at']}" if letter["died_at"] else ""
        why = " ".join(letter["error"].split())
        console.print(f"    {letter['attempts']} attempts{since}: {why}", markup=False)


@dead_letters.command("show")
def show_letter(letter_id: Annotated[str, typer.Argument(help="As `list` shows it.")]) -> None:
    """One of them, whole. May hold personal data."""
    with operator(load(Settings)) as one:
        letter = one.dead_letter(letter_id)
    body = letter.pop("body")
    for name, value in letter.items():
        console.print(f"{name}: {value}", markup=False)
    try:
        console.print(json.dumps(json.loads(body), indent=2, ensure_ascii=False), markup=False)
    except ValueError:
        console.print(body, markup=False)


@dead_letters.command("replay")
def replay(letter_id: LetterId = None, everything: All = False) -> None:
    """Let one be heard again, or all of them."""
    with operator(load(Settings)) as one:
        for chosen in _chosen(one, letter_id, everything):
            one.replay(chosen)
            console.print(f"{chosen} will be heard again.", markup=False)


@dead_letters.command("discard")
def discard(letter_id: LetterId = None, everything: All = False) -> None:
    """Throw one away, or all of them. It does not come back."""
    with operator(load(Settings)) as one:
        for chosen in _chosen(one, letter_id, everything):
            one.discard(chosen)
            console.print(f"{chosen} is gone.", markup=False)


def show_outbox() -> None:
    """What is true and has not been said yet, service by service."""
    table = Table("service", "waiting", "the oldest since", box=None)
    with operator(load(Settings)) as one:
        for service, outbox in one.outboxes().items():
            table.add_row(service, str(outbox["waiting"]), outbox["oldest_at"] or "")
    console.print(table)


@rebuild.command("checkin")
def rebuild_checkin() -> None:
    """Make check-in's copy of registrations and badges anew, while it goes on working."""
    with operator(load(Settings)) as one, Progress(console=console, transient=True) as progress:
        task = progress.add_task("Heard again", total=None)
        rebuilt = one.rebuild_checkin(
            lambda total, heard: progress.update(task, total=total, completed=heard)
        )
    console.print(f"{rebuilt.registrations} registrations and {rebuilt.badges} badges said again.")
    if rebuilt.unknown_registrations or rebuilt.unknown_badges:
        console.print(
            f"No owner knows of {rebuilt.unknown_registrations} registrations and "
            f"{rebuilt.unknown_badges} badges that were in the copy: they open no gate any more."
        )


def _chosen(one: Operator, letter_id: str | None, everything: bool) -> list[str]:
    if (letter_id is None) != everything:
        raise typer.BadParameter("Name one dead letter, or say --all.")
    if letter_id is not None:
        return [letter_id]
    return [letter["id"] for _, letter in one.dead_letters()]
