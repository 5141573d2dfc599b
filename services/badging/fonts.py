"""The typefaces of a badge: which there are, where their files lie, and which one has a character.

They are npm packages (services/badging/fonts/package.json): no font is kept in this repository.
"""

from __future__ import annotations

import os
from collections.abc import Iterable
from dataclasses import dataclass
from enum import Enum
from functools import cache
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

    package: str
    family: str
    weight: Weight

    @property
    def name(self) -> str:
        return f"{self.family}-{self.weight.name.title()}"

    @property
    def path(self) -> Path:
        style = self.weight.value
        return font_directory() / self.package / style / f"{self.family}_{style}.ttf"


def fonts_of(weight: Weight) -> tuple[Font, ...]:
    """All typefaces in one weight; the first that has a character draws it."""
    return _FONTS[weight]


@cache
def font_directory() -> Path:
    """Where the fonts' packages lie: `FORUMPASS_FONTS` in a container, else where npm puts them."""
    named = os.environ.get("FORUMPASS_FONTS")
    directory = Path(named) if named else Path(__file__).parents[2] / _NPM_SCOPE
    if not (directory / "noto-sans").is_dir():
        raise FileNotFoundError(
            f"The badge's fonts are not in {directory}: run npm ci, or set FORUMPASS_FONTS."
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


_FONTS: Final = {
    weight: (
        Font("noto-sans", "NotoSans", weight),
        Font("noto-sans-arabic", "NotoSansArabic", weight),
        Font("noto-sans-sc", "NotoSansSC", weight),
    )
    for weight in Weight
}
