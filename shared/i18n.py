"""Texts in the languages of the forum: gettext catalogues (`locale/LANG/LC_MESSAGES/messages.po`).

The source strings are English. Catalogues are read from their .po files at start, so there is no
build step and nothing compiled in the repository."""

from __future__ import annotations

import re
from collections.abc import Sequence
from functools import cache
from gettext import NullTranslations
from io import BytesIO
from pathlib import Path
from typing import Final

from babel.messages.mofile import write_mo
from babel.messages.pofile import read_po
from babel.support import Translations

from shared.forum import LANGUAGES, Language

OFFERED: Final[tuple[Language, ...]] = LANGUAGES
"""Languages whose catalogues are complete; the switch shows these."""
NATIVE_NAMES: Final = {
    "ar": "العربية",
    "zh": "中文",
    "en": "English",
    "fr": "Français",
    "ru": "Русский",
    "es": "Español",
}
CLDR: Final[dict[Language, str]] = {"en": "en_GB"}
"""Locales of dates, where not named like the language: the United Nations writes "12 June"."""
RIGHT_TO_LEFT: Final = frozenset({"ar"})
# A language, what narrows it, and its weight: "fr-CH", "zh-Hant-TW; q=0.8".
_ACCEPTED = re.compile(
    r"(?P<language>[a-z]{1,8})(?:-[a-z0-9-]*)?(?:\s*;\s*q=(?P<quality>[01](?:\.\d{0,3})?))?",
    re.IGNORECASE,
)
SHARED_LOCALE = Path(__file__).parent / "locale"


@cache
def translations(folder: Path, language: str) -> NullTranslations:
    """A service's catalogue, which falls back on the shared one, then on English."""
    shared = _read(SHARED_LOCALE, language)
    own = _read(folder, language)
    own.add_fallback(shared)
    return own


def locale(language: Language) -> str:
    """The locale in which dates are written."""
    return CLDR.get(language, language)


def direction(language: str) -> str:
    return "rtl" if language in RIGHT_TO_LEFT else "ltr"


def negotiate(
    accept_language: str, chosen: str | None = None, offered: Sequence[Language] = OFFERED
) -> Language:
    """The language to answer in: the one chosen, else the browser's best (RFC 9110, 12.5.4)."""
    by_tag: dict[str, Language] = {language: language for language in offered}
    if chosen in by_tag:
        return by_tag[chosen]
    wanted = [
        (float(match["quality"] or 1), match["language"].lower())
        for part in accept_language.split(",")[:20]
        if (match := _ACCEPTED.fullmatch(part.strip()))
    ]
    for quality, language in sorted(wanted, key=lambda pair: -pair[0]):
        if language in by_tag and quality > 0:
            return by_tag[language]
    return "en"


def _read(folder: Path, language: str) -> NullTranslations:
    path = folder / language / "LC_MESSAGES" / "messages.po"
    if not path.exists():
        return NullTranslations()
    with path.open("rb") as file:
        catalogue = read_po(file, locale=language)
    compiled = BytesIO()
    write_mo(compiled, catalogue)
    compiled.seek(0)
    return Translations(compiled)
