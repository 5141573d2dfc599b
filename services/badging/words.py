"""Words that certificates and passes share."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import date
from pathlib import Path
from typing import Final

from babel.lists import format_list

from shared import i18n
from shared.dates import period, short_day
from shared.forum import Forum, Language

LOCALE: Final = Path(__file__).parent / "locale"


def gettext_in(language: Language) -> Callable[[str], str]:
    """Looks up this service's texts."""
    return i18n.translations(LOCALE, language).gettext


def days_of(forum: Forum, bitmap: int) -> list[date]:
    """The days of a bitmap."""
    return [day for index, day in enumerate(forum.days) if bitmap >> index & 1]


def days_in_words(days: Sequence[date], language: Language) -> str:
    """As in "12–14 June 2017", or "Mon 12 Jun and Wed 14 Jun" with days between that are not."""
    if (days[-1] - days[0]).days + 1 == len(days):
        return period(days, language)
    return format_list([short_day(day, language) for day in days], locale=i18n.locale(language))
