"""The servers under the tests: real, answering, and gone afterwards without a trace."""

from __future__ import annotations

import asyncio
import smtplib
import sys
import time
from collections.abc import Iterator
from email.message import EmailMessage
from pathlib import Path
from urllib.parse import urlsplit

import aio_pika
import asyncpg
import pytest

from deploy.child import ChildProcess, DidNotStart
from deploy.private_servers import NotInstalled, PostgreSQL, RabbitMQ, listens, started
from tests.servers import Broker, MailServer, working_in

HALF_A_SECOND = 0.5


@pytest.fixture
def nothing_left(tmp_path: Path) -> Iterator[None]:
    """No process that works in the test's folder lives on after the test."""
    yield
    deadline = time.monotonic() + 5  # who is killed needs a moment to be gone
    while (left := working_in(tmp_path)) and time.monotonic() < deadline:
        time.sleep(0.05)
    assert left == []


def program(tmp_path: Path, code: str) -> ChildProcess:
    # The folder is an argument so that the program can be told from others.
    command = [sys.executable, "-c", code, str(tmp_path)]
    return ChildProcess("The program", command, log=tmp_path / "log", environment={})


async def test_postgres_takes_a_connection_and_is_version_18(postgres: PostgreSQL) -> None:
    connection = await asyncpg.connect(f"{postgres.url}/postgres")
    assert (await connection.fetchval("SHOW server_version")).startswith("18")
    await connection.close()


async def test_postgres_refuses_a_wrong_password(postgres: PostgreSQL) -> None:
    with pytest.raises(asyncpg.InvalidPasswordError):
        await asyncpg.connect(f"{postgres.url}/postgres", password="wrong")


async def test_a_test_begins_without_the_databases_of_the_one_before(
    postgres: PostgreSQL, database_url: str
) -> None:
    connection = await asyncpg.connect(f"{database_url}/postgres")
    await connection.execute("CREATE DATABASE forumpass_checkin")
    await connection.close()
    in_use = await asyncpg.connect(f"{database_url}/forumpass_checkin")
    postgres.drop_databases()
    assert postgres.execute("SELECT 1 FROM pg_database WHERE datname = 'forumpass_checkin'") == []
    await in_use.close()


@pytest.mark.usefixtures("nothing_left")
def test_postgres_keeps_what_was_committed_when_it_is_killed(tmp_path: Path) -> None:
    with started(PostgreSQL(tmp_path / "postgres")) as server:
        server.execute("CREATE TABLE scans (n int); INSERT INTO scans VALUES (7)")
        server.kill()
        assert not listens(server.port)
        server.start()
        assert server.execute("SELECT n FROM scans") == ["7"]


@pytest.mark.usefixtures("nothing_left")
async def test_a_paused_postgres_answers_when_it_goes_on(tmp_path: Path) -> None:
    with started(PostgreSQL(tmp_path / "postgres", durable=False)) as server:
        connection = await asyncpg.connect(f"{server.url}/postgres")
        server.pause()
        answer = asyncio.ensure_future(connection.fetchval("SELECT 1"))
        done, _ = await asyncio.wait([answer], timeout=HALF_A_SECOND)
        assert not done
        server.resume()
        assert await answer == 1
        await connection.close()


@pytest.mark.usefixtures("nothing_left")
def test_a_paused_postgres_can_be_stopped(tmp_path: Path) -> None:
    with started(PostgreSQL(tmp_path / "postgres", durable=False)) as server:
        server.pause()
    assert not listens(server.port)


async def test_rabbitmq_confirms_a_message_and_delivers_it_from_a_quorum_queue(
    bus_url: str,
) -> None:
    async with await aio_pika.connect(bus_url) as connection:
        channel = await connection.channel()
        queue = await channel.declare_queue(
            "scans", durable=True, arguments={"x-queue-type": "quorum"}
        )
        await channel.default_exchange.publish(aio_pika.Message(b"one"), routing_key=queue.name)
        message = await queue.get(timeout=5)
        await message.ack()
    assert message.body == b"one"


async def test_each_test_has_a_broker_with_nothing_declared(bus_url: str, rabbitmq: Broker) -> None:
    assert urlsplit(bus_url).path != urlsplit(rabbitmq.new_virtual_host()).path


@pytest.mark.usefixtures("nothing_left")
async def test_rabbitmq_keeps_a_confirmed_message_and_can_be_killed(tmp_path: Path) -> None:
    try:
        node = RabbitMQ(tmp_path / "rabbitmq")
    except NotInstalled as not_installed:
        pytest.skip(str(not_installed))
    with started(node):
        async with await aio_pika.connect(node.url) as connection:
            channel = await connection.channel()
            await channel.declare_queue("kept", durable=True, arguments={"x-queue-type": "quorum"})
            await channel.default_exchange.publish(aio_pika.Message(b"one"), routing_key="kept")
        node.stop()
        node.start()
        async with await aio_pika.connect(node.url) as connection:
            queue = await (await connection.channel()).get_queue("kept")
            message = await queue.get(timeout=10, no_ack=True)
        assert message.body == b"one"
        node.kill()
        assert not listens(node.port)


def test_the_mail_server_keeps_what_it_takes(smtp: MailServer) -> None:
    message = EmailMessage()
    message["From"], message["To"] = "forum@example.org", "Zoë <zoe@example.org>"
    message["Subject"] = "Your badge"
    message.set_content("Bonjour à tous")
    address = urlsplit(smtp.url)
    with smtplib.SMTP(str(address.hostname), address.port or 0) as client:
        client.send_message(message)
    (arrived,) = smtp.wait_for("zoe@example.org")
    assert arrived["Subject"] == "Your badge"
    assert arrived.get_content() == "Bonjour à tous\r\n"


@pytest.mark.usefixtures("nothing_left")
def test_a_program_that_ends_at_once_is_reported_with_the_end_of_its_log(tmp_path: Path) -> None:
    child = program(tmp_path, "raise SystemExit('the port is taken')")
    child.start()
    with pytest.raises(DidNotStart, match=r"ended at once[^$]*the port is taken"):
        child.wait_until(lambda: False, within=10)


@pytest.mark.usefixtures("nothing_left")
def test_a_program_that_is_never_ready_is_ended(tmp_path: Path) -> None:
    child = program(tmp_path, "import time; time.sleep(60)")
    child.start()
    with pytest.raises(DidNotStart, match=r"not ready within 0\.5 s"):
        child.wait_until(lambda: False, within=HALF_A_SECOND)


@pytest.mark.usefixtures("nothing_left")
def test_stopping_ends_a_program_that_does_not_listen_and_its_children(tmp_path: Path) -> None:
    stubborn = (
        "import signal, subprocess, sys, time\n"
        "signal.signal(signal.SIGTERM, signal.SIG_IGN)\n"
        "subprocess.Popen([sys.executable, '-c', 'import time; time.sleep(60)', sys.argv[1]])\n"
        "print('ready', flush=True)\n"
        "time.sleep(60)\n"
    )
    child = program(tmp_path, stubborn)
    child.start()
    child.wait_until(lambda: "ready" in child.log.read_text(), within=10)
    started = time.monotonic()
    child.stop(within=HALF_A_SECOND)
    assert time.monotonic() - started < 5
    assert not child.running
