"""`forumpass dead-letters`, `outbox`, `keys`, `rebuild`: see deploy/operators.py."""

from __future__ import annotations

import json
from typing import Annotated, Any
from uuid import UUID

import typer
from rich.console import Console
from rich.progress import Progress
from rich.table import Table

from deploy.operators import NotDone, Operator, operator
from shared.settings import Settings, load

console = Console(highlight=False, soft_wrap=True)
dead_letters = typer.Typer(no_args_is_help=True)
keys = typer.Typer(no_args_is_help=True)
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


def erase(registration_id: UUID) -> None:
    """Remove somebody's personal data from all services. There is no way back."""
    with operator(load(Settings)) as one:
        reference = one.erase(registration_id)
    console.print(f"{reference} is erased; the other services follow within seconds.")


def show_outbox() -> None:
    """What is true and has not been said yet, service by service."""
    table = Table("service", "waiting", "the oldest since", box=None)
    with operator(load(Settings)) as one:
        for service, outbox in one.outboxes().items():
            table.add_row(service, str(outbox["waiting"]), outbox["oldest_at"] or "")
    console.print(table)


@keys.command("list")
def list_keys() -> None:
    """The keys, oldest first, and how many valid badges each has signed."""
    with operator(load(Settings)) as one:
        _show_keys(one.signing_keys())


@keys.command("rotate")
def rotate_keys() -> None:
    """Make a new key, which signs from now on. Badges signed before stay good."""
    with operator(load(Settings)) as one:
        _show_keys(one.rotate_keys())


@keys.command("retire")
def retire_key(
    key_id: Annotated[int, typer.Argument(help="As `keys list` shows it.")],
    yes: Annotated[bool, typer.Option("--yes", help="Though valid badges stop with it.")] = False,
) -> None:
    """Let no gate open for what a key has signed: for one that is no secret any more."""
    with operator(load(Settings)) as one:
        stops = sum(key["valid_badges"] for key in one.signing_keys() if key["id"] == key_id)
        if stops and not yes:
            raise NotDone(f"{stops} valid badges would stop at once: reissue them, or say --yes.")
        one.retire_key(key_id)
    console.print(f"No gate opens any more for what key {key_id} has signed.")


def _show_keys(found: list[dict[str, Any]]) -> None:
    table = Table("key", "made", "", "valid badges", box=None)
    for key in found:
        state = "signs" if key["signs"] else "verifies"
        if key["retired_at"]:
            state = f"retired {key['retired_at']}"
        table.add_row(str(key["id"]), key["created_at"], state, str(key["valid_badges"]))
    console.print(table)


@rebuild.command("checkin")
def rebuild_checkin(
    yes: Annotated[
        bool, typer.Option("--yes", help="Stop what the last run has not heard of again.")
    ] = False,
) -> None:
    """Make check-in's copy of registrations and badges anew, while it goes on working."""
    with operator(load(Settings)) as one:
        if yes and one.unheard().is_to_stop:
            console.print(f"{one.stop_unheard()} open no gate any more.")
        else:
            _rebuild_checkin(one)


def _rebuild_checkin(one: Operator) -> None:
    with Progress(console=console, transient=True) as progress:
        task = progress.add_task("Heard again", total=None)
        rebuilt = one.rebuild_checkin(
            lambda total, heard: progress.update(task, total=total, completed=heard)
        )
    console.print(f"{rebuilt.registrations} registrations and {rebuilt.badges} badges said again.")
    if rebuilt.unheard.is_to_stop:
        raise NotDone(
            f"{rebuilt.unheard} in the copy were not heard of again, and open gates as before. "
            "What failed is tried again for a quarter of an hour, or is a dead letter: run this "
            "again then, or say --yes to stop them."
        )


@rebuild.command("attendance")
def rebuild_attendance(
    dry_run: Annotated[bool, typer.Option(help="Tell what differs, change nothing.")] = False,
) -> None:
    """Make presence and attendance again from the scan log, and tell what differed."""
    with operator(load(Settings)) as one, Progress(console=console, transient=True) as progress:
        task = progress.add_task("People checked", total=None)
        people, differences = one.rebuild_attendance(
            lambda checked: progress.update(task, completed=checked), repair=not dry_run
        )
    for found in differences:
        who = f"{found['of']} of {found['registration_id']}, {found['where']}"
        console.print(f"{who}: kept {_shown(found['kept'])}", markup=False)
        console.print(f"    the log says {_shown(found['from_log'])}", markup=False)
    if not differences:
        console.print(f"{people} people checked: all is as the log says.")
        return
    put_right = "nothing was changed" if dry_run else "all put right"
    console.print(f"{people} people checked, {len(differences)} differences: {put_right}.")
    if dry_run:
        raise typer.Exit(1)


def _shown(kept: dict[str, Any] | None) -> str:
    if kept is None:
        return "nothing"
    return ", ".join(f"{name} {value}" for name, value in kept.items())


def _chosen(one: Operator, letter_id: str | None, everything: bool) -> list[str]:
    if (letter_id is None) != everything:
        raise typer.BadParameter("Name one dead letter, or say --all.")
    if letter_id is not None:
        return [letter_id]
    return [letter["id"] for _, letter in one.dead_letters()]
