"""The catalogues are complete: a page or a mail in one language has no sentence in another.

A language is checked from the moment that `shared.i18n.OFFERED` names it.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from pathlib import Path
from typing import Final

import pytest
from babel.messages.catalog import Catalog, Message
from babel.messages.extract import extract_from_dir
from babel.messages.pofile import read_po

from shared.forum import Language
from shared.i18n import OFFERED

ROOT: Final = Path(__file__).parents[2]
SHARED: Final = ROOT / "shared"
SERVICES: Final = sorted(file.parent for file in ROOT.glob("services/*/__init__.py"))
TRANSLATED: Final = [language for language in OFFERED if language != "en"]

METHODS: Final = [("**.py", "python"), ("**/templates/**", "jinja2.ext:babel_extract")]
# As the environments of shared/pages.py and services/notifications/texts.py: another setting would
# find other texts than those that are looked up. A template that cannot be read is an error.
OPTIONS: Final = {
    "**/templates/**": {
        "newstyle_gettext": "true",
        "trim_blocks": "true",
        "lstrip_blocks": "true",
        "silent": "false",
    }
}
OTHERS_CODE: Final = frozenset({"node_modules", "dist"})

# The letter of invitation addresses its reader without a name: "Madame, Monsieur,".
BLANKS_LEFT_OUT: Final = {("fr", "Dear %(name)s,"): {"%(name)s"}}

every_folder = pytest.mark.parametrize("folder", [SHARED, *SERVICES], ids=lambda path: path.name)
every_service = pytest.mark.parametrize("folder", SERVICES, ids=lambda path: path.name)
every_language = pytest.mark.parametrize("language", TRANSLATED)


def texts_of(folder: Path) -> Catalog:
    """The texts to be translated: what the folder's code and templates give to gettext."""
    found = Catalog()
    for _, _, text, _, context in extract_from_dir(
        folder, METHODS, OPTIONS, directory_filter=lambda path: Path(path).name not in OTHERS_CODE
    ):
        found.add(text, context=context)
    return found


def catalogue_of(folder: Path, language: Language) -> Catalog:
    path = folder / "locale" / language / "LC_MESSAGES" / "messages.po"
    if not path.exists():
        return Catalog(locale=language)
    with path.open("rb") as file:
        return read_po(file, locale=language, abort_invalid=True)


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
