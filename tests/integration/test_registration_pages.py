"""The form: in one page, without a script, in the reader's language."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator
from typing import Any

import httpx
import pytest

from deploy.private_servers import PostgreSQL
from services.registration.fields import LISTS
from shared.forum import LANGUAGES
from tests.registration import API, Page, Registering, body, picture, running

FORM = "/registration/"


@pytest.fixture(scope="module")
async def registering(
    postgres: PostgreSQL, tmp_path_factory: pytest.TempPathFactory
) -> AsyncIterator[Registering]:
    postgres.drop_databases()
    async with running(postgres.url, tmp_path_factory.mktemp("home")) as service:
        yield service


@pytest.fixture
async def browser(registering: Registering) -> AsyncIterator[httpx.AsyncClient]:
    async with registering.browser() as browser:
        yield browser


def filled_in(**fields: Any) -> dict[str, Any]:
    """What the form sends when somebody has filled it in; a field that is `...` is not there."""
    sent = {
        "idempotency_key": "0f5c7f9e",
        "given_name": "Ada",
        "family_name": "Lovelace",
        "title": "",
        "email": "ada@example.org",
        "country": "GB",
        "language": "fr",
        "category": "academia_technical_community",
        "organization": "Analytical Society",
        "position": "",
        "days": ["2017-06-13", "2017-06-14"],
        "tracks": ["forum", "exhibition"],
        "action_lines": ["C4", "C11"],
        "sdgs": ["4", "17"],
        "visa_letter": "yes",
        "accessibility_needs": "Step-free access",
        "gender": "female",
        "consent": "yes",
    } | fields
    return {name: value for name, value in sent.items() if value is not ...}


@pytest.mark.parametrize(
    ("wanted", "language", "title"),
    [
        ("en", "en", "Register"),
        ("fr-CH,fr;q=0.9,en;q=0.8", "fr", "S’inscrire"),
        ("ar-EG", "ar", "التسجيل"),
        ("zh-Hant-TW,zh;q=0.9", "zh", "注册"),
        ("de,ru;q=0.5", "ru", "Зарегистрироваться"),
        ("es-419", "es", "Inscribirse"),
        ("xx", "en", "Register"),
    ],
)
async def test_the_form_is_in_the_language_of_the_reader(
    registering: Registering, wanted: str, language: str, title: str
) -> None:
    async with registering.browser(wanted) as browser:
        answer = await browser.get(FORM)
    page = Page(answer)
    assert page.title.startswith(title)
    assert page.language == answer.headers["Content-Language"] == language
    assert page.fields["language"] == [language]
    assert page.direction == ("rtl" if language == "ar" else "ltr")
    assert "Accept-Language" in answer.headers["Vary"]


async def test_the_form_offers_no_category_of_those_who_work_there(
    registering: Registering, browser: httpx.AsyncClient
) -> None:
    form = (await browser.get(FORM)).text
    assert 'value="government"' in form
    assert 'value="staff"' not in form
    assert 'value="security"' not in form
    # Programs of the secretariat may send them; they are reviewed.
    answer = await registering.http.post(API, json=body(category="staff"))
    assert answer.status_code == 201


async def test_whoever_consents_reads_how_long_the_data_are_kept(
    browser: httpx.AsyncClient,
) -> None:
    answer = await browser.get(FORM)
    assert Page(answer).says("your photo 30 days and your other data 365 days after the forum")
    assert 'name="consent" value="yes" required aria-describedby="consent-hint"' in answer.text


async def test_a_language_that_was_chosen_stays_chosen(browser: httpx.AsyncClient) -> None:
    received = Page(await browser.get("/registration/received?reference=WF17-3K9Q2M"))
    [french] = [link for link in received.links if "lang=fr" in link]
    chosen = await browser.get(french)
    assert Page(chosen).language == "fr"
    assert Page(chosen).says("WF17-3K9Q2M")
    assert Page(await browser.get(FORM)).language == "fr"


@pytest.mark.parametrize("language", LANGUAGES)
async def test_another_language_keeps_what_was_typed(
    registering: Registering, browser: httpx.AsyncClient, language: str
) -> None:
    assert Page(await browser.get(FORM)).languages == list(LANGUAGES)
    before = await registering.stored()
    typed = filled_in(given_name="José", email="", language="fr", shown_in="en", consent=...)
    answer = await browser.post(f"{FORM}?lang={language}", data=typed | {"read_in": language})
    assert answer.status_code == 200
    page = Page(answer)
    assert page.language == language
    assert page.errors == {}
    for name, written in typed.items():
        if name not in ("shown_in", "idempotency_key"):
            assert page.fields[name] == (written if isinstance(written, list) else [written]), name
    assert page.fields["idempotency_key"] == [typed["idempotency_key"]]
    assert Page(await browser.get(FORM)).language == language
    assert await registering.stored() == before


async def test_the_language_of_the_mails_moves_along_unless_it_was_chosen(
    browser: httpx.AsyncClient,
) -> None:
    sent = {"read_in": "ru", "shown_in": "en"}
    for chosen, then in (("en", "ru"), ("es", "es")):
        answer = await browser.post(f"{FORM}?lang=ru", data=sent | {"language": chosen})
        assert Page(answer).fields["language"] == [then]


async def test_errors_that_were_shown_are_shown_in_the_other_language_too(
    browser: httpx.AsyncClient,
) -> None:
    wrong = filled_in(email="ada", language="en")
    assert "looked_at" in Page(await browser.post(FORM, data=wrong)).fields
    again = wrong | {"read_in": "es", "looked_at": "yes"}
    page = Page(await browser.post(f"{FORM}?lang=es", data=again))
    assert page.errors == {
        "email": "Indique una dirección de correo electrónico como name@example.org."
    }


async def test_a_page_that_answers_a_form_leads_back_to_it_in_another_language(
    registering: Registering, browser: httpx.AsyncClient
) -> None:
    registration_id = await registering.submitted()
    own = registering.me(registration_id)
    for sender, leads_to in ((own, own), ("https://evil.example/x", "/registration/")):
        referer = sender if "//" in sender else f"{browser.base_url}{sender}".replace("//r", "/r")
        answer = await browser.post("/registration/me/cancel?token=x", headers={"Referer": referer})
        assert answer.status_code == 403
        [spanish] = [link for link in Page(answer).links if link.endswith("lang=es")]
        assert spanish.partition("?")[0].endswith(leads_to.partition("?")[0])
        assert "evil" not in spanish


async def test_the_form_works_without_a_script(browser: httpx.AsyncClient) -> None:
    answer = await browser.get(FORM)
    # The scripts add to it: what they do is hidden until they run.
    assert re.findall(r"<script[^>]*>", answer.text) == [
        '<script src="/registration/form.js" defer>',
        '<script src="/registration/photo.js" defer>',
    ]
    for part in ("draft", "crop"):
        assert re.search(rf'<div [^>]*id="{part}" hidden>', answer.text)
    assert "onclick" not in answer.text
    page = Page(answer)
    assert page.actions == [FORM]
    assert set(page.fields) == {
        "idempotency_key",
        "shown_in",
        "photo",
        "given_name",
        "family_name",
        "title",
        "email",
        "language",
        "organization",
        "position",
        "accessibility_needs",
    }
    assert page.errors == {}


async def test_who_fills_in_the_form_is_registered(
    registering: Registering, browser: httpx.AsyncClient
) -> None:
    key = Page(await browser.get(FORM)).fields["idempotency_key"][0]
    answer = await browser.post(FORM, data=filled_in(idempotency_key=key))
    assert answer.status_code == 303
    assert answer.headers["Location"].startswith("/registration/received?reference=WF17-")
    received = Page(await browser.get(answer.headers["Location"]))
    reference = answer.headers["Location"].partition("=")[2]
    assert received.says("Nearly done: please confirm your address", reference)
    [found] = await registering.find(q=reference)
    expected = filled_in(
        idempotency_key=..., consent=..., title=None, sdgs=[4, 17], visa_letter=True
    )
    assert {name: found[name] for name in expected} == expected


async def test_a_form_sent_twice_registers_once(
    registering: Registering, browser: httpx.AsyncClient
) -> None:
    sent = filled_in(idempotency_key="sent-twice")
    before = await registering.stored()
    answers = [await browser.post(FORM, data=sent) for _ in range(2)]
    assert answers[0].headers["Location"] == answers[1].headers["Location"]
    assert (await registering.stored())["registrations"] == before["registrations"] + 1


async def test_who_goes_back_and_sends_the_same_again_registers_once(
    registering: Registering, browser: httpx.AsyncClient
) -> None:
    before = await registering.stored()
    # Back brings a new page, which the browser fills in again.
    keys = [Page(await browser.get(FORM)).fields["idempotency_key"] for _ in range(2)]
    answers = [await browser.post(FORM, data=filled_in(idempotency_key=key)) for key in keys]
    assert answers[0].headers["Location"] == answers[1].headers["Location"]
    assert (await registering.stored())["registrations"] == before["registrations"] + 1
    # Whoever has cancelled since means to register again; once more, however often it is sent.
    reference = answers[0].headers["Location"].partition("=")[2]
    [found] = await registering.find(q=reference)
    await registering.act(found["id"], "cancel")
    again = [await browser.post(FORM, data=filled_in(idempotency_key=key)) for key in keys]
    assert again[0].headers["Location"] == again[1].headers["Location"]
    assert reference not in again[0].headers["Location"]


async def test_who_goes_back_and_corrects_the_address_is_registered_with_it(
    registering: Registering, browser: httpx.AsyncClient
) -> None:
    key = "went-back"
    await browser.post(FORM, data=filled_in(idempotency_key=key, email="ada@exmaple.org"))
    answer = await browser.post(FORM, data=filled_in(idempotency_key=key))
    assert answer.status_code == 303
    [found] = await registering.find(q=answer.headers["Location"].partition("=")[2])
    assert found["email"] == "ada@example.org"


@pytest.mark.parametrize("key", [..., "", "x" * 10_000, "nul\0"])
async def test_a_form_without_a_usable_key_registers_all_the_same(
    browser: httpx.AsyncClient, key: object
) -> None:
    answer = await browser.post(FORM, data=filled_in(idempotency_key=key))
    assert answer.status_code == 303


REQUIRED = ["given_name", "family_name", "email", "country", "category", "organization", "consent"]


async def test_what_is_missing_is_said_at_each_field(
    registering: Registering, browser: httpx.AsyncClient
) -> None:
    before = await registering.stored()
    lists = dict.fromkeys(LISTS, ...)
    empty = dict.fromkeys(filled_in(category=..., consent=..., visa_letter=..., **lists), "")
    answer = await browser.post(FORM, data=empty | {"language": "en"})
    assert answer.status_code == 422
    page = Page(answer)
    assert set(page.errors) == set(REQUIRED)
    assert page.errors["given_name"] == "Please fill in this field."
    assert page.errors["consent"] == "Without your consent we cannot register you."
    # The summary above the form leads to each, in the form's order.
    assert [link[1:] for link in page.links if link.startswith("#") and link != "#main"] == REQUIRED
    for name in REQUIRED:
        assert f'id="{name}"' in answer.text
        assert f"{name}-error" in answer.text.replace(f'id="{name}-error"', "", 1)
    assert await registering.stored() == before


WRONG = {
    "given_name": ("🎉 Ada", "This contains characters that cannot be printed on a badge."),
    "family_name": ("7", "A name contains at least one letter."),
    "title": ("x" * 201, "This is too long."),
    "email": ("ada at example.org", "Please give an e-mail address such as name@example.org."),
    "country": ("ZZ", "Please choose a country or area from the list."),
    "language": ("de", "Please choose one of the languages."),
    "category": ("astronaut", "Please choose one of the categories."),
    "organization": ("", "Please fill in this field."),
    "position": ("\u202eleft", "This contains characters that cannot be printed on a badge."),
    "days": (["2017-06-11"], "Please choose among the days of the forum."),
    "tracks": (["backstage"], "Please check this field."),
    "action_lines": (["C12"], "Please check this field."),
    "sdgs": (["18"], "Please check this field."),
    "accessibility_needs": ("x" * 1001, "This is too long."),
    "gender": ("x", "Please check this field."),
    "consent": ("no", "Without your consent we cannot register you."),
}


@pytest.mark.parametrize("field", WRONG)
async def test_a_wrong_field_is_explained_and_what_was_written_is_kept(
    registering: Registering, browser: httpx.AsyncClient, field: str
) -> None:
    value, explanation = WRONG[field]
    sent = filled_in(**{field: value})
    before = await registering.stored()
    answer = await browser.post(FORM, data=sent)
    assert answer.status_code == 422
    page = Page(answer)
    assert page.errors == {field: explanation}
    chosen = {"country", "language", "category", "gender", "consent", *LISTS}
    for name, written in sent.items():
        if name != field or name not in chosen:  # what cannot be chosen cannot stay chosen
            assert page.fields[name] == (written if isinstance(written, list) else [written]), name
    assert await registering.stored() == before


async def test_the_errors_are_in_the_language_of_the_reader(registering: Registering) -> None:
    async with registering.browser("fr") as browser:
        page = Page(await browser.post(FORM, data=filled_in(email="ada")))
    assert page.language == "fr"
    assert page.errors == {
        "email": "Veuillez indiquer une adresse électronique de la forme nom@example.org."
    }


@pytest.mark.parametrize(
    ("content", "media_type", "status"),
    [
        (b"", "application/x-www-form-urlencoded", 422),
        (b"{}", "application/json", 422),
        (b"given_name=%00%ff%F0&%=&&=", "application/x-www-form-urlencoded", 422),
        (b"nonsense", "multipart/form-data", 400),
        (b"nonsense", "multipart/form-data; boundary=x", 400),
        (b"&".join([b"days=2017-06-12"] * 1000), "application/x-www-form-urlencoded", 400),
        (b"given_name=" + b"x" * 10 * 1024 * 1024, "application/x-www-form-urlencoded", 413),
    ],
    ids=lambda value: str(value)[:30],
)
async def test_what_no_form_sends_is_refused_readably(
    registering: Registering,
    browser: httpx.AsyncClient,
    content: bytes,
    media_type: str,
    status: int,
) -> None:
    before = await registering.stored()
    answer = await browser.post(FORM, content=content, headers={"Content-Type": media_type})
    assert answer.status_code == status
    assert Page(answer).title
    assert await registering.stored() == before


async def test_a_photo_comes_with_the_form(
    registering: Registering, browser: httpx.AsyncClient
) -> None:
    sent = filled_in(idempotency_key="with a photo")
    answer = await browser.post(FORM, data=sent, files={"photo": ("me.png", picture())})
    assert answer.status_code == 303
    [found] = await registering.find(q=answer.headers["Location"].partition("=")[2])
    photo = await registering.http.get(
        f"/registration/api/registrations/{found['id']}/photo", headers=registering.organiser
    )
    assert photo.headers["Content-Type"] == "image/jpeg"


async def test_a_file_that_is_no_photo_is_not_taken(
    registering: Registering, browser: httpx.AsyncClient
) -> None:
    before = await registering.stored()
    for files, status in (
        ({"photo": b"GIF89a"}, 422),
        ({"photo": picture()[:200]}, 422),
        ({"photo": b"x" * (5 * 1024 * 1024 + 1)}, 422),
        ({"photo": picture(), "another": picture()}, 400),
    ):
        answer = await browser.post(FORM, data=filled_in(), files=files)
        assert answer.status_code == status
        if status == 422:
            page = Page(answer)
            assert page.errors == {
                "photo": "Please choose a JPEG, PNG or WebP picture of at most 5 MB."
            }
            assert page.says("Please choose your photo again.")
    assert await registering.stored() == before


async def test_an_empty_file_field_is_no_photo(browser: httpx.AsyncClient) -> None:
    answer = await browser.post(
        FORM, data=filled_in(idempotency_key="no photo"), files={"photo": ("", b"")}
    )
    assert answer.status_code == 303


async def test_what_is_wrong_with_a_photo_is_said(browser: httpx.AsyncClient) -> None:
    for content, sentence in (
        (b"", "Please choose a JPEG, PNG or WebP picture of at most 5 MB."),
        (picture(size=(5001, 5000)), "This picture has too many pixels."),
    ):
        answer = await browser.post(FORM, data=filled_in(), files={"photo": ("me.png", content)})
        assert answer.status_code == 422
        assert Page(answer).errors["photo"].startswith(sentence)


@pytest.mark.parametrize("language", LANGUAGES)
async def test_a_photo_that_nobody_can_take_in_is_refused_in_the_readers_language(
    registering: Registering, language: str
) -> None:
    async with registering.browser(language) as browser:
        answer = await browser.post(
            FORM, data=filled_in(), files={"photo": b"x" * (9 * 1024 * 1024)}
        )
    assert answer.status_code == 413
    page = Page(answer)
    assert page.language == language
    assert page.says("This is too large") == (language == "en")


@pytest.mark.parametrize("language", LANGUAGES)
async def test_the_form_weighs_less_than_100_kb_with_all_it_needs(
    registering: Registering, language: str
) -> None:
    async with registering.browser(language) as browser:
        page = await browser.get(FORM)
        links = re.findall(r'(?:src|href)="(/registration/[^"]+\.(?:css|js))"', page.text)
        assert len(links) == 4
        parts = [page, *[await browser.get(link) for link in links]]
    assert all(part.status_code == 200 for part in parts)
    assert sum(len(part.content) for part in parts) < 100_000


async def test_another_site_cannot_send_the_form(
    registering: Registering, browser: httpx.AsyncClient
) -> None:
    before = await registering.stored()
    for headers in (
        {"Origin": "https://evil.example", "Sec-Fetch-Site": "cross-site"},
        {"Origin": "null", "Sec-Fetch-Site": "cross-site"},
    ):
        answer = await browser.post(FORM, data=filled_in(), headers=headers)
        assert answer.status_code == 403
        assert Page(answer).says("This request was sent by a page of another site.")
    assert await registering.stored() == before


async def test_a_name_is_text_wherever_it_is_shown(
    registering: Registering, browser: httpx.AsyncClient
) -> None:
    name = "<script>alert('x')</script>"
    marked = {"given_name": name, "family_name": f'"{name}', "organization": name}
    again = await browser.post(FORM, data=filled_in(**marked, email="wrong"))
    registration_id = await registering.confirmed_address(**marked, category="media")
    await registering.act(registration_id, "cancel")
    own = await browser.get(registering.me(registration_id))
    received = await browser.get("/registration/received", params={"reference": "<script>"})
    browser.headers.update(registering.organiser)
    queue = await browser.get("/registration/review?status=cancelled")
    one = await browser.get(f"/registration/review/{registration_id}")
    for answer in (again, own, received, queue, one):
        assert "<script>" not in answer.text.lower()
        assert "&lt;script&gt;" in answer.text.lower()
