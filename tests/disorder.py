"""Facts as a bus may bring them: in any order, and any of them more than once."""

from __future__ import annotations

from typing import TypeVar

from hypothesis import strategies as st

F = TypeVar("F")


@st.composite
def disorders(draw: st.DrawFn, lives: st.SearchStrategy[list[F]]) -> tuple[list[F], list[int]]:
    """A life in the order in which it became true, and the places in the order of hearing."""
    life = draw(lives)
    places = list(range(len(life)))
    again = draw(st.lists(st.sampled_from(places), max_size=4))
    return life, draw(st.permutations(places + again))
