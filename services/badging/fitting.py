"""Making a text fit a width: smaller, then on two lines, at last cut short."""

from __future__ import annotations

import unicodedata
from bisect import bisect_right
from dataclasses import dataclass
from typing import Final

from services.badging.directions import is_right_to_left
from services.badging.fonts import Weight, script_of
from services.badging.typesetting import Line, clean, set_line, unbroken

ELLIPSIS: Final = "…"
# Of the places where a text may be broken, those near its middle are tried: they balance the lines.
_BREAKS_TRIED: Final = 6
# The last two part the syllables of Tibetan and the words of Ethiopic.
_BREAK_AFTER: Final = " -‐–—/\u0f0b\u1361"


@dataclass(frozen=True, slots=True)
class Style:
    """How a text is set. A text as large as `largest` on one line, down to `one_line`; then on
    `lines` lines down to `smallest`; what is still too long loses its end. Sizes in pixels."""

    weight: Weight
    largest: int
    one_line: int
    smallest: int
    lines: int = 2

    def scaled(self, factor: float) -> Style:
        largest, one_line, smallest = (
            max(1, int(size * factor)) for size in (self.largest, self.one_line, self.smallest)
        )
        return Style(self.weight, largest, one_line, smallest, self.lines)


@dataclass(frozen=True, slots=True)
class Setting:
    """A text that fits: its lines and the size, in whole pixels, that they are set in."""

    lines: tuple[Line, ...]
    size: int


def fit(text: str, style: Style, width: float) -> Setting:
    """Set `text` so that no line is wider than `width` pixels. Empty text has no lines."""
    kept = clean(text)
    if not kept:
        return Setting((), style.largest)
    right_to_left = is_right_to_left(kept)

    def line(part: str) -> Line:
        return set_line(part, style.weight, right_to_left)

    def size_of(parts: tuple[str, ...], largest: int) -> int:
        widest = max(line(part).width for part in parts)
        return min(largest, int(width / widest)) if widest else largest

    whole = (kept,)
    size = size_of(whole, style.largest)
    if size >= (style.smallest if style.lines == 1 else style.one_line):
        return Setting((line(kept),), size)
    if style.lines > 1:
        for places in (_breaks(kept), _ends(kept)):
            halves = [_halves(kept, place) for place in _near_the_middle(places, len(kept))]
            if halves:
                best = max(halves, key=lambda pair: size_of(pair, style.one_line))
                size = size_of(best, style.one_line)
                if size >= style.smallest:
                    return Setting(tuple(map(line, best)), size)
    room = width / style.smallest
    parts = _cut(kept, style, room, right_to_left)
    return Setting(tuple(map(line, parts)), style.smallest)


def _cut(text: str, style: Style, room: float, right_to_left: bool) -> list[str]:
    """As much of `text` as fits on the style's lines, each `room` ems wide, and an ellipsis."""

    def fits(part: str) -> bool:
        return set_line(part, style.weight, right_to_left).width <= room

    parts: list[str] = []
    for _ in range(style.lines - 1):
        ends = _ends(text)
        fitting = bisect_right(ends, False, key=lambda end: not fits(text[:end]))
        longest = ends[max(fitting, 1) - 1]
        opportunities = [place for place in _breaks(text) if longest / 2 < place <= longest]
        first, text = _halves(text, opportunities[-1] if opportunities else longest)
        parts.append(first)
    if fits(text):
        return [*parts, text]
    ends = _ends(text)
    fitting = bisect_right(ends, False, key=lambda end: not fits(text[:end].rstrip() + ELLIPSIS))
    parts.append((text[: ends[fitting - 1]].rstrip() if fitting else "") + ELLIPSIS)
    return parts


def _breaks(text: str) -> list[int]:
    """Where a line may end: after blanks, hyphens and slashes, and between Chinese characters."""
    return [
        place
        for place in range(1, len(text))
        if text[place - 1] in _BREAK_AFTER or (_is_wide(text[place - 1]) and _is_wide(text[place]))
    ]


def _ends(text: str) -> list[int]:
    ends: list[int] = []
    for part in unbroken(text):
        ends.append((ends[-1] if ends else 0) + len(part))
    return ends[:-1]


def _near_the_middle(places: list[int], length: int) -> list[int]:
    return sorted(places, key=lambda place: abs(2 * place - length))[:_BREAKS_TRIED]


def _halves(text: str, place: int) -> tuple[str, str]:
    return text[:place].rstrip(), text[place:].lstrip()


def _is_wide(character: str) -> bool:
    is_wide = unicodedata.east_asian_width(character) == "W" and character.isalpha()
    # Korean has blanks between its words.
    return is_wide and script_of(character) != "Hang"
