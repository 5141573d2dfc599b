"""A message's life: a row before the first attempt, claimed for each, and what became of it.

Times are the database's: retries run in wall time, whatever the forum's clock says.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import timedelta
from enum import StrEnum
from typing import Any, Final
from uuid import UUID

import structlog
from pydantic import ValidationError
from sqlalchemy import (
    ARRAY,
    Integer,
    Interval,
    Row,
    Uuid,
    bindparam,
    case,
    exists,
    func,
    select,
    update,
)
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncConnection
from uuid_utils.compat import uuid7

from services.notifications.mails import Addressee
from services.notifications.matters import STORED, AddressChanged, Kind, Matter
from services.notifications.tables import messages, recipients
from shared import trace

log = structlog.get_logger()

LONGEST_ERROR = 500
ADDRESS: Final = func.coalesce(messages.c.matter["email"].astext, recipients.c.email)
"""Where a message goes; a notice to the address of before names it."""


class Status(StrEnum):
    queued = "queued"
    """Waits for its first or next attempt, or is in hand."""
    sent = "sent"
    """The mail server took it."""
    failed = "failed"
    """Given up: the mail server or the badge files could not be had for too long; or this version
    cannot read what another one has stored."""
    bounced = "bounced"
    """The mail server refused it for good."""
    dropped = "dropped"
    """Overtaken by what happened since, or erased."""


@dataclass(frozen=True)
class Claimed:
    """A message in our hands until its lease ends."""

    id: UUID
    registration_id: UUID
    attempt: int
    matter: Matter
    to: Addressee
    traceparent: str


async def queue(
    tx: AsyncConnection, registration_id: UUID, matter: Matter, event_id: UUID | None
) -> UUID:
    """A new message; the same event makes it once.

    Args:
        event_id: the event that it comes from; None when somebody asked for it to be sent again.
    """
    message_id = uuid7()
    await tx.execute(
        _QUEUE,
        {
            "id": message_id,
            "registration_id": registration_id,
            "kind": matter.kind,
            "event_id": event_id,
            "matter": matter.model_dump(mode="json"),
            "traceparent": trace.traceparent(),
        },
    )
    return message_id


async def is_waiting(
    tx: AsyncConnection, registration_id: UUID, kinds: Collection[Kind] = tuple(Kind)
) -> bool:
    """Whether a message of these kinds is still to be sent."""
    waiting = exists().where(
        messages.c.registration_id == registration_id,
        messages.c.kind.in_(kinds),
        messages.c.status == Status.queued,
    )
    return bool((await tx.execute(select(waiting))).scalar_one())


async def has_newer(
    tx: AsyncConnection, registration_id: UUID, kinds: Collection[Kind], event_id: UUID
) -> bool:
    """Whether a later event than this has made a message of these kinds, sent or not.

    Events that are said through the outbox are numbered by time (UUIDv7).
    """
    newer = exists().where(
        messages.c.registration_id == registration_id,
        messages.c.kind.in_(kinds),
        messages.c.event_id > event_id,
    )
    return bool((await tx.execute(select(newer))).scalar_one())


async def drop(tx: AsyncConnection, registration_id: UUID, *kinds: Kind) -> None:
    """Don't send what still waits of these kinds."""
    await tx.execute(_DROP, {"of": registration_id, "kinds": kinds})


async def drop_badge(tx: AsyncConnection, registration_id: UUID, badge_id: str) -> None:
    await tx.execute(
        update(messages)
        .where(
            messages.c.registration_id == registration_id,
            messages.c.kind == Kind.badge,
            messages.c.matter["badge_id"].astext == badge_id,
            messages.c.status == Status.queued,
        )
        .values(status=Status.dropped)
    )


async def erase(tx: AsyncConnection, registration_id: UUID) -> None:
    """Remove what tells of the person; that there was a message, and when, stays."""
    await tx.execute(
        update(messages)
        .where(messages.c.registration_id == registration_id)
        .values(
            matter=None,
            recipient=None,
            error=None,
            status=case(
                (messages.c.status == Status.queued, Status.dropped), else_=messages.c.status
            ),
        )
    )


async def claim(
    tx: AsyncConnection, limit: int, lease: timedelta, kinds: Collection[Kind] = tuple(Kind)
) -> Sequence[Claimed]:
    """Take messages that are due, the longest due first; nobody else gets them within the lease.

    A message whose recipient isn't known yet stays where it is: the badge may be heard of before
    the registration. One that this version cannot read is given up, and stops no other.
    """
    rows = await tx.execute(_CLAIM, {"most": limit, "lease": lease, "kinds": kinds})
    claimed: list[Claimed] = []
    for row in rows.all():
        try:
            claimed.append(_claimed(row))
        except ValidationError as error:
            # Rolled back it would be the first that is due again, for ever, and no mail would go.
            await _give_up_unreadable(tx, row.id, mistake_in(error))
    return claimed


async def _give_up_unreadable(tx: AsyncConnection, message_id: UUID, mistake: str) -> None:
    failed = update(messages).where(messages.c.id == message_id)
    await tx.execute(failed.values(status=Status.failed, error=f"cannot be read ({mistake})"))
    log.error("mail.cannot_be_read", message_id=str(message_id), error=mistake)


def mistake_in(error: ValidationError) -> str:
    """What is wrong with a stored matter, and where in it; never what stands there."""
    first = error.errors(include_url=False, include_context=False, include_input=False)[0]
    return ": ".join([first["type"], ".".join(map(str, first["loc"]))])


def _claimed(row: Row[Any]) -> Claimed:
    matter = STORED.validate_python(row.matter)
    # Whoever reads the address of before learns nothing that is new.
    who: Any = matter if isinstance(matter, AddressChanged) else row
    return Claimed(
        id=row.id,
        registration_id=row.registration_id,
        attempt=row.attempts,
        matter=matter,
        to=Addressee(
            registration_id=row.registration_id,
            email=who.email,
            title=who.title or "",
            given_name=who.given_name,
            family_name=who.family_name,
            language=who.language,
            reference=row.reference,
            me_link=row.me_link,
            registered_by=row.registered_by,
        ),
        traceparent=row.traceparent,
    )


async def mark_sent(tx: AsyncConnection, claimed: Sequence[Claimed]) -> set[UUID]:
    """Note that they went out, even if dropped meanwhile; answers those that are ours still."""
    if not claimed:
        return set()
    these = {"these": [each.id for each in claimed], "tries": [each.attempt for each in claimed]}
    return set((await tx.execute(_MARK_SENT, these)).scalars())


async def count_bounces(connection: AsyncConnection) -> int:
    """How many messages have come back in the last hour."""
    lately = messages.c.due_at > func.now() - timedelta(hours=1)
    query = select(func.count()).where(messages.c.status == Status.bounced, lately)
    return int((await connection.execute(query)).scalar_one())


async def mark_bounced(tx: AsyncConnection, claimed: Claimed, error: str) -> bool:
    """Note that it was refused for good; False if dropped meanwhile or not ours any more."""
    done = await tx.execute(
        update(messages)
        .where(
            messages.c.id == claimed.id,
            messages.c.attempts == claimed.attempt,
            messages.c.status == Status.queued,
        )
        .values(status=Status.bounced, error=error[:LONGEST_ERROR])
    )
    return done.rowcount == 1


async def retry(
    tx: AsyncConnection, claimed: Claimed, error: str, pause: timedelta, patience: timedelta
) -> Status | None:
    """Queue it again after the pause, or give it up when it has failed for too long.

    Answers the status that it has now; None if it was dropped meanwhile or isn't ours any more.
    """
    next_attempt_at = func.now() + pause
    done = await tx.execute(
        update(messages)
        .where(
            messages.c.id == claimed.id,
            messages.c.attempts == claimed.attempt,
            messages.c.status == Status.queued,
        )
        .values(
            status=case(
                (next_attempt_at > messages.c.first_attempt_at + patience, Status.failed),
                else_=Status.queued,
            ),
            due_at=next_attempt_at,
            error=error[:LONGEST_ERROR],
        )
        .returning(messages.c.status)
    )
    status = done.scalar_one_or_none()
    return Status(status) if status else None


# What every mail passes is put together once: SQLAlchemy takes longer over it than PostgreSQL.
_QUEUE: Final = insert(messages).on_conflict_do_nothing(constraint="messages_event_id_kind_key")
_DROP: Final = (
    update(messages)
    .where(
        messages.c.registration_id == bindparam("of"),
        messages.c.kind.in_(bindparam("kinds", expanding=True)),
        messages.c.status == Status.queued,
    )
    .values(status=Status.dropped)
)
# A common table expression: as a subquery the planner may run it more than once, and lock more
# than `most` rows.
_due = (
    select(messages.c.id)
    .join_from(messages, recipients)
    .where(
        messages.c.status == Status.queued,
        messages.c.due_at <= func.now(),
        # What a newer version of this service has queued is for that one to send.
        messages.c.kind.in_(bindparam("kinds", expanding=True)),
        recipients.c.email.is_not(None),
        recipients.c.me_link.is_not(None),
    )
    .order_by(messages.c.due_at)
    .limit(bindparam("most"))
    .with_for_update(of=messages, skip_locked=True)
    .cte("due")
)
_CLAIM: Final = (
    update(messages)
    .where(
        messages.c.id == _due.c.id,
        recipients.c.registration_id == messages.c.registration_id,
    )
    .values(
        due_at=func.now() + bindparam("lease", type_=Interval),
        attempts=messages.c.attempts + 1,
        first_attempt_at=func.coalesce(messages.c.first_attempt_at, func.now()),
        recipient=ADDRESS,
    )
    .returning(
        messages.c.id,
        messages.c.registration_id,
        messages.c.attempts,
        messages.c.matter,
        messages.c.traceparent,
        recipients.c.email,
        recipients.c.title,
        recipients.c.given_name,
        recipients.c.family_name,
        recipients.c.language,
        recipients.c.reference,
        recipients.c.me_link,
        recipients.c.registered_by,
    )
)
_these = (
    func.unnest(bindparam("these", type_=ARRAY(Uuid)), bindparam("tries", type_=ARRAY(Integer)))
    .table_valued("id", "attempt", name="these")
    .render_derived()
)
_MARK_SENT: Final = (
    update(messages)
    .where(
        messages.c.id == _these.c.id,
        messages.c.attempts == _these.c.attempt,
        # Noted already, and only the word of the commit was lost: it must not be said twice.
        messages.c.status != Status.sent,
    )
    .values(status=Status.sent, sent_at=func.now(), error=None)
    .returning(messages.c.id)
)
