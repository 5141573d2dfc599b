"""Facts as a bus may bring them: in any order, any of them more than once, and to a consumer that
dies over them."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any, TypeVar

from hypothesis import strategies as st
from sqlalchemy import event

from shared.database import Database

F = TypeVar("F")


@st.composite
def disorders(draw: st.DrawFn, lives: st.SearchStrategy[list[F]]) -> tuple[list[F], list[int]]:
    """A life in the order in which it became true, and the places in the order of hearing."""
    life = draw(lives)
    places = list(range(len(life)))
    again = draw(st.lists(st.sampled_from(places), max_size=4))
    return life, draw(st.permutations(places + again))


class Killed(BaseException):
    """The process is no more: nothing that catches errors can catch it."""


_steps_left: ContextVar[list[int] | None] = ContextVar("steps_left", default=None)
"""How many more steps whoever runs in this context may take; the service's jobs are in others."""


@contextmanager
def killed_after(steps: int, database: Database) -> Iterator[None]:
    """Raises Killed once so many statements were run here, the last of which may be the commit."""

    def step(*_: Any) -> None:
        left = _steps_left.get()
        if left is None:
            return
        if left[0] == 0:
            raise Killed
        left[0] -= 1

    engine = database.engine.sync_engine
    moments = ("before_cursor_execute", "commit")
    for moment in moments:
        event.listen(engine, moment, step)
    token = _steps_left.set([steps])
    try:
        yield
    finally:
        _steps_left.reset(token)
        for moment in moments:
            event.remove(engine, moment, step)
