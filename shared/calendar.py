"""The forum as an entry for the registrant's calendar (RFC 5545). Pure.

One event on the badge's days from opening to closing: a daily rule, less the days between that the
badge does not hold for. (Calendars understand EXDATE; several of them pass over RDATE.)
"""

from __future__ import annotations

from datetime import date, datetime, timedelta
from uuid import UUID

from icalendar import Calendar, Event, vCalAddress, vText

from shared.forum import Forum, Language


def calendar(
    forum: Forum,
    *,
    registration_id: UUID,
    language: Language,
    days: int,
    version: int,
    written_at: datetime,
) -> str:
    """The entry as the text of an .ics file.

    METHOD:PUBLISH with an organizer and no attendee: it is shown, nobody is asked to answer. The
    UID stays and SEQUENCE grows: a later badge's entry takes the place of the earlier one, whether
    it came by mail or from the own page.

    Args:
        days: bitmap of the badge's days; at least one.
    """
    attended = [day for index, day in enumerate(forum.days) if days >> index & 1]
    first, last = attended[0], attended[-1]
    event = Event()
    event.add("uid", f"{registration_id}@{forum.contact.email.partition('@')[2]}")
    event.add("sequence", version)
    event.add("dtstamp", written_at)
    event.add("dtstart", _opening(forum, first))
    event.add("dtend", datetime.combine(first, forum.venue.closes, tzinfo=forum.timezone))
    if last > first:
        span = (last - first).days + 1
        event.add("rrule", {"freq": "daily", "count": span})
        all_days = [first + timedelta(days=offset) for offset in range(span)]
        away = [_opening(forum, day) for day in all_days if day not in attended]
        if away:
            event.add("exdate", away)
    event.add("summary", forum.short_name.in_language(language), {"language": language})
    # Calendars are shared with colleagues: no link in here that opens the registration.
    event.add("description", forum.name.in_language(language), {"language": language})
    event.add("location", _place(forum, language), {"language": language})
    event.add("geo", (forum.venue.latitude, forum.venue.longitude))
    event.add("url", forum.contact.website)
    event.add("organizer", _organizer(forum, language))
    event.add("transp", "OPAQUE")
    event.add("status", "CONFIRMED")

    entry = Calendar()
    entry.add("prodid", f"-//Forum Pass//{forum.id}//EN")
    entry.add("version", "2.0")
    entry.add("calscale", "GREGORIAN")
    entry.add("method", "PUBLISH")
    entry.add_component(event)
    entry.add_missing_timezones(
        first_date=date(first.year, 1, 1), last_date=date(last.year + 1, 1, 1)
    )
    text: bytes = entry.to_ical()
    return text.decode()


def _opening(forum: Forum, day: date) -> datetime:
    return datetime.combine(day, forum.venue.opens, tzinfo=forum.timezone)


def _place(forum: Forum, language: Language) -> str:
    venue = forum.venue
    return f"{venue.name.in_language(language)}, {venue.address.in_language(language)}"


def _organizer(forum: Forum, language: Language) -> vCalAddress:
    organizer = vCalAddress(f"mailto:{forum.contact.email}")
    organizer.params["CN"] = vText(forum.short_name.in_language(language))
    return organizer
