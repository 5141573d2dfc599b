"""The entry for the registrant's calendar, read back as a calendar reads it."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from typing import Any
from uuid import UUID

import pytest
from icalendar import Calendar

from shared import forum as forums
from shared.calendar import calendar
from shared.forum import LANGUAGES, Forum, Language
from shared.settings import Settings

ALL_WEEK = 0b11111


@pytest.fixture(scope="module")
def forum() -> Forum:
    return forums.load(Settings.model_fields["forum"].default)


def written(
    forum: Forum, *, language: Language = "en", days: int = ALL_WEEK, version: int = 1
) -> str:
    return calendar(
        forum,
        registration_id=UUID(int=7),
        language=language,
        days=days,
        version=version,
        written_at=datetime(2017, 5, 2, 9, 30, tzinfo=UTC),
    )


def entry(forum: Forum, **particulars: Any) -> Any:
    """The VEVENT; Any, as the library's types do not tell what a property holds."""
    [event] = Calendar.from_ical(written(forum, **particulars)).walk("VEVENT")
    return event


def attended(event: Any) -> list[date]:
    """The days that a calendar shows: the daily rule, less its exceptions."""
    start = event.decoded("DTSTART")
    count = event["RRULE"]["COUNT"][0] if "RRULE" in event else 1
    away = {moment.dt for moment in event["EXDATE"].dts} if "EXDATE" in event else set()
    days = [start + timedelta(days=offset) for offset in range(count)]
    return [day.date() for day in days if day not in away]


@pytest.mark.parametrize("days", range(1, ALL_WEEK + 1))
def test_the_entry_is_on_the_days_of_the_badge(forum: Forum, days: int) -> None:
    expected = [day for index, day in enumerate(forum.days) if days >> index & 1]
    assert attended(entry(forum, days=days)) == expected


def test_a_whole_week_has_no_exceptions_and_one_day_no_rule(forum: Forum) -> None:
    week, day = entry(forum), entry(forum, days=0b01000)
    assert (week["RRULE"]["FREQ"], week["RRULE"]["COUNT"]) == (["DAILY"], [5])
    assert "EXDATE" not in week
    assert "RRULE" not in day
    assert day.decoded("DTSTART").date() == date(2017, 6, 15)


def test_a_gap_is_an_exception_at_the_hour_of_the_day_left_out(forum: Forum) -> None:
    away = [moment.dt for moment in entry(forum, days=0b10011)["EXDATE"].dts]
    zone = forum.timezone
    assert away == [datetime(2017, 6, day, 7, 30, tzinfo=zone) for day in (14, 15)]


def test_the_hours_are_the_venues_in_genevas_time(forum: Forum) -> None:
    event = entry(forum)
    start, end = event.decoded("DTSTART"), event.decoded("DTEND")
    assert start.astimezone(UTC) == datetime(2017, 6, 12, 5, 30, tzinfo=UTC)
    assert end.astimezone(UTC) == datetime(2017, 6, 12, 18, 0, tzinfo=UTC)
    assert event["DTSTART"].params["TZID"] == "Europe/Zurich"


def test_the_time_zone_comes_with_the_entry(forum: Forum) -> None:
    [zone] = Calendar.from_ical(written(forum)).walk("VTIMEZONE")
    assert zone["TZID"] == "Europe/Zurich"
    summer = [part["TZOFFSETTO"].to_ical() for part in zone.walk("DAYLIGHT")]
    winter = [part["TZOFFSETTO"].to_ical() for part in zone.walk("STANDARD")]
    assert (set(summer), set(winter)) == ({"+0200"}, {"+0100"})


def test_a_later_badge_takes_the_place_of_the_earlier_entry(forum: Forum) -> None:
    first, second = entry(forum, version=1), entry(forum, version=3, days=0b00001, language="fr")
    assert first["UID"] == second["UID"] == f"{UUID(int=7)}@itu.int"
    assert (first["SEQUENCE"], second["SEQUENCE"]) == (1, 3)


def test_the_entry_is_shown_and_asks_nobody_for_an_answer(forum: Forum) -> None:
    event = entry(forum)
    assert Calendar.from_ical(written(forum))["METHOD"] == "PUBLISH"
    assert event["ORGANIZER"] == "mailto:wsis-info@itu.int"
    assert event["ORGANIZER"].params["CN"] == "WSIS Forum 2017"
    assert "ATTENDEE" not in event
    assert event["STATUS"] == "CONFIRMED"


@pytest.mark.parametrize("language", LANGUAGES)
def test_the_entry_speaks_the_registrants_language(forum: Forum, language: Language) -> None:
    event = entry(forum, language=language)
    assert event["SUMMARY"] == forum.short_name.in_language(language)
    assert event["SUMMARY"].params["LANGUAGE"] == language
    assert event["DESCRIPTION"] == forum.name.in_language(language)
    assert event["LOCATION"].startswith(forum.venue.name.in_language(language))


@pytest.mark.parametrize("language", LANGUAGES)
def test_every_line_is_as_short_as_calendars_want_it(forum: Forum, language: Language) -> None:
    lines = written(forum, language=language, days=0b10101).encode().split(b"\r\n")
    assert max(len(line) for line in lines) <= 75
    assert not any(b"\n" in line for line in lines)


def test_who_is_shown_the_calendar_gets_no_way_into_the_registration(forum: Forum) -> None:
    assert "token" not in written(forum)
    assert "/registration/" not in written(forum)
