"""Saying again what is true of every badge and key, for another service's copy made anew."""

from __future__ import annotations

from typing import Final

from sqlalchemy import select

from services.badging.badges import Badges
from services.badging.tables import badges, keys
from shared import audit, outbox
from shared.events import BadgeRestated, Event, KeyPublished

AT_ONCE: Final = 500
"""Badges a transaction: a large forum must not hold one open for long."""


async def restate(of: Badges) -> int:
    """Say of each badge and key how it stands; answers how many badges there are.

    One that changes meanwhile says so by its own event, with a higher version.
    """
    await _restate_keys(of)
    said, after = 0, 0
    while True:
        async with of.database.begin() as tx:
            query = select(badges).where(badges.c.seq > after).order_by(badges.c.seq).limit(AT_ONCE)
            rows = list(await tx.execute(query))
            facts = [
                BadgeRestated(
                    badge_id=row.id,
                    registration_id=row.registration_id,
                    version=row.version,
                    number=row.number,
                    days=row.days,
                    zones=row.zones,
                    status=row.status,
                )
                for row in rows
            ]
            now = of.clock.now()
            await outbox.say(tx, *(Event("/badging", now, fact) for fact in facts))
        said += len(rows)
        if len(rows) < AT_ONCE:
            return said
        after = rows[-1].seq


async def _restate_keys(of: Badges) -> None:
    async with of.database.begin() as tx:
        rows = list(await tx.execute(select(keys)))
        facts = [
            KeyPublished(
                key_id=row.id,
                public_key=row.public_key.hex(),
                retired=row.retired_at is not None,
            )
            for row in rows
        ]
        now = of.clock.now()
        await audit.note(tx, now, "badges.restate")
        await outbox.say(tx, *(Event("/badging", now, fact) for fact in facts))
