"""Whom a mail goes to: what a name and an address cannot do to it."""

from __future__ import annotations

import re
from email.message import EmailMessage
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from services.notifications.mails import Composer, UnusableAddress
from shared import forum as forums
from shared.settings import Settings
from tests.mails import HEADERS, compose, face, received

THE_FORUM = forums.load(Settings.model_fields["forum"].default)
COMPOSER = Composer(THE_FORUM, THE_FORUM.contact.email, rehearsal=False)


def assert_written_to_grace_only(mail: EmailMessage) -> None:
    raw = received(mail)
    assert sorted(raw) == HEADERS
    assert [address.addr_spec for address in raw["To"].addresses] == ["grace@example.org"]
    assert [address.addr_spec for address in mail["To"].addresses] == ["grace@example.org"]
    assert [part.get_content_type() for part in raw.walk()] == [
        "multipart/alternative",
        "text/plain",
        "text/html",
    ]
    # The text begins with the salutation, which is one line.
    assert re.match(r"Dear [^\n]*,\n\n", face(raw, "plain"))


# --- what a name cannot do ------------------------------------------------------------------------

ATTACKS = [
    "Hopper\r\nBcc: victim@example.net",
    "Hopper\nBcc: victim@example.net",
    "Hopper\r\n\r\n<h1>Another mail</h1>",
    "Hopper\x00\x0b\x0c\x1c\x85\u2028\u2029Bcc: victim@example.net",
    # The email package of Python before 3.11.10 decodes and writes the line breaks.
    "=?utf-8?q?Hopper=0D=0ABcc=3A_victim=40example.net?=",
    "=?utf-8?q?=0D=0A=0D=0AAnother_mail?= and " + "long " * 20,
    "==?utf-8?q?=0D=0ABcc=3A_victim=40example.net?=?",
    "=(?utf-8?q?=0D=0ABcc=3A_victim=40example.net?=",
    'Hopper" <victim@example.net>, "',
    "Hopper, victim@example.net, " * 4,
    "Höpper, victim@example.net, " * 4,
    "(Hopper) <victim@example.net>;:\\",
    "\udcff\ud800",
    "H" * 3000,
    "Ö" * 3000,
    "\u202eevil\u202c",
]


@pytest.mark.parametrize("field", ["title", "given_name", "family_name"])
@pytest.mark.parametrize("name", ATTACKS)
def test_a_name_adds_neither_header_nor_address_nor_text(field: str, name: str) -> None:
    person: dict[str, Any] = {field: name}
    mail = compose(COMPOSER, **person)
    assert_written_to_grace_only(mail)


@given(name=st.text(st.sampled_from('aÖ漢ع=?_"<>(),;:@\\[]. \r\n\x00\u202e'), max_size=120))
@settings(max_examples=100, deadline=None)
def test_no_name_adds_a_header_or_an_address(name: str) -> None:
    assert_written_to_grace_only(compose(COMPOSER, family_name=name))


@pytest.mark.parametrize(
    ("name", "shown"),
    [
        ("O’Neil-Žižek", "Dr. Grace O’Neil-Žižek"),
        ("Smith, Jr.", "Dr. Grace Smith Jr."),
        ("ابن الهيثم", "Dr. Grace ابن الهيثم"),
        ("李小龍", "Dr. Grace 李小龍"),
    ],
)
def test_the_address_shows_the_name(name: str, shown: str) -> None:
    mail = received(compose(COMPOSER, family_name=name))
    assert mail["To"].addresses[0].display_name == shown


# --- addresses ------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("email", "written"),
    [
        ("zoe@münchen.example", "zoe@xn--mnchen-3ya.example"),
        # IDNA 2008: what 2003 made of it, strasse.example, is somebody else's.
        ("zoe@straße.example", "zoe@xn--strae-oqa.example"),
        ("zoe@例え.example", "zoe@xn--r8jz45g.example"),
        ("Zoe+forum@Example.ORG", "Zoe+forum@example.org"),
    ],
)
def test_a_domain_is_written_in_ascii(email: str, written: str) -> None:
    mail = compose(COMPOSER, email=email)
    assert mail["To"].addresses[0].addr_spec == written
    assert f"<{written}>" in mail.as_bytes().decode("ascii")


def test_a_name_before_the_at_that_is_not_ascii_is_kept() -> None:
    mail = compose(COMPOSER, email="zoë@münchen.example", given_name="Zoë")
    assert mail["To"].addresses[0].addr_spec == "zoë@xn--mnchen-3ya.example"
    assert 'To: "Dr. Zoë Hopper" <zoë@xn--mnchen-3ya.example>\r\n'.encode() in mail.as_bytes()


@pytest.mark.parametrize(
    "email",
    [
        "",
        "@",
        "grace",
        "grace@",
        "@example.org",
        "grace@example.org, victim@example.net",
        "grace@example.org\r\nBcc: victim@example.net",
        "grace\n@example.org",
        "grace\x00@example.org",
        "<grace@example.org>",
        "=?utf-8?q?=0D=0ABcc=3A?=@example.org",
        "grace hopper@example.org",
        "grace..hopper@example.org",
        "grace@-example.org",
        f"{'g' * 300}@example.org",
        f"grace@{'e' * 70}.org",
    ],
)
def test_what_is_no_address_gets_no_mail(email: str) -> None:
    with pytest.raises(UnusableAddress):
        compose(COMPOSER, email=email)
