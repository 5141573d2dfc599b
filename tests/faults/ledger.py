"""What was acknowledged to somebody: what must be so in the end."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from typing import Any
from uuid import UUID


@dataclass
class Person:
    """A registrant, as far as the services have answered."""

    registration_id: UUID
    email: str
    country: str
    category: str
    family_name: str
    status: str = "submitted"

    @property
    def was_confirmed(self) -> bool:
        return self.status in ("confirmed", "cancelled")


@dataclass(frozen=True)
class ScanAnswered:
    """A scan and the answer that its device showed."""

    scan_id: UUID
    gate: str
    decision: str
    reason: str
    decided_at: str

    @classmethod
    def of(cls, gate: str, answer: dict[str, Any]) -> ScanAnswered:
        return cls(
            UUID(answer["scan_id"]),
            gate,
            answer["decision"],
            answer["reason"],
            answer["decided_at"],
        )


@dataclass
class Ledger:
    people: dict[UUID, Person] = field(default_factory=dict)
    scans: dict[UUID, ScanAnswered] = field(default_factory=dict)
    undone: set[UUID] = field(default_factory=set)
    """Of these."""
    operations: Counter[str] = field(default_factory=Counter)
    """Acknowledged, by kind."""
    tries: int = 0
    """Calls made for them, repeated ones too."""
    wrong_answers: list[str] = field(default_factory=list)
    """Answers that nobody should get: a crash, or another answer to the same scan."""
