"""The catalogue of faults. Each does its harm, undoes it, and returns: then the system is on its
own, and recovery is counted from there."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Awaitable, Callable, Iterator
from dataclasses import dataclass
from functools import partial
from typing import Final

from deploy.private_servers import PostgreSQL, RabbitMQ
from tests.faults.messages import Poison, send_copies, send_poison
from tests.faults.plant import SERVICES, TWICE, Plant
from tests.faults.proxy import Proxy
from tests.faults.smtp import Mood


@dataclass(frozen=True)
class Harm:
    """What a fault works with."""

    plant: Plant
    rng: random.Random
    poison: Poison

    async def wait(self, at_least: float, at_most: float) -> None:
        await asyncio.sleep(self.rng.uniform(at_least, at_most))


@dataclass(frozen=True)
class Fault:
    name: str
    targets: frozenset[str]
    """What it harms, or needs itself: two faults at a time have nothing of it in common."""
    share: int
    """How often it is drawn, beside the others."""
    act: Callable[[Harm], Awaitable[None]]
    slow: bool = False
    """Takes a quarter of a minute or more."""


def deal(rng: random.Random, *, slow_ones: bool) -> Iterator[Fault]:
    """Faults at random, for ever; each kind has come before any comes more often than its share."""
    while True:
        hand = [fault for fault in CATALOGUE if slow_ones or not fault.slow]
        rng.shuffle(hand)
        more = [fault for fault in hand for _ in range(fault.share - 1) if not fault.slow]
        rng.shuffle(more)
        yield from hand
        yield from more


# --- services -------------------------------------------------------------------------------------


async def _kill_service(name: str, harm: Harm) -> None:
    service = harm.plant.services[name]
    await asyncio.to_thread(service.kill)
    await harm.wait(0, 1.5)
    service.start()


async def _pause_service(name: str, harm: Harm) -> None:
    service = harm.plant.services[name]
    service.pause()
    await harm.wait(1, 4)
    service.resume()


async def _restart_service(name: str, harm: Harm) -> None:
    service = harm.plant.services[name]
    await asyncio.to_thread(service.stop)
    service.start()


async def _kill_both(name: str, harm: Harm) -> None:
    """Both replicas at once; they start and migrate together."""
    both = [harm.plant.services[name], harm.plant.services[f"{name} 2"]]
    await asyncio.gather(*(asyncio.to_thread(each.kill) for each in both))
    for each in both:
        each.start()


async def _kill_every_service(harm: Harm) -> None:
    every = list(harm.plant.services.values())
    await asyncio.gather(*(asyncio.to_thread(each.kill) for each in every))
    harm.rng.shuffle(every)
    for each in every:
        each.start()
        await harm.wait(0, 0.5)


# --- servers --------------------------------------------------------------------------------------


async def _kill_server(server: Callable[[Plant], PostgreSQL | RabbitMQ], harm: Harm) -> None:
    await asyncio.to_thread(server(harm.plant).kill)
    await harm.wait(0, 1.5)
    await asyncio.to_thread(server(harm.plant).start)


async def _restart_server(server: Callable[[Plant], PostgreSQL | RabbitMQ], harm: Harm) -> None:
    await asyncio.to_thread(server(harm.plant).stop)
    await asyncio.to_thread(server(harm.plant).start)


async def _pause_server(server: Callable[[Plant], PostgreSQL | RabbitMQ], harm: Harm) -> None:
    server(harm.plant).pause()
    await harm.wait(1, 5)
    server(harm.plant).resume()


async def _kill_broker_with_full_queues(harm: Harm) -> None:
    """Nobody takes anything out for a while; then the broker dies with all of it."""
    plant = harm.plant
    hearers = [child for name, child in plant.services.items() if name != "registration"]
    for hearer in hearers:
        hearer.pause()
    await send_copies(plant, harm.rng, newest=False)
    await harm.wait(1, 2)
    await _kill_server(_broker, harm)
    for hearer in hearers:
        hearer.resume()


# --- network --------------------------------------------------------------------------------------


async def _reset(line: Callable[[Plant], Proxy], harm: Harm) -> None:
    for _ in range(harm.rng.randint(1, 3)):
        line(harm.plant).reset()
        await harm.wait(0.1, 0.5)


async def _refuse(line: Callable[[Plant], Proxy], harm: Harm) -> None:
    line(harm.plant).refuse()
    await harm.wait(1, 3)
    line(harm.plant).recover()


async def _slow_down(line: Callable[[Plant], Proxy], harm: Harm) -> None:
    line(harm.plant).delay = harm.rng.uniform(0.05, 0.3)
    await harm.wait(1, 3)
    line(harm.plant).recover()


async def _hold_back(line: Callable[[Plant], Proxy], harm: Harm) -> None:
    line(harm.plant).hold_back()
    await harm.wait(1, 4)
    line(harm.plant).recover()


async def _half_open(line: Callable[[Plant], Proxy], harm: Harm) -> None:
    line(harm.plant).go_deaf()
    await harm.wait(1, 4)
    line(harm.plant).recover()


async def _vanish(line: Callable[[Plant], Proxy], harm: Harm) -> None:
    """The other end of every connection is gone for good, and nobody tells."""
    line(harm.plant).go_deaf()
    await harm.wait(0.5, 1)
    line(harm.plant).recover(tell=False)


async def _gone_for_a_minute(line: Callable[[Plant], Proxy], harm: Harm) -> None:
    line(harm.plant).refuse()
    await harm.wait(60, 75)
    line(harm.plant).recover()


# --- messages and mail ----------------------------------------------------------------------------


async def _copies(harm: Harm) -> None:
    await send_copies(harm.plant, harm.rng, newest=harm.rng.random() < 0.5)


async def _poison(harm: Harm) -> None:
    await send_poison(harm.plant, harm.rng, harm.poison)


async def _bad_mood(mood: Mood, harm: Harm) -> None:
    await harm.plant.mail.become(mood)
    await harm.wait(2, 5)
    await harm.plant.mail.become(Mood.friendly)


def _database(plant: Plant) -> PostgreSQL:
    return plant.database


def _broker(plant: Plant) -> RabbitMQ:
    return plant.broker


def _to_database(plant: Plant) -> Proxy:
    return plant.to_database


def _to_broker(plant: Plant) -> Proxy:
    return plant.to_broker


_EVERY_SERVICE: Final = frozenset({*SERVICES, *(f"{name} 2" for name in TWICE)})
_DATABASE: Final = frozenset({"database"})
_BROKER: Final = frozenset({"broker"})
_MAIL: Final = frozenset({"mail"})


def _harm_to_services() -> Iterator[Fault]:
    for name in SERVICES:
        target = frozenset({name})
        yield Fault(f"kill -9 {name}", target, 3, partial(_kill_service, name))
        yield Fault(f"SIGSTOP {name}", target, 3, partial(_pause_service, name))
        yield Fault(f"SIGTERM {name}", target, 1, partial(_restart_service, name))
    for name in TWICE:
        both = frozenset({name, f"{name} 2"})
        yield Fault(f"kill -9 {name} 2", both, 1, partial(_kill_service, f"{name} 2"))
        yield Fault(f"kill -9 both {name}, start together", both, 1, partial(_kill_both, name))
    yield Fault("kill -9 every service", _EVERY_SERVICE, 1, _kill_every_service)


def _harm_to_servers() -> Iterator[Fault]:
    yield Fault("kill -9 PostgreSQL", _DATABASE, 4, partial(_kill_server, _database))
    yield Fault("SIGSTOP PostgreSQL", _DATABASE, 3, partial(_pause_server, _database))
    yield Fault("restart PostgreSQL", _DATABASE, 2, partial(_restart_server, _database))
    yield Fault("kill -9 RabbitMQ", _BROKER, 2, partial(_kill_server, _broker))
    yield Fault("SIGSTOP RabbitMQ", _BROKER, 3, partial(_pause_server, _broker))
    yield Fault("restart RabbitMQ", _BROKER, 1, partial(_restart_server, _broker))
    yield Fault(
        "kill -9 RabbitMQ with full queues",
        # The queues are filled with what the outboxes have, as by "events again".
        _BROKER | _DATABASE | _EVERY_SERVICE,
        1,
        _kill_broker_with_full_queues,
    )


def _harm_to_the_network() -> Iterator[Fault]:
    for name, target, line in (
        ("PostgreSQL", _DATABASE, _to_database),
        ("RabbitMQ", _BROKER, _to_broker),
    ):
        yield Fault(f"{name}: connections reset", target, 5, partial(_reset, line))
        yield Fault(f"{name}: refuses", target, 3, partial(_refuse, line))
        yield Fault(f"{name}: latency", target, 3, partial(_slow_down, line))
        yield Fault(f"{name}: stalls", target, 3, partial(_hold_back, line))
        yield Fault(f"{name}: half-open", target, 3, partial(_half_open, line))
        yield Fault(f"{name}: vanished", target, 1, partial(_vanish, line), slow=True)
    yield Fault(
        "RabbitMQ: gone for a minute",
        _BROKER,
        1,
        partial(_gone_for_a_minute, _to_broker),
        slow=True,
    )


def _harm_by_messages_and_mail() -> Iterator[Fault]:
    yield Fault("events again, shuffled", _BROKER | _DATABASE, 6, _copies)
    yield Fault("poison", _BROKER | _DATABASE, 4, _poison)
    for mood in Mood:
        if mood is not Mood.friendly:
            yield Fault(f"mail server {mood.value}", _MAIL, 2, partial(_bad_mood, mood))


CATALOGUE: Final = (
    *_harm_to_services(),
    *_harm_to_servers(),
    *_harm_to_the_network(),
    *_harm_by_messages_and_mail(),
)
