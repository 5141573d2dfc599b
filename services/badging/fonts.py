"""The typefaces of a badge: which there are, where their files lie, and which one has a character.

They are npm packages (services/badging/fonts/package.json): no font is kept in this repository.
Each is opened when the first character needs it: a badge in Latin letters reads one of them.
"""

from __future__ import annotations

import os
from collections.abc import Iterable
from dataclasses import dataclass
from enum import Enum
from functools import cache, lru_cache
from pathlib import Path
from typing import Final

import uharfbuzz

_NPM_SCOPE: Final = Path("node_modules", "@expo-google-fonts")


class Weight(Enum):
    REGULAR = "400Regular"
    BOLD = "700Bold"


@dataclass(frozen=True, slots=True)
class Font:
    """One typeface in one weight."""

    typeface: str
    weight: Weight

    @property
    def name(self) -> str:
        return f"{self._family}-{self.weight.name.title()}"

    @property
    def path(self) -> Path:
        style = self.weight.value
        return font_directory() / _package(self.typeface) / style / f"{self._family}_{style}.ttf"

    @property
    def _family(self) -> str:
        return self.typeface.replace(" ", "")


def fonts_of(weight: Weight) -> tuple[Font, ...]:
    """The typefaces of the forum's languages in one weight, the commonest first."""
    return _FONTS[weight]


def fonts_for(character: str, weight: Weight) -> tuple[Font, ...]:
    """Where to look for a character: the first of these that has it draws it."""
    own = _TYPEFACES.get(script_of(character))
    return (_font(own, weight), *fonts_of(weight)) if own else fonts_of(weight)


@lru_cache(maxsize=4096)
def script_of(character: str) -> str:
    """The script (ISO 15924) that a character belongs to; empty if to several or to none."""
    buffer = uharfbuzz.Buffer()
    buffer.add_codepoints([ord(character)])
    buffer.guess_segment_properties()
    return buffer.script or ""


@cache
def font_directory() -> Path:
    """Where the fonts' packages lie: `FORUMPASS_FONTS` in a container, else where npm puts them."""
    named = os.environ.get("FORUMPASS_FONTS")
    directory = Path(named) if named else Path(__file__).parents[2] / _NPM_SCOPE
    packages = map(_package, (*_COMMON, *_TYPEFACES.values()))
    missing = [package for package in packages if not (directory / package).is_dir()]
    if missing:
        raise FileNotFoundError(
            f"Fonts of the badge are not in {directory}: run npm ci, or set FORUMPASS_FONTS. "
            f"Missing: {', '.join(missing)}."
        )
    return directory


@cache
def shaper(font: Font) -> uharfbuzz.Font:
    """HarfBuzz's view of a font, at its own units per em."""
    return uharfbuzz.Font(uharfbuzz.Face(uharfbuzz.Blob.from_file_path(str(font.path))))


def has(font: Font, characters: Iterable[str]) -> bool:
    """Whether `font` can draw all of `characters`."""
    return all(_glyph(font, character) is not None for character in characters)


def _glyph(font: Font, character: str) -> int | None:
    glyph: int | None = shaper(font).get_nominal_glyph(ord(character))
    return glyph


def _package(typeface: str) -> str:
    return typeface.lower().replace(" ", "-")


def _font(typeface: str, weight: Weight) -> Font:
    return Font(typeface, Weight.REGULAR if typeface in _WITHOUT_BOLD else weight)


_COMMON: Final = ("Noto Sans", "Noto Sans Arabic", "Noto Sans SC")
"""Latin, Greek and Cyrillic; Arabic; Chinese and Japanese."""
_TYPEFACES: Final = {
    "Adlm": "Noto Sans Adlam",
    "Armn": "Noto Sans Armenian",
    "Bali": "Noto Sans Balinese",
    "Beng": "Noto Sans Bengali",
    "Cakm": "Noto Sans Chakma",
    "Cans": "Noto Sans Canadian Aboriginal",
    "Cham": "Noto Sans Cham",
    "Cher": "Noto Sans Cherokee",
    "Deva": "Noto Sans Devanagari",
    "Ethi": "Noto Sans Ethiopic",
    "Geor": "Noto Sans Georgian",
    "Gujr": "Noto Sans Gujarati",
    "Guru": "Noto Sans Gurmukhi",
    "Hang": "Noto Sans KR",
    "Hebr": "Noto Sans Hebrew",
    "Java": "Noto Sans Javanese",
    "Khmr": "Noto Sans Khmer",
    "Knda": "Noto Sans Kannada",
    "Laoo": "Noto Sans Lao",
    "Lisu": "Noto Sans Lisu",
    "Mlym": "Noto Sans Malayalam",
    "Mong": "Noto Sans Mongolian",
    "Mtei": "Noto Sans Meetei Mayek",
    "Mymr": "Noto Sans Myanmar",
    "Nkoo": "Noto Sans NKo",
    "Olck": "Noto Sans Ol Chiki",
    "Orya": "Noto Sans Oriya",
    "Osge": "Noto Sans Osage",
    "Rohg": "Noto Sans Hanifi Rohingya",
    "Sinh": "Noto Sans Sinhala",
    "Sylo": "Noto Sans Syloti Nagri",
    "Syrc": "Noto Sans Syriac",
    "Taml": "Noto Sans Tamil",
    "Tavt": "Noto Sans Tai Viet",
    "Telu": "Noto Sans Telugu",
    "Tfng": "Noto Sans Tifinagh",
    "Thaa": "Noto Sans Thaana",
    "Thai": "Noto Sans Thai",
    "Tibt": "Noto Serif Tibetan",
    "Vaii": "Noto Sans Vai",
    "Yiii": "Noto Sans Yi",
}
"""By script (ISO 15924). A typeface more changes what shared/printable.py says can be printed."""
_WITHOUT_BOLD: Final = frozenset(
    f"Noto Sans {name}"
    for name in (
        "Chakma",
        "Mongolian",
        "NKo",
        "Osage",
        "Syloti Nagri",
        "Tai Viet",
        "Tifinagh",
        "Vai",
        "Yi",
    )
)
_FONTS: Final = {
    weight: tuple(_font(typeface, weight) for typeface in _COMMON) for weight in Weight
}
