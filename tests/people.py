"""Somebody who comes to the forum, for tests that need one; what matters is said by the test."""

from __future__ import annotations

from functools import cache
from io import BytesIO
from typing import Any, Final
from uuid import UUID

from PIL import Image

from shared.events import Person, RegistrationConfirmed

NOBODY: Final = UUID("0190f000-0000-7000-8000-000000000000")
"""An id that nothing and nobody has; the same in each process of a test run."""


def person(**particulars: Any) -> Person:
    return Person(
        **{
            "given_name": "Grace",
            "family_name": "Hopper",
            "organization": "Eckert–Mauchly Computer Corporation",
            "country": "US",
            "category": "private_sector",
            "language": "en",
            "days": (0, 1, 2, 3, 4),
        }
        | particulars
    )


def confirmed(
    registration_id: UUID, version: int = 2, photo: bytes | None = None, **particulars: Any
) -> RegistrationConfirmed:
    return RegistrationConfirmed(
        registration_id=registration_id, version=version, person=person(**particulars), photo=photo
    )


@cache
def portrait(color: str = "teal") -> bytes:
    """A photo as registration says it: whoever looks knows it again by its colour."""
    out = BytesIO()
    Image.new("RGB", (240, 320), color).save(out, "JPEG")
    return out.getvalue()
