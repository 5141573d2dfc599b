"""Names of states and areas as the United Nations writes them, where the Unicode CLDR has others.

The CLDR has the names that people use every day. On the badges of a United Nations forum some of
them would be an affront ("North Korea", "Palestinian Territories"), others are a former name, or
one cut short ("St. Lucia", "Bosnia & Herzegovina"). The names here are those of the UN's list of
Member States, of its terminology (UNTERM) and, of areas, of its standard M49, from general
knowledge: to be compared with the lists before a forum.

They stand in `web/country_names.json`, which the gate app and the control room are built with.
"""

from __future__ import annotations

import json
from functools import cache
from pathlib import Path
from typing import Final

from shared.forum import Language

_FILE: Final = Path(__file__).parent / "web" / "country_names.json"


def of_the_united_nations(language: Language) -> dict[str, str]:
    """The names in a language, by the code."""
    return {code: names[language] for code, names in _names().items()}


@cache
def _names() -> dict[str, dict[str, str]]:
    names: dict[str, dict[str, str]] = json.loads(_FILE.read_text(encoding="utf-8"))
    return names
