"""What organisers see of the mails before one goes out."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest

from deploy.private_servers import PostgreSQL
from services.notifications import samples
from services.notifications.matters import Kind
from shared.access import Role
from shared.forum import LANGUAGES
from tests.notifications import Notifying, running
from tests.servers import MailServer

PREVIEW = "/notifications/preview"


@pytest.fixture(scope="module")
async def notifying(
    postgres: PostgreSQL, tmp_path_factory: pytest.TempPathFactory, mail_server: MailServer
) -> AsyncIterator[Notifying]:
    postgres.drop_databases()
    home = tmp_path_factory.mktemp("home")
    async with running(postgres.url, home, mail_server, away=True) as service:
        yield service


async def test_there_is_a_sample_of_each_kind_of_mail(notifying: Notifying) -> None:
    matters = samples.matters(notifying.service.platform.forum, "en", "https://forum.example.org")
    assert {matter.kind for matter in matters.values()} == set(Kind)


async def test_the_page_offers_every_sample(notifying: Notifying) -> None:
    page = await notifying.http.get(PREVIEW, headers=notifying.organiser)
    for mail in samples.matters(notifying.service.platform.forum, "en", ""):
        assert f'value="{mail}"' in page.text, mail


@pytest.mark.parametrize("language", LANGUAGES)
async def test_each_mail_is_shown_in_each_language(notifying: Notifying, language: str) -> None:
    forum = notifying.service.platform.forum
    for mail in samples.matters(forum, "en", ""):
        page = await notifying.http.get(
            PREVIEW, params={"mail": mail, "language": language}, headers=notifying.organiser
        )
        assert page.status_code == 200
        assert f'src="{PREVIEW}/{mail}/{language}"' in page.text
        shown = await notifying.http.get(
            f"{PREVIEW}/{mail}/{language}", headers=notifying.organiser
        )
        assert shown.status_code == 200
        assert f'<html lang="{language}"' in shown.text
        policy = shown.headers["Content-Security-Policy"].split("; ")
        assert "sandbox" in policy
        assert "default-src 'none'" in policy


async def test_the_page_begins_with_the_badge_in_the_organisers_language(
    notifying: Notifying,
) -> None:
    headers = notifying.organiser | {"Accept-Language": "ru"}
    page = await notifying.http.get(PREVIEW, headers=headers)
    assert f'src="{PREVIEW}/badge/ru"' in page.text
    assert page.headers["Content-Language"] == "ru"


@pytest.mark.parametrize(
    ("path", "status"),
    [
        ("/nonsense/en", 404),
        ("/badge/de", 404),
        ("?mail=nonsense", 404),
        ("?language=de", 422),
    ],
)
async def test_what_there_is_not_is_not_shown(notifying: Notifying, path: str, status: int) -> None:
    answer = await notifying.http.get(f"{PREVIEW}{path}", headers=notifying.organiser)
    assert answer.status_code == status


@pytest.mark.parametrize("path", ["", "/badge/en"])
async def test_only_organisers_look_at_the_mails(notifying: Notifying, path: str) -> None:
    assert (await notifying.http.get(f"{PREVIEW}{path}")).status_code == 401
    for role in Role:
        if role is not Role.organiser:
            answer = await notifying.http.get(f"{PREVIEW}{path}", headers=notifying.staff(role))
            assert answer.status_code == 403
