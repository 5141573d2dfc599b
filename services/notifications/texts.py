"""What a mail says, in the recipient's language: subject, plain text and HTML, from one template.

A template of `templates/` calls the same parts for both faces: `parts.txt` writes them as text,
`parts.html` as HTML. So each sentence stands, and is translated, once.
"""

from __future__ import annotations

import re
import textwrap
import unicodedata
from dataclasses import dataclass
from datetime import time
from enum import StrEnum
from functools import cache
from pathlib import Path
from typing import Final

from babel.dates import format_date, format_interval
from jinja2 import Environment, FileSystemLoader, StrictUndefined

from services.notifications.matters import Badge, Matter
from shared import i18n
from shared.forum import LANGUAGES, Forum, Language

FOLDER: Final = Path(__file__).parent
TEXT_WIDTH: Final = 76
# French needs the no-break spaces before its colons.
_SPACES: Final = re.compile(r"[^\S\u00a0\u202f]+")
# Characters that turn the reading direction of what follows them: a name could hide what it says.
DIRECTION_MARKS: Final = frozenset("\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069")


class Face(StrEnum):
    text = "txt"
    html = "html"


@dataclass(frozen=True)
class Person:
    """Who is written to, as far as the text shows it."""

    name: str
    language: str
    reference: str
    me_link: str


@dataclass(frozen=True)
class Texts:
    language: Language
    subject: str
    plain: str
    html: str


class Writer:
    """Writes one forum's mails."""

    def __init__(self, forum: Forum, *, rehearsal: bool) -> None:
        self._forum = forum
        self._rehearsal = rehearsal
        self._environment = cache(self._make_environment)

    def write(self, person: Person, matter: Matter, picture: str = "") -> Texts:
        """The texts of a mail.

        Args:
            picture: address of the badge's picture, for the HTML of a badge mail.
        """
        language = _offered(person.language)
        context: dict[str, object] = {"person": person, "matter": matter, "picture": picture}
        if isinstance(matter, Badge):
            context["days"] = self._days(language, matter.days)
            context["category"] = self._forum.category(matter.category).name.in_language(language)
        template = self._environment(language, Face.text).get_template(f"{matter.kind}.jinja")
        subject = "".join(template.blocks["subject"](template.new_context(context)))
        html = self._environment(language, Face.html).get_template(f"{matter.kind}.jinja")
        return Texts(
            language=language,
            subject=one_line(subject),
            plain=re.sub(r"\n{3,}", "\n\n", template.render(context)).strip() + "\n",
            html=html.render(context),
        )

    def _days(self, language: Language, bitmap: int) -> list[str]:
        """The badge's days as a list of lines."""
        return [
            format_date(day, "full", locale=i18n.locale(language))
            for index, day in enumerate(self._forum.days)
            if bitmap >> index & 1
        ]

    def _make_environment(self, language: Language, face: Face) -> Environment:
        environment = Environment(
            loader=FileSystemLoader(FOLDER / "templates"),
            extensions=["jinja2.ext.i18n"],
            autoescape=face is Face.html,  # noqa: S701 - plain text has nothing to escape
            undefined=StrictUndefined,
            trim_blocks=True,
            lstrip_blocks=True,
        )
        catalogue = i18n.translations(FOLDER / "locale", language)
        environment.install_gettext_translations(catalogue, newstyle=True)  # type: ignore[attr-defined]
        environment.filters["wrapped"] = _wrapped
        forum, days = self._forum, self._forum.days
        environment.globals.update(
            language=language,
            direction=i18n.direction(language),
            rehearsal=self._rehearsal,
            forum=forum.short_name.in_language(language),
            forum_in_full=forum.name.in_language(language),
            dates=format_interval(days[0], days[-1], "yMMMMd", locale=i18n.locale(language)),
            venue=forum.venue.name.in_language(language),
            address=forum.venue.address,
            hours=f"{_hour(forum.venue.opens)}–{_hour(forum.venue.closes)}",
            city=forum.venue.city.in_language(language),
            badge_desk=forum.badge_desk.place.in_language(language),
            contact=forum.contact,
            frame=f"frame.{face}",
        )
        environment.globals["parts"] = environment.get_template(f"parts.{face}").module
        return environment


def one_line(text: str) -> str:
    """The text without line breaks, control characters and marks that turn its direction."""
    kept = (
        character if character not in DIRECTION_MARKS and _is_shown(character) else " "
        for character in text
    )
    return _SPACES.sub(" ", "".join(kept)).strip()


def _offered(wanted: str) -> Language:
    """The language, or English while its catalogue is not complete."""
    for language in LANGUAGES:
        if language == wanted and language in i18n.OFFERED:
            return language
    return "en"


def _is_shown(character: str) -> bool:
    return unicodedata.category(character) not in ("Cc", "Cs", "Zl", "Zp")


def _wrapped(text: str) -> str:
    return textwrap.fill(text, TEXT_WIDTH, break_long_words=False, break_on_hyphens=False)


def _hour(moment: time) -> str:
    return moment.strftime("%H:%M")
