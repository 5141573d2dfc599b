"""Before registration opens and after it has closed, pages and API say when, in forum time."""

from __future__ import annotations

from pathlib import Path

import pytest

from shared.forum import LANGUAGES, Language
from tests.registration import API, Page, body, running

BEFORE, AFTER = "2017-01-24T22:59:00Z", "2017-06-16T22:00:00Z"
# The venue's time, not the browser's and not UTC; each language as it writes it.
OPENS: dict[Language, tuple[str, str]] = {
    "ar": ("25 يناير 2017، 00:00", "جنيف"),
    "zh": ("2017年1月25日周三 00:00", "日内瓦"),
    "en": ("Wed, 25 Jan 2017, 00:00", "Geneva"),
    "fr": ("25 janv. 2017, 00:00", "Genève"),
    "ru": ("25 янв. 2017 г., 00:00", "Женева"),
    "es": ("25 ene 2017, 00:00", "Ginebra"),
}
CLOSED: dict[Language, tuple[str, str]] = {
    "ar": ("16 يونيو 2017، 23:59", "جنيف"),
    "zh": ("2017年6月16日周五 23:59", "日内瓦"),
    "en": ("Fri, 16 Jun 2017, 23:59", "Geneva"),
    "fr": ("16 juin 2017, 23:59", "Genève"),
    "ru": ("16 июн. 2017 г., 23:59", "Женева"),
    "es": ("16 jun 2017, 23:59", "Ginebra"),
}


@pytest.mark.parametrize(("clock", "says"), [(BEFORE, OPENS), (AFTER, CLOSED)])
async def test_pages_and_api_say_when_in_six_languages(
    database_url: str, tmp_path: Path, clock: str, says: dict[Language, tuple[str, str]]
) -> None:
    async with running(database_url, tmp_path, clock=clock) as registering:
        before = await registering.stored()
        for language in LANGUAGES:
            moment, city = says[language]
            async with registering.browser(language) as browser:
                page = Page(await browser.get("/registration/"))
                assert page.says(moment, city), page.words
                assert page.actions == []
                answer = await browser.post("/registration/", data=body(consent="yes"))
                assert answer.status_code == 403
                assert Page(answer).says(moment, city)
            refused = await registering.send("POST", API, body(), {"Accept-Language": language})
            assert refused.status_code == 403
            problem = refused.json()
            assert problem["type"] == "urn:forum-pass:problem:registration-closed"
            assert moment in " ".join(problem["detail"].split())
            assert refused.headers["Content-Language"] == language
        assert await registering.stored() == before


async def test_while_it_is_open_the_form_says_until_when(database_url: str, tmp_path: Path) -> None:
    async with (
        running(database_url, tmp_path) as registering,
        registering.browser("fr") as browser,
    ):
        page = Page(await browser.get("/registration/"))
    assert page.says("Les inscriptions sont ouvertes jusqu’au", "16 juin 2017, 23:59")
    assert page.actions == ["/registration/"]


async def test_who_is_registered_goes_on_when_registration_has_closed(
    database_url: str, tmp_path: Path
) -> None:
    async with running(database_url, tmp_path) as registering:
        registration_id = await registering.submitted()
        token = await registering.token(registration_id)
    async with running(database_url, tmp_path, clock=AFTER) as registering:
        confirmed = await registering.act(registration_id, "confirm-email", token=token)
        assert confirmed.json()["status"] == "confirmed"
        own = registering.registrant(registration_id)
        assert (await registering.amend(registration_id, by=own, title="Dr")).status_code == 200
