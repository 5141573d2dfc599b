"""When one can register: said in words, in the forum's time."""

from __future__ import annotations

from datetime import datetime

from services.registration.registrations import Registrations
from shared import dates
from shared.forum import Forum, Language
from shared.pages import Gettext
from shared.problems import Problem


def sentence(forum: Forum, now: datetime, language: Language, _: Gettext) -> str:
    """Until when, since when or from when on one can register; times are those of the venue."""
    period, city = forum.registration, forum.venue.city.in_language(language)

    def at(moment: datetime) -> str:
        return dates.moment(moment, forum.timezone, language)

    if now < period.opens:
        text = _("Registration opens on %(moment)s (%(city)s time).")
        return text % {"moment": at(period.opens), "city": city}
    if now < period.closes:
        text = _("Registration is open until %(moment)s (%(city)s time).")
        return text % {"moment": at(period.closes), "city": city}
    text = _("Registration closed on %(moment)s (%(city)s time).")
    return text % {"moment": at(period.closes), "city": city}


def check(of: Registrations, language: Language, _: Gettext) -> None:
    """Let somebody register while registration is open.

    Raises:
        Problem: 403, it is not; the detail says in their language when.
    """
    now = of.clock.now()
    if not of.forum.is_open(now):
        raise Problem(
            403,
            "registration-closed",
            sentence(of.forum, now, language, _),
            headers={"Content-Language": language},
        )
