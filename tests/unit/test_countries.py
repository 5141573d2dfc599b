"""Countries and areas: that all are there, have a name in each language, and lie somewhere."""

from __future__ import annotations

import pytest
from babel import Locale

from shared import countries, country_names
from shared.countries import Region
from shared.forum import LANGUAGES, Language


def test_all_member_states_and_observers_of_the_un_are_there() -> None:
    assert len(countries.MEMBER_STATES) == 193
    assert frozenset({"VA", "PS"}) == countries.OBSERVERS
    assert countries.MEMBER_STATES | countries.OBSERVERS <= countries.CODES


def test_member_states_fall_into_regions_as_itu_counts_them() -> None:
    members = countries.MEMBER_STATES
    by_itu = {
        region: sum(countries.region(code) is region for code in members) for region in Region
    }
    assert by_itu == {
        Region.AFRICA: 44,
        Region.AMERICAS: 35,
        Region.ARAB_STATES: 21,
        Region.ASIA_PACIFIC: 39,
        Region.CIS: 9,
        Region.EUROPE: 45,
    }


def test_what_m49_does_not_list_is_not_offered() -> None:
    assert not countries.CODES & {"XK", "TW", "EU", "UN", "ZZ", "AQ"}


def test_hong_kong_and_macao_are_areas_of_china() -> None:
    assert countries.name("HK", "en") == "Hong Kong SAR China"
    assert countries.name("MO", "en") == "Macao SAR China"
    assert not countries.MEMBER_STATES & {"HK", "MO"}


@pytest.mark.parametrize("language", LANGUAGES)
def test_everyone_can_choose_where_they_come_from_in_their_language(language: Language) -> None:
    offered = countries.choices(language)
    assert {code for code, _ in offered} == countries.CODES
    names = [name for _, name in offered]
    assert all(names)
    assert len(set(names)) == len(names)


def test_every_country_and_area_has_a_region() -> None:
    for code in countries.CODES:
        assert countries.region(code) in Region


def test_names_are_spelled_as_each_language_spells_them() -> None:
    assert [countries.name("EG", language) for language in LANGUAGES] == [
        "مصر",
        "埃及",
        "Egypt",
        "Égypte",
        "Египет",
        "Egipto",
    ]


@pytest.mark.parametrize(
    ("code", "names"),
    [
        ("KP", ("Democratic People’s Republic of Korea", "朝鲜民主主义人民共和国")),
        ("KR", ("Republic of Korea", "大韩民国")),
        ("PS", ("State of Palestine", "巴勒斯坦国")),
        ("VA", ("Holy See", "教廷")),
        ("MM", ("Myanmar", "缅甸")),
        ("RU", ("Russian Federation", "俄罗斯联邦")),
        (
            "GB",
            (
                "United Kingdom of Great Britain and Northern Ireland",
                "大不列颠及北爱尔兰联合王国",
            ),
        ),
        ("LC", ("Saint Lucia", "圣卢西亚")),
        ("TT", ("Trinidad and Tobago", "特立尼达和多巴哥")),
    ],
)
def test_states_are_called_as_the_united_nations_calls_them(
    code: str, names: tuple[str, str]
) -> None:
    assert (countries.name(code, "en"), countries.name(code, "zh")) == names


def test_no_english_name_is_cut_short() -> None:
    names = [name for _, name in countries.choices("en")]
    assert [name for name in names if "&" in name or "St." in name] == []


def test_only_those_that_the_cldr_calls_otherwise_are_named_by_us() -> None:
    differently = {
        code
        for language in LANGUAGES
        for code, name in country_names.of_the_united_nations(language).items()
        if name != Locale.parse(language).territories[code]
    }
    assert differently == set(country_names.of_the_united_nations("en"))
    assert differently <= countries.CODES


def test_itus_regions_differ_from_the_map() -> None:
    assert countries.region("EG") is Region.ARAB_STATES
    assert countries.region("TR") is Region.EUROPE
    assert countries.region("KZ") is Region.CIS
    assert countries.region("AU") is Region.ASIA_PACIFIC


@pytest.mark.parametrize(
    ("language", "codes"),
    [
        ("en", ("AF", "AX", "AL", "ZW")),
        ("fr", ("DM", "EG", "AE", "EC", "ER", "ES", "EE")),
        ("es", ("BE", "BZ", "MX", "FM")),
        ("ru", ("IT", "YE", "CV")),
        ("ar", ("ET", "AM", "BH", "AO", "PG")),
        ("zh", ("AL", "AU", "GB", "DE", "FR", "YE", "VN", "CN")),
    ],
)
def test_the_list_is_in_the_readers_alphabet(language: Language, codes: tuple[str, ...]) -> None:
    order = [code for code, _ in countries.choices(language)]
    assert [order.index(code) for code in codes] == sorted(order.index(code) for code in codes)


def test_a_list_of_choices_can_be_changed_without_harm() -> None:
    countries.choices("en").clear()
    assert countries.choices("en")


def test_an_unknown_code_is_a_key_error() -> None:
    with pytest.raises(KeyError):
        countries.region("XX")
    with pytest.raises(KeyError):
        countries.name("xk", "en")
