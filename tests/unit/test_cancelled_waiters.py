"""When a connection breaks, aiormq cancels whoever waits: that is no order to stop."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime
from typing import Any, cast

from aio_pika.abc import AbstractExchange

from shared.bus.rabbitmq import RabbitMQBus
from shared.events import Event, KeyPublished


class BreakingExchange:
    """An exchange whose connection breaks while one waits for the broker's word."""

    async def publish(self, *_: Any, **__: Any) -> None:
        raise asyncio.CancelledError


async def test_a_publish_whose_connection_breaks_is_not_published_and_ends_nobody() -> None:
    bus = RabbitMQBus("amqp://127.0.0.1:9", "badging")
    bus._exchange = cast(AbstractExchange, BreakingExchange())
    fact = KeyPublished(key_id=1, public_key="00" * 32)
    [error] = await bus.publish([Event("/badging", datetime.now(UTC), fact)])
    assert error is not None
    assert error.startswith("NotPublished")
