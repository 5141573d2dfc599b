"""Limits that keep one caller from spoiling it for all."""

from __future__ import annotations

import ipaddress
import math
import time
from collections import OrderedDict
from dataclasses import dataclass, field
from typing import Final

from starlette.requests import Request

from shared.problems import Problem

REMEMBERED = 10_000
"""Callers whose buckets are kept; the one not seen for longest is forgotten first."""
LOOPBACK: Final = "loopback"
_HALF: Final = 64
"""Bits of an IPv6 address that say which network; the others its owner chooses (RFC 4291)."""


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

    def spend_by(self, request: Request) -> None:
        """Take from the bucket of the network that calls; the machine itself (loopback) has none.

        Raises:
            Problem: 429, as `spend`.
        """
        network = network_of(request)
        if network != LOOPBACK:
            self.spend(network)

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


def network_of(request: Request) -> str:
    """Where the request comes from, as far as whoever calls cannot choose it: of an IPv6 address
    the network, for who has one address there has 2⁶⁴; LOOPBACK for the machine itself."""
    address = request.client.host if request.client else ""
    try:
        known = ipaddress.ip_address(address)
    except ValueError:
        return address
    if isinstance(known, ipaddress.IPv6Address):
        known = known.ipv4_mapped or known
    if known.is_loopback:
        return LOOPBACK
    if known.version == 4:
        return str(known)
    return str(ipaddress.IPv6Network((int(known), _HALF), strict=False))
