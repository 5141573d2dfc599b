"""Tables that every service has: what it says, what it heard, what it could not do yet."""

from __future__ import annotations

from typing import Any

from sqlalchemy import (
    BigInteger,
    Boolean,
    Column,
    DateTime,
    Identity,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    Table,
    Text,
    Uuid,
    func,
    text,
)
from sqlalchemy.dialects.postgresql import ARRAY, JSONB

NAMING = {
    "ix": "%(table_name)s_%(column_0_N_name)s_index",
    "uq": "%(table_name)s_%(column_0_N_name)s_key",
    "ck": "%(table_name)s_%(constraint_name)s_check",
    "fk": "%(table_name)s_%(column_0_N_name)s_fkey",
    "pk": "%(table_name)s_pkey",
}
metadata = MetaData(naming_convention=NAMING)

outbox = Table(
    "outbox",
    metadata,
    Column("seq", BigInteger, Identity(always=True), primary_key=True),
    Column("id", Uuid, nullable=False, unique=True),
    Column("event", JSONB, nullable=False),
    Column("published_at", DateTime(timezone=True)),
    Index("outbox_waiting_index", "seq", postgresql_where=text("published_at IS NULL")),
    Index("outbox_registration_index", text("(event -> 'data' ->> 'registration_id')")),
)

inbox = Table(
    "inbox",
    metadata,
    Column("queue", Text, primary_key=True),
    Column("event_id", Uuid, primary_key=True),
    Column("handled_at", DateTime(timezone=True), nullable=False, server_default=func.now()),
)

# The embedded bus keeps here what RabbitMQ keeps in its delay and dead-letter queues.
retries = Table(
    "retries",
    metadata,
    Column("queue", Text, primary_key=True),
    Column("event_id", Uuid, primary_key=True),
    Column("event", JSONB, nullable=False),
    Column("attempts", Integer, nullable=False),
    Column("due_at", DateTime(timezone=True), nullable=False, index=True),
    Column("error", Text, nullable=False),
)

dead_letters = Table(
    "dead_letters",
    metadata,
    Column("queue", Text, primary_key=True),
    Column("event_id", Uuid, primary_key=True),
    Column("event", JSONB, nullable=False),
    Column("attempts", Integer, nullable=False),
    Column("died_at", DateTime(timezone=True), nullable=False, server_default=func.now()),
    Column("error", Text, nullable=False),
)

# What a service has heard of staff accounts, which registration owns: shared/sessions.py.
staff_access = Table(
    "staff_access",
    metadata,
    Column("account_id", Uuid, primary_key=True),
    Column("version", Integer, nullable=False),
    Column("roles", ARRAY(Text), nullable=False),
)

ended_sessions = Table(
    "ended_sessions",
    metadata,
    Column("session_id", Uuid, primary_key=True),
    Column(
        "ended_at",
        DateTime(timezone=True),
        nullable=False,
        server_default=func.now(),
        index=True,
    ),
)


def _what_was_done() -> list[Column[Any]]:
    return [
        Column("at", DateTime(timezone=True), nullable=False),
        Column("who", Text, nullable=False),
        Column("role", Text, nullable=False),
        Column("act", Text, nullable=False),
        Column("which", Text),
        Column("about", ARRAY(Uuid), nullable=False, server_default="{}"),
        Column("details", JSONB, nullable=False, server_default="{}"),
        Column("address", Text),
        Column("trace_id", Text),
    ]


audit_notes = Table(
    "audit_notes",
    metadata,
    Column("id", BigInteger, Identity(always=True), primary_key=True),
    *_what_was_done(),
    Column("reason", Text),
)
"""What the transaction at hand has done: at its commit a trigger makes entries of it. Empty between
transactions."""

audit = Table(
    "audit",
    metadata,
    Column("seq", BigInteger, primary_key=True, autoincrement=False),
    *_what_was_done(),
    Column("reason_digest", LargeBinary),
    Column("hash", LargeBinary, nullable=False),
    Index("audit_about_index", "about", postgresql_using="gin"),
    Index("audit_who_index", "who", "seq"),
    Index("audit_act_index", "act", "seq"),
    Index("audit_at_index", "at"),
)
"""What staff have done: only ever added to (triggers see to it), each entry chained to the one
before. Of people it has ids only: `about` are registrations. See shared/audit.py."""

audit_reasons = Table(
    "audit_reasons",
    metadata,
    Column("seq", BigInteger, primary_key=True, autoincrement=False),
    Column("salt", LargeBinary, nullable=False),
    Column("reason", Text, nullable=False),
)
"""What staff wrote about an act: outside the chain, which has a digest of it, so that it can go
when the person goes."""

audit_head = Table(
    "audit_head",
    metadata,
    Column("one", Boolean, primary_key=True, server_default="true"),
    Column("seq", BigInteger, nullable=False, server_default="0"),
    Column("hash", LargeBinary, nullable=False, server_default=""),
    Column("begins_after", BigInteger, nullable=False, server_default="0"),
    Column("begins_with", LargeBinary, nullable=False, server_default=""),
)
"""One row: the end of the chain; and what came before its beginning, where the oldest entries have
gone with their time."""

erasures = Table(
    "erasures",
    metadata,
    Column("registration_id", Uuid, primary_key=True),
    Column("since", DateTime(timezone=True), nullable=False, server_default=func.now()),
)
"""Registrations whose personal data are gone: what is still on its way about them goes too."""
