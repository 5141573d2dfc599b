"""Names as they are looked for: however they are written, and whatever a keyboard can't type."""

from __future__ import annotations

import re
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

SHORTEST: Final = 2
"""Letters that somebody is looked for by: a single one finds half of the forum."""
_SIGN: Final = re.compile(r"[\u3005-\u3007\u3040-\u30ff\u3400-\u9fff\uac00-\ud7af\uf900-\ufaff]")
"""Of Chinese, Japanese or Korean: worth a word, and no blank stands between two names."""


def folded(text: str) -> str:
    """Words in small letters without accents, with one blank between them."""
    # Folding case may bring marks back: that of the Turkish İ stands alone then.
    small = unicodedata.normalize("NFKD", text).casefold()
    letters = (c for c in unicodedata.normalize("NFKD", small) if not unicodedata.combining(c))
    plain = "".join(letters).translate(_APART)
    return " ".join("".join(c if c.isalnum() else " " for c in plain).split())


def search_name(given_name: str, family_name: str) -> str:
    return folded(f"{given_name} {family_name}")


def searched(asked: str) -> list[str]:
    """The words that a name must have, in any order, for somebody who was asked for like this."""
    return folded(_SIGN.sub(r" \g<0> ", asked)).split()


def patterns(asked: str) -> dict[str, list[str]]:
    """For LIKE ALL: the words somewhere in a folded name, and at the beginnings of names."""
    # Nothing to escape: a folded word has letters and digits only.
    words = searched(asked)
    return {
        "words": [f"%{word}%" for word in words],
        "beginnings": [f"% {word}%" for word in words],
    }


def is_telling(asked: str) -> bool:
    """Whether it is enough to look somebody up by."""
    return len("".join(searched(asked))) >= SHORTEST or _SIGN.search(asked) is not None
