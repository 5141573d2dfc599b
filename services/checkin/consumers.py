"""What the check-in service hears: who may come, which badges are good, which keys sign them."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any, Final

from sqlalchemy import Uuid, bindparam, update
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncConnection

from services.checkin import attendance, forgetting, persons, photos
from services.checkin.admission import BadgeStatus
from services.checkin.alerts import AlertKind, end_alert, raise_alert
from services.checkin.gates import Gates
from services.checkin.keys import VerifyingKeys
from services.checkin.live import Live
from services.checkin.tables import badges, participants, signing_keys, troubles_heard
from shared.bus import Consumer
from shared.database import Database, after_commit
from shared.events import (
    CHECKIN_ALERTS,
    CHECKIN_PARTICIPANTS,
    BadgeIssued,
    BadgeRestated,
    BadgeRevoked,
    Event,
    KeyPublished,
    Person,
    RegistrationAmended,
    RegistrationCancelled,
    RegistrationConfirmed,
    RegistrationErased,
    RegistrationFact,
    RegistrationPhotoChanged,
    RegistrationReopened,
    RegistrationRestated,
    TroubleCounted,
)
from shared.folding import search_name

Fact = Any
LEAST = {"dead_letters": 1, "mail_bouncing": 5}
"""One mail that comes back is a reviewer's everyday, several in an hour are a server's trouble."""
NOBODY: dict[str, str | None] = {
    "given_name": "",
    "family_name": "",
    "organization": "",
    "country": "",
    "category": "",
    "gender": None,
}


def replica(database: Database, live: Live, keys: VerifyingKeys) -> Consumer:
    def then(
        tell: Callable[[], None], handle: Callable[[AsyncConnection, Fact], Awaitable[None]]
    ) -> Callable[[AsyncConnection, Fact, Event], Awaitable[None]]:
        async def handler(tx: AsyncConnection, fact: Fact, event: Event) -> None:
            await handle(tx, fact)
            after_commit(tx, tell)

        return handler

    def tell_of_keys() -> None:
        keys.changed()
        live.people_changed()

    return Consumer(
        CHECKIN_PARTICIPANTS,
        database,
        {
            RegistrationConfirmed: then(live.people_changed, know_participant),
            RegistrationAmended: then(live.people_changed, know_participant),
            RegistrationPhotoChanged: then(live.people_changed, change_photo),
            RegistrationCancelled: then(live.people_changed, stop_participant),
            RegistrationReopened: then(live.people_changed, stop_participant),
            RegistrationErased: then(live.people_changed, forget_participant),
            BadgeIssued: then(live.people_changed, know_badge),
            BadgeRevoked: then(live.people_changed, stop_badge),
            RegistrationRestated: then(live.people_changed, restate_participant),
            BadgeRestated: then(live.people_changed, restate_badge),
            KeyPublished: then(tell_of_keys, know_key),
        },
    )


def troubles(gates: Gates) -> Consumer:
    """What goes wrong elsewhere, and somebody in the control room should look at."""

    async def note_trouble(tx: AsyncConnection, fact: TroubleCounted, event: Event) -> None:
        if not await _is_newest(tx, fact, event):
            return
        kind = AlertKind(fact.kind)
        if fact.count >= LEAST[fact.kind]:
            await raise_alert(tx, gates, kind, at=event.time, detail=fact.where)
        elif fact.count == 0:
            await end_alert(tx, gates, kind, detail=fact.where)

    return Consumer(CHECKIN_ALERTS, gates.database, {TroubleCounted: note_trouble})


async def _is_newest(tx: AsyncConnection, fact: TroubleCounted, event: Event) -> bool:
    """Whether no later count was heard before this one, by the ids of the events (UUIDv7): forum
    time begins again with each rehearsal."""
    heard = insert(troubles_heard).values(kind=fact.kind, place=fact.where, event_id=event.id)
    noted = heard.on_conflict_do_update(
        index_elements=["kind", "place"],
        set_={"event_id": heard.excluded.event_id},
        where=troubles_heard.c.event_id < heard.excluded.event_id,
    )
    return (await tx.execute(noted)).rowcount == 1


async def know_participant(
    tx: AsyncConnection, fact: RegistrationConfirmed | RegistrationAmended
) -> None:
    await _note_person(tx, fact, fact.person, "confirmed")
    if isinstance(fact, RegistrationConfirmed) and fact.photo is not None:
        await photos.note(tx, fact.registration_id, fact.version, fact.photo)


async def change_photo(tx: AsyncConnection, fact: RegistrationPhotoChanged) -> None:
    await persons.hold_particulars(tx, fact.registration_id)
    await photos.note(tx, fact.registration_id, fact.version, fact.photo)


async def stop_participant(
    tx: AsyncConnection, fact: RegistrationCancelled | RegistrationReopened
) -> None:
    # For the gates both are the same: the person does not come, or not yet again.
    # Name and photo stay: an officer who refuses somebody wants to know whom.
    await _note_status(tx, fact, "cancelled")


async def forget_participant(tx: AsyncConnection, fact: RegistrationErased) -> None:
    await _note_status(tx, fact, "erased")
    await _note_particulars(tx, fact, NOBODY)
    await _forget_hold(tx, fact)
    await photos.note(tx, fact.registration_id, fact.version, None)
    await forgetting.forget_what_was_said(tx, fact.registration_id)


async def know_badge(tx: AsyncConnection, fact: BadgeIssued) -> None:
    await persons.hold_badge(tx, fact.badge_id)
    await tx.execute(
        _KNOW_BADGE,
        {
            "badge_id": fact.badge_id,
            "registration_id": fact.registration_id,
            "version": fact.version,
            "status": BadgeStatus.valid,
            "number": fact.number,
            "days": fact.days,
            "zones": fact.zones,
        },
    )


async def stop_badge(tx: AsyncConnection, fact: BadgeRevoked) -> None:
    statement = insert(badges).values(
        badge_id=fact.badge_id,
        registration_id=fact.registration_id,
        version=fact.version,
        status=fact.status,
        days=0,
        zones=0,
    )
    await tx.execute(
        statement.on_conflict_do_update(
            index_elements=["badge_id"],
            set_={"status": fact.status, "version": fact.version},
            where=badges.c.version < statement.excluded.version,
        )
    )


async def restate_participant(tx: AsyncConnection, fact: RegistrationRestated) -> None:
    if fact.person is not None:
        await _note_person(tx, fact, fact.person, fact.status)
    else:
        await _note_status(tx, fact, fact.status)
        await _note_particulars(tx, fact, NOBODY)
        await _forget_hold(tx, fact)
    await photos.note(tx, fact.registration_id, fact.version, fact.photo)


async def restate_badge(tx: AsyncConnection, fact: BadgeRestated) -> None:
    stated = {
        "version": fact.version,
        "status": fact.status,
        "number": fact.number,
        "days": fact.days,
        "zones": fact.zones,
    }
    await persons.hold_badge(tx, fact.badge_id)
    statement = insert(badges).values(
        badge_id=fact.badge_id, registration_id=fact.registration_id, **stated
    )
    await tx.execute(
        statement.on_conflict_do_update(
            index_elements=["badge_id"],
            set_=stated,
            where=badges.c.version < statement.excluded.version,
        )
    )


async def know_key(tx: AsyncConnection, fact: KeyPublished) -> None:
    statement = insert(signing_keys).values(
        key_id=fact.key_id, public_key=bytes.fromhex(fact.public_key), retired=fact.retired
    )
    await tx.execute(
        statement.on_conflict_do_update(
            index_elements=["key_id"],
            # A key once retired is never good again, in whatever order we hear.
            set_={"retired": signing_keys.c.retired | statement.excluded.retired},
        )
    )


async def _note_person(
    tx: AsyncConnection, fact: RegistrationFact, person: Person, status: str
) -> None:
    await _note_status(tx, fact, status)
    await _note_particulars(tx, fact, person.model_dump(include=set(NOBODY)))
    # The badge may have been heard of, and let in, before its person.
    await attendance.name_groups(tx, fact.registration_id, person.category, person.country)


async def _note_status(tx: AsyncConnection, fact: RegistrationFact, status: str) -> None:
    """Hold the person until the transaction ends, and note whether they come."""
    await persons.hold_particulars(tx, fact.registration_id)
    who = {"registration_id": fact.registration_id, "whose": fact.registration_id}
    await tx.execute(_NOTE_STATUS, who | {"version": fact.version, "status": status})


async def _note_particulars(
    tx: AsyncConnection, fact: RegistrationFact, particulars: dict[str, str | None]
) -> None:
    """They have a version of their own: who cancelled is still known by the newest name."""
    name = search_name(particulars["given_name"] or "", particulars["family_name"] or "")
    told = {"particulars_version": fact.version, "search_name": name, **particulars}
    await tx.execute(_NOTE_PARTICULARS, {"of": fact.registration_id, "as_of": fact.version, **told})


async def _forget_hold(tx: AsyncConnection, fact: RegistrationFact) -> None:
    """Whatever else is heard of a person, a security hold stays (holds.py); not beyond erasure."""
    who = participants.c.registration_id == fact.registration_id
    await tx.execute(update(participants).where(who).values(blocked=False))


_badge = insert(badges)
_KNOW_BADGE: Final = _badge.on_conflict_do_update(
    index_elements=["badge_id"],
    # Its end may have been heard before its beginning: a stopped badge stays stopped.
    set_={name: _badge.excluded[name] for name in ("number", "days", "zones")},
)
_participant = insert(participants).values(
    particulars_version=0,
    search_name="",
    photo=photos.edition_of(bindparam("whose", type_=Uuid)),
    **NOBODY,
)
_NOTE_STATUS: Final = _participant.on_conflict_do_update(
    index_elements=["registration_id"],
    set_={name: _participant.excluded[name] for name in ("status", "version")},
    where=participants.c.version < _participant.excluded.version,
)
_NOTE_PARTICULARS: Final = update(participants).where(
    participants.c.registration_id == bindparam("of"),
    participants.c.particulars_version < bindparam("as_of"),
)
