"""A workbook made of lines of CSV."""

from __future__ import annotations

import csv
import io
import json
import os
import resource
import subprocess
import sys
from datetime import datetime
from pathlib import Path
from typing import Any, Final

import pytest
from openpyxl import load_workbook

from shared.workbook import make

ROOT: Final = Path(__file__).parents[2]
KINDS: Final = {"name": "text", "count": "number", "day": "day", "at": "moment"}


def workbook(rows: list[list[str]], **more: Any) -> Any:
    lines = io.StringIO(newline="")
    csv.writer(lines).writerows([list(KINDS), *rows])
    lines.seek(0)
    made = io.BytesIO()
    make(lines, made, "Scans", KINDS, **more)
    return load_workbook(made)


def test_cells_hold_what_the_columns_say() -> None:
    row = ["Ada, “Countess”", "7", "2017-06-12", "2017-06-12T08:15:00.000+02:00"]
    [sheet] = workbook([row])
    assert [cell.value for cell in sheet[1]] == list(KINDS)
    name, count, day, at = (cell.value for cell in sheet[2])
    assert (name, count) == ("Ada, “Countess”", 7)
    assert isinstance(day, datetime)
    assert isinstance(at, datetime)
    assert (day.isoformat(), at.isoformat()) == ("2017-06-12T00:00:00", "2017-06-12T08:15:00")
    assert sheet.freeze_panes == "A2"


@pytest.mark.parametrize(
    "text", ["=1+1", "+1", "-1", "@A1", "https://example.org", "mailto:a@example.org", "{=A1}"]
)
def test_text_is_text_and_nothing_else(text: str) -> None:
    [sheet] = workbook([[text, "", "", ""]])
    assert sheet["A2"].value == text
    assert sheet["A2"].data_type == "s"
    assert sheet["A2"].hyperlink is None


def test_what_is_empty_stays_empty() -> None:
    [sheet] = workbook([["", "", "", ""], ["last", "0", "", ""]])
    assert [cell.value for cell in sheet[2]] == [None] * 4
    assert sheet["B3"].value == 0


def test_without_rows_there_is_the_head() -> None:
    [sheet] = workbook([])
    assert [cell.value for cell in sheet[1]] == list(KINDS)
    assert sheet.max_row == 1


@pytest.mark.parametrize("count", [3, 4, 5, 6, 7])
def test_what_is_too_much_for_a_sheet_stands_on_further_ones(count: int) -> None:
    names = [str(number) for number in range(count)]
    book = workbook([[name, "", "", ""] for name in names], most_rows=4)
    titles = ["Scans", "Scans 2", "Scans 3"][: -(-count // 3)]
    assert book.sheetnames == titles
    assert [row[0].value for sheet in book for row in sheet.iter_rows(min_row=2)] == names
    assert all(sheet["A1"].value == "name" for sheet in book)
    assert all(sheet.max_row <= 4 for sheet in book)


def test_many_rows_take_no_more_memory_than_few(tmp_path: Path) -> None:
    small, large = _peak(tmp_path, 2_000), _peak(tmp_path, 40_000)
    assert large < small + 4_000


def _peak(folder: Path, count: int) -> int:
    """Kilobytes of a process that makes a workbook of so many rows."""
    lines = folder / "lines.csv"
    with lines.open("w", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(KINDS)
        for number in range(count):
            moment = "2017-06-12T08:15:00.000+02:00"
            writer.writerow([f"Somebody with the number {number}", number, "2017-06-12", moment])
    command = [sys.executable, "-m", "shared.workbook", "Scans", json.dumps(KINDS)]
    with lines.open("rb") as source:
        process = subprocess.Popen(
            ["/usr/bin/env", *command], cwd=ROOT, stdin=source, stdout=subprocess.DEVNULL
        )
        _, status, usage = _wait(process)
    assert status == 0
    return usage.ru_maxrss


def _wait(process: subprocess.Popen[bytes]) -> tuple[int, int, resource.struct_rusage]:
    pid, status, usage = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    return pid, status, usage
