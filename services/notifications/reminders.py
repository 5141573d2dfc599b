"""The day before somebody's first day: where to enter, until when, and the code to show.

Everybody who has a badge is reminded once. The message that is queued is the note that it was done:
its id as an event is made from the registration, so that neither a second process nor a later run
makes another one.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from datetime import datetime, time, timedelta
from typing import Any, Final
from uuid import UUID, uuid5

import structlog
from pydantic import ValidationError
from sqlalchemy import Integer, Row, Select, case, exists, func, select
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.ext.asyncio import AsyncConnection

from services.notifications import messages
from services.notifications.matters import Badge, Kind, Reminder
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
        self._unreadable: set[UUID] = set()

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
                reminded = await remind(tx, day, self._unreadable)
                after_commit(tx, self._wake_mailer)
            if reminded:
                log.info("reminders.queued", day=day, people=reminded)


async def remind(tx: AsyncConnection, day: int, unreadable: set[UUID]) -> int:
    """Queue the reminders of some people whose first day it is; answers of how many.

    Args:
        unreadable: mails with badges that cannot be read: they are passed over, and those that are
            found now are added. They keep nobody else from being reminded.
    """
    reminded = 0
    for row in await _to_be_reminded(tx, day, unreadable):
        badge = _badge_of(row)
        if badge is None:
            unreadable.add(row.id)
            continue
        trace.follow(None)
        reminder = Reminder(number=badge.number, days=badge.days, files_link=badge.files_link)
        about = row.registration_id
        await messages.queue(tx, about, reminder, event_id=uuid5(REMINDERS, str(about)))
        reminded += 1
    return reminded


def _badge_of(row: Row[Any]) -> Badge | None:
    """What the mail with the badge said; None where this version cannot read it."""
    try:
        return Badge.model_validate(row.matter)
    except ValidationError as error:
        mistake = messages.mistake_in(error)
        log.error("reminders.badge_cannot_be_read", message_id=str(row.id), error=mistake)
        return None


async def _to_be_reminded(
    tx: AsyncConnection, day: int, unreadable: set[UUID]
) -> Sequence[Row[Any]]:
    """People with a valid badge from this day on, held until the transaction ends: a cancellation
    that comes now finds the reminder, and drops it. Whose days cannot be read are among them."""
    stored = m.c.matter["days"].astext
    days = case((stored.regexp_match("^[0-9]{1,5}$"), stored.cast(Integer)))
    up_to_that_day = (1 << (day + 1)) - 1
    mailed = m.alias("mailed")
    done = exists().where(
        mailed.c.registration_id == recipients.c.registration_id, mailed.c.kind == Kind.reminder
    )
    query: Select[Any] = (
        select(m.c.id, recipients.c.registration_id, m.c.matter)
        .join_from(recipients, m)
        .where(
            m.c.kind == Kind.badge,
            m.c.matter["badge_id"].astext == recipients.c.badge_id,
            days.is_(None) | (days.op("&")(up_to_that_day) == 1 << day),
            m.c.id.not_in(unreadable),
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
    found: Sequence[Row[Any]] = (await tx.execute(query)).all()
    return found
