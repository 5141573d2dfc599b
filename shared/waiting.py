"""Waiting for something that may not come."""

from __future__ import annotations

import asyncio


async def happens_within(event: asyncio.Event, seconds: float) -> bool:
    """Wait until the event is set, but not longer than this; answers whether it was."""
    try:
        # Not wait_for: on Python 3.11 it swallows a cancellation that comes together with the
        # event (python/cpython#86296), and whoever waits never stops.
        async with asyncio.timeout(seconds):
            await event.wait()
    except TimeoutError:
        return False
    return True
