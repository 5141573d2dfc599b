"""Many badges in one PDF, for a printer: a page each, or four on a sheet to be cut."""

from __future__ import annotations

from collections.abc import Sequence
from enum import StrEnum
from io import BytesIO
from typing import Final

from services.badging import colors, pdf
from services.badging.face_layout import HEIGHT, WIDTH, Face
from services.badging.face_pdf import draw_badge


class Paper(StrEnum):
    a6 = "a6"
    """A badge a page, for a printer of badges."""
    a4 = "a4"
    """Four a page: two cuts through the middle part them, for a printer of the office."""


_RIGHT: Final = WIDTH * pdf.POINTS
_UP: Final = HEIGHT * pdf.POINTS
_PLACES: Final = {
    Paper.a6: [(0.0, 0.0)],
    Paper.a4: [(0.0, _UP), (_RIGHT, _UP), (0.0, 0.0), (_RIGHT, 0.0)],
}
"""Of the badges of a page: their lower left corners in points, as one reads."""
_SIZES: Final = {Paper.a6: (WIDTH, HEIGHT), Paper.a4: (2 * WIDTH, 2 * HEIGHT)}
_CUTS: Final = {
    Paper.a6: [],
    Paper.a4: [(_RIGHT, 0.0, _RIGHT, 2 * _UP), (0.0, _UP, 2 * _RIGHT, _UP)],
}
"""Lines, from point to point."""
_HAIRLINE: Final = 0.25
"""In points."""


def draw_sheets(faces: Sequence[Face], paper: Paper) -> bytes:
    """The badges of `faces`, in their order, as a PDF; there must be one."""
    buffer, places = BytesIO(), _PLACES[paper]
    # The document is the desk's; whose badges these are says nothing of its language.
    with pdf.document(buffer, *_SIZES[paper], faces[0].forum_name, "en") as canvas:
        for first in range(0, len(faces), len(places)):
            for face, (x, y) in zip(faces[first:], places, strict=False):
                draw_badge(canvas, face, x, y)
            canvas.setStrokeColorRGB(*(channel / 255 for channel in colors.CUT))
            canvas.setLineWidth(_HAIRLINE)
            canvas.lines(_CUTS[paper])
            canvas.showPage()
    return buffer.getvalue()
