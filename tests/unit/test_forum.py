"""The forum's file: what it says, and what it is told when it is wrong."""

from __future__ import annotations

import itertools
import math
import re
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import pytest

from shared.forum import LANGUAGES, Category, Forum, ForumFileError, Text, load

FORUM_FILE = Path(__file__).parents[2] / "deploy" / "forum.toml"


@pytest.fixture(scope="module")
def forum() -> Forum:
    return load(FORUM_FILE)


def texts(forum: Forum) -> list[Text]:
    return [
        *(forum.name, forum.short_name, forum.theme),
        *(forum.venue.name, forum.venue.city, forum.badge_desk.place),
        *(zone.name for zone in forum.zones),
        *(entrance.name for entrance in forum.entrances),
        *(category.name for category in forum.categories),
        *(track.name for track in forum.tracks),
        *(line.name for line in forum.action_lines),
        *(goal.name for goal in forum.sdgs),
    ]


# What the file says


def test_the_default_forum_is_the_one_of_the_letter(forum: Forum) -> None:
    assert forum.id == "wsis-forum-2017"
    assert forum.days == tuple(date(2017, 6, day) for day in range(12, 17))
    assert forum.organizers.in_language("en") == ("ITU", "UNESCO", "UNCTAD", "UNDP")
    assert forum.organizers.in_language("fr") == ("UIT", "UNESCO", "CNUCED", "PNUD")
    assert forum.short_name.in_language("fr") == "Forum 2017 du SMSI"
    assert forum.contact.email == "wsis-info@itu.int"


def test_the_categories_are_the_letters_stakeholders_and_the_roles_on_site(forum: Forum) -> None:
    reviewed = {category.id: category.review for category in forum.categories}
    assert reviewed == {
        "government": False,
        "private_sector": False,
        "civil_society": False,
        "academia_technical_community": False,
        "international_organization": False,
        "media": True,
        "exhibitor": True,
        "staff": True,
        "security": True,
    }


def test_the_venue_is_the_main_zone_and_its_entrances_scan_both_ways(forum: Forum) -> None:
    assert forum.main_zone.id == "venue"
    assert forum.main_zone.scan_out
    assert [gate.id for gate in forum.gates] == [
        "montbrillant-in",
        "montbrillant-out",
        "tower-in",
        "tower-out",
        "varembe-in",
        "varembe-out",
        "popov-room-in",
    ]


def test_the_popov_room_is_for_some_categories_only(forum: Forum) -> None:
    admitted = {category.id for category in forum.categories if "high_level" in category.zones}
    assert admitted == {"government", "international_organization", "media", "staff", "security"}
    assert not forum.zone("high_level").scan_out


def test_all_action_lines_and_goals_are_there(forum: Forum) -> None:
    assert [line.id for line in forum.action_lines] == [f"C{number}" for number in range(1, 12)]
    assert [goal.id for goal in forum.sdgs] == list(range(1, 18))


def test_arabic_russian_and_chinese_names_are_in_their_own_script(forum: Forum) -> None:
    for text in texts(forum):
        assert re.search("[\u0600-\u06ff]", text.ar), text
        assert re.search("[\u0400-\u04ff]", text.ru), text
        assert re.search("[\u4e00-\u9fff]", text.zh), text


def test_a_text_is_found_by_its_language(forum: Forum) -> None:
    said = [forum.venue.city.in_language(language) for language in LANGUAGES]
    assert said == ["جنيف", "日内瓦", "Geneva", "Genève", "Женева", "Ginebra"]


def test_one_list_of_organizers_is_that_of_all_languages(tmp_path: Path) -> None:
    content = FORUM_FILE.read_text(encoding="utf-8")
    by_language = re.compile(r"^organizers\.\w+ = .*\n", re.MULTILINE)
    path = tmp_path / "forum.toml"
    path.write_text('organizers = ["ITU"]\n' + by_language.sub("", content), encoding="utf-8")
    organizers = load(path).organizers
    assert {organizers.in_language(language) for language in LANGUAGES} == {("ITU",)}


# Colours


def linear(color: str) -> list[float]:
    channels = (int(color[at : at + 2], 16) / 255 for at in (1, 3, 5))
    return [c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in channels]


def contrast(one: str, other: str) -> float:
    lights = sorted(
        0.2126 * red + 0.7152 * green + 0.0722 * blue + 0.05
        for red, green, blue in (linear(one), linear(other))
    )
    return lights[1] / lights[0]


# Linear RGB as seen without one kind of cone: Machado, Oliveira and Fernandes (2009), severity 1.
SEEN_BY = {
    "all cones": ((1, 0, 0), (0, 1, 0), (0, 0, 1)),
    "no long-wave cones": (
        (0.152286, 1.052583, -0.204868),
        (0.114503, 0.786281, 0.099216),
        (-0.003882, -0.048116, 1.051998),
    ),
    "no middle-wave cones": (
        (0.367322, 0.860646, -0.227968),
        (0.280085, 0.672501, 0.047413),
        (-0.011820, 0.042940, 0.968881),
    ),
    "no short-wave cones": (
        (1.255528, -0.076749, -0.178779),
        (-0.078411, 0.930809, 0.147602),
        (0.004733, 0.691367, 0.303900),
    ),
}


def lab(color: str, eye: str) -> tuple[float, float, float]:
    """The colour in CIELAB as that eye sees it; distances there are distances to the eye."""
    seen = (sum(a * b for a, b in zip(row, linear(color), strict=True)) for row in SEEN_BY[eye])
    red, green, blue = (min(1.0, max(0.0, channel)) for channel in seen)

    def cube_root(share: float) -> float:
        return share ** (1 / 3) if share > 0.008856 else 7.787 * share + 16 / 116

    x = cube_root((0.4124 * red + 0.3576 * green + 0.1805 * blue) / 0.9505)
    y = cube_root(0.2126 * red + 0.7152 * green + 0.0722 * blue)
    z = cube_root((0.0193 * red + 0.1192 * green + 0.9505 * blue) / 1.089)
    return 116 * y - 16, 500 * (x - y), 200 * (y - z)


@pytest.mark.parametrize("eye", SEEN_BY)
def test_category_colours_can_be_told_apart(forum: Forum, eye: str) -> None:
    def distance(one: Category, other: Category) -> float:
        return math.dist(lab(one.color, eye), lab(other.color, eye))

    assert min(distance(*pair) for pair in itertools.combinations(forum.categories, 2)) > 15


def test_the_category_can_be_read_on_its_colour(forum: Forum) -> None:
    for category in forum.categories:
        assert contrast(category.color, category.text_color) >= 4.5


# Looking things up


def test_what_the_forum_does_not_have_is_a_key_error(forum: Forum) -> None:
    assert forum.gate("tower-out").direction == "out"
    assert forum.entrance("varembe").name.in_language("en") == "Varembé"
    with pytest.raises(KeyError):
        forum.category("tourist")
    with pytest.raises(KeyError):
        forum.zones_bitmap(["cellar"])


def test_bitmaps_are_those_of_the_credential(forum: Forum) -> None:
    assert forum.days_bitmap([0, 1, 2, 3, 4]) == 0b11111
    assert forum.days_bitmap([4, 4]) == 0b10000
    assert forum.zones_bitmap(["high_level"]) == 0b10
    assert forum.zones_bitmap(["venue", "high_level"]) == 0b11
    with pytest.raises(ValueError, match="no day 5"):
        forum.days_bitmap([5])


# Days and hours


@pytest.mark.parametrize(
    ("moment", "day"),
    [
        ("2017-06-11T21:59:59Z", date(2017, 6, 11)),
        ("2017-06-11T22:00:00Z", date(2017, 6, 12)),
        ("2017-06-11T22:30:00Z", date(2017, 6, 12)),
        ("2017-06-12T18:00:00-04:00", date(2017, 6, 13)),
        ("2017-12-31T22:30:00Z", date(2017, 12, 31)),
        ("2017-12-31T23:00:00Z", date(2018, 1, 1)),
    ],
)
def test_a_day_begins_at_midnight_in_geneva(forum: Forum, moment: str, day: date) -> None:
    assert forum.day_of(datetime.fromisoformat(moment)) == day


def test_a_moment_without_offset_has_no_day(forum: Forum) -> None:
    with pytest.raises(ValueError, match="offset"):
        forum.day_of(datetime(2017, 6, 12, 8))  # noqa: DTZ001


def test_days_outside_the_forum_have_no_index(forum: Forum) -> None:
    assert forum.day_index(date(2017, 6, 12)) == 0
    assert forum.day_index(date(2017, 6, 16)) == 4
    assert forum.day_index(date(2017, 6, 17)) is None


@pytest.mark.parametrize(
    ("day", "offset"),
    [
        (date(2017, 3, 25), 1),
        (date(2017, 3, 26), 2),
        (date(2017, 6, 12), 2),
        (date(2017, 10, 28), 2),
        (date(2017, 10, 29), 1),
    ],
)
def test_closing_time_follows_summer_time(forum: Forum, day: date, offset: int) -> None:
    closing = forum.closing_time(day)
    assert closing.utcoffset() == timedelta(hours=offset)
    assert closing.astimezone(UTC).hour == forum.venue.closes.hour - offset
    assert forum.day_of(closing) == day


def test_registration_is_open_from_the_letter_to_the_last_evening(forum: Forum) -> None:
    window = forum.registration
    assert not forum.is_open(window.opens - timedelta(seconds=1))
    assert forum.is_open(window.opens)
    assert forum.is_open(forum.closing_time(forum.days[-1]))
    assert not forum.is_open(window.closes)


# A file that is wrong

MEDIA_ZONES = 'capacity = 300\ndays = [0, 1, 2, 3, 4]\nzones = ["venue", "high_level"]'
POPOV_GATE = 'entrance = "popov_room"\nzone = "high_level"\ndirection = "in"'


@pytest.mark.parametrize(
    ("right", "wrong", "sentence"),
    [
        (
            'entrance = "montbrillant"\nzone = "venue"',
            'entrance = "montbrillant"\nzone = "vneue"',
            'gates[0].zone "vneue" is no zone of this file',
        ),
        (
            'entrance = "tower"',
            'entrance = "turret"',
            'gates[2].entrance "turret" is no entrance of this file',
        ),
        (
            MEDIA_ZONES,
            MEDIA_ZONES.replace("high_level", "cellar"),
            'categories[5].zones[1] "cellar" is no zone of this file',
        ),
        (
            MEDIA_ZONES,
            MEDIA_ZONES.replace("4]", "5]"),
            "categories[5].days[4] 5 is no day of the forum (0 to 4)",
        ),
        ("code = 6", "code = 1", "categories[5].code 1 is categories[0]'s already"),
        ("bit = 1", "bit = 0", "zones[1].bit 0 is zones[0]'s already"),
        (
            "bit = 1",
            "bit = 16",
            "zones[1].bit 16 is wrong: input should be less than or equal to 15",
        ),
        (
            'id = "tower-out"',
            'id = "tower-in"',
            'gates[3].id "tower-in" is gates[2]\'s already',
        ),
        (
            "2017-06-13, 2017-06-14",
            "2017-06-14, 2017-06-13",
            "days[2] 2017-06-13 is not after days[1] 2017-06-14",
        ),
        (
            "2017-06-16]",
            "2017-06-16, 2017-06-17, 2017-06-18, 2017-06-19, 2017-06-20]",
            "days is wrong: tuple should have at most 8 items after validation, not 9",
        ),
        (
            "closes = 20:00:00",
            "closes = 02:00:00",
            "venue.closes 02:00:00 is not after venue.opens",
        ),
        (
            "closes = 2017-06-16T23:59:00+02:00",
            "closes = 2016-06-16T23:59:00+02:00",
            "registration.closes 2016-06-16 23:59:00+02:00 is not after registration.opens",
        ),
        (
            "closes = 2017-06-16T23:59:00+02:00",
            "closes = 2017-06-16T23:59:00",
            "registration.closes 2017-06-16 23:59:00 is wrong: input should have timezone info",
        ),
        (
            "day = 2017-06-09, opens = 14:00:00",
            "day = 2017-06-09, opens = 18:00:00",
            "badge_desk.hours[0].closes 17:00:00 is not after its opens",
        ),
        (
            "scan_out = false\nanti_passback = false",
            "scan_out = false\nanti_passback = true",
            "zones[1].anti_passback is true, but its scan_out is false",
        ),
        (
            "scan_out = false",
            "scan_out = true",
            'zones[1].scan_out is true, but no gate leads out of "high_level"',
        ),
        (
            POPOV_GATE,
            POPOV_GATE.replace("in", "out"),
            'zones[1].scan_out is false, but a gate leads out of "high_level"',
        ),
        ("limit = 2500", "limit = 2000", "zones[0].capacity 2500 is more than venue.limit 2000"),
        ('short_name.ru = "Форум ВВУИО-2017"\n', "", "short_name.ru is missing"),
        ('name.es = "Sala Popov"', 'name.es = " "', 'zones[1].name.es " " is wrong: '),
        ("latitude", "latitud", "venue.latitude is missing"),
        (
            "limit = 2500",
            "limit = 2500\nfloors = 15",
            "venue.floors is not a field of a forum's file",
        ),
        ("organizers.ru = ", "organizers.de = ", "organizers.ru is missing"),
        ('color = "#0072b2"', 'color = "blue"', 'categories[0].color "blue" is wrong: '),
        ('timezone = "Europe/Zurich"', 'timezone = "Geneva"', 'timezone "Geneva" is wrong: '),
        (
            'email = "wsis-info@itu.int"',
            'email = "wsis-info"',
            'contact.email "wsis-info" is wrong: ',
        ),
        ('id = "wsis-forum-2017"', "id = wsis", "is not TOML: "),
    ],
)
def test_a_wrong_file_gets_one_sentence_that_names_the_field(
    tmp_path: Path, right: str, wrong: str, sentence: str
) -> None:
    content = FORUM_FILE.read_text(encoding="utf-8")
    assert right in content
    path = tmp_path / "forum.toml"
    path.write_text(content.replace(right, wrong, 1), encoding="utf-8")
    with pytest.raises(ForumFileError) as refused:
        load(path)
    said = str(refused.value)
    assert said.startswith(f"{path}: {sentence}")
    assert "\n" not in said


def test_a_file_that_cannot_be_read_is_named(tmp_path: Path) -> None:
    with pytest.raises(ForumFileError, match=r"nowhere\.toml: cannot be read: No such file"):
        load(tmp_path / "nowhere.toml")
    (tmp_path / "latin1.toml").write_bytes('id = "café"'.encode("latin-1"))
    with pytest.raises(ForumFileError, match="is not UTF-8 text"):
        load(tmp_path / "latin1.toml")
