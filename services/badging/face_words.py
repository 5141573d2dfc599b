"""What a badge says, in its holder's language. Pure, no I/O."""

from __future__ import annotations

from babel.dates import format_skeleton

from services.badging.badges import Badge
from services.badging.face_layout import Day, Face
from services.badging.holders import Holder
from shared import countries, i18n
from shared.dates import period
from shared.forum import Forum, Language


def face_of(forum: Forum, badge: Badge, holder: Holder) -> Face:
    """A badge's face: category and days are the badge's own, the rest the person's of today."""
    language = holder.language
    category = forum.category(badge.category)
    return Face(
        forum_name=forum.name.in_language(language),
        forum_dates=period(forum.days, language),
        family_name=holder.family_name,
        given_name=holder.given_name,
        title=holder.title or "",
        position=holder.position,
        organization=holder.organization,
        country=countries.name(holder.country, language),
        category=category.name.in_language(language),
        category_color=category.color,
        days=days(forum, badge.days, language),
        number=badge.number,
        credential=badge.credential,
        language=language,
        category_in_english="" if language == "en" else category.name.en,
        photo=holder.photo,
    )


def days(forum: Forum, bitmap: int, language: Language) -> tuple[Day, ...]:
    """Each day of the forum, as in "Mon 12", and whether it is in the bitmap."""
    locale = i18n.locale(language)
    return tuple(
        Day(format_skeleton("Ed", day, locale=locale), bool(bitmap >> index & 1))
        for index, day in enumerate(forum.days)
    )
