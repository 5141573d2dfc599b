"""Waiting until nothing is under way any more."""

from __future__ import annotations

import asyncio
import time
from typing import Final

import asyncpg
from aio_pika.exceptions import AMQPException

from tests.faults.plant import SERVICES, Plant

LOOK_SECONDS: Final = 0.5


class NeverSettled(AssertionError):
    """Something was still under way when time was up."""


async def settle(plant: Plant, within: float) -> float:
    """Return once nothing waits: no event, no message in a queue, no mail; answers after how long.

    Raises:
        NeverSettled: with what still waits after so many seconds.
    """
    begun = time.monotonic()
    quiet = 0
    waits = "nothing was looked at"
    # Twice in a row: what leaves one place may just have passed where we had looked before.
    while quiet < 2:
        try:
            async with asyncio.timeout(LOOK_SECONDS * 20):
                waits = await _what_waits(plant)
        except (OSError, asyncpg.PostgresError, AMQPException) as error:
            waits = f"cannot look ({type(error).__name__}: {error})"
        quiet = 0 if waits else quiet + 1
        if waits and time.monotonic() - begun > within:
            raise NeverSettled(f"after {within:g} s there still waits: {waits}")
        await asyncio.sleep(LOOK_SECONDS)
    return time.monotonic() - begun


async def _what_waits(plant: Plant) -> str:
    waits = {}
    for service in SERVICES:
        connection = await plant.look_into(service)
        try:
            waits[f"outbox of {service}"] = await connection.fetchval(
                "SELECT count(*) FROM outbox WHERE published_at IS NULL"
            )
            if service == "notifications":
                waits["mails"] = await connection.fetchval(
                    "SELECT count(*) FROM messages WHERE status = 'queued'"
                )
        finally:
            await connection.close()
    waits |= await asyncio.to_thread(_queued, plant)
    return ", ".join(f"{count} in {where}" for where, count in waits.items() if count)


def _queued(plant: Plant) -> dict[str, int]:
    """Messages in each queue, those in hand too; dead letters rest."""
    lines = plant.broker.control("list_queues", "--no-table-headers", "name", "messages")
    pairs = (line.split("\t") for line in lines.splitlines() if line)
    return {name: int(count) for name, count in pairs if not name.endswith(".dead")}
