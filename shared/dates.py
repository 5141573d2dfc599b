"""Days, periods and moments as each language writes them: patterns of the CLDR, by Babel."""

from __future__ import annotations

import re
from collections.abc import Sequence
from datetime import date, datetime, timedelta, tzinfo

from babel import Locale
from babel.dates import (
    format_date,
    format_datetime,
    format_skeleton,
    format_timedelta,
    get_datetime_format,
)

from shared import i18n
from shared.forum import Language

CLOCK = "HH:mm"
"""The United Nations' documents count 24 hours in every language."""


def period(days: Sequence[date], language: Language) -> str:
    """From the first of the days to the last, as in "12–16 June 2017"."""
    locale = Locale.parse(i18n.locale(language))
    first, last = days[0], days[-1]
    if first == last:
        return format_date(first, "long", locale=locale)
    formats = locale.interval_formats
    # Where the CLDR gives periods with short months only, the month is written out all the same.
    parts = formats.get("yMMMMd", formats["yMMMd"])[_largest_difference(first, last)]
    return "".join(
        format_date(day, re.sub("MMM+", "MMMM", part), locale=locale)
        for day, part in zip((first, last), parts, strict=True)
    )


def short_day(day: date, language: Language) -> str:
    """As in "Mon 12 Jun"."""
    return str(format_skeleton("MMMEd", day, locale=i18n.locale(language)))


def full_day(day: date, language: Language) -> str:
    """As in "Monday, 12 June 2017"."""
    return format_date(day, "full", locale=i18n.locale(language))


def moment(at: datetime, timezone: tzinfo, language: Language) -> str:
    """As in "Mon, 12 Jun 2017, 08:00"."""
    locale = i18n.locale(language)
    pattern = str(get_datetime_format("medium", locale))
    day = format_skeleton("yMMMEd", at.astimezone(timezone), locale=locale)
    clock = format_datetime(at, CLOCK, tzinfo=timezone, locale=locale)
    return pattern.replace("{1}", day).replace("{0}", clock)


def duration(seconds: int, language: Language) -> str:
    """As in "30 minutes" or "3 days"."""
    return format_timedelta(timedelta(seconds=seconds), threshold=1, locale=i18n.locale(language))


def _largest_difference(first: date, last: date) -> str:
    if first.year != last.year:
        return "y"
    return "M" if first.month != last.month else "d"
