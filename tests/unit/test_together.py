"""What comes at the same time is done together, and nobody waits for ever."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

import pytest

from services.checkin.together import Together

PATIENCE_SECONDS = 5


class Doubling:
    """Doubles numbers, and remembers in which batches they came."""

    def __init__(self) -> None:
        self.batches: list[list[int]] = []

    async def __call__(self, items: Sequence[int]) -> list[int]:
        self.batches.append(list(items))
        await asyncio.sleep(0)
        if 13 in items:
            raise ValueError("unlucky")
        return [2 * item for item in items]


async def test_one_after_the_other_on_one_lane() -> None:
    doubling = Doubling()
    together = Together(doubling, most=8, lanes=1)
    async with asyncio.timeout(PATIENCE_SECONDS):
        # The next one comes in the very moment in which the lane finds nothing more to do.
        assert [await together.do(item) for item in range(5)] == [0, 2, 4, 6, 8]
    assert doubling.batches == [[0], [1], [2], [3], [4]]


async def test_what_comes_meanwhile_is_one_batch() -> None:
    doubling = Doubling()
    together = Together(doubling, most=3, lanes=1)
    async with asyncio.timeout(PATIENCE_SECONDS):
        outcomes = await asyncio.gather(*(together.do(item) for item in range(5)))
    assert outcomes == [0, 2, 4, 6, 8]
    assert doubling.batches == [[0, 1, 2], [3, 4]]


async def test_one_to_blame_fails_alone() -> None:
    together = Together(Doubling(), most=8, lanes=2)
    async with asyncio.timeout(PATIENCE_SECONDS):
        outcomes = await asyncio.gather(
            *(together.do(item) for item in (1, 13, 2)), return_exceptions=True
        )
        assert [str(outcome) for outcome in outcomes] == ["2", "unlucky", "4"]
        assert await together.do(3) == 6


async def test_while_a_batch_is_held_up_others_go_on_beside_it() -> None:
    locked = asyncio.Event()
    batches: list[list[int]] = []

    async def double(items: Sequence[int]) -> list[int]:
        batches.append(list(items))
        if 1 in items:
            await locked.wait()
        return [2 * item for item in items]

    together = Together(double, most=8, lanes=2)
    async with asyncio.timeout(PATIENCE_SECONDS):
        held_up = asyncio.create_task(together.do(1))
        await asyncio.sleep(0.001)
        # The first comes a moment later, and nobody after it; others when all that is over.
        assert await together.do(2) == 4
        assert await asyncio.gather(*(together.do(item) for item in (3, 4))) == [6, 8]
        assert not held_up.done()
        locked.set()
        assert await held_up == 2
        assert await together.do(5) == 10
    assert [sorted(batch) for batch in batches] == [[1], [2], [3, 4], [5]]


async def test_whoever_gives_up_keeps_nobody_else() -> None:
    together = Together(Doubling(), most=8, lanes=1)
    impatient = asyncio.create_task(together.do(1))
    patient = asyncio.create_task(together.do(2))
    await asyncio.sleep(0)
    impatient.cancel()
    async with asyncio.timeout(PATIENCE_SECONDS):
        assert await patient == 4
        with pytest.raises(asyncio.CancelledError):
            await impatient
        assert await together.do(3) == 6
