"""A table out of a file's bytes: CSV as programs write it, and as Excel saves it. Pure, no I/O."""

from __future__ import annotations

import csv
import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from io import StringIO
from typing import Final

MOST_BYTES: Final = 5 * 1024 * 1024
MOST_ROWS: Final = 5000
MOST_COLUMNS: Final = 100

DELIMITERS: Final = (",", ";", "\t")
_MARKS: Final = (
    (b"\xef\xbb\xbf", "utf-8-sig"),
    (b"\xff\xfe", "utf-16"),
    (b"\xfe\xff", "utf-16"),
)
_EXCELS_OWN_LINE: Final = re.compile(r"sep=(?P<delimiter>[,;:|\t])(?:\r\n|\r|\n)")
"""Excel takes the first line for an instruction to itself, and shows the rest."""
_WORKBOOK: Final = (b"PK\x03\x04", b"\xd0\xcf\x11\xe0")
"""How .xlsx (a ZIP archive) and .xls (an OLE file) begin."""
EXCELS: Final = "cp1252"
"""What Excel's plain "CSV" is written in, on most machines; Windows-1252."""
EXCELS_IN: Final = {"ru": "cp1251", "ar": "cp1256", "zh": "gb18030"}
"""And on those of these languages."""


class Unreadable(Exception):
    """Nothing can be read from this file."""

    def __init__(self, kind: str, detail: str, *, line: int = 0, names: Sequence[str] = ()) -> None:
        super().__init__(detail)
        self.kind = kind
        self.detail = detail
        self.line = line
        """Where; 0: everywhere."""
        self.names = tuple(names)
        """The columns that it is about."""


@dataclass(frozen=True)
class Row:
    line: int
    """The file's line on which it begins, from 1."""
    number: int
    """The row's number in a spreadsheet, where a cell may hold several lines."""
    cells: Sequence[str]


@dataclass(frozen=True)
class Sheet:
    encoding: str
    delimiter: str
    header: Row
    rows: Sequence[Row]


def read(content: bytes, knows: Callable[[str], bool], legacy: str = EXCELS) -> Sheet:
    """The table in a file.

    Args:
        content: the file.
        knows: whether something is a column's name; tells which sign divides the columns.
        legacy: what it is written in, if it is no Unicode.

    Raises:
        Unreadable: it is too large, or no table.
    """
    if len(content) > MOST_BYTES:
        raise Unreadable("too-large", "The file is larger than 5 MB; please divide it.")
    if content.startswith(_WORKBOOK):
        raise Unreadable(
            "workbook",
            "This is an Excel workbook. In Excel, save it as “CSV UTF-8” and send that file.",
        )
    text, encoding = _decoded(content, legacy, knows)
    own_line = _EXCELS_OWN_LINE.match(text)
    if own_line:
        delimiter = own_line["delimiter"]
        text = text[own_line.end() :]
    else:
        delimiter = _delimiter_of(text, knows)
    rows = _rows(text, delimiter, skipped=1 if own_line else 0)
    header = next(rows, None)
    if header is None:
        raise Unreadable("empty", "The file is empty.")
    if len(header.cells) > MOST_COLUMNS:
        raise Unreadable("too-many-columns", f"The file has more than {MOST_COLUMNS} columns.")
    taken: list[Row] = []
    for row in rows:
        if len(taken) == MOST_ROWS:
            raise Unreadable(
                "too-many-rows",
                f"The file has more than {MOST_ROWS:,} rows; please divide it.",
            )
        taken.append(row)
    return Sheet(encoding, delimiter, header, taken)


def _decoded(content: bytes, legacy: str, knows: Callable[[str], bool]) -> tuple[str, str]:
    """The file's text, and what it is written in: of several readings the one whose first row
    names most columns that we know."""
    readings: list[tuple[str, str]] = []
    for encoding in _candidates(content, legacy):
        try:
            text = content.decode(encoding).removeprefix("\ufeff")
        except UnicodeDecodeError:
            continue
        readings.append((text, encoding.removesuffix("-sig").replace("cp125", "windows-125")))
        if encoding.startswith("utf"):
            break
    if not readings:
        raise Unreadable(
            "encoding",
            "The characters of the file cannot be read. In Excel, save it as “CSV UTF-8”.",
        )
    return max(readings, key=lambda one: max(_score(one[0], sign, knows)[0] for sign in DELIMITERS))


def _candidates(content: bytes, legacy: str) -> Sequence[str]:
    for mark, encoding in _MARKS:
        if content.startswith(mark):
            return (encoding,)
    if b"\0" in content[:1000]:
        # UTF-16 without a mark: of Latin letters, digits and signs each second byte is 0.
        sample = content[:1000]
        odd, even = sample[1::2].count(0), sample[::2].count(0)
        return ("utf-16-le",) if odd > even else ("utf-16-be",)
    return "utf-8", legacy, EXCELS


def _delimiter_of(text: str, knows: Callable[[str], bool]) -> str:
    """The sign with which most columns have names that we know; else the one that makes most."""
    return max(DELIMITERS, key=lambda sign: _score(text, sign, knows))


def _score(text: str, delimiter: str, knows: Callable[[str], bool]) -> tuple[int, int]:
    """How many columns the first row names that we know, and how many it names."""
    try:
        # Not so strict: of a header that is spoiled, most columns are known all the same.
        header = next(_rows(text, delimiter, strict=False), None)
    except Unreadable:
        return 0, 0
    cells = [] if header is None else header.cells[:MOST_COLUMNS]
    return sum(map(knows, cells)), len(cells)


def _rows(text: str, delimiter: str, skipped: int = 0, *, strict: bool = True) -> Iterator[Row]:
    """Rows that have something in them.

    Args:
        skipped: lines before the text, which a spreadsheet does not show.
        strict: whether a quotation mark out of place is an error.
    """
    lines = csv.reader(StringIO(text, newline=""), delimiter=delimiter, strict=strict)
    number = 0
    while True:
        begins = lines.line_num + 1 + skipped
        try:
            cells = next(lines)
        except StopIteration:
            return
        except csv.Error:
            raise Unreadable(
                "quotes",
                f"From line {begins} on the file cannot be read: a quotation mark is missing there,"
                " or one too many.",
                line=begins,
            ) from None
        number += 1
        if any(cell.strip() for cell in cells):
            yield Row(begins, number, cells)
