"""The bus over RabbitMQ: a broker that is away, dies, hangs, or loses a queue."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Iterator
from contextlib import suppress

import aio_pika
import pytest
from sqlalchemy import text
from structlog.testing import capture_logs

from deploy.private_servers import NotInstalled, PostgreSQL, RabbitMQ, started
from shared import events
from shared.bus import BATCH, NotPublished
from shared.bus.rabbitmq import DELIVERY_LIMIT, NO_LIMIT, PREFETCH, RabbitMQBus
from shared.database import Database
from shared.events import Event
from tests.bus import (
    Listener,
    RabbitMQLine,
    bounced,
    eventually,
    fails,
    listening,
    publish,
    ready,
    service_database,
)

QUEUE = events.REGISTRATION_OUTCOMES


@pytest.fixture(scope="module", autouse=True)
def _impatient() -> Iterator[None]:
    with capture_logs(), pytest.MonkeyPatch.context() as patch:
        patch.setattr("shared.bus.rabbitmq.RETRY_DELAYS_SECONDS", (0.1, 0.2))
        patch.setattr("shared.bus.rabbitmq.CONFIRM_SECONDS", 1.0)
        patch.setattr("shared.bus.rabbitmq.HEARTBEAT_SECONDS", 1)
        yield


@pytest.fixture(scope="module")
def node(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RabbitMQ]:
    """A node of our own, to do our worst to."""
    try:
        one = RabbitMQ(tmp_path_factory.mktemp("rabbitmq"))
    except NotInstalled as not_installed:
        pytest.skip(str(not_installed))
    with started(one):
        yield one


@pytest.fixture(scope="module")
async def database(postgres: PostgreSQL) -> AsyncIterator[Database]:
    postgres.drop_databases()
    async with service_database(postgres.url, "registration") as one:
        yield one


@pytest.fixture
async def line(node: RabbitMQ) -> AsyncIterator[RabbitMQLine]:
    """The broker, with nothing left in the queues by other tests."""
    for name in (QUEUE, f"{QUEUE}.dead"):
        with suppress(aio_pika.exceptions.ChannelNotFoundEntity):
            async with RabbitMQLine.open(node.url) as one:
                await one.channel.queue_delete(name)
    async with RabbitMQLine.open(node.url) as one:
        yield one


@pytest.fixture
async def listener(database: Database) -> Listener:
    return Listener(QUEUE, database)


async def in_queue(line: RabbitMQLine, name: str = QUEUE) -> int:
    """How many messages wait to be delivered."""
    queue = await line.channel.declare_queue(name, passive=True)
    return queue.declaration_result.message_count or 0


async def consumers(line: RabbitMQLine) -> int:
    queue = await line.channel.declare_queue(QUEUE, passive=True)
    return queue.declaration_result.consumer_count or 0


def _arguments(listed: object) -> dict[str, object]:
    """A queue's arguments: RabbitMQ 3 lists each as name, type and value."""
    if isinstance(listed, dict):
        return listed
    assert isinstance(listed, list)
    return {name: value for name, _, value in listed}


async def publish_at_last(bus: RabbitMQBus, event: Event) -> None:
    """Say it as the outbox does: until it is confirmed."""

    async def confirmed() -> bool:
        with suppress(NotPublished):
            await publish(bus, event)
            return True
        return False

    await eventually(confirmed, within=30)


async def _transactions(listener: Listener, said: list[Event]) -> int:
    """In how many the events were done."""
    query = text("SELECT count(DISTINCT xmin::text) FROM done WHERE event_id = ANY(:said)")
    async with listener.database.read() as connection:
        found = await connection.execute(query, {"said": [event.id for event in said]})
        return int(found.scalar_one())


# --- what is declared ----------------------------------------------------------------------------


async def test_every_queue_survives_its_broker_and_loses_nothing(
    line: RabbitMQLine, node: RabbitMQ, listener: Listener
) -> None:
    async with listening(line, listener):
        asked = ("list_queues", "name", "durable", "arguments", "--formatter", "json")
        # Not here: on a busy machine the broker would miss our heartbeats meanwhile.
        table = await asyncio.to_thread(node.control, *asked)
    rows = json.loads(table)
    assert all(row["durable"] for row in rows)
    declared = {row["name"]: _arguments(row["arguments"]) for row in rows}
    quorum = {"x-queue-type": "quorum", "x-overflow": "reject-publish"}
    handed_on = {"x-dead-letter-exchange": "", "x-dead-letter-strategy": "at-least-once"}
    for name in events.QUEUES:
        # RabbitMQ 4 would throw away what an operator has looked at twenty times.
        assert declared.pop(f"{name}.dead") == quorum | {"x-delivery-limit": NO_LIMIT}
        assert declared.pop(name) == quorum | handed_on | {
            "x-delivery-limit": DELIVERY_LIMIT,
            "x-dead-letter-routing-key": f"{name}.dead",
        }
        for number, delay_ms in enumerate((100, 200), start=1):
            assert declared.pop(f"{name}.retry.{number}") == quorum | handed_on | {
                "x-message-ttl": delay_ms,
                "x-dead-letter-routing-key": name,
            }
    assert declared == {}


async def test_a_message_is_a_cloudevent_that_an_operator_can_read(line: RabbitMQLine) -> None:
    event = bounced()
    async with listening(line) as bus:
        await publish(bus, event)
    queue = await line.channel.get_queue(QUEUE)
    message = await queue.get(no_ack=True)
    assert json.loads(message.body) == event.as_cloudevent()
    assert message.content_type == "application/cloudevents+json"
    assert message.delivery_mode is aio_pika.DeliveryMode.PERSISTENT
    assert (message.message_id, message.type) == (str(event.id), "notification.bounced.v1")
    assert message.routing_key == "notification.bounced.v1"


async def test_a_message_that_kills_whoever_takes_it_is_set_aside_by_the_broker(
    line: RabbitMQLine, listener: Listener
) -> None:
    event = bounced()
    async with listening(line) as bus:
        await publish(bus, event)
    queue = await line.channel.get_queue(QUEUE)
    for _ in range(DELIVERY_LIMIT + 1):
        await (await queue.get(timeout=5)).nack(requeue=True)

    async def is_dead() -> bool:
        return await in_queue(line, f"{QUEUE}.dead") == 1

    await eventually(is_dead)
    assert [letter.document for letter in await line.dead(listener)] == [event.as_cloudevent()]


# --- consumers -----------------------------------------------------------------------------------


async def test_a_consumer_whose_queue_is_deleted_comes_back_with_the_queue(
    line: RabbitMQLine, listener: Listener
) -> None:
    async with listening(line, listener) as bus:
        assert isinstance(bus, RabbitMQBus)
        await line.channel.queue_delete(QUEUE)

        async def consumes_again() -> bool:
            with suppress(aio_pika.exceptions.ChannelNotFoundEntity):
                async with RabbitMQLine.open(line.url) as fresh:
                    return await consumers(fresh) == 1
            return False

        await eventually(consumes_again)
        event = bounced()
        await publish_at_last(bus, event)
        await listener.did_once(event)


async def test_a_publisher_whose_event_comes_back_declares_the_queue_again(
    line: RabbitMQLine,
) -> None:
    event = bounced()
    async with listening(line) as bus:
        assert isinstance(bus, RabbitMQBus)
        await line.channel.queue_delete(QUEUE)
        with pytest.raises(NotPublished, match="has no queue"):
            await publish(bus, event)
        await publish_at_last(bus, event)
    queue = await line.channel.get_queue(QUEUE)
    assert (await queue.get(no_ack=True)).message_id == str(event.id)


async def test_an_event_in_hand_when_the_connection_is_cut_is_done_once(
    line: RabbitMQLine, node: RabbitMQ, listener: Listener
) -> None:
    event, began, go_on = bounced(), asyncio.Event(), asyncio.Event()

    async def take_long(_: Event) -> None:
        began.set()
        await go_on.wait()

    listener.after = take_long  # it has written, and not committed
    async with listening(line, listener) as bus:
        await publish(bus, event)
        await began.wait()
        await asyncio.to_thread(node.control, "close_all_connections", "a test")

        async def acknowledged() -> bool:
            async with RabbitMQLine.open(node.url) as anew:  # ours was cut too
                return bus.trouble() is None and await in_queue(anew) == 0

        go_on.set()
        await listener.did_once(event)
        await eventually(acknowledged)
    assert (await listener.did()).count(event.id) == 1


async def test_who_stops_gives_back_what_is_not_in_hand(
    line: RabbitMQLine, listener: Listener
) -> None:
    said, began, may_end = (
        [bounced() for _ in range(3 * PREFETCH)],
        asyncio.Event(),
        asyncio.Event(),
    )

    async def take_long(_: Event) -> None:
        began.set()
        await may_end.wait()

    listener.before = take_long
    async with listening(line, listener) as bus:
        for event in said:
            await publish(bus, event)
        await began.wait()
        stopping = asyncio.create_task(bus.stop())
        may_end.set()
        await stopping
    heard = set(listener.tries)
    assert heard <= set(await listener.did())
    assert 1 <= len(heard) <= PREFETCH

    async def rest_is_back() -> bool:
        return await in_queue(line) == len(said) - len(heard)

    await eventually(rest_is_back)
    listener.before = fails()
    async with listening(line, listener):
        await listener.did_once(*said)
    assert all(len(tries) == 1 for tries in listener.tries.values())


async def test_what_waits_is_done_in_batches_and_one_that_fails_does_not_spoil_the_others(
    line: RabbitMQLine, listener: Listener
) -> None:
    said = [bounced() for _ in range(2 * BATCH)]
    listener.before = fails(said[BATCH // 2], times=2)
    bus = line.end("says before anybody hears")
    await bus.start()
    await ready(bus)
    for event in said:
        await publish(bus, event)
    await bus.stop()
    async with listening(line, listener):
        await listener.did_once(*said)
    assert await _transactions(listener, said) < len(said)


# --- the broker ----------------------------------------------------------------------------------


async def test_a_broker_that_hangs_confirms_nothing_and_is_found_out(
    line: RabbitMQLine, node: RabbitMQ, listener: Listener
) -> None:
    event = bounced()
    async with listening(line, listener) as bus:
        assert isinstance(bus, RabbitMQBus)
        node.pause()
        try:
            with pytest.raises(NotPublished):
                await publish(bus, event)

            async def found_out() -> bool:
                return bus.trouble() is not None

            await eventually(found_out, within=20)
            with pytest.raises(NotPublished, match="no connection"):
                await publish(bus, event)
        finally:
            node.resume()
        await ready(bus)
        await publish_at_last(bus, event)
        await listener.did_once(event)


async def test_a_broker_that_is_full_takes_nothing_until_it_has_room(
    line: RabbitMQLine, node: RabbitMQ, listener: Listener
) -> None:
    event = bounced()
    async with listening(line, listener) as bus:
        assert isinstance(bus, RabbitMQBus)
        await asyncio.to_thread(node.control, "set_vm_memory_high_watermark", "0")
        try:
            with pytest.raises(NotPublished):
                await publish(bus, event)
        finally:
            await asyncio.to_thread(node.control, "set_vm_memory_high_watermark", "0.4")
        await publish_at_last(bus, event)
        await listener.did_once(event)


async def test_when_a_broker_that_was_killed_is_back_all_go_on(
    node: RabbitMQ, listener: Listener
) -> None:
    bus, late = RabbitMQBus(node.url, "registration"), RabbitMQBus(node.url, "late")
    bus.subscribe(listener.consumer)
    await bus.start()
    try:
        await ready(bus)
        before, after, by_another = bounced(), bounced(), bounced()
        listener.before = fails(before, times=1)  # it waits in the broker when that dies
        await publish(bus, before)
        await asyncio.to_thread(node.kill)

        async def noticed() -> bool:
            return bus.trouble() is not None

        await eventually(noticed)
        await late.start()  # while the broker is away
        for one in (bus, late):
            with pytest.raises(NotPublished):
                await publish(one, after)
        await asyncio.to_thread(node.start)
        await ready(bus)
        await ready(late)
        await publish_at_last(bus, after)
        await publish_at_last(late, by_another)
        await listener.did_once(before, after, by_another)
    finally:
        await bus.stop()
        await late.stop()
