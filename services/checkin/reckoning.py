"""Presence and attendance made again from the log, person by person, while scans go on.

What is found here follows from the log alone, in other words (SQL) than those in which scans keep
it up to date: where both agree, both are right. The groups that somebody counted in when they came
are in no log: they are kept.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, datetime
from typing import Any, Final, Literal
from uuid import UUID

from pydantic import BaseModel, Field
from sqlalchemy import Row, delete, select, text
from sqlalchemy.ext.asyncio import AsyncConnection

from services.checkin import attendance as arrivals
from services.checkin import passages, persons
from services.checkin.attendance import Arrival, region_of
from services.checkin.gates import Gates
from services.checkin.tables import participants, presence
from shared import audit
from shared.database import after_commit
from shared.forum import Forum

PEOPLE: Final = 200
"""Checked at a time: scans wait meanwhile, some hundredths of a second."""


class Stands(BaseModel):
    """Where somebody's last passage through a zone has left them."""

    inside: bool
    session: date = Field(description="The day whose closing ends it")
    last_entry_day: date | None
    scan_id: UUID
    at: datetime
    gate: str


class Came(BaseModel):
    """Somebody's first entry on a day."""

    scan_id: UUID
    at: datetime
    entrance: str


class Difference(BaseModel):
    """What was kept of somebody, and what follows from the log instead. Null: nothing."""

    registration_id: UUID
    of: Literal["presence", "attendance"]
    where: str = Field(description="Presence: the zone; attendance: the day")
    kept: Stands | Came | None
    from_log: Stands | Came | None


class Reckoned(BaseModel):
    people: int = Field(description="How many were checked")
    differences: list[Difference]
    next: UUID | None = Field(description="Where to go on; null: all are checked")


async def reckon(gates: Gates, after: UUID | None, *, repair: bool) -> Reckoned:
    """Check some people's presence and attendance, and put them right.

    Args:
        gates: whose log.
        after: whom the last answer named as next; None at the beginning.
        repair: whether what is found is put right, or only told.
    """
    some = {"after": after or UUID(int=0), "many": PEOPLE}
    async with gates.database.begin() as tx:
        people = list((await tx.execute(_PEOPLE, some)).scalars())
        # Let nobody pass meanwhile, also not for the first time: who looked before judges again.
        await tx.execute(text("LOCK TABLE presence IN EXCLUSIVE MODE"))
        found = [
            *await _presence_differences(tx, gates.forum, people),
            *await _attendance_differences(tx, gates.forum, people),
        ]
        if repair and found:
            for difference in found:
                await _put_right(tx, difference)
            await audit.note(
                tx,
                gates.clock.now(),
                "attendance.put_right",
                about={one.registration_id for one in found},
            )
            after_commit(tx, gates.live.made_anew)
    more = len(people) == PEOPLE
    return Reckoned(people=len(people), differences=found, next=people[-1] if more else None)


async def _presence_differences(
    tx: AsyncConnection, forum: Forum, people: Sequence[UUID]
) -> list[Difference]:
    leaving_is_scanned = [zone.id for zone in forum.zones if zone.scan_out]
    given = {
        "people": people,
        "timezone": str(forum.timezone),
        "closes": forum.venue.closes,
        "zones": leaving_is_scanned,
    }
    return [
        Difference(
            registration_id=row.registration_id,
            of="presence",
            where=row.zone,
            kept=_read(Stands, row, "kept"),
            from_log=_read(Stands, row, "log"),
        )
        for row in await tx.execute(_PRESENCE, given)
    ]


async def _attendance_differences(
    tx: AsyncConnection, forum: Forum, people: Sequence[UUID]
) -> list[Difference]:
    given = {"people": people, "timezone": str(forum.timezone), "zone": forum.main_zone.id}
    return [
        Difference(
            registration_id=row.registration_id,
            of="attendance",
            where=row.day.isoformat(),
            kept=_read(Came, row, "kept"),
            from_log=_read(Came, row, "log"),
        )
        for row in await tx.execute(_ATTENDANCE, given)
    ]


def _read(kind: type[Stands | Came], row: Row[Any], side: str) -> Any:
    fields = {name: row._mapping[f"{side}_{name}"] for name in kind.model_fields}
    return None if fields["scan_id"] is None else kind(**fields)


async def _put_right(tx: AsyncConnection, difference: Difference) -> None:
    who, true = difference.registration_id, difference.from_log
    if isinstance(true, Stands):
        await passages.write_presence(
            tx, registration_id=who, zone=difference.where, **true.model_dump()
        )
    elif isinstance(true, Came):
        await arrivals.note_arrival(tx, await _arrival(tx, difference, true))
    elif difference.of == "presence":
        await tx.execute(
            delete(presence).where(
                presence.c.registration_id == who, presence.c.zone == difference.where
            )
        )
    else:
        await arrivals.forget_arrival(tx, who, date.fromisoformat(difference.where))


async def _arrival(tx: AsyncConnection, difference: Difference, came: Came) -> Arrival:
    """An arrival in the groups of the person today; where one is kept, its own groups stay."""
    await persons.hold_particulars(tx, difference.registration_id)
    query = select(participants.c.category, participants.c.country).where(
        participants.c.registration_id == difference.registration_id
    )
    person = (await tx.execute(query)).one_or_none()
    category, country = ("", "") if person is None else person
    return Arrival(
        registration_id=difference.registration_id,
        day=date.fromisoformat(difference.where),
        **came.model_dump(),
        category=category,
        country=country,
        region=region_of(country),
    )


def _sides(columns: Sequence[str]) -> str:
    return ", ".join(f"kept.{name} AS kept_{name}, log.{name} AS log_{name}" for name in columns)


def _row(side: str, columns: Sequence[str]) -> str:
    return f"({', '.join(f'{side}.{name}' for name in columns)})"


# Who is nowhere in the copy of badges, but in what is kept of passages, has no business there.
_PEOPLE: Final = text("""
    (SELECT DISTINCT registration_id FROM badges
     WHERE registration_id > :after ORDER BY 1 LIMIT :many)
    UNION
    (SELECT DISTINCT registration_id FROM presence
     WHERE registration_id > :after ORDER BY 1 LIMIT :many)
    UNION
    (SELECT DISTINCT registration_id FROM attendance
     WHERE registration_id > :after ORDER BY 1 LIMIT :many)
    ORDER BY 1 LIMIT :many
""")
_PASSAGES: Final = """
    SELECT seq, scan_id, registration_id, zone, gate, entrance, direction, at,
           at AT TIME ZONE :timezone AS wall
    FROM scans AS passage
    WHERE registration_id = ANY(:people) AND decision = 'admitted'
      AND NOT EXISTS (SELECT FROM scans AS undo WHERE undo.undoes = passage.scan_id)
"""
_STANDS: Final = list(Stands.model_fields)
_PRESENCE: Final = text(f"""
    WITH passages AS ({_PASSAGES}), last AS (
        SELECT DISTINCT ON (registration_id, zone) * FROM passages
        ORDER BY registration_id, zone, at DESC, seq DESC
    ), entries AS (
        SELECT registration_id, zone, max(CAST(wall AS date)) AS day FROM passages
        WHERE direction = 'in' GROUP BY 1, 2
    ), log AS (
        SELECT registration_id, zone, scan_id, at, gate,
               direction = 'in' AND zone = ANY(:zones) AS inside,
               CAST(wall AS date)
                   + CASE WHEN CAST(wall AS time) < :closes THEN 0 ELSE 1 END AS session,
               entries.day AS last_entry_day
        FROM last LEFT JOIN entries USING (registration_id, zone)
    ), kept AS (
        SELECT * FROM presence WHERE registration_id = ANY(:people)
    )
    SELECT registration_id, zone, {_sides(_STANDS)}
    FROM kept FULL JOIN log USING (registration_id, zone)
    WHERE {_row("kept", _STANDS)} IS DISTINCT FROM {_row("log", _STANDS)}
    ORDER BY 1, 2
""")  # noqa: S608
_CAME: Final = list(Came.model_fields)
_ATTENDANCE: Final = text(f"""
    WITH passages AS ({_PASSAGES}), log AS (
        SELECT DISTINCT ON (registration_id, CAST(wall AS date))
               registration_id, CAST(wall AS date) AS day, scan_id, at, entrance
        FROM passages WHERE zone = :zone AND direction = 'in'
        ORDER BY registration_id, CAST(wall AS date), at, seq
    ), kept AS (
        SELECT * FROM attendance WHERE registration_id = ANY(:people)
    )
    SELECT registration_id, day, {_sides(_CAME)}
    FROM kept FULL JOIN log USING (registration_id, day)
    WHERE {_row("kept", _CAME)} IS DISTINCT FROM {_row("log", _CAME)}
    ORDER BY 1, 2
""")  # noqa: S608
