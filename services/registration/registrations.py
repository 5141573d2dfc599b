"""What happens to a registration: a use case is one transaction with the events it makes true."""

from __future__ import annotations

import secrets
from collections.abc import Collection
from dataclasses import dataclass
from datetime import date
from typing import Annotated, Any
from uuid import UUID

from fastapi import Depends, Request
from sqlalchemy import bindparam, insert, select, update
from sqlalchemy.dialects.postgresql import insert as upsert
from sqlalchemy.ext.asyncio import AsyncConnection
from uuid_utils.compat import uuid7

from services.registration import idempotency, lifecycle, photos, places
from services.registration.forms import Amendment, NewRegistration
from services.registration.lifecycle import Status, Step
from services.registration.links import Links
from services.registration.tables import Registration, history, registrations
from shared import outbox
from shared.badge_number import ALPHABET
from shared.clock import Clock
from shared.database import Database
from shared.events import (
    Event,
    Fact,
    Person,
    RegistrationAmended,
    RegistrationCancelled,
    RegistrationConfirmed,
    RegistrationContactChanged,
    RegistrationDeclined,
    RegistrationErased,
    RegistrationInReview,
    RegistrationSubmitted,
    RegistrationWaitlisted,
)
from shared.forum import Forum
from shared.problems import FieldError, Problem, conflict, invalid_input, not_found

REGISTRANT = "registrant"
SYSTEM = "system"
_CONTACT_FIELDS = frozenset({"email", "given_name", "family_name", "title", "language"})


@dataclass(frozen=True)
class Registrations:
    """The use cases, and what they need."""

    database: Database
    forum: Forum
    clock: Clock
    links: Links

    async def submit(
        self, new: NewRegistration, idempotency_key: str | None = None
    ) -> Registration:
        """Take a request to come. With the key of an earlier call: that call's registration.

        Raises:
            Problem: 403 outside the registration period, 422 for a key used for something else, for
                days on which the category is not admitted, and for a photo that is no picture.
        """
        if not self.forum.is_open(self.clock.now()):
            raise Problem(403, "registration-closed", "Registration is not open at this time.")
        days = _indices(self.forum, new.days)
        self._check_days(new.category, days)
        jpeg = None if new.photo is None else await photos.as_jpeg(new.photo)
        registration_id = uuid7()
        async with self.database.begin() as tx:
            if idempotency_key is not None:
                earlier = await idempotency.claim(tx, idempotency_key, new, registration_id)
                if earlier is not None:
                    return await _get(tx, earlier)
            row = await self._insert(tx, registration_id, new, days)
            if jpeg is not None:
                await photos.keep(tx, row.id, jpeg)
            await self._record(tx, row, Step.submit, REGISTRANT, None)
            await self._say(tx, self._submitted(row))
        return row

    async def confirm_email(self, registration_id: UUID, token: str) -> Registration:
        """The registrant has read our mail. Doing it again changes nothing.

        Raises:
            Problem: 403 for a wrong token, 409 once it is declined, cancelled or erased.
        """
        async with self.database.begin() as tx:
            row = await self.hold(tx, registration_id)
            self.links.check_confirm(row, token)
            if row.status in (Status.in_review, Status.waitlisted, Status.confirmed):
                return row
            lifecycle.check(Step.confirm_email, Status(row.status))
            status = lifecycle.after_confirming_email(
                needs_review=self.forum.category(row.category).review,
                has_room=await places.has_room(tx, self.forum, row.category),
            )
            return await self.move(tx, row, Step.confirm_email, status, REGISTRANT)

    async def amend(self, registration_id: UUID, amendment: Amendment, actor: str) -> Registration:
        """Correct a registration: only what is given changes.

        Raises:
            Problem: 409 when it has ended or the new category is full, 422 for days on which the
                category is not admitted.
        """
        changes = _columns(self.forum, amendment)
        async with self.database.begin() as tx:
            hold = self.hold if "category" in changes else _lock
            row = await hold(tx, registration_id)
            lifecycle.check(Step.amend, Status(row.status))
            changes = {name: new for name, new in changes.items() if getattr(row, name) != new}
            if not changes:
                return row
            if {"category", "days"} & set(changes):
                category = changes.get("category", row.category)
                self._check_days(category, changes.get("days", row.days))
            if "category" in changes:
                return await self._change_category(tx, row, changes, actor)
            return await self._change(tx, row, changes, actor)

    async def cancel(self, registration_id: UUID, actor: str) -> Registration:
        """The person will not come; whoever waits longest for the place moves up."""
        async with self.database.begin() as tx:
            row = await self.hold(tx, registration_id)
            lifecycle.check(Step.cancel, Status(row.status))
            cancelled = await self.move(tx, row, Step.cancel, Status.cancelled, actor)
            if row.status == Status.confirmed:
                await self.promote(tx)
        return cancelled

    async def fill_places(self) -> None:
        """Let the waiting list move up: there may be more places than when we last ran."""
        async with self.database.begin() as tx:
            await places.lock(tx)
            await self.promote(tx)

    async def get(self, registration_id: UUID) -> Registration:
        async with self.database.read() as connection:
            return await _get(connection, registration_id)

    async def hold(self, tx: AsyncConnection, registration_id: UUID) -> Registration:
        """The places and the registration, held until the transaction ends.

        In this order, always: who gives a free place away holds the places, and then locks the
        registration that moves up.
        """
        await places.lock(tx)
        return await _lock(tx, registration_id)

    async def move(
        self,
        tx: AsyncConnection,
        row: Registration,
        step: Step,
        status: Status,
        actor: str,
        reason: str | None = None,
        **changes: Any,
    ) -> Registration:
        """Bring a registration into a state: the row, its history and the event, together."""
        if status == Status.waitlisted:
            changes["queued_at"] = self.clock.now()
        row = await _update(tx, row, status=status, **changes)
        await self._record(tx, row, step, actor, reason)
        await self._say(tx, self._fact(row, status, reason))
        return row

    async def promote(self, tx: AsyncConnection) -> list[Registration]:
        """Give the free places to those who have waited longest. Call while holding the places."""
        promoted = []
        while (row := await places.first_in_line(tx, self.forum)) is not None:
            promoted.append(await self.move(tx, row, Step.promote, Status.confirmed, SYSTEM))
        return promoted

    def person(self, row: Registration) -> Person:
        """What badge and gates need to know of a registrant."""
        return Person(
            title=row.title,
            given_name=row.given_name,
            family_name=row.family_name,
            organization=row.organization,
            position=row.position,
            country=row.country,
            category=row.category,
            language=row.language,
            gender=row.gender,
            days=tuple(sorted(set(row.days) & set(self.forum.category(row.category).days))),
        )

    def _check_days(self, category: str, days: Collection[int]) -> None:
        if not set(days) & set(self.forum.category(category).days):
            error = FieldError("days", "contains none on which the category is admitted", "days")
            raise invalid_input([error])

    async def _change_category(
        self, tx: AsyncConnection, row: Registration, changes: dict[str, Any], actor: str
    ) -> Registration:
        """Into another category only with a place there; the place left behind is given away."""
        if row.status == Status.confirmed and not await places.has_room(
            tx, self.forum, changes["category"], leaving=row.category
        ):
            raise conflict("The category is full.")
        row = await self._change(tx, row, changes, actor)
        promoted = {other.id: other for other in await self.promote(tx)}
        return promoted.get(row.id, row)

    async def _change(
        self, tx: AsyncConnection, row: Registration, changes: dict[str, Any], actor: str
    ) -> Registration:
        forgotten = {"mail_bounced_at": None} if "email" in changes else {}
        row = await _update(tx, row, **changes, **forgotten)
        await self._record(tx, row, Step.amend, actor, ", ".join(sorted(changes)))
        if row.status == Status.confirmed:
            amended = RegistrationAmended(
                registration_id=row.id, version=row.version, person=self.person(row)
            )
            await self._say(tx, amended)
        if row.status == Status.submitted and "email" in changes:
            # The link that went to the old address does not confirm the new one.
            await self._say(tx, self._submitted(row))
        elif _CONTACT_FIELDS & set(changes):
            await self._say(tx, _contact(row))
        return row

    async def _insert(
        self,
        tx: AsyncConnection,
        registration_id: UUID,
        new: NewRegistration,
        days: Collection[int],
    ) -> Registration:
        now = self.clock.now()
        given = new.model_dump(exclude={"consent", "photo", "days", "position"})
        statement = (
            upsert(registrations)
            .values(
                **given,
                position=new.position or "",
                days=days,
                id=registration_id,
                reference=bindparam("new_reference"),
                status=Status.submitted,
                version=1,
                consent_at=now,
                submitted_at=now,
            )
            .on_conflict_do_nothing(index_elements=["reference"])
            .returning(registrations)
        )
        while True:
            reference = _new_reference(self.forum.reference_prefix)
            row: Registration | None = (
                await tx.execute(statement, {"new_reference": reference})
            ).one_or_none()
            if row is not None:
                return row

    async def _record(
        self, tx: AsyncConnection, row: Registration, step: Step, actor: str, reason: str | None
    ) -> None:
        await tx.execute(
            insert(history).values(
                registration_id=row.id,
                step=step,
                status=row.status,
                actor=actor,
                reason=reason,
                at=self.clock.now(),
            )
        )

    async def _say(self, tx: AsyncConnection, fact: Fact) -> None:
        await outbox.say(tx, Event("/registration", self.clock.now(), fact))

    def _submitted(self, row: Registration) -> Fact:
        return RegistrationSubmitted(
            registration_id=row.id,
            version=row.version,
            reference=row.reference,
            email=row.email,
            given_name=row.given_name,
            family_name=row.family_name,
            title=row.title,
            language=row.language,
            confirm_link=self.links.confirm(row),
            me_link=self.links.me(row),
        )

    def _fact(self, row: Registration, status: Status, reason: str | None) -> Fact:
        """What is to be said of a registration that has come into a state."""
        about = {"registration_id": row.id, "version": row.version}
        match status:
            case Status.in_review:
                return RegistrationInReview(**about)
            case Status.waitlisted:
                return RegistrationWaitlisted(**about)
            case Status.confirmed:
                return RegistrationConfirmed(**about, person=self.person(row))
            case Status.declined:
                return RegistrationDeclined(**about, reason=reason or "")
            case Status.cancelled:
                return RegistrationCancelled(**about)
            case Status.erased:
                return RegistrationErased(**about)
            case Status.submitted:
                return self._submitted(row)


def _registrations_of(request: Request) -> Registrations:
    registrations: Registrations = request.app.state.registrations
    return registrations


TheRegistrations = Annotated[Registrations, Depends(_registrations_of)]
"""A route's parameter."""


async def _get(connection: AsyncConnection, registration_id: UUID) -> Registration:
    query = select(registrations).where(registrations.c.id == registration_id)
    row = (await connection.execute(query)).one_or_none()
    if row is None:
        raise not_found("registration")
    return row


async def _lock(tx: AsyncConnection, registration_id: UUID) -> Registration:
    """The registration, held so that concurrent steps have one winner."""
    query = select(registrations).where(registrations.c.id == registration_id).with_for_update()
    row = (await tx.execute(query)).one_or_none()
    if row is None:
        raise not_found("registration")
    return row


async def _update(tx: AsyncConnection, row: Registration, **changes: Any) -> Registration:
    statement = (
        update(registrations)
        .where(registrations.c.id == row.id)
        .values(version=registrations.c.version + 1, **changes)
        .returning(registrations)
    )
    changed: Registration = (await tx.execute(statement)).one()
    return changed


def _columns(forum: Forum, amendment: Amendment) -> dict[str, Any]:
    """What an amendment gives, as the table stores it."""
    given = amendment.model_dump(exclude_unset=True)
    if "days" in given:
        given["days"] = _indices(forum, given["days"])
    if "position" in given:
        given["position"] = given["position"] or ""
    return given


def _indices(forum: Forum, days: Collection[date] | None) -> list[int]:
    """Days as the table stores them: indices into the forum's days; all when none is named."""
    return sorted({forum.days.index(day) for day in days or forum.days})


def _contact(row: Registration) -> Fact:
    return RegistrationContactChanged(
        registration_id=row.id,
        version=row.version,
        email=row.email,
        given_name=row.given_name,
        family_name=row.family_name,
        title=row.title,
        language=row.language,
    )


def _new_reference(prefix: str) -> str:
    return f"{prefix}-" + "".join(secrets.choice(ALPHABET) for _ in range(6))
