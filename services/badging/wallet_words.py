"""What a pass in a phone's wallet says, in its holder's language. Pure, no I/O."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from services.badging.badges import Badge
from services.badging.holders import Holder
from services.badging.words import days_in_words, days_of, gettext_in
from shared.forum import Category, Forum, Language
from shared.names import full_name


@dataclass(frozen=True)
class Field:
    """A labelled text."""

    key: str
    label: str
    value: str


@dataclass(frozen=True)
class PassWords:
    """All that a pass says."""

    forum: Forum
    language: Language
    category: Category
    badge_id: str
    number: str
    credential: str
    """What its code holds, as on the badge."""
    forum_name: str
    dates: str
    name: Field
    fields: tuple[Field, ...]
    """Beside the name: category, organization."""
    days: Field
    details: tuple[Field, ...]
    """On the back, or further down."""
    opens: datetime
    """On the first of the badge's days."""
    ends: datetime
    """Closing time of the last."""


def words_of(forum: Forum, badge: Badge, holder: Holder) -> PassWords:
    """A pass for a valid badge."""
    language = holder.language
    _ = gettext_in(language)
    category = forum.category(badge.category)
    days = days_of(forum, badge.days)
    venue = forum.venue
    place = f"{venue.name.in_language(language)}\n{venue.address.in_language(language)}"
    hours = _("%(opens)s–%(closes)s") % {
        "opens": f"{venue.opens:%H:%M}",
        "closes": f"{venue.closes:%H:%M}",
    }
    organization = Field("organization", _("Organization"), holder.organization)
    return PassWords(
        forum=forum,
        language=language,
        category=category,
        badge_id=badge.id,
        number=badge.number,
        credential=badge.credential,
        forum_name=forum.short_name.in_language(language),
        dates=days_in_words(forum.days, language),
        name=Field(
            "name",
            _("Name"),
            full_name(holder.title or "", holder.given_name, holder.family_name),
        ),
        fields=(
            Field("category", _("Category"), category.name.in_language(language)),
            *([organization] if holder.organization else []),
        ),
        days=Field("days", _("Days"), days_in_words(days, language)),
        details=(
            Field("number", _("Badge number"), badge.number),
            Field("place", _("Where"), place),
            Field("hours", _("Open"), hours),
            Field("desk", _("Badge desk"), forum.badge_desk.place.in_language(language)),
            Field("contact", _("Contact"), forum.contact.email),
        ),
        opens=datetime.combine(days[0], venue.opens, tzinfo=forum.timezone),
        ends=forum.closing_time(days[-1]),
    )
