"""The words that a badge says itself, in six languages."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any, cast

import pytest

from services.badging import face_words
from services.badging.holders import Holder
from shared import dates
from shared import forum as forums
from shared.forum import Forum, Language
from shared.settings import Settings
from tests.people import person


@pytest.fixture(scope="module")
def forum() -> Forum:
    return forums.load(Settings.model_fields["forum"].default)


@pytest.mark.parametrize(
    ("language", "period"),
    [
        ("ar", "12–16 يونيو 2017"),
        ("zh", "2017年6月12日至16日"),
        ("en", "12–16 June 2017"),
        ("fr", "12–16 juin 2017"),
        ("ru", "12–16 июня 2017 г."),
        ("es", "12–16 de junio de 2017"),
    ],
)
def test_the_dates_are_written_as_its_holder_writes_them(
    forum: Forum, language: Language, period: str
) -> None:
    # Babel's blanks are of several kinds; here they are all alike.
    assert " ".join(dates.period(forum.days, language).split()) == period


def test_the_days_of_the_bitmap_are_the_valid_ones(forum: Forum) -> None:
    days = face_words.days(forum, 0b00101, "fr")
    assert [day.label for day in days] == ["lun. 12", "mar. 13", "mer. 14", "jeu. 15", "ven. 16"]
    assert [day.valid for day in days] == [True, False, True, False, False]


@pytest.mark.parametrize(
    ("language", "category", "in_english"),
    [
        ("ar", "المجتمع المدني", "Civil society"),
        ("fr", "Société civile", "Civil society"),
        ("en", "Civil society", ""),
    ],
)
def test_who_guards_a_door_can_read_the_category_in_english(
    forum: Forum, language: Language, category: str, in_english: str
) -> None:
    held = person(category="civil_society", language=language)
    badge = SimpleNamespace(category="civil_society", days=1, number="7KQ2-M9X1", credential="A1")
    face = face_words.face_of(forum, cast(Any, badge), Holder.model_validate(held.model_dump()))
    assert (face.category, face.category_in_english) == (category, in_english)
