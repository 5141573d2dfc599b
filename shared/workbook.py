"""Makes a workbook of CSV: a program of its own, that takes lines and gives the file.

XlsxWriter in its mode of constant memory, which puts rows on disk as they come; openpyxl in its
own takes twice as long. See docs/decisions/0012.
"""

from __future__ import annotations

import csv
import json
import os
import shutil
import sys
from collections.abc import Iterable, Iterator, Mapping
from datetime import datetime
from itertools import chain, islice
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import BinaryIO, Final, TextIO

from xlsxwriter import Workbook
from xlsxwriter.worksheet import Worksheet

MOST_ROWS: Final = 1_048_576
"""Of a sheet, with its head: Excel's limit."""
NICENESS: Final = 10
WIDTHS: Final = {"text": 20, "number": 10, "day": 12, "moment": 20}
"""In characters."""
FORMATS: Final = {"day": "yyyy-mm-dd", "moment": "yyyy-mm-dd hh:mm:ss"}


def make(
    source: TextIO,
    target: BinaryIO,
    title: str,
    kinds: Mapping[str, str],
    *,
    most_rows: int = MOST_ROWS,
) -> None:
    """Write a workbook of the lines of a CSV.

    Args:
        source: CSV with a head.
        target: takes the workbook.
        title: of the sheet; further ones are numbered.
        kinds: text, number, day or moment, by the column's name.
        most_rows: of a sheet, its head among them.
    """
    rows = csv.reader(source)
    head = next(rows)
    with TemporaryDirectory(prefix="forumpass-workbook-") as folder:
        file = Path(folder, "workbook.xlsx")
        options = {"constant_memory": True, "tmpdir": folder}
        with Workbook(file, options) as book:
            for number, some in enumerate(_cut(rows, most_rows - 1), start=1):
                sheet = book.add_worksheet(title if number == 1 else f"{title} {number}")
                _fill(book, sheet, [kinds[name] for name in head], head, some)
        with file.open("rb") as made:
            shutil.copyfileobj(made, target)


def _cut(rows: Iterator[list[str]], most: int) -> Iterator[Iterable[list[str]]]:
    """Runs of rows, each to be read to its end before the next; one at least."""
    yield islice(rows, most)
    for first in rows:
        yield chain([first], islice(rows, most - 1))


def _fill(
    book: Workbook,
    sheet: Worksheet,
    kinds: list[str],
    head: list[str],
    rows: Iterable[list[str]],
) -> None:
    bold = book.add_format({"bold": True})
    formats = [
        book.add_format({"num_format": FORMATS[kind]} if kind in FORMATS else {}) for kind in kinds
    ]
    for place, (kind, look) in enumerate(zip(kinds, formats, strict=True)):
        sheet.set_column(place, place, WIDTHS[kind], look)
    sheet.freeze_panes(1, 0)
    for place, name in enumerate(head):
        sheet.write_string(0, place, name, bold)
    for line, row in enumerate(rows, start=1):
        for place, (kind, value) in enumerate(zip(kinds, row, strict=True)):
            if not value:
                continue
            if kind == "text":
                # As text whatever it looks like: never a formula, never a link.
                sheet.write_string(line, place, value)
            elif kind == "number":
                sheet.write_number(line, place, float(value))
            else:
                # Cells know no time zone: what stands here is the clock on the forum's wall.
                moment = datetime.fromisoformat(value).replace(tzinfo=None)
                sheet.write_datetime(line, place, moment, formats[place])


def main() -> None:
    title, kinds = sys.argv[1:]
    # Who waits for an answer comes first.
    os.nice(NICENESS)
    source = open(sys.stdin.fileno(), encoding="utf-8", newline="", closefd=False)  # noqa: SIM115
    make(source, sys.stdout.buffer, title, json.loads(kinds))


if __name__ == "__main__":
    main()
