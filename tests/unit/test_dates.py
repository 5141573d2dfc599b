"""Days, periods and moments as each language writes them."""

from __future__ import annotations

from datetime import UTC, date, datetime
from zoneinfo import ZoneInfo

import pytest

from shared import dates
from shared.forum import Language


def plain(text: str) -> str:
    """Babel's blanks are of several kinds; here they are all alike."""
    return " ".join(text.split())


@pytest.mark.parametrize(
    ("first", "last", "language", "written"),
    [
        (date(2017, 6, 12), date(2017, 6, 12), "en", "12 June 2017"),
        (date(2017, 6, 12), date(2017, 6, 16), "en", "12–16 June 2017"),
        (date(2017, 6, 28), date(2017, 7, 2), "en", "28 June – 2 July 2017"),
        (date(2017, 12, 28), date(2018, 1, 2), "en", "28 December 2017 – 2 January 2018"),
        (date(2017, 6, 28), date(2017, 7, 2), "ru", "28 июня – 2 июля 2017 г."),
        (date(2017, 6, 28), date(2017, 7, 2), "zh", "2017年6月28日至7月2日"),
        (date(2017, 6, 28), date(2017, 7, 2), "ar", "28 يونيو – 2 يوليو 2017"),
    ],
)
def test_a_period_says_once_what_both_its_ends_share(
    first: date, last: date, language: Language, written: str
) -> None:
    assert plain(dates.period([first, date(2017, 6, 13), last], language)) == written


@pytest.mark.parametrize(
    ("language", "short", "moment"),
    [
        ("ar", "الاثنين، 12 يونيو", "الاثنين، 12 يونيو 2017، 08:05"),
        ("zh", "6月12日周一", "2017年6月12日周一 08:05"),
        ("en", "Mon 12 Jun", "Mon, 12 Jun 2017, 08:05"),
        ("fr", "lun. 12 juin", "lun. 12 juin 2017, 08:05"),
        ("ru", "пн, 12 июн.", "пн, 12 июн. 2017 г., 08:05"),
        ("es", "lun, 12 jun", "lun, 12 jun 2017, 08:05"),
    ],
)
def test_a_moment_is_told_in_the_time_of_the_forum(
    language: Language, short: str, moment: str
) -> None:
    at = datetime(2017, 6, 12, 6, 5, tzinfo=UTC)
    assert plain(dates.short_day(at.date(), language)) == short
    assert plain(dates.moment(at, ZoneInfo("Europe/Zurich"), language)) == moment
