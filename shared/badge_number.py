"""Badge numbers: what people read out and type when a QR can't be scanned, as in `7KQ2-M9X1`.

Eight symbols of Crockford's Base32 (no I, L, O, U): seven drawn at random and a check symbol by the
hybrid system of ISO/IEC 7064, MOD 33,32, which keeps the check symbol among the same thirty-two. It
finds every single wrong symbol, and every swap of two neighbours but one in 496: where the numbers
happen to stand, one pair of symbols next to each other in the alphabet may be swapped unnoticed.

A number names a badge; it proves nothing.
"""

from __future__ import annotations

import re
from typing import Final

ALPHABET: Final = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"
LENGTH: Final = 8
CAPACITY: Final = len(ALPHABET) ** (LENGTH - 1)
"""How many numbers there are."""

_BASE: Final = len(ALPHABET)
_VALUES: Final = {symbol: value for value, symbol in enumerate(ALPHABET)}
# Hyphens as people and their phones write them, and blanks, go anywhere.
_SEPARATORS: Final = re.compile(r"[\s\-\u2010-\u2015\u2212_.]+")
_MISREAD: Final = str.maketrans("OIL", "011")


class InvalidBadgeNumber(ValueError):
    """No badge can have this number; the message is a sentence for the person who typed it."""


def make(random: int) -> str:
    """The badge number that `random`, drawn evenly below `CAPACITY`, stands for.

    Raises:
        ValueError: `random` is out of range.
    """
    if not 0 <= random < CAPACITY:
        raise ValueError(f"a badge number is made of a number from 0 up to {CAPACITY - 1}")
    values = [random // _BASE**place % _BASE for place in reversed(range(LENGTH - 1))]
    return _written([*values, _check(values)])


def parse(text: str) -> str:
    """The badge number that somebody typed, as it is printed.

    Lower case is fine, so are O for 0 and I or L for 1, and hyphens and blanks anywhere or nowhere.

    Raises:
        InvalidBadgeNumber: there is no such number.
    """
    symbols = _SEPARATORS.sub("", text).upper().translate(_MISREAD)
    if len(symbols) != LENGTH:
        raise InvalidBadgeNumber(
            f"A badge number has {LENGTH} letters and digits, as in 7KQ2-M9X1; "
            f"this one has {len(symbols)}."
        )
    for symbol in symbols:
        if symbol not in _VALUES:
            raise InvalidBadgeNumber(f"“{symbol}” is in no badge number.")
    values = [_VALUES[symbol] for symbol in symbols]
    if _check(values[:-1]) != values[-1]:
        raise InvalidBadgeNumber("One of the letters or digits of this badge number is wrong.")
    return _written(values)


def _check(values: list[int]) -> int:
    product = _BASE
    for value in values:
        product = 2 * ((product + value) % _BASE or _BASE) % (_BASE + 1)
    return (1 - product) % _BASE


def _written(values: list[int]) -> str:
    symbols = "".join(ALPHABET[value] for value in values)
    return f"{symbols[: LENGTH // 2]}-{symbols[LENGTH // 2 :]}"
