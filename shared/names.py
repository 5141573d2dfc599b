"""A person's name in one line: the family name first where the script of the name has it so."""

from __future__ import annotations

import re
from typing import Final

# Chinese, Japanese and Korean: the family name first, nothing between, the title behind.
_FAMILY_FIRST: Final = re.compile(
    r"[\u3005-\u3007\u3040-\u30ff\u3400-\u9fff\uac00-\ud7af\uf900-\ufaff·]+"
)


def full_name(title: str, given_name: str, family_name: str) -> str:
    """Title, given and family name as they are written together in the script of the name."""
    if not (_FAMILY_FIRST.fullmatch(given_name) and _FAMILY_FIRST.fullmatch(family_name)):
        return " ".join(filter(None, (title, given_name, family_name)))
    name = family_name + given_name
    return name + title if _FAMILY_FIRST.fullmatch(title) else f"{title} {name}".strip()
