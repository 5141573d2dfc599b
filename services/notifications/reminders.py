"""The day before somebody's first day: where to enter, until when, and the code to show.

Everybody who has a badge is reminded once. The message that is queued is the note that it was done:
its id as an event is made from the registration, so that neither a second process nor a later run
makes another one.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from datetime import datetime, time, timedelta
from typing import Final
from uuid import UUID, uuid5

import structlog
from sqlalchemy import Integer, exists, func, select
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.ext.asyncio import AsyncConnection

from services.notifications import messages
from services.notifications.matters import STORED, Badge, Kind, Reminder
from services.notifications.settings import LATEST_REMINDER
from services.notifications.tables import messages as m
from services.notifications.tables import recipients
from shared import trace
from shared.clock import Clock
from shared.database import Database, after_commit
from shared.forum import Forum

log = structlog.get_logger()

LOOK_SECONDS: Final = 30.0
AT_A_TIME: Final = 100
"""Messages queued in one transaction."""
NEWS_STAYS_FRESH: Final = timedelta(hours=1)
"""Whoever has just been sent the badge, with all that a reminder says, is reminded later."""
REMINDERS: Final = UUID("6f0d3c4e-2b1a-5e8f-9c7d-000000000001")
"""The name space of the ids."""


def first_day_to_remind_of(forum: Forum, now: datetime, begins: time) -> int | None:
    """Which of the forum's days people are reminded of at this moment, from 0; None: of none."""
    local = now.astimezone(forum.timezone)
    if not begins <= local.time() < LATEST_REMINDER:
        return None
    return forum.day_index(local.date() + timedelta(days=1))


class Reminders:
    """Looks again and again whom to remind.

    Args:
        begins: the time of day, at the forum, from which on.
        wake_mailer: called when there is something to send.
    """

    def __init__(
        self,
        database: Database,
        forum: Forum,
        clock: Clock,
        begins: time,
        wake_mailer: Callable[[], None],
    ) -> None:
        self._database = database
        self._forum = forum
        self._clock = clock
        self._begins = begins
        self._wake_mailer = wake_mailer

    async def run(self) -> None:
        """For ever."""
        while True:
            day = first_day_to_remind_of(self._forum, self._clock.now(), self._begins)
            if day is not None:
                try:
                    await self._remind_of(day)
                except (SQLAlchemyError, OSError) as error:
                    log.warning("reminders.database_unavailable", error=type(error).__name__)
            await asyncio.sleep(LOOK_SECONDS)

    async def _remind_of(self, day: int) -> None:
        reminded = AT_A_TIME
        while reminded == AT_A_TIME:
            async with self._database.begin() as tx:
                reminded = await remind(tx, day)
                after_commit(tx, self._wake_mailer)
            if reminded:
                log.info("reminders.queued", day=day, people=reminded)


async def remind(tx: AsyncConnection, day: int) -> int:
    """Queue the reminders of some people whose first day it is; answers of how many."""
    found = await _to_be_reminded(tx, day)
    for registration_id, badge in found:
        trace.follow(None)
        reminder = Reminder(number=badge.number, days=badge.days, files_link=badge.files_link)
        await messages.queue(
            tx, registration_id, reminder, event_id=uuid5(REMINDERS, str(registration_id))
        )
    return len(found)


async def _to_be_reminded(tx: AsyncConnection, day: int) -> Sequence[tuple[UUID, Badge]]:
    """People with a valid badge from this day on, held until the transaction ends: a cancellation
    that comes now finds the reminder, and drops it."""
    days = m.c.matter["days"].astext.cast(Integer)
    up_to_that_day = (1 << (day + 1)) - 1
    mailed = m.alias("mailed")
    done = exists().where(
        mailed.c.registration_id == recipients.c.registration_id, mailed.c.kind == Kind.reminder
    )
    query = (
        select(recipients.c.registration_id, m.c.matter)
        .join_from(recipients, m)
        .where(
            m.c.kind == Kind.badge,
            m.c.matter["badge_id"].astext == recipients.c.badge_id,
            days.op("&")(up_to_that_day) == 1 << day,
            m.c.event_id.is_not(None),  # one sent again by hand is of the same badge
            m.c.created_at <= func.now() - NEWS_STAYS_FRESH,
            recipients.c.email.is_not(None),
            recipients.c.state.is_distinct_from(Kind.declined),
            recipients.c.state.is_distinct_from(Kind.cancelled),
            ~done,
        )
        .limit(AT_A_TIME)
        .with_for_update(of=recipients)
    )
    found = []
    for registration_id, matter in (await tx.execute(query)).all():
        badge = STORED.validate_python(matter)
        assert isinstance(badge, Badge)
        found.append((registration_id, badge))
    return found
