"""The words that a badge says itself, in six languages."""

from __future__ import annotations

import pytest

from services.badging import face_words
from shared import forum as forums
from shared.forum import Forum, Language
from shared.settings import Settings


@pytest.fixture(scope="module")
def forum() -> Forum:
    return forums.load(Settings.model_fields["forum"].default)


@pytest.mark.parametrize(
    ("language", "dates"),
    [
        ("ar", "12–16 يونيو 2017"),
        ("zh", "2017年6月12日至16日"),
        ("en", "12–16 Jun 2017"),
        ("fr", "12–16 juin 2017"),
        ("ru", "12–16 июн. 2017 г."),
        ("es", "12–16 de junio de 2017"),
    ],
)
def test_the_dates_are_written_as_its_holder_writes_them(
    forum: Forum, language: Language, dates: str
) -> None:
    # Babel's blanks are of several kinds; here they are all alike.
    assert " ".join(face_words.dates(forum, language).split()) == dates


def test_the_days_of_the_bitmap_are_the_valid_ones(forum: Forum) -> None:
    days = face_words.days(forum, 0b00101, "fr")
    assert [day.label for day in days] == ["lun. 12", "mar. 13", "mer. 14", "jeu. 15", "ven. 16"]
    assert [day.valid for day in days] == [True, False, True, False, False]
