"""The chain of an audit log: each entry is tied to the one before by SHA-256, as the database does
it (migration shared_0002), here proved by other code.

Apart from shared/audit.py, so that a command proves it without a database's library."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Final
from uuid import UUID

CUT: Final = "audit.end_old"
"""The act of letting the oldest entries go."""


@dataclass(frozen=True)
class Link:
    """An entry as it is chained."""

    seq: int
    at: datetime
    who: str
    role: str
    act: str
    which: str | None
    about: tuple[UUID, ...]
    details: str
    """JSON, to the letter as the database writes it."""
    address: str | None
    trace_id: str | None
    reason_digest: str | None
    """Hexadecimal."""
    hash: str
    """Hexadecimal."""

    def hash_behind(self, before: str) -> str:
        """What its hash must be, behind that hash."""
        said = [
            self.seq,
            self.at.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ"),
            self.who,
            self.role,
            self.act,
            self.which,
            [str(one) for one in self.about],
            self.details,
            self.address,
            self.trace_id,
            self.reason_digest,
        ]
        canonical = json.dumps(said, ensure_ascii=False)
        return hashlib.sha256(bytes.fromhex(before) + canonical.encode()).hexdigest()


@dataclass(frozen=True)
class End:
    """A place in the chain."""

    seq: int
    hash: str
    """Hexadecimal; empty before the first entry of all."""


class Broken(Exception):
    """The chain does not hold; `seq` is the first entry that does not follow from those before."""

    def __init__(self, seq: int, why: str) -> None:
        super().__init__(f"entry {seq} {why}")
        self.seq = seq


def follow(links: Iterable[Link], after: End) -> End:
    """Go along the chain; answers where it ends.

    Raises:
        Broken: at the first entry that is missing or was changed.
    """
    for link in links:
        if link.seq != after.seq + 1:
            raise Broken(after.seq + 1, "is missing")
        if link.hash != link.hash_behind(after.hash):
            raise Broken(link.seq, "is not what was written")
        after = End(link.seq, link.hash)
    return after


def cuts(links: Iterable[Link]) -> Mapping[int, str]:
    """Up to which entries, with which hash, old ones were let go, as the chain itself says."""
    return {
        int(link.which or 0): json.loads(link.details)["hash"] for link in links if link.act == CUT
    }
