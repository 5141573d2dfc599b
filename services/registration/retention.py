"""What is kept of registrants, and for how long: forum.toml, `[retention]`."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime
from typing import Final

from sqlalchemy import ColumnElement, delete, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from services.registration import erasure, places
from services.registration.lifecycle import Status
from services.registration.registrations import Registrations
from services.registration.tables import attendances, photos, registrations
from shared.retention import Rule

AT_ONCE: Final = 100
"""Things a transaction; whoever registers meanwhile waits for it."""


def rules(of: Registrations) -> Iterator[Rule]:
    kept = of.forum.retention

    async def erase_unconfirmed(tx: AsyncConnection, before: datetime) -> int:
        is_unconfirmed = registrations.c.status == Status.submitted
        return await _erase(tx, is_unconfirmed & (registrations.c.submitted_at < before))

    async def erase_all(tx: AsyncConnection, before: datetime) -> int:
        return await _erase(tx, registrations.c.status != Status.erased)

    async def _erase(tx: AsyncConnection, whom: ColumnElement[bool]) -> int:
        # First, so that whoever confirms the address meanwhile is none of them any more.
        await places.lock(tx)
        query = select(registrations.c.id).where(whom).order_by(registrations.c.id).limit(AT_ONCE)
        found = list((await tx.execute(query)).scalars())
        for registration_id in found:
            await erasure.erase_over_time(of, tx, registration_id)
        return len(found)

    yield Rule("unconfirmed", kept.unconfirmed_days, erase_unconfirmed, counts_from_the_end=False)
    yield Rule("photos", kept.photos_days, _remove_photos)
    yield Rule("attendances", kept.scans_days, _unlink_attendances)
    yield Rule("registrations", kept.registrations_days, erase_all)


async def _remove_photos(tx: AsyncConnection, before: datetime) -> int:
    some = select(photos.c.registration_id).limit(AT_ONCE)
    return (await tx.execute(delete(photos).where(photos.c.registration_id.in_(some)))).rowcount


async def _unlink_attendances(tx: AsyncConnection, before: datetime) -> int:
    """That somebody came stays; who, does not."""
    theirs = attendances.c.registration_id.is_not(None)
    some = select(attendances.c.scan_id).where(theirs).limit(AT_ONCE * 10)
    unlinked = update(attendances).where(attendances.c.scan_id.in_(some))
    return (await tx.execute(unlinked.values(registration_id=None))).rowcount
