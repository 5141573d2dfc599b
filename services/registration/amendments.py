"""Corrections: by the registrant, by staff, and what follows from them."""

from __future__ import annotations

from typing import Any, Final
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncConnection

from services.registration import duplicates, lifecycle, own_links, photos, places
from services.registration.forms import Amendment
from services.registration.lifecycle import Status, Step
from services.registration.registrations import REGISTRANT, Registrations, day_indices
from services.registration.search_text import SEARCHED, search_text
from services.registration.tables import Registration
from shared.events import (
    RegistrationAmended,
    RegistrationContactChanged,
    RegistrationPhotoChanged,
    RegistrationReopened,
)
from shared.forum import Forum
from shared.problems import conflict

_OF_THE_VISIT: Final = frozenset({"category", "days"})
_CONTACT_FIELDS: Final = frozenset({"email", "given_name", "family_name", "title", "language"})


def is_over(of: Registrations) -> bool:
    """Whether the forum is over: only what stands on the certificate still counts."""
    return of.clock.now() >= of.forum.certificates_begin


async def amend(
    of: Registrations, registration_id: UUID, amendment: Amendment, actor: str
) -> Registration:
    """Correct a registration: only what is given changes.

    Raises:
        Problem: 409 when it has ended or the new category is full, and when the registrant asks
            for another category or other days after the forum; 422 for days on which the category
            is not admitted, and for a photo that is no picture.
    """
    changes = _columns(of.forum, amendment)
    photo = None if amendment.photo is None else await photos.take(amendment.photo)
    async with of.database.begin() as tx:
        hold = of.hold if "category" in changes else of.lock
        row = await hold(tx, registration_id)
        lifecycle.check(Step.amend, Status(row.status))
        if "photo" in amendment.model_fields_set and await photos.keep(tx, row.id, photo):
            row = await _change_photo(of, tx, row, actor)
        changes = {name: new for name, new in changes.items() if getattr(row, name) != new}
        if not changes:
            return row
        if _OF_THE_VISIT & set(changes):
            if actor == REGISTRANT and is_over(of):
                raise conflict("The forum is over: category and days stay as they were.")
            category = changes.get("category", row.category)
            of.check_days(category, changes.get("days", row.days))
        if "category" not in changes:
            return await _change(of, tx, row, changes, actor)
        if actor == REGISTRANT and lifecycle.is_reopened_by_another_category(Status(row.status)):
            return await _reopen(of, tx, row, changes)
        return await _change_category(of, tx, row, changes, actor)


async def _change_category(
    of: Registrations, tx: AsyncConnection, row: Registration, changes: dict[str, Any], actor: str
) -> Registration:
    """Into another category only with a place there; the place left behind is given away."""
    if row.status == Status.confirmed:
        room = await places.room(tx, of.forum)
        if not room.is_there_for(changes["category"], leaving=row.category):
            raise conflict("The category is full.")
    row = await _change(of, tx, row, changes, actor)
    promoted = {other.id: other for other in await of.promote(tx)}
    return promoted.get(row.id, row)


async def _reopen(
    of: Registrations, tx: AsyncConnection, before: Registration, changes: dict[str, Any]
) -> Registration:
    """Whoever has been accepted for what they said they are is looked at again for what they say
    now (docs/decisions/0019-another-category-is-reviewed-again.md)."""
    row = await of.change(
        tx,
        before,
        status=Status.in_review,
        state_since=of.clock.now(),
        queued_at=None,
        **changes,
        **_follows(before, changes),
    )
    await of.record(tx, row, Step.amend, REGISTRANT, ", ".join(sorted(changes)))
    had_a_badge = before.status == Status.confirmed
    await of.say(
        tx,
        RegistrationReopened(registration_id=row.id, version=row.version, had_a_badge=had_a_badge),
    )
    if _CONTACT_FIELDS & set(changes):
        await of.say(tx, RegistrationContactChanged(**of.contact(row)))
    if had_a_badge:
        await of.promote(tx)
    return row


async def _change(
    of: Registrations, tx: AsyncConnection, row: Registration, changes: dict[str, Any], actor: str
) -> Registration:
    row = await of.change(tx, row, **changes, **_follows(row, changes))
    await of.record(tx, row, Step.amend, actor, ", ".join(sorted(changes)))
    if row.status == Status.confirmed:
        amended = RegistrationAmended(
            registration_id=row.id, version=row.version, person=of.person(row)
        )
        await of.say(tx, amended)
    if "email" in changes:
        await of.say(tx, own_links.links_revoked(row))
    if row.status == Status.submitted and "email" in changes:
        # The link that went to the old address does not confirm the new one.
        await of.say(tx, of.submitted(row))
    elif _CONTACT_FIELDS & set(changes):
        await of.say(tx, RegistrationContactChanged(**of.contact(row)))
    return row


async def _change_photo(
    of: Registrations, tx: AsyncConnection, row: Registration, actor: str
) -> Registration:
    row = await of.change(tx, row)
    await of.record(tx, row, Step.amend, actor, "photo")
    if row.status == Status.confirmed:
        portraits = await photos.portraits(tx, [row.id])
        changed = RegistrationPhotoChanged(
            registration_id=row.id, version=row.version, photo=portraits.get(row.id)
        )
        await of.say(tx, changed)
    return row


def _columns(forum: Forum, amendment: Amendment) -> dict[str, Any]:
    """What an amendment gives, as the table stores it."""
    given = amendment.model_dump(exclude_unset=True, exclude={"photo"})
    if "days" in given:
        given["days"] = day_indices(forum, given["days"])
    if "position" in given:
        given["position"] = given["position"] or ""
    return given


def _follows(row: Registration, changes: dict[str, Any]) -> dict[str, Any]:
    """What changes by itself with what is changed."""
    following: dict[str, Any] = {}
    if {"given_name", "family_name"} & set(changes):
        given, family = (changes.get(n, getattr(row, n)) for n in ("given_name", "family_name"))
        following["name_key"] = duplicates.name_key(given, family)
    if set(SEARCHED) & set(changes):
        known = row._asdict() | changes
        names = {name: known[name] for name in SEARCHED}
        following["search_text"] = search_text(**names, reference=row.reference)
    if "email" in changes:
        # What was sent to the old address, perhaps a stranger's, opens nothing any more.
        following |= {"mail_bounced_at": None, "link_number": row.link_number + 1}
    return following
