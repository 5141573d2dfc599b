"""Print runs: the valid badges of many people in one file, in the order of the desk's boxes."""

from __future__ import annotations

import os
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final, NamedTuple
from uuid import UUID

import anyio
from anyio import BrokenWorkerProcess
from sqlalchemy import ColumnElement, Select, func, select, tuple_

from services.badging import holders
from services.badging.face_sheets import Paper, draw_sheets
from services.badging.face_words import face_of
from services.badging.faces import Face
from services.badging.lifecycle import Status
from services.badging.tables import badges
from services.badging.tables import holders as people
from shared.beside import work_beside
from shared.clock import Clock
from shared.database import Database
from shared.forum import Forum
from shared.problems import Problem
from shared.tables import audit

MOST: Final = 1000
"""Badges of one part: a quarter of a minute's drawing."""
PRINTED: Final = "badge.print"
"""What the audit log has of a run."""
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


class Place(NamedTuple):
    """A place in the order of a run."""

    family_name: str
    given_name: str
    """Both in small letters, as the order has them."""
    badge_id: str


@dataclass(frozen=True)
class Part:
    """Some badges of a run."""

    faces: Sequence[Face]
    registration_ids: Sequence[UUID]
    following: Place | None
    """Behind which the next part begins, if there is one. Not how many came before it: a badge that
    is cancelled while its part is printed would move somebody into that part, unprinted."""


class Printer:
    """Draws print runs, one at a time, in a process of its own: nobody else waits for them."""

    def __init__(self, database: Database, forum: Forum, clock: Clock) -> None:
        self.database = database
        self.forum = forum
        self.clock = clock
        self._turn = anyio.CapacityLimiter(1)

    async def part(self, run: Run, after: Place | None) -> Part:
        """What the run's part behind this place holds, MOST badges each; None: the first part."""
        async with self.database.read() as connection:
            rows = (await connection.execute(_part(run, after))).all()
            found = rows[:MOST]
            ids = [badge.registration_id for badge in found]
            holding = await holders.find_all(connection, ids)
        faces = [
            face_of(self.forum, badge, holding[badge.registration_id])
            for badge in found
            if badge.registration_id in holding
        ]
        last = found[-1] if len(rows) > MOST else None
        following = last and Place(last.family_name, last.given_name, last.id)
        return Part(faces, ids, following)

    async def count(self, run: Run) -> tuple[int, Sequence[Place]]:
        """How many badges a run has now, and behind which places its further parts begin."""
        counted = select(func.count()).select_from(badges.join(people)).where(*_conditions(run))
        async with self.database.read() as connection:
            total = int((await connection.execute(counted)).scalar_one())
            places = [Place(*row) for row in await connection.execute(_last_of_parts(run, total))]
        return total, places

    async def last_run(self) -> datetime | None:
        """When somebody last had a run drawn; None before the first."""
        query = select(audit.c.at).where(audit.c.act == PRINTED).order_by(audit.c.seq.desc())
        async with self.database.read() as connection:
            return (await connection.execute(query.limit(1))).scalar_one_or_none()

    async def draw(self, part: Part, paper: Paper) -> bytes:
        """The badges of a part, as a PDF; there must be one.

        Raises:
            Problem: 503, there was not enough memory for it, or somebody killed the process.
        """
        try:
            return await work_beside(_draw, part.faces, paper, limiter=self._turn, cancellable=True)
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


def _part(run: Run, after: Place | None) -> Select[Any]:
    """The badges of a part, and one more if there is a next one."""
    place = _order()
    part = (
        select(badges, *place[:2])
        .join(people)
        .where(*_conditions(run))
        .order_by(*place)
        .limit(MOST + 1)
    )
    return part if after is None else part.where(tuple_(*place) > tuple_(*after))


def _last_of_parts(run: Run, total: int) -> Select[Any]:
    """The last badge of each part that has another one behind it, of so many badges."""
    place = _order()
    number = func.row_number().over(order_by=place)
    numbered = (
        select(*place, number.label("number")).select_from(badges.join(people))
        .where(*_conditions(run)).subquery()
    )  # fmt: skip
    family_name, given_name, badge_id, at = numbered.c
    is_last_of_its_part = (at % MOST == 0) & (at < total)
    return select(family_name, given_name, badge_id).where(is_last_of_its_part).order_by(at)


def _order() -> tuple[ColumnElement[str], ColumnElement[str], ColumnElement[str]]:
    return (
        func.lower(people.c.family_name).label("family_name"),
        func.lower(people.c.given_name).label("given_name"),
        badges.c.id,
    )


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
