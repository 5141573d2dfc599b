"""The pages on which a file is chosen, looked at, and imported."""

from __future__ import annotations

import csv
import re
from base64 import b64encode
from collections.abc import AsyncIterator
from io import StringIO
from zlib import compress

import httpx
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from deploy.private_servers import PostgreSQL
from services.registration.staff import sign_in_link
from shared.access import Role
from shared.forum import LANGUAGES
from tests.delegations import looked_after, people, table
from tests.registration import Page, Registering, running
from tests.running import ORIGIN

PAGES = "/registration/imports"


@pytest.fixture(scope="module")
async def registering(
    postgres: PostgreSQL, tmp_path_factory: pytest.TempPathFactory
) -> AsyncIterator[Registering]:
    postgres.drop_databases()
    async with running(postgres.url, tmp_path_factory.mktemp("home")) as service:
        yield service


@pytest.fixture
async def browser(registering: Registering) -> AsyncIterator[httpx.AsyncClient]:
    """An organiser's browser."""
    async with registering.browser() as browser:
        await browser.get(sign_in_link(registering.keyring, ORIGIN, Role.organiser, "Ada"))
        yield browser


def packed(content: bytes) -> dict[str, str]:
    """What the page carries of a file."""
    return {"content": b64encode(compress(content)).decode()}


async def look(
    browser: httpx.AsyncClient, content: bytes, name: str = "people.csv"
) -> httpx.Response:
    return await browser.post(f"{PAGES}/preview", files={"file": (name, content)})


async def test_a_template_is_a_file_that_can_be_imported(
    registering: Registering, browser: httpx.AsyncClient
) -> None:
    for language in LANGUAGES:
        answer = await browser.get(f"{PAGES}/template.csv", params={"lang": language})
        assert answer.headers["Content-Type"] == "text/csv; charset=utf-8"
        assert "attachment" in answer.headers["Content-Disposition"]
        page = Page(await look(browser, answer.content))
        assert page.errors == {}
        assert page.fields["content"]


@pytest.mark.parametrize(
    ("content", "sentence"),
    [
        (b"", "The file is empty."),
        (b"PK\x03\x04", "This is an Excel workbook."),
        (b"email\r\na\r\n", "The first row does not name these columns: Family name"),
        (b'email\r\na,"b\r\n', "From line 2 on, a quotation mark is missing"),
        (b"a" * (5 * 1024 * 1024 + 1), "The file is larger than 5 MB."),
    ],
    ids=range(5),
)
async def test_a_file_that_cannot_be_read_is_refused_in_words(
    browser: httpx.AsyncClient, content: bytes, sentence: str
) -> None:
    answers = [await look(browser, content)]
    if content:
        carried = packed(content)
        answers += [
            await browser.post(f"{PAGES}{path}", data=carried | {"consent": "yes"})
            for path in ("/preview", "/rejected.csv", "")
        ]
    for answer in answers:
        assert answer.status_code == 422
        assert Page(answer).says("This file cannot be read", sentence)


async def test_nothing_is_imported_before_it_is_said(
    registering: Registering, browser: httpx.AsyncClient
) -> None:
    content = table(*people(2, family_name="Looked")).encode()
    before = await registering.stored()
    page = Page(await look(browser, content))
    carried = {name: page.fields[name][0] for name in ("content", "key")}
    answer = await browser.post(PAGES, data=carried)
    assert answer.status_code == 422
    assert Page(answer).errors["consent"] == "Please confirm this first."
    assert await registering.stored() == before
    for _ in range(2):  # a button may be pressed twice
        answer = await browser.post(PAGES, data=carried | {"consent": "yes"})
        assert answer.status_code == 303
        done = Page(await browser.get(answer.headers["Location"]))
        assert done.says("The file is imported", "2", "are registered now")
    assert len(await registering.find(q="Looked")) == 2


async def test_rows_are_given_back_with_what_is_wrong_and_can_be_sent_again(
    registering: Registering, browser: httpx.AsyncClient
) -> None:
    row = people(1, family_name="=1+1")[0]
    content = table(row).encode()
    answer = await browser.post(
        f"{PAGES}/rejected.csv", data=packed(content), headers={"Accept-Language": "fr"}
    )
    text = answer.content.decode("utf-8-sig")
    [given_back] = csv.DictReader(StringIO(text), delimiter=";")
    assert given_back["family_name"] == "'=1+1"
    assert given_back["Ce qui ne va pas"].startswith("family_name: Un nom comporte")
    page = Page(await look(browser, text.replace("'=1+1", "Mended").encode("utf-8-sig")))
    assert page.says("1", "can be registered")
    # The column of reasons is ours: nobody is told that it is not used.
    assert not page.says("Columns that are not used")


async def test_another_language_costs_nothing_of_the_file(browser: httpx.AsyncClient) -> None:
    content = table(*people(1, family_name="Switch")).encode()
    answer = await browser.post(
        f"{PAGES}/preview?lang=ru", data=packed(content) | {"read_in": "ru"}
    )
    page = Page(answer)
    assert (page.language, answer.status_code) == ("ru", 200)
    assert page.fields["content"]


@given(st.text(max_size=50) | st.binary(max_size=100).map(lambda some: b64encode(some).decode()))
@settings(
    max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
async def test_a_spoiled_page_is_refused(browser: httpx.AsyncClient, content: str) -> None:
    for path in ("/preview", "/rejected.csv", ""):
        answer = await browser.post(f"{PAGES}{path}", data={"content": content, "consent": "yes"})
        assert answer.status_code in (400, 422)


async def test_a_focal_point_sees_the_own_pages_only(registering: Registering) -> None:
    email = "pages@example.org"
    mine, _ = await looked_after(registering, email, name="Mine")
    other, _ = await looked_after(registering, name="Other")
    async with registering.browser() as browser:
        await browser.get(sign_in_link(registering.keyring, ORIGIN, Role.focal_point, email))
        page = Page(await browser.get(PAGES))
        assert page.says("Mine")
        # As the invitation was written.
        assert page.language == "fr"
        assert page.fields["delegation"] == [mine]
        for path in (
            f"{PAGES}?delegation={other}",
            f"{PAGES}/template.csv?delegation={other}",
            f"/registration/delegations/{other}",
            f"/registration/delegations/{other}/members/new",
        ):
            assert (await browser.get(path)).status_code == 404
        for path in ("quota", "focal-points"):
            answer = await browser.post(f"/registration/delegations/{mine}/{path}")
            assert answer.status_code == 403
        overview = await browser.get("/registration/delegations")
        assert re.search(f"{mine}$", overview.headers["Location"])
        spoiled = {"delegation": "x", "content": ""}
        assert (await browser.post(f"{PAGES}/preview", data=spoiled)).status_code == 404
        answer = await browser.post(
            f"/registration/delegations/{mine}/members/new", data={"replaces": "x"}
        )
        assert answer.status_code == 404
