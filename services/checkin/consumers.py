"""What the check-in service hears: who may come, which badges are good, which keys sign them."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any

from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncConnection

from services.checkin.admission import BadgeStatus
from services.checkin.live import LiveFigures
from services.checkin.tables import badges, participants, signing_keys
from shared.bus import Consumer
from shared.database import Database, after_commit
from shared.events import (
    CHECKIN_PARTICIPANTS,
    BadgeIssued,
    BadgeRevoked,
    Event,
    KeyPublished,
    RegistrationAmended,
    RegistrationCancelled,
    RegistrationConfirmed,
    RegistrationErased,
)

Fact = Any
NOBODY = {"given_name": "", "family_name": "", "organization": "", "country": "", "category": ""}


def replica(database: Database, live: LiveFigures) -> Consumer:
    def then_show(
        handle: Callable[[AsyncConnection, Fact], Awaitable[None]],
    ) -> Callable[[AsyncConnection, Fact, Event], Awaitable[None]]:
        async def handler(tx: AsyncConnection, fact: Fact, event: Event) -> None:
            await handle(tx, fact)
            after_commit(tx, live.changed)

        return handler

    return Consumer(
        CHECKIN_PARTICIPANTS,
        database,
        {
            RegistrationConfirmed: then_show(know_participant),
            RegistrationAmended: then_show(know_participant),
            RegistrationCancelled: then_show(stop_participant),
            RegistrationErased: then_show(forget_participant),
            BadgeIssued: then_show(know_badge),
            BadgeRevoked: then_show(stop_badge),
            KeyPublished: then_show(know_key),
        },
    )


async def know_participant(
    tx: AsyncConnection, fact: RegistrationConfirmed | RegistrationAmended
) -> None:
    person = fact.person
    await _write_participant(
        tx,
        registration_id=fact.registration_id,
        version=fact.version,
        status="confirmed",
        given_name=person.given_name,
        family_name=person.family_name,
        organization=person.organization,
        country=person.country,
        category=person.category,
        gender=person.gender,
    )


async def stop_participant(tx: AsyncConnection, fact: RegistrationCancelled) -> None:
    row = {
        "registration_id": fact.registration_id,
        "version": fact.version,
        "status": "cancelled",
        **NOBODY,
    }
    statement = insert(participants).values(row)
    await tx.execute(
        statement.on_conflict_do_update(
            index_elements=["registration_id"],
            # The name stays: an officer who refuses somebody wants to know whom.
            set_={"status": "cancelled", "version": fact.version},
            where=participants.c.version < statement.excluded.version,
        )
    )


async def forget_participant(tx: AsyncConnection, fact: RegistrationErased) -> None:
    await _write_participant(
        tx,
        registration_id=fact.registration_id,
        version=fact.version,
        status="erased",
        gender=None,
        **NOBODY,
    )


async def know_badge(tx: AsyncConnection, fact: BadgeIssued) -> None:
    particulars = {"number": fact.number, "days": fact.days, "zones": fact.zones}
    await tx.execute(
        insert(badges)
        .values(
            badge_id=fact.badge_id,
            registration_id=fact.registration_id,
            version=fact.version,
            status=BadgeStatus.valid,
            **particulars,
        )
        # Its end may have been heard before its beginning: a stopped badge stays stopped.
        .on_conflict_do_update(index_elements=["badge_id"], set_=particulars)
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


async def _write_participant(tx: AsyncConnection, **row: Any) -> None:
    statement = insert(participants).values(row)
    changes = {name: statement.excluded[name] for name in row if name != "registration_id"}
    await tx.execute(
        statement.on_conflict_do_update(
            index_elements=["registration_id"],
            set_=changes,
            where=participants.c.version < statement.excluded.version,
        )
    )
