"""What time it is at the forum.

Domain facts (when somebody came in, whether today is a forum day) ask `Clock.now`. Machinery that
must not jump with a rehearsal (retries, token lifetimes, leases) uses wall time: `Clock.wall` or
the database's `now()`."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from uuid import UUID


def time_of(uuid7: UUID) -> datetime:
    """When a UUIDv7 was made, in wall time: it begins with its milliseconds (RFC 9562)."""
    return datetime.fromtimestamp((uuid7.int >> 80) / 1000, UTC)


class InvalidClock(ValueError):
    """FORUMPASS_CLOCK is not a time with an offset."""


@dataclass(frozen=True)
class Clock:
    """Forum time, shifted from wall time by a constant while a rehearsal runs."""

    offset: timedelta = timedelta(0)
    rehearsal: bool = False

    def now(self) -> datetime:
        """The forum's now, in UTC."""
        return self.wall() + self.offset

    @staticmethod
    def wall() -> datetime:
        return datetime.now(UTC)


def read_clock(setting: str | None) -> Clock:
    """Make the clock that FORUMPASS_CLOCK describes.

    `2017-06-12T08:00:00+02:00` starts the forum's clock there, now. With `@` and a wall time behind
    it the forum's clock stood there at that moment: several processes given the same text agree.

    Raises:
        InvalidClock: the text is no RFC 3339 time, or one without an offset.
    """
    if not setting:
        return Clock()
    forum_text, _, wall_text = setting.partition("@")
    anchor = _parse(wall_text) if wall_text else Clock.wall()
    return Clock(offset=_parse(forum_text) - anchor, rehearsal=True)


def anchored(setting: str) -> str:
    """The same clock with its anchor written down, to hand to several processes."""
    return setting if "@" in setting else f"{setting}@{Clock.wall().isoformat()}"


def _parse(text: str) -> datetime:
    try:
        moment = datetime.fromisoformat(text)
        if moment.tzinfo is None:
            raise InvalidClock(f"{text!r} lacks its offset from UTC, such as +02:00")
        return moment.astimezone(UTC)
    except InvalidClock:
        raise
    except (ValueError, OverflowError):
        raise InvalidClock(f"{text!r} is not a time such as 2017-06-12T08:00:00+02:00") from None
