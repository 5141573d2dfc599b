"""Where everything stands on a badge: one truth for the picture and for the print.

Measures are pixels of an A6 page, see columns.py.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Final

from services.badging import qr
from services.badging.columns import Box, Ink, Item, Text, column, place
from services.badging.fitting import Style, fit
from services.badging.fonts import Weight
from services.badging.typesetting import capitals
from shared.i18n import RIGHT_TO_LEFT

WIDTH: Final = 1240
HEIGHT: Final = 1748
MARGIN: Final = 72

_HEADER_HEIGHT: Final = 196
_STRIPE_HEIGHT: Final = 16
_BAND_HEIGHT: Final = 176
_BAND_TOP: Final = HEIGHT - _BAND_HEIGHT
_NUMBER_HEIGHT: Final = 78
_NUMBER_TRACKING: Final = 0.18
"""Ems between the symbols of the number, which people read out one by one."""

# 11 pixels a module: 37 of them are 34 mm wide.
_MODULE: Final = 11
_QR_SIZE: Final = _MODULE * qr.MODULES
_QUIET: Final = _MODULE * qr.QUIET
_QR_BOTTOM: Final = _BAND_TOP - _NUMBER_HEIGHT - 40
_QR_TOP: Final = _QR_BOTTOM - _QR_SIZE
_DAYS_HEIGHT: Final = 62
_DAYS_TOP: Final = _QR_TOP - _QUIET - _DAYS_HEIGHT - 6
_DAYS_GAP: Final = 14
_WIDEST_DAY: Final = 250
_PHOTO_HEIGHT: Final = 480
_PHOTO_WIDTH: Final = _PHOTO_HEIGHT * 3 // 4


@dataclass(frozen=True, slots=True)
class Day:
    label: str
    valid: bool


@dataclass(frozen=True, slots=True)
class Face:
    """All that a badge shows, in words."""

    forum_name: str
    forum_dates: str
    family_name: str
    given_name: str
    title: str
    position: str
    organization: str
    country: str
    category: str
    category_color: str
    """As in `#1f6fb2`."""
    days: Sequence[Day]
    """All days of the forum."""
    number: str
    credential: str
    language: str
    """Of the words above that are not the person's own: `ar`, `zh`, `en`, `fr`, `ru` or `es`."""
    category_in_english: str = ""
    """Below the category in another language: who guards a door reads one of the two."""
    photo: bytes | None = None
    """A picture in any format that Pillow reads; who takes it in has checked it."""


@dataclass(frozen=True, slots=True)
class Fill:
    box: Box
    ink: Ink


@dataclass(frozen=True, slots=True)
class Layout:
    """A badge, laid out: fills below texts, in this order."""

    fills: tuple[Fill, ...]
    texts: tuple[Text, ...]
    qr: Box
    """The modules, without their quiet zone."""
    photo: Box | None


_FORUM_NAME: Final = Style(Weight.BOLD, largest=60, one_line=44, smallest=30)
_FORUM_DATES: Final = Style(Weight.REGULAR, largest=38, one_line=24, smallest=24, lines=1)
_TITLE: Final = Style(Weight.REGULAR, largest=46, one_line=34, smallest=34, lines=1)
_FAMILY_NAME: Final = Style(Weight.BOLD, largest=156, one_line=96, smallest=58)
_GIVEN_NAME: Final = Style(Weight.REGULAR, largest=104, one_line=70, smallest=50)
_POSITION: Final = Style(Weight.REGULAR, largest=42, one_line=34, smallest=30)
_ORGANIZATION: Final = Style(Weight.BOLD, largest=54, one_line=42, smallest=34)
_COUNTRY: Final = Style(Weight.REGULAR, largest=54, one_line=42, smallest=34)
_DAY: Final = Style(Weight.BOLD, largest=34, one_line=16, smallest=16, lines=1)
_DAY_OFF: Final = Style(Weight.REGULAR, largest=34, one_line=16, smallest=16, lines=1)
_NUMBER: Final = Style(Weight.BOLD, largest=56, one_line=56, smallest=56, lines=1)
_CATEGORY: Final = Style(Weight.BOLD, largest=92, one_line=64, smallest=40)
_CATEGORY_IN_ENGLISH: Final = Style(Weight.REGULAR, largest=48, one_line=30, smallest=30, lines=1)


def lay_out(face: Face) -> Layout:
    """Place all of `face` on the page."""
    code = Box((WIDTH - _QR_SIZE) // 2, _QR_TOP, _QR_SIZE, _QR_SIZE)
    photo = None
    if face.photo is not None:
        # Photo and code share the row, at equal distances from the edges and each other.
        gap = (WIDTH - _PHOTO_WIDTH - _QR_SIZE) // 3
        photo = Box(gap, _QR_BOTTOM - _PHOTO_HEIGHT + _NUMBER_HEIGHT, _PHOTO_WIDTH, _PHOTO_HEIGHT)
        code = Box(WIDTH - gap - _QR_SIZE, _QR_TOP, _QR_SIZE, _QR_SIZE)
    day_fills, day_texts = _days(face)
    return Layout(
        fills=(
            Fill(Box(0, 0, WIDTH, _HEADER_HEIGHT), Ink.TEXT),
            Fill(Box(0, _HEADER_HEIGHT, WIDTH, _STRIPE_HEIGHT), Ink.CATEGORY),
            Fill(Box(0, _BAND_TOP, WIDTH, _BAND_HEIGHT), Ink.CATEGORY),
            *day_fills,
        ),
        texts=(*_header(face), *_person(face), *day_texts, *_number(face, code), *_band(face)),
        qr=code,
        photo=photo,
    )


def _header(face: Face) -> list[Text]:
    return column(
        Box(MARGIN, 10, WIDTH - 2 * MARGIN, _HEADER_HEIGHT - 20),
        [
            Item(face.forum_name, _FORUM_NAME, Ink.PAPER),
            Item(face.forum_dates, _FORUM_DATES, Ink.PAPER),
        ],
    )


def _person(face: Face) -> list[Text]:
    top = _HEADER_HEIGHT + _STRIPE_HEIGHT + 20
    return column(
        Box(MARGIN, top, WIDTH - 2 * MARGIN, _DAYS_TOP - 24 - top),
        [
            Item(face.title, _TITLE, Ink.MUTED),
            Item(capitals(face.family_name), _FAMILY_NAME),
            Item(face.given_name, _GIVEN_NAME),
            Item(face.position, _POSITION, Ink.MUTED, gap=30),
            Item(face.organization, _ORGANIZATION, gap=10 if face.position else 34),
            Item(face.country, _COUNTRY, gap=6),
        ],
    )


def _band(face: Face) -> list[Text]:
    box = Box(MARGIN, _BAND_TOP + 12, WIDTH - 2 * MARGIN, _BAND_HEIGHT - 24)
    return column(
        box,
        [
            Item(face.category, _CATEGORY, Ink.ON_CATEGORY),
            Item(face.category_in_english, _CATEGORY_IN_ENGLISH, Ink.ON_CATEGORY),
        ],
    )


def _number(face: Face, code: Box) -> list[Text]:
    box = Box(code.left - _QUIET, code.bottom + 30, code.width + 2 * _QUIET, _NUMBER_HEIGHT)
    return [_spaced(text) for text in place(fit(face.number, _NUMBER, box.width), box, Ink.TEXT)]


def _spaced(text: Text) -> Text:
    glyphs = tuple(
        replace(glyph, x=glyph.x + place * _NUMBER_TRACKING)
        for place, glyph in enumerate(text.glyphs)
    )
    added = (len(glyphs) - 1) * _NUMBER_TRACKING * text.size
    return replace(text, glyphs=glyphs, x=text.x - added / 2)


def _days(face: Face) -> tuple[list[Fill], list[Text]]:
    """The forum's days in a row as one reads: filled where the badge is valid, else struck out."""
    days = list(reversed(face.days)) if face.language in RIGHT_TO_LEFT else face.days
    if not days:
        return [], []
    room = (WIDTH - 2 * MARGIN + _DAYS_GAP) / len(days) - _DAYS_GAP
    width = int(min(room, _WIDEST_DAY))
    row = len(days) * (width + _DAYS_GAP) - _DAYS_GAP
    fills: list[Fill] = []
    texts: list[Text] = []
    for index, day in enumerate(days):
        left = (WIDTH - row) // 2 + index * (width + _DAYS_GAP)
        chip = Box(left, _DAYS_TOP, width, _DAYS_HEIGHT)
        inner = Box(chip.left + 12, chip.top + 2, chip.width - 24, chip.height - 4)
        setting = fit(day.label, _DAY if day.valid else _DAY_OFF, inner.width)
        texts.extend(place(setting, inner, Ink.PAPER if day.valid else Ink.MUTED))
        fills.extend([Fill(chip, Ink.TEXT)] if day.valid else _crossed_out(chip))
    return fills, texts


def _crossed_out(chip: Box) -> list[Fill]:
    line = 3
    return [
        Fill(chip, Ink.MUTED),
        Fill(
            Box(chip.left + line, chip.top + line, chip.width - 2 * line, chip.height - 2 * line),
            Ink.PAPER,
        ),
        Fill(
            Box(chip.left + 12, chip.top + chip.height // 2 - 1, chip.width - 24, line), Ink.MUTED
        ),
    ]
