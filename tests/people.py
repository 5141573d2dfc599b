"""Somebody who comes to the forum, for tests that need one; what matters is said by the test."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from shared.events import Person, RegistrationConfirmed


def person(**particulars: Any) -> Person:
    return Person(
        **{
            "given_name": "Grace",
            "family_name": "Hopper",
            "organization": "Eckert–Mauchly Computer Corporation",
            "country": "US",
            "category": "private_sector",
            "language": "en",
            "days": (0, 1, 2, 3, 4),
        }
        | particulars
    )


def confirmed(registration_id: UUID, version: int = 2, **particulars: Any) -> RegistrationConfirmed:
    return RegistrationConfirmed(
        registration_id=registration_id, version=version, person=person(**particulars)
    )
