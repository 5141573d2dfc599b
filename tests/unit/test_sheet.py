"""Files as people save them: whatever they hold, they are read, or refused in words."""

from __future__ import annotations

import csv
from contextlib import suppress
from io import StringIO

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.registration import sheet
from services.registration.columns import is_known
from services.registration.sheet import MOST_BYTES, MOST_COLUMNS, MOST_ROWS, Sheet, Unreadable

NAMES = ("family_name", "E-mail address", "Prénom")
# No program writes half a pair of surrogates; of line breaks Python's own text files keep all.
CELLS = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), max_size=20)
ROWS = st.lists(st.lists(CELLS, min_size=3, max_size=3), max_size=5)


def written(rows: list[list[str]], delimiter: str = ",", end: str = "\r\n") -> str:
    out = StringIO()
    # Python's writer, left to itself, puts no quotation marks around a lone carriage return.
    writer = csv.writer(out, delimiter=delimiter, lineterminator=end, quoting=csv.QUOTE_ALL)
    writer.writerows([NAMES, *rows])
    return out.getvalue()


def read(content: bytes, legacy: str = sheet.EXCELS) -> Sheet:
    return sheet.read(content, is_known, legacy)


def cells(of: Sheet) -> list[list[str]]:
    return [list(row.cells) for row in of.rows]


@given(st.binary(max_size=300))
def test_any_bytes_are_a_table_or_refused_in_words(content: bytes) -> None:
    with suppress(Unreadable):
        assert read(content).header.cells


@given(
    st.text(st.characters(exclude_categories=["Cs"]), max_size=300),
    st.sampled_from(["utf-8", "utf-8-sig", "utf-16", "utf-16-le", "utf-16-be"]),
)
def test_any_text_is_a_table_or_refused_in_words(text: str, encoding: str) -> None:
    with suppress(Unreadable):
        assert read(text.encode(encoding)).header.cells


@given(
    ROWS,
    st.sampled_from(",;\t"),
    st.sampled_from(["\r\n", "\n"]),
    st.sampled_from(["utf-8", "utf-8-sig", "utf-16"]),
)
def test_what_a_program_wrote_is_read_back(
    rows: list[list[str]], delimiter: str, end: str, encoding: str
) -> None:
    found = read(written(rows, delimiter, end).encode(encoding))
    assert found.delimiter == delimiter
    assert list(found.header.cells) == list(NAMES)
    assert cells(found) == [row for row in rows if any(cell.strip() for cell in row)]


@pytest.mark.parametrize(
    ("legacy", "name"),
    [("cp1252", "Jérôme Œuvray"), ("cp1251", "Софья"), ("cp1256", "محمد"), ("gb18030", "祖冲之")],
)
def test_excels_plain_csv_is_read_as_the_machines_language_writes_it(
    legacy: str, name: str
) -> None:
    header = ",".join(("family_name", "email", "title"))
    found = read(f"{header}\r\n{name},a@example.org,\r\n".encode(legacy), legacy)
    assert cells(found) == [[name, "a@example.org", ""]]
    assert found.encoding == legacy.replace("cp", "windows-")


def test_a_file_from_another_machine_is_read_by_the_names_of_its_columns() -> None:
    header = "Nom de famille;Prénom;Adresse électronique;Catégorie"
    for legacy in ("cp1251", "gb18030"):
        found = read(f"{header}\r\nŒuvray;Zoé;a@example.org;x\r\n".encode("cp1252"), legacy)
        assert (found.encoding, found.rows[0].cells[0]) == ("windows-1252", "Œuvray")


def test_utf_16_without_a_mark_is_read() -> None:
    for encoding in ("utf-16-le", "utf-16-be"):
        assert cells(read(written([["a", "b", "c"]]).encode(encoding))) == [["a", "b", "c"]]


def test_the_line_for_excel_itself_is_passed_over() -> None:
    found = read(b"sep=;\r\nfamily_name;email\r\na,b;c\r\n")
    assert cells(found) == [["a,b", "c"]]
    # The file's third line; a spreadsheet shows it as the second row.
    assert (found.rows[0].line, found.rows[0].number) == (3, 2)


def test_a_cell_of_several_lines_is_one_row() -> None:
    found = read(written([["a\r\nb", "c", "d"], ["", "", ""], ["e", "f", "g"]]).encode())
    assert [(row.line, row.number) for row in found.rows] == [(2, 2), (5, 4)]


@pytest.mark.parametrize(
    ("content", "kind", "line"),
    [
        (b"", "empty", 0),
        (b"\r\n\r\n  \r\n", "empty", 0),
        (b"\xff\xfe", "empty", 0),
        (b"PK\x03\x04rest", "workbook", 0),
        (b"\xd0\xcf\x11\xe0rest", "workbook", 0),
        (b"family_name,email\r\n\x81,\x8d\r\n", "encoding", 0),
        (b"\xff\xfea", "encoding", 0),
        (b'family_name,email\r\na,b\r\nc,"d\r\ne,f\r\n', "quotes", 3),
        (b'family_name,email\r\n"a"b,c\r\n', "quotes", 2),
        (b"," * MOST_COLUMNS + b"a\r\n", "too-many-columns", 0),
        (b"email\r\n" + b"a\r\n" * (MOST_ROWS + 1), "too-many-rows", 0),
        (b"a" * (MOST_BYTES + 1), "too-large", 0),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_what_is_no_table_is_refused(content: bytes, kind: str, line: int) -> None:
    with pytest.raises(Unreadable) as refused:
        read(content)
    assert (refused.value.kind, refused.value.line) == (kind, line)


def test_a_file_of_the_largest_size_is_read() -> None:
    assert len(read(b"email\r\n" + b"a\r\n" * MOST_ROWS + b"\r\n" * 10).rows) == MOST_ROWS
