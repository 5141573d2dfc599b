"""A badge as a picture, for the phone and the mail.

Nearly all the time would go into encoding pixels, so they are few and simple: a badge has ink on
paper and ink on the category's band, and a palette of sixteen colours has the shades between each
two, in order. Drawing is done on the palette's indices: where a glyph's edge is half ink, Pillow
mixes the indices of ink and paper, and that is the index of the shade half-way. A photo brings
colours of its own.

HarfBuzz draws the glyphs that it has shaped: several times faster than Pillow, and where the layout
has measured them.
"""

from __future__ import annotations

from functools import lru_cache
from typing import Final

import uharfbuzz
from PIL import Image

from services.badging import colors, png, qr
from services.badging.columns import DPI, Box, Ink, Text
from services.badging.face_layout import HEIGHT, WIDTH, Face, lay_out
from services.badging.fonts import Font, shaper
from services.badging.photo import crop
from services.badging.typesetting import Glyph

_PAGE_SHADES: Final = 9
_BAND_SHADES: Final = 7
_SHADES: Final = _PAGE_SHADES + _BAND_SHADES
_PHOTO_COLORS: Final = 256 - _SHADES
_BOTTOM_TO_TOP: Final = -1
_INDEX: Final = {
    Ink.TEXT: 0,
    Ink.MUTED: round((_PAGE_SHADES - 1) * colors.MUTED_SHARE),
    Ink.PAPER: _PAGE_SHADES - 1,
    Ink.CATEGORY: _PAGE_SHADES,
    Ink.ON_CATEGORY: _SHADES - 1,
}


def draw_png(face: Face) -> bytes:
    """`face` as a PNG of 1240 by 1748 pixels: A6 at 300 dpi."""
    layout = lay_out(face)
    picture = Image.new("L", (WIDTH, HEIGHT), _INDEX[Ink.PAPER])
    for fill in layout.fills:
        picture.paste(_INDEX[fill.ink], _pixels(fill.box))
    for text in layout.texts:
        _write(picture, text)
    picture.paste(_code(face.credential, layout.qr), _pixels(layout.qr))
    palette = _palette(face.category_color)
    if face.photo is not None and layout.photo is not None:
        photo, photo_palette = _photo(face.photo, layout.photo)
        picture.paste(photo, _pixels(layout.photo))
        palette += photo_palette
    picture.putpalette(palette)
    return png.encode(picture, DPI)


def _write(picture: Image.Image, text: Text) -> None:
    drawn = _draw(text.font, text.size, text.glyphs)
    if drawn is not None:
        mask, left, top = drawn
        corner = (round(text.x) + left, round(text.baseline) + top)
        picture.paste(_INDEX[text.ink], corner, mask)


# The forum's name, days, categories and countries come again on every badge.
@lru_cache(maxsize=128)
def _draw(font: Font, size: int, glyphs: tuple[Glyph, ...]) -> tuple[Image.Image, int, int] | None:
    """How much of each pixel is ink, and where that begins from the text's origin: right, down."""
    shapes = shaper(font)
    scale = size / shapes.face.upem
    pen = uharfbuzz.RasterDraw()
    for glyph in glyphs:
        pen.transform = (scale, 0, 0, scale, glyph.x * size, glyph.y * size)
        pen.draw_glyph(shapes, glyph.number)
    drawn = pen.render()
    area = drawn.extents
    if not area.width:
        return None
    extent = (area.width, area.height)
    mask = Image.frombytes("L", extent, drawn.buffer, "raw", "L", area.stride, _BOTTOM_TO_TOP)
    return mask, area.x_origin, -area.y_origin - area.height


def _code(credential: str, box: Box) -> Image.Image:
    """The QR, each module a whole number of pixels."""
    colors_of = {True: _INDEX[Ink.TEXT], False: _INDEX[Ink.PAPER]}
    indices = bytes(colors_of[dark] for row in qr.modules(credential) for dark in row)
    small = Image.frombytes("L", (qr.MODULES, qr.MODULES), indices)
    return small.resize((int(box.width), int(box.height)), Image.Resampling.NEAREST)


def _photo(photo: bytes, box: Box) -> tuple[Image.Image, list[int]]:
    """A photo as indices of the badge's palette, and the colours that it adds there."""
    cropped = crop(photo, int(box.width), int(box.height))
    few = cropped.quantize(_PHOTO_COLORS, Image.Quantize.FASTOCTREE)
    indices = bytes(min(index + _SHADES, 255) for index in range(256))
    shifted = few.tobytes().translate(indices)
    return Image.frombytes("L", few.size, shifted), few.getpalette("RGB") or []


def _palette(category_color: str) -> list[int]:
    category = colors.parse(category_color)
    on_category = colors.readable_on(category)
    page = [
        colors.mix(colors.TEXT, colors.PAPER, shade / (_PAGE_SHADES - 1))
        for shade in range(_PAGE_SHADES)
    ]
    band = [
        colors.mix(category, on_category, shade / (_BAND_SHADES - 1))
        for shade in range(_BAND_SHADES)
    ]
    return [channel for color in page + band for channel in color]


def _pixels(box: Box) -> tuple[int, int, int, int]:
    return int(box.left), int(box.top), int(box.right), int(box.bottom)
