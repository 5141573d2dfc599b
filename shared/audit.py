"""The audit log: what staff did, written in the transaction that does it, so neither without the
other.

An entry says who, what, which, when, from where, and about whom, by ids alone; what staff wrote as
their reason is kept beside the log and goes when the person goes. The database chains each entry to
the one before by SHA-256 and refuses to change any (migration shared_0002); shared/audit_chain.py
proves both, by other code. Why so: docs/decisions/0028-an-audit-log-in-each-database.md"""

from __future__ import annotations

from collections.abc import Collection
from datetime import datetime
from typing import Any, Final
from uuid import UUID

from sqlalchemy import Text, cast, delete, insert, select, text, update
from sqlalchemy.ext.asyncio import AsyncConnection

from shared import caller, trace
from shared.audit_chain import CUT, End, Link
from shared.database import Database
from shared.tables import audit, audit_head, audit_notes, audit_reasons

MOST_READ_AT_ONCE: Final = 1000
"""Entries of the chain in one answer."""


async def note(
    tx: AsyncConnection,
    at: datetime,
    act: str,
    *,
    which: object = None,
    about: Collection[UUID] = (),
    reason: str | None = None,
    **details: Any,
) -> None:
    """Say in the audit log what this transaction does, on behalf of whoever calls.

    Args:
        tx: the act's own: the entry is true if it commits.
        at: when, in forum time.
        act: what was done, such as `badge.revoke`.
        which: the id of what it was done to, if not a registration.
        about: registrations that it concerns.
        reason: what the member of staff wrote; free text, hence kept apart.
        details: what else is to be known. No names, no addresses: they could never be removed.
    """
    by = caller.current()
    await tx.execute(
        insert(audit_notes).values(
            at=at,
            who=by.who,
            role=by.role,
            act=act,
            which=None if which is None else str(which),
            about=list(about),
            details={name: value for name, value in details.items() if value is not None},
            address=by.address,
            trace_id=trace.trace_id(),
            reason=reason,
        )
    )


async def note_read(
    database: Database, at: datetime, act: str, about: Collection[UUID], **details: Any
) -> None:
    """Say that whoever calls is shown something of these people; registrants may read their own.

    Call before the answer: what cannot be noted is not shown.

    Raises:
        SQLAlchemyError: it could not be noted.
    """
    if caller.current().is_known:
        async with database.begin() as tx:
            await note(tx, at, act, about=about, **details)


async def ends(connection: AsyncConnection) -> tuple[End, End]:
    """What came before the first entry that is kept, and the last one."""
    head = (await connection.execute(select(audit_head))).one()
    return (
        End(head.begins_after, head.begins_with.hex()),
        End(head.seq, head.hash.hex()),
    )


async def links(connection: AsyncConnection, after: int, most: int) -> list[Link]:
    """The chain behind an entry, oldest first."""
    query = (
        select(audit, cast(audit.c.details, Text).label("written"))
        .where(audit.c.seq > after)
        .order_by(audit.c.seq)
        .limit(most)
    )
    return [
        Link(
            seq=row.seq,
            at=row.at,
            who=row.who,
            role=row.role,
            act=row.act,
            which=row.which,
            about=tuple(row.about),
            details=row.written,
            address=row.address,
            trace_id=row.trace_id,
            reason_digest=None if row.reason_digest is None else row.reason_digest.hex(),
            hash=row.hash.hex(),
        )
        for row in await connection.execute(query)
    ]


async def forget_reasons(tx: AsyncConnection, registration_id: UUID) -> None:
    """Remove what staff wrote about a person; that they wrote something stays."""
    theirs = select(audit.c.seq).where(audit.c.about.contains([registration_id]))
    await tx.execute(delete(audit_reasons).where(audit_reasons.c.seq.in_(theirs)))


async def end_old(tx: AsyncConnection, now: datetime, before: datetime) -> int:
    """Let the oldest entries go, as far as all are older than that; answers how many.

    An entry says up to where, so that nobody else can take a beginning away unseen.
    """
    row = (await tx.execute(_LAST_OLD, {"before": before})).one_or_none()
    if row is None:
        return 0
    await tx.execute(text("SELECT set_config('forumpass.audit_ends', 'on', true)"))
    gone = await tx.execute(delete(audit).where(audit.c.seq <= row.seq))
    await tx.execute(text("SELECT set_config('forumpass.audit_ends', 'off', true)"))
    await tx.execute(delete(audit_reasons).where(audit_reasons.c.seq <= row.seq))
    await tx.execute(update(audit_head).values(begins_after=row.seq, begins_with=row.hash))
    await note(tx, now, CUT, which=row.seq, hash=row.hash.hex())
    return gone.rowcount


_LAST_OLD: Final = text("""
    SELECT seq, hash FROM audit
    WHERE at < :before
      AND seq < coalesce((SELECT min(seq) FROM audit WHERE at >= :before), 9223372036854775807)
    ORDER BY seq DESC LIMIT 1
""")
