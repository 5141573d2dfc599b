"""What the registration service stores."""

from __future__ import annotations

from typing import Any

from sqlalchemy import (
    ARRAY,
    BigInteger,
    Boolean,
    Column,
    DateTime,
    ForeignKey,
    Identity,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    Row,
    SmallInteger,
    Table,
    Text,
    Uuid,
    func,
)

from shared.tables import NAMING

metadata = MetaData(naming_convention=NAMING)
moment = DateTime(timezone=True)

registrations = Table(
    "registrations",
    metadata,
    Column("id", Uuid, primary_key=True),
    Column("reference", Text, nullable=False, unique=True),
    Column("status", Text, nullable=False),
    Column("version", Integer, nullable=False),
    Column("category", Text, nullable=False),
    Column("title", Text),
    Column("given_name", Text, nullable=False),
    Column("family_name", Text, nullable=False),
    Column("email", Text, nullable=False),
    Column("organization", Text, nullable=False),
    Column("position", Text, nullable=False),
    Column("country", Text, nullable=False),
    Column("language", Text, nullable=False),
    Column("gender", Text),
    Column("days", ARRAY(SmallInteger), nullable=False),
    Column("tracks", ARRAY(Text), nullable=False),
    Column("action_lines", ARRAY(Text), nullable=False),
    Column("sdgs", ARRAY(SmallInteger), nullable=False),
    Column("accessibility_needs", Text),
    Column("consent_at", moment, nullable=False),
    Column("submitted_at", moment, nullable=False),
    Column("queued_at", moment),
    Column("mail_bounced_at", moment),
    Index("registrations_status_category_index", "status", "category"),
    Index("registrations_email_index", "email"),
)
"""`queued_at`: since when it waits for a place; the waiting list moves up in this order."""

Registration = Row[Any]
"""A row of `registrations`."""

photos = Table(
    "photos",
    metadata,
    Column("registration_id", Uuid, ForeignKey("registrations.id"), primary_key=True),
    Column("jpeg", LargeBinary, nullable=False),
)
"""Registrants' pictures, made small; apart, so that lists do not read them."""

history = Table(
    "history",
    metadata,
    Column("seq", BigInteger, Identity(always=True), primary_key=True),
    Column("registration_id", Uuid, ForeignKey("registrations.id"), nullable=False, index=True),
    Column("step", Text, nullable=False),
    Column("status", Text, nullable=False),
    Column("actor", Text, nullable=False),
    Column("reason", Text),
    Column("at", moment, nullable=False),
)
"""Each step of each registration: who did it, when, and why."""

idempotency_keys = Table(
    "idempotency_keys",
    metadata,
    Column("key", Text, primary_key=True),
    Column("request_digest", LargeBinary, nullable=False),
    Column("registration_id", Uuid, nullable=False),
    Column("created_at", moment, nullable=False, server_default=func.now()),
)

attendances = Table(
    "attendances",
    metadata,
    Column("scan_id", Uuid, primary_key=True),
    Column("registration_id", Uuid, index=True),
    Column("at", moment),
    Column("undone", Boolean, nullable=False, server_default="false"),
)
"""Admissions that the gates told of, to show who came."""

used_sign_in_links = Table(
    "used_sign_in_links",
    metadata,
    Column("id", Text, primary_key=True),
    Column("used_at", moment, nullable=False, server_default=func.now()),
)
