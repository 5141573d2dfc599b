"""A registrant's photo: taken as it comes, kept as a small JPEG with nothing else in it."""

from __future__ import annotations

import asyncio
import base64
import binascii
from concurrent.futures import ThreadPoolExecutor
from io import BytesIO
from typing import Annotated, Any, Final
from uuid import UUID

from PIL import Image, ImageOps
from pydantic import BeforeValidator, WithJsonSchema
from pydantic_core import PydanticCustomError
from sqlalchemy import insert, select
from sqlalchemy.ext.asyncio import AsyncConnection

from services.registration.tables import photos
from shared.problems import FieldError, Problem, invalid_input, not_found

MOST_BYTES: Final = 5 * 1024 * 1024
MOST_PIXELS: Final = 25_000_000
"""What phones make of 5 MB. Decoded, with a copy to scale it, that is 200 MB at most."""
SIZE: Final = (600, 800)
"""Twice what a badge shows at 300 dpi."""
_FORMATS: Final = ("JPEG", "PNG", "WEBP")

_WORKSHOP: Final = ThreadPoolExecutor(max_workers=1, thread_name_prefix="photos")
"""One picture at a time: decoded pictures are large, and the event loop has other callers."""


def decode(value: Any) -> Any:
    """The bytes of a photo that was sent in base64.

    Raises:
        PydanticCustomError: it is not base64, or too large.
    """
    if value is None:
        return None
    if not isinstance(value, str):
        raise PydanticCustomError("photo", "is not text in base64")
    try:
        octets = base64.b64decode(value, validate=True)
    except (binascii.Error, ValueError):
        raise PydanticCustomError("photo", "is not text in base64") from None
    if len(octets) > MOST_BYTES:
        raise PydanticCustomError("photo", "is larger than 5 MB")
    return octets


Photo = Annotated[
    bytes | None,
    BeforeValidator(decode),
    WithJsonSchema({"type": "string", "format": "byte", "maxLength": (MOST_BYTES + 2) // 3 * 4}),
]


async def as_jpeg(photo: bytes) -> bytes:
    """The photo upright, on white, of SIZE at most, without what the camera wrote beside it.

    Raises:
        Problem: 422, it is no picture of a kind that we take.
    """
    return await asyncio.get_running_loop().run_in_executor(_WORKSHOP, _as_jpeg, photo)


async def keep(tx: AsyncConnection, registration_id: UUID, jpeg: bytes) -> None:
    await tx.execute(insert(photos).values(registration_id=registration_id, jpeg=jpeg))


async def get(connection: AsyncConnection, registration_id: UUID) -> bytes:
    """The photo of a registration.

    Raises:
        Problem: 404, there is none.
    """
    query = select(photos.c.jpeg).where(photos.c.registration_id == registration_id)
    jpeg: bytes | None = (await connection.execute(query)).scalar_one_or_none()
    if jpeg is None:
        raise not_found("photo")
    return jpeg


def _as_jpeg(photo: bytes) -> bytes:
    try:
        small = _small(photo)
    except Problem:
        raise
    except Exception as error:
        # Pillow's decoders raise whatever comes to them of a file made to break them.
        raise _no_photo("is not a JPEG, PNG or WebP picture") from error
    out = BytesIO()
    small.save(out, "JPEG", quality=85)
    return out.getvalue()


def _small(photo: bytes) -> Image.Image:
    with Image.open(BytesIO(photo), formats=_FORMATS) as opened:
        if opened.width * opened.height > MOST_PIXELS:
            raise _no_photo("has too many pixels")
        opened.draft("RGB", (2 * SIZE[0], 2 * SIZE[1]))
        opened.thumbnail((max(SIZE), max(SIZE)))
        upright = ImageOps.exif_transpose(opened)
    upright.thumbnail(SIZE)
    # On a fresh sheet: a comment in the file would travel with a copy of the picture.
    paper = Image.new("RGB", upright.size, "white")
    if upright.has_transparency_data:
        transparent = upright.convert("RGBA")
        paper.paste(transparent, mask=transparent)
    else:
        paper.paste(upright.convert("RGB"))
    return paper


def _no_photo(why: str) -> Problem:
    return invalid_input([FieldError("photo", why, "photo")])
