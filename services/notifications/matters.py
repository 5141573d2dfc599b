"""What a mail can be about: one class a kind, with what only this mail says."""

from __future__ import annotations

from enum import StrEnum
from typing import Annotated, Final, Literal

from pydantic import BaseModel, ConfigDict, Field, TypeAdapter


class Kind(StrEnum):
    confirm_address = "confirm_address"
    in_review = "in_review"
    waitlisted = "waitlisted"
    declined = "declined"
    cancelled = "cancelled"
    badge = "badge"


BEFORE_A_BADGE: Final = (Kind.confirm_address, Kind.in_review, Kind.waitlisted)
"""What is said on the way to a badge, and no longer once there is one."""


class _Matter(BaseModel):
    model_config = ConfigDict(frozen=True)


class ConfirmAddress(_Matter):
    kind: Literal[Kind.confirm_address] = Kind.confirm_address
    confirm_link: str


class InReview(_Matter):
    kind: Literal[Kind.in_review] = Kind.in_review


class Waitlisted(_Matter):
    kind: Literal[Kind.waitlisted] = Kind.waitlisted


class Declined(_Matter):
    kind: Literal[Kind.declined] = Kind.declined
    reason: str


class Cancelled(_Matter):
    kind: Literal[Kind.cancelled] = Kind.cancelled


class Badge(_Matter):
    kind: Literal[Kind.badge] = Kind.badge
    badge_id: str
    number: str
    category: str
    days: int
    """Bitmap, bit 0 = first day."""
    version: int
    replaces_another: bool
    files_link: str
    """Path with `{suffix}`, see shared/events.py."""


Matter = Annotated[
    ConfirmAddress | InReview | Waitlisted | Declined | Cancelled | Badge,
    Field(discriminator="kind"),
]
STORED: TypeAdapter[Matter] = TypeAdapter(Matter)
