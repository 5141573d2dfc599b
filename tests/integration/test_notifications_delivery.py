"""What the mail server answers, and what becomes of the mail: sent, tried again, or bounced."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator

import pytest
from structlog.testing import capture_logs

from deploy.private_servers import PostgreSQL
from shared.events import NotificationBounced, NotificationSent
from tests.notifications import Notifying, address_of, contact_changed, issued, running
from tests.servers import MailServer, Step


@pytest.fixture(scope="module")
async def service(
    postgres: PostgreSQL, tmp_path_factory: pytest.TempPathFactory, mail_server: MailServer
) -> AsyncIterator[Notifying]:
    postgres.drop_databases()
    async with running(postgres.url, tmp_path_factory.mktemp("home"), mail_server) as one:
        yield one


@pytest.fixture
def notifying(service: Notifying) -> Iterator[Notifying]:
    """The service, with a mail server that has taken nothing and makes no trouble."""
    service.smtp.clear()
    yield service
    service.smtp.recover()


# --- refused for good -----------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("step", "code", "line"),
    [
        ("RCPT", 550, "550 5.1.1 No such user here"),
        ("RCPT", 553, "553 5.1.3 Bad destination mailbox address"),
        ("DATA", 554, "554 5.5.1 No valid recipients"),
        (".", 552, "552 5.3.4 Message too big"),
        (".", 554, "554 5.7.1 Looks like spam"),
    ],
)
async def test_a_mail_that_is_refused_for_good_bounces(
    notifying: Notifying, step: Step, code: int, line: str
) -> None:
    notifying.smtp.answer(step, line)
    registration_id = await notifying.register()
    bounced = await notifying.waiting_for(registration_id, status="bounced")
    assert (bounced["attempts"], bounced["sent_at"], bounced["error"]) == (1, None, line)
    assert bounced["recipient"] == address_of(registration_id)
    [said] = await notifying.said(registration_id)
    assert isinstance(said, NotificationBounced)
    assert (str(said.message_id), said.kind, said.smtp_code) == (
        bounced["id"],
        "confirm_address",
        code,
    )


async def test_after_a_bounce_the_next_mail_goes_over_the_same_connection(
    notifying: Notifying,
) -> None:
    notifying.smtp.answer("RCPT", "550 5.1.1 No such user here", times=1)
    await notifying.waiting_for(await notifying.register(), status="bounced")
    callers = notifying.smtp.callers
    await notifying.mail(await notifying.register())
    assert notifying.smtp.callers == callers


@pytest.mark.parametrize(
    ("line", "encoding", "kept"),
    [
        ("550 Boîte inconnue", "latin-1", "550 Bo te inconnue"),
        ("550 No\0such user", "ascii", "550 No such user"),
        (
            "550-No such user\r\n550 Ask the postmaster",
            "ascii",
            "550 No such user Ask the postmaster",
        ),
        ("550 " + "x" * 2000, "ascii", "550 " + "x" * 496),
    ],
)
async def test_a_bounce_is_noted_whatever_the_server_says(
    notifying: Notifying, line: str, encoding: str, kept: str
) -> None:
    notifying.smtp.answer("RCPT", line, encoding=encoding)
    bounced = await notifying.waiting_for(await notifying.register(), status="bounced")
    assert bounced["error"] == kept


@pytest.mark.parametrize("email", ["nobody", "=?utf-8?q?=0A?=@example.org", "a b@example.org"])
async def test_what_is_no_address_bounces_without_a_call(notifying: Notifying, email: str) -> None:
    callers = notifying.smtp.callers
    registration_id = await notifying.register(email=email)
    await notifying.waiting_for(registration_id, status="bounced", error="not an address")
    [said] = await notifying.said(registration_id)
    assert (type(said), said.smtp_code) == (NotificationBounced, 553)
    assert notifying.smtp.callers == callers


async def test_an_address_that_is_not_ascii_is_written_to(notifying: Notifying) -> None:
    registration_id = await notifying.register(email="zoë@münchen.example")
    assert await notifying.outcome(registration_id) == [("confirm_address", "sent")]


async def test_a_corrected_address_gets_the_mail_that_had_bounced(notifying: Notifying) -> None:
    notifying.smtp.answer("RCPT", "550 5.1.1 No such user here", times=1)
    registration_id = await notifying.register()
    bounced = await notifying.waiting_for(registration_id, status="bounced")
    correct = f"correct-{address_of(registration_id)}"
    await notifying.hear(contact_changed(registration_id, 2, email=correct))
    assert (await notifying.resend(bounced)).status_code == 201
    [mail] = await notifying.mail(correct)
    assert "confirm your e-mail address" in mail["Subject"]
    assert await notifying.outcome(registration_id) == [
        ("confirm_address", "bounced"),
        ("confirm_address", "sent"),
    ]


# --- refused for now ------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("step", "line"),
    [
        ("MAIL", "421 4.3.2 Shutting down"),
        ("MAIL", "451 4.3.0 Local error"),
        ("RCPT", "450 4.2.0 Greylisted, come again"),
        ("RCPT", "421 4.7.0 Too many connections"),
        ("DATA", "451 4.3.0 Try again"),
        (".", "452 4.3.1 Insufficient storage"),
        (".", "421 4.3.2 Shutting down"),
    ],
)
async def test_a_mail_that_is_not_taken_now_is_taken_later(
    notifying: Notifying, step: Step, line: str
) -> None:
    notifying.smtp.answer(step, line, times=2)
    registration_id = await notifying.register()
    assert await notifying.outcome(registration_id) == [("confirm_address", "sent")]
    [message] = await notifying.messages(registration_id)
    assert (message["attempts"], message["error"]) == (3, None)
    [mail] = notifying.smtp.to(address_of(registration_id))
    assert mail["Message-ID"] == f"<{message['id']}@itu.int>"
    assert [type(fact) for fact in await notifying.said(registration_id)] == [NotificationSent]


@pytest.mark.parametrize(
    ("step", "line"),
    [
        ("MAIL", "550 5.7.1 Sender not known here"),
        ("MAIL", "530 5.7.0 Authentication required"),
        ("RCPT", "530 5.7.0 Authentication required"),
    ],
)
async def test_what_is_wrong_with_us_bounces_nobodys_mail(
    notifying: Notifying, step: Step, line: str
) -> None:
    notifying.smtp.answer(step, line)
    registration_id = await notifying.register()
    waiting = await notifying.waiting_for(registration_id, status="queued", error=line)
    assert waiting["recipient"] == address_of(registration_id)
    notifying.smtp.recover()
    assert await notifying.outcome(registration_id) == [("confirm_address", "sent")]


async def test_one_mail_that_waits_does_not_stop_the_others(notifying: Notifying) -> None:
    notifying.smtp.answer(".", "451 4.7.1 Greylisted", times=1)
    first = await notifying.register()
    second = await notifying.register()
    for registration_id in (first, second):
        assert await notifying.outcome(registration_id) == [("confirm_address", "sent")]


# --- cut off -------------------------------------------------------------------------------------


@pytest.mark.parametrize("step", ["MAIL", "RCPT", "DATA"])
async def test_a_connection_that_is_cut_before_the_end_makes_no_second_mail(
    notifying: Notifying, step: Step
) -> None:
    notifying.smtp.hang_up(step, times=2)
    registration_id = await notifying.register()
    assert await notifying.outcome(registration_id) == [("confirm_address", "sent")]
    assert len(notifying.smtp.to(address_of(registration_id))) == 1
    assert len(await notifying.said(registration_id)) == 1


async def test_a_mail_that_was_taken_unanswered_comes_again_as_the_same_message(
    notifying: Notifying,
) -> None:
    notifying.smtp.hang_up(".", times=1)
    registration_id = await notifying.register()
    first, second = await notifying.mail(registration_id, count=2)
    assert first["Message-ID"] == second["Message-ID"]
    assert await notifying.outcome(registration_id) == [("confirm_address", "sent")]


# --- what is told of it ---------------------------------------------------------------------------


async def test_many_mails_go_over_few_connections(notifying: Notifying) -> None:
    registrations = [await notifying.register() for _ in range(30)]
    for registration_id in registrations:
        assert await notifying.outcome(registration_id) == [("confirm_address", "sent")]
    assert len(notifying.smtp.messages) == 30
    assert notifying.smtp.callers <= 8


async def test_the_operator_sees_how_many_were_sent_and_bounced(notifying: Notifying) -> None:
    await notifying.outcome(await notifying.register())
    notifying.smtp.answer("RCPT", "550 5.1.1 No such user here", times=1)
    await notifying.waiting_for(await notifying.register(), status="bounced")
    metrics = (await notifying.http.get("/notifications/metrics")).text
    for outcome in ("sent", "bounced"):
        [line] = [
            line
            for line in metrics.splitlines()
            if line.startswith(f'mails_total{{outcome="{outcome}"}}')
        ]
        assert float(line.split()[-1]) >= 1


async def test_the_log_names_nobody(notifying: Notifying) -> None:
    notifying.smtp.answer("RCPT", "550 5.1.1 <{address}> is unknown", times=1)
    with capture_logs() as logs:
        registration_id = await notifying.register(given_name="Ada-Grace")
        await notifying.waiting_for(registration_id, status="bounced")
        await notifying.hear(issued(registration_id))
        await notifying.waiting_for(registration_id, status="queued", error="badging")
    text = str(logs)
    assert "mail.bounced" in text
    for personal in (address_of(registration_id), "Ada-Grace", "Hopper", "token=", "signed"):
        assert personal not in text
