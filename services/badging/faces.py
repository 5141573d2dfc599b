"""The faces of a badge: a picture for the phone and a page for the printer.

`face_layout` says what stands where, `typesetting` and `fitting` make the words fit in any script,
`face_png` and `face_pdf` paint; `face_code` paints the QR alone.
"""

from services.badging.face_code import draw_code
from services.badging.face_layout import Face
from services.badging.face_pdf import draw_pdf
from services.badging.face_png import draw_png

__all__ = ["Face", "draw_code", "draw_pdf", "draw_png"]
