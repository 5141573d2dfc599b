"""What is kept of holders, and for how long: forum.toml, `[retention]`. The rest goes with the
registration."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime
from typing import Final

from sqlalchemy import select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from services.badging.tables import attendances, holders
from shared.forum import Retention
from shared.retention import Rule

AT_ONCE: Final = 200


def rules(kept: Retention) -> Iterator[Rule]:
    yield Rule("photos", kept.photos_days, _remove_photos)
    yield Rule("attendances", kept.scans_days, _unlink_attendances)


async def _remove_photos(tx: AsyncConnection, before: datetime) -> int:
    some = select(holders.c.registration_id).where(holders.c.photo.is_not(None)).limit(AT_ONCE)
    removed = update(holders).where(holders.c.registration_id.in_(some)).values(photo=None)
    return (await tx.execute(removed)).rowcount


async def _unlink_attendances(tx: AsyncConnection, before: datetime) -> int:
    """Certificates have been given long ago, and have their days themselves."""
    theirs = attendances.c.registration_id.is_not(None)
    some = select(attendances.c.scan_id).where(theirs).limit(AT_ONCE * 10)
    unlinked = update(attendances).where(attendances.c.scan_id.in_(some))
    return (await tx.execute(unlinked.values(registration_id=None))).rowcount
