"""What is kept of mails, and for how long: forum.toml, `[retention]`. That there was a mail, and
what became of it, stays."""

from __future__ import annotations

from datetime import datetime
from typing import Final

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncConnection

from services.notifications import messages, recipients
from services.notifications import tables as t

AT_ONCE: Final = 100


async def forget_recipients(tx: AsyncConnection, before: datetime) -> int:
    query = (
        select(t.recipients.c.registration_id)
        .where(t.recipients.c.erased_at.is_(None))
        .limit(AT_ONCE)
        .with_for_update(skip_locked=True)
    )
    found = (await tx.execute(query)).scalars().all()
    for registration_id in found:
        await recipients.erase(tx, registration_id)
        await messages.erase(tx, registration_id)
    return len(found)
