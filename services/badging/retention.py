"""What is kept of holders, and for how long: forum.toml, `[retention]`. The rest goes with the
registration."""

from __future__ import annotations

from datetime import datetime
from typing import Final

from sqlalchemy import select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from services.badging.tables import holders

AT_ONCE: Final = 200


async def remove_photos(tx: AsyncConnection, before: datetime) -> int:
    some = select(holders.c.registration_id).where(holders.c.photo.is_not(None)).limit(AT_ONCE)
    removed = update(holders).where(holders.c.registration_id.in_(some)).values(photo=None)
    return (await tx.execute(removed)).rowcount
