"""The catalogues are complete: a page or a mail in one language has no sentence in another.

A language is checked from the moment that `shared.i18n.OFFERED` names it.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from functools import cache
from pathlib import Path
from typing import Final

import pytest
from babel.messages.catalog import Catalog, Message
from babel.messages.plurals import get_plural

from deploy import catalogues
from deploy.catalogues import SERVICES, SHARED, TRANSLATED, catalogue_of
from shared import i18n
from shared.forum import Language

SERVICES_FOLDER: Final = SHARED.parent / "services"
NAMING: Final = [folder for folder in SERVICES if folder.name != "checkin"]

# The letter of invitation addresses its reader without a name: "Madame, Monsieur,".
BLANKS_LEFT_OUT: Final = {
    (language, "Dear %(name)s,"): {"%(name)s"} for language in ("es", "fr", "ru")
}

# What a typesetter of the language would mend, as far as a program sees it.
CLUMSY: Final[dict[Language, str]] = {
    # Arabic has a comma, a semicolon and a question mark of its own. A moment begins with its
    # weekday: "on Monday" is "the day of Monday".
    "ar": r"[,;?]|في %\((?:moment|time|when|day)\)s",
    # Beside Chinese, signs are full width and need no blank; ideographs and full-width signs.
    "zh": r"[\u3001-\u9fff\uff00-\uffef][,.;:?!()]|[,;:?!()][\u4e00-\u9fff]|[\u4e00-\u9fff] ",
    # A French line does not end before a colon: no-break space. No straight apostrophe.
    "fr": r"[^\u00a0\u202f][:;?!»]|'|«[^\u00a0\u202f]",
    # A question and an exclamation begin with their mark; no straight quotes.
    "es": r"^[^¿]*\?|^[^¡]*!|\"",
    "ru": r"\"|'",
}
# A colon inside an address or between placeholders is none of the sentence's.
NOT_PROSE: Final = re.compile(r"https?://\S+|\S+@\S+")

every_folder = pytest.mark.parametrize("folder", [SHARED, *SERVICES], ids=lambda path: path.name)
every_service = pytest.mark.parametrize("folder", SERVICES, ids=lambda path: path.name)
every_language = pytest.mark.parametrize("language", TRANSLATED)


@cache
def texts_of(folder: Path) -> Catalog:
    return catalogues.texts_of(folder)


def entries(catalogue: Catalog) -> list[Message]:
    """All but the header, which is the entry of the empty text."""
    return [message for message in catalogue if message.id]


def forms(text: str | Iterable[str] | None) -> list[str]:
    """One text, or the singular and the plurals of a text that has them."""
    return [text or ""] if isinstance(text, str | None) else list(text)


def is_translated(text: Message, catalogue: Catalog) -> bool:
    """A fuzzy entry does not count: shared/i18n.py leaves it out too."""
    entry = catalogue.get(text.id, text.context)
    return entry is not None and not entry.fuzzy and all(forms(entry.string))


def blanks(text: str | Iterable[str] | None) -> set[str]:
    """The placeholders, and each sign that formatting would take for one."""
    return {blank for form in forms(text) for blank in re.findall(r"%(?:\(\w+\)\w|%)?", form)}


@every_language
@every_folder
def test_every_text_is_translated(folder: Path, language: Language) -> None:
    catalogues = [catalogue_of(folder, language), catalogue_of(SHARED, language)]
    missing = [
        text.id
        for text in entries(texts_of(folder))
        if not any(is_translated(text, catalogue) for catalogue in catalogues)
    ]
    assert missing == []


@every_language
@every_folder
def test_no_translation_outlives_its_text(folder: Path, language: Language) -> None:
    catalogue, texts = catalogue_of(folder, language), texts_of(folder)
    left_over = [
        entry.id for entry in entries(catalogue) if texts.get(entry.id, entry.context) is None
    ]
    assert left_over + list(catalogue.obsolete) == []


@every_language
@every_folder
def test_a_translation_has_the_same_blanks_to_fill_in(folder: Path, language: Language) -> None:
    different = [
        entry.id
        for entry in entries(catalogue_of(folder, language))
        if blanks(entry.id) - BLANKS_LEFT_OUT.get((language, forms(entry.id)[0]), set())
        != blanks(entry.string)
    ]
    assert different == []


@every_language
@every_service
def test_a_text_of_the_shared_pages_is_the_same_in_every_service(
    folder: Path, language: Language
) -> None:
    # A service's entry goes before the shared one, in the shared frame too.
    shared = catalogue_of(SHARED, language)
    different = [
        entry.id
        for entry in entries(catalogue_of(folder, language))
        if (same := shared.get(entry.id, entry.context)) and same.string != entry.string
    ]
    assert different == []


@every_language
def test_a_name_in_full_is_called_the_same_on_pages_and_in_mails(language: Language) -> None:
    assert len({catalogue_of(folder, language)["Name"].string for folder in NAMING}) == 1


@every_language
@every_folder
def test_a_text_that_counts_has_all_forms_of_its_language(folder: Path, language: Language) -> None:
    catalogue = catalogue_of(folder, language)
    assert catalogue.num_plurals == get_plural(language).num_plurals
    wrong = [
        entry.id
        for entry in entries(catalogue)
        if len(forms(entry.string))
        != (catalogue.num_plurals if isinstance(entry.id, tuple | list) else 1)
    ]
    assert wrong == []


def test_arabic_counts_in_six_forms() -> None:
    arabic = i18n.translations(SERVICES_FOLDER / "registration" / "locale", "ar")
    one, many = "%(num)s field needs another look", "%(num)s fields need another look"
    said = [arabic.ngettext(one, many, number) % {"num": number} for number in (0, 1, 2, 3, 11)]
    assert said == [
        "لا توجد خانات تحتاج إلى مراجعة",
        "خانة واحدة تحتاج إلى مراجعة",
        "خانتان تحتاجان إلى مراجعة",
        "3 خانات تحتاج إلى مراجعة",
        "11 خانة تحتاج إلى مراجعة",
    ]


@every_language
@every_folder
def test_a_translation_is_set_as_its_language_sets_it(folder: Path, language: Language) -> None:
    clumsy = [
        form
        for entry in entries(catalogue_of(folder, language))
        for form in forms(entry.string)
        if re.search(CLUMSY[language], NOT_PROSE.sub("", form))
    ]
    assert clumsy == []
