"""A certificate as a page of A4, across: what stands where, and its ink."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from io import BytesIO
from typing import Final

from qrcode.constants import ERROR_CORRECT_M
from qrcode.main import QRCode
from reportlab.lib.colors import Color
from reportlab.pdfgen.canvas import Canvas

from services.badging import colors, pdf
from services.badging.columns import Box, Ink, Item, Text, column
from services.badging.fitting import Style
from services.badging.fonts import Weight

WIDTH: Final = 3508
HEIGHT: Final = 2480
MARGIN: Final = 230

_HEADER: Final = Box(0, 0, WIDTH, 500)
_STRIPE_HEIGHT: Final = 26
_CODE_SIZE: Final = 330
_FOOT_TOP: Final = HEIGHT - 520
_FOOT_HEIGHT: Final = 420
_SIDE_WIDTH: Final = 1500
"""Of each of the two texts at the foot."""

_SEA: Final[colors.Color] = (10, 58, 107)
_WAVES: Final[colors.Color] = (30, 82, 136)
_BRIGHT: Final[colors.Color] = (13, 82, 150)
_STRIPE: Final = ("#1d8fe0", "#35b7c9", "#7fcf9c", "#f0c25c")
"""The forum's colours, as its mails and pages have them."""
_STRIPE_ENDS: Final = (0.0, 0.45, 0.75, 1.0)
_INKS: Final = {
    Ink.TEXT: colors.TEXT,
    Ink.MUTED: colors.mix(colors.TEXT, colors.PAPER, colors.MUTED_SHARE),
    Ink.PAPER: colors.PAPER,
    Ink.TITLE: _BRIGHT,
}

_FORUM_NAME: Final = Style(Weight.BOLD, largest=112, one_line=80, smallest=56)
_FORUM_DATES: Final = Style(Weight.REGULAR, largest=62, one_line=40, smallest=40, lines=1)
_TITLE: Final = Style(Weight.BOLD, largest=150, one_line=90, smallest=80)
_WORDS: Final = Style(Weight.REGULAR, largest=62, one_line=46, smallest=40)
_NAME: Final = Style(Weight.BOLD, largest=220, one_line=140, smallest=90)
_ORGANIZATION: Final = Style(Weight.REGULAR, largest=74, one_line=56, smallest=46)
_DAYS: Final = Style(Weight.BOLD, largest=78, one_line=52, smallest=44)
_FOOT: Final = Style(Weight.REGULAR, largest=50, one_line=40, smallest=34)
_FOOT_BOLD: Final = Style(Weight.BOLD, largest=54, one_line=44, smallest=36)
_ADDRESS: Final = Style(Weight.REGULAR, largest=40, one_line=22, smallest=20)


@dataclass(frozen=True, slots=True)
class CertificateFace:
    """All that a certificate says, in words."""

    forum_name: str
    forum_dates: str
    title: str
    before_the_name: str
    name: str
    organization: str
    country: str
    after_the_name: str
    days: str
    place_and_date: str
    issuer: str
    organizers: str
    number: str
    how_to_check: str
    address: str
    """Of the page where it can be checked; also what the code holds."""
    language: str
    right_to_left: bool
    rehearsal: str = ""
    """A word in its place, on one that certifies nothing."""


def draw_certificate(face: CertificateFace) -> bytes:
    """`face` as a PDF of one page."""
    buffer = BytesIO()
    title = f"{face.title} · {face.number}"
    with pdf.document(buffer, WIDTH, HEIGHT, title, face.language) as canvas:
        canvas.scale(pdf.POINTS, pdf.POINTS)
        _paint_header(canvas, face)
        _paint_stripe(canvas, _HEADER.bottom)
        _paint_stripe(canvas, HEIGHT - _STRIPE_HEIGHT)
        for text in _texts(face):
            _ink(canvas, _INKS[text.ink])
            pdf.write(canvas, text, HEIGHT)
        _ink(canvas, colors.TEXT)
        pdf.draw_code(canvas, _modules(face.address), _code_box(face), HEIGHT)
    return buffer.getvalue()


def _texts(face: CertificateFace) -> Iterator[Text]:
    yield from column(
        Box(MARGIN, 40, WIDTH - 2 * MARGIN, _HEADER.height - 80),
        [
            Item(face.forum_name, _FORUM_NAME, Ink.PAPER),
            Item(face.forum_dates, _FORUM_DATES, Ink.PAPER, gap=16),
        ],
    )
    top = _HEADER.bottom + _STRIPE_HEIGHT + 40
    yield from column(
        Box(MARGIN, top, WIDTH - 2 * MARGIN, _FOOT_TOP - 40 - top),
        [
            Item(face.rehearsal, _FOOT_BOLD, Ink.MUTED),
            Item(face.title, _TITLE, Ink.TITLE),
            Item(face.before_the_name, _WORDS, Ink.MUTED, gap=50),
            Item(face.name, _NAME, gap=16),
            Item(face.organization, _ORGANIZATION, gap=16),
            Item(face.country, _ORGANIZATION),
            Item(face.after_the_name, _WORDS, Ink.MUTED, gap=50),
            Item(face.days, _DAYS, gap=10),
        ],
    )
    yield from column(
        _side(face, first=True),
        [
            Item(face.place_and_date, _FOOT),
            Item(face.issuer, _FOOT_BOLD, gap=12),
            Item(face.organizers, _FOOT, Ink.MUTED, gap=12),
        ],
    )
    yield from column(
        _beside_the_code(face),
        [
            Item(face.number, _FOOT_BOLD),
            Item(face.how_to_check, _FOOT, Ink.MUTED, gap=12),
            Item(face.address, _ADDRESS, gap=12),
        ],
    )


def _side(face: CertificateFace, *, first: bool) -> Box:
    """One of the two halves of the foot: the first as one reads, or the second."""
    on_the_left = first != face.right_to_left
    left = MARGIN if on_the_left else WIDTH - MARGIN - _SIDE_WIDTH
    return Box(left, _FOOT_TOP, _SIDE_WIDTH, _FOOT_HEIGHT)


def _code_box(face: CertificateFace) -> Box:
    side = _side(face, first=False)
    left = side.left if face.right_to_left else side.right - _CODE_SIZE
    return Box(left, side.top + (side.height - _CODE_SIZE) / 2, _CODE_SIZE, _CODE_SIZE)


def _beside_the_code(face: CertificateFace) -> Box:
    side = _side(face, first=False)
    taken = _CODE_SIZE + 70
    left = side.left + taken if face.right_to_left else side.left
    return Box(left, side.top, side.width - taken, side.height)


def _paint_header(canvas: Canvas, face: CertificateFace) -> None:
    canvas.saveState()
    area = canvas.beginPath()
    area.rect(0, HEIGHT - _HEADER.height, WIDTH, _HEADER.height)
    canvas.clipPath(area, stroke=0, fill=0)
    _ink(canvas, _SEA)
    canvas.rect(0, HEIGHT - _HEADER.height, WIDTH, _HEADER.height, stroke=0, fill=1)
    # Rings as on water, from the corner where one ends to read.
    canvas.setStrokeColorRGB(*(channel / 255 for channel in _WAVES))
    canvas.setLineWidth(9)
    center = 0 if face.right_to_left else WIDTH
    for radius in range(110, 700, 95):
        canvas.circle(center, HEIGHT, radius, stroke=1, fill=0)
    canvas.restoreState()


def _paint_stripe(canvas: Canvas, top: float) -> None:
    canvas.saveState()
    area = canvas.beginPath()
    area.rect(0, HEIGHT - top - _STRIPE_HEIGHT, WIDTH, _STRIPE_HEIGHT)
    canvas.clipPath(area, stroke=0, fill=0)
    shades = [Color(*(channel / 255 for channel in colors.parse(shade))) for shade in _STRIPE]
    canvas.linearGradient(0, 0, WIDTH, 0, shades, positions=list(_STRIPE_ENDS))
    canvas.restoreState()


def _modules(address: str) -> list[list[bool]]:
    code = QRCode(error_correction=ERROR_CORRECT_M, border=0)
    code.add_data(address)
    code.make()
    return [[bool(module) for module in row] for row in code.modules]


def _ink(canvas: Canvas, color: colors.Color) -> None:
    canvas.setFillColorRGB(*(channel / 255 for channel in color))
