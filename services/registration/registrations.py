"""What happens to a registration: a use case is one transaction with the events it makes true."""

from __future__ import annotations

import secrets
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import date
from typing import Annotated, Any, Final
from uuid import UUID

from fastapi import Depends, Request
from sqlalchemy import bindparam, insert, select, update
from sqlalchemy.dialects.postgresql import insert as upsert
from sqlalchemy.ext.asyncio import AsyncConnection
from uuid_utils.compat import uuid7

from services.registration import duplicates, idempotency, lifecycle, photos, places
from services.registration.forms import NewRegistration
from services.registration.lifecycle import Status, Step
from services.registration.links import Links
from services.registration.search_text import SEARCHED, search_text
from services.registration.tables import Registration, history, registrations
from shared import audit, outbox
from shared.badge_number import ALPHABET
from shared.clock import Clock
from shared.database import Database
from shared.events import (
    Event,
    Fact,
    Person,
    RegistrationCancelled,
    RegistrationConfirmed,
    RegistrationDeclined,
    RegistrationErased,
    RegistrationInReview,
    RegistrationSubmitted,
    RegistrationWaitlisted,
)
from shared.forum import Forum
from shared.problems import FieldError, Problem, invalid_input, not_found

REGISTRANT = "registrant"
SYSTEM = "system"

# Made once: to put statements of so many columns together takes longer than PostgreSQL over them.
_GET: Final = select(registrations).where(registrations.c.id == bindparam("of"))
_LOCK: Final = _GET.with_for_update()
_CHANGE: Final = (
    update(registrations)
    .where(registrations.c.id == bindparam("of"))
    # Of the row as it is: in one transaction it may have changed since it was read.
    .values(version=registrations.c.version + 1)
    .returning(registrations)
)
_INSERT: Final = (
    upsert(registrations)
    .on_conflict_do_nothing(index_elements=["reference"])
    .returning(registrations)
)
_RECORD: Final = insert(history)


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
        days = day_indices(self.forum, new.days)
        self.check_days(new.category, days)
        photo = None if new.photo is None else await photos.take(new.photo)
        registration_id = uuid7()
        async with self.database.begin() as tx:
            if idempotency_key is not None:
                earlier = await idempotency.claim(tx, idempotency_key, new, registration_id)
                if earlier is not None:
                    return await _get(tx, earlier)
            row = await self._insert(tx, registration_id, new, days)
            if photo is not None:
                await photos.keep(tx, row.id, photo)
            await self.record(tx, row, Step.submit, REGISTRANT, None)
            await self.say(tx, self.submitted(row))
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
                has_room=(await places.room(tx, self.forum)).is_there_for(row.category),
            )
            return await self.move(tx, row, Step.confirm_email, status, REGISTRANT)

    async def cancel(self, registration_id: UUID, actor: str) -> Registration:
        """The person will not come; whoever waits longest for the place moves up."""
        async with self.database.begin() as tx:
            row = await self.hold(tx, registration_id)
            lifecycle.check(Step.cancel, Status(row.status))
            cancelled = await self.move(tx, row, Step.cancel, Status.cancelled, actor)
            if places.frees_a_place(row):
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
        return await self.lock(tx, registration_id)

    async def lock(self, tx: AsyncConnection, registration_id: UUID) -> Registration:
        """The registration, held so that concurrent steps have one winner.

        Raises:
            Problem: 404, there is none.
        """
        row = (await tx.execute(_LOCK, {"of": registration_id})).one_or_none()
        if row is None:
            raise not_found("registration")
        return row

    async def change(self, tx: AsyncConnection, row: Registration, **changes: Any) -> Registration:
        """Write columns of a registration that is held; its version grows."""
        changed: Registration = (await tx.execute(_CHANGE, {"of": row.id, **changes})).one()
        return changed

    async def move(
        self,
        tx: AsyncConnection,
        row: Registration,
        step: Step,
        status: Status,
        actor: str,
        reason: str | None = None,
        reason_id: str | None = None,
        **changes: Any,
    ) -> Registration:
        """Bring a registration into a state: the row, its history and the event, together."""
        now = self.clock.now()
        if status == Status.waitlisted:
            changes["queued_at"] = now
        # A place that was held for it is its own now, or free.
        row = await self.change(
            tx, row, status=status, state_since=now, place_held=False, **changes
        )
        await self.record(tx, row, step, actor, reason, reason_id)
        await self.say(tx, await self._fact(tx, row, status, reason))
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

    def check_days(self, category: str, days: Collection[int]) -> None:
        """Let pass who may be admitted on at least one of the days.

        Raises:
            Problem: 422.
        """
        if not set(days) & set(self.forum.category(category).days):
            error = FieldError("days", "contains none on which the category is admitted", "days")
            raise invalid_input([error])

    async def _insert(
        self,
        tx: AsyncConnection,
        registration_id: UUID,
        new: NewRegistration,
        days: Collection[int],
    ) -> Registration:
        columns = self.columns(new, days) | {"id": registration_id, "status": Status.submitted}
        while True:
            columns |= self.drawn_reference(columns)
            row: Registration | None = (await tx.execute(_INSERT, columns)).one_or_none()
            if row is not None:
                return row

    def columns(self, new: NewRegistration, days: Collection[int]) -> dict[str, Any]:
        """What every new registration has, whoever sent it; id, status and reference come on."""
        now = self.clock.now()
        unkept = {"consent", "consent_language", "photo", "days", "position"}
        return {
            **new.model_dump(exclude=unkept),
            "position": new.position or "",
            "name_key": duplicates.name_key(new.given_name, new.family_name),
            "days": days,
            "version": 1,
            "consent_at": now,
            "consent_version": self.forum.consent.version,
            "consent_language": new.consent_language or new.language,
            "submitted_at": now,
            "state_since": now,
        }

    def drawn_reference(self, columns: Mapping[str, Any]) -> dict[str, str]:
        """A reference, drawn by lot: somebody else may have it; and the words it is found by."""
        reference = new_reference(self.forum.reference_prefix)
        words = search_text(**{name: columns[name] for name in SEARCHED}, reference=reference)
        return {"reference": reference, "search_text": words}

    async def record(
        self,
        tx: AsyncConnection,
        row: Registration,
        step: Step,
        actor: str,
        reason: str | None = None,
        reason_id: str | None = None,
    ) -> None:
        """Write into the history who has done what; what staff did into the audit log too."""
        now = self.clock.now()
        act = {
            "registration_id": row.id,
            "step": step,
            "status": row.status,
            "actor": actor,
            "reason": reason,
            "reason_id": reason_id,
            "at": now,
        }
        await tx.execute(_RECORD, act)
        if actor not in (REGISTRANT, SYSTEM):
            # What an amendment has for a reason are the names of the fields.
            is_amendment = step == Step.amend
            await audit.note(
                tx,
                now,
                f"registration.{step}",
                about=[row.id],
                reason=None if is_amendment else reason,
                fields=reason if is_amendment else None,
            )

    async def say(self, tx: AsyncConnection, fact: Fact) -> None:
        await outbox.say(tx, Event("/registration", self.clock.now(), fact))

    def contact(self, row: Registration) -> dict[str, Any]:
        """What those who write to a person are told, in whichever fact."""
        return {
            "registration_id": row.id,
            "version": row.version,
            "email": row.email,
            "given_name": row.given_name,
            "family_name": row.family_name,
            "title": row.title,
            "language": row.language,
            "me_link": self.links.me(row),
        }

    def submitted(self, row: Registration) -> Fact:
        return RegistrationSubmitted(
            **self.contact(row),
            reference=row.reference,
            confirm_link=self.links.confirm(row),
        )

    async def _fact(
        self, tx: AsyncConnection, row: Registration, status: Status, reason: str | None
    ) -> Fact:
        """What is to be said of a registration that has come into a state."""
        about = {"registration_id": row.id, "version": row.version}
        match status:
            case Status.in_review:
                return RegistrationInReview(**about)
            case Status.waitlisted:
                return RegistrationWaitlisted(**about)
            case Status.confirmed:
                # Nobody else needs the photo before.
                photo = (await photos.portraits(tx, [row.id])).get(row.id)
                return RegistrationConfirmed(**about, person=self.person(row), photo=photo)
            case Status.declined:
                return RegistrationDeclined(**about, reason=reason or "")
            case Status.cancelled:
                return RegistrationCancelled(**about)
            case Status.erased:
                return RegistrationErased(**about)
            case Status.submitted:
                return self.submitted(row)


# A coroutine: FastAPI would run a plain function in a thread.
async def _registrations_of(request: Request) -> Registrations:
    registrations: Registrations = request.app.state.registrations
    return registrations


TheRegistrations = Annotated[Registrations, Depends(_registrations_of)]
"""A route's parameter."""


async def _get(connection: AsyncConnection, registration_id: UUID) -> Registration:
    row = (await connection.execute(_GET, {"of": registration_id})).one_or_none()
    if row is None:
        raise not_found("registration")
    return row


def day_indices(forum: Forum, days: Collection[date] | None) -> list[int]:
    """Days as the table stores them: indices into the forum's days; all when none is named."""
    return sorted({forum.days.index(day) for day in days or forum.days})


def new_reference(prefix: str) -> str:
    """A short name for people, drawn by lot: somebody else may have it."""
    return f"{prefix}-" + "".join(secrets.choice(ALPHABET) for _ in range(6))
