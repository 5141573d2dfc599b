"""A roll call: everybody who was inside is looked for, and marked when found, by many at once."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final, Literal
from uuid import UUID

import structlog
from sqlalchemy import bindparam, select, update
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncConnection
from uuid_utils.compat import uuid7

from services.checkin import evacuation
from services.checkin.admission import session_of
from services.checkin.alerts import AlertKind, end_alert, raise_alert
from services.checkin.evacuation import EvacuationOut, RollCall
from services.checkin.gates import Gates
from services.checkin.tables import participants, roll_call_people, roll_calls
from shared import audit
from shared.access import Staff
from shared.problems import conflict, not_found

log = structlog.get_logger()

Mark = Literal["found", "missing"]


async def current(connection: AsyncConnection) -> RollCall | None:
    """The roll call that goes on."""
    return (await connection.execute(_OPEN)).one_or_none()


async def find(connection: AsyncConnection, roll_call_id: UUID) -> RollCall:
    query = select(roll_calls).where(roll_calls.c.id == roll_call_id)
    call: RollCall | None = (await connection.execute(query)).one_or_none()
    if call is None:
        raise not_found("roll call")
    return call


async def all_of_them(connection: AsyncConnection) -> Sequence[RollCall]:
    """Newest first."""
    return (await connection.execute(select(roll_calls).order_by(roll_calls.c.id.desc()))).all()


async def begin(gates: Gates, by: Staff) -> RollCall:
    """Begin a roll call of all who are inside, and alert those in charge. While one goes on, it is
    the answer."""
    now = gates.clock.now()
    async with gates.database.begin() as tx:
        given = {"id": uuid7(), "began_at": now, "began_by": by.id}
        if (await tx.execute(_BEGIN, given)).rowcount:
            session = session_of(gates.forum, now)
            people = [
                {"roll_call_id": given["id"], "registration_id": one, "state": "missing"}
                for one in await evacuation.inside(tx, gates.forum, session)
            ]
            if people:
                await tx.execute(insert(roll_call_people), people)
            inside = str(len(people))
            await raise_alert(tx, gates, AlertKind.roll_call, at=now, detail=inside)
            await audit.note(tx, now, "roll_call.begin", which=given["id"], people=len(people))
            log.info("roll_call.began", by=by.id, people=len(people))
        call = await current(tx)
    if call is None:
        raise conflict("The roll call that went on has just ended; begin another.")
    return call


async def end(gates: Gates, roll_call_id: UUID, by: Staff) -> RollCall:
    """End a roll call; what is known then stays. Again, it changes nothing."""
    now = gates.clock.now()
    async with gates.database.begin() as tx:
        call = await find(tx, roll_call_id)
        # Marks wait for this, and those that come later find that it has ended.
        if (await tx.execute(_END, {"call": roll_call_id, "now": now, "who": by.id})).rowcount:
            final = await evacuation.listed(tx, gates.forum, now, call)
            await _keep(tx, roll_call_id, final)
            await end_alert(tx, gates, AlertKind.roll_call)
            await audit.note(tx, now, "roll_call.end", which=roll_call_id)
            log.info("roll_call.ended", by=by.id, missing=final.missing, found=final.found)
        return await find(tx, roll_call_id)


async def mark(gates: Gates, registration_id: UUID, state: Mark, by: str) -> None:
    """Say that somebody has been found, or has not. Who said it first stands, until it changes.

    Args:
        by: a member of staff, or a device: what others who look for people know it by.

    Raises:
        Problem: 404 for somebody nobody knows, 409 while there is no roll call.
    """
    async with gates.database.begin() as tx:
        call = (await tx.execute(_OPEN.with_for_update(read=True))).one_or_none()
        if call is None:
            raise conflict("There is no roll call now.")
        known = select(participants.c.version).where(
            participants.c.registration_id == registration_id
        )
        if (await tx.execute(known)).one_or_none() is None:
            raise not_found("participant")
        given = {
            "roll_call_id": call.id,
            "registration_id": registration_id,
            "state": state,
            "at": gates.clock.now(),
            "by": by,
        }
        if (await tx.execute(_MARK, given)).rowcount:
            await audit.note(
                tx,
                given["at"],
                "roll_call.mark",
                which=call.id,
                about=[registration_id],
                state=state,
            )
            log.info("roll_call.marked", state=state, by=by, registration_id=registration_id)


async def _keep(tx: AsyncConnection, roll_call_id: UUID, final: EvacuationOut) -> None:
    states = [
        {
            "roll_call_id": roll_call_id,
            "registration_id": person.registration_id,
            "state": person.state,
        }
        for person in final.people
    ]
    if states:
        await tx.execute(_KEEP, states)


_KEY: Final = ["roll_call_id", "registration_id"]
_OPEN: Final = select(roll_calls).where(roll_calls.c.ended_at.is_(None))
_BEGIN: Final = insert(roll_calls).on_conflict_do_nothing()
_END: Final = (
    update(roll_calls)
    .where(roll_calls.c.id == bindparam("call"), roll_calls.c.ended_at.is_(None))
    .values(ended_at=bindparam("now"), ended_by=bindparam("who"))
)
_insert = insert(roll_call_people)
_KEEP: Final = _insert.on_conflict_do_update(
    index_elements=_KEY, set_={"state": _insert.excluded.state}
)
_MARK: Final = _insert.on_conflict_do_update(
    index_elements=_KEY,
    set_={name: _insert.excluded[name] for name in ("state", "at", "by")},
    where=roll_call_people.c.state != _insert.excluded.state,
)
