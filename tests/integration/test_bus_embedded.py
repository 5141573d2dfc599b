"""The bus inside one process: what it does with databases of its own and others' outboxes."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterator
from contextlib import suppress

import pytest
from sqlalchemy import func, select
from structlog.testing import capture_logs

from deploy.private_servers import PostgreSQL, free_port
from shared import events, outbox, tables
from shared.bus import NotPublished
from shared.bus.embedded import EmbeddedBus
from shared.database import Database
from shared.events import Event
from shared.outbox import Relay
from tests.bus import (
    EmbeddedLine,
    Listener,
    bounced,
    confirmed,
    eventually,
    fails,
    listening,
    publish,
    service_database,
)


@pytest.fixture(scope="module", autouse=True)
def _short_delays() -> Iterator[None]:
    with capture_logs(), pytest.MonkeyPatch.context() as patch:
        patch.setattr("shared.bus.embedded.RETRY_DELAYS_SECONDS", (0.05, 0.05))
        patch.setattr("shared.bus.embedded.RETRY_POLL_SECONDS", 0.02)
        # What is kept for later is found since the bus hears of it, not by a look now and then.
        patch.setattr("shared.bus.embedded.LOOK_SECONDS", 3600)
        yield


@pytest.fixture
def line() -> EmbeddedLine:
    return EmbeddedLine()


@pytest.fixture(scope="module")
async def registration(postgres: PostgreSQL) -> AsyncIterator[Database]:
    postgres.drop_databases()
    async with service_database(postgres.url, "registration") as database:
        yield database


@pytest.fixture(scope="module")
async def badging(registration: Database, postgres: PostgreSQL) -> AsyncIterator[Database]:
    async with service_database(postgres.url, "badging") as database:
        yield database


@pytest.fixture(scope="module")
async def checkin(registration: Database, postgres: PostgreSQL) -> AsyncIterator[Database]:
    async with service_database(postgres.url, "checkin") as database:
        yield database


@pytest.fixture
async def away() -> AsyncIterator[Database]:
    """A database at whose address nobody answers."""
    database = Database(f"postgresql://nobody@127.0.0.1:{free_port()}", "checkin")
    yield database
    await database.close()


async def say(database: Database, *said: Event) -> None:
    async with database.begin() as tx:
        await outbox.say(tx, *said)


async def waiting(database: Database) -> int:
    async with database.read() as connection:
        return await outbox.OutboxTable(database).count_waiting(connection)


async def test_what_a_listener_can_neither_do_nor_keep_is_not_published(
    line: EmbeddedLine, badging: Database, away: Database
) -> None:
    well = Listener(events.BADGING_REGISTRATIONS, badging)
    ill = Listener(events.CHECKIN_PARTICIPANTS, away)
    event = confirmed()
    async with listening(line, well, ill) as bus:
        with pytest.raises(NotPublished):
            await publish(bus, event)
        await well.did_once(event)


async def test_it_is_published_once_the_listener_has_its_database_again(
    line: EmbeddedLine, badging: Database, checkin: Database, away: Database
) -> None:
    event = confirmed()
    well = Listener(events.BADGING_REGISTRATIONS, badging)
    ill = Listener(events.CHECKIN_PARTICIPANTS, away)
    async with listening(line, well, ill) as bus:
        with pytest.raises(NotPublished):
            await publish(bus, event)
    recovered = Listener(events.CHECKIN_PARTICIPANTS, checkin)
    async with listening(line, well, recovered) as bus:
        await publish(bus, event)
    await well.did_once(event)
    await recovered.did_once(event)


async def test_an_event_waits_until_all_who_hear_it_have_started(
    line: EmbeddedLine, badging: Database, checkin: Database
) -> None:
    early, late = (
        Listener(events.BADGING_REGISTRATIONS, badging),
        Listener(events.CHECKIN_PARTICIPANTS, checkin),
    )
    event = confirmed()
    async with listening(line, early) as bus:
        with pytest.raises(NotPublished, match=r"checkin\.participants"):
            await publish(bus, event)
        assert early.tries == {}
        async with listening(line, late):
            await publish(bus, event)
        await early.did_once(event)
        await late.did_once(event)
        # The one that stopped first is not called any more.
        with pytest.raises(NotPublished):
            await publish(bus, confirmed())
    assert len(late.tries) == 1


async def test_retries_go_on_whatever_goes_wrong_between_them(
    line: EmbeddedLine, registration: Database, postgres: PostgreSQL
) -> None:
    listener = Listener(events.REGISTRATION_OUTCOMES, registration)
    event, later = bounced(), bounced()
    listener.before = fails(event, later, times=1)
    async with listening(line, listener) as bus:
        await publish(bus, event)
        with suppress(NotPublished):
            await publish(bus, later)
        postgres.execute(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
            " WHERE datname = 'forumpass_registration'"
        )
        await listener.did_once(event)
        await publish(bus, later)
        await listener.did_once(event, later)


async def test_a_backlog_of_hundreds_drains_while_requests_are_served(
    line: EmbeddedLine, registration: Database, badging: Database, checkin: Database
) -> None:
    backlog = [confirmed() for _ in range(400)]
    await say(registration, *backlog)
    listeners = (
        Listener(events.BADGING_REGISTRATIONS, badging),
        Listener(events.CHECKIN_PARTICIPANTS, checkin),
    )

    async def take_a_moment(_: Event) -> None:
        async with badging.read() as connection:  # a second connection to the database
            await connection.execute(select(func.now()))

    for listener in listeners:
        listener.before = take_a_moment
    async with listening(line, *listeners) as bus:
        relay = asyncio.create_task(Relay(registration, bus).run())

        async def drained() -> bool:
            async with badging.begin() as tx:  # a request meanwhile
                await tx.execute(select(func.now()))
            return await waiting(registration) == 0

        await eventually(drained, within=30)
        relay.cancel()
        with suppress(asyncio.CancelledError):
            await relay
    for listener in listeners:
        await listener.did_once(*backlog)
        # None had to be given a second time because the pool was empty.
        assert {len(tries) for tries in listener.tries.values()} == {1}
    async with badging.read() as connection:
        assert not (await connection.execute(select(tables.retries))).all()


async def test_one_who_listens_slowly_does_not_stop_the_other_services(
    line: EmbeddedLine, registration: Database, badging: Database, checkin: Database
) -> None:
    slow = Listener(events.CHECKIN_PARTICIPANTS, checkin)
    quick = Listener(events.REGISTRATION_OUTCOMES, registration)
    other = Listener(events.BADGING_REGISTRATIONS, badging)
    may_go_on = asyncio.Event()

    async def wait(_: Event) -> None:
        await may_go_on.wait()

    slow.before = wait
    stuck, event = confirmed(), bounced()
    async with listening(line, slow, quick, other) as bus:
        publishing = asyncio.create_task(publish(bus, stuck))
        await publish(bus, event)
        await quick.did_once(event)
        await other.did_once(stuck)
        assert not publishing.done()
        may_go_on.set()
        await publishing
    await slow.did_once(stuck)


async def test_a_service_that_stops_does_not_silence_the_others(
    line: EmbeddedLine, registration: Database
) -> None:
    first, last = line.end("first"), line.end("last")
    assert isinstance(first, EmbeddedBus)
    first.subscribe(Listener(events.REGISTRATION_OUTCOMES, registration).consumer)
    await first.start()
    await last.start()
    await last.stop()
    event = bounced()
    await publish(first, event)  # what the last had not heard, it did not stop
    await first.stop()
    with pytest.raises(NotPublished):
        await publish(first, bounced())
