"""Drawing in a process beside this one: here everybody would wait for it, gates among them, since
Python does one thing at a time."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVarTuple

from anyio import BrokenWorkerProcess, CapacityLimiter, to_process

What = TypeVarTuple("What")


async def draw_beside(
    draw: Callable[[*What], bytes],
    *what: *What,
    limiter: CapacityLimiter,
    cancellable: bool = False,
) -> bytes:
    """What `draw` draws.

    Args:
        draw: runs in the other process, on copies of `what`.
        what: its arguments.
        limiter: how many may be drawn at the same time.
        cancellable: whoever asked may go, and the process is killed then; for what takes long.

    Raises:
        BrokenWorkerProcess: it was killed both times that it was tried, as for want of memory.
    """
    try:
        return await to_process.run_sync(draw, *what, cancellable=cancellable, limiter=limiter)
    except BrokenWorkerProcess:
        # A process is kept for what comes next, and may have gone long ago.
        return await to_process.run_sync(draw, *what, cancellable=cancellable, limiter=limiter)
