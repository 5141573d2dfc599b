"""Nothing is said before it is true, nothing true goes unsaid."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Sequence
from contextlib import asynccontextmanager, suppress
from uuid import UUID

import pytest
from sqlalchemy import insert, select, text, update
from sqlalchemy.exc import SQLAlchemyError
from structlog.testing import capture_logs

from deploy.private_servers import PostgreSQL
from shared import outbox, tables
from shared.bus import NotPublished
from shared.database import Database
from shared.events import Event
from shared.outbox import Relay
from tests.bus import bounced, eventually, service_database


class Wire:
    """A bus that takes what `take` lets through, and remembers it."""

    def __init__(self) -> None:
        self.said: list[Event] = []
        self.take: Callable[[Event], Awaitable[None]] = self._anything

    def ids(self) -> list[UUID]:
        return [event.id for event in self.said]

    async def publish(self, said: Sequence[Event]) -> list[str | None]:
        return [await self._publish(event) for event in said]

    async def _publish(self, event: Event) -> str | None:
        try:
            await self.take(event)
        except NotPublished as error:
            return str(error)
        self.said.append(event)
        return None

    async def _anything(self, _: Event) -> None: ...


def refusing(*refused: Event) -> Callable[[Event], Awaitable[None]]:
    """A bus that does not confirm these."""
    ids = {event.id for event in refused}

    async def take(event: Event) -> None:
        if event.id in ids:
            raise NotPublished("the broker is away")

    return take


@pytest.fixture(scope="module", autouse=True)
def _short_pauses() -> Iterator[None]:
    with capture_logs(), pytest.MonkeyPatch.context() as patch:
        patch.setattr(outbox, "POLL_SECONDS", 0.1)
        patch.setattr(outbox, "LAST_PAUSE_SECONDS", 0.1)
        yield


@pytest.fixture(scope="module")
async def service(postgres: PostgreSQL) -> AsyncIterator[Database]:
    postgres.drop_databases()
    async with service_database(postgres.url, "registration") as database:
        yield database


@pytest.fixture
async def database(service: Database) -> Database:
    """A service's database with an empty outbox."""
    async with service.begin() as tx:
        await tx.execute(text("TRUNCATE outbox"))
    return service


@pytest.fixture
def wire() -> Wire:
    return Wire()


@asynccontextmanager
async def relaying(database: Database, *wires: Wire) -> AsyncIterator[None]:
    """Relays at work, as in so many replicas."""
    relays = [asyncio.create_task(Relay(database, wire).run()) for wire in wires]
    try:
        yield
    finally:
        for relay in relays:
            relay.cancel()
            with suppress(asyncio.CancelledError):
                await relay


async def say(database: Database, *said: Event) -> None:
    async with database.begin() as tx:
        await outbox.say(tx, *said)


async def unsaid(database: Database) -> list[UUID]:
    """The events that wait in the outbox, in order of writing."""
    query = (
        select(tables.outbox.c.id)
        .where(tables.outbox.c.published_at.is_(None))
        .order_by(tables.outbox.c.seq)
    )
    async with database.read() as connection:
        return list((await connection.execute(query)).scalars())


async def all_said(database: Database) -> None:
    async def nothing_waits() -> bool:
        return await unsaid(database) == []

    await eventually(nothing_waits)


# --- said in the transaction ---------------------------------------------------------------------


async def test_what_was_committed_is_said_in_the_order_of_writing(
    database: Database, wire: Wire
) -> None:
    said = [bounced() for _ in range(5)]
    async with relaying(database, wire):
        await say(database, *said[:3])
        await say(database, *said[3:])
        await all_said(database)
    assert wire.said == said


async def test_what_was_rolled_back_is_never_said(database: Database, wire: Wire) -> None:
    untrue, true = bounced(), bounced()
    async with relaying(database, wire):
        with suppress(LookupError):
            async with database.begin() as tx:
                await outbox.say(tx, untrue)
                raise LookupError
        await say(database, true)
        await all_said(database)
    assert wire.said == [true]


async def test_nothing_is_said_before_the_commit(database: Database, wire: Wire) -> None:
    event, marker = bounced(), bounced()
    async with relaying(database, wire):
        async with database.begin() as tx:
            await outbox.say(tx, event)
            await say(database, marker)

            async def marker_is_out() -> bool:
                return wire.said == [marker]

            await eventually(marker_is_out)
        await all_said(database)
    assert wire.said == [marker, event]


async def test_who_says_nothing_writes_nothing(database: Database) -> None:
    await say(database)
    assert await unsaid(database) == []


async def test_a_committed_transaction_wakes_the_relay(
    database: Database, wire: Wire, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(outbox, "POLL_SECONDS", 60.0)
    async with relaying(database, wire):
        for _ in range(3):
            await say(database, bounced())
            await all_said(database)


async def test_a_row_is_found_whose_writer_died_before_it_could_wake_the_relay(
    database: Database, postgres: PostgreSQL, wire: Wire
) -> None:
    event = bounced()
    async with relaying(database, wire):
        async with service_database(postgres.url, "registration") as elsewhere:
            await say(elsewhere, event)
        await all_said(database)
    assert wire.said == [event]


# --- marked when confirmed -----------------------------------------------------------------------


async def test_an_event_is_marked_when_the_bus_has_confirmed_it_and_not_before(
    database: Database, wire: Wire
) -> None:
    taken, confirm = asyncio.Event(), asyncio.Event()

    async def hesitate(_: Event) -> None:
        taken.set()
        await confirm.wait()

    wire.take = hesitate
    event = bounced()
    async with relaying(database, wire):
        await say(database, event)
        await taken.wait()
        assert await unsaid(database) == [event.id]
        confirm.set()
        await all_said(database)


async def test_a_relay_that_dies_before_the_confirmation_says_it_again(
    database: Database, wire: Wire
) -> None:
    taken = asyncio.Event()

    async def never_confirm(event: Event) -> None:
        wire.said.append(event)
        taken.set()
        await asyncio.Event().wait()

    wire.take = never_confirm
    event = bounced()
    async with relaying(database, wire):
        await say(database, event)
        await taken.wait()
    after_the_restart = Wire()
    async with relaying(database, after_the_restart):
        await all_said(database)
    assert wire.said == after_the_restart.said == [event]


async def test_what_the_bus_does_not_take_stays_and_goes_later(
    database: Database, wire: Wire
) -> None:
    event = bounced()
    tries: list[Event] = []

    async def away(event: Event) -> None:
        tries.append(event)
        raise NotPublished("the broker is away")

    async def tried_often() -> bool:
        return len(tries) >= 3

    wire.take = away
    async with relaying(database, wire):
        await say(database, event)
        await eventually(tried_often)
        assert await unsaid(database) == [event.id]
        wire.take = refusing()
        await all_said(database)
    assert wire.said == [event]


async def test_what_waits_can_be_counted(database: Database, wire: Wire) -> None:
    await say(database, bounced(), bounced())
    async with database.read() as connection:
        assert await outbox.OutboxTable(database).count_waiting(connection) == 2
    async with relaying(database, wire):
        await all_said(database)
    async with database.read() as connection:
        assert await outbox.OutboxTable(database).count_waiting(connection) == 0


# --- nothing blocks what stands behind it --------------------------------------------------------


async def test_an_event_that_cannot_go_out_does_not_keep_the_others(
    database: Database, wire: Wire
) -> None:
    stuck, others = bounced(), [bounced() for _ in range(3)]
    wire.take = refusing(stuck)
    async with relaying(database, wire):
        await say(database, others[0], stuck, *others[1:])

        async def others_are_out() -> bool:
            return await unsaid(database) == [stuck.id]

        await eventually(others_are_out)
    assert wire.said == others


async def test_more_than_a_batch_that_cannot_go_out_does_not_keep_the_others(
    database: Database, wire: Wire
) -> None:
    stuck = [bounced() for _ in range(2 * outbox.BATCH + 5)]
    wire.take = refusing(*stuck)
    async with relaying(database, wire):
        await say(database, *stuck)
        for _ in range(3):
            event = bounced()
            await say(database, event)

            async def is_out(event: Event = event) -> bool:
                return event in wire.said

            await eventually(is_out)
        wire.take = refusing()
        await all_said(database)
    assert len(wire.said) == len(set(wire.ids())) == len(stuck) + 3


@pytest.mark.parametrize(
    "row",
    [
        {},
        {"specversion": "1.0"},
        [],
        bounced().as_cloudevent() | {"type": "forum.notification.bounced.v9"},
        bounced().as_cloudevent() | {"data": {}},
    ],
    ids=["empty", "incomplete", "list", "newer version", "wrong data"],
)
async def test_a_row_that_this_version_cannot_read_waits_and_keeps_nobody(
    database: Database, wire: Wire, row: object
) -> None:
    unreadable, event = bounced(), bounced()
    async with relaying(database, wire):
        async with database.begin() as tx:
            await tx.execute(insert(tables.outbox).values(id=unreadable.id, event=row))
            await outbox.say(tx, event)

        async def event_is_out() -> bool:
            return await unsaid(database) == [unreadable.id]

        await eventually(event_is_out)
        # A newer version, which understands it, takes over.
        async with database.begin() as tx:
            mended = update(tables.outbox).values(event=unreadable.as_cloudevent())
            await tx.execute(mended.where(tables.outbox.c.id == unreadable.id))
        await all_said(database)
    assert wire.said == [event, unreadable]


# --- several relays, a database that goes away ----------------------------------------------------


async def test_replicas_side_by_side_say_each_event_once(
    database: Database, postgres: PostgreSQL
) -> None:
    said = [bounced() for _ in range(3 * outbox.BATCH)]
    one, other = Wire(), Wire()

    async def take_a_moment(_: Event) -> None:
        await asyncio.sleep(0)

    one.take = other.take = take_a_moment
    await say(database, *said[:-20])
    async with (
        service_database(postgres.url, "registration") as elsewhere,
        relaying(database, one),
        relaying(elsewhere, other),
    ):
        for event in said[-20:]:
            await say(elsewhere, event)
        await all_said(database)
    assert sorted(one.ids() + other.ids()) == sorted(event.id for event in said)


async def test_a_relay_survives_the_loss_of_its_connections(
    database: Database, postgres: PostgreSQL, wire: Wire
) -> None:
    first, second = bounced(), bounced()
    taken, confirm = asyncio.Event(), asyncio.Event()

    async def hesitate(_: Event) -> None:
        taken.set()
        await confirm.wait()

    wire.take = hesitate
    async with relaying(database, wire):
        await say(database, first)
        await taken.wait()
        postgres.execute(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
            " WHERE datname = 'forumpass_registration'"
        )
        confirm.set()

        async def first_is_marked() -> bool:
            with suppress(SQLAlchemyError):
                return await unsaid(database) == []
            return False

        await eventually(first_is_marked)
        await say(database, second)
        await all_said(database)
    # Confirmed and not marked: it was said twice, and the inboxes know it.
    assert wire.said == [first, first, second]


async def test_what_was_said_is_forgotten_after_a_week_and_what_waits_never(
    database: Database, wire: Wire
) -> None:
    old, recent, old_and_waiting = bounced(), bounced(), bounced()
    wire.take = refusing(old_and_waiting)
    await say(database, old, recent, old_and_waiting)
    await Relay(database, wire).publish_waiting()
    async with database.begin() as tx:
        await tx.execute(
            update(tables.outbox)
            .where(tables.outbox.c.id == old.id)
            .values(published_at=text("now() - interval '8 days'"))
        )
        await outbox.forget_old(tx)
        left = (await tx.execute(select(tables.outbox.c.id))).scalars().all()
    assert set(left) == {recent.id, old_and_waiting.id}
