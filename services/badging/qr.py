"""The QR of a badge: a credential as dark and light modules."""

from __future__ import annotations

from functools import lru_cache
from typing import Final

from qrcode.constants import ERROR_CORRECT_M
from qrcode.main import QRCode
from qrcode.util import MODE_ALPHA_NUM, QRData

VERSION: Final = 5
MODULES: Final = 4 * VERSION + 17
QUIET: Final = 4
"""Modules of white that a reader needs on each side."""

# Any mask is a valid code; looking for the prettiest of the eight takes seven times as long. The
# credential is mostly a signature, hence random, and so is whatever any mask makes of it.
_MASK: Final = 2


# All files of a badge show the same one, and are drawn one after the other.
@lru_cache(maxsize=16)
def modules(credential: str) -> tuple[tuple[bool, ...], ...]:
    """Rows of modules, dark is true, without the quiet zone.

    Raises:
        ValueError: `credential` isn't written in Base45.
        qrcode.exceptions.DataOverflowError: it is longer than a credential.
    """
    code = QRCode(VERSION, ERROR_CORRECT_M, border=0, mask_pattern=_MASK)
    code.add_data(QRData(credential.encode("ascii"), MODE_ALPHA_NUM))  # type: ignore[call-overload]
    code.make(fit=False)
    return tuple(tuple(bool(module) for module in row) for row in code.modules)
