"""What the badging service stores."""

from __future__ import annotations

from sqlalchemy import (
    ARRAY,
    BigInteger,
    Boolean,
    CheckConstraint,
    Column,
    DateTime,
    ForeignKey,
    Identity,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    SmallInteger,
    Table,
    Text,
    UniqueConstraint,
    Uuid,
    text,
)

from shared.tables import NAMING

metadata = MetaData(naming_convention=NAMING)
moment = DateTime(timezone=True)

keys = Table(
    "keys",
    metadata,
    Column("id", SmallInteger, primary_key=True, autoincrement=False),
    Column("public_key", LargeBinary, nullable=False),
    Column("created_at", moment, nullable=False),
    Column("retired_at", moment),
    CheckConstraint("id BETWEEN 0 AND 255", "fits_in_a_byte"),
)
"""Public halves only; where the private ones are: docs/decisions/0003-where-signing-keys-live.md"""

holders = Table(
    "holders",
    metadata,
    Column("registration_id", Uuid, primary_key=True),
    Column("registration_version", Integer, nullable=False),
    Column("title", Text),
    Column("given_name", Text),
    Column("family_name", Text),
    Column("organization", Text),
    Column("position", Text),
    Column("country", Text),
    Column("category", Text),
    Column("language", Text),
    Column("days", ARRAY(SmallInteger)),
    Column("photo", LargeBinary),
    Column("photo_version", Integer, nullable=False, server_default="0"),
    Column("first_link", Integer, nullable=False, server_default="1"),
    Column("search_name", Text),
    CheckConstraint(
        "num_nonnulls(given_name, family_name, organization, position, country, category, language,"
        " days) IN (0, 8)",
        "whole_or_nobody",
    ),
)
"""The person of each registration, as of the newest version heard. Who does not come, or no longer,
has a row with nothing personal in it: its version leaves older events without effect. The photo has
a version of its own: it may come before the rest, or change alone. `first_link` is the number of
the oldest own link that still opens the badge: those before it were revoked. `search_name` is the
name as the badge desk looks for it: null, and filled in soon, where the version before wrote it."""

badges = Table(
    "badges",
    metadata,
    Column("id", Text, primary_key=True),
    Column("seq", BigInteger, Identity(always=True), nullable=False, unique=True),
    Column("number", Text, nullable=False, unique=True),
    Column("registration_id", Uuid, ForeignKey("holders.registration_id"), nullable=False),
    Column("version", Integer, nullable=False),
    Column("status", Text, nullable=False),
    Column("category", Text, nullable=False),
    Column("days", SmallInteger, nullable=False),
    Column("zones", Integer, nullable=False),
    Column("key_id", SmallInteger, ForeignKey("keys.id"), nullable=False),
    Column("credential", Text, nullable=False),
    Column("issued_at", moment, nullable=False),
    Column("replaces", Text, ForeignKey("badges.id"), unique=True),
    Column("ended_at", moment),
    Column("ended_by", Text),
    Column("reason", Text),
    CheckConstraint("id ~ '^[0-9a-f]{16}$'", "id_is_eight_bytes"),
    CheckConstraint("status IN ('valid', 'revoked', 'superseded', 'cancelled')", "status"),
    CheckConstraint("(status = 'valid') = (ended_at IS NULL)", "ends_once"),
    UniqueConstraint("registration_id", "version"),
    Index(
        "badges_one_valid_index",
        "registration_id",
        unique=True,
        postgresql_where=text("status = 'valid'"),
    ),
)
"""Every badge ever made. `version` is that of the last event about the badge; it counts on over all
badges of the registration, so that the newest badge has the highest. `ended_by` and `reason`: who
took it away, and why."""

attendances = Table(
    "attendances",
    metadata,
    Column("scan_id", Uuid, primary_key=True),
    Column("registration_id", Uuid, index=True),
    Column("day", SmallInteger),
    Column("undone", Boolean, nullable=False, server_default="false"),
)
"""Admissions that the gates told of: which of the forum's days it was, from 0; null: none of them,
or not heard of yet but taken back. Whose they were is forgotten in time, or on erasure."""

certificates = Table(
    "certificates",
    metadata,
    Column("number", Text, primary_key=True),
    Column("registration_id", Uuid, nullable=False, unique=True),
    Column("days", SmallInteger, nullable=False),
    Column("issued_at", moment, nullable=False),
)
"""Who came has one, with the days known when it was issued, as a bitmap. Whose it is stands in
`holders`: a name corrected later is corrected on it too, and who was erased has none any more."""
