"""`forumpass import` and `forumpass export`: people as files, over HTTP like all operators do."""

from __future__ import annotations

import csv
import sys
from pathlib import Path
from typing import Annotated, Any, Final

import typer
from rich.console import Console

from deploy.operators import NotDone, Operator, operator
from shared.settings import Settings, load

console = Console(highlight=False, soft_wrap=True)
AHEAD: Final = ("id", "reference", "status")
"""Columns of an export that an import passes over."""
A_PAGE: Final = 200
OfDelegation = Annotated[
    str | None, typer.Option(help="Id of the delegation whose members they are.")
]


def import_people(
    file: Annotated[Path, typer.Argument(help="A CSV file, as Excel and programs save it.")],
    delegation: OfDelegation = None,
    dry_run: Annotated[bool, typer.Option(help="Only say what would become of each row.")] = False,
) -> None:
    """Register the people of a file: all good rows, and each bad one is named with its reason.

    Ends with exit code 1 if a row was rejected: somebody has to see to it. The same file again
    registers nobody twice.
    """
    try:
        content = file.read_bytes()
    except OSError as error:
        raise NotDone(f"{file} cannot be read: {error.strerror}.") from None
    with operator(load(Settings)) as one:
        report = one.import_people(content, delegation, dry_run=dry_run)
    for wrong in report["errors"]:
        where = f"line {wrong['line']}" + (f", {wrong['column']}" if wrong["column"] else "")
        console.print(f"{where}: {wrong['reason']}", markup=False)
    if report["ignored_columns"]:
        console.print(f"Columns not used: {', '.join(report['ignored_columns'])}", markup=False)
    done = "would be registered" if dry_run else "registered"
    console.print(
        f"{report['imported']} {done}, {report['rejected']} rows rejected, "
        f"{len(report['already_registered'])} registered before."
    )
    if report["rejected"]:
        raise typer.Exit(1)


def export_people(
    file: Annotated[
        Path | None, typer.Argument(help="Where to; standard output if absent.")
    ] = None,
) -> None:
    """Write all registrations as CSV, in the columns that `import` reads. Holds personal data."""
    with operator(load(Settings)) as one:
        if file is None:
            _write(one, sys.stdout)
            return
        count = _write_whole(one, file)
    console.print(f"{count} registrations in {file}.", markup=False)


def _write_whole(one: Operator, file: Path) -> int:
    """Replace the file once all is there: an export that fails leaves the last one as it is."""
    part = file.with_name(f".{file.name}.part")
    try:
        # The mark at the beginning is for Excel.
        with part.open("w", encoding="utf-8-sig", newline="") as out:
            count = _write(one, out)
        part.replace(file)
    except OSError as error:
        raise NotDone(f"{file} cannot be written: {error.strerror}.") from None
    finally:
        part.unlink(missing_ok=True)
    return count


def _write(one: Operator, out: Any) -> int:
    # The service's code takes a second to load: only this command pays for it.
    from services.registration.columns import FIELDS
    from shared.exports import defused

    columns = (*AHEAD, *(field for field in FIELDS if field != "consent"))
    writer = csv.writer(out, lineterminator="\r\n")
    writer.writerow(columns)
    count = 0
    for row in one.registrations(A_PAGE):
        writer.writerow(defused(_text(row[field])) for field in columns)
        count += 1
    return count


def _text(value: Any) -> str:
    """A field of a registration as a cell."""
    match value:
        case None:
            return ""
        case bool():
            return "yes" if value else "no"
        case list():
            return " ".join(map(str, value))
        case _:
            return str(value)
