"""Names as they are looked for: however they are written, and whatever a keyboard can't type."""

from __future__ import annotations

import unicodedata
from typing import Final

_APART: Final = str.maketrans(
    {
        "ł": "l",
        "ø": "o",
        "đ": "d",
        "ð": "d",
        "ħ": "h",
        "ı": "i",
        "ŧ": "t",
        "æ": "ae",
        "œ": "oe",
        "þ": "th",
        "ə": "e",
        "ʻ": None,
        "ʼ": None,
        "'": None,
        "’": None,
        "`": None,
    }
)
"""Letters that Unicode does not take apart, and apostrophes, which people leave out."""


def folded(text: str) -> str:
    """Words in small letters without accents, with one blank between them."""
    # Folding case may bring marks back: that of the Turkish İ stands alone then.
    small = unicodedata.normalize("NFKD", text).casefold()
    letters = (c for c in unicodedata.normalize("NFKD", small) if not unicodedata.combining(c))
    plain = "".join(letters).translate(_APART)
    return " ".join("".join(c if c.isalnum() else " " for c in plain).split())


def search_name(given_name: str, family_name: str) -> str:
    return folded(f"{given_name} {family_name}")
