"""Names in every script that has a font: whole, in order, their letters joined and stacked."""

from __future__ import annotations

import re
import sys
import unicodedata
from functools import cache
from pathlib import Path

import pytest

from services.badging import fonts, typesetting
from services.badging.directions import is_right_to_left
from services.badging.face_layout import lay_out
from services.badging.fitting import Style, fit
from services.badging.fonts import Weight, fonts_for, has, shaper
from services.badging.typesetting import Line, clean, set_line, unbroken
from shared.printable import can_be_printed
from tests.unit.test_faces import a_face, look_the_same, overflowing

NAMES = {
    "Adlm": "𞤆𞤵𞤤𞤢𞤪",
    "Armn": "Երևան",
    "Bali": "ᬲ᭄ᬯᬭᬶ",
    "Beng": "শ্রীমঙ্গল",
    "Cakm": "𑄌𑄋𑄴𑄟𑄳𑄦",
    "Cans": "ᐃᖃᓗᐃᑦ",
    "Cham": "ꨀꨇꩉ ꨌꩌ",
    "Cher": "ᏣᎳᎩ",
    "Cyrl": "Ўзбекистон",
    "Deva": "श्रीकृष्ण",
    "Ethi": "አዲስ አበባ",
    "Geor": "თბილისი",
    "Grek": "Αθήνα",
    "Gujr": "ક્ષત્રિય",
    "Guru": "ਅੰਮ੍ਰਿਤਸਰ",
    "Hang": "서울",
    "Hani": "東京",
    "Hebr": "ירושלים",
    "Hira": "さくら",
    "Java": "ꦧꦱ ꦏꦿꦩ",
    "Kana": "サクラ",
    "Khmr": "ភ្នំពេញ",
    "Knda": "ಶ್ರೀರಂಗಪಟ್ಟಣ",
    "Laoo": "ວຽງຈັນ",
    "Latn": "Nguyễn Ọlájídé",
    "Lisu": "ꓡꓲꓢꓴ",
    "Mlym": "തിരുവനന്തപുരം",
    "Mong": "ᠰᠠᠷᠠᠨ\u180eᠠ",
    "Mtei": "ꯏꯝꯐꯥꯜ",
    "Mymr": "မြန်မာ",
    "Nkoo": "ߓߡߊߞߐ߫",
    "Olck": "ᱥᱟᱱᱛᱟᱲᱤ",
    "Orya": "ଭୁବନେଶ୍ୱର",
    "Osge": "𐓏𐓘𐓻𐓘𐓻𐓟",
    "Rohg": "𐴌𐴗𐴥𐴝𐴙𐴚𐴒𐴙𐴝",
    "Sinh": "ශ්‍රී ලංකා",
    "Sylo": "ꠍꠤꠟꠐꠤ",
    "Syrc": "ܣܘܪܝܝܐ",
    "Taml": "கொழும்பு",
    "Tavt": "ꪼꪕꪒꪾ",
    "Telu": "శ్రీకాకుళం",
    "Tfng": "ⵜⵉⴼⵉⵏⴰⵖ",
    "Thaa": "މާލެ",
    "Thai": "สมศักดิ์",
    "Tibt": "བསྒྲུབས",
    "Vaii": "ꕙꔤ",
    "Yiii": "ꆈꌠ",
    "Arab": "ٹنڈو پښتو ڪراچي ئۇيغۇر",
}
"""Cities, peoples and names, by script (ISO 15924)."""
RIGHT_TO_LEFT = ["Adlm", "Arab", "Hebr", "Nkoo", "Rohg", "Syrc", "Thaa"]
JOINED = ["Adlm", "Arab", "Mong", "Nkoo", "Rohg", "Syrc"]
STACKED = [
    *["Bali", "Beng", "Cakm", "Deva", "Gujr", "Guru", "Java", "Khmr", "Knda", "Mlym"],
    *["Mymr", "Orya", "Sinh", "Taml", "Telu", "Tibt"],
]
MARKED = ["Cham", "Laoo", "Tavt", "Thaa", "Thai"]
each_script = pytest.mark.parametrize("script", NAMES)


def the_line(text: str, weight: Weight = Weight.BOLD) -> Line:
    return set_line(clean(text), weight, is_right_to_left(text))


@cache
def is_drawn(character: str) -> bool:
    return all(
        any(has(font, character) for font in fonts_for(character, weight)) for weight in Weight
    )


@each_script
@pytest.mark.parametrize("weight", Weight)
def test_a_name_is_whole(script: str, weight: Weight) -> None:
    name = NAMES[script]
    assert clean(name) == name
    assert can_be_printed(name)
    runs = the_line(name, weight).runs
    assert [run.text for run in runs if 0 in {glyph.number for glyph in run.glyphs}] == []
    assert "".join(run.text for run in runs) == name


def test_every_typeface_is_tried() -> None:
    assert set(fonts._TYPEFACES) <= set(NAMES)
    for script, typeface in fonts._TYPEFACES.items():
        assert {run.font.typeface for run in the_line(NAMES[script]).runs} == {typeface}


@pytest.mark.parametrize("script", [*JOINED, *STACKED])
def test_letters_are_joined_and_stacked(script: str) -> None:
    """Not each letter as it is when alone, one after the other."""
    step = -1 if script in RIGHT_TO_LEFT else 1
    for run in the_line(NAMES[script]).runs:
        alone = [shaper(run.font).get_nominal_glyph(ord(letter)) for letter in run.text[::step]]
        assert [glyph.number for glyph in run.glyphs] != alone


@pytest.mark.parametrize("script", MARKED)
def test_marks_stand_on_their_letters(script: str) -> None:
    """Not one after the other: some glyph begins before the one that it follows has ended."""
    [run] = the_line(NAMES[script]).runs
    font = shaper(run.font)
    advances = [font.get_glyph_h_advance(glyph.number) for glyph in run.glyphs]
    ends = [sum(advances[: place + 1]) / font.face.upem for place in range(len(advances))]
    starts = [end - advance / font.face.upem for end, advance in zip(ends, advances, strict=True)]
    placed = [(glyph.x, glyph.y) for glyph in run.glyphs]
    assert placed != [(start, 0) for start in starts] or 0 in advances


@pytest.mark.parametrize(
    ("name", "glyphs"),
    [("ភ្នំ", 3), ("မြ", 2), ("កោ", 2), ("கொ", 3), ("ක්‍ර", 2), ("སྒྲུ", 1)],
)
def test_a_syllable_has_the_glyphs_that_its_script_writes(name: str, glyphs: int) -> None:
    """A consonant below, around or before another; a vowel of two parts on both sides."""
    [run] = the_line(name).runs
    assert len(run.glyphs) == glyphs


@pytest.mark.parametrize(("name", "first"), [("மெ", "ெ"), ("เก", "เ"), ("ကေ", "ေ"), ("កែ", "ែ")])
def test_a_vowel_stands_before_the_consonant_it_follows_in_speech(name: str, first: str) -> None:
    [run] = the_line(name).runs
    assert run.glyphs[0].number == shaper(run.font).get_nominal_glyph(ord(first))


@pytest.mark.parametrize("script", RIGHT_TO_LEFT)
def test_names_from_right_to_left_begin_on_the_right(script: str) -> None:
    name = NAMES[script]
    assert is_right_to_left(name)
    last = the_line(name).runs[-1]
    assert last.glyphs[-1].x > last.glyphs[0].x
    assert last.glyphs[-1].character == name[0]


@pytest.mark.parametrize(
    ("text", "in_order"),
    [
        ("משרד IPv6 ירושלים", ["ירושלים", "IPv6", "משרד"]),
        ("މާލެ 2017", ["2017", "މާލެ"]),
        ("Cohen כהן 7", ["Cohen", "7", "כהן"]),
        ("ߒߞߏ Ltd", ["Ltd", "ߒߞߏ"]),
    ],
)
def test_directions_are_mixed_as_unicode_says(text: str, in_order: list[str]) -> None:
    assert [words for run in the_line(text).runs if (words := run.text.strip())] == in_order


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("דוד (David) 7", "7 (David) דוד"),
        ("משרד (ITU) Geneva", "Geneva (ITU) משרד"),
        ("Cohen (כהן) [5G] 7", "Cohen (כהן) [5G] 7"),
        ("David [דוד (5) David]", "David [(5) דוד David]"),
        ("דוד (a", "a) דוד"),
        ("ITU (משרד) כהן Ltd", "ITU (משרד) כהן Ltd"),
    ],
)
def test_both_brackets_of_a_pair_are_round_what_they_enclose(text: str, shown: str) -> None:
    """The glyphs from left to right; a word from right to left is written here as it is read."""
    seen = ""
    for run in the_line(text).runs:
        shapes = {shaper(run.font).get_nominal_glyph(ord(sign)): sign for sign in f"{text}()[]"}
        seen += "".join(shapes[glyph.number] for glyph in run.glyphs)
    written = re.sub(r"[א-ת]+", lambda word: word[0][::-1], seen)
    assert " ".join(written.split()) == shown


def test_brackets_turn_with_the_text() -> None:
    [run] = the_line("(כהן)").runs
    opening = shaper(run.font).get_nominal_glyph(ord("("))
    assert run.glyphs[0].number == opening
    assert run.glyphs[0].character == ")"


@each_script
def test_a_badge_shows_a_name_as_a_picture_and_in_print(script: str) -> None:
    name = NAMES[script]
    face = a_face(family_name=name, given_name=name, organization=f"{name} {name} " * 12)
    assert not list(overflowing(face))
    assert look_the_same(face)


@pytest.mark.parametrize(
    "words",
    ["สำนักงานคณะกรรมการกิจการ", "ក្រសួងប្រៃសណីយ៍", "ກະຊວງເຕັກໂນໂລຊີ", "ပို့ဆောင်ရေးနှင့်", "བོད་ཀྱི་དཔེ་མཛོད་"],
)
def test_a_long_text_without_blanks_is_wrapped(words: str) -> None:
    style = Style(Weight.BOLD, largest=50, one_line=40, smallest=20)
    text = words * 2
    wrapped = fit(text, style, width=the_line(text).width * 25)
    assert len(wrapped.lines) == 2
    assert "".join(run.text for line in wrapped.lines for run in line.runs) == text
    assert len(fit(words * 40, style, width=400).lines) == 2


@pytest.mark.parametrize(
    ("word", "parts"),
    [
        ("เกาะน้ำ", ["เกาะ", "น้ำ"]),
        ("ខ្មែរ", ["ខ្មែ", "រ"]),
        ("မြန်မာ", ["မြ", "န်", "မာ"]),
        ("हिन्दी", ["हि", "न्दी"]),
        ("தமிழ்", ["த", "மி", "ழ்"]),
        ("अ" + "क्" * 60, ["अ", *["क्" * 8] * 7, "क्" * 4]),
    ],
)
def test_no_line_ends_within_a_syllable(word: str, parts: list[str]) -> None:
    assert unbroken(word) == parts


def test_korean_is_broken_between_words() -> None:
    style = Style(Weight.BOLD, largest=40, one_line=40, smallest=20)
    broken = fit("과학기술정보통신부 정보통신정책실", style, width=400).lines
    assert ["".join(run.text for run in line.runs) for line in broken] == [
        "과학기술정보통신부",
        "정보통신정책실",
    ]


def test_what_a_form_takes_is_what_the_fonts_have() -> None:
    letters = (
        character
        for character in map(chr, range(sys.maxunicode))
        if unicodedata.category(character)[0] in "LMN"
        and unicodedata.is_normalized("NFC", character)
        and "VARIATION SELECTOR" not in unicodedata.name(character, "")
    )
    differing = [
        f"U+{ord(character):04X}"
        for character in letters
        if is_drawn(character) != can_be_printed(character)
    ]
    assert differing == []


@pytest.mark.parametrize("name", ["ᰛᰩᰵ", "𓀀", "𠮷田", "Ada 𒀀"])
def test_a_letter_that_no_font_has_is_seen_to_be_missing(name: str) -> None:
    assert not can_be_printed(name)
    assert "\ufffd" in clean(name)
    for run in the_line(name).runs:
        assert 0 not in {glyph.number for glyph in run.glyphs}


@pytest.mark.parametrize(
    ("typed", "kept"),
    [
        ("葛\U000e0100", "葛"),
        ("ก\u0e34\u0e48", "ก\u0e34\u0e48"),
        ("က" + "\u102d" * 20, "က" + "\u102d" * 8),
        ("A" + "\u0301\u200d" * 4, "Á\u200d\u0301\u200d\u0301\u200d"),
        ("\u200dA", "A"),
    ],
)
def test_marks_are_kept_as_far_as_a_script_needs_them(typed: str, kept: str) -> None:
    assert clean(typed) == kept


def test_a_latin_badge_opens_no_other_font(monkeypatch: pytest.MonkeyPatch) -> None:
    opened = set()

    def noting(font: fonts.Font) -> object:
        opened.add(font.typeface)
        return shaper(font)

    monkeypatch.setattr("services.badging.fonts.shaper", noting)
    monkeypatch.setattr("services.badging.typesetting.shaper", noting)
    for kept in (set_line, typesetting._font_of, typesetting._drawable):
        kept.cache_clear()
    lay_out(a_face(family_name="Quite-Another", given_name="Žofie"))
    assert opened == {"Noto Sans"}


def test_fonts_that_were_not_fetched_are_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "noto-sans").mkdir()
    monkeypatch.setenv("FORUMPASS_FONTS", str(tmp_path))
    with pytest.raises(FileNotFoundError, match=r"noto-sans-kr"):
        fonts.font_directory.__wrapped__()
