"""The columns of an import: by which names they are known, and what their cells mean.

A cell may say what the form shows (a country's name) or what programs say (its code), in any of
the six languages. What means nothing to us is passed on as it stands: the form's own rules refuse
it. Pure, no I/O.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from functools import cache
from pathlib import Path
from typing import Any, Final

from babel import Locale

from services.registration.labels import genders, labels
from services.registration.sheet import Row, Unreadable
from shared import countries, i18n
from shared.exports import defused
from shared.forum import LANGUAGES, Forum, Language, Text
from shared.pages import Gettext

FIELDS: Final = (
    "family_name", "given_name", "title", "email", "organization", "position", "country",
    "category", "language", "days", "tracks", "action_lines", "sdgs", "accessibility_needs",
    "visa_letter", "gender", "consent",
)  # fmt: skip
"""In the order in which our own files have them."""
IN_TEMPLATE: Final = (*FIELDS[:10], "accessibility_needs", "visa_letter")
REQUIRED: Final = (
    "family_name", "given_name", "email", "organization", "country", "category", "language",
)  # fmt: skip
WHAT_IS_WRONG: Final = "what_is_wrong"
"""The column that we add to rows that are given back."""
_NOT_READ: Final = frozenset(
    {
        "id", "reference", "status", "version", "submitted_at", "mail_bounced_at", "delegation",
        "delegation_id", "photo", WHAT_IS_WRONG,
    }
)  # fmt: skip
"""What our own files have besides; nobody need be told that it is passed over."""
_ALSO_CALLED: Final = {
    "email": (
        "Mail", "E-mail", "Email address", "Courriel", "Correo electrónico", "Электронная почта",
        "البريد الإلكتروني", "电子邮件", "邮箱",
    ),
    "given_name": ("First name", "Forename", "Forenames", "Prénoms", "Nombres"),
    "family_name": ("Last name", "Surname", "Nom", "Apellido"),
    "organization": ("Organisation",),
    "country": ("Country", "Pays", "País", "Страна", "البلد", "国家"),
}  # fmt: skip
_LISTS: Final = ("tracks", "action_lines", "sdgs")
_YES_OR_NO: Final = ("visa_letter", "consent")
_YES: Final = (
    "yes",
    "y",
    "true",
    "1",
    "x",
    "oui",
    "vrai",
    "да",
    "sí",
    "verdadero",
    "نعم",
    "是",
    "有",
)
_NO: Final = ("no", "n", "false", "0", "non", "faux", "нет", "falso", "لا", "否", "没有")
_BETWEEN: Final = re.compile(r"[\s,;|]+")
_NUMBERED_DAY: Final = re.compile(r"(\d{1,4})[./-](\d{1,2})[./-](\d{1,4})\.?")
_LONGEST: Final = 200
"""Characters of a name: a file that is no table may have a first line of any length."""
_LOCALES: Final = Path(__file__).parent / "locale"


@dataclass(frozen=True)
class Column:
    field: str
    name: str
    """As the file calls it."""
    place: int


@dataclass(frozen=True)
class Columns:
    """What stands where in one file."""

    known: Sequence[Column]
    unknown: Sequence[str]
    width: int

    def place_of(self, field: str) -> int:
        """From 0; what has no column comes last."""
        return next((c.place for c in self.known if c.field == field), self.width)

    def name_of(self, field: str) -> str | None:
        return next((column.name for column in self.known if column.field == field), None)


class Reader:
    """Reads one forum's rows.

    Args:
        defaults: what stands for an empty cell, by field: a delegation's own.
    """

    def __init__(self, forum: Forum, defaults: Mapping[str, str]) -> None:
        self._forum = forum
        self._defaults = defaults
        named: dict[str, Sequence[tuple[str, Text]]] = {
            "category": [(category.id, category.name) for category in forum.categories],
        }
        self._meanings: dict[str, Mapping[str, Any]] = {
            **{field: _in_all_languages(texts) for field, texts in named.items()},
            "country": _country_codes(),
            "language": _language_codes(),
            "gender": _gender_codes(),
            **dict.fromkeys(_YES_OR_NO, _ANSWERS),
        }

    def columns(self, header: Row) -> Columns:
        """What the file's first row says of the others.

        Raises:
            Unreadable: a column is missing that must be there, or is there twice.
        """
        cells = [cell.strip() for cell in header.cells]
        found = [
            Column(field, name, place)
            for place, name in enumerate(cells)
            if (field := field_called(name)) is not None
        ]
        fields = [column.field for column in found]
        twice = sorted({field for field in fields if fields.count(field) > 1})
        if twice:
            raise Unreadable(
                "columns-twice",
                f"More than one column of the file is for {', '.join(twice)}.",
                line=header.line,
                names=twice,
            )
        missing = [f for f in REQUIRED if f not in fields and f not in self._defaults]
        if missing:
            raise Unreadable(
                "columns-missing",
                f"The file has no column {', '.join(missing)}. Its first row names the columns.",
                line=header.line,
                names=missing,
            )
        ours = {column.place for column in found}
        unknown = [
            name[:_LONGEST]
            for place, name in enumerate(cells)
            if name and place not in ours and _key(name) not in _keys_not_read()
        ]
        return Columns(found, unknown, len(cells))

    def as_json(self, columns: Columns, row: Row) -> dict[str, Any]:
        """The row as a program would send it."""
        sent: dict[str, Any] = {"consent": True, "position": "", **self._defaults}
        for column in columns.known:
            cell = row.cells[column.place] if column.place < len(row.cells) else ""
            if column.field in self._defaults and not cell.strip():
                continue
            sent[column.field] = self._meaning(column.field, cell)
        return sent

    def _meaning(self, field: str, cell: str) -> Any:
        # As we give back what a spreadsheet would reckon with.
        text = cell[1:] if cell == defused(cell[1:]) else cell
        if field == "days":
            days = [self._day(part) for part in _BETWEEN.split(text.strip()) if part]
            return days or None
        if field in _LISTS:
            return [part for part in _BETWEEN.split(text.strip()) if part]
        if field in self._meanings:
            if field in _YES_OR_NO and not text.strip():
                return False
            return self._meanings[field].get(_key(text), text.strip())
        return text

    def _day(self, text: str) -> str:
        """A day of the forum, as spreadsheets of any country write it, in our way of writing."""
        numbered = _NUMBERED_DAY.fullmatch(text)
        if numbered is None:
            return text
        first, second, third = map(int, numbered.groups())
        readings = {(first, second, third), (third, second, first), (third, first, second)}
        meant = readings & {(day.year, day.month, day.day) for day in self._forum.days}
        return date(*meant.pop()).isoformat() if len(meant) == 1 else text


def field_called(name: str) -> str | None:
    """The field that a column of this name is for."""
    return None if len(name) > _LONGEST else _fields_by_key().get(_key(name))


def is_known(name: str) -> bool:
    return field_called(name) is not None or _key(name) in _keys_not_read()


def column_labels(_: Gettext) -> dict[str, str]:
    """What the columns are called in files for people."""
    return labels(_) | {"days": _("Days"), WHAT_IS_WRONG: _("What is wrong")}


def _key(text: str) -> str:
    """What is the same in all ways of writing a name: its letters and digits, without accents."""
    decomposed = unicodedata.normalize("NFKD", text[:_LONGEST].casefold())
    return "".join(character for character in decomposed if character.isalnum())


def _gettexts() -> list[Gettext]:
    return [i18n.translations(_LOCALES, language).gettext for language in LANGUAGES]


@cache
def _fields_by_key() -> Mapping[str, str]:
    fields = {_key(name): name for name in FIELDS}
    for field, names in _ALSO_CALLED.items():
        fields |= {_key(name): field for name in names}
    for _ in _gettexts():
        for words in (labels(_), column_labels(_)):
            fields |= {_key(words[field]): field for field in FIELDS}
    return fields


@cache
def _keys_not_read() -> frozenset[str]:
    what_is_wrong = {column_labels(_)[WHAT_IS_WRONG] for _ in _gettexts()}
    return frozenset(map(_key, _NOT_READ | what_is_wrong))


def _in_all_languages(texts: Iterable[tuple[str, Text]]) -> Mapping[str, str]:
    found: dict[str, str] = {}
    for identifier, text in texts:
        found |= {_key(text.in_language(language)): identifier for language in LANGUAGES}
        found[_key(identifier)] = identifier
    return found


@cache
def _country_codes() -> Mapping[str, str]:
    """By its name, as the United Nations writes it or as people do: "United Kingdom"."""
    names = {
        _key(name(code, language)): code
        for name in (countries.everyday_name, countries.name)
        for language in LANGUAGES
        for code in countries.CODES
    }
    return names | {_key(code): code for code in countries.CODES}


@cache
def _language_codes() -> Mapping[str, str]:
    found: dict[str, str] = {}
    for code in LANGUAGES:
        for language in LANGUAGES:
            found[_key(str(Locale.parse(language).languages[code]))] = code
        found |= {_key(i18n.NATIVE_NAMES[code]): code, code: code}
    return found


@cache
def _gender_codes() -> Mapping[str, str]:
    return {_key(word): code for _ in _gettexts() for code, word in genders(_)} | {
        code: code for code, _ in genders(str)
    }


_ANSWERS: Final[Mapping[str, bool]] = {_key(word): True for word in _YES} | {
    _key(word): False for word in _NO
}


def names_in(language: Language) -> Mapping[str, str]:
    """The columns' names for readers of a language."""
    return column_labels(i18n.translations(_LOCALES, language).gettext)
