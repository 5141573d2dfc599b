"""A full queue: registrations enough to fill a review desk, with their history."""

from __future__ import annotations

import random
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, Final
from uuid import UUID

import asyncpg
from uuid_utils.compat import uuid7

from services.registration.duplicates import name_key
from services.registration.search_text import search_text
from shared.badge_number import ALPHABET

NOW: Final = datetime(2017, 6, 12, 6, 0, tzinfo=UTC)
"""The forum's first morning."""
GIVEN: Final = (
    "Aïcha", "Amélie", "Björn", "Chidi", "Đorđe", "Fatima", "Giang", "Ines", "José", "Łukasz",
    "Mei", "Olga", "Priya", "Søren", "Wei", "Zoë", "Юлия", "美玲", "محمد", "Ngozi",
)  # fmt: skip
FAMILY: Final = (
    "Ben Salah", "Gonçalves", "Hernández", "Ivanova", "Kovačević", "Müller", "Nguyễn", "O’Brien",
    "Okonkwo", "Ng", "Ødegård", "Patel", "Şahin", "Smith", "Świątek", "Tanaka", "Петрова",
    "王", "الخطيب", "de la Cruz",
)  # fmt: skip
ORGANIZATIONS: Final = (
    "Agence nationale du numérique", "Civic Code Alliance", "Universidad de las Américas",
    "Ministry of Communications", "Open Spectrum Foundation", "Radio Suisse Romande",
    "Институт связи", "数字合作中心", "Réseau des bibliothèques", "Telecom Regulatory Authority",
)  # fmt: skip
COUNTRIES: Final = (
    "CH",
    "FR",
    "KE",
    "IN",
    "BR",
    "CN",
    "SA",
    "RU",
    "NG",
    "JP",
    "MX",
    "DE",
    "GH",
    "NO",
)
CATEGORIES: Final = ("government", "media", "civil_society", "private_sector", "exhibitor")
STATUSES: Final = ("in_review", "confirmed", "declined", "waitlisted", "submitted", "cancelled")


@dataclass(frozen=True)
class Some:
    """How many of each state there are to be, of a thousand; those who wait come first."""

    in_review: int = 250

    def status(self, dice: random.Random) -> str:
        if dice.random() * 1000 < self.in_review:
            return "in_review"
        return dice.choices(STATUSES[1:], (70, 10, 8, 7, 5))[0]


async def fill(database_url: str, count: int, some: Some | None = None) -> list[UUID]:
    """Write registrations past the service, as if they had come over half a year."""
    dice = random.Random(2017)
    mix = some or Some()
    rows = list(_registrations(dice, count, mix))
    acts = [act for row in rows for act in _history(row)]
    connection = await asyncpg.connect(database_url)
    for table, records in (("registrations", rows), ("history", acts)):
        await connection.copy_records_to_table(
            table, records=[tuple(row.values()) for row in records], columns=list(records[0])
        )
    await connection.execute("VACUUM ANALYZE")
    await connection.close()
    return [row["id"] for row in rows]


def _registrations(dice: random.Random, count: int, mix: Some) -> Iterator[dict[str, Any]]:
    for number in range(count):
        came = NOW - timedelta(days=150) * (1 - number / count)
        since = came + (NOW - came) * dice.random() / 2
        names = {
            "given_name": dice.choice(GIVEN),
            "family_name": dice.choice(FAMILY),
            "organization": f"{dice.choice(ORGANIZATIONS)} {number % 97}",
            "email": f"person.{number}@example.org",
        }
        reference = f"WF17-{''.join(dice.choices(ALPHABET, k=4))}{number:05}"
        yield {
            "id": uuid7(),
            "reference": reference,
            "status": mix.status(dice),
            "version": 2,
            "category": dice.choice(CATEGORIES),
            **names,
            "position": dice.choice(("Head of delegation", "Journalist", "Programme officer", "")),
            "country": dice.choice(COUNTRIES),
            "language": dice.choice(("ar", "zh", "en", "fr", "ru", "es")),
            "days": [0, 1, 2, 3, 4],
            "tracks": [],
            "action_lines": ["C5"],
            "sdgs": [9],
            "visa_letter": dice.random() < 0.1,
            "consent_at": came,
            "submitted_at": came,
            "state_since": since,
            "search_text": search_text(**names, reference=reference),
            # Of fifty, one has a name that others have too.
            "name_key": name_key(names["given_name"], names["family_name"])
            + ("" if number % 50 == 0 else f" {number}"),
        }


def _history(row: dict[str, Any]) -> Iterator[dict[str, Any]]:
    about = {"registration_id": row["id"], "actor": "registrant"}
    yield {**about, "step": "submit", "status": "submitted", "at": row["submitted_at"]}
    if row["status"] != "submitted":
        yield {**about, "step": "confirm_email", "status": "in_review", "at": row["state_since"]}
