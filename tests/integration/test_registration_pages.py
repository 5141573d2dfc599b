"""The form: in one page, without a script, in the reader's language."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any

import httpx
import pytest

from deploy.private_servers import PostgreSQL
from tests.registration import Page, Registering, running

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
        "tracks": ["forum"],
        "accessibility_needs": "Step-free access",
        "gender": "female",
        "consent": "yes",
    } | fields
    return {name: value for name, value in sent.items() if value is not ...}


@pytest.mark.parametrize(
    ("language", "title"),
    [
        ("en", "Register"),
        ("fr", "S’inscrire"),
        ("fr-CH,fr;q=0.9,en;q=0.8", "S’inscrire"),
        ("xx", "Register"),
    ],
)
async def test_the_form_is_in_the_language_of_the_reader(
    registering: Registering, language: str, title: str
) -> None:
    async with registering.browser(language) as browser:
        page = Page(await browser.get(FORM))
    assert page.title.startswith(title)
    assert page.language == ("fr" if title != "Register" else "en")
    assert page.fields["language"] == [page.language]
    assert page.direction == "ltr"


async def test_a_language_that_was_chosen_stays_chosen(browser: httpx.AsyncClient) -> None:
    [french] = [link for link in Page(await browser.get(FORM)).links if "lang=fr" in link]
    assert Page(await browser.get(french)).language == "fr"
    assert Page(await browser.get(FORM)).language == "fr"


async def test_the_form_works_without_a_script(browser: httpx.AsyncClient) -> None:
    answer = await browser.get(FORM)
    assert "<script" not in answer.text
    assert "onclick" not in answer.text
    page = Page(answer)
    assert page.actions == [FORM]
    assert set(page.fields) == {
        "idempotency_key",
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
    expected = filled_in(idempotency_key=..., consent=..., title=None)
    assert {name: found[name] for name in expected} == expected


async def test_a_form_sent_twice_registers_once(
    registering: Registering, browser: httpx.AsyncClient
) -> None:
    sent = filled_in(idempotency_key="sent-twice")
    before = await registering.stored()
    answers = [await browser.post(FORM, data=sent) for _ in range(2)]
    assert answers[0].headers["Location"] == answers[1].headers["Location"]
    assert (await registering.stored())["registrations"] == before["registrations"] + 1


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
    empty = dict.fromkeys(filled_in(category=..., consent=..., days=..., tracks=...), "")
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
    chosen = {"country", "language", "category", "days", "tracks", "gender", "consent"}
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


async def test_a_file_is_not_taken(registering: Registering, browser: httpx.AsyncClient) -> None:
    before = await registering.stored()
    answer = await browser.post(FORM, data=filled_in(), files={"photo": b"GIF89a"})
    assert answer.status_code in (400, 422)
    assert await registering.stored() == before


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


async def test_after_the_forum_the_form_says_so(
    registering: Registering, tmp_path_factory: pytest.TempPathFactory
) -> None:
    given = registering.service.platform
    home = tmp_path_factory.mktemp("late")
    async with (
        running(given.database_url, home, clock="2017-06-17T08:00:00+02:00") as late,
        late.browser() as browser,
    ):
        page = Page(await browser.get(FORM))
        assert page.says("Registration is not open at this time.")
        assert page.actions == []
        answer = await browser.post(FORM, data=filled_in())
        assert answer.status_code == 403
        assert Page(answer).title.startswith("Registration is closed")


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
        assert "<script" not in answer.text.lower()
        assert "&lt;script&gt;" in answer.text.lower()
