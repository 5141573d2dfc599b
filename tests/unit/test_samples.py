"""The sample mails that organisers are shown."""

from __future__ import annotations

from base64 import b64decode
from xml.etree import ElementTree

import pytest

from services.notifications import samples
from shared import forum as forums
from shared.forum import LANGUAGES, Language
from shared.settings import Settings


@pytest.mark.parametrize("language", LANGUAGES)
def test_the_badge_in_a_sample_is_that_of_the_person_it_is_written_to(language: Language) -> None:
    forum = forums.load(Settings.model_fields["forum"].default)
    start, picture = samples.pictures(forum, language).badge.split(",")
    assert start == "data:image/svg+xml;base64"
    drawn = ElementTree.fromstring(b64decode(picture))  # noqa: S314 - our own
    said = [text.strip() for text in drawn.itertext()]
    assert samples.person(forum, language, "").name in said
    assert forum.categories[0].name.in_language(language) in said
    assert samples.NUMBER in said
