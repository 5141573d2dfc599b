"""A gate's copy, read back as the gate app does; and people enough to fill one."""

from __future__ import annotations

import base64
import json
import random
import secrets
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final
from uuid import UUID

from shared import badge_number

Line = dict[str, Any]


def read(answer: bytes) -> list[Line]:
    """The lines with their columns named and what was shortened written out; `kind` tells them
    apart.
    """
    written = [json.loads(line) for line in answer.splitlines()]
    _, beginning = written[0]
    lines, who = [], ""
    for kind, *values in written:
        if kind in ("begin", "end"):
            lines.append({"kind": kind, **values[0]})
            continue
        line: Line = {"kind": kind, **dict(zip(beginning[kind], values, strict=True))}
        if kind != "key":
            who = _uuid(line["registration_id"]) if line["registration_id"] else who
            line["registration_id"] = who
        if kind == "badge":
            line["badge_id"] = _octets(line["badge_id"]).hex()
            line["number"] = line["number"] and _number(line["number"])
        if kind == "presence" and line["at"] is not None:
            since = datetime.fromisoformat(beginning["since"])
            line["at"] = since + timedelta(seconds=line["at"])
        lines.append(line)
    return lines


def _octets(text: str) -> bytes:
    return base64.b64decode(text + "=" * (-len(text) % 4), validate=True)


def _uuid(text: str) -> str:
    return str(UUID(bytes=_octets(text)))


def _number(symbols: str) -> str:
    value = 0
    for symbol in symbols:
        value = value * len(badge_number.ALPHABET) + badge_number.ALPHABET.index(symbol)
    return badge_number.make(value)


# --- many people ---------------------------------------------------------------------------------


@dataclass(frozen=True)
class Somebody:
    """Nobody who exists: names are syllables, as varied as a forum's are."""

    registration_id: UUID
    badge_id: str
    number: str
    given_name: str
    family_name: str
    organization: str
    country: str
    category: str


COUNTRIES: Final = 150
ORGANIZATIONS: Final = 2500
CATEGORIES: Final = ("government", "private_sector", "civil_society", "international_organization")
KINDS: Final = ("Ministry of", "Institute of", "University of", "Agency for", "Association of")
SUBJECTS: Final = ("Communications", "the Digital Economy", "Foreign Affairs", "Education")
VOWELS: Final = "aeiou" * 4 + "éèöøиа"
"""Some of them beyond ASCII, where a letter takes more bytes."""


def many_people(count: int, seed: int = 1) -> Iterator[Somebody]:
    """People whose ids are as random as registration and badging make them, in half a year."""
    draw = random.Random(seed)
    given = [_word(draw, 2, 3) for _ in range(800)]
    family = [_word(draw, 2, 4) for _ in range(4000)]
    organizations = [
        f"{draw.choice(KINDS)} {draw.choice(SUBJECTS)}, {_word(draw, 2, 4)}"
        for _ in range(ORGANIZATIONS)
    ]
    # Some send hundreds, most send one or two.
    sizes = [1 / (place + 3) for place in range(ORGANIZATIONS)]
    countries = [f"{chr(65 + n % 26)}{chr(65 + n // 26)}" for n in range(COUNTRIES)]
    numbers = draw.sample(range(badge_number.CAPACITY), count)
    for number in numbers:
        moment = 1_484_000_000_000 + draw.randrange(150 * 86_400_000)
        random_bits = draw.getrandbits(12) << 64 | 2 << 62 | draw.getrandbits(62)
        yield Somebody(
            registration_id=UUID(int=moment << 80 | 7 << 76 | random_bits),
            badge_id=secrets.token_hex(8),
            number=badge_number.make(number),
            given_name=draw.choice(given),
            family_name=draw.choice(family),
            organization=draw.choices(organizations, sizes)[0],
            country=draw.choice(countries),
            category=draw.choice(CATEGORIES),
        )


def _word(draw: random.Random, least: int, most: int) -> str:
    syllables = (
        draw.choice("bcdfghklmnprstvz") + draw.choice(VOWELS)
        for _ in range(draw.randint(least, most))
    )
    return "".join(syllables).capitalize()
