"""The photo on a badge: turned upright and cropped to three by four."""

from __future__ import annotations

from io import BytesIO
from typing import Final

from PIL import Image, ImageOps

# Faces are in the upper half of what people send.
_CENTRE: Final = (0.5, 0.4)


def crop(photo: bytes, width: int, height: int) -> Image.Image:
    """`photo` as an RGB picture of exactly that size.

    Raises:
        PIL.UnidentifiedImageError: it isn't a picture.
    """
    with Image.open(BytesIO(photo)) as opened:
        opened.draft("RGB", (2 * width, 2 * height))
        upright = ImageOps.exif_transpose(opened)
        opaque = _on_white(upright) if upright.has_transparency_data else upright.convert("RGB")
    return ImageOps.fit(opaque, (width, height), centering=_CENTRE)


def check(photo: bytes) -> None:
    """Let a picture pass that can be drawn.

    Raises:
        OSError: it isn't a picture, or only half of one.
    """
    with Image.open(BytesIO(photo)) as opened:
        opened.load()


def _on_white(picture: Image.Image) -> Image.Image:
    paper = Image.new("RGBA", picture.size, "white")
    paper.alpha_composite(picture.convert("RGBA"))
    return paper.convert("RGB")
