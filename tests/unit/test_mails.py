"""What mails say, and how they are built."""

from __future__ import annotations

import html as markup
import re
from email.message import EmailMessage
from typing import Any

import pytest

from services.notifications.mails import Composer
from services.notifications.matters import (
    AddressChanged,
    Certificate,
    ConfirmAddress,
    Declined,
    InReview,
    Matter,
    Reminder,
    Waitlisted,
)
from services.notifications.texts import FOLDER
from shared import forum as forums
from shared import i18n
from shared.forum import Forum
from shared.settings import Settings
from shared.wallets import Wallet
from tests.mails import (
    CODE,
    CONFIRM_LINK,
    EVERY_MATTER,
    FILES_LINK,
    HEADERS,
    ME_LINK,
    MESSAGE_ID,
    ORIGIN,
    PDF,
    PNG,
    TRACE_ID,
    WRITTEN_AT,
    badge,
    compose,
    composer_of,
    face,
    received,
    words,
)

every_matter = pytest.mark.parametrize("matter", EVERY_MATTER, ids=lambda matter: matter.kind)
every_language = pytest.mark.parametrize("language", i18n.OFFERED)


@pytest.fixture(scope="module")
def forum() -> Forum:
    return forums.load(Settings.model_fields["forum"].default)


@pytest.fixture(scope="module")
def composer(forum: Forum) -> Composer:
    return composer_of(forum)


@pytest.fixture(scope="module")
def rehearsing(forum: Forum) -> Composer:
    return composer_of(forum, rehearsal=True)


# --- what every mail has --------------------------------------------------------------------------


@every_language
@every_matter
def test_every_mail_says_the_same_as_text_and_as_html(
    composer: Composer, matter: Matter, language: str
) -> None:
    mail = received(compose(composer, matter, language=language))
    text, html = face(mail, "plain"), face(mail, "html")
    assert mail["Content-Language"] == language
    assert f'<html lang="{language}" dir="{i18n.direction(language)}"' in html
    shown = words(markup.unescape(re.sub(r"<[^>]*>", " ", re.sub(r"</?bdi[^>]*>", "", html))))
    text = text.translate(dict.fromkeys(map(ord, "\u2068\u2069")))
    paragraphs = [words(paragraph).removeprefix("> ") for paragraph in text.split("\n\n")]
    sentences = [paragraph for paragraph in paragraphs if re.search(r"[.。؟।:：]$", paragraph)]
    assert len(sentences) >= 2
    assert [sentence for sentence in sentences if sentence not in shown] == []


@every_language
@every_matter
def test_every_mail_travels_over_the_oldest_mail_server(
    composer: Composer, matter: Matter, language: str
) -> None:
    raw = compose(composer, matter, language=language, family_name="Ibn al-Haytham ابن").content
    assert raw.isascii()
    lines = raw.split(b"\r\n")
    assert not any(b"\n" in line or b"\r" in line for line in lines)
    assert max(len(line) for line in lines) <= 78


@every_matter
def test_every_mail_has_its_headers_once(composer: Composer, matter: Matter) -> None:
    mail = received(compose(composer, matter))
    assert sorted(mail) == HEADERS
    assert mail.defects == []
    assert mail["From"].addresses[0].addr_spec == "wsis-info@itu.int"
    assert mail["From"].addresses[0].display_name == "WSIS Forum 2017"
    assert mail["Date"].datetime == WRITTEN_AT
    assert mail["Auto-Submitted"] == "auto-generated"
    assert mail["X-Correlation-Id"] == TRACE_ID


def test_a_message_written_again_has_the_same_message_id(composer: Composer) -> None:
    first = received(compose(composer))
    second = received(compose(composer, family_name="Murray"))
    assert first["Message-ID"] == second["Message-ID"] == f"<{MESSAGE_ID}@itu.int>"


def test_answers_go_to_the_contact_when_another_address_sends(forum: Forum) -> None:
    mail = received(compose(composer_of(forum, "bounces@example.org")))
    assert mail["From"].addresses[0].addr_spec == "bounces@example.org"
    assert mail["Reply-To"].addresses[0].addr_spec == forum.contact.email
    assert mail["Message-ID"].endswith("@example.org>")


@every_language
@every_matter
def test_a_rehearsals_mail_says_so_first(
    composer: Composer, rehearsing: Composer, matter: Matter, language: str
) -> None:
    marker = f"[{i18n.translations(FOLDER / 'locale', language).gettext('Rehearsal')}]"
    for one, rehearsed in ((rehearsing, True), (composer, False)):
        mail = received(compose(one, matter, language=language))
        assert mail["Subject"].startswith(marker) is rehearsed
        assert face(mail, "plain").startswith(marker) is rehearsed
        assert ("#ffd54a" in face(mail, "html")) is rehearsed


def test_french_mails_are_french(composer: Composer) -> None:
    mail = received(compose(composer, Declined(reason="…"), language="fr"))
    assert words(mail["Subject"]) == "Forum 2017 du SMSI : votre inscription"
    assert "Madame, Monsieur," in face(mail, "plain")
    assert mail["From"].addresses[0].display_name == "Forum 2017 du SMSI"


@pytest.mark.parametrize("language", ["xx", "", "EN", "../fr", "en_GB"])
def test_a_language_that_there_is_not_falls_back_to_english(
    composer: Composer, language: str
) -> None:
    mail = received(compose(composer, language=language))
    assert mail["Content-Language"] == "en"
    assert mail["Subject"] == "WSIS Forum 2017: your registration is under review"


# --- what each mail is for ------------------------------------------------------------------------


def test_the_confirmation_has_its_link_whole_in_both_faces(composer: Composer) -> None:
    mail = received(compose(composer, ConfirmAddress(confirm_link=CONFIRM_LINK)))
    assert f"\n{CONFIRM_LINK}\n" in face(mail, "plain")
    assert f'href="{CONFIRM_LINK.replace("&", "&amp;")}"' in face(mail, "html")


def test_who_mistyped_the_address_gives_nobody_the_registration(composer: Composer) -> None:
    mail = received(compose(composer, ConfirmAddress(confirm_link=CONFIRM_LINK)))
    for kind in ("plain", "html"):
        assert "/registration/me" not in face(mail, kind)


@pytest.mark.parametrize("matter", [InReview(), Waitlisted(), Declined(reason="…"), badge()])
def test_others_lead_to_the_registration(composer: Composer, matter: Matter) -> None:
    mail = received(compose(composer, matter))
    assert ME_LINK in face(mail, "plain")
    assert f'href="{ME_LINK}"' in face(mail, "html")


def test_a_refusal_gives_the_reviewers_reason(composer: Composer) -> None:
    reason = "Only one person of a delegation can come.\nPlease ask <your> focal point."
    mail = received(compose(composer, Declined(reason=reason)))
    assert "\n> Only one person of a delegation can come.\n> Please ask <your>" in face(
        mail, "plain"
    )
    assert "Please ask &lt;your&gt; focal point." in face(mail, "html")


def test_a_long_reason_is_quoted_on_every_line(composer: Composer) -> None:
    mail = received(compose(composer, Declined(reason="No room is left. " * 20)))
    text = face(mail, "plain")
    quoted = [line for line in text.splitlines() if line.startswith("> ")]
    assert words(" ".join(line[2:] for line in quoted)) == words("No room is left. " * 20)
    assert 1 < max(len(line) for line in quoted) <= 78


def test_the_badge_mail_names_the_badges_days_only(composer: Composer) -> None:
    mail = received(compose(composer, badge(days=0b00101), language="en"))
    days = re.findall(r"\w+day,? \d+ June 2017", face(mail, "plain"))
    assert [day.replace(",", "") for day in days] == [
        "Monday 12 June 2017",
        "Wednesday 14 June 2017",
    ]


def test_a_badge_that_replaces_another_says_so(composer: Composer) -> None:
    first = received(compose(composer, badge()))
    second = received(compose(composer, badge(replaces_another=True)))
    assert (first["Subject"], second["Subject"]) == (
        "WSIS Forum 2017: your badge",
        "WSIS Forum 2017: your new badge",
    )
    assert "no longer valid" in words(face(second, "plain"))
    assert "no longer valid" not in words(face(first, "plain"))


def test_the_badge_mail_is_built_as_mail_programs_expect(composer: Composer) -> None:
    mail = received(compose(composer, badge()))

    def structure(part: EmailMessage) -> Any:
        kind = part.get_content_type()
        if not part.is_multipart():
            return kind
        return {kind: [structure(inner) for inner in part.iter_parts()]}  # type: ignore[arg-type]

    assert structure(mail) == {
        "multipart/mixed": [
            {
                "multipart/related": [
                    {"multipart/alternative": ["text/plain", "text/html"]},
                    "image/png",
                    "image/png",
                ]
            },
            "application/pdf",
            "text/calendar",
        ]
    }


def test_the_pictures_of_the_badge_are_shown_inside_the_html(composer: Composer) -> None:
    mail = received(compose(composer, badge()))
    pictures = [part for part in mail.walk() if part.get_content_type() == "image/png"]
    assert [picture.get_payload(decode=True) for picture in pictures] == [CODE, PNG]
    for picture in pictures:
        assert picture.get_content_disposition() == "inline"
        assert f'src="cid:{picture["Content-ID"].strip("<>")}"' in face(mail, "html")
    assert re.search(r'<img [^>]*alt="The QR code of your badge', face(mail, "html"))
    assert re.search(r'<img [^>]*alt="Badge 7KQ2-M9X1 of Dr. Grace Hopper', face(mail, "html"))


def test_print_and_calendar_are_attached(composer: Composer) -> None:
    mail = received(compose(composer, badge()))
    pdf, entry = mail.iter_attachments()
    assert (pdf.get_filename(), pdf.get_payload(decode=True)) == ("badge-7KQ2-M9X1.pdf", PDF)
    assert entry.get_filename() == "wsis-forum-2017.ics"
    assert entry.get_content_type() == "text/calendar"
    assert dict(entry["Content-Type"].params) == {"charset": "utf-8", "method": "PUBLISH"}
    assert entry.get_content().startswith("BEGIN:VCALENDAR\r\n")


def test_the_reminder_shows_the_code_and_carries_no_print(composer: Composer) -> None:
    mail = received(compose(composer, Reminder(number="7KQ2-M9X1", days=0b110, files_link="")))
    assert [part.get_content_type() for part in mail.walk()] == [
        "multipart/related",
        "multipart/alternative",
        "text/plain",
        "text/html",
        "image/png",
    ]
    assert mail["Subject"] == "WSIS Forum 2017: see you on Tuesday, 13 June 2017"
    assert "Monday" not in face(mail, "plain")


def test_the_certificate_is_attached_and_leads_to_its_check(composer: Composer) -> None:
    matter = Certificate(
        number="8AAA-BBBC", days=0b101, file_link="", page="/badging/certificates/8AAA-BBBC"
    )
    mail = received(compose(composer, matter))
    [pdf] = mail.iter_attachments()
    assert (pdf.get_filename(), pdf.get_payload(decode=True)) == ("certificate-8AAA-BBBC.pdf", PDF)
    link = "https://forum.example.org/badging/certificates/8AAA-BBBC"
    assert f"\n{link}\n" in face(mail, "plain")
    assert f'href="{link}"' in face(mail, "html")
    assert "Tuesday" not in face(mail, "plain")


def test_the_notice_to_the_old_address_opens_nothing(composer: Composer) -> None:
    notice = AddressChanged(
        email="old@example.org", given_name="Grace", family_name="Hopper", language="en"
    )
    mail = received(compose(composer, notice))
    for kind in ("plain", "html"):
        assert "/registration/" not in face(mail, kind)
        assert "old@example.org" not in face(mail, kind)


@pytest.mark.parametrize("matter", [badge(), Reminder(number="1", days=1, files_link=FILES_LINK)])
def test_wallets_are_offered_only_where_there_are_keys(forum: Forum, matter: Matter) -> None:
    links = {
        wallet: f"{ORIGIN}{FILES_LINK.replace('{suffix}', wallet.suffix)}" for wallet in Wallet
    }
    for offered in ((), (Wallet.apple,), (Wallet.google,), tuple(Wallet)):
        mail = received(compose(composer_of(forum, wallets=offered), matter))
        for wallet, link in links.items():
            assert (f'href="{link}"' in face(mail, "html")) is (wallet in offered)
            assert (f"\n{link}\n" in face(mail, "plain")) is (wallet in offered)


# --- what a name cannot do in the text -----------------------------------------------------------


def test_html_in_a_name_is_text(composer: Composer) -> None:
    name = '<script>alert("&")</script><b>Hopper'
    for matter in EVERY_MATTER:
        html = face(received(compose(composer, matter, family_name=name)), "html")
        assert "<script" not in html
        assert "<b>" not in html
        assert "&lt;script&gt;alert(&#34;&amp;&#34;)&lt;/script&gt;&lt;b&gt;Hopper" in html


@every_language
def test_a_name_cannot_turn_the_direction_of_the_text(composer: Composer, language: str) -> None:
    mail = received(compose(composer, family_name="\u202eevil\u2066\u2069", language=language))
    assert not set("\u202e\u2066") & set(face(mail, "plain") + face(mail, "html"))


def test_in_arabic_a_latin_name_keeps_to_itself(composer: Composer) -> None:
    mail = received(compose(composer, language="ar"))
    assert "<bdi>Dr. Grace Hopper</bdi>" in face(mail, "html")
    assert "<bdi>WF17-3K9Q2M</bdi>" in face(mail, "html")
    assert "\u2068Dr. Grace Hopper\u2069" in face(mail, "plain")
    assert "\u2068" not in face(received(compose(composer, language="ru")), "plain")


@every_matter
def test_in_arabic_what_people_typed_stands_by_itself_in_every_mail(
    composer: Composer, matter: Matter
) -> None:
    _, body = face(received(compose(composer, matter, language="ar")), "html").split("<body")
    shown = re.sub(r"<(?!/?bdi)[^>]*>", "", body)
    for typed in ("Dr. Grace Hopper", "WF17-3K9Q2M", "Nouvelle-Zemble"):
        assert shown.count(typed) == shown.count(f"<bdi>{typed}</bdi>")


@pytest.mark.parametrize("matter", [badge(), Reminder(number="", days=1, files_link="")])
def test_in_arabic_the_venues_address_runs_as_the_mail_does(
    composer: Composer, forum: Forum, matter: Matter
) -> None:
    # It begins in Latin letters, so <bdi> would set all of it from the left.
    html = face(received(compose(composer, matter, language="ar")), "html")
    assert f"<br>{forum.venue.address.ar}</td>" in html


@every_language
@every_matter
def test_no_subject_says_more_than_one_line_nor_in_another_language(
    composer: Composer, matter: Matter, language: str
) -> None:
    mail = received(compose(composer, matter, language=language))
    assert mail.defects == []
    english = received(compose(composer, matter, language="en"))["Subject"]
    assert "\n" not in mail["Subject"]
    assert (mail["Subject"] == english) == (language == "en")


def test_who_moves_up_from_the_waiting_list_is_told_of_the_place(composer: Composer) -> None:
    mail = received(compose(composer, badge(from_the_waiting_list=True)))
    assert mail["Subject"] == "WSIS Forum 2017: a place for you, and your badge"
    assert "A place has become free and is yours" in words(face(mail, "plain"))
