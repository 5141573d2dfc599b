"""Texts below each other in a box, made to fit: what badges and certificates are laid out with.

Measures are pixels of a page at 300 dpi, y downwards; a printer's point is 300/72 of them.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from enum import Enum, auto
from typing import Final

from services.badging.fitting import Setting, Style, fit
from services.badging.fonts import Font
from services.badging.typesetting import Glyph

DPI: Final = 300

# A line of text takes this much above and below its baseline, in ems, or what its ink needs.
_ASCENT: Final = 0.93
_DESCENT: Final = 0.27


class Ink(Enum):
    """What a colour is for; who paints knows which one it is."""

    TEXT = auto()
    MUTED = auto()
    PAPER = auto()
    CATEGORY = auto()
    ON_CATEGORY = auto()
    TITLE = auto()


@dataclass(frozen=True, slots=True)
class Box:
    left: float
    top: float
    width: float
    height: float

    @property
    def right(self) -> float:
        return self.left + self.width

    @property
    def bottom(self) -> float:
        return self.top + self.height


@dataclass(frozen=True, slots=True)
class Text:
    """One run of text in one font, shaped; `x` is its left end and `baseline` its y."""

    text: str
    font: Font
    size: int
    glyphs: tuple[Glyph, ...]
    """At places in ems, y upwards."""
    x: float
    baseline: float
    ink: Ink
    within: Box
    """What it must not leave."""


@dataclass(frozen=True, slots=True)
class Item:
    """One text of a column, the gap above it and its style."""

    text: str
    style: Style
    ink: Ink = Ink.TEXT
    gap: int = 0


def column(box: Box, items: Sequence[Item]) -> list[Text]:
    """Texts below each other in the middle of `box`; all smaller, if that's what it takes."""
    factor = 1.0
    while True:
        settings = [fit(item.text, item.style.scaled(factor), box.width) for item in items]
        gaps = [
            item.gap * factor if setting.lines else 0.0
            for item, setting in zip(items, settings, strict=True)
        ]
        height = sum(map(_height, settings)) + sum(gaps)
        if height <= box.height:
            break
        factor *= 0.94
    texts: list[Text] = []
    top = box.top + (box.height - height) / 2
    for item, setting, gap in zip(items, settings, gaps, strict=True):
        slot = Box(box.left, top + gap, box.width, _height(setting))
        texts.extend(place(setting, slot, item.ink))
        top = slot.bottom
    return texts


def place(setting: Setting, box: Box, ink: Ink) -> Iterator[Text]:
    """The lines of `setting`, centred in `box`."""
    size = setting.size
    top = box.top + (box.height - _height(setting)) / 2
    for line in setting.lines:
        ascent = max(line.ascent, _ASCENT) * size
        left = box.left + (box.width - line.width * size) / 2
        for run in line.runs:
            x = left + run.x * size
            yield Text(run.text, run.font, size, run.glyphs, x, top + ascent, ink, within=box)
        top += ascent + max(line.descent, _DESCENT) * size


def _height(setting: Setting) -> float:
    return sum(
        (max(line.ascent, _ASCENT) + max(line.descent, _DESCENT)) * setting.size
        for line in setting.lines
    )
