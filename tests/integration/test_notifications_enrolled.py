"""Mails to people whom somebody else has registered, and to those who look after a delegation."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from typing import Any
from uuid import UUID, uuid4

import pytest
from sqlalchemy import select

from deploy.private_servers import PostgreSQL, started
from services.notifications import tables
from shared.events import (
    FocalPointInvited,
    FocalPointRemoved,
    RegistrationEnrolled,
    RegistrationErased,
    RegistrationInReview,
    RegistrationWaitlisted,
)
from tests.mails import face
from tests.notifications import Badging, Notifying, address_of, issued, running
from tests.running import ORIGIN
from tests.servers import MailServer


@pytest.fixture(scope="module")
def badging() -> Iterator[Badging]:
    with started(Badging()) as server:
        yield server


@pytest.fixture(scope="module")
async def notifying(
    postgres: PostgreSQL,
    tmp_path_factory: pytest.TempPathFactory,
    mail_server: MailServer,
    badging: Badging,
) -> AsyncIterator[Notifying]:
    postgres.drop_databases()
    mail_server.clear()
    home = tmp_path_factory.mktemp("home")
    async with running(postgres.url, home, mail_server, badging.url) as service:
        yield service


def enrolled(registration_id: UUID, **particulars: Any) -> RegistrationEnrolled:
    given: dict[str, Any] = {
        "reference": "WF17-3K9Q2M",
        "email": address_of(registration_id),
        "given_name": "Grace",
        "family_name": "Hopper",
        "language": "en",
        "delegation": "Utopia & Sons",
        "me_link": f"{ORIGIN}/registration/me?token=me",
    }
    return RegistrationEnrolled(registration_id=registration_id, version=1, **given | particulars)


def invited(focal_point_id: UUID, link: str = "one", **particulars: Any) -> FocalPointInvited:
    given: dict[str, Any] = {
        "name": "Ada Lovelace",
        "email": address_of(focal_point_id),
        "language": "en",
        "delegation": "Utopia",
        "quota": 40,
        "sign_in_link": f"{ORIGIN}/registration/sign-in?token={link}",
    }
    return FocalPointInvited(focal_point_id=focal_point_id, **given | particulars)


def says(mail: Any) -> str:
    return " ".join(face(mail, "plain").split())


@pytest.mark.parametrize("late", [False, True], ids=["in order", "the person heard of last"])
async def test_who_was_registered_by_a_delegation_gets_one_mail_that_says_so(
    notifying: Notifying, late: bool
) -> None:
    facts = {
        "in_review": RegistrationInReview,
        "waitlisted": RegistrationWaitlisted,
        "badge": None,
    }
    for kind, state in facts.items():
        registration_id = uuid4()
        about: dict[str, Any] = {"registration_id": registration_id, "version": 1}
        told = [enrolled(registration_id), state(**about) if state else issued(registration_id)]
        await notifying.hear(*(reversed(told) if late else told))
        [mail] = await notifying.mail(registration_id)
        assert await notifying.outcome(registration_id) == [(kind, "sent")]
        assert "The delegation Utopia & Sons has registered you for the" in says(mail)
        assert "Thank you for registering" not in says(mail)
        assert "token=me" in says(mail)


async def test_the_organisers_are_named_where_no_delegation_is(notifying: Notifying) -> None:
    registration_id = uuid4()
    await notifying.hear(
        enrolled(registration_id, delegation="", language="fr"), issued(registration_id)
    )
    [mail] = await notifying.mail(registration_id)
    assert "Les organisateurs ont procédé à votre inscription" in says(mail)


async def test_who_has_registered_is_not_told_that_somebody_else_did(notifying: Notifying) -> None:
    registration_id = await notifying.register()
    await notifying.mail(registration_id)
    await notifying.hear(RegistrationInReview(registration_id=registration_id, version=2))
    mail = (await notifying.mail(registration_id, count=2))[-1]
    assert "has registered you" not in says(mail)
    assert "have registered you" not in says(mail)


async def test_a_focal_point_gets_the_link_and_again_the_new_one(notifying: Notifying) -> None:
    focal_point_id = uuid4()
    await notifying.hear(invited(focal_point_id))
    [mail] = await notifying.mail(focal_point_id)
    assert mail["To"] == f"Ada Lovelace <{address_of(focal_point_id)}>"
    assert "Utopia" in mail["Subject"]
    assert "token=one" in face(mail, "plain")
    assert "Members at most: 40" in says(mail)
    await notifying.hear(invited(focal_point_id, "two", name="Augusta Ada King", language="fr"))
    mail = (await notifying.mail(focal_point_id, count=2))[-1]
    assert "token=two" in face(mail, "plain")
    assert (mail["Content-Language"], "Augusta Ada King" in says(mail)) == ("fr", True)


async def test_nothing_is_kept_of_a_focal_point_who_is_removed(notifying: Notifying) -> None:
    focal_point_id = uuid4()
    await notifying.hear(invited(focal_point_id))
    await notifying.mail(focal_point_id)
    await notifying.hear(FocalPointRemoved(focal_point_id=focal_point_id))
    # Heard late, it brings nothing back.
    await notifying.hear(invited(focal_point_id, "three"))
    await _holds_nothing_of(notifying, focal_point_id)
    assert len(await notifying.mail(focal_point_id)) == 1


async def test_nothing_is_kept_of_the_delegation_of_who_is_erased(notifying: Notifying) -> None:
    registration_id = uuid4()
    await notifying.hear(
        enrolled(registration_id), RegistrationErased(registration_id=registration_id, version=2)
    )
    await _holds_nothing_of(notifying, registration_id)


async def _holds_nothing_of(notifying: Notifying, some_id: UUID) -> None:
    recipients, messages = tables.recipients, tables.messages
    async with notifying.service.database.read() as connection:
        query = select(recipients).where(recipients.c.registration_id == some_id)
        [kept] = await connection.execute(query)
        query = select(messages).where(messages.c.registration_id == some_id)
        written = list(await connection.execute(query))
    assert (kept.email, kept.family_name, kept.me_link, kept.registered_by) == (None,) * 4
    assert all((one.matter, one.recipient) == (None, None) for one in written)
