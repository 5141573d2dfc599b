"""Registering people who have not done it themselves: members of a delegation, lines of a file.

Whoever does it vouches for their addresses (docs/decisions/0026), so the life of these begins
where that of others goes on after the confirmation mail.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final
from uuid import UUID

from sqlalchemy import ARRAY, ColumnElement, Text, Uuid, any_, bindparam, func, insert, select
from sqlalchemy.dialects.postgresql import insert as upsert
from sqlalchemy.ext.asyncio import AsyncConnection
from uuid_utils.compat import uuid7

from services.registration import lifecycle
from services.registration.forms import NewRegistration
from services.registration.lifecycle import LIVING, Status, Step
from services.registration.places import Room
from services.registration.registrations import Registrations, day_indices
from services.registration.tables import Registration, history, registrations
from shared import audit, outbox
from shared.events import (
    Event,
    Fact,
    RegistrationConfirmed,
    RegistrationEnrolled,
    RegistrationInReview,
    RegistrationWaitlisted,
)

AT_ONCE: Final = 500
"""Registrations a round: between two the event loop looks after its other callers."""
Who = tuple[str, str, str]


@dataclass(frozen=True)
class Sender:
    """Who registers others."""

    id: str
    delegation_id: UUID | None
    delegation: str
    """The delegation's name; empty: the organisers."""


@dataclass(frozen=True)
class Place:
    """Where a new registration begins."""

    status: Status
    queued_at: datetime | None = None
    place_held: bool = False


def who(person: NewRegistration | Registration) -> Who:
    """What makes two registrations one person's: the address and the name, in any case.

    An office may give one address for several people, so the address alone does not.
    """
    return (
        person.email.casefold(),
        person.given_name.casefold(),
        person.family_name.casefold(),
    )


def first_place(of: Registrations, room: Room, category: str) -> Place:
    """Where somebody begins whose address needs no confirmation; a free place is taken for them."""
    needs_review = of.forum.category(category).review
    status = lifecycle.after_confirming_email(
        needs_review=needs_review, has_room=not needs_review and room.take(category)
    )
    return Place(status, of.clock.now() if status == Status.waitlisted else None)


async def registered_already(
    connection: AsyncConnection, delegation_id: UUID | None, people: Sequence[NewRegistration]
) -> Mapping[Who, Registration]:
    """Which of these people are registered: in this delegation; anywhere if it is None.

    A focal point is not told who has registered elsewhere.
    """
    query = select(registrations).where(
        registrations.c.status.in_(LIVING),
        func.lower(registrations.c.email)
        == any_(bindparam("addresses", [p.email.lower() for p in people], ARRAY(Text))),
    )
    if delegation_id is not None:
        query = query.where(registrations.c.delegation_id == delegation_id)
    return {who(row): row for row in await connection.execute(query)}


async def enrol(
    of: Registrations,
    tx: AsyncConnection,
    people: Sequence[tuple[NewRegistration, Place]],
    sender: Sender,
) -> list[Registration]:
    """Register these people, each where it begins. Call while holding the places."""
    enrolled: list[Registration] = []
    for some in _in_rounds(people):
        rows = await _insert(of, tx, some, sender)
        await tx.execute(
            insert(history),
            [
                {
                    "registration_id": row.id,
                    "step": Step.enrol,
                    "status": row.status,
                    "actor": sender.id,
                    "reason": sender.delegation or None,
                    "at": row.submitted_at,
                }
                for row in rows
            ],
        )
        ids = [row.id for row in rows]
        await audit.note(tx, of.clock.now(), "registration.enrol", about=ids)
        facts = (fact for row in rows for fact in _facts(of, row, sender))
        now = of.clock.now()
        await outbox.say(tx, *(Event("/registration", now, fact) for fact in facts))
        enrolled += rows
    return enrolled


def _in_rounds(
    people: Sequence[tuple[NewRegistration, Place]],
) -> Iterator[Sequence[tuple[NewRegistration, Place]]]:
    for begin in range(0, len(people), AT_ONCE):
        yield people[begin : begin + AT_ONCE]


async def _insert(
    of: Registrations,
    tx: AsyncConnection,
    people: Sequence[tuple[NewRegistration, Place]],
    sender: Sender,
) -> list[Registration]:
    """The new rows, in the order of the people."""
    left = {(values := _values(of, *each, sender))["id"]: values for each in people}
    ids, found = list(left), {}
    while left:
        # A reference that somebody has already is drawn again.
        await tx.execute(_INSERT, [values | of.drawn_reference(values) for values in left.values()])
        for row in await tx.execute(_THESE, {"ids": list(left)}):
            found[row.id] = row
            del left[row.id]
    return [found[each] for each in ids]


def _values(
    of: Registrations, new: NewRegistration, place: Place, sender: Sender
) -> dict[str, Any]:
    return of.columns(new, day_indices(of.forum, new.days)) | {
        "id": uuid7(),
        "status": place.status,
        "queued_at": place.queued_at,
        "place_held": place.place_held,
        "delegation_id": sender.delegation_id,
    }


def _facts(of: Registrations, row: Registration, sender: Sender) -> Iterator[Fact]:
    about = {"registration_id": row.id, "version": row.version}
    yield RegistrationEnrolled(
        **of.contact(row), reference=row.reference, delegation=sender.delegation
    )
    match row.status:
        case Status.in_review:
            yield RegistrationInReview(**about)
        case Status.waitlisted:
            yield RegistrationWaitlisted(**about)
        case _:
            yield RegistrationConfirmed(**about, person=of.person(row))


_INSERT: Final = upsert(registrations).on_conflict_do_nothing(index_elements=["reference"])
_THESE: Final = select(registrations).where(
    registrations.c.id == any_(bindparam("ids", type_=ARRAY(Uuid)))
)


def in_delegation(delegation_id: UUID | ColumnElement[UUID]) -> ColumnElement[bool]:
    """Of its members those who count: the others have left, or were erased."""
    return (registrations.c.delegation_id == delegation_id) & registrations.c.status.in_(LIVING)
