"""The colours of a badge."""

from __future__ import annotations

from typing import Final

Color = tuple[int, int, int]

TEXT: Final[Color] = (11, 37, 69)
PAPER: Final[Color] = (255, 255, 255)
CUT: Final[Color] = (170, 170, 170)
"""Seen by whoever cuts, and by nobody else."""
MUTED_SHARE: Final = 3 / 8
"""Of paper in the ink of what matters less: still 4.5 to 1 against the paper (WCAG AA)."""


def parse(text: str) -> Color:
    """The colour that `#1f6fb2` names.

    Raises:
        ValueError: `text` isn't written like that.
    """
    if len(text) != 7 or text[0] != "#":
        raise ValueError(f"a colour is written as in #1f6fb2, not {text!r}")
    return (int(text[1:3], 16), int(text[3:5], 16), int(text[5:7], 16))


def mix(color: Color, other: Color, share: float) -> Color:
    """`color` with a `share` of `other`, from 0 to 1."""
    red, green, blue = (
        round(one * (1 - share) + two * share) for one, two in zip(color, other, strict=True)
    )
    return (red, green, blue)


def readable_on(background: Color) -> Color:
    """Dark or white text, whichever stands out more."""
    return max((PAPER, TEXT), key=lambda text: contrast(text, background))


def contrast(one: Color, other: Color) -> float:
    """WCAG's contrast ratio, from 1 to 21."""
    darker, lighter = sorted((_luminance(one), _luminance(other)))
    return (lighter + 0.05) / (darker + 0.05)


def _luminance(color: Color) -> float:
    red, green, blue = (_linear(channel / 255) for channel in color)
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


def _linear(channel: float) -> float:
    return channel / 12.92 if channel <= 0.04045 else float(((channel + 0.055) / 1.055) ** 2.4)
