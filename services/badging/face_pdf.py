"""A badge as an A6 page for the printer: vectors, and text that can be selected and searched."""

from __future__ import annotations

from collections.abc import Sequence
from io import BytesIO
from itertools import groupby, zip_longest
from threading import Lock
from typing import Any, Final

from reportlab import rl_config
from reportlab.lib.utils import ImageReader
from reportlab.pdfbase import pdfmetrics
from reportlab.pdfbase.ttfonts import ShapeData, ShapedStr, TTFont
from reportlab.pdfgen.canvas import Canvas

from services.badging import colors, qr
from services.badging.face_layout import DPI, HEIGHT, WIDTH, Box, Face, Ink, Layout, Text, lay_out
from services.badging.fonts import Font, Weight, fonts_of
from services.badging.photo import crop
from services.badging.typesetting import Glyph

_POINTS: Final = 72 / DPI
"""A pixel of the layout in points."""

# Text-only mail servers are long gone: a PDF may be binary, and is a fifth smaller and faster so.
rl_config.useA85 = 0

# reportlab keeps what it has learnt of a font's glyphs in the font, for all documents.
_one_at_a_time: Final = Lock()


def draw_pdf(face: Face) -> bytes:
    """`face` as a PDF of one A6 page."""
    buffer = BytesIO()
    with _one_at_a_time:
        canvas = Canvas(
            buffer,
            pagesize=(WIDTH * _POINTS, HEIGHT * _POINTS),
            invariant=True,
            lang=face.language,
            # Else every page names Helvetica, which is not embedded.
            initialFontName=_registered(fonts_of(Weight.REGULAR)[0]).fontName,  # type: ignore[arg-type]
        )
        canvas.setTitle(f"{face.forum_name} · {face.number}")
        draw_badge(canvas, face, 0, 0)
        canvas.save()
    return buffer.getvalue()


def draw_badge(canvas: Canvas, face: Face, x: float, y: float) -> None:
    """Draw `face` with its lower left corner at `x`, `y` points of the canvas."""
    layout = lay_out(face)
    category = colors.parse(face.category_color)
    inks = {
        Ink.TEXT: colors.TEXT,
        Ink.MUTED: colors.mix(colors.TEXT, colors.PAPER, colors.MUTED_SHARE),
        Ink.PAPER: colors.PAPER,
        Ink.CATEGORY: category,
        Ink.ON_CATEGORY: colors.readable_on(category),
    }
    canvas.saveState()
    canvas.translate(x, y)
    canvas.scale(_POINTS, _POINTS)
    for fill in layout.fills:
        _ink(canvas, inks[fill.ink])
        canvas.rect(*_placed(fill.box), stroke=0, fill=1)
    for text in layout.texts:
        _ink(canvas, inks[text.ink])
        _write(canvas, text)
    _ink(canvas, colors.TEXT)
    _draw_code(canvas, face.credential, layout.qr)
    _draw_photo(canvas, face, layout)
    canvas.restoreState()


def _ink(canvas: Canvas, color: colors.Color) -> None:
    canvas.setFillColorRGB(*(channel / 255 for channel in color))


def _write(canvas: Canvas, text: Text) -> None:
    font = _registered(text.font)
    written: Any = canvas.beginText()
    written.setFont(font.fontName, text.size)
    # What a reader selects, searches and hears is the text, not the order and shapes of its glyphs.
    actual = (b"\xfe\xff" + text.text.encode("utf-16-be")).hex()
    written._code.append(f"/Span <</ActualText <{actual}>>> BDC")
    for height, glyphs in groupby(text.glyphs, lambda glyph: glyph.y):
        level = list(glyphs)
        x = text.x + level[0].x * text.size
        written.setTextOrigin(x, HEIGHT - text.baseline + height * text.size)
        written.textOut(_shaped(level, font))
    written._code.append("EMC")
    canvas.drawText(written)


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


def _draw_code(canvas: Canvas, credential: str, box: Box) -> None:
    """The QR as one path: a rectangle for each row's dark stretches, so that no seams show."""
    side = box.width / qr.MODULES
    path = canvas.beginPath()
    for down, row in enumerate(qr.modules(credential)):
        start = 0
        while start < qr.MODULES:
            end = start + 1
            while end < qr.MODULES and row[end] == row[start]:
                end += 1
            if row[start]:
                bottom = HEIGHT - box.top - (down + 1) * side
                path.rect(box.left + start * side, bottom, (end - start) * side, side)
            start = end
    canvas.drawPath(path, stroke=0, fill=1)


def _draw_photo(canvas: Canvas, face: Face, layout: Layout) -> None:
    if face.photo is None or layout.photo is None:
        return
    jpeg = BytesIO()
    box = layout.photo
    crop(face.photo, int(box.width), int(box.height)).save(jpeg, "JPEG", quality=88, dpi=(DPI, DPI))
    canvas.drawImage(ImageReader(jpeg), *_placed(box))


def _placed(box: Box) -> tuple[float, float, float, float]:
    return box.left, HEIGHT - box.bottom, box.width, box.height
