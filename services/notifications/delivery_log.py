"""What was written to whom and what became of it, for organisers; and sending one again."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from uuid import UUID

from pydantic import ValidationError
from sqlalchemy import CompoundSelect, Row, Select, func, select, union
from sqlalchemy.ext.asyncio import AsyncConnection

from services.notifications import messages, recipients
from services.notifications import tables as t
from services.notifications.matters import BEFORE_A_BADGE, STORED, Badge, Kind, Matter
from services.notifications.messages import Status
from services.notifications.recipients import Recipient
from shared import audit
from shared.problems import conflict, not_found


async def find(
    connection: AsyncConnection,
    *,
    recipient: str | None = None,
    status: Status | None = None,
    about: UUID | None = None,
    before: UUID | None = None,
    limit: int,
) -> Sequence[Row[tuple[object, ...]]]:
    """Messages, newest first: their ids are UUIDv7, which sort by time."""
    query = _entries().order_by(t.messages.c.id.desc()).limit(limit)
    if recipient is not None:
        query = query.where(t.messages.c.id.in_(_concerning(recipient)))
    if status is not None:
        query = query.where(t.messages.c.status == status)
    if about is not None:
        query = query.where(t.messages.c.registration_id == about)
    if before is not None:
        query = query.where(t.messages.c.id < before)
    return (await connection.execute(query)).all()


async def get(connection: AsyncConnection, message_id: UUID) -> Row[tuple[object, ...]]:
    query = _entries().where(t.messages.c.id == message_id)
    return (await connection.execute(query)).one()


async def send_again(
    tx: AsyncConnection, now: datetime, message_id: UUID
) -> Row[tuple[object, ...]]:
    """Make a new message of the same matter, and say in the audit log that staff did; answers it.

    Raises:
        Problem: 404; or 409 when it still waits, or says what is no longer true or known.
    """
    row = await get(tx, await _queue_again(tx, message_id))
    await audit.note(
        tx,
        now,
        "message.resend",
        which=message_id,
        about=[row.registration_id],
        kind=row.kind,
    )
    return row


async def _queue_again(tx: AsyncConnection, message_id: UUID) -> UUID:
    """Make a new message of the same matter, to where the person is reached now."""
    about = t.messages.c.registration_id
    query = select(about).where(t.messages.c.id == message_id)
    registration_id = (await tx.execute(query)).scalar_one_or_none()
    if registration_id is None:
        raise not_found("message")
    # As the consumers do it: the person first. Until this commits nothing becomes untrue.
    recipient = await recipients.lock(tx, registration_id)
    old = (await tx.execute(select(t.messages).where(t.messages.c.id == message_id))).one()
    if old.matter is None:
        raise conflict("This registration was erased: there is nobody to write to.")
    if await messages.is_waiting(tx, registration_id, [old.kind]):
        raise conflict("This message is still on its way.")
    if old.status == Status.dropped:
        raise conflict("This message was overtaken by what happened since.")
    try:
        matter = STORED.validate_python(old.matter)
    except ValidationError:
        raise conflict(
            "Another version has stored this message; this one cannot read it."
        ) from None
    if not _is_still_true(matter, recipient):
        raise conflict("This message says what is no longer true.")
    return await messages.queue(tx, registration_id, matter, event_id=None)


def _is_still_true(matter: Matter, recipient: Recipient) -> bool:
    if isinstance(matter, Badge):
        return matter.badge_id == recipient.badge_id and not recipient.will_not_come
    if matter.kind is Kind.reminder:
        return recipient.badge_id is not None and not recipient.will_not_come
    if matter.kind is Kind.amended:
        return not recipient.will_not_come
    if matter.kind in (Kind.address_changed, Kind.certificate):  # what happened stays true
        return True
    if matter.kind in BEFORE_A_BADGE and recipient.is_confirmed:
        return False
    return matter.kind == recipient.state


def _concerning(address: str) -> CompoundSelect[tuple[UUID]]:
    """Ids of what went to the address and of what will go there; each query with its index."""
    lowered = func.lower(address)
    went = select(t.messages.c.id).where(func.lower(t.messages.c.recipient) == lowered)
    will_go = (
        select(t.messages.c.id)
        .join_from(t.messages, t.recipients)
        .where(t.messages.c.recipient.is_(None), func.lower(t.recipients.c.email) == lowered)
    )
    return union(went, will_go)


def _entries() -> Select[tuple[object, ...]]:
    return select(
        t.messages.c.id,
        t.messages.c.kind,
        t.messages.c.registration_id,
        func.coalesce(t.messages.c.recipient, messages.ADDRESS).label("recipient"),
        t.messages.c.status,
        t.messages.c.attempts,
        t.messages.c.created_at,
        t.messages.c.sent_at,
        t.messages.c.error,
    ).join_from(t.messages, t.recipients)
