"""A registrant's photo: taken as it comes, kept as a small JPEG with nothing else in it.

Beside it is the portrait, smaller still, that goes to badge and gates when the person may come."""

from __future__ import annotations

import asyncio
import base64
import binascii
import re
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from io import BytesIO
from typing import Annotated, Any, Final
from uuid import UUID

from PIL import Image, ImageOps
from pydantic import BeforeValidator, WithJsonSchema
from pydantic_core import PydanticCustomError
from sqlalchemy import bindparam, delete, exists, select
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncConnection

from services.registration.tables import photos
from shared.events import MOST_PORTRAIT_BYTES
from shared.problems import FieldError, Problem, invalid_input, not_found

MOST_BYTES: Final = 5 * 1024 * 1024
MOST_PIXELS: Final = 25_000_000
"""What phones make of 5 MB. Decoded, with a copy to scale it, that is 200 MB at most."""
SIZE: Final = (600, 800)
"""Twice what a badge shows at 300 dpi."""
PORTRAIT_SIZE: Final = (240, 320)
"""What travels to badge and gates: 200 dpi on the badge, sharp on a phone."""
_PORTRAIT_TRIES: Final = ((1, 85), (1, 70), (1, 50), (2, 50), (4, 30))
"""How much smaller, and in what quality, until it is light enough: any face is at the first two,
a picture of gravel at the last."""
_FORMATS: Final = ("JPEG", "PNG", "WEBP")

_WORKSHOP: Final = ThreadPoolExecutor(max_workers=1, thread_name_prefix="photos")
"""One picture at a time: decoded pictures are large, and the event loop has other callers."""


_DATA_URL: Final = re.compile(r"^data:image/[a-z]{3,4};base64,", re.IGNORECASE)
"""What a browser's FileReader puts before the base64."""
_LONGEST_TEXT: Final = (MOST_BYTES + 2) // 3 * 4 + len("data:image/jpeg;base64,")


def decode(value: Any) -> Any:
    """The bytes of a photo that was sent in base64, alone or as a data URL.

    Raises:
        PydanticCustomError: it is not base64, or too large.
    """
    if value is None:
        return None
    if not isinstance(value, str):
        raise PydanticCustomError("photo", "is not text in base64")
    try:
        octets = base64.b64decode(_DATA_URL.sub("", value), validate=True)
    except (binascii.Error, ValueError):
        raise PydanticCustomError("photo", "is not text in base64") from None
    if len(octets) > MOST_BYTES:
        raise PydanticCustomError("photo", "is larger than 5 MB")
    return octets


Photo = Annotated[
    bytes | None,
    BeforeValidator(decode),
    WithJsonSchema({"type": "string", "maxLength": _LONGEST_TEXT}),
]


@dataclass(frozen=True)
class Taken:
    """A photo as it is kept."""

    jpeg: bytes
    portrait: bytes


async def take(photo: bytes) -> Taken:
    """The photo upright, on white, of SIZE at most, without what the camera wrote beside it.

    Raises:
        Problem: 422, it is no picture of a kind that we take.
    """
    return await asyncio.get_running_loop().run_in_executor(_WORKSHOP, _take, photo)


async def keep(tx: AsyncConnection, registration_id: UUID, taken: Taken | None) -> bool:
    """Keep this photo, or none; answers whether that changes anything."""
    if taken is None:
        removal = delete(photos).where(photos.c.registration_id == registration_id)
        return bool((await tx.execute(removal)).rowcount)
    kept = {"jpeg": taken.jpeg, "portrait": taken.portrait}
    statement = insert(photos).values(registration_id=registration_id, **kept)
    upsert = statement.on_conflict_do_update(
        index_elements=["registration_id"],
        set_=kept,
        where=photos.c.jpeg != statement.excluded.jpeg,
    )
    return bool((await tx.execute(upsert)).rowcount)


async def portraits(
    connection: AsyncConnection, registration_ids: Sequence[UUID]
) -> dict[UUID, bytes]:
    """The photos of these registrations as they travel; who has none is not there."""
    rows = await connection.execute(_OF_THESE, {"these": registration_ids})
    return {row.registration_id: row.portrait or await _portrait_later(row.jpeg) for row in rows}


_OF_THESE: Final = select(photos).where(
    photos.c.registration_id.in_(bindparam("these", expanding=True))
)


async def _portrait_later(jpeg: bytes) -> bytes:
    """Of a photo that the version before took."""
    return await asyncio.get_running_loop().run_in_executor(_WORKSHOP, _as_portrait, jpeg)


async def has_one(connection: AsyncConnection, registration_id: UUID) -> bool:
    query = select(exists().where(photos.c.registration_id == registration_id))
    return bool((await connection.execute(query)).scalar_one())


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


def _take(photo: bytes) -> Taken:
    jpeg = _as_jpeg(photo)
    return Taken(jpeg, _as_portrait(jpeg))


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


def _as_portrait(jpeg: bytes) -> bytes:
    with Image.open(BytesIO(jpeg)) as kept:
        kept.draft("RGB", PORTRAIT_SIZE)
        kept.thumbnail(PORTRAIT_SIZE)
        tries = (_encoded(kept, divisor, quality) for divisor, quality in _PORTRAIT_TRIES)
        return next(jpeg for jpeg in tries if len(jpeg) <= MOST_PORTRAIT_BYTES)


def _encoded(picture: Image.Image, divisor: int, quality: int) -> bytes:
    size = [max(1, side // divisor) for side in picture.size]
    out = BytesIO()
    picture.resize(size).save(out, "JPEG", quality=quality, optimize=True)
    return out.getvalue()


def _small(photo: bytes) -> Image.Image:
    with Image.open(BytesIO(photo), formats=_FORMATS) as opened:
        if opened.width * opened.height > MOST_PIXELS:
            raise _no_photo("has too many pixels", "photo_pixels")
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


def _no_photo(why: str, kind: str = "photo") -> Problem:
    return invalid_input([FieldError("photo", why, kind)])
