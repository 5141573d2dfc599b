"""A badge's faces: every name fits, every code reads, every script is whole."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from io import BytesIO
from itertools import pairwise

import pypdfium2
import pytest
import zxingcpp
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from services.badging import colors, qr
from services.badging.columns import Box, Text
from services.badging.face_layout import HEIGHT, WIDTH, Day, lay_out
from services.badging.faces import Face, draw_pdf, draw_png
from services.badging.fitting import Style, fit
from services.badging.fonts import Weight, fonts_of, shaper
from services.badging.typesetting import capitals, clean, set_line

CREDENTIAL = ("6BF+70%%*" + "A1B2 D4E5$" * 11)[:117]

WEEK = ("Mon 12", "Tue 13", "Wed 14", "Thu 15", "Fri 16")


def a_face(**changes: object) -> Face:
    face = Face(
        forum_name="WSIS Forum 2017",
        forum_dates="Geneva, 12–16 June 2017",
        family_name="Müller-Żółć",
        given_name="Anne-Sophie",
        title="Dr",
        position="Director, Digital Policy",
        organization="Federal Office of Communications",
        country="Switzerland",
        category="Government",
        category_color="#1b5fa8",
        days=[Day(label, valid=True) for label in WEEK],
        number="7KQ2-M9X1",
        credential=CREDENTIAL,
        language="en",
    )
    return replace(face, **changes)  # type: ignore[arg-type]


def a_photo(
    mode: str = "RGB", image_format: str = "JPEG", size: tuple[int, int] = (900, 700)
) -> bytes:
    buffer = BytesIO()
    Image.new(mode, size, "orange").save(buffer, image_format)
    return buffer.getvalue()


LONG = (
    "Wolfeschlegelsteinhausenbergerdorff-Montgomery de la Santísima Trinidad von und zu Hohenlohe"
)
FACES = {
    "latin": a_face(),
    "arabic": a_face(
        category_in_english="Government",
        family_name="القحطاني",
        given_name="عبد الرحمن محمد",
        organization="وزارة الاتصالات وتقنية المعلومات (السياسات)",
        position="مدير عام ۱۲ ٣٤ 56",
        country="المملكة العربية السعودية",
        category="الحكومات",
        forum_name="منتدى القمة العالمية لمجتمع المعلومات 2017",
        forum_dates="جنيف، 12–16 يونيو 2017",
        days=[Day("الاثنين 12", valid=True), Day("الثلاثاء 13", valid=False)],
        language="ar",
    ),
    "chinese": a_face(
        family_name="王",
        given_name="小明",
        organization="中华人民共和国工业和信息化部",
        forum_dates="日内瓦，2017年6月12日至16日",
        category="学术界和技术界",
        language="zh",
    ),
    "cyrillic": a_face(
        family_name="Рождественский",
        given_name="Александр Константинович",
        organization="Министерство цифрового развития, связи и массовых коммуникаций",
        language="ru",
    ),
    "mixed": a_face(family_name="Haddad حداد", given_name="Li 李 Ωμέγα", country="Lebanon (لبنان)"),
    "long": a_face(
        family_name=LONG, given_name=LONG, organization=LONG, position=LONG, country=LONG
    ),
    "unbroken": a_face(
        family_name="W" * 120,
        given_name="字" * 120,
        organization="Щ" * 120,
        position="ش" * 120,
        title="W" * 120,
        country="W" * 120,
        category="W" * 120,
        forum_name="W" * 120,
        forum_dates="W" * 120,
        days=[Day("W" * 40, valid=day % 2 == 0) for day in range(8)],
    ),
    "marks": a_face(family_name="A" + "\u0301" * 40, given_name="ل" + "\u064b" * 40),
    "short": a_face(family_name="O", given_name="", title="", organization="", position=""),
    "emoji": a_face(family_name="😀", given_name="Zoë 👩🏽‍💻❤️", organization="🏳️‍🌈"),
    "photo": a_face(photo=a_photo(), days=[Day(label, valid=False) for label in WEEK]),
}
BESIDE_A_PHOTO = {
    name: replace(FACES[name], photo=a_photo(size=(240, 320)))
    for name in ("latin", "arabic", "chinese", "cyrillic", "long", "unbroken")
}
FACES |= {f"{name} beside a photo": face for name, face in BESIDE_A_PHOTO.items()}
each_face = pytest.mark.parametrize("face", FACES.values(), ids=FACES.keys())


def ink_of(text: Text) -> Box | None:
    """The box around all that is drawn of `text`."""
    font = shaper(text.font)
    scale = text.size / font.face.upem
    edges = []
    for glyph in text.glyphs:
        drawn = font.get_glyph_extents(glyph.number)
        if drawn is not None and drawn.width:
            left = text.x + glyph.x * text.size + drawn.x_bearing * scale
            top = text.baseline - glyph.y * text.size - drawn.y_bearing * scale
            right, bottom = left + drawn.width * scale, top - drawn.height * scale
            edges.append((left, top, right, bottom))
    if not edges:
        return None
    lefts, tops, rights, bottoms = zip(*edges, strict=True)
    left, top = min(lefts), min(tops)
    return Box(left, top, max(rights) - left, max(bottoms) - top)


def is_inside(inner: Box, outer: Box) -> bool:
    slack = 0.01
    return (
        inner.left >= outer.left - slack
        and inner.top >= outer.top - slack
        and inner.right <= outer.right + slack
        and inner.bottom <= outer.bottom + slack
    )


def overflowing(face: Face) -> Iterator[Text]:
    page = Box(0, 0, WIDTH, HEIGHT)
    for text in lay_out(face).texts:
        ink = ink_of(text)
        if ink and not (is_inside(ink, text.within) and is_inside(text.within, page)):
            yield text


def page_of(pdf: bytes) -> Image.Image:
    page = pypdfium2.PdfDocument(pdf)[0]
    picture: Image.Image = page.render(scale=300 / 72).to_pil().convert("RGB")
    return picture


def codes_in(picture: Image.Image) -> list[str]:
    return [code.text for code in zxingcpp.read_barcodes(picture)]


@each_face
def test_the_picture_is_a6_at_300_dpi_and_its_code_reads(face: Face) -> None:
    picture = Image.open(BytesIO(draw_png(face)))
    picture.load()
    assert (picture.format, picture.mode, picture.size) == ("PNG", "P", (1240, 1748))
    assert picture.info["dpi"] == pytest.approx((300, 300), abs=0.01)
    assert codes_in(picture) == [CREDENTIAL]


@each_face
def test_the_print_is_one_a6_page_and_its_code_reads(face: Face) -> None:
    document = pypdfium2.PdfDocument(draw_pdf(face))
    assert len(document) == 1
    assert document[0].get_size() == pytest.approx((105 / 25.4 * 72, 148 / 25.4 * 72), abs=0.1)
    assert codes_in(page_of(draw_pdf(face))) == [CREDENTIAL]


@each_face
def test_nothing_leaves_its_box(face: Face) -> None:
    assert not list(overflowing(face))


@settings(max_examples=60, deadline=None)
@given(family_name=st.text(max_size=120), organization=st.text(max_size=120))
def test_no_text_whatever_leaves_its_box_or_fails(family_name: str, organization: str) -> None:
    face = a_face(family_name=family_name, given_name="x", organization=organization)
    assert not list(overflowing(face))


@each_face
def test_texts_do_not_run_into_each_other(face: Face) -> None:
    slots = sorted({(text.within.top, text.within.bottom) for text in lay_out(face).texts})
    for (_, above), (below, _) in pairwise(slots):
        assert above <= below + 0.01


def look_the_same(face: Face) -> bool:
    picture = Image.open(BytesIO(draw_png(face))).convert("L").resize((124, 175))
    printed = page_of(draw_pdf(face)).convert("L").resize((124, 175))
    different = sum(
        abs(a - b) > 80 for a, b in zip(picture.tobytes(), printed.tobytes(), strict=True)
    )
    return different < 0.004 * 124 * 175


@each_face
def test_the_picture_and_the_print_look_the_same(face: Face) -> None:
    assert look_the_same(face)


def apart(one: Box, other: Box) -> bool:
    return (
        one.right <= other.left
        or other.right <= one.left
        or one.bottom <= other.top
        or other.bottom <= one.top
    )


@pytest.mark.parametrize("name", BESIDE_A_PHOTO)
def test_a_photo_stands_by_itself_and_moves_only_the_code(name: str) -> None:
    with_photo, without = lay_out(BESIDE_A_PHOTO[name]), lay_out(FACES[name])
    photo, code, quiet = with_photo.photo, with_photo.qr, 4 * with_photo.qr.width / qr.MODULES
    assert photo is not None
    assert without.photo is None
    assert is_inside(photo, Box(0, 0, WIDTH, HEIGHT))
    around = Box(code.left - quiet, code.top - quiet, code.width + 2 * quiet, code.height)
    assert apart(photo, around)
    grounds = [fill.box for fill in with_photo.fills]
    inks = [ink for text in with_photo.texts if (ink := ink_of(text))]
    assert [box for box in grounds + inks if not apart(photo, box)] == []
    assert with_photo.fills == without.fills
    moved = {
        one.text for one, other in zip(with_photo.texts, without.texts, strict=True) if one != other
    }
    assert moved == {FACES[name].number}


@pytest.mark.parametrize("name", ["latin", "arabic", "chinese", "cyrillic", "mixed", "photo"])
def test_every_letter_has_a_shape(name: str) -> None:
    missing = 0
    for text in lay_out(FACES[name]).texts:
        assert missing not in {glyph.number for glyph in text.glyphs}, text.text


@pytest.mark.parametrize("photo", [None, a_photo()], ids=["alone", "beside a photo"])
def test_the_code_is_30_mm_wide_and_crisp_in_its_quiet_zone(photo: bytes | None) -> None:
    face = a_face(photo=photo)
    code = lay_out(face).qr
    assert code.width / 300 * 25.4 >= 30
    module, rest = divmod(int(code.width), qr.MODULES)
    assert rest == 0
    quiet = 4 * module
    left, top = int(code.left) - quiet, int(code.top) - quiet
    picture = Image.open(BytesIO(draw_png(face))).convert("RGB")
    area = picture.crop((left, top, left + 45 * module, top + 45 * module))
    assert {color for _, color in area.getcolors() or []} == {colors.TEXT, colors.PAPER}
    area.paste(colors.PAPER, (quiet, quiet, quiet + int(code.width), quiet + int(code.height)))
    assert area.getcolors() == [((45 * module) ** 2, colors.PAPER)]


def test_the_code_is_a_version_5_of_level_m() -> None:
    [code] = zxingcpp.read_barcodes(Image.open(BytesIO(draw_png(a_face()))))
    assert code.ec_level == "M"
    assert len(qr.modules(CREDENTIAL)) == 37


@pytest.mark.parametrize("text", ["lower case", "Ж"])
def test_a_code_holds_only_what_base45_has(text: str) -> None:
    with pytest.raises(ValueError, match=r"ascii|represented"):
        qr.modules(text)


def test_the_print_can_be_searched_and_carries_its_fonts() -> None:
    pdf = draw_pdf(a_face())
    text = pypdfium2.PdfDocument(pdf)[0].get_textpage().get_text_range()
    for words in ("MÜLLER-ŻÓŁĆ", "Anne-Sophie", "Federal Office", "7KQ2-M9X1", "Government"):
        assert words in text
    assert b"/FontFile2" in pdf
    assert b"Helvetica" not in pdf
    assert draw_pdf(a_face()) == pdf


@pytest.mark.parametrize(
    ("name", "written"),
    [
        ("Müller", "MÜLLER"),
        ("Weiß", "WEISS"),
        ("Ωμέγα", "ΩΜΈΓΑ"),
        ("щукин", "ЩУКИН"),
        ("القحطاني", "القحطاني"),
        ("王", "王"),
        ("გიორგი", "გიორგი"),
    ],
)
def test_family_names_stand_in_capitals_where_the_script_has_them(name: str, written: str) -> None:
    assert capitals(name) == written


@pytest.mark.parametrize(
    ("typed", "kept"),
    [
        ("  Anne\n\tSophie ", "Anne Sophie"),
        ("Zoe\u0308 👩🏽‍💻❤️", "Zoë"),
        ("می\u200cخواهم", "می\u200cخواهم"),
        ("evil\u202egnp.exe", "evilgnp.exe"),
        ("a\x00b\ud800c", "abc"),
        ("A\u0301\u0301\u0301\u0301\u0301", "Á\u0301\u0301"),
    ],
)
def test_what_cannot_be_drawn_is_left_out(typed: str, kept: str) -> None:
    assert clean(typed) == kept


def test_arabic_is_joined_and_stands_from_right_to_left() -> None:
    """Hah, dal, alef, dal: the first is at the right, and joined to the second."""
    line = set_line("حداد", Weight.BOLD, right_to_left=True)
    [run] = line.runs
    assert [glyph.character for glyph in run.glyphs] == ["د", "ا", "د", "ح"]
    alone = shaper(run.font).get_nominal_glyph(ord("ح"))
    assert run.glyphs[-1].number != alone


def test_numbers_in_arabic_text_stay_from_left_to_right() -> None:
    line = set_line("منتدى 2017", Weight.BOLD, right_to_left=True)
    assert [run.text.strip() for run in line.runs] == ["2017", "منتدى"]


def test_each_script_is_drawn_in_the_font_that_has_it() -> None:
    line = set_line("Li 李 لي", Weight.REGULAR, right_to_left=False)
    latin, arabic, chinese = fonts_of(Weight.REGULAR)
    assert [run.font for run in line.runs] == [latin, chinese, arabic]


def test_a_long_name_shrinks_then_wraps_then_is_cut() -> None:
    def family(name: str) -> list[Text]:
        face = a_face(family_name=name, title="", given_name="")
        return [text for text in lay_out(face).texts if text.text[:2] == "MO" or "…" in text.text]

    [short] = family("Mo")
    [longer] = family("Montgomery-Windsor")
    assert longer.size < short.size
    wrapped = [text for text in lay_out(a_face(family_name="Mo " * 14)).texts if "MO" in text.text]
    assert len(wrapped) == 2
    assert "…" not in wrapped[1].text
    assert family("Mo" * 60)[-1].text.endswith("…")


def test_of_lines_that_are_equally_large_those_of_equal_length_are_taken() -> None:
    style = Style(Weight.BOLD, largest=60, one_line=30, smallest=20)
    broken = fit("aaaa bbbb cccc dddd", style, width=300).lines
    assert [line.runs[0].text for line in broken] == ["aaaa bbbb", "cccc dddd"]


def test_arabic_badges_show_the_days_from_right_to_left() -> None:
    days = [Day("12", valid=True), Day("13", valid=True)]
    for language, ordered in (("en", ["12", "13"]), ("ar", ["13", "12"])):
        texts = lay_out(a_face(days=days, language=language)).texts
        row = sorted((text.x, text.text) for text in texts if text.text in ("12", "13"))
        assert [label for _, label in row] == ordered


@pytest.mark.parametrize(
    "color", ["#1b5fa8", "#f2b705", "#ffffff", "#000000", "#777777", "#d9480f"]
)
def test_the_category_can_be_read_on_any_colour(color: str) -> None:
    background = colors.parse(color)
    assert colors.contrast(colors.readable_on(background), background) >= 3


@pytest.mark.parametrize("color", ["red", "#12", "#gggggg", ""])
def test_a_colour_that_is_none_is_refused(color: str) -> None:
    with pytest.raises(ValueError, match=r"colour|invalid literal"):
        colors.parse(color)


@pytest.mark.parametrize(
    ("mode", "image_format"), [("RGB", "JPEG"), ("RGBA", "PNG"), ("L", "WEBP")]
)
def test_photos_of_any_kind_are_cropped_to_three_by_four(mode: str, image_format: str) -> None:
    photo = a_photo("RGB", image_format) if mode == "L" else a_photo(mode, image_format)
    face = a_face(photo=photo)
    place = lay_out(face).photo
    assert place is not None
    assert place.width * 4 == place.height * 3
    middle = (int(place.left + place.width / 2), int(place.top + place.height / 2))
    for picture in (Image.open(BytesIO(draw_png(face))).convert("RGB"), page_of(draw_pdf(face))):
        assert picture.getpixel(middle) == pytest.approx((255, 165, 0), abs=12)
