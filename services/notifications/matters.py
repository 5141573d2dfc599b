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
    amended = "amended"
    address_changed = "address_changed"
    badge = "badge"
    focal_point = "focal_point"
    reminder = "reminder"
    certificate = "certificate"
    own_link = "own_link"
    reopened = "reopened"
    sign_in = "sign_in"
    staff_invited = "staff_invited"


BEFORE_A_BADGE: Final = (Kind.confirm_address, Kind.in_review, Kind.waitlisted)
"""What is said on the way to a badge, and no longer once there is one."""
AWAITED: Final = (Kind.confirm_address, Kind.own_link, Kind.sign_in)
"""What somebody waits for before a screen: thousands of badges from a file do not come first."""
UNHURRIED: Final = (Kind.reminder, Kind.certificate)
"""What goes to everybody at the same hour: whoever waits for a badge comes first."""


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


class Amended(_Matter):
    """How we write to the person has changed, and no new badge says so."""

    kind: Literal[Kind.amended] = Kind.amended


class AddressChanged(_Matter):
    """Goes to the address that was the person's until now, with nothing in it that is new.

    Whoever takes over a registration by another address shall not do so unnoticed.
    """

    kind: Literal[Kind.address_changed] = Kind.address_changed
    email: str
    title: str = ""
    given_name: str
    family_name: str
    language: str


class OwnLink(_Matter):
    """The link to the own page, which the person has asked for. It is the recipient's."""

    kind: Literal[Kind.own_link] = Kind.own_link


class Reopened(_Matter):
    """Accepted before, and in review again for another category."""

    kind: Literal[Kind.reopened] = Kind.reopened
    had_a_badge: bool


class Badge(_Matter):
    kind: Literal[Kind.badge] = Kind.badge
    badge_id: str
    number: str
    category: str
    days: int
    """Bitmap, bit 0 = first day."""
    version: int
    replaces_another: bool
    from_the_waiting_list: bool = False
    files_link: str
    """Path with `{suffix}`, see shared/events.py."""


class FocalPoint(_Matter):
    """Somebody is asked to look after a delegation."""

    kind: Literal[Kind.focal_point] = Kind.focal_point
    delegation: str
    quota: int
    """Members that it may have."""
    sign_in_link: str


class Reminder(_Matter):
    """The day before the badge's first day."""

    kind: Literal[Kind.reminder] = Kind.reminder
    number: str
    days: int
    """Bitmap, bit 0 = first day."""
    files_link: str


class Certificate(_Matter):
    kind: Literal[Kind.certificate] = Kind.certificate
    number: str
    days: int
    """Those that the person came on, as a bitmap."""
    file_link: str
    """Path of the PDF, with its signed query."""
    page: str
    """Path of the page where anybody can check it."""


class SignIn(_Matter):
    """To a member of staff, who has asked for it."""

    kind: Literal[Kind.sign_in] = Kind.sign_in
    link: str
    valid_seconds: int


class StaffInvited(_Matter):
    """To a member of staff, whose account an organiser has made."""

    kind: Literal[Kind.staff_invited] = Kind.staff_invited
    link: str
    valid_seconds: int
    page: str
    """Where another one can be asked for."""


Matter = Annotated[
    ConfirmAddress
    | InReview
    | Waitlisted
    | Declined
    | Cancelled
    | Amended
    | AddressChanged
    | Badge
    | FocalPoint
    | Reminder
    | Certificate
    | OwnLink
    | Reopened
    | SignIn
    | StaffInvited,
    Field(discriminator="kind"),
]
STORED: TypeAdapter[Matter] = TypeAdapter(Matter)
