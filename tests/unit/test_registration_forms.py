"""What a registrant may send, field by field."""

from __future__ import annotations

import unicodedata
from datetime import date
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import BaseModel

from services.registration.delegation_forms import NewDelegation
from services.registration.forms import (
    Amendment,
    NewRegistration,
    StaffAmendment,
    clean_reason,
    read_form,
)
from shared import countries
from shared import forum as forums
from shared.forum import LANGUAGES
from shared.printable import can_be_printed
from shared.problems import Problem
from shared.settings import REPOSITORY
from tests.registration import body

FORUM = forums.load(REPOSITORY / "deploy" / "forum.toml")


def read(**particulars: Any) -> NewRegistration:
    return read_form(NewRegistration, body(**particulars), FORUM)


def attempt(kind: type[BaseModel], sent: dict[str, Any]) -> Any:
    """What comes of it: the form, or the problem."""
    try:
        return read_form(kind, sent, FORUM)
    except Problem as refused:
        return refused


def complaints(kind: type[Any] = NewRegistration, **particulars: Any) -> dict[str, str]:
    """The fields that are refused, and what kind of fault each has."""
    sent = body(**particulars) if kind is NewRegistration else particulars
    with pytest.raises(Problem) as refused:
        read_form(kind, sent, FORUM)
    assert refused.value.status == 422
    return {error.field: error.kind for error in refused.value.errors}


# --- names ---------------------------------------------------------------------------------------

NAMES = [
    "Grace",
    "X",
    "Mary-Jane O’Neill",
    "María José",
    "Nguyễn Thị Ánh",
    "Łukasz",
    "ابن الهيثم",
    "محمد\u200cرضا",  # Persian, with the zero-width non-joiner that its spelling needs
    "王秀英",
    "Анна-Мария",
    "Ὑπατία",
    "श्रीनिवास",
    "ක්\u200dරිස්ටෝපර්",  # Sinhala, with the zero-width joiner that its spelling needs
    "እቴጌ ጣይቱ",
    "김영희",
    "d'Alembert",
    "Sammy Davis, Jr.",
    "Louis 14",
    "ʻĀina",
    "x" * 100,
]


@pytest.mark.parametrize("name", NAMES)
def test_a_name_may_be_of_any_script(name: str) -> None:
    assert read(given_name=name, family_name=name).given_name == name


@pytest.mark.parametrize(
    ("sent", "kept"),
    [
        ("  Grace \t Brewster\n", "Grace Brewster"),
        ("Grace\u00a0Brewster", "Grace Brewster"),
        ("E\u0301milie", "Émilie"),
        ("Gra\u200bce\ufeff", "Grace"),
        ("Gra\u00adce\u2060", "Grace"),
        ("\u3164Grace\u115f", "Grace"),
    ],
)
def test_a_name_is_kept_as_it_is_printed(sent: str, kept: str) -> None:
    assert read(given_name=sent).given_name == kept


@pytest.mark.parametrize(
    ("name", "fault"),
    [
        (..., "missing"),
        (None, "string_type"),
        (7, "string_type"),
        (["Grace"], "string_type"),
        ({"first": "Grace"}, "string_type"),
        ("", "string_too_short"),
        (" \u00a0\n", "string_too_short"),
        ("\u200b\ufeff", "string_too_short"),
        ("\u3164\u115f\u1160\uffa0", "string_too_short"),
        ("x" * 101, "string_too_long"),
        ("x" * 10_000, "string_too_long"),
        ("7", "letter"),
        ("-", "letter"),
        ("\u200d\u200c", "letter"),
        ("\u0301", "letter"),
        ("🎉", "letter"),
        ("Grace 🎉", "characters"),
        ("Grace 👩🏽‍💻", "characters"),
        ("Grace 🇨🇭", "characters"),
        ("Grace 1️⃣", "characters"),
        ("Grace \U0001f3fd", "characters"),
        ("Grace ©", "characters"),
        ("Gra\0ce", "characters"),
        ("Gra\x1b[31mce", "characters"),
        ("Gra\x7fce", "characters"),
        ("Grace \u202egnp.exe", "characters"),
        ("Grace \u2066Hopper", "characters"),
        ("Grace \ue000", "characters"),
        ("Grace \ud800", "characters"),
        ("Grace \uffff", "characters"),
    ],
)
def test_what_is_no_name_is_refused(name: object, fault: str) -> None:
    assert complaints(given_name=name) == {"given_name": fault}
    assert complaints(family_name=name) == {"family_name": fault}


@pytest.mark.parametrize("written", ["ᰛᰩᰵ", "Grace ᰛ", "𓀀", "𠮷"])
@pytest.mark.parametrize(
    "field", ["given_name", "family_name", "organization", "position", "title"]
)
def test_letters_that_no_badge_can_show_are_refused(field: str, written: str) -> None:
    assert complaints(NewRegistration, **{field: written}) == {field: "characters"}
    assert complaints(Amendment, **{field: written}) == {field: "characters"}


@pytest.mark.parametrize(
    "written",
    [
        *[
            "김민준",
            "สมศักดิ์",
            "כהן",
            "გიორგი",
            "Հովհաննիսյան",
            "አበበ",
            "ஸ்ரீ",
            "কৃষ্ণ",
            "ශ්‍රී",
            "ព្រះ",
            "ကျော်",
        ],
        *["ສົມພອນ", "މުޙައްމަދު", "བསྟན་འཛིན", "ⵉⴷⵉⵔ", "ߛߏߟߏߡߊߣߊ", "ᏣᎳᎩ", "ᠰᠠᠷᠠᠨ\u180eᠠ", "葛\U000e0100城"],
    ],
)
def test_every_script_that_a_badge_can_show_is_taken(written: str) -> None:
    form = read(given_name=written, family_name=written, organization=written, position=written)
    assert {form.given_name, form.family_name, form.organization, form.position} == {written}


def test_a_delegations_organization_is_printed_on_its_members_badges() -> None:
    sent = {"name": "ᰛᰩᰵ", "category": FORUM.categories[0].id, "quota": 1}
    assert read_form(NewDelegation, sent | {"country": "CH"}, FORUM).name == "ᰛᰩᰵ"
    assert complaints(NewDelegation, **sent, organization="ᰛᰩᰵ") == {"organization": "characters"}


def test_what_is_not_printed_may_be_in_any_script() -> None:
    assert read(accessibility_needs="ᰛᰩᰵ").accessibility_needs == "ᰛᰩᰵ"


@given(st.text(max_size=150))
def test_a_name_that_is_taken_can_be_printed(sent: str) -> None:
    outcome = attempt(NewRegistration, body(given_name=sent))
    if isinstance(outcome, Problem):
        assert [error.field for error in outcome.errors] == ["given_name"]
        return
    name = outcome.given_name
    assert 1 <= len(name) <= 100
    assert name == " ".join(name.split())
    assert unicodedata.is_normalized("NFC", name)
    assert any(character.isalpha() for character in name)
    assert not {unicodedata.category(character) for character in name} & {"Cc", "Cs", "Co", "Cn"}
    assert can_be_printed(name)
    assert read(given_name=name).given_name == name


@given(st.text(max_size=300))
def test_a_line_that_is_taken_is_one_line(sent: str) -> None:
    outcome = attempt(NewRegistration, body(organization=sent))
    if isinstance(outcome, Problem):
        assert [error.field for error in outcome.errors] == ["organization"]
        return
    line = outcome.organization
    assert len(line.splitlines()) == 1
    assert read(organization=line).organization == line


def test_an_organization_may_have_signs_that_a_name_has_not() -> None:
    for name in ("1&1", "Acme™", "3M", "42", "Yahoo!", "العربية للاتصالات"):
        assert read(organization=name).organization == name


# --- addresses -----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("sent", "kept"),
    [
        ("grace@example.org", "grace@example.org"),
        (" Grace.Hopper+wsis@Example.ORG ", "Grace.Hopper+wsis@example.org"),
        ("o'neill@example.org", "o'neill@example.org"),
        ("grace@bücher.example", "grace@xn--bcher-kva.example"),
        ("grace@mail.intranet", "grace@mail.intranet"),
        ("grace@forum.test", "grace@forum.test"),
        ("grace@mail.local", "grace@mail.local"),
        ("grace@nowhere.invalid", "grace@nowhere.invalid"),
        ("a" * 64 + "@example.org", "a" * 64 + "@example.org"),
    ],
)
def test_an_address_is_kept_as_mail_servers_want_it(sent: str, kept: str) -> None:
    assert read(email=sent).email == kept


@pytest.mark.parametrize(
    "address",
    [
        "",
        "grace",
        "grace@",
        "@example.org",
        "grace@example",
        "grace@localhost",
        "grace@example..org",
        "grace@-example.org",
        "grace@[127.0.0.1]",
        "grace example@example.org",
        "Grace <grace@example.org>",
        "grace@example.org, ada@example.org",
        "grace@example.org\nBcc: ada@example.org",
        "grace@example.org\r\n\r\nHello",
        "grace@@example.org",
        ".grace@example.org",
        "grâce@example.org",
        "a" * 65 + "@example.org",
        '"grace hopper"@example.org',
    ],
)
def test_what_is_no_address_is_refused(address: str) -> None:
    assert complaints(email=address) == {"email": "email"}


@pytest.mark.parametrize(
    "address", ["grace@example.org\0", "gra\x1bce@example.org", "\u202ea@b.org"]
)
def test_an_address_with_control_characters_is_refused(address: str) -> None:
    assert complaints(email=address) == {"email": "characters"}


def test_an_address_longer_than_any_is_refused() -> None:
    assert complaints(email="a@" + "b." * 130 + "org") == {"email": "string_too_long"}


# --- choices -------------------------------------------------------------------------------------


def test_every_category_country_and_language_can_be_chosen() -> None:
    for category in FORUM.categories:
        assert read(category=category.id).category == category.id
    for country in countries.CODES:
        assert read(country=country.lower()).country == country
    for language in LANGUAGES:
        assert read(language=language).language == language


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("category", "astronaut"),
        ("category", "Government"),
        ("category", ""),
        ("country", "ZZ"),
        ("country", "USA"),
        ("country", "Switzerland"),
        ("country", ""),
        ("country", "\0\0"),
        ("language", "de"),
        ("language", "EN"),
        ("language", ""),
        ("language", None),
        ("category", None),
        ("country", None),
        ("language", ["en"]),
    ],
)
def test_what_is_not_among_the_choices_is_refused(field: str, value: Any) -> None:
    assert complaints(**{field: value}).keys() == {field}


@pytest.mark.parametrize("consent", [False, "no", 0, "false"])
def test_without_consent_nobody_is_registered(consent: object) -> None:
    assert complaints(consent=consent) == {"consent": "consent"}


@pytest.mark.parametrize("consent", [..., None, "", "perhaps", 7, []])
def test_consent_is_yes_or_no(consent: object) -> None:
    assert set(complaints(consent=consent)) == {"consent"}


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("days", ["2017-06-11"]),
        ("days", ["2017-06-12", "2018-06-12"]),
        ("days", [0]),
        ("tracks", ["backstage"]),
        ("action_lines", ["C12"]),
        ("action_lines", ["c1"]),
        ("sdgs", [0]),
        ("sdgs", [18]),
        ("sdgs", [10**30]),
    ],
)
def test_only_the_forums_days_and_topics_can_be_chosen(field: str, value: Any) -> None:
    assert set(complaints(**{field: value})) == {field}


@pytest.mark.parametrize(
    ("field", "value", "where"),
    [
        ("days", "2017-06-12", "days"),
        ("days", ["Monday"], "days.0"),
        ("days", ["2017-06-12"] * 9, "days"),
        ("days", {"2017-06-12": True}, "days"),
        ("tracks", "forum", "tracks"),
        ("tracks", ["forum"] * 21, "tracks"),
        ("tracks", [["forum"]], "tracks.0"),
        ("sdgs", ["four"], "sdgs.0"),
        ("sdgs", [1.5], "sdgs.0"),
        ("gender", "x", "gender"),
        ("title", "x" * 201, "title"),
        ("position", "x" * 201, "position"),
        ("organization", "x" * 201, "organization"),
        ("organization", "", "organization"),
        ("accessibility_needs", "x" * 1001, "accessibility_needs"),
        ("accessibility_needs", "a\0chair", "accessibility_needs"),
    ],
)
def test_a_wrong_value_is_found_where_it_is(field: str, value: Any, where: str) -> None:
    assert set(complaints(**{field: value})) == {where}


@pytest.mark.parametrize("field", sorted(body()))
def test_what_is_required_is_missed(field: str) -> None:
    left_out: dict[str, Any] = {field: ...}
    assert set(complaints(**left_out)) == {field}


def test_what_is_optional_may_be_empty() -> None:
    new = read(
        position=" ",
        title="",
        gender="",
        days=None,
        tracks=None,
        action_lines=None,
        sdgs=None,
        accessibility_needs="",
        photo=None,
    )
    empty = new.model_dump(exclude=body().keys() - {"position"})
    lists: dict[str, object] = {"tracks": [], "action_lines": [], "sdgs": []}
    assert empty == dict.fromkeys(empty) | lists | {"visa_letter": False}


def test_what_nobody_knows_is_refused() -> None:
    assert complaints(status="confirmed", age=7) == {
        "status": "extra_forbidden",
        "age": "extra_forbidden",
    }


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=6,
)


@given(st.dictionaries(st.sampled_from(sorted(NewRegistration.model_fields)), json_values))
def test_any_json_is_taken_or_refused_in_words(changes: dict[str, Any]) -> None:
    for kind, sent in (
        (NewRegistration, body() | changes),
        (Amendment, changes),
        (StaffAmendment, changes),
    ):
        outcome = attempt(kind, sent)
        if isinstance(outcome, Problem):
            assert outcome.status == 422
            assert {error.field.split(".")[0] for error in outcome.errors} <= set(sent)


# --- amendments ----------------------------------------------------------------------------------


def test_an_amendment_has_what_was_given() -> None:
    amendment = read_form(Amendment, {"title": "", "days": ["2017-06-12"]}, FORUM)
    assert amendment.model_dump(exclude_unset=True) == {"title": None, "days": [date(2017, 6, 12)]}


def test_every_field_of_a_registration_can_be_amended_by_staff() -> None:
    assert set(StaffAmendment.model_fields) == set(NewRegistration.model_fields) - {
        "consent",
        "consent_language",
    }


@pytest.mark.parametrize("field", ["given_name", "organization", "country", "language"])
def test_an_amendment_is_checked_like_a_registration(field: str) -> None:
    for value in (None, "", "\0", 7):
        assert set(complaints(Amendment, **{field: value})) == {field}


# --- reasons -------------------------------------------------------------------------------------


def test_a_reason_is_one_line_that_can_be_printed() -> None:
    assert clean_reason("  No press\n card ") == "No press card"
    for nothing in ("", "\n", "\u200b", "\0", "x" * 201):
        assert clean_reason(nothing) is None
