"""How long personal data are kept: the periods of forum.toml, carried out day by day.

Each service says what it has (`Service.keeps`). What is over its time is removed in small
transactions, each with an entry in the audit log that says how much; statistics stay. Nothing is
remembered of a run: to do it again changes nothing, so a restart does no harm."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

import structlog
from sqlalchemy.ext.asyncio import AsyncConnection

from shared import audit
from shared.clock import Clock
from shared.database import Database
from shared.forum import Forum

log = structlog.get_logger()

LOOK_SECONDS: Final = 60.0
"""How soon a new day of the forum's clock is noticed."""
BATCH_SECONDS: Final = 60.0

Forget = Callable[[AsyncConnection, datetime], Awaitable[int]]
"""Removes some of what is older than that moment; answers how much, 0 when there is none left."""


@dataclass(frozen=True)
class Rule:
    """What is kept for so long."""

    what: str
    days: int
    forget: Forget
    counts_from_the_end: bool = True
    """Of the forum; else each thing's days begin when it was made."""

    def is_due(self, forum: Forum, now: datetime) -> bool:
        end = forum.closing_time(forum.days[-1])
        return not self.counts_from_the_end or now - timedelta(days=self.days) >= end


async def carry_out(database: Database, forum: Forum, clock: Clock, rule: Rule) -> int:
    """Remove what is over its time by this rule; answers how much that was."""
    total, now = 0, clock.now()
    while rule.is_due(forum, now):
        async with database.begin(within=BATCH_SECONDS) as tx:
            gone = await rule.forget(tx, now - timedelta(days=rule.days))
            if gone == 0:
                break
            await audit.note(tx, now, f"retention.{rule.what}", count=gone, days=rule.days)
        total += gone
    if total:
        log.info("retention.carried_out", what=rule.what, count=total)
    return total
