"""Who came on which of the forum's days, as far as the gates have told."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final
from uuid import UUID

from sqlalchemy import ARRAY, SmallInteger, Uuid, bindparam, exists, func, select, update
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncConnection

from services.badging.tables import attendances
from shared.bus import Consumer, ManyAtOnce
from shared.database import Database
from shared.events import BADGING_ATTENDANCE, AttendanceAdmitted, AttendanceUndone, Event
from shared.forum import Forum
from shared.tables import erasures


def attendance(database: Database, forum: Forum) -> Consumer:
    async def note(tx: AsyncConnection, facts: Sequence[AttendanceAdmitted]) -> None:
        admissions = [fact for fact in facts if fact.registration_id is not None]
        await tx.execute(
            _NOTE,
            {
                "scan_ids": [fact.scan_id for fact in admissions],
                "registration_ids": [fact.registration_id for fact in admissions],
                "days": [forum.day_index(forum.day_of(fact.at)) for fact in admissions],
            },
        )

    async def take_back(tx: AsyncConnection, fact: AttendanceUndone, event: Event) -> None:
        await tx.execute(
            insert(attendances)
            .values(scan_id=fact.undoes, undone=True)
            .on_conflict_do_update(index_elements=["scan_id"], set_={"undone": True})
        )

    return Consumer(
        BADGING_ATTENDANCE,
        database,
        {AttendanceAdmitted: ManyAtOnce(note), AttendanceUndone: take_back},
    )


async def forget(tx: AsyncConnection, registration_id: UUID) -> None:
    """Nobody can tell any more when this person came."""
    theirs = attendances.c.registration_id == registration_id
    await tx.execute(update(attendances).where(theirs).values(registration_id=None))


_given = (
    func.unnest(
        bindparam("scan_ids", type_=ARRAY(Uuid)),
        bindparam("registration_ids", type_=ARRAY(Uuid)),
        bindparam("days", type_=ARRAY(SmallInteger)),
    )
    .table_valued("scan_id", "registration_id", "day", name="given")
    .render_derived()
)
# A gate that was offline may tell of somebody who was erased meanwhile.
_is_erased = exists().where(erasures.c.registration_id == _given.c.registration_id)
_insert = insert(attendances).from_select(
    ["scan_id", "registration_id", "day"], select(_given).where(~_is_erased)
)
_NOTE: Final = _insert.on_conflict_do_update(
    index_elements=["scan_id"],
    # It may have been taken back before we heard of it: that mark stays.
    set_={name: _insert.excluded[name] for name in ("registration_id", "day")},
)
