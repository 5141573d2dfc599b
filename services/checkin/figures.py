"""Keeps the figures of today up to date: read whole once, then only whom new scans are about."""

from __future__ import annotations

import asyncio
import math
import time
from collections.abc import Collection, Iterable, Sequence
from datetime import date, datetime, timedelta
from datetime import time as time_of_day
from typing import Any, Final, TypeVar
from uuid import UUID

from sqlalchemy import ARRAY, Row, TextClause, Uuid, bindparam, select, text
from sqlalchemy.ext.asyncio import AsyncConnection

from services.checkin import attendance, curve
from services.checkin.admission import Decision, session_of
from services.checkin.attendance import Totals
from services.checkin.curve import Curve, Peak
from services.checkin.log_tail import MOST, Entry, LogTail
from services.checkin.tables import scans
from services.checkin.today import Arrived, Stands, Today
from shared.clock import Clock
from shared.database import Database
from shared.forum import Forum

RELOAD_SECONDS: Final = 300.0
"""So often all is read again, whatever anybody has changed by hand."""
REPLAY_SECONDS: Final = 60.0
"""So often, where somebody passed, the curve of who was inside is drawn anew from the log."""
SOON_SECONDS: Final = 2.0
"""The same, where a scan came late or was taken back: it has changed the middle of the curve."""
LATE: Final = timedelta(seconds=30)
AT_ONCE: Final = 100
"""People learned of before others have their turn."""

T = TypeVar("T")

Noticed = tuple[Entry, Row[Any] | None]
"""An entry of the log, and the row of `_THESE` of whom it is about."""


class Figures:
    """Today's figures. Whoever asks has them as of all that was committed before asking."""

    def __init__(self, database: Database, forum: Forum, clock: Clock) -> None:
        self._database = database
        self._forum = forum
        self._clock = clock
        self._tail = LogTail()
        self._today: Today | None = None
        self._loaded_at = float("-inf")
        self._replayed_at = float("-inf")
        self._replay_after = math.inf
        """Seconds from the last replay to the next; never, if nobody passed."""
        self._turn = asyncio.Lock()

    @property
    def cursor(self) -> int:
        """No entry of the log with this number or a lower one will ever be new."""
        return self._tail.settled

    async def follow(self, *, people: bool = False, everything: bool = False) -> list[Noticed]:
        """Catch up with what was committed; answers what is new in the log.

        Args:
            people: registrations or badges have changed too.
            everything: forget what is known; the tables were made anew.
        """
        async with self._turn, self._database.read() as connection:
            today = self._today
            if today is None:
                await self._tail.begin(connection, self._clock.now())
            entries: list[Entry] = []
            while len(part := await self._tail.read(connection)) >= MOST:
                entries += part
            entries += part
            is_stale = time.monotonic() - self._loaded_at > RELOAD_SECONDS
            if everything or is_stale or today is None or today.day != self._day():
                today = await self._load(connection)
            return await self._learn(connection, today, entries, people=people)

    async def latest(self, most: int) -> list[Noticed]:
        """The newest entries of the log, oldest first."""
        query = select(scans).order_by(scans.c.seq.desc()).limit(most)
        async with self._database.read() as connection:
            entries = list(await connection.execute(query))[::-1]
            who = {entry.registration_id for entry in entries} - {None}
            people = await self._people(connection, who, self._day())
        return _noticed(entries, people)

    async def totals(self) -> Totals:
        """The figures as of the last catching up."""
        today = self._today
        if today is None:
            await self.follow()
            today = self._today
            assert today is not None  # loaded a line above
        return today.totals(session_of(self._forum, self._clock.now()))

    async def replay(self, *, at_once: bool = False) -> bool:
        """Draw the curve of who was inside anew, if it is time; answers whether it was."""
        now = time.monotonic()
        is_due = at_once or now - self._replayed_at > self._replay_after
        if self._today is None or not is_due:
            return False
        self._replayed_at, self._replay_after = now, math.inf
        today, until = self._today, self._clock.now()
        async with self._database.read() as connection:
            today.curve = await curve.replay(connection, self._forum, today.day, until)
        today.peak = today.curve.peak
        return True

    @property
    def has_curve(self) -> bool:
        return self._replayed_at > float("-inf")

    def _day(self) -> date:
        return self._forum.day_of(self._clock.now())

    async def _load(self, connection: AsyncConnection) -> Today:
        day = self._day()
        today = Today(day, self._forum.timezone, self._forum.venue.limit)
        everybody = list(await connection.execute(_EVERYBODY, self._about(day)))
        for some in _by_turns(everybody):
            today.learn(_stands(some))
            await asyncio.sleep(0)  # somebody stands at a gate
        today.registered, today.badged = await attendance.known(connection)
        await self._count_refusals(connection, today)
        if self._today is not None and self._today.day == day:
            today.curve, today.peak = self._today.curve, self._today.peak
        else:
            self._replayed_at = float("-inf")
        self._replay_after = 0
        self._today, self._loaded_at = today, time.monotonic()
        return today

    async def _learn(
        self, connection: AsyncConnection, today: Today, entries: list[Entry], *, people: bool
    ) -> list[Noticed]:
        who = {entry.registration_id for entry in entries} - {None}
        if people:
            today.registered, today.badged = await attendance.known(connection)
            who.update(today.nameless())
        rows: list[Row[Any]] = []
        for some in _by_turns([*who]):
            found = await self._people(connection, some, today.day)
            today.learn(_stands(found))
            rows += found
        if rows:
            self._note_inside(today, entries)
        if any(entry.decision == Decision.refused for entry in entries):
            await self._count_refusals(connection, today)
        return _noticed(entries, rows)

    async def _people(
        self, connection: AsyncConnection, who: Collection[UUID], day: date
    ) -> list[Row[Any]]:
        if not who:
            return []
        return list(await connection.execute(_THESE, self._about(day) | {"who": list(who)}))

    def _note_inside(self, today: Today, entries: list[Entry]) -> None:
        now = self._clock.now()
        inside, lately = today.inside(session_of(self._forum, now)), now - LATE
        is_late = any(entry.undoes or entry.at < lately for entry in entries)
        self._replay_after = min(self._replay_after, SOON_SECONDS if is_late else REPLAY_SECONDS)
        minute = attendance.minute_at(self._forum.timezone, int(now.timestamp() // 60))
        today.curve = Curve({**today.curve.by_minute, minute: inside}, today.curve.peak, inside)
        if self.has_curve and inside > (today.peak.inside if today.peak else 0):
            today.peak = Peak(inside=inside, at=now)

    async def _count_refusals(self, connection: AsyncConnection, today: Today) -> None:
        midnight = datetime.combine(today.day, time_of_day.min, tzinfo=self._forum.timezone)
        today.refusals = await attendance.refusals(connection, midnight)

    def _about(self, day: date) -> dict[str, Any]:
        return {"day": day, "zone": self._forum.main_zone.id}


def _noticed(entries: Iterable[Entry], people: Iterable[Row[Any]]) -> list[Noticed]:
    known = {row.registration_id: row for row in people}
    return [(entry, known.get(entry.registration_id)) for entry in entries]


def _by_turns(all_of_them: Sequence[T]) -> Iterable[Sequence[T]]:
    for first in range(0, len(all_of_them), AT_ONCE):
        yield all_of_them[first : first + AT_ONCE]


def _stands(rows: Iterable[Row[Any]]) -> Iterable[Stands]:
    for row in rows:
        arrived = None
        if row.minute is not None:
            arrived = Arrived(
                row.minute, row.entrance, row.category, row.country, row.region, row.gender
            )
        yield Stands(row.registration_id, arrived, row.came_before, row.inside_in)


def _people(who: str) -> TextClause:
    """Where each of these stands. Only the names of tables are put in."""
    return text(f"""
        SELECT who.registration_id,
               CAST(floor(extract(epoch FROM arrived.at) / 60) AS integer) AS minute,
               arrived.entrance, arrived.category, arrived.country, arrived.region,
               coalesce(participants.gender, 'unknown') AS gender,
               participants.given_name, participants.family_name,
               participants.category AS person_category,
               EXISTS (
                   SELECT FROM attendance AS other
                   WHERE other.registration_id = who.registration_id AND other.day <> :day
               ) AS came_before,
               stands.session AS inside_in
        FROM {who}
        LEFT JOIN attendance AS arrived
               ON arrived.registration_id = who.registration_id AND arrived.day = :day
        LEFT JOIN presence AS stands
               ON stands.registration_id = who.registration_id AND stands.zone = :zone
                  AND stands.inside
        LEFT JOIN participants ON participants.registration_id = who.registration_id
    """)  # noqa: S608


_EVERYBODY: Final = _people("""(
    SELECT registration_id FROM attendance UNION SELECT registration_id FROM presence
) AS who""")
_THESE: Final = _people("unnest(:who) AS who (registration_id)").bindparams(
    bindparam("who", type_=ARRAY(Uuid))
)
