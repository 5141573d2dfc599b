"""Limits that keep one caller from spoiling it for all."""

from __future__ import annotations

import ipaddress
import math
import time
from collections import OrderedDict
from dataclasses import dataclass, field

from shared.problems import Problem

REMEMBERED = 10_000
"""Callers whose buckets are kept; the one not seen for longest is forgotten first."""


@dataclass
class RateLimit:
    """A token bucket a caller: `burst` at once, then `per_second`."""

    burst: float
    per_second: float
    _buckets: OrderedDict[str, tuple[float, float]] = field(default_factory=OrderedDict)

    def spend(self, caller: str, cost: float = 1.0) -> None:
        """Take from the caller's bucket.

        Raises:
            Problem: 429, when it is empty; says when to come again.
        """
        self.check(caller, cost)
        left, now = self._buckets[caller]
        self._buckets[caller] = (left - cost, now)

    def check(self, caller: str, cost: float = 1.0) -> None:
        """Raises as `spend` does, and takes nothing: for limits on failures only."""
        now = time.monotonic()
        left, since = self._buckets.pop(caller, (self.burst, now))
        left = min(self.burst, left + (now - since) * self.per_second)
        self._buckets[caller] = (left, now)
        if len(self._buckets) > REMEMBERED:
            self._buckets.popitem(last=False)
        if left < cost:
            seconds = math.ceil((cost - left) / self.per_second)
            raise Problem(
                429,
                "too-many-requests",
                f"Too many requests from this address; try again in {seconds} seconds.",
                headers={"Retry-After": str(seconds)},
            )


def is_loopback(address: str) -> bool:
    try:
        return ipaddress.ip_address(address).is_loopback
    except ValueError:
        return False
