"""Work for the processor, in a process beside this one: here everybody would wait for it, gates
among them, since Python does one thing at a time."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar, TypeVarTuple

from anyio import BrokenWorkerProcess, CapacityLimiter, to_process

What = TypeVarTuple("What")
Made = TypeVar("Made")


async def work_beside(
    make: Callable[[*What], Made],
    *what: *What,
    limiter: CapacityLimiter,
    cancellable: bool = False,
) -> Made:
    """What `make` makes.

    Args:
        make: runs in the other process, on copies of `what`.
        what: its arguments.
        limiter: how many may be at work at the same time.
        cancellable: whoever asked may go, and the process is killed then; for what takes long.

    Raises:
        BrokenWorkerProcess: it was killed both times that it was tried, as for want of memory.
    """
    try:
        return await to_process.run_sync(make, *what, cancellable=cancellable, limiter=limiter)
    except BrokenWorkerProcess:
        # A process is kept for what comes next, and may have gone long ago.
        return await to_process.run_sync(make, *what, cancellable=cancellable, limiter=limiter)
