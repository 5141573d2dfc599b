"""Mails, as registrants receive them: one for what happened, and none for what is past."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterator
from typing import Any
from uuid import UUID, uuid4

import pytest
from alembic.autogenerate import compare_metadata
from alembic.runtime.migration import MigrationContext
from sqlalchemy import Connection, text

from deploy.private_servers import PostgreSQL, started
from services.notifications import tables
from shared.events import (
    CertificateIssued,
    Event,
    NotificationSent,
    RegistrationCancelled,
    RegistrationDeclined,
    RegistrationErased,
    RegistrationFact,
    RegistrationInReview,
    RegistrationWaitlisted,
)
from tests.mails import face, words
from tests.notifications import (
    PDF,
    Badging,
    Notifying,
    address_of,
    archive,
    badge_id,
    contact_changed,
    failing,
    issued,
    revoked,
    running,
    submitted,
)
from tests.servers import MailServer

TRACE_ID = "4bf92f3577b34da6a3ce929d0e0e4736"


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


def about(registration_id: UUID, version: int) -> dict[str, Any]:
    return {"registration_id": registration_id, "version": version}


# --- one mail for what happened -------------------------------------------------------------------


async def test_who_registers_is_asked_to_confirm_the_address(notifying: Notifying) -> None:
    registration_id = await notifying.register(given_name="Zoë", language="fr")
    assert await notifying.outcome(registration_id) == [("confirm_address", "sent")]
    [mail] = await notifying.mail(registration_id)
    assert mail["To"].addresses[0].display_name == "Dr. Zoë Hopper"
    assert mail["Content-Language"] == "fr"
    link = f"http://127.0.0.1:8000/registration/confirm?id={registration_id}&token=confirm1"
    assert link in face(mail, "plain")


async def test_who_is_confirmed_gets_the_badge_in_one_mail(
    notifying: Notifying, badging: Badging
) -> None:
    registration_id = await notifying.register()
    await notifying.hear(issued(registration_id))
    assert (await notifying.outcome(registration_id))[-1] == ("badge", "sent")
    mail = (await notifying.mail(registration_id))[-1]
    contents = {part.get_content_type(): part.get_payload(decode=True) for part in mail.walk()}
    assert contents["image/png"] == badging.png
    assert contents["application/pdf"] == PDF
    assert bytes(str(registration_id), "ascii") in contents["text/calendar"]
    assert "Badge number: 7KQ2-M9X1" in face(mail, "plain")


@pytest.mark.parametrize(
    ("kind", "fact", "says"),
    [
        ("in_review", RegistrationInReview, "now under review"),
        ("waitlisted", RegistrationWaitlisted, "you are on the waiting list"),
        ("cancelled", RegistrationCancelled, "is cancelled"),
    ],
)
async def test_each_turn_of_the_registration_is_told(
    notifying: Notifying, kind: str, fact: type[RegistrationFact], says: str
) -> None:
    registration_id = await notifying.register()
    await notifying.mail(registration_id)
    await notifying.hear(fact(**about(registration_id, 2)))
    assert await notifying.outcome(registration_id) == [
        ("confirm_address", "sent"),
        (kind, "sent"),
    ]
    _, mail = await notifying.mail(registration_id, count=2)
    assert says in words(face(mail, "plain"))


async def test_a_change_that_no_new_badge_tells_of_is_told(notifying: Notifying) -> None:
    registration_id = await notifying.register()
    await notifying.mail(registration_id)
    await notifying.hear(RegistrationInReview(**about(registration_id, 2)))
    await notifying.outcome(registration_id)
    await notifying.hear(contact_changed(registration_id, 3, language="es"))
    assert (await notifying.outcome(registration_id))[-1] == ("amended", "sent")
    mail = (await notifying.mail(registration_id, count=3))[-1]
    assert mail["Content-Language"] == "es"
    assert "Grace Murray" in face(mail, "plain")
    assert "Español" in face(mail, "plain")


async def test_who_has_a_badge_is_told_of_a_new_address_but_not_of_a_new_name(
    notifying: Notifying,
) -> None:
    registration_id = await notifying.register()
    await notifying.hear(RegistrationInReview(**about(registration_id, 2)), issued(registration_id))
    await notifying.outcome(registration_id)
    await notifying.hear(contact_changed(registration_id, 3, given_name="Amazing"))
    assert (await notifying.outcome(registration_id))[-1][0] == "badge"
    new = f"new-{address_of(registration_id)}"
    await notifying.hear(contact_changed(registration_id, 4, email=new))
    assert (await notifying.outcome(registration_id))[-1] == ("amended", "sent")
    [mail] = await notifying.mail(new)
    assert "Your registration was changed" in face(mail, "html")


async def test_a_new_address_is_told_to_both_and_the_old_one_learns_nothing_new(
    notifying: Notifying,
) -> None:
    # Nobody looked at this one first: from the confirmed address straight to the badge.
    registration_id = await notifying.register(language="fr")
    await notifying.mail(registration_id)
    await notifying.hear(issued(registration_id))
    await notifying.outcome(registration_id)
    new = f"moved.{uuid4().hex}@example.org"
    fact = contact_changed(registration_id, 3, email=new, family_name="Murray", language="es")
    await notifying.hear(fact, fact)
    assert sorted((await notifying.outcome(registration_id))[2:]) == [
        ("address_changed", "sent"),
        ("amended", "sent"),
    ]
    notice = (await notifying.mail(registration_id, count=3))[-1]
    assert notice["Content-Language"] == "fr"
    assert notice["To"].addresses[0].display_name == "Dr. Grace Hopper"
    for kind in ("plain", "html"):
        said = face(notice, kind)
        assert "Hopper" in said
        for unsaid in (new, "Murray", "/registration/me"):
            assert unsaid not in said
    [told] = await notifying.mail(new)
    assert told["Content-Language"] == "es"


@pytest.mark.parametrize("fact", [RegistrationCancelled, None])
async def test_an_address_that_was_not_confirmed_or_is_done_with_gets_no_notice(
    notifying: Notifying, fact: type[RegistrationFact] | None
) -> None:
    registration_id = await notifying.register()
    if fact is not None:
        await notifying.hear(issued(registration_id), fact(**about(registration_id, 2)))
    await notifying.outcome(registration_id)
    new = f"new-{address_of(registration_id)}"
    await notifying.hear(contact_changed(registration_id, 3, email=new))
    assert "address_changed" not in dict(await notifying.outcome(registration_id))


async def test_who_came_gets_the_certificate(notifying: Notifying) -> None:
    registration_id = await notifying.register(language="ru")
    await notifying.outcome(registration_id)  # mails on their way together come in any order
    fact = CertificateIssued(
        registration_id=registration_id,
        number="8AAA-BBBC",
        days=0b101,
        file_link="/badging/api/badges/certificate.pdf?link=signed",
        page="/badging/certificates/8AAA-BBBC",
    )
    await notifying.hear(fact)
    assert (await notifying.outcome(registration_id))[-1] == ("certificate", "sent")
    mail = (await notifying.mail(registration_id, count=2))[-1]
    [pdf] = mail.iter_attachments()
    assert pdf.get_payload(decode=True) == PDF
    assert mail["Content-Language"] == "ru"
    await notifying.hear(RegistrationErased(**about(registration_id, 9)), fact)
    assert len(await notifying.messages(registration_id)) == 2


async def test_a_change_before_the_address_is_confirmed_is_not_told(notifying: Notifying) -> None:
    registration_id = await notifying.register()
    await notifying.outcome(registration_id)
    await notifying.hear(contact_changed(registration_id, 2))
    assert await notifying.outcome(registration_id) == [("confirm_address", "sent")]


async def test_who_moves_up_from_the_waiting_list_is_told_with_the_badge(
    notifying: Notifying,
) -> None:
    registration_id = await notifying.register()
    await notifying.mail(registration_id)
    await notifying.hear(RegistrationWaitlisted(**about(registration_id, 2)))
    await notifying.outcome(registration_id)
    await notifying.hear(issued(registration_id))
    assert (await notifying.outcome(registration_id))[-1] == ("badge", "sent")
    mail = (await notifying.mail(registration_id, count=3))[-1]
    assert "A place has become free and is yours" in words(face(mail, "plain"))


async def test_a_badge_that_is_issued_after_the_forum_is_not_mailed(notifying: Notifying) -> None:
    registration_id = await notifying.register()
    await notifying.hear(issued(registration_id))
    assert (await notifying.outcome(registration_id))[-1] == ("badge", "sent")
    over = notifying.service.platform.forum.certificates_begin
    replacing = issued(registration_id, 2, replaces=badge_id(registration_id))
    await notifying.neighbours.deliver(Event("/badging", over, replacing))
    assert (await notifying.outcome(registration_id))[2:] == [("amended", "sent")]
    late = await notifying.register()
    await notifying.neighbours.deliver(Event("/badging", over, issued(late)))
    assert {kind for kind, _ in await notifying.outcome(late)} == {"confirm_address"}


async def test_who_is_declined_reads_why(notifying: Notifying) -> None:
    registration_id = await notifying.register()
    reason = "Only one person of a delegation can come."
    await notifying.hear(RegistrationDeclined(**about(registration_id, 3), reason=reason))
    assert (await notifying.outcome(registration_id))[-1] == ("declined", "sent")
    mail = (await notifying.mail(registration_id))[-1]
    assert reason in face(mail, "plain")


async def test_others_are_told_that_the_mail_went_out(notifying: Notifying) -> None:
    registration_id = await notifying.register()
    await notifying.outcome(registration_id)
    [message] = await notifying.messages(registration_id)
    [said] = await notifying.said(registration_id)
    assert isinstance(said, NotificationSent)
    assert (str(said.message_id), said.kind) == (message["id"], "confirm_address")


async def test_a_mail_carries_the_correlation_id_of_what_caused_it(
    notifying: Notifying, badging: Badging
) -> None:
    registration_id = await notifying.register()
    fact = issued(registration_id)
    traceparent = f"00-{TRACE_ID}-00f067aa0ba902b7-01"
    event = Event("/badging", notifying.service.platform.clock.now(), fact, traceparent=traceparent)
    await notifying.neighbours.deliver(event)
    await notifying.outcome(registration_id)
    mail = (await notifying.mail(registration_id))[-1]
    assert mail["X-Correlation-Id"] == TRACE_ID
    assert badging.traceparents[-1].split("-")[1] == TRACE_ID


async def test_a_mail_of_a_rehearsal_says_so(notifying: Notifying) -> None:
    [mail] = await notifying.mail(await notifying.register())
    assert mail["Subject"].startswith("[Rehearsal]")


async def test_a_mail_goes_to_the_newest_address_in_the_newest_language(
    notifying: Notifying,
) -> None:
    registration_id = await notifying.register()
    await notifying.mail(registration_id)
    new = f"new-{address_of(registration_id)}"
    await notifying.hear(
        contact_changed(registration_id, 3, email=new, language="fr"),
        contact_changed(registration_id, 2, email="older@example.org"),
        RegistrationInReview(**about(registration_id, 4)),
    )
    await notifying.outcome(registration_id)
    [mail] = await notifying.mail(new)
    assert mail["To"].addresses[0].display_name == "Grace Murray"
    assert mail["Content-Language"] == "fr"


async def test_an_address_corrected_before_it_was_confirmed_is_asked_anew(
    notifying: Notifying,
) -> None:
    registration_id = await notifying.register()
    await notifying.mail(registration_id)
    correct = f"correct-{address_of(registration_id)}"
    await notifying.hear(submitted(registration_id, version=2, email=correct))
    [mail] = await notifying.mail(correct)
    assert "token=confirm2" in face(mail, "plain")


# --- in any order, any number of times ------------------------------------------------------------


async def test_the_same_delivery_twice_makes_one_mail(notifying: Notifying) -> None:
    registration_id = uuid4()
    for fact in (submitted(registration_id), issued(registration_id)):
        event = notifying.event(fact)
        await asyncio.gather(*(notifying.neighbours.deliver(event) for _ in range(4)))
    found = [kind for kind, _ in await notifying.outcome(registration_id)]
    assert found == ["confirm_address", "badge"]


async def test_a_fact_said_again_in_a_new_envelope_makes_no_second_mail(
    notifying: Notifying,
) -> None:
    registration_id = uuid4()
    for _ in range(2):
        await notifying.hear(submitted(registration_id), issued(registration_id))
    found = [kind for kind, _ in await notifying.outcome(registration_id)]
    assert found == ["confirm_address", "badge"]


async def test_a_badge_heard_of_before_its_registration_waits_for_it(
    notifying: Notifying,
) -> None:
    registration_id = uuid4()
    await notifying.hear(issued(registration_id))
    [waiting] = await notifying.messages(registration_id)
    assert (waiting["status"], waiting["attempts"], waiting["recipient"]) == ("queued", 0, None)
    await notifying.hear(submitted(registration_id))
    assert await notifying.outcome(registration_id) == [("badge", "sent")]
    [mail] = await notifying.mail(registration_id)
    assert mail["Subject"].endswith("your badge")


@pytest.mark.parametrize("fact", [RegistrationInReview, RegistrationWaitlisted])
async def test_who_has_the_badge_is_not_told_of_the_way_to_it(
    notifying: Notifying, fact: type[RegistrationFact]
) -> None:
    registration_id = await notifying.register()
    await notifying.hear(issued(registration_id), fact(**about(registration_id, 2)))
    assert [kind for kind, _ in await notifying.outcome(registration_id)] == [
        "confirm_address",
        "badge",
    ]


async def test_a_cancellation_heard_first_is_the_last_word(notifying: Notifying) -> None:
    registration_id = uuid4()
    await notifying.hear(
        RegistrationCancelled(**about(registration_id, 5)),
        issued(registration_id),
        RegistrationInReview(**about(registration_id, 2)),
        submitted(registration_id),
    )
    assert await notifying.outcome(registration_id) == [("cancelled", "sent")]


async def test_what_is_overtaken_while_it_waits_is_dropped(
    notifying: Notifying, badging: Badging
) -> None:
    registration_id = await notifying.register()
    await notifying.mail(registration_id)
    with failing(badging, 503):
        await notifying.hear(issued(registration_id))
        await notifying.waiting_for(registration_id, status="queued", error="badging answers 503")
        await notifying.hear(RegistrationCancelled(**about(registration_id, 3)))
        assert await notifying.outcome(registration_id) == [
            ("confirm_address", "sent"),
            ("badge", "dropped"),
            ("cancelled", "sent"),
        ]


async def test_a_badge_that_opens_no_gate_any_more_is_not_mailed(
    notifying: Notifying, badging: Badging
) -> None:
    registration_id = await notifying.register()
    old = issued(registration_id)
    with failing(badging, 410, part=old.badge_id):
        await notifying.hear(old)
        await notifying.waiting_for(registration_id, status="queued", error="410")
        await notifying.hear(
            revoked(registration_id, status="superseded"),
            issued(registration_id, version=3, replaces=old.badge_id, number="8AAA-BBBC"),
        )
        assert (await notifying.outcome(registration_id))[1:] == [
            ("badge", "dropped"),
            ("badge", "sent"),
        ]
    mail = (await notifying.mail(registration_id))[-1]
    assert mail["Subject"].endswith("your new badge")
    assert "8AAA-BBBC" in face(mail, "plain")


# --- badging next door ----------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("status", "body", "error"),
    [
        (500, b"", "badging answers 500"),
        (302, b"", "badging answers 302"),
        (200, b"<html>", "badging answers with another kind of file"),
        (200, b"PK, and no more", "badging answers with an archive of other files"),
        (200, archive({"badge.png": b"\x89PNG"}), "badging answers with an archive of other files"),
        (
            200,
            archive(dict.fromkeys(("badge.png", "badge.qr.png", "badge.pdf"), b"<html>")),
            "badging answers with files of another kind",
        ),
    ],
)
async def test_a_badge_mail_waits_until_badging_gives_the_files(
    notifying: Notifying, badging: Badging, status: int, body: bytes, error: str
) -> None:
    registration_id = await notifying.register()
    with failing(badging, status, body):
        await notifying.hear(issued(registration_id))
        failed = await notifying.waiting_for(registration_id, status="queued", error=error)
        assert "signed" not in failed["error"]
    assert (await notifying.outcome(registration_id))[-1] == ("badge", "sent")


# --- what is stored -------------------------------------------------------------------------------


async def test_who_is_erased_is_in_no_table_any_more(
    notifying: Notifying, badging: Badging
) -> None:
    registration_id, given_name = uuid4(), f"Grace{uuid4().hex}"
    address = address_of(registration_id)
    await notifying.hear(submitted(registration_id, given_name=given_name))
    await notifying.mail(registration_id)
    with failing(badging, 503):
        await notifying.hear(issued(registration_id))
        await notifying.waiting_for(registration_id, status="queued", error="503")
        assert await tables_that_contain(notifying, address) == {"recipients", "messages"}
        await notifying.hear(RegistrationErased(**about(registration_id, 4)))
        for personal in (address, given_name, "token=me"):
            assert await tables_that_contain(notifying, personal, registration_id) == set()
        assert await notifying.outcome(registration_id) == [
            ("confirm_address", "sent"),
            ("badge", "dropped"),
        ]


async def test_what_is_heard_late_brings_nobody_back(notifying: Notifying) -> None:
    registration_id = uuid4()
    await notifying.hear(
        RegistrationErased(**about(registration_id, 9)),
        submitted(registration_id),
        contact_changed(registration_id, 2),
        RegistrationDeclined(**about(registration_id, 3), reason="Grace Hopper is known to us."),
        issued(registration_id),
        revoked(registration_id),
    )
    assert await notifying.messages(registration_id) == []
    assert await tables_that_contain(notifying, address_of(registration_id)) == set()
    assert await tables_that_contain(notifying, "known to us") == set()


async def tables_that_contain(
    notifying: Notifying, words: str, registration_id: UUID | None = None
) -> set[str]:
    """The tables with a row in which the words are; of one registration, or of any."""
    found = set()
    async with notifying.service.database.read() as connection:
        names = await connection.execute(
            text("SELECT tablename FROM pg_tables WHERE schemaname = 'public'")
        )
        for name in names.scalars().all():
            rows = f'SELECT count(*) FROM "{name}" AS entry WHERE strpos(entry::text, :words) > 0'
            if registration_id is not None:
                rows += " AND strpos(entry::text, :about) > 0"
            given = {"words": words, "about": str(registration_id)}
            if (await connection.execute(text(rows), given)).scalar_one():
                found.add(name)
    return found


async def test_the_migrations_make_the_tables_that_the_code_knows(notifying: Notifying) -> None:
    def differences(connection: Connection) -> list[Any]:
        context = MigrationContext.configure(
            connection, opts={"include_name": lambda name, kind, _: kind != "table" or name in own}
        )
        found: list[Any] = compare_metadata(context, tables.metadata)
        return found

    own = set(tables.metadata.tables)
    async with notifying.service.database.begin() as tx:
        assert await tx.run_sync(differences) == []
