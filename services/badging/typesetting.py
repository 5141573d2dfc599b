"""Setting one line of text in any script: in which order, in which font, how wide.

Everything here is measured in ems, so that a line is shaped once and then set in any size.
"""

from __future__ import annotations

import unicodedata
from collections import Counter
from dataclasses import dataclass
from functools import lru_cache
from itertools import groupby
from typing import Final

import uharfbuzz

from services.badging.directions import in_visual_order, levels_of
from services.badging.fonts import Font, Weight, fonts_for, fonts_of, has, shaper

# Persian, Mongolian and some Indic names need them; they belong to the character before.
_JOINERS: Final = "\u200c\u200d\u180e"
# Stacks of combining marks would climb out of every line. No orthography needs more than two in the
# same place (such as above); those of Burmese and Tibetan stand around and below their letter.
_MARKS_A_PLACE: Final = 2
_MARKS_A_LETTER: Final = 8
_REPLACEMENT: Final = "\ufffd"
# Viramas join their letter to the next, but these kill a vowel and are seen: Thai, Lao, Tamil,
# Tibetan, Burmese.
_VIRAMA: Final = 9
_SEEN_VIRAMAS: Final = "\u0e3a\u0eba\u0bcd\u0f84\u103a"
_LONGEST_TIED: Final = 16
# Thai, Lao and Tai Viet vowels that stand before the consonant after which they are spoken.
_LEADING_VOWELS: Final = (
    "\u0e40\u0e41\u0e42\u0e43\u0e44\u0ec0\u0ec1\u0ec2\u0ec3\u0ec4\uaab5\uaab6\uaab9\uaabb\uaabc"
)
# Vowels and signs that are letters to Unicode, but are never without the letter before.
_TRAILING: Final = "\u0e30\u0e32\u0e33\u0e45\u0e46\u0e2f\u0eb0\u0eb2\u0eb3\u0ebd\u0ec6"


@dataclass(frozen=True, slots=True)
class Glyph:
    """A shape of a font, its place from the beginning of its run, and the character it begins."""

    number: int
    character: str
    x: float
    y: float


@dataclass(frozen=True, slots=True)
class Run:
    """Text of one direction in one font, shaped, at its place in a line; measures in ems."""

    text: str
    font: Font
    glyphs: tuple[Glyph, ...]
    x: float


@dataclass(frozen=True, slots=True)
class Line:
    """Shaped text: its runs from left to right, and the box around its ink; measures in ems."""

    runs: tuple[Run, ...]
    width: float
    ascent: float
    descent: float


@dataclass(frozen=True, slots=True)
class _Extents:
    """Where a run's ink begins and ends, and where the next run begins."""

    left: float
    right: float
    top: float
    bottom: float
    advance: float


def clean(text: str) -> str:
    """`text` with only what can be drawn on one line.

    Control and formatting characters go (they reorder or hide what stands beside them), so do
    pictures and emoji that no font of ours has. For a letter that none has stands a question mark
    in a diamond: somebody must see that a name is not complete. Registration refuses such letters
    (shared/printable.py).
    """
    composed = unicodedata.normalize("NFC", text)
    written = (
        " " if character.isspace() else character
        for character in composed
        if character in _JOINERS or character.isspace() or not _is_hidden(character)
    )
    kept = "".join(map(_drawable, clusters("".join(written))))
    return " ".join(kept.split())


def capitals(name: str) -> str:
    """`name` in capitals, where its script has them for the beginning of a name.

    Georgian has capitals, but no word begins with one: Unicode's title case knows.
    """
    return "".join(
        character.upper() if character.title() != character else character for character in name
    )


def clusters(text: str) -> list[str]:
    """Letters with the marks that belong to them."""
    found: list[str] = []
    for character in text:
        if found and _belongs_to_the_one_before(character):
            found[-1] += character
        else:
            found.append(character)
    return found


def unbroken(text: str) -> list[str]:
    """What must not be torn apart: clusters, with those that their script ties to each other."""
    found: list[str] = []
    for cluster in clusters(text):
        is_tied = found and (cluster[0] in _TRAILING or _ties_the_next(found[-1][-1]))
        if is_tied and len(found[-1]) < _LONGEST_TIED:
            found[-1] += cluster
        else:
            found.append(cluster)
    return found


# The forum's name, dates, days, categories and countries stand on every badge.
@lru_cache(maxsize=2048)
def set_line(text: str, weight: Weight, right_to_left: bool) -> Line:
    """Shape clean `text` as one line of a paragraph that begins on the right or the left."""
    runs: list[Run] = []
    x = left = right = 0.0
    ascent = descent = 0.0
    for piece, font, backwards in _pieces(text, weight, right_to_left):
        glyphs, extents = _shape(piece, font, backwards)
        runs.append(Run(piece, font, glyphs, x))
        left = min(left, x + extents.left)
        right = max(right, x + extents.right)
        ascent = max(ascent, extents.top)
        descent = max(descent, -extents.bottom)
        x += extents.advance
    right = max(right, x)
    shifted = tuple(Run(run.text, run.font, run.glyphs, run.x - left) for run in runs)
    return Line(shifted, right - left, ascent, descent)


def _is_hidden(character: str) -> bool:
    return unicodedata.category(character).startswith("C")


@lru_cache(maxsize=4096)
def _drawable(cluster: str) -> str:
    """What a font has of a cluster, without the marks that are too many."""
    letter, marks = cluster[0], cluster[1:]
    font = _font_of(cluster, Weight.BOLD)
    if font is None:
        return _REPLACEMENT if unicodedata.category(letter)[0] in "LN" else ""
    kept = "" if letter in _JOINERS else letter
    places: Counter[int] = Counter()
    for mark in marks:
        if mark in _JOINERS:
            kept += mark if unicodedata.category(kept[-1:] or " ")[0] in "LM" else ""
            continue
        place = unicodedata.combining(mark)
        places[place] += 1
        is_one_too_many = places.total() > _MARKS_A_LETTER or (
            place and places[place] > _MARKS_A_PLACE
        )
        if has(font, mark) and not is_one_too_many:
            kept += mark
    return kept


def _ties_the_next(character: str) -> bool:
    is_virama = unicodedata.combining(character) == _VIRAMA and character not in _SEEN_VIRAMAS
    return is_virama or character in _LEADING_VOWELS


def _belongs_to_the_one_before(character: str) -> bool:
    return character in _JOINERS or unicodedata.category(character).startswith("M")


def _pieces(text: str, weight: Weight, right_to_left: bool) -> list[tuple[str, Font, bool]]:
    """The runs of a line from left to right: text, font, whether it is set from the right."""
    levels = levels_of(text, right_to_left)
    fonts = _fonts(text, weight)
    logical = [
        (level, "".join(text[place] for place in places), font)
        for (level, font), places in (
            (key, list(group))
            for key, group in groupby(range(len(text)), lambda place: (levels[place], fonts[place]))
        )
    ]
    return [(piece, font, level % 2 == 1) for level, piece, font in in_visual_order(logical)]


def _fonts(text: str, weight: Weight) -> list[Font]:
    """The font for each character: letters choose, digits and punctuation go with their letters."""
    units = clusters(text)
    chosen = [_font_of_letter(unit, weight) for unit in units]
    first_letter = next((font for font in chosen if font), fonts_of(weight)[0])
    current = first_letter
    fonts: list[Font] = []
    for unit, font in zip(units, chosen, strict=True):
        if font:
            current = font
        elif not _has_cluster(current, unit):
            font = _font_of(unit, weight)
        fonts.extend([font or current] * len(unit))
    return fonts


def _font_of_letter(cluster: str, weight: Weight) -> Font | None:
    """The font for a letter with its marks; none for other things."""
    if not cluster[0].isalpha():
        return None
    return _font_of(cluster, weight) or fonts_of(weight)[0]


@lru_cache(maxsize=4096)
def _font_of(cluster: str, weight: Weight) -> Font | None:
    """The font for a letter or sign with its marks, or at least for the letter."""
    available = fonts_for(cluster[0], weight)
    whole = (font for font in available if _has_cluster(font, cluster))
    letter = (font for font in available if has(font, cluster[0]))
    return next(whole, next(letter, None))


def _has_cluster(font: Font, cluster: str) -> bool:
    return has(font, (character for character in cluster if character not in _JOINERS))


def _shape(text: str, font: Font, right_to_left: bool) -> tuple[tuple[Glyph, ...], _Extents]:
    shaping = shaper(font)
    em = shaping.face.upem
    buffer = uharfbuzz.Buffer()
    buffer.add_str(text)
    buffer.direction = "rtl" if right_to_left else "ltr"
    buffer.guess_segment_properties()
    uharfbuzz.shape(shaping, buffer)
    glyphs: list[Glyph] = []
    x = left = right = top = bottom = 0
    for glyph, position in zip(buffer.glyph_infos, buffer.glyph_positions, strict=True):
        start, baseline = x + position.x_offset, position.y_offset
        glyphs.append(Glyph(glyph.codepoint, text[glyph.cluster], start / em, baseline / em))
        ink = shaping.get_glyph_extents(glyph.codepoint)
        if ink is not None and ink.width:
            left = min(left, start + ink.x_bearing)
            right = max(right, start + ink.x_bearing + ink.width)
            top = max(top, baseline + ink.y_bearing)
            bottom = min(bottom, baseline + ink.y_bearing + ink.height)
        x += position.x_advance
    return tuple(glyphs), _Extents(left / em, right / em, top / em, bottom / em, x / em)
