"""The language to answer in."""

from __future__ import annotations

from pathlib import Path

import pytest

from shared import i18n
from shared.forum import Language

ALL: tuple[Language, ...] = ("ar", "zh", "en", "fr", "ru", "es")


@pytest.mark.parametrize(
    ("header", "language"),
    [
        ("", "en"),
        ("fr", "fr"),
        ("FR", "fr"),
        ("fr-CH", "fr"),
        ("zh-Hant-TW", "zh"),
        ("de", "en"),
        ("de, fr;q=0.8, en;q=0.7", "fr"),
        ("en;q=0.7, fr;q=0.8", "fr"),
        ("en; q=0.7 , fr ; q=0.8", "fr"),
        ("en;Q=0.7,fr;Q=0.8", "fr"),
        ("ru,es", "ru"),
        ("ru;q=0.5,es;q=0.5", "ru"),
        ("fr;q=0, es;q=0.1", "es"),
        ("fr;q=0", "en"),
        ("*", "en"),
        ("*;q=0.5, ar;q=0.1", "ar"),
        ("fr;q=nan, es;q=0.1", "es"),
        ("fr;q=9, es", "es"),
        (",,;q=,fr", "fr"),
        ("français, ru", "ru"),
        (", ".join(["de"] * 5000 + ["fr"]), "en"),  # nobody reads so many
    ],
)
def test_the_browsers_best_language_is_taken(header: str, language: str) -> None:
    assert i18n.negotiate(header, offered=ALL) == language


def test_the_language_chosen_goes_before_the_browsers() -> None:
    assert i18n.negotiate("fr", "es", offered=ALL) == "es"
    assert i18n.negotiate("fr", "tlh", offered=ALL) == "fr"


def test_a_language_that_is_not_offered_is_not_answered_in() -> None:
    assert i18n.negotiate("ru, fr;q=0.5", offered=("en", "fr")) == "fr"
    assert i18n.negotiate("ru", "ru", offered=("en", "fr")) == "en"


def test_every_language_offered_has_a_name_of_its_own() -> None:
    assert set(i18n.OFFERED) <= set(i18n.NATIVE_NAMES)
    assert set(ALL) == set(i18n.NATIVE_NAMES)


def test_arabic_runs_from_right_to_left() -> None:
    assert {language for language in ALL if i18n.direction(language) == "rtl"} == {"ar"}


def test_a_text_comes_from_the_service_then_from_what_all_share_then_in_english(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(i18n, "SHARED_LOCALE", tmp_path / "shared")
    _catalogue(tmp_path / "shared", {"Badge": "Carte", "Save": "Enregistrer"})
    _catalogue(tmp_path / "own", {"Badge": "Badge nominatif"})
    french = i18n.translations(tmp_path / "own", "fr")
    assert [french.gettext(text) for text in ("Badge", "Save", "Gate")] == [
        "Badge nominatif",
        "Enregistrer",
        "Gate",
    ]


def test_a_language_without_a_catalogue_is_english(tmp_path: Path) -> None:
    assert i18n.translations(tmp_path, "es").gettext("Badge") == "Badge"


def _catalogue(locale: Path, texts: dict[str, str]) -> None:
    folder = locale / "fr" / "LC_MESSAGES"
    folder.mkdir(parents=True)
    head = 'msgid ""\nmsgstr "Content-Type: text/plain; charset=utf-8\\n"\n\n'
    entries = (f'msgid "{source}"\nmsgstr "{text}"\n' for source, text in texts.items())
    (folder / "messages.po").write_text(head + "\n".join(entries), encoding="utf-8")
