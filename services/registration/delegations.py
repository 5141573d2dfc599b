"""Delegations: who comes together, how many, and who looks after them.

Each use case holds the delegation before the places, and the places before a registration: so the
quota holds whoever registers members at the same time.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from sqlalchemy import Row, delete, func, insert, select, update
from sqlalchemy.dialects.postgresql import insert as upsert
from sqlalchemy.ext.asyncio import AsyncConnection
from uuid_utils.compat import uuid7

from services.registration import enrolment, lifecycle, places
from services.registration.delegation_forms import DelegationChange, NewDelegation, NewFocalPoint
from services.registration.enrolment import Place, Sender, in_delegation
from services.registration.forms import NewRegistration
from services.registration.invitations import invitation_link
from services.registration.lifecycle import Status, Step
from services.registration.registrations import Registrations, day_indices
from services.registration.tables import Registration, delegations, focal_points, registrations
from shared import audit, outbox
from shared.access import Role, Staff, forbidden
from shared.events import Event, Fact, FocalPointInvited, FocalPointRemoved
from shared.problems import FieldError, Problem, conflict, invalid_input, not_found

Delegation = Row[Any]
"""A row of `delegations`."""
SEE_ALL = (Role.organiser, Role.reviewer)
TOUCH = (Role.organiser, Role.focal_point)


@dataclass(frozen=True)
class Members:
    """A delegation's people, newest first."""

    rows: Sequence[Registration]
    counted: int
    """How many of the quota are taken."""
    following: UUID | None
    """Behind which the next page begins."""


# --- what organisers do ---------------------------------------------------------------------------


async def create(of: Registrations, new: NewDelegation, by: Staff) -> Delegation:
    async with of.database.begin() as tx:
        statement = (
            insert(delegations)
            .values(id=uuid7(), created_at=of.clock.now(), created_by=by.id, **new.model_dump())
            .returning(delegations)
        )
        created: Delegation = (await tx.execute(statement)).one()
        await audit.note(tx, of.clock.now(), "delegation.create", which=created.id)
    return created


async def change(of: Registrations, delegation_id: UUID, wanted: DelegationChange) -> Delegation:
    """Rename it, or let more or fewer come.

    Raises:
        Problem: 404; 409 for a quota of fewer than its members.
    """
    changes = wanted.model_dump(exclude_unset=True)
    async with of.database.begin() as tx:
        delegation = await hold(tx, delegation_id)
        members = await count(tx, delegation_id)
        if changes.get("quota", members) < members:
            raise conflict(f"The delegation has {members} members: its quota cannot be smaller.")
        if not changes:
            return delegation
        statement = (
            update(delegations)
            .where(delegations.c.id == delegation_id)
            .values(**changes)
            .returning(delegations)
        )
        changed: Delegation = (await tx.execute(statement)).one()
        fields = ", ".join(sorted(changes))
        await audit.note(
            tx, of.clock.now(), "delegation.change", which=delegation_id, fields=fields
        )
    return changed


async def invite(of: Registrations, delegation_id: UUID, new: NewFocalPoint, by: Staff) -> Row[Any]:
    """Ask somebody to look after a delegation, by mail; again sends a new link."""
    async with of.database.begin() as tx:
        delegation = await hold(tx, delegation_id)
        known = {"name": new.name, "language": new.language}
        statement = upsert(focal_points).values(
            id=uuid7(),
            delegation_id=delegation_id,
            email=new.email.lower(),
            invited_at=of.clock.now(),
            invited_by=by.id,
            **known,
        )
        again = statement.on_conflict_do_update(
            index_elements=["delegation_id", "email"],
            set_={**known, "invited_at": statement.excluded.invited_at},
        ).returning(focal_points)
        focal_point: Row[Any] = (await tx.execute(again)).one()
        await audit.note(
            tx,
            of.clock.now(),
            "delegation.invite",
            which=delegation_id,
            focal_point=str(focal_point.id),
        )
        await _say(
            of,
            tx,
            FocalPointInvited(
                focal_point_id=focal_point.id,
                name=focal_point.name,
                email=focal_point.email,
                language=focal_point.language,
                delegation=delegation.name,
                quota=delegation.quota,
                sign_in_link=await invitation_link(
                    of, tx, focal_point.email, focal_point.name, focal_point.language, by
                ),
            ),
        )
    return focal_point


async def remove_focal_point(of: Registrations, delegation_id: UUID, focal_point_id: UUID) -> None:
    """Somebody looks after the delegation no longer; sees nothing of it from now on.

    Raises:
        Problem: 404.
    """
    async with of.database.begin() as tx:
        removal = delete(focal_points).where(
            focal_points.c.id == focal_point_id, focal_points.c.delegation_id == delegation_id
        )
        if (await tx.execute(removal)).rowcount == 0:
            raise not_found("focal point")
        await audit.note(
            tx,
            of.clock.now(),
            "delegation.remove_focal_point",
            which=delegation_id,
            focal_point=str(focal_point_id),
        )
        await _say(of, tx, FocalPointRemoved(focal_point_id=focal_point_id))


# --- what is seen ---------------------------------------------------------------------------------


async def seen_by(connection: AsyncConnection, staff: Staff) -> list[Row[Any]]:
    """The delegations that somebody may see, by name, each with `members`: how many it has."""
    members = (
        select(func.count())
        .select_from(registrations)
        .where(in_delegation(delegations.c.id))
        .scalar_subquery()
    )
    query = select(delegations, members.label("members")).order_by(
        func.lower(delegations.c.name), delegations.c.id
    )
    if not staff.has(*SEE_ALL):
        query = query.where(delegations.c.id.in_(_looked_after_by(staff)))
    return list(await connection.execute(query))


async def get(connection: AsyncConnection, delegation_id: UUID, staff: Staff) -> Delegation:
    """A delegation that this member of staff may see.

    Raises:
        Problem: 404, for a focal point's others too.
    """
    query = select(delegations).where(delegations.c.id == delegation_id)
    if not staff.has(*SEE_ALL):
        query = query.where(delegations.c.id.in_(_looked_after_by(staff)))
    delegation = (await connection.execute(query)).one_or_none()
    if delegation is None:
        raise not_found("delegation")
    return delegation


async def sole(connection: AsyncConnection, staff: Staff) -> Delegation:
    """The delegation that a focal point means who names none.

    Raises:
        Problem: 403 for who has none, 422 for who has several.
    """
    found = await seen_by(connection, staff)
    if not found:
        raise forbidden()
    if len(found) > 1:
        raise invalid_input(
            [FieldError("delegation", "must be named: you have several", "missing")]
        )
    return found[0]


async def language_of(connection: AsyncConnection, staff: Staff) -> str:
    """In which a focal point was invited; empty if it is none."""
    query = (
        select(focal_points.c.language)
        .where(focal_points.c.email == staff.id.lower())
        .order_by(focal_points.c.invited_at.desc())
        .limit(1)
    )
    return (await connection.execute(query)).scalar_one_or_none() or ""


async def people_of(connection: AsyncConnection, delegation_id: UUID) -> list[Row[Any]]:
    """Its focal points, in the order of their names."""
    query = (
        select(focal_points)
        .where(focal_points.c.delegation_id == delegation_id)
        .order_by(func.lower(focal_points.c.name), focal_points.c.id)
    )
    return list(await connection.execute(query))


async def members(
    connection: AsyncConnection, delegation_id: UUID, after: UUID | None, limit: int
) -> Members:
    """Its people, those who will not come too; of the erased nothing is left to show."""
    query = (
        select(registrations)
        .where(
            registrations.c.delegation_id == delegation_id,
            registrations.c.status != Status.erased,
        )
        .order_by(registrations.c.id.desc())
        .limit(limit + 1)
    )
    if after is not None:
        query = query.where(registrations.c.id < after)
    rows = list(await connection.execute(query))
    following = rows[limit - 1].id if len(rows) > limit else None
    return Members(rows[:limit], await count(connection, delegation_id), following)


async def member(
    connection: AsyncConnection, delegation_id: UUID, registration_id: UUID
) -> Registration:
    """One of its people.

    Raises:
        Problem: 404.
    """
    query = select(registrations).where(
        registrations.c.id == registration_id,
        registrations.c.delegation_id == delegation_id,
        registrations.c.status != Status.erased,
    )
    row = (await connection.execute(query)).one_or_none()
    if row is None:
        raise not_found("member")
    return row


async def count(connection: AsyncConnection, delegation_id: UUID) -> int:
    """How many of the quota are taken."""
    query = select(func.count()).select_from(registrations).where(in_delegation(delegation_id))
    return int((await connection.execute(query)).scalar_one())


# --- what focal points do -------------------------------------------------------------------------


async def hold(tx: AsyncConnection, delegation_id: UUID) -> Delegation:
    """The delegation, held so that its quota is given away by one at a time."""
    query = select(delegations).where(delegations.c.id == delegation_id).with_for_update()
    delegation = (await tx.execute(query)).one_or_none()
    if delegation is None:
        raise not_found("delegation")
    return delegation


async def add(
    of: Registrations, delegation_id: UUID, new: NewRegistration, by: Staff
) -> Registration:
    """Register a member.

    Raises:
        Problem: 403 outside the registration period, 404, 409 when the quota is taken or the person
            is a member, 422 for another category than the delegation's.
    """
    check_open(of)
    async with of.database.begin() as tx:
        await get(tx, delegation_id, by)
        delegation = await hold(tx, delegation_id)
        await places.lock(tx)
        await _check(of, tx, delegation, new)
        if await count(tx, delegation_id) >= delegation.quota:
            raise full(delegation)
        room = await places.room(tx, of.forum)
        place = enrolment.first_place(of, room, new.category)
        [row] = await enrolment.enrol(of, tx, [(new, place)], sender(delegation, by))
    return row


async def replace(
    of: Registrations, delegation_id: UUID, leaving_id: UUID, new: NewRegistration, by: Staff
) -> Registration:
    """Let somebody come instead of a member, whose badge stops; quota and places stay as they are.

    Raises:
        Problem: as `add`; 409 when the member has left already.
    """
    check_open(of)
    async with of.database.begin() as tx:
        await get(tx, delegation_id, by)
        delegation = await hold(tx, delegation_id)
        leaving = await _hold_member(of, tx, delegation_id, leaving_id)
        lifecycle.check(Step.cancel, Status(leaving.status))
        await _check(of, tx, delegation, new)
        if new.category != leaving.category:
            raise invalid_input(
                [FieldError("category", "is not the category of the member replaced", "category")]
            )
        place = _place_of(of, leaving)
        [row] = await enrolment.enrol(of, tx, [(new, place)], sender(delegation, by))
        await of.move(
            tx, leaving, Step.cancel, Status.cancelled, by.id, f"replaced by {row.reference}"
        )
    return row


async def withdraw(
    of: Registrations, delegation_id: UUID, registration_id: UUID, by: Staff
) -> Registration:
    """A member will not come.

    Raises:
        Problem: 404; 409 when the member has left already.
    """
    async with of.database.begin() as tx:
        await get(tx, delegation_id, by)
        await hold(tx, delegation_id)
        row = await _hold_member(of, tx, delegation_id, registration_id)
        lifecycle.check(Step.cancel, Status(row.status))
        cancelled = await of.move(tx, row, Step.cancel, Status.cancelled, by.id)
        if places.frees_a_place(row):
            await of.promote(tx)
    return cancelled


def sender(delegation: Delegation | None, by: Staff) -> Sender:
    """In whose name people are registered."""
    if delegation is None:
        return Sender(by.id, None, "")
    return Sender(by.id, delegation.id, delegation.name)


def full(delegation: Delegation) -> Problem:
    return Problem(
        409,
        "quota-full",
        f"The delegation has all the {delegation.quota} members of its quota. Withdraw or replace"
        " one, or ask the organisers for a larger quota.",
    )


def check_open(of: Registrations) -> None:
    """Let pass while registration is open.

    Raises:
        Problem: 403.
    """
    if not of.forum.is_open(of.clock.now()):
        raise Problem(403, "registration-closed", "Registration is not open at this time.")


def category_errors(delegation: Delegation | None, new: NewRegistration) -> list[FieldError]:
    """A delegation's members come in its category."""
    if delegation is None or new.category == delegation.category:
        return []
    return [FieldError("category", "is not the category of the delegation", "other_category")]


async def _check(
    of: Registrations, tx: AsyncConnection, delegation: Delegation, new: NewRegistration
) -> None:
    of.check_days(new.category, day_indices(of.forum, new.days))
    if errors := category_errors(delegation, new):
        raise invalid_input(errors)
    if enrolment.who(new) in await enrolment.registered_already(tx, delegation.id, [new]):
        raise Problem(409, "already-a-member", "This person is a member of the delegation already.")


async def _hold_member(
    of: Registrations, tx: AsyncConnection, delegation_id: UUID, registration_id: UUID
) -> Registration:
    await member(tx, delegation_id, registration_id)
    return await of.hold(tx, registration_id)


def _place_of(of: Registrations, leaving: Registration) -> Place:
    """Where somebody begins who comes instead of a member.

    Whom nobody has looked at is looked at, where the category asks for it; the place waits.
    """
    status = Status(leaving.status)
    if of.forum.category(leaving.category).review:
        return Place(Status.in_review, place_held=places.frees_a_place(leaving))
    if status == Status.waitlisted:
        return Place(status, leaving.queued_at)
    return Place(Status.confirmed if status == Status.confirmed else Status.in_review)


def _looked_after_by(staff: Staff) -> Any:
    return select(focal_points.c.delegation_id).where(focal_points.c.email == staff.id.lower())


async def _say(of: Registrations, tx: AsyncConnection, fact: Fact) -> None:
    await outbox.say(tx, Event("/registration", of.clock.now(), fact))
