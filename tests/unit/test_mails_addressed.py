"""Whom a mail goes to: what a name and an address cannot do to it."""

from __future__ import annotations

import re
from email.message import EmailMessage
from html.parser import HTMLParser
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from services.notifications.mails import Mail, UnusableAddress
from services.notifications.matters import Declined, Matter
from shared import forum as forums
from shared.forum import LANGUAGES, Language
from shared.settings import Settings
from shared.wallets import Wallet
from tests.mails import EVERY_MATTER, HEADERS, compose, composer_of, face, received

THE_FORUM = forums.load(Settings.model_fields["forum"].default)
COMPOSER = composer_of(THE_FORUM)
REHEARSING = composer_of(THE_FORUM, rehearsal=True, wallets=tuple(Wallet))


SALUTATIONS = {
    "ar": r"السيدة/السيد [^\n]*، تحية طيبة وبعد،\n\n",
    "zh": r"尊敬的[^\n]*：\n\n",
    "en": r"Dear [^\n]*,\n\n",
    "fr": r"Madame, Monsieur,\n\n",
    "ru": r"Уважаемая госпожа, уважаемый господин!\n\n",
    "es": r"Muy señora mía / Muy señor mío:\n\n",
}


def assert_written_to_grace_only(mail: Mail) -> None:
    raw = received(mail)
    assert sorted(raw) == HEADERS
    assert [address.addr_spec for address in raw["To"].addresses] == ["grace@example.org"]
    assert mail.recipient == "grace@example.org"
    assert [part.get_content_type() for part in raw.walk()] == [
        "multipart/alternative",
        "text/plain",
        "text/html",
    ]
    # The text begins with the salutation, which is one line.
    assert re.match(SALUTATIONS[raw["Content-Language"]], face(raw, "plain"))


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


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("field", ["title", "given_name", "family_name"])
@pytest.mark.parametrize("name", ATTACKS)
def test_a_name_adds_neither_header_nor_address_nor_text(
    field: str, name: str, language: str
) -> None:
    person: dict[str, Any] = {field: name, "language": language}
    mail = compose(COMPOSER, **person)
    assert_written_to_grace_only(mail)


WILD = st.text(st.sampled_from('aÖ漢ع=?_"<>(),;:@&\\[]{}%. \r\n\x00\u2028\u202e'), max_size=120)


class Tags(HTMLParser):
    """What a mail program builds of a mail's HTML."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.found: list[tuple[str, tuple[str, ...]]] = []
        self.feed(html)
        self.close()

    def handle_starttag(self, tag: str, attributes: list[tuple[str, str | None]]) -> None:
        self.found.append((tag, tuple(name for name, _ in attributes)))


@given(
    matter=st.sampled_from(EVERY_MATTER),
    title=WILD,
    given_name=WILD,
    family_name=WILD,
    reason=WILD,
    language=st.sampled_from(LANGUAGES),
    rehearsal=st.booleans(),
)
@settings(max_examples=200, deadline=None)
def test_no_name_and_no_reason_changes_what_any_mail_is_made_of(
    matter: Matter,
    title: str,
    given_name: str,
    family_name: str,
    reason: str,
    language: Language,
    rehearsal: bool,
) -> None:
    composer = REHEARSING if rehearsal else COMPOSER
    plain = compose(composer, matter, language=language)
    wild = compose(
        composer,
        Declined(reason=reason) if isinstance(matter, Declined) else matter,
        title=title,
        given_name=given_name,
        family_name=family_name,
        language=language,
    )
    mail = received(wild)
    assert sorted(mail) == HEADERS
    assert mail.defects == []
    assert [address.addr_spec for address in mail["To"].addresses] == ["grace@example.org"]
    assert mail["Subject"] == received(plain)["Subject"]
    assert _parts(mail) == _parts(received(plain))
    built, usual = Tags(face(mail, "html")), Tags(face(received(plain), "html"))
    assert built.found == usual.found


def _parts(mail: EmailMessage) -> list[tuple[str, str | None]]:
    return [(part.get_content_type(), part.get_filename()) for part in mail.walk()]


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
    assert mail.recipient == written
    assert received(mail)["To"].addresses[0].addr_spec == written
    assert f"<{written}>" in mail.content.decode("ascii")


def test_a_name_before_the_at_that_is_not_ascii_is_kept() -> None:
    mail = compose(COMPOSER, email="zoë@münchen.example", given_name="Zoë")
    assert mail.recipient == "zoë@xn--mnchen-3ya.example"
    assert 'To: "Dr. Zoë Hopper" <zoë@xn--mnchen-3ya.example>\r\n'.encode() in mail.content


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
