"""What happens to a registration: a use case is one transaction with the events it makes true."""

from __future__ import annotations

import hashlib
import secrets
from dataclasses import dataclass
from datetime import timedelta
from typing import Annotated, Any
from uuid import UUID

from fastapi import Depends, Request
from pydantic import BaseModel
from sqlalchemy import Row, bindparam, insert, select, update
from sqlalchemy.dialects.postgresql import insert as upsert
from sqlalchemy.ext.asyncio import AsyncConnection
from uuid_utils.compat import uuid7

from services.registration import lifecycle, places
from services.registration.forms import Amendment, NewRegistration
from services.registration.lifecycle import Status, Step
from services.registration.tables import history, idempotency_keys, registrations
from shared import outbox
from shared.access import InvalidToken, Keyring, Purpose
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
from shared.problems import Problem, not_found

Registration = Row[Any]
"""A row of `registrations`."""

CONFIRM_LIFETIME = timedelta(days=30)
REGISTRANT = "registrant"
SYSTEM = "system"
_CONTACT_FIELDS = frozenset({"email", "given_name", "family_name", "title", "language"})
_ERASED = {
    "title": None,
    "given_name": "",
    "family_name": "",
    "email": "",
    "organization": "",
    "position": "",
    "gender": None,
    "accessibility_needs": None,
}


@dataclass(frozen=True)
class Registrations:
    """The use cases, and what they need."""

    database: Database
    forum: Forum
    clock: Clock
    keyring: Keyring
    origin: str

    async def submit(
        self, new: NewRegistration, idempotency_key: str | None = None
    ) -> Registration:
        """Take a request to come. With the key of an earlier call: that call's registration.

        Raises:
            Problem: 403 outside the registration period, 422 for a key used for something else.
        """
        if not self.forum.is_open(self.clock.now()):
            raise Problem(403, "registration-closed", "Registration is not open at this time.")
        registration_id = uuid7()
        async with self.database.begin() as tx:
            if idempotency_key is not None:
                earlier = await _claim_key(tx, idempotency_key, new, registration_id)
                if earlier is not None:
                    return await _get(tx, earlier)
            row = await self._insert(tx, registration_id, new)
            await self._record(tx, row, Step.submit, REGISTRANT, None)
            await self._say(tx, self._submitted(row))
        return row

    async def confirm_email(self, registration_id: UUID, token: str) -> Registration:
        """The registrant has read our mail. Doing it again changes nothing.

        Raises:
            Problem: 403 for a wrong token, 409 once it is declined, cancelled or erased.
        """
        async with self.database.begin() as tx:
            row = await _lock(tx, registration_id)
            self._check_confirm_token(row, token)
            if row.status in (Status.in_review, Status.waitlisted, Status.confirmed):
                return row
            lifecycle.check(Step.confirm_email, Status(row.status))
            await places.lock(tx)
            status = lifecycle.after_confirming_email(
                needs_review=self.forum.category(row.category).review,
                has_room=await places.has_room(tx, self.forum, row.category),
            )
            return await self.move(tx, row, Step.confirm_email, status, REGISTRANT)

    async def amend(self, registration_id: UUID, amendment: Amendment, actor: str) -> Registration:
        """Correct a registration: only what is given changes."""
        changes = _columns(self.forum, amendment.model_dump(exclude_unset=True, exclude_none=True))
        async with self.database.begin() as tx:
            row = await _lock(tx, registration_id)
            lifecycle.check(Step.amend, Status(row.status))
            changes = {name: new for name, new in changes.items() if getattr(row, name) != new}
            if not changes:
                return row
            row = await _update(tx, row, **changes)
            await self._record(tx, row, Step.amend, actor, ", ".join(sorted(changes)))
            if row.status == Status.confirmed:
                await self._say(
                    tx,
                    RegistrationAmended(
                        registration_id=row.id, version=row.version, person=self.person(row)
                    ),
                )
            if _CONTACT_FIELDS & set(changes):
                await self._say(tx, _contact(row))
        return row

    async def cancel(self, registration_id: UUID, actor: str) -> Registration:
        """The person will not come; whoever waits longest for the place moves up."""
        async with self.database.begin() as tx:
            row = await _lock(tx, registration_id)
            lifecycle.check(Step.cancel, Status(row.status))
            was_confirmed = row.status == Status.confirmed
            row = await self.move(tx, row, Step.cancel, Status.cancelled, actor)
            if was_confirmed:
                await self._promote(tx)
        return row

    async def erase(self, registration_id: UUID, actor: str) -> Registration:
        """Remove the personal data, here and wherever the event is heard."""
        async with self.database.begin() as tx:
            row = await _lock(tx, registration_id)
            lifecycle.check(Step.erase, Status(row.status))
            was_confirmed = row.status == Status.confirmed
            row = await _update(tx, row, **_ERASED)
            row = await self.move(tx, row, Step.erase, Status.erased, actor)
            if was_confirmed:
                await self._promote(tx)
        return row

    async def get(self, registration_id: UUID) -> Registration:
        async with self.database.read() as connection:
            return await _get(connection, registration_id)

    async def lock_for_review(self, tx: AsyncConnection, registration_id: UUID) -> Registration:
        """The registration, held until the transaction ends, and with it the places."""
        row = await _lock(tx, registration_id)
        await places.lock(tx)
        return row

    async def move(
        self,
        tx: AsyncConnection,
        row: Registration,
        step: Step,
        status: Status,
        actor: str,
        reason: str | None = None,
    ) -> Registration:
        """Bring a registration into a state: the row, its history and the event, together."""
        changes: dict[str, Any] = {"status": status}
        if status == Status.waitlisted:
            changes["queued_at"] = self.clock.now()
        row = await _update(tx, row, **changes)
        await self._record(tx, row, step, actor, reason)
        await self._say(tx, self._fact(row, status, reason))
        return row

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

    def me_link(self, row: Registration) -> str:
        return f"{self.origin}/registration/me?token={self.keyring.registrant_token(row.id)}"

    def _check_confirm_token(self, row: Registration, token: str) -> None:
        try:
            content = self.keyring.read(Purpose.confirm_email, token)
        except InvalidToken:
            raise _wrong_link() from None
        if content["sub"] != str(row.id) or content.get("email") != _address_digest(row.email):
            raise _wrong_link()

    async def _insert(
        self, tx: AsyncConnection, registration_id: UUID, new: NewRegistration
    ) -> Registration:
        now = self.clock.now()
        given = new.model_dump(exclude={"consent"})
        given["days"] = given["days"] or self.forum.days
        given["position"] = given["position"] or ""
        statement = (
            upsert(registrations)
            .values(
                **_columns(self.forum, given),
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

    async def _promote(self, tx: AsyncConnection) -> None:
        await places.lock(tx)
        row = await places.first_in_line(tx, self.forum)
        if row is not None:
            await self.move(tx, row, Step.promote, Status.confirmed, SYSTEM)

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
        token = self.keyring.sign(
            Purpose.confirm_email,
            str(row.id),
            CONFIRM_LIFETIME,
            email=_address_digest(row.email),
        )
        return RegistrationSubmitted(
            registration_id=row.id,
            version=row.version,
            reference=row.reference,
            email=row.email,
            given_name=row.given_name,
            family_name=row.family_name,
            title=row.title,
            language=row.language,
            confirm_link=f"{self.origin}/registration/confirm?id={row.id}&token={token}",
            me_link=self.me_link(row),
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


async def _claim_key(
    tx: AsyncConnection, key: str, new: NewRegistration, registration_id: UUID
) -> UUID | None:
    """Take an idempotency key for this request; answers the earlier registration if it was taken.

    A second request with the key waits here until the first has committed.

    Raises:
        Problem: 422, the key was used for another request.
    """
    digest = _digest(new)
    claim = (
        upsert(idempotency_keys)
        .values(key=key, request_digest=digest, registration_id=registration_id)
        .on_conflict_do_nothing()
    )
    if (await tx.execute(claim)).rowcount == 1:
        return None
    earlier = (
        await tx.execute(select(idempotency_keys).where(idempotency_keys.c.key == key))
    ).one()
    if earlier.request_digest != digest:
        raise Problem(
            422,
            "idempotency-key-reused",
            "This Idempotency-Key was used for a different registration.",
        )
    return UUID(str(earlier.registration_id))


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


def _columns(forum: Forum, given: dict[str, Any]) -> dict[str, Any]:
    """A form's fields as the table stores them: days as indices into the forum's days."""
    if given.get("days") is None:
        given.pop("days", None)
        return given
    return {**given, "days": sorted({forum.days.index(day) for day in given["days"]})}


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


def _digest(form: BaseModel) -> bytes:
    return hashlib.sha256(form.model_dump_json().encode()).digest()


def _address_digest(email: str) -> str:
    """Binds a confirmation link to the address that it was sent to, without naming it."""
    return hashlib.sha256(email.encode()).hexdigest()[:16]


def _wrong_link() -> Problem:
    return Problem(
        403, "wrong-link", "This link is not valid, or no longer. Please use the newest mail."
    )
