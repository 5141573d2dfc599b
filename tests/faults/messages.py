"""Messages that nobody should send: copies, shuffled, and such as are no events at all."""

from __future__ import annotations

import random
from dataclasses import dataclass, field
from typing import Any, Final
from uuid import uuid4

import aio_pika
import orjson
from aio_pika.abc import AbstractChannel

from shared.bus.rabbitmq import EXCHANGE
from shared.events import CATALOGUE, QUEUES, TYPE_PREFIX
from tests.faults.plant import SERVICES, Plant

COPIES: Final = 60
"""Events sent once more at a time."""


@dataclass
class Poison:
    """The ids of the poison that was sent, by queue."""

    sent: dict[str, set[str]] = field(default_factory=lambda: {queue: set() for queue in QUEUES})
    confirmed: dict[str, set[str]] = field(
        default_factory=lambda: {queue: set() for queue in QUEUES}
    )
    """Of these the broker said that it has them."""


async def send_copies(plant: Plant, rng: random.Random, *, newest: bool) -> None:
    """Events that were said already, again and in any order: to all who hear them, or to one."""
    documents = await _said(plant, rng, newest=newest)
    rng.shuffle(documents)
    async with await plant.look_into_broker() as connection:
        channel = await connection.channel(publisher_confirms=True)
        exchange = await channel.get_exchange(EXCHANGE, ensure=False)
        for document in documents:
            kind = document["type"].removeprefix(TYPE_PREFIX)
            message = _message(orjson.dumps(document), document["id"])
            hearers = CATALOGUE[kind].heard_by
            if hearers and rng.random() < 0.5:
                await channel.default_exchange.publish(message, rng.choice(hearers))
            else:
                await exchange.publish(message, kind, mandatory=False)


async def send_poison(plant: Plant, rng: random.Random, poison: Poison) -> None:
    """One of each kind of nonsense to every queue."""
    [sample] = (await _said(plant, rng, newest=True))[:1]
    async with await plant.look_into_broker() as connection:
        channel = await connection.channel(publisher_confirms=True)
        for queue in QUEUES:
            for body in _nonsense(sample, queue):
                await _send_one(channel, queue, body, poison)


async def _send_one(channel: AbstractChannel, queue: str, body: bytes, poison: Poison) -> None:
    name = f"poison-{uuid4().hex}"
    poison.sent[queue].add(name)
    await channel.default_exchange.publish(_message(body, name), queue)
    poison.confirmed[queue].add(name)


def _nonsense(sample: dict[str, Any], queue: str) -> list[bytes]:
    event = {**sample, "id": str(uuid4())}
    heard = {TYPE_PREFIX + fact.type for fact in QUEUES[queue]}
    unheard = sorted({TYPE_PREFIX + name for name in CATALOGUE} - heard)
    return [
        b"\xff\x00 this is no JSON {",
        b"[1, 2, 3]",
        orjson.dumps(event)[:-20],
        orjson.dumps({**event, "type": "forum.registration.teleported.v1"}),
        orjson.dumps({**event, "type": "forum.registration.confirmed.v9"}),
        orjson.dumps({**event, "type": "forum.badge.issued.v1", "data": {"badge_id": 7}}),
        orjson.dumps({**event, "specversion": "9.0"}),
        orjson.dumps({**event, "type": unheard[0]}),
    ]


def _message(body: bytes, message_id: str) -> aio_pika.Message:
    return aio_pika.Message(
        body,
        message_id=message_id,
        content_type="application/cloudevents+json",
        delivery_mode=aio_pika.DeliveryMode.PERSISTENT,
    )


async def _said(plant: Plant, rng: random.Random, *, newest: bool) -> list[dict[str, Any]]:
    """Events out of the services' outboxes: the newest, or any."""
    order = "seq DESC" if newest else "random()"
    found: list[dict[str, Any]] = []
    for service in SERVICES:
        connection = await plant.look_into(service)
        try:
            rows = await connection.fetch(
                f"SELECT event FROM outbox ORDER BY {order} LIMIT $1",
                COPIES // len(SERVICES),
            )
        finally:
            await connection.close()
        found += [orjson.loads(row["event"]) for row in rows]
    return found
