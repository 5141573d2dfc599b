"""The mail with the link to the own page, and the one for who is in review again."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest

from deploy.private_servers import PostgreSQL, started
from shared.events import RegistrationReopened, RegistrationWaitlisted
from tests.mails import face
from tests.notifications import Badging, Notifying, issued, link_requested, revoked, running
from tests.servers import MailServer


@pytest.fixture(scope="module")
async def notifying(
    postgres: PostgreSQL, tmp_path_factory: pytest.TempPathFactory, mail_server: MailServer
) -> AsyncIterator[Notifying]:
    postgres.drop_databases()
    home = tmp_path_factory.mktemp("home")
    with started(Badging()) as badging:
        async with running(postgres.url, home, mail_server, badging_url=badging.url) as service:
            yield service


async def test_the_link_that_was_asked_for_is_mailed_in_the_persons_language(
    notifying: Notifying,
) -> None:
    registration_id = await notifying.register(language="fr")
    await notifying.mail(registration_id)
    await notifying.hear(link_requested(registration_id, 2, language="fr"))
    _, mail = await notifying.mail(registration_id, count=2)
    assert mail["Content-Language"] == "fr"
    assert "le lien vers votre inscription" in mail["Subject"]
    for kind in ("plain", "html"):
        assert "/registration/me?token=me2" in face(mail, kind)


async def test_later_mails_bring_the_newest_link(notifying: Notifying) -> None:
    registration_id = await notifying.register()
    await notifying.mail(registration_id)
    await notifying.hear(link_requested(registration_id, 3), link_requested(registration_id, 2))
    await notifying.outcome(registration_id)
    await notifying.hear(RegistrationWaitlisted(registration_id=registration_id, version=4))
    await notifying.outcome(registration_id)
    for mail in (await notifying.mail(registration_id))[1:]:
        assert "token=me3" in face(mail, "plain")


async def test_who_is_in_review_again_is_told_and_so_is_what_comes_of_it(
    notifying: Notifying,
) -> None:
    registration_id = await notifying.register()
    await notifying.mail(registration_id)
    await notifying.hear(issued(registration_id, 1))
    await notifying.mail(registration_id, count=2)
    await notifying.hear(
        RegistrationReopened(registration_id=registration_id, version=3, had_a_badge=True),
        revoked(registration_id, 2, status="cancelled"),
    )
    *_, told = await notifying.mail(registration_id, count=3)
    assert "the badge that you have received is not valid" in " ".join(face(told, "plain").split())
    await notifying.hear(RegistrationWaitlisted(registration_id=registration_id, version=4))
    *_, waits = await notifying.mail(registration_id, count=4)
    assert "waiting list" in waits["Subject"]
    await notifying.hear(issued(registration_id, 3))
    kinds = [kind for kind, _ in await notifying.outcome(registration_id)]
    assert kinds == ["confirm_address", "badge", "reopened", "waitlisted", "badge"]
