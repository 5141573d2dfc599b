"""The reviewer's decisions, one at a time or many."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from uuid import UUID

from sqlalchemy import select, update
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncConnection

from services.registration import lifecycle, places
from services.registration.lifecycle import Status, Step
from services.registration.places import Room
from services.registration.reasons import Reason
from services.registration.registrations import Registrations
from services.registration.tables import Registration, history, registrations, reviewers
from shared.access import Staff
from shared.problems import FieldError, Problem, invalid_input, not_found


@dataclass(frozen=True)
class Approval:
    """The person may come, as soon as there is room."""


@dataclass(frozen=True)
class Refusal:
    """No, with a reason that the registrant reads."""

    reason: Reason


Decision = Approval | Refusal


@dataclass(frozen=True)
class Outcome:
    """What became of one registration among many."""

    id: UUID
    row: Registration | None
    """As it stands afterwards; None where there is none."""
    problem: Problem | None
    """Why nothing was done, if so."""


async def approve(of: Registrations, registration_id: UUID, by: Staff) -> Registration:
    """Let the person come, as soon as there is room.

    Raises:
        Problem: 404, 409 when it is not in review.
    """
    return await _decide_one(of, registration_id, Approval(), by)


async def decline(
    of: Registrations, registration_id: UUID, reason: Reason, by: Staff
) -> Registration:
    """Say no.

    Raises:
        Problem: 404, 409 when it is neither in review nor on the waiting list.
    """
    return await _decide_one(of, registration_id, Refusal(reason), by)


async def decide(
    of: Registrations, ids: Sequence[UUID], decision: Decision, by: Staff
) -> list[Outcome]:
    """Decide about many in one transaction: all that can be decided is, or, on an error, nothing.

    Where somebody else was quicker, that outcome says so, and the others go through.
    """
    outcomes = []
    async with of.database.begin() as tx:
        await places.lock(tx)
        rows = await _lock(tx, ids)
        room = await places.room(tx, of.forum)
        for registration_id in dict.fromkeys(ids):
            row = rows.get(registration_id)
            try:
                if row is None:
                    raise not_found("registration")
                row = await _decide(of, tx, row, decision, room, by)
                outcomes.append(Outcome(registration_id, row, None))
            except Problem as problem:
                outcomes.append(Outcome(registration_id, row, problem))
    return outcomes


async def assign(
    of: Registrations, ids: Sequence[UUID], reviewer: str | None, by: Staff
) -> list[Outcome]:
    """Give registrations to somebody to decide, or to nobody. Again, it changes nothing.

    Raises:
        Problem: 422, nobody of that name has been at the review desk.
    """
    async with of.database.begin() as tx:
        await _check_reviewer(tx, reviewer)
        await places.lock(tx)
        rows = await _lock(tx, ids)
        return [
            await _assign(of, tx, one, rows.get(one), reviewer, by) for one in dict.fromkeys(ids)
        ]


async def why_declined(connection: AsyncConnection, row: Registration) -> str | None:
    """The reason, as the registrant has been mailed it; None where nobody said no."""
    if row.status != Status.declined:
        return None
    query = (
        select(history.c.reason)
        .where(history.c.registration_id == row.id, history.c.step == Step.decline)
        .order_by(history.c.seq.desc())
        .limit(1)
    )
    return (await connection.execute(query)).scalar_one_or_none()


async def be_known(of: Registrations, reviewer: Staff) -> None:
    """Note that somebody is at the review desk, so that work can be given to them."""
    async with of.database.begin() as tx:
        await tx.execute(insert(reviewers).values(id=reviewer.id).on_conflict_do_nothing())


async def _decide_one(
    of: Registrations, registration_id: UUID, decision: Decision, by: Staff
) -> Registration:
    [outcome] = await decide(of, [registration_id], decision, by)
    if outcome.problem is not None:
        raise outcome.problem
    assert outcome.row is not None  # it has been decided
    return outcome.row


async def _lock(tx: AsyncConnection, ids: Sequence[UUID]) -> dict[UUID, Registration]:
    """Call while holding the places."""
    query = (
        select(registrations)
        .where(registrations.c.id.in_(ids))
        .order_by(registrations.c.id)
        .with_for_update()
    )
    return {row.id: row for row in await tx.execute(query)}


async def _decide(
    of: Registrations,
    tx: AsyncConnection,
    row: Registration,
    decision: Decision,
    room: Room,
    by: Staff,
) -> Registration:
    match decision:
        case Approval():
            lifecycle.check(Step.approve, Status(row.status))
            held = row.category if row.place_held else None
            has_room = room.is_there_for(row.category, leaving=held)
            status = lifecycle.after_approval(has_room=has_room)
            if status == Status.confirmed and held is None:
                room.give(row.category)
            return await of.move(tx, row, Step.approve, status, by.id)
        case Refusal(reason):
            lifecycle.check(Step.decline, Status(row.status))
            text = reason.in_language(row.language)
            declined = await of.move(
                tx, row, Step.decline, Status.declined, by.id, text, reason_id=reason.id
            )
            if places.frees_a_place(row):
                await of.promote(tx)
            return declined


async def _assign(
    of: Registrations,
    tx: AsyncConnection,
    registration_id: UUID,
    row: Registration | None,
    reviewer: str | None,
    by: Staff,
) -> Outcome:
    try:
        if row is None:
            raise not_found("registration")
        lifecycle.check(Step.assign, Status(row.status))
    except Problem as problem:
        return Outcome(registration_id, row, problem)
    if row.assigned_to == reviewer:
        return Outcome(registration_id, row, None)
    # Whoever it concerns hears nothing of it, so its version stays.
    change = (
        update(registrations)
        .where(registrations.c.id == row.id)
        .values(assigned_to=reviewer)
        .returning(registrations)
    )
    changed: Registration = (await tx.execute(change)).one()
    await of.record(tx, changed, Step.assign, by.id, reviewer)
    return Outcome(registration_id, changed, None)


async def _check_reviewer(tx: AsyncConnection, reviewer: str | None) -> None:
    if reviewer is None:
        return
    known = await tx.execute(select(reviewers.c.id).where(reviewers.c.id == reviewer))
    if known.first() is None:
        raise invalid_input([FieldError("assigned_to", "is nobody who reviews", "assigned_to")])
