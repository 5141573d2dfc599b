"""What a mail says, in the recipient's language: subject, plain text and HTML, from one template.

A template of `templates/` calls the same parts for both faces: `parts.txt` writes them as text,
`parts.html` as HTML. So each sentence stands, and is translated, once.
"""

from __future__ import annotations

import re
import textwrap
import unicodedata
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import time
from enum import StrEnum
from functools import cache, partial
from pathlib import Path
from typing import Final

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup

from services.notifications.matters import (
    Badge,
    Certificate,
    Matter,
    Reminder,
    SignIn,
    StaffInvited,
)
from shared import dates, i18n
from shared.forum import LANGUAGES, Forum, Language
from shared.wallets import Wallet

FOLDER: Final = Path(__file__).parent
TEXT_WIDTH: Final = 76
_UNBROKEN: Final = Markup('<bdi style="white-space:nowrap">{}</bdi>')
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
    registered_by: str | None = None
    """As in mails.Addressee."""


@dataclass(frozen=True)
class Pictures:
    """Where the HTML of a badge mail finds its pictures."""

    badge: str = ""
    code: str = ""
    """The QR alone."""


@dataclass(frozen=True)
class Texts:
    language: Language
    subject: str
    plain: str
    html: str


NO_PICTURES: Final = Pictures()


class Writer:
    """Writes one forum's mails.

    Args:
        origin: the public URL that the links in them begin with.
        rehearsal: whether they say that nothing of it is real.
        wallets: those that badges can be put into.
    """

    def __init__(
        self, forum: Forum, origin: str, *, rehearsal: bool, wallets: Sequence[Wallet] = ()
    ) -> None:
        self._forum = forum
        self._wallets = wallets
        self._origin = origin
        self._rehearsal = rehearsal
        self._environment = cache(self._make_environment)

    def __reduce__(self) -> tuple[Callable[..., Writer], tuple[Forum, str]]:
        # What Jinja has made of the templates does not travel to another process.
        writer = partial(Writer, rehearsal=self._rehearsal, wallets=self._wallets)
        return writer, (self._forum, self._origin)

    def write(self, person: Person, matter: Matter, pictures: Pictures = NO_PICTURES) -> Texts:
        """The texts of a mail, in the person's own language."""
        language = _offered(person.language)
        context: dict[str, object] = {"person": person, "matter": matter, "pictures": pictures}
        context |= self._about(matter, language)
        template = self._environment(language, Face.text).get_template(f"{matter.kind}.jinja")
        subject = "".join(template.blocks["subject"](template.new_context(context)))
        html = self._environment(language, Face.html).get_template(f"{matter.kind}.jinja")
        return Texts(
            language=language,
            subject=one_line(subject),
            plain=re.sub(r"\n{3,}", "\n\n", template.render(context)).strip() + "\n",
            html=html.render(context),
        )

    def _about(self, matter: Matter, language: Language) -> dict[str, object]:
        """What the forum's file says of what a mail is about."""
        forum = self._forum
        match matter:
            case Badge():
                return {
                    "wallets": self._wallet_links(matter.files_link),
                    "days": self._days(language, matter.days),
                    "category": forum.category(matter.category).name.in_language(language),
                }
            case Reminder():
                first = forum.days[(matter.days & -matter.days).bit_length() - 1]
                return {
                    "wallets": self._wallet_links(matter.files_link),
                    "days": self._days(language, matter.days),
                    "first_day": dates.full_day(first, language),
                    "desk_hours": [
                        _span(language, hours.opens, hours.closes)
                        for hours in forum.badge_desk.hours
                        if hours.day == first
                    ],
                }
            case Certificate():
                return {"days": self._days(language, matter.days)}
            case SignIn() | StaffInvited():
                return {"valid_for": dates.duration(matter.valid_seconds, language)}
            case _:
                return {}

    def _wallet_links(self, files_link: str) -> dict[str, str]:
        """Where each wallet takes the badge from."""
        return {
            wallet: self._origin + files_link.replace("{suffix}", wallet.suffix)
            for wallet in self._wallets
        }

    def _days(self, language: Language, bitmap: int) -> list[str]:
        """The badge's days as a list of lines."""
        return [
            dates.full_day(day, language)
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
            # Else each mail looks at each template's file, whether it has changed.
            auto_reload=False,
        )
        catalogue = i18n.translations(FOLDER / "locale", language)
        environment.install_gettext_translations(catalogue, newstyle=True)  # type: ignore[attr-defined]
        environment.filters["wrapped"] = _wrapped
        isolated = _isolation(face, language)
        environment.filters["isolated"] = isolated
        # Our address, which is short: broken at its hyphen, it is copied wrong.
        environment.filters["in_one_line"] = _UNBROKEN.format if face is Face.html else isolated
        forum = self._forum
        environment.globals.update(
            language=language,
            direction=i18n.direction(language),
            language_name=i18n.NATIVE_NAMES[language],
            rehearsal=self._rehearsal,
            forum=forum.short_name.in_language(language),
            forum_in_full=forum.name.in_language(language),
            dates=dates.period(forum.days, language),
            venue=forum.venue.name.in_language(language),
            address=forum.venue.address.in_language(language),
            hours=_span(language, forum.venue.opens, forum.venue.closes),
            entrances=[one.name.in_language(language) for one in forum.ways_in],
            origin=self._origin,
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


def _isolation(face: Face, language: Language) -> Callable[[str], str]:
    """How a name or an address is kept from mixing with text that runs the other way.

    Not for the forum's own texts: they run as the mail does, whatever letter they begin with.
    """
    if face is Face.html:
        return Markup("<bdi>{}</bdi>").format
    if i18n.direction(language) == "rtl":
        return "\u2068{}\u2069".format  # first strong isolate, and its end
    return str


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


def _span(language: Language, opens: time, closes: time) -> str:
    _ = i18n.translations(FOLDER / "locale", language).gettext
    hours = {"opens": f"{opens:%H:%M}", "closes": f"{closes:%H:%M}"}
    return _("%(opens)s–%(closes)s") % hours
