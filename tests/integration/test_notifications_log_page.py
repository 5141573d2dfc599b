"""What an organiser sees of the mails to one person, and how one is sent again."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path
from uuid import UUID, uuid4

import httpx
import pytest

from deploy.private_servers import PostgreSQL
from shared.access import Role
from shared.events import RegistrationCancelled
from tests.notifications import Notifying, running
from tests.servers import MailServer

PAGE = "/notifications/mails"


@pytest.fixture(scope="module")
async def notifying(
    postgres: PostgreSQL, tmp_path_factory: pytest.TempPathFactory, mail_server: MailServer
) -> AsyncIterator[Notifying]:
    postgres.drop_databases()
    home: Path = tmp_path_factory.mktemp("home")
    async with running(postgres.url, home, mail_server) as service:
        yield service


async def page_of(notifying: Notifying, registration_id: UUID) -> str:
    headers = notifying.organiser | {"Accept-Language": "en"}
    answer = await notifying.http.get(f"{PAGE}/{registration_id}", headers=headers)
    assert answer.status_code == 200
    return answer.text


async def resend(notifying: Notifying, registration_id: UUID) -> httpx.Response:
    oldest, *_ = await notifying.messages(registration_id)
    headers = notifying.organiser | {"Accept-Language": "en"}
    return await notifying.http.post(f"{PAGE}/{oldest['id']}/resend", headers=headers)


async def test_a_mail_is_shown_and_sent_again(notifying: Notifying) -> None:
    person, other = await notifying.register(), await notifying.register()
    for one in (person, other):
        await notifying.outcome(one)
    shown = await page_of(notifying, person)
    [mail] = await notifying.messages(person)
    assert mail["recipient"] in shown
    assert "Confirm the address" in shown
    assert f'href="/registration/review/{person}"' in shown
    assert f'action="{PAGE}/{mail["id"]}/resend"' in shown
    answer = await resend(notifying, person)
    assert answer.status_code == 303
    assert answer.headers["Location"] == f"{PAGE}/{person}"
    assert await notifying.outcome(person) == [("confirm_address", "sent")] * 2
    assert len(await notifying.messages(other)) == 1


async def test_what_is_no_longer_true_is_not_sent_again(notifying: Notifying) -> None:
    person = await notifying.register()
    await notifying.outcome(person)
    await notifying.hear(RegistrationCancelled(registration_id=person, version=9))
    await notifying.outcome(person)
    answer = await resend(notifying, person)
    assert answer.status_code == 409
    assert "Nothing was sent" in answer.text
    assert str(person) in answer.text


async def test_who_was_not_written_to_is_told_so(notifying: Notifying) -> None:
    assert "Nothing was written to this person." in await page_of(notifying, uuid4())


@pytest.mark.parametrize("role", [role for role in Role if role != Role.organiser])
async def test_mails_are_for_organisers(notifying: Notifying, role: Role) -> None:
    answer = await notifying.http.get(f"{PAGE}/{uuid4()}", headers=notifying.staff(role))
    assert answer.status_code == 403
