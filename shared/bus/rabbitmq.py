"""The bus over RabbitMQ: one durable topic exchange, quorum queues, delays and dead letters in the
broker.

A queue `badging.registrations` has beside it `badging.registrations.retry.1…5`, whose messages
return to it when their time is up, and `badging.registrations.dead`, where an operator finds what
failed to the end.

We don't use aio-pika's robust connections: they restore only what they still hold references to,
and may come back connected with no consumer (aio-pika issues 231, 536, 563, 632). One loop
connects, declares everything, consumes, waits for the connection to end, and begins again."""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Final

import aio_pika
import orjson
import structlog
from aio_pika.abc import (
    AbstractChannel,
    AbstractConnection,
    AbstractExchange,
    AbstractIncomingMessage,
    AbstractQueue,
    HeadersType,
)
from aio_pika.exceptions import CONNECTION_EXCEPTIONS, DeliveryError, PublishError
from pamqp.common import FieldTable

from shared import events
from shared.bus import (
    BATCH,
    MOST_LETTERS,
    RETRY_DELAYS_SECONDS,
    STOP_SECONDS,
    Consumer,
    DeadLetter,
    NotPublished,
    is_stopping,
    reason,
)
from shared.events import QUEUES, Event, MalformedEvent

log = structlog.get_logger()

EXCHANGE: Final = "forum.events"
PREFETCH: Final = 2 * BATCH
"""Those in hand and the next ones; the rest is left to other replicas."""
DELIVERY_LIMIT: Final = 20
"""Deliveries without an answer (the consumer died) before the broker sets a message aside."""
NO_LIMIT: Final = 1_000_000_000
CONFIRM_SECONDS = 5.0
CONNECT_SECONDS: Final = 10
HEARTBEAT_SECONDS = 10
ATTEMPTS_HEADER: Final = "x-forum-attempts"
ERROR_HEADER: Final = "x-forum-error"

ConnectionTrouble = (*CONNECTION_EXCEPTIONS, TimeoutError)
Deliveries = asyncio.Queue[AbstractIncomingMessage]


@dataclass(frozen=True)
class _Consuming:
    """A queue that we hear, and who deals with it."""

    queue: AbstractQueue
    tag: str
    worker: asyncio.Task[None]


class RabbitMQBus:
    """Publishes to and consumes from one broker; reconnects by itself, for ever."""

    def __init__(self, url: str, name: str) -> None:
        self._url = url
        self._name = name
        self._consumers: dict[str, Consumer] = {}
        self._exchange: AbstractExchange | None = None
        self._direct: AbstractExchange | None = None
        self._lost = asyncio.Event()
        self._running: asyncio.Task[None] | None = None
        self._in_hand: set[asyncio.Task[None]] = set()
        self._consuming: list[_Consuming] = []

    def subscribe(self, consumer: Consumer) -> None:
        self._consumers[consumer.queue] = consumer

    async def start(self) -> None:
        if self._running is None:
            self._running = asyncio.create_task(self._run())

    async def stop(self) -> None:
        """Take no more, finish what is in hand, give the rest back by closing the channel."""
        for each in self._consuming:
            each.worker.cancel()
            with suppress(*ConnectionTrouble):
                await asyncio.wait_for(each.queue.cancel(each.tag), CONFIRM_SECONDS)
        self._consuming = []
        if self._in_hand:
            await asyncio.wait(self._in_hand, timeout=STOP_SECONDS)
        if self._running is not None:
            # More than once if need be: libraries swallow a cancellation that comes together with
            # the end of a connection.
            while not self._running.done():
                self._running.cancel()
                await asyncio.wait({self._running}, timeout=1)
            self._running = None

    def trouble(self) -> str | None:
        return None if self._exchange is not None else "no connection to RabbitMQ"

    async def publish(self, said: Sequence[Event]) -> list[str | None]:
        return list(await asyncio.gather(*(self._error_of_publishing(event) for event in said)))

    async def _error_of_publishing(self, event: Event) -> str | None:
        try:
            await self._publish_event(event)
        except NotPublished as error:
            return reason(error)
        return None

    async def _publish_event(self, event: Event) -> None:
        if self._exchange is None:
            raise NotPublished("no connection to RabbitMQ")
        message = aio_pika.Message(
            orjson.dumps(event.as_cloudevent()),
            message_id=str(event.id),
            type=event.type,
            content_type="application/cloudevents+json",
            delivery_mode=aio_pika.DeliveryMode.PERSISTENT,
        )
        mandatory = bool(event.fact.heard_by)
        await self._publish(self._exchange, message, event.type, mandatory=mandatory)

    async def dead_letters(self, queue: str) -> list[DeadLetter]:
        async with self._resting(queue) as (_, messages):
            return [_letter(queue, message) for message in messages]

    async def count_dead_letters(self, queue: str) -> int:
        try:
            async with await aio_pika.connect(self._url, timeout=CONNECT_SECONDS) as connection:
                channel = await connection.channel()
                dead = await channel.declare_queue(f"{queue}.dead", passive=True)
                return dead.declaration_result.message_count or 0
        except ConnectionTrouble as error:
            raise NotPublished(reason(error)) from error

    async def replay(self, queue: str, letter_id: str) -> bool:
        async with self._resting(queue) as (channel, messages):
            for message in messages:
                if _letter_id(message) == letter_id:
                    # First there again, then gone from here: killed in between, it comes twice
                    # and the inbox knows it.
                    await self._publish(
                        channel.default_exchange, _copy(message, {}), queue, mandatory=True
                    )
                    await message.ack()
                    return True
        return False

    async def discard(self, queue: str, letter_id: str) -> bool:
        async with self._resting(queue) as (_, messages):
            for message in messages:
                if _letter_id(message) == letter_id:
                    await message.ack()
                    return True
        return False

    @asynccontextmanager
    async def _resting(
        self, queue: str
    ) -> AsyncIterator[tuple[AbstractChannel, list[AbstractIncomingMessage]]]:
        """A queue's dead letters on a connection of their own, whose end gives back what is not
        acknowledged.

        Raises:
            NotPublished: the broker does not answer.
        """
        try:
            async with await aio_pika.connect(self._url, timeout=CONNECT_SECONDS) as connection:
                channel = await connection.channel(on_return_raises=True)
                dead = await channel.get_queue(f"{queue}.dead")
                messages: list[AbstractIncomingMessage] = []
                while len(messages) < MOST_LETTERS:
                    message = await dead.get(fail=False)
                    if message is None:
                        break
                    messages.append(message)
                yield channel, messages
        except ConnectionTrouble as error:
            raise NotPublished(reason(error)) from error

    async def _run(self) -> None:
        pause = 0.2
        while True:
            try:
                async with self._connected() as lost:
                    pause = 0.2
                    log.info("bus.connected")
                    await lost.wait()
                log.warning("bus.connection_lost")
            except (Exception, asyncio.CancelledError) as error:
                # Whatever it is: a bus that gave up would be silent for ever. When a connection
                # breaks, aiormq cancels whoever waits for an answer.
                if is_stopping():
                    raise
                log.warning("bus.unreachable", error=reason(error))
            await asyncio.sleep(pause)
            pause = min(pause * 2, 5.0)

    @asynccontextmanager
    async def _connected(self) -> AsyncIterator[asyncio.Event]:
        """A connection with everything declared and consumed; the event is set when that ends."""
        # One of its own: the last words of the connection before must not end this one.
        self._lost = lost = asyncio.Event()
        connection = await aio_pika.connect(
            self._url,
            timeout=CONNECT_SECONDS,
            heartbeat=HEARTBEAT_SECONDS,
            client_properties={"connection_name": self._name},
        )
        try:
            connection.close_callbacks.add(lambda *_: lost.set())
            publishing = await connection.channel(publisher_confirms=True, on_return_raises=True)
            publishing.close_callbacks.add(lambda *_: lost.set())
            exchange = await _declare_topology(publishing)
            self._direct = publishing.default_exchange
            await self._consume(connection, lost)
            self._exchange = exchange
            yield lost
        finally:
            self._exchange = self._direct = None
            for each in self._consuming:
                each.worker.cancel()
            self._consuming = []
            with suppress(*ConnectionTrouble):
                await asyncio.wait_for(connection.close(), CONFIRM_SECONDS)

    async def _consume(self, connection: AbstractConnection, lost: asyncio.Event) -> None:
        for consumer in self._consumers.values():
            channel = await connection.channel()
            channel.close_callbacks.add(lambda *_: lost.set())
            # A queue that is deleted, or loses its node, takes its consumers with it; the channel
            # and the connection stay (aio-pika issue 334).
            underlay = await channel.get_underlay_channel()
            underlay.on_consumer_cancel_callbacks.add(lambda _: lost.set())
            await channel.set_qos(prefetch_count=PREFETCH)
            queue = await channel.get_queue(consumer.queue)
            delivered: Deliveries = asyncio.Queue()
            tag = await queue.consume(delivered.put)
            worker = asyncio.create_task(self._work(consumer, delivered))
            self._consuming.append(_Consuming(queue, tag, worker))

    async def _work(self, consumer: Consumer, delivered: Deliveries) -> None:
        """Deal with what is delivered, for ever."""
        while True:
            batch = [await delivered.get()]
            while len(batch) < BATCH and not delivered.empty():
                batch.append(delivered.get_nowait())
            # Its own task, which whoever ends the worker lets come to its end.
            dealing = asyncio.create_task(self._deal_with(consumer, batch))
            self._in_hand.add(dealing)
            dealing.add_done_callback(self._in_hand.discard)
            await asyncio.wait({dealing})

    async def _deal_with(self, consumer: Consumer, batch: list[AbstractIncomingMessage]) -> None:
        """All in one transaction; each by itself where that fails."""
        if len(batch) > 1:
            try:
                await consumer.receive(*(events.read(orjson.loads(each.body)) for each in batch))
                await batch[-1].ack(multiple=True)
                return
            except Exception as error:
                # One of them is to blame, or nothing works at all.
                log.info("event.batch_failed", queue=consumer.queue, error=reason(error))
        await asyncio.gather(*(self._receive(consumer, message) for message in batch))

    async def _receive(self, consumer: Consumer, message: AbstractIncomingMessage) -> None:
        try:
            await self._handle(consumer, message)
            await message.ack()
        except Exception as error:
            # Neither done nor handed on: the broker gives it again, at once or, if the channel is
            # closed, to whoever connects next. Unanswered it would take a place for ever.
            log.warning("event.not_acknowledged", queue=consumer.queue, error=reason(error))
            with suppress(*ConnectionTrouble):
                await message.nack(requeue=True)

    async def _handle(self, consumer: Consumer, message: AbstractIncomingMessage) -> None:
        """Do what the message says, or hand it on to the queue where failures wait."""
        try:
            event = events.read(orjson.loads(message.body))
        except (MalformedEvent, orjson.JSONDecodeError) as error:
            log.error("event.malformed", queue=consumer.queue, message_id=message.message_id)
            await self._hand_on(message, f"{consumer.queue}.dead", 0, error)
            return
        try:
            await consumer.receive(event)
        except Exception as error:
            # Whatever a handler raises means "not done": the event must survive it.
            attempts = _attempts(message) + 1
            log.warning("event.failed", queue=consumer.queue, attempts=attempts, exc_info=error)
            await self._hand_on(
                message, _next_queue(consumer.queue, attempts, error), attempts, error
            )

    async def _hand_on(
        self, message: AbstractIncomingMessage, queue: str, attempts: int, error: Exception
    ) -> None:
        if self._direct is None:
            raise NotPublished("no connection to RabbitMQ")
        copy = _copy(message, {ATTEMPTS_HEADER: attempts, ERROR_HEADER: reason(error)})
        await self._publish(self._direct, copy, queue, mandatory=True)

    async def _publish(
        self,
        exchange: AbstractExchange,
        message: aio_pika.Message,
        routing_key: str,
        *,
        mandatory: bool,
    ) -> None:
        """Publish and wait for the broker's word.

        The time limit is ours: aio-pika may wait for ever on a connection that is gone (issue 636).
        The task is ours too: aiormq cancels whoever waits when a connection breaks, and that must
        not look as if somebody had asked us to stop.
        """
        publishing = asyncio.create_task(
            exchange.publish(message, routing_key, mandatory=mandatory)
        )
        try:
            await asyncio.wait({publishing}, timeout=CONFIRM_SECONDS)
        finally:
            publishing.cancel()
        if not publishing.done() or publishing.cancelled():
            raise NotPublished("no confirmation in time, or the connection broke")
        try:
            publishing.result()
        except PublishError as error:
            self._lost.set()  # somebody deleted the queue: connecting again declares it
            raise NotPublished(f"returned by the broker: {routing_key} has no queue") from error
        except DeliveryError as error:
            raise NotPublished(f"refused by the broker: {routing_key}") from error
        except Exception as error:
            # Whatever it is, nothing was confirmed. A connection that ends just now can make
            # aiormq raise a bare Exception.
            raise NotPublished(reason(error)) from error


async def _declare_topology(channel: AbstractChannel) -> AbstractExchange:
    """The exchange and every queue of the catalogue, whoever comes first."""
    exchange = await channel.declare_exchange(EXCHANGE, aio_pika.ExchangeType.TOPIC, durable=True)
    for name, facts in QUEUES.items():
        # Looking at what rests there counts as a delivery, and RabbitMQ 4 has a limit of its own.
        await _declare_quorum(channel, f"{name}.dead", limit=NO_LIMIT)
        for number, seconds in enumerate(RETRY_DELAYS_SECONDS, start=1):
            await _declare_quorum(
                channel, f"{name}.retry.{number}", then=name, after_ms=round(seconds * 1000)
            )
        queue = await _declare_quorum(channel, name, then=f"{name}.dead", limit=DELIVERY_LIMIT)
        for fact in facts:
            await queue.bind(exchange, fact.type)
    return exchange


async def _declare_quorum(
    channel: AbstractChannel,
    name: str,
    *,
    then: str | None = None,
    after_ms: int | None = None,
    limit: int | None = None,
) -> AbstractQueue:
    arguments: FieldTable = {"x-queue-type": "quorum", "x-overflow": "reject-publish"}
    if then is not None:
        arguments["x-dead-letter-exchange"] = ""
        arguments["x-dead-letter-routing-key"] = then
        # Needs reject-publish and quorum targets; RabbitMQ 3.10 and later.
        arguments["x-dead-letter-strategy"] = "at-least-once"
    if after_ms is not None:
        arguments["x-message-ttl"] = after_ms
    if limit is not None:
        arguments["x-delivery-limit"] = limit
    return await channel.declare_queue(name, durable=True, arguments=arguments)


def _copy(message: AbstractIncomingMessage, headers: HeadersType) -> aio_pika.Message:
    return aio_pika.Message(
        message.body,
        message_id=message.message_id,
        type=message.type,
        content_type=message.content_type,
        delivery_mode=aio_pika.DeliveryMode.PERSISTENT,
        timestamp=datetime.now(UTC),
        headers=headers,
    )


def _letter(queue: str, message: AbstractIncomingMessage) -> DeadLetter:
    # Without a word of ours it was the broker who gave up: its consumers died of it.
    by_broker = message.headers.get("x-first-death-reason", "set aside by the broker")
    return DeadLetter(
        id=_letter_id(message),
        queue=queue,
        type=message.type or "",
        attempts=_attempts(message),
        died_at=message.timestamp,
        error=str(message.headers.get(ERROR_HEADER, by_broker)),
        body=message.body.decode(errors="replace"),
    )


def _letter_id(message: AbstractIncomingMessage) -> str:
    """What names a dead letter: strangers' messages may have no id."""
    return message.message_id or hashlib.sha256(message.body).hexdigest()[:32]


def _attempts(message: AbstractIncomingMessage) -> int:
    attempts = message.headers.get(ATTEMPTS_HEADER, 0)
    return attempts if isinstance(attempts, int) else 0


def _next_queue(queue: str, attempts: int, error: Exception) -> str:
    last = attempts > len(RETRY_DELAYS_SECONDS) or isinstance(error, MalformedEvent)
    return f"{queue}.dead" if last else f"{queue}.retry.{attempts}"
