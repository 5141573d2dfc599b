"""A badge as an A6 page for the printer: vectors, and text that can be selected and searched."""

from __future__ import annotations

from io import BytesIO

from reportlab.lib.utils import ImageReader
from reportlab.pdfgen.canvas import Canvas

from services.badging import colors, pdf, qr
from services.badging.columns import DPI, Box, Ink
from services.badging.face_layout import HEIGHT, WIDTH, Face, Layout, lay_out
from services.badging.photo import crop


def draw_pdf(face: Face) -> bytes:
    """`face` as a PDF of one A6 page."""
    buffer = BytesIO()
    title = f"{face.forum_name} · {face.number}"
    with pdf.document(buffer, WIDTH, HEIGHT, title, face.language) as canvas:
        draw_badge(canvas, face, 0, 0)
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
    canvas.scale(pdf.POINTS, pdf.POINTS)
    for fill in layout.fills:
        _ink(canvas, inks[fill.ink])
        canvas.rect(*_placed(fill.box), stroke=0, fill=1)
    for text in layout.texts:
        _ink(canvas, inks[text.ink])
        pdf.write(canvas, text, HEIGHT)
    _ink(canvas, colors.TEXT)
    pdf.draw_code(canvas, qr.modules(face.credential), layout.qr, HEIGHT)
    _draw_photo(canvas, face, layout)
    canvas.restoreState()


def _ink(canvas: Canvas, color: colors.Color) -> None:
    canvas.setFillColorRGB(*(channel / 255 for channel in color))


def _draw_photo(canvas: Canvas, face: Face, layout: Layout) -> None:
    if face.photo is None or layout.photo is None:
        return
    jpeg = BytesIO()
    box = layout.photo
    crop(face.photo, int(box.width), int(box.height)).save(jpeg, "JPEG", quality=88, dpi=(DPI, DPI))
    canvas.drawImage(ImageReader(jpeg), *_placed(box))


def _placed(box: Box) -> tuple[float, float, float, float]:
    return box.left, HEIGHT - box.bottom, box.width, box.height
