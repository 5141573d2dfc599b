"""What comes at the same time is done together: for work whose cost is the transaction, not the
item. What comes while a batch is on its way is the next one."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable, Sequence
from typing import Final, Generic, TypeVar

HELD_UP_SECONDS: Final = 0.03
"""A batch that takes longer waits for something that the next one may not need."""

Item = TypeVar("Item")
Outcome = TypeVar("Outcome")


class Together(Generic[Item, Outcome]):
    """Collects items, and hands them on, batch after batch. While a batch is held up, such as by a
    lock, those that come are not: there is another lane.

    Args:
        act: does the items, in their order; answers an outcome for each. If it fails, nothing was
        done, and each item is tried by itself.
        most: items in one go.
        lanes: batches at the same time, at most.
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
        self._lanes: dict[asyncio.Task[None], float] = {}
        """Those at work, and when each began its batch, in monotonic time."""
        self._relief: asyncio.TimerHandle | None = None

    async def do(self, item: Item) -> Outcome:
        """Have an item done; raises what `act` raises for it alone."""
        loop = asyncio.get_running_loop()
        done: asyncio.Future[Outcome] = loop.create_future()
        self._waiting.append((item, done))
        if not self._lanes:
            self._open_lane()
        elif self._relief is None:
            self._relief = loop.call_later(HELD_UP_SECONDS, self._relieve)
        return await done

    def _open_lane(self) -> None:
        self._lanes[asyncio.create_task(self._work())] = time.monotonic()

    def _relieve(self) -> None:
        """Open a lane for those who wait, if all others are held up; look again after a while."""
        self._relief = None
        if not self._waiting:
            return
        began_last = max(self._lanes.values(), default=float("-inf"))
        are_held_up = time.monotonic() - began_last > HELD_UP_SECONDS
        if are_held_up and len(self._lanes) < self._most_lanes:
            self._open_lane()
        self._relief = asyncio.get_running_loop().call_later(HELD_UP_SECONDS, self._relieve)

    async def _work(self) -> None:
        lane = asyncio.current_task()
        assert lane is not None  # `_open_lane` made one
        try:
            await self._do_what_waits(lane)
        finally:
            # At once, not by a callback of the task: what came in between would wait for nobody.
            del self._lanes[lane]

    async def _do_what_waits(self, lane: asyncio.Task[None]) -> None:
        while self._waiting:
            batch, self._waiting = self._waiting[: self._most], self._waiting[self._most :]
            self._lanes[lane] = time.monotonic()
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
