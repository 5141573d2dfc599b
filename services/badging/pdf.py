"""Text on a page of PDF: vectors that can be selected and searched, in any script.

The layout's typesetting has shaped it; reportlab only writes what is said here.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from io import BytesIO
from itertools import groupby, zip_longest
from threading import Lock
from typing import Any, Final

from reportlab import rl_config
from reportlab.pdfbase import pdfmetrics
from reportlab.pdfbase.ttfonts import ShapeData, ShapedStr, TTFont
from reportlab.pdfgen.canvas import Canvas

from services.badging.columns import DPI, Box, Text
from services.badging.fonts import Font, Weight, fonts_of
from services.badging.typesetting import Glyph

POINTS: Final = 72 / DPI
"""A pixel of a layout in points."""

# Text-only mail servers are long gone: a PDF may be binary, and is a fifth smaller and faster so.
rl_config.useA85 = 0

# reportlab keeps what it has learnt of a font's glyphs in the font, for all documents.
_one_at_a_time: Final = Lock()


@contextmanager
def document(
    buffer: BytesIO, width: int, height: int, title: str, language: str
) -> Iterator[Canvas]:
    """A document whose pages have so many pixels; its unit is the point, y upwards."""
    with _one_at_a_time:
        canvas = Canvas(
            buffer,
            pagesize=(width * POINTS, height * POINTS),
            invariant=True,
            lang=language,
            # Else every page names Helvetica, which is not embedded.
            initialFontName=_registered(fonts_of(Weight.REGULAR)[0]).fontName,  # type: ignore[arg-type]
        )
        canvas.setTitle(title)
        yield canvas
        canvas.save()


def write(canvas: Canvas, text: Text, page_height: float) -> None:
    """Write one run of text on a canvas whose unit is the layout's pixel, in the colour set."""
    font = _registered(text.font)
    written: Any = canvas.beginText()
    written.setFont(font.fontName, text.size)
    # What a reader selects, searches and hears is the text, not the order and shapes of its glyphs.
    actual = (b"\xfe\xff" + text.text.encode("utf-16-be")).hex()
    written._code.append(f"/Span <</ActualText <{actual}>>> BDC")
    for height, glyphs in groupby(text.glyphs, lambda glyph: glyph.y):
        level = list(glyphs)
        x = text.x + level[0].x * text.size
        written.setTextOrigin(x, page_height - text.baseline + height * text.size)
        written.textOut(_shaped(level, font))
    written._code.append("EMC")
    canvas.drawText(written)


def draw_code(
    canvas: Canvas, modules: Sequence[Sequence[bool]], box: Box, page_height: float
) -> None:
    """A QR as one path: a rectangle for each row's dark stretches, so that no seams show."""
    side = box.width / len(modules)
    path = canvas.beginPath()
    for down, row in enumerate(modules):
        start = 0
        while start < len(row):
            end = start + 1
            while end < len(row) and row[end] == row[start]:
                end += 1
            if row[start]:
                bottom = page_height - box.top - (down + 1) * side
                path.rect(box.left + start * side, bottom, (end - start) * side, side)
            start = end
    canvas.drawPath(path, stroke=0, fill=1)


def _shaped(glyphs: Sequence[Glyph], font: TTFont) -> ShapedStr:
    """Glyphs of one height as reportlab writes them, in thousandths of an em.

    It can shape by itself, but guesses the direction, and then the width would be another one.
    """
    face: Any = font.face
    characters: list[str] = []
    places: list[ShapeData] = []
    for glyph, following in zip_longest(glyphs, glyphs[1:]):
        code = _code_of(glyph, font)
        width = face.charWidths[code]
        advance = 1000 * (following.x - glyph.x) if following else width
        characters.append(chr(code))
        places.append(ShapeData(0, advance, 0, 0, 0, width))
    return ShapedStr("".join(characters), places)  # type: ignore[arg-type]


def _code_of(glyph: Glyph, font: Any) -> int:
    """A character that reportlab draws as `glyph`; one for private use if Unicode has none."""
    face = font.face
    if face.charToGlyph.get(ord(glyph.character)) == glyph.number:
        return ord(glyph.character)
    if glyph.number in face.glyphToChar:
        return int(face.glyphToChar[glyph.number][0])
    shaping = font.hbFont()
    advance = font.pdfScale(shaping.get_glyph_h_advance(glyph.number))
    return int(font.hbAddPrivate(shaping.glyph_to_string(glyph.number), glyph.number, advance))


def _registered(font: Font) -> TTFont:
    if font.name not in pdfmetrics.getRegisteredFontNames():
        pdfmetrics.registerFont(TTFont(font.name, str(font.path)))
    registered = pdfmetrics.getFont(font.name)
    assert isinstance(registered, TTFont)
    return registered
