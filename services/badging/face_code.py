"""The QR of a badge alone, as a picture that fills a phone's screen; the badge's is a third of it.

No word stands in it, so it is the same in every language."""

from __future__ import annotations

from io import BytesIO
from typing import Final

from PIL import Image

from services.badging import qr
from services.badging.face_layout import Face

_MODULE: Final = 12
"""Pixels; a phone shows some of them for each of its own."""


def draw_code(face: Face) -> bytes:
    """The code of `face` with its quiet zone, as a PNG of two colours."""
    size = qr.MODULES + 2 * qr.QUIET
    light = bytes(0 if dark else 255 for row in qr.modules(face.credential) for dark in row)
    small = Image.new("L", (size, size), 255)
    small.paste(Image.frombytes("L", (qr.MODULES, qr.MODULES), light), (qr.QUIET, qr.QUIET))
    out = BytesIO()
    large = small.resize((size * _MODULE, size * _MODULE), Image.Resampling.NEAREST)
    # Pillow's own choice takes eight times as long for a few hundred bytes.
    large.convert("1", dither=Image.Dither.NONE).save(out, "PNG", compress_level=3)
    return out.getvalue()
