"""Print runs: the valid badges of many people in one file, in the order of the desk's boxes."""

from __future__ import annotations

import os
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final
from uuid import UUID

import anyio
from anyio import BrokenWorkerProcess
from sqlalchemy import ColumnElement, Select, func, select
from sqlalchemy.ext.asyncio import AsyncConnection

from services.badging import holders
from services.badging.drawing import draw_beside
from services.badging.face_sheets import Paper, draw_sheets
from services.badging.face_words import face_of
from services.badging.faces import Face
from services.badging.lifecycle import Status
from services.badging.tables import badges
from services.badging.tables import holders as people
from shared.clock import Clock
from shared.database import Database
from shared.forum import Forum
from shared.problems import Problem

MOST: Final = 1000
"""Badges of one part: a quarter of a minute's drawing."""
NICENESS: Final = 10
"""The gates come first."""


@dataclass(frozen=True)
class Run:
    """Which badges are printed; all that are valid, where nothing is said."""

    categories: Sequence[str] = ()
    countries: Sequence[str] = ()
    registration_ids: Sequence[UUID] = ()
    issued_after: datetime | None = None
    """For the next run: only what has come since the last."""


@dataclass(frozen=True)
class Part:
    """Some badges of a run."""

    faces: Sequence[Face]
    registration_ids: Sequence[UUID]
    total: int
    """Badges of the whole run."""


class Printer:
    """Draws print runs, one at a time, in a process of its own: nobody else waits for them."""

    def __init__(self, database: Database, forum: Forum, clock: Clock) -> None:
        self.database = database
        self.forum = forum
        self.clock = clock
        self._turn = anyio.CapacityLimiter(1)

    async def part(self, run: Run, number: int) -> Part:
        """What the run's part `number` holds, 1 = first, MOST badges each."""
        async with self.database.read() as connection:
            total = await _count(connection, run)
            found = (await connection.execute(_part(run, number))).all()
            ids = [badge.registration_id for badge in found]
            holding = await holders.find_all(connection, ids)
        faces = [
            face_of(self.forum, badge, holding[badge.registration_id])
            for badge in found
            if badge.registration_id in holding
        ]
        return Part(faces, ids, total)

    async def draw(self, part: Part, paper: Paper) -> bytes:
        """The badges of a part, as a PDF; there must be one.

        Raises:
            Problem: 503, there was not enough memory for it, or somebody killed the process.
        """
        try:
            return await draw_beside(_draw, part.faces, paper, limiter=self._turn, cancellable=True)
        except BrokenWorkerProcess:
            raise Problem(
                503, "not-drawn", "The badges could not be drawn: please ask for fewer of them."
            ) from None


def _draw(faces: Sequence[Face], paper: Paper) -> bytes:
    # A thread, which steps back by itself: what the process draws next may be in a hurry.
    with ThreadPoolExecutor(1, initializer=_step_back) as thread:
        return thread.submit(draw_sheets, faces, paper).result()


def _step_back() -> None:
    os.setpriority(os.PRIO_PROCESS, 0, NICENESS)


def _part(run: Run, number: int) -> Select[Any]:
    return (
        select(badges)
        .join(people)
        .where(*_conditions(run))
        .order_by(func.lower(people.c.family_name), func.lower(people.c.given_name), badges.c.id)
        .offset((number - 1) * MOST)
        .limit(MOST)
    )


async def _count(connection: AsyncConnection, run: Run) -> int:
    query = select(func.count()).select_from(badges.join(people)).where(*_conditions(run))
    return int((await connection.execute(query)).scalar_one())


def _conditions(run: Run) -> list[ColumnElement[bool]]:
    # Who was erased a moment ago may have a valid badge still, and no name any more.
    conditions = [badges.c.status == Status.valid, people.c.family_name.is_not(None)]
    if run.categories:
        conditions.append(badges.c.category.in_(run.categories))
    if run.countries:
        conditions.append(people.c.country.in_(run.countries))
    if run.registration_ids:
        conditions.append(badges.c.registration_id.in_(run.registration_ids))
    if run.issued_after is not None:
        conditions.append(badges.c.issued_at > run.issued_after)
    return conditions
