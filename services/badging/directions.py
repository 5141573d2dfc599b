"""Which way the parts of a line run, by Unicode's bidirectional algorithm (UAX 9)."""

from __future__ import annotations

import unicodedata
from typing import Any, Final, TypeVar

from bidi import algorithm as bidi

_RIGHT_TO_LEFT: Final = frozenset({"R", "AL", "AN"})
_CLOSED_BY: Final = dict(zip("([{（［｛", ")]}）］｝", strict=True))
_SIDES: Final = {"L": "L", "R": "R", "EN": "R", "AN": "R"}
"""For brackets, numbers count as text from right to left."""

F = TypeVar("F")


def is_right_to_left(text: str) -> bool:
    """Whether a reader begins `text` on the right."""
    level: int = bidi.get_base_level(text)
    return level == 1


def levels_of(text: str, right_to_left: bool) -> list[int]:
    """The embedding level of each character by Unicode's bidirectional algorithm (UAX 9)."""
    if not right_to_left and _RIGHT_TO_LEFT.isdisjoint(map(unicodedata.bidirectional, text)):
        return [0] * len(text)
    storage = bidi.get_empty_storage()
    storage["base_level"] = int(right_to_left)
    storage["base_dir"] = "R" if right_to_left else "L"
    bidi.get_embedding_levels(text, storage)
    bidi.explicit_embed_and_overrides(storage)
    bidi.resolve_weak_types(storage)
    _resolve_brackets(storage["chars"], "R" if right_to_left else "L")
    bidi.resolve_neutral_types(storage, False)
    bidi.resolve_implicit_levels(storage, False)
    resolved = iter([character["level"] for character in storage["chars"]])
    levels: list[int] = []
    for character in text:
        # The algorithm leaves the joiners out (its rule X9): they go with what they join.
        if unicodedata.bidirectional(character) == "BN":
            levels.append(levels[-1] if levels else int(right_to_left))
        else:
            levels.append(next(resolved))
    return levels


def in_visual_order(runs: list[tuple[int, str, F]]) -> list[tuple[int, str, F]]:
    """UAX 9's rule L2: from the highest level down, turn round all that is at it or above."""
    ordered = list(runs)
    for level in range(max((run[0] for run in runs), default=0), 0, -1):
        start = 0
        while start < len(ordered):
            end = start
            while end < len(ordered) and ordered[end][0] >= level:
                end += 1
            ordered[start:end] = reversed(ordered[start:end])
            start = end + 1
    return ordered


def _resolve_brackets(characters: list[dict[str, Any]], line: str) -> None:
    """UAX 9's rule N0, which python-bidi has not: both brackets of a pair go the same way.

    That of the line if something between them does; else that of what is between them, if what
    stands before goes that way too.
    """
    sides = [_SIDES.get(character["type"]) for character in characters]
    for opening, closing in _pairs(characters):
        within = set(sides[opening + 1 : closing]) - {None}
        if not within:
            continue
        before = next((side for side in reversed(sides[:opening]) if side), line)
        side = line if line in within else before
        for place in (opening, closing):
            characters[place]["type"] = sides[place] = side


def _pairs(characters: list[dict[str, Any]]) -> list[tuple[int, int]]:
    """Where brackets open and close, in the order in which they open."""
    pairs: list[tuple[int, int]] = []
    opened: list[tuple[int, str]] = []
    for place, character in enumerate(characters):
        sign = character["ch"]
        if sign in _CLOSED_BY:
            opened.append((place, _CLOSED_BY[sign]))
        elif closed := [level for level, (_, closing) in enumerate(opened) if closing == sign]:
            pairs.append((opened[closed[-1]][0], place))
            del opened[closed[-1] :]
    return sorted(pairs)
