"""People for a rehearsal: made up of syllables, so that nobody meets themself."""

from __future__ import annotations

import random
import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from typing import Any, Final

from shared import countries
from shared.forum import Forum, Language

_SYLLABLES: Final[Mapping[str, tuple[str, ...]]] = {
    "latin": tuple(re.findall("..", "badofegikalelomaminaninoperareririsasetativavizo")),
    "arabic": ("با", "دا", "رو", "سي", "شا", "فا", "كا", "لو", "ما", "ني", "هي", "زا"),
    "chinese": tuple("安白成东方光海华江林明南宁青山石天文小新雨云"),
    "cyrillic": tuple(re.findall("..", "вагодалелимаминанерарисасетати")),
}
_ENDINGS: Final[Mapping[str, tuple[str, ...]]] = {
    "latin": ("ro", "vel", "mond", "lin", "tes", "ndo", "kov", "sson", "ñez", "øy", "ț"),
    "arabic": ("ر", "ن", "م", "د"),
    "chinese": ("",),
    "cyrillic": ("нов", "рин", "ко", "ева"),
}
_SCRIPTS: Final[Mapping[Language, str]] = {"ar": "arabic", "zh": "chinese", "ru": "cyrillic"}
_AT_HOME: Final[Mapping[Language, tuple[str, ...]]] = {
    "ar": ("EG", "SA", "TN", "AE", "JO", "MA", "SD", "OM"),
    "zh": ("CN",),
    "fr": ("FR", "SN", "CH", "CI", "CM", "BE", "RW"),
    "ru": ("RU", "KZ", "BY", "KG", "UZ"),
    "es": ("ES", "MX", "CO", "AR", "CL", "CU"),
}
"""Where each language is spoken; English is everywhere else."""
_LANGUAGES: Final[Mapping[Language, int]] = {
    "en": 55,
    "fr": 16,
    "es": 8,
    "ar": 8,
    "zh": 7,
    "ru": 6,
}
_BODIES: Final = ("Ministry", "Institute", "Association", "University", "Agency", "Network")
_SUBJECTS: Final = (
    "Digital Affairs",
    "Information Society",
    "Open Knowledge",
    "Connectivity",
    "Rural Access",
    "Accessible Media",
)
_POSITIONS: Final = ("Adviser", "Director", "Programme Officer", "Researcher", "Delegate", "")
_GENDERS: Final = ("female", "female", "female", "male", "male", "male", "other", None)
_WEIGHTS: Final[Mapping[str, int]] = {
    "government": 26,
    "private_sector": 20,
    "civil_society": 20,
    "academia_technical_community": 15,
    "international_organization": 10,
    "media": 4,
    "exhibitor": 3,
}
"""Categories that a forum may have; each other one weighs one."""
SOME_DAYS: Final = 0.12
"""So many come on some of the days only."""


@dataclass(frozen=True)
class Invented:
    """Somebody who never lived, and what they send to register."""

    number: int
    body: Mapping[str, Any]
    days: tuple[date, ...]

    @property
    def email(self) -> str:
        return str(self.body["email"])


def invent(forum: Forum, seed: int, number: int) -> Invented:
    """The person of this number; always the same for the same seed."""
    rng = random.Random(f"{seed}/{number}")  # noqa: S311  (no secret)
    [language] = rng.choices(list(_LANGUAGES), list(_LANGUAGES.values()))
    country = rng.choice(_AT_HOME.get(language) or sorted(countries.CODES))
    category = _category(forum, rng)
    days = tuple(forum.days[index] for index in forum.category(category).days)
    if rng.random() < SOME_DAYS:
        days = tuple(sorted(rng.sample(days, rng.randint(1, len(days)))))
    script = _SCRIPTS.get(language, "latin")
    body = {
        "category": category,
        "given_name": _name(rng, script, ending=False),
        "family_name": _name(rng, script, ending=True),
        # A domain that never gets mail: RFC 2606.
        "email": f"rehearsal.{seed}.{number}@example.org",
        "organization": f"{rng.choice(_BODIES)} of {rng.choice(_SUBJECTS)}",
        "position": rng.choice(_POSITIONS),
        "country": country,
        "language": language,
        "consent": True,
        "gender": rng.choice(_GENDERS),
        "days": [day.isoformat() for day in days],
    }
    return Invented(number, body, days)


def _category(forum: Forum, rng: random.Random) -> str:
    ids = [category.id for category in forum.categories]
    [chosen] = rng.choices(ids, [_WEIGHTS.get(one, 1) for one in ids])
    return chosen


def _name(rng: random.Random, script: str, *, ending: bool) -> str:
    syllables = rng.choices(_SYLLABLES[script], k=rng.randint(1, 2) + (script != "chinese"))
    end = rng.choice(_ENDINGS[script]) if ending else ""
    return "".join(syllables).capitalize() + end
