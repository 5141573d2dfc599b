"""Events a second from outbox over RabbitMQ to inbox, beside what aio-pika alone can carry."""

from __future__ import annotations

import asyncio
import statistics
import time
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path
from typing import Any
from uuid import uuid4

import aio_pika
import uvloop
from rich.console import Console
from rich.table import Table
from sqlalchemy.ext.asyncio import AsyncConnection

from deploy.private_servers import NotInstalled, PostgreSQL, RabbitMQ, started
from shared import outbox
from shared.bus import Consumer
from shared.bus.rabbitmq import RabbitMQBus
from shared.clock import Clock
from shared.database import Database
from shared.events import (
    REGISTRATION_OUTCOMES,
    AttendanceAdmitted,
    AttendanceUndone,
    Event,
    Fact,
    NotificationBounced,
)
from tests.bus import ready, service_database

EVENTS = 3000
ONE_BY_ONE = 200
IN_FLIGHT = 100
PAUSE_SECONDS = 0.02
"""Between single events: the machine is idle again."""


def run(console: Console, home: Path) -> None:
    """Measure and print."""
    try:
        broker = RabbitMQ(home / "rabbitmq")
    except NotInstalled as not_installed:
        console.print(f"events: {not_installed}")
        return
    with started(PostgreSQL(home / "postgresql")) as database, started(broker):
        raw, ours, waits = uvloop.run(_measure(database.url, broker))
    table = Table("ours/s", "aio-pika alone/s", "ratio", "p50 ms", "p99 ms", title="Events")
    table.add_row(
        f"{ours:,.0f}",
        f"{raw:,.0f}",
        f"{ours / raw:.0%}",
        f"{statistics.median(waits):.1f}",
        f"{sorted(waits)[int(len(waits) * 0.99)]:.1f}",
    )
    console.print(table)
    console.print("p50, p99: from the commit that says an event to its handler's commit, idle.")


async def _measure(database_url: str, broker: RabbitMQ) -> tuple[float, float, list[float]]:
    raw = await _raw(broker.new_virtual_host())
    async with _line(database_url, broker.new_virtual_host()) as (says, heard):
        ours = await _burst(says, heard)
        waits = [await _one(says, heard) for _ in range(ONE_BY_ONE)]
    return raw, ours, waits


@asynccontextmanager
async def _line(
    database_url: str, bus_url: str
) -> AsyncIterator[tuple[Database, asyncio.Queue[float]]]:
    """A service that says and one that hears, each with its database and its connection."""
    heard: asyncio.Queue[float] = asyncio.Queue()
    async with AsyncExitStack() as stack:
        says = await stack.enter_async_context(service_database(database_url, "notifications"))
        hears = await stack.enter_async_context(service_database(database_url, "registration"))

        async def handle(tx: AsyncConnection, fact: Any, event: Event) -> None:
            tx.info.setdefault("after_commit", []).append(
                lambda: heard.put_nowait(time.perf_counter())
            )

        kinds: tuple[type[Fact], ...] = (AttendanceAdmitted, AttendanceUndone, NotificationBounced)
        consumer = Consumer(REGISTRATION_OUTCOMES, hears, dict.fromkeys(kinds, handle))
        ears, mouth = RabbitMQBus(bus_url, "hears"), RabbitMQBus(bus_url, "says")
        ears.subscribe(consumer)
        for bus in (ears, mouth):
            await bus.start()
            stack.push_async_callback(bus.stop)
            await ready(bus)
        relay = asyncio.create_task(outbox.Relay(says, mouth).run())
        stack.callback(relay.cancel)
        yield says, heard


async def _burst(says: Database, heard: asyncio.Queue[float]) -> float:
    async with says.begin() as tx:
        await outbox.say(tx, *(_event() for _ in range(EVENTS)))
    began = time.perf_counter()
    ended = max([await heard.get() for _ in range(EVENTS)])
    return EVENTS / (ended - began)


async def _one(says: Database, heard: asyncio.Queue[float]) -> float:
    await asyncio.sleep(PAUSE_SECONDS)
    async with says.begin() as tx:
        await outbox.say(tx, _event())
    began = time.perf_counter()
    return (await heard.get() - began) * 1000


async def _raw(url: str) -> float:
    """Publish with confirms, consume and acknowledge: a quorum queue and nothing else."""
    async with await aio_pika.connect(url) as connection:
        channel = await connection.channel()
        await channel.set_qos(prefetch_count=IN_FLIGHT)
        arguments: dict[str, Any] = {"x-queue-type": "quorum"}
        queue = await channel.declare_queue("floor", durable=True, arguments=arguments)
        done, came = asyncio.Event(), 0

        async def take(message: aio_pika.abc.AbstractIncomingMessage) -> None:
            nonlocal came
            await message.ack()
            came += 1
            if came == EVENTS:
                done.set()

        await queue.consume(take)
        body = str(_event().as_cloudevent()).encode()
        turns = asyncio.Semaphore(IN_FLIGHT)

        async def publish() -> None:
            async with turns:
                message = aio_pika.Message(body, delivery_mode=aio_pika.DeliveryMode.PERSISTENT)
                await channel.default_exchange.publish(message, queue.name)

        began = time.perf_counter()
        await asyncio.gather(*(publish() for _ in range(EVENTS)))
        await done.wait()
        return EVENTS / (time.perf_counter() - began)


def _event() -> Event:
    fact = NotificationBounced(
        message_id=uuid4(), registration_id=uuid4(), kind="badge", smtp_code=550
    )
    return Event("/notifications", Clock.wall(), fact)
