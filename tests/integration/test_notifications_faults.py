"""The mail server, badging or we ourselves are gone, slow or cut off: no mail is lost."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from datetime import timedelta
from pathlib import Path
from typing import Any
from uuid import UUID, uuid4

import pytest
from sqlalchemy import update

from deploy.private_servers import PostgreSQL, free_port, started
from services.notifications import messages, tables
from services.notifications.messages import Claimed
from tests.notifications import Badging, Notifying, address_of, issued, running, submitted
from tests.servers import MailServer, Step

A_MINUTE = timedelta(minutes=1)


# --- the mail server ------------------------------------------------------------------------------


@pytest.mark.parametrize("step", ["MAIL", "RCPT", "DATA", "."])
async def test_a_mail_server_that_hangs_is_left_and_tried_again(
    database_url: str, tmp_path: Path, smtp: MailServer, step: Step
) -> None:
    smtp.hang(step)
    async with running(database_url, tmp_path, smtp, attempt_seconds=3) as notifying:
        registration_id = await notifying.register()
        error = "took longer than 3 seconds"
        await notifying.waiting_for(registration_id, status="queued", error=error)
        smtp.recover()
        assert await notifying.outcome(registration_id) == [("confirm_address", "sent")]
        assert len(smtp.to(address_of(registration_id))) == 1


async def test_mails_wait_for_a_mail_server_that_is_away_at_the_start(
    database_url: str, tmp_path: Path
) -> None:
    server = MailServer()
    async with running(database_url, tmp_path, server) as notifying:
        registration_id = await notifying.register()
        waiting = await notifying.waiting_for(registration_id, status="queued", error="cannot")
        assert "127.0.0.1" not in waiting["error"]
        with started(server):
            assert await notifying.outcome(registration_id) == [("confirm_address", "sent")]


async def test_mails_go_on_when_the_mail_server_was_started_again(
    database_url: str, tmp_path: Path
) -> None:
    with started(MailServer()) as server:
        async with running(database_url, tmp_path, server) as notifying:
            await notifying.outcome(await notifying.register())
            await asyncio.to_thread(server.stop)
            registration_id = await notifying.register()
            await notifying.waiting_for(registration_id, status="queued", error="cannot connect")
            await asyncio.to_thread(server.start)
            assert await notifying.outcome(registration_id) == [("confirm_address", "sent")]


async def test_without_a_mail_server_in_the_settings_mails_wait(
    database_url: str, tmp_path: Path, smtp: MailServer
) -> None:
    async with running(database_url, tmp_path, smtp, away=True) as notifying:
        registration_id = await notifying.register()
        [waiting] = await notifying.messages(registration_id)
        assert (waiting["status"], waiting["attempts"]) == ("queued", 0)
    async with running(database_url, tmp_path, smtp) as notifying:
        assert await notifying.outcome(registration_id) == [("confirm_address", "sent")]


async def test_a_mail_that_fails_for_too_long_is_given_up(
    database_url: str, tmp_path: Path, smtp: MailServer
) -> None:
    smtp.answer("RCPT", "450 4.2.0 Greylisted")
    patience: dict[str, Any] = {"first_retry_seconds": 0.05, "give_up_hours": 3 / 3600}
    async with running(database_url, tmp_path, smtp, **patience) as notifying:
        registration_id = await notifying.register()
        failed = await notifying.waiting_for(registration_id, status="failed", error="Greylisted")
        assert failed["attempts"] > 1
        assert await notifying.said(registration_id) == []


async def test_it_bounces_where_the_mail_server_takes_ascii_only(
    database_url: str, tmp_path: Path
) -> None:
    with started(MailServer(smtputf8=False)) as old:
        async with running(database_url, tmp_path, old) as notifying:
            refused = await notifying.register(email="zoë@example.org")
            await notifying.waiting_for(refused, status="bounced", error="553")
            # Only the name before the @ asks that of a server.
            taken = await notifying.register(email="zoe@münchen.example", given_name="Zoë")
            assert await notifying.outcome(taken) == [("confirm_address", "sent")]


@pytest.mark.filterwarnings("ignore:Requiring AUTH while not requiring TLS")
async def test_the_service_signs_in_with_the_account_of_its_setting(
    database_url: str, tmp_path: Path
) -> None:
    with started(MailServer(account=("forum@itu.int", "p@ss:w/rd %41"))) as server:
        async with running(database_url, tmp_path, server) as notifying:
            registration_id = await notifying.register()
            assert await notifying.outcome(registration_id) == [("confirm_address", "sent")]


# --- badging --------------------------------------------------------------------------------------


async def test_a_badge_waits_for_badging_to_come_back(
    database_url: str, tmp_path: Path, smtp: MailServer
) -> None:
    nobody = f"http://127.0.0.1:{free_port()}"
    async with running(database_url, tmp_path, smtp, nobody) as notifying:
        registration_id = await notifying.register()
        await notifying.mail(registration_id)
        await notifying.hear(issued(registration_id))
        error = "badging does not answer (ConnectError)"
        await notifying.waiting_for(registration_id, status="queued", error=error)
    with started(Badging()) as badging:
        async with running(database_url, tmp_path, smtp, badging.url) as notifying:
            assert (await notifying.outcome(registration_id))[-1] == ("badge", "sent")


# --- ourselves ------------------------------------------------------------------------------------


async def test_replicas_share_the_work_and_send_each_mail_once(
    database_url: str, tmp_path: Path, smtp: MailServer
) -> None:
    async with (
        running(database_url, tmp_path, smtp) as one,
        running(database_url, tmp_path, smtp) as other,
    ):
        events = [one.event(submitted(uuid4())) for _ in range(20)]
        for replica in (one, other):  # the broker delivers again what was not acknowledged
            await asyncio.gather(*(replica.neighbours.deliver(event) for event in events))
        for event in events:
            registration_id = UUID(event.fact.subject)
            assert await other.outcome(registration_id) == [("confirm_address", "sent")]
            assert len(smtp.to(address_of(registration_id))) == 1


async def test_the_mail_in_the_hands_of_a_killed_process_is_sent_by_the_next(
    database_url: str, tmp_path: Path, smtp: MailServer
) -> None:
    async with running(database_url, tmp_path, smtp, away=True) as notifying:
        registration_id = await notifying.register()
        [killed] = await take(notifying, lease=timedelta(0))
    async with running(database_url, tmp_path, smtp) as notifying:
        assert await notifying.outcome(registration_id) == [("confirm_address", "sent")]
        # It was not killed, only slow: its word comes too late to count.
        async with notifying.service.database.begin() as tx:
            assert not await messages.mark_bounced(tx, killed, "550 No such user")
            assert not await messages.mark_sent(tx, [killed])
            assert await messages.retry(tx, killed, "slow", A_MINUTE, A_MINUTE) is None
        assert await notifying.outcome(registration_id) == [("confirm_address", "sent")]


async def test_a_mail_in_hand_is_nobody_elses(
    database_url: str, tmp_path: Path, smtp: MailServer
) -> None:
    async with running(database_url, tmp_path, smtp, away=True) as notifying:
        await notifying.register()
        assert len(await take(notifying, lease=A_MINUTE)) == 1
        assert await take(notifying, lease=A_MINUTE) == []


async def test_what_is_in_hand_when_we_stop_is_brought_to_its_end(
    database_url: str, tmp_path: Path, smtp: MailServer
) -> None:
    smtp.hang(".")
    async with running(database_url, tmp_path, smtp) as notifying:
        registration_id = await notifying.register()
        await notifying.waiting_for(registration_id, status="queued", attempts=1)
        asyncio.get_running_loop().call_later(0.1, smtp.recover)
    async with running(database_url, tmp_path, smtp) as notifying:
        # Not after the lease, which is a minute and more.
        assert await notifying.outcome(registration_id) == [("confirm_address", "sent")]
    assert len(smtp.to(address_of(registration_id))) == 1


async def test_a_mail_that_a_newer_version_has_queued_is_left_to_that_version(
    database_url: str, tmp_path: Path, smtp: MailServer
) -> None:
    async with running(database_url, tmp_path, smtp, away=True) as notifying:
        newer, known = await notifying.register(), await notifying.register()
        async with notifying.service.database.begin() as tx:
            await tx.execute(
                update(tables.messages)
                .where(tables.messages.c.registration_id == newer)
                .values(kind="hologram", matter={"kind": "hologram", "days": 5})
            )
        assert [claimed.registration_id for claimed in await take(notifying, A_MINUTE)] == [known]


async def test_a_mail_that_cannot_be_read_is_given_up_and_stops_no_other(
    database_url: str, tmp_path: Path, smtp: MailServer
) -> None:
    async with running(database_url, tmp_path, smtp, away=True) as notifying:
        unreadable, other = await notifying.register(), await notifying.register()
        async with notifying.service.database.begin() as tx:
            await tx.execute(
                update(tables.messages)
                .where(tables.messages.c.registration_id == unreadable)
                .values(matter={"kind": "confirm_address", "link": "of another version"})
            )
    async with running(database_url, tmp_path, smtp) as notifying:
        assert await notifying.outcome(other) == [("confirm_address", "sent")]
        [message] = await notifying.messages(unreadable)
        assert (message["status"], message["error"]) == (
            "failed",
            "cannot be read (missing: confirm_address.confirm_link)",
        )
        assert (await notifying.resend(message)).status_code == 409


async def test_what_became_of_a_mail_is_noted_once_the_database_is_back(
    tmp_path: Path, smtp: MailServer
) -> None:
    with started(PostgreSQL(tmp_path / "postgres")) as postgres:
        async with running(postgres.url, tmp_path, smtp) as notifying:
            smtp.hang("MAIL", times=1)
            registration_id = await notifying.register()
            await notifying.waiting_for(registration_id, status="queued", attempts=1)
            await asyncio.to_thread(postgres.kill)
            smtp.recover()
            await asyncio.to_thread(postgres.start)
            async with asyncio.timeout(20):
                while await notifying.service.trouble():
                    await asyncio.sleep(0.05)
            assert await notifying.outcome(registration_id) == [("confirm_address", "sent")]
            assert len(smtp.to(address_of(registration_id))) == 1


async def take(notifying: Notifying, lease: timedelta) -> Sequence[Claimed]:
    """Claim what is due, as a process does that then is killed."""
    async with notifying.service.database.begin() as tx:
        return await messages.claim(tx, 10, lease)
