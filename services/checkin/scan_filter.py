"""Which entries of the log somebody asks for: the same for the list and for the files."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date, datetime, time, timedelta
from typing import Annotated, Any, Literal
from uuid import UUID

from pydantic import BaseModel, ConfigDict, Field
from sqlalchemy import ColumnElement, select

from services.checkin.schemas import Moment
from services.checkin.tables import badges, scans
from shared import badge_number
from shared.badge_number import InvalidBadgeNumber
from shared.forum import Forum
from shared.problems import FieldError, invalid_input

Name = Annotated[str, Field(pattern=r"^[a-z0-9_-]+$", max_length=100)]
BADGE_ID_DIGITS = 16


class ScanFilter(BaseModel):
    """What is left out filters nothing."""

    model_config = ConfigDict(extra="forbid")

    day: date | None = Field(default=None, description="A calendar day in the forum's time zone")
    from_: Moment | None = Field(
        default=None, alias="from", description="Scans made at this moment or later"
    )
    to: Moment | None = Field(default=None, description="Scans made before this moment")
    gate: Name | None = None
    entrance: Name | None = None
    zone: Name | None = None
    decision: Literal["admitted", "refused", "undone"] | None = None
    reason: Name | None = None
    device_id: UUID | None = None
    registration_id: UUID | None = None
    badge: Annotated[str, Field(max_length=100)] | None = Field(
        default=None, description="A badge's number, typed in any way, or its id"
    )

    def conditions(self, forum: Forum) -> list[ColumnElement[bool]]:
        """What a row of `scans` must fulfil.

        Raises:
            Problem: 422 for a badge that can be none, and for a day beyond the calendar.
        """
        return list(self._conditions(forum))

    def as_asked(self) -> dict[str, Any]:
        """What was asked for, for the record of who asked."""
        return self.model_dump(mode="json", by_alias=True, exclude_none=True, include=_FILTERS)

    def _conditions(self, forum: Forum) -> Iterator[ColumnElement[bool]]:
        for name in _EQUAL:
            if (value := getattr(self, name)) is not None:
                yield scans.c[name] == value
        if self.day is not None:
            begins, ends = bounds(forum, self.day)
            yield scans.c.at >= begins
            yield scans.c.at < ends
        if self.from_ is not None:
            yield scans.c.at >= self.from_
        if self.to is not None:
            yield scans.c.at < self.to
        if self.badge is not None:
            yield _is_badge(self.badge)


_EQUAL = ("gate", "entrance", "zone", "decision", "reason", "device_id", "registration_id")
_FILTERS = set(ScanFilter.model_fields)


def bounds(forum: Forum, day: date) -> tuple[datetime, datetime]:
    """When a day begins and ends in the forum's time zone.

    Raises:
        Problem: 422 for a day at the edge of the calendar.
    """
    try:
        ends = datetime.combine(day + timedelta(days=1), time.min, tzinfo=forum.timezone)
        return datetime.combine(day, time.min, tzinfo=forum.timezone), ends
    except OverflowError:
        raise invalid_input([FieldError("day", "is beyond the calendar")]) from None


def _is_badge(asked: str) -> ColumnElement[bool]:
    shown = asked.strip().lower()
    if len(shown) == BADGE_ID_DIGITS and set(shown) <= set("0123456789abcdef"):
        return scans.c.badge_id == shown
    try:
        number = badge_number.parse(asked)
    except InvalidBadgeNumber:
        raise invalid_input(
            [FieldError("badge", "is neither a badge's number nor its id")]
        ) from None
    holder = select(badges.c.badge_id).where(badges.c.number == number)
    return scans.c.badge_id == holder.scalar_subquery()
