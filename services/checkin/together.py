"""What comes at the same time is done together: for work whose cost is the transaction, not the
item. Nothing waits to make a batch larger."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from typing import Generic, TypeVar

Item = TypeVar("Item")
Outcome = TypeVar("Outcome")


class Together(Generic[Item, Outcome]):
    """Collects items, and hands them on as soon as one of few lanes is free.

    Args:
        act: does the items, in their order; answers an outcome for each. If it fails, nothing was
        done, and each item is tried by itself.
        most: items in one go.
        lanes: how many go at the same time.
    """

    def __init__(
        self,
        act: Callable[[Sequence[Item]], Awaitable[Sequence[Outcome]]],
        *,
        most: int,
        lanes: int,
    ) -> None:
        self._act = act
        self._most = most
        self._most_lanes = lanes
        self._waiting: list[tuple[Item, asyncio.Future[Outcome]]] = []
        self._lanes: set[asyncio.Task[None]] = set()

    async def do(self, item: Item) -> Outcome:
        """Have an item done; raises what `act` raises for it alone."""
        done: asyncio.Future[Outcome] = asyncio.get_running_loop().create_future()
        self._waiting.append((item, done))
        if len(self._lanes) < self._most_lanes:
            self._lanes.add(asyncio.create_task(self._work()))
        return await done

    async def _work(self) -> None:
        try:
            await self._do_what_waits()
        finally:
            # At once, not by a callback of the task: what came in between would wait for nobody.
            lane = asyncio.current_task()
            assert lane is not None  # `do` made one
            self._lanes.discard(lane)

    async def _do_what_waits(self) -> None:
        while self._waiting:
            batch, self._waiting = self._waiting[: self._most], self._waiting[self._most :]
            try:
                outcomes = await self._act([item for item, _ in batch])
            except Exception as error:
                # Whatever it is: whoever waits here must be told.
                await self._work_alone(batch, error)
                continue
            except BaseException:
                for _, done in batch:
                    done.cancel()
                raise
            for (_, done), outcome in zip(batch, outcomes, strict=True):
                if not done.done():  # whoever asked may have gone
                    done.set_result(outcome)

    async def _work_alone(
        self, batch: Sequence[tuple[Item, asyncio.Future[Outcome]]], error: Exception
    ) -> None:
        """One of them is to blame, or nothing works at all."""
        for item, done in batch:
            try:
                if len(batch) == 1:
                    raise error
                [outcome] = await self._act([item])
            except Exception as its_own:
                if not done.done():
                    done.set_exception(its_own)
            else:
                if not done.done():
                    done.set_result(outcome)
