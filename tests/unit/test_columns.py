"""What the columns of an import are called, and what their cells mean."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.registration import columns, sheet
from services.registration.columns import (
    FIELDS,
    REQUIRED,
    Reader,
    field_called,
    names_in,
)
from services.registration.sheet import Row, Unreadable
from shared import countries
from shared import forum as forums
from shared.exports import defused
from shared.forum import LANGUAGES, Language
from shared.settings import Settings

FORUM = forums.load(Settings.model_fields["forum"].default)


def meant(field: str, cell: str, defaults: dict[str, str] | None = None) -> Any:
    """What a cell of a file is taken for."""
    reader = Reader(FORUM, dict.fromkeys(REQUIRED, "") | (defaults or {}))
    known = reader.columns(Row(1, 1, [field]))
    return reader.as_json(known, Row(2, 2, [cell]))[field]


@pytest.mark.parametrize("language", LANGUAGES)
def test_a_column_is_known_by_its_name_in_every_language(language: Language) -> None:
    names = names_in(language)
    for field in FIELDS:
        for name in (field, field.replace("_", " ").upper(), names[field], f"  {names[field]} "):
            assert field_called(name) == field, name


def test_no_name_is_two_columns() -> None:
    named: dict[str, str] = {}
    for language in LANGUAGES:
        for field in FIELDS:
            key = columns._key(names_in(language)[field])
            assert named.setdefault(key, field) == field


@pytest.mark.parametrize("language", LANGUAGES)
def test_a_cell_may_say_what_the_form_shows(language: Language) -> None:
    assert meant("country", countries.name("CH", language)) == "CH"
    assert meant("country", "ch") == "CH"
    for category in FORUM.categories:
        assert meant("category", category.name.in_language(language)) == category.id
        assert meant("category", category.id.upper()) == category.id


def test_a_country_has_one_code_whatever_it_is_called() -> None:
    for language in LANGUAGES:
        for code in countries.CODES:
            assert meant("country", countries.name(code, language)) == code
            assert meant("country", countries.everyday_name(code, language)) == code


@pytest.mark.parametrize(
    ("written", "days"),
    [
        ("", None),
        ("2017-06-12", ["2017-06-12"]),
        ("12.06.2017; 13.6.2017", ["2017-06-12", "2017-06-13"]),
        ("12/06/2017", ["2017-06-12"]),
        ("6/13/2017|06/14/2017", ["2017-06-13", "2017-06-14"]),
        ("2017/6/15,2017-06-16", ["2017-06-15", "2017-06-16"]),
        ("2018-06-12 31.02.2017 soon", ["2018-06-12", "31.02.2017", "soon"]),
    ],
)
def test_a_day_is_read_as_any_country_writes_it(written: str, days: list[str] | None) -> None:
    assert meant("days", written) == days


@pytest.mark.parametrize(
    ("field", "cell", "value"),
    [
        ("tracks", "exhibition, high_level", ["exhibition", "high_level"]),
        ("sdgs", "", []),
        ("visa_letter", "Oui", True),
        ("visa_letter", "", False),
        ("visa_letter", "perhaps", "perhaps"),
        ("consent", "", False),
        ("consent", "x", True),
        ("language", "Español", "es"),
        ("language", "russe", "ru"),
        ("language", "Klingon", "Klingon"),
        ("gender", "Femenino", "female"),
        ("organization", "=1+1", "=1+1"),
        ("organization", "'=1+1", "=1+1"),
        ("organization", "'t Hooft", "'t Hooft"),
    ],
)
def test_a_cell_is_read(field: str, cell: str, value: object) -> None:
    assert meant(field, cell) == value


@given(st.text().filter(str.strip))
def test_what_is_given_back_is_no_formula_and_is_read_as_it_was(text: str) -> None:
    given_back = defused(text)
    assert not given_back.startswith(("=", "+", "-", "@", "\t", "\r"))
    assert meant("organization", given_back) == meant("organization", text)


@given(st.sampled_from(FIELDS), st.text())
def test_any_cell_means_something_or_is_passed_on(field: str, text: str) -> None:
    meant(field, text)


def test_an_empty_cell_is_the_delegations_own() -> None:
    assert meant("country", " ", {"country": "CH"}) == "CH"
    assert meant("country", "FR", {"country": "CH"}) == "FR"


@pytest.mark.parametrize(
    ("header", "kind", "names"),
    [
        (["email", "name"], "columns-missing", [f for f in REQUIRED if f != "email"]),
        ([*REQUIRED, "E-mail address"], "columns-twice", ["email"]),
    ],
)
def test_a_wrong_header_is_refused_by_the_names_of_the_columns(
    header: list[str], kind: str, names: list[str]
) -> None:
    with pytest.raises(Unreadable) as refused:
        Reader(FORUM, {}).columns(Row(1, 1, header))
    assert (refused.value.kind, list(refused.value.names)) == (kind, names)


def test_unknown_columns_are_named_and_our_own_are_not() -> None:
    header = [*REQUIRED, "Shoe size", "reference", "", "x" * 1000]
    found = Reader(FORUM, {}).columns(Row(1, 1, header))
    assert found.unknown == ["Shoe size", "x" * 200]
    assert found.width == len(header)


def test_the_delimiter_is_the_one_that_gives_known_columns() -> None:
    content = b"family_name;given_name;days, as you like;email\r\n1;2;3;4\r\n"
    assert sheet.read(content, columns.is_known).delimiter == ";"
