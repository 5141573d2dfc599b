"""What the registration service stores."""

from __future__ import annotations

from typing import Any

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
    Row,
    SmallInteger,
    Table,
    Text,
    UniqueConstraint,
    Uuid,
    func,
    text,
)
from sqlalchemy.dialects.postgresql import JSONB

from shared.tables import NAMING

metadata = MetaData(naming_convention=NAMING)
moment = DateTime(timezone=True)

delegations = Table(
    "delegations",
    metadata,
    Column("id", Uuid, primary_key=True),
    Column("name", Text, nullable=False),
    Column("country", Text),
    Column("organization", Text),
    Column("category", Text, nullable=False),
    Column("quota", Integer, nullable=False),
    Column("created_at", moment, nullable=False),
    Column("created_by", Text, nullable=False),
    CheckConstraint("quota > 0", name="quota"),
)
"""Who comes together: a country's or an organisation's. `country` and `organization` are its
members' where they name none."""

focal_points = Table(
    "focal_points",
    metadata,
    Column("id", Uuid, primary_key=True),
    Column("delegation_id", Uuid, ForeignKey("delegations.id"), nullable=False),
    Column("email", Text, nullable=False),
    Column("name", Text, nullable=False),
    Column("language", Text, nullable=False),
    Column("invited_at", moment, nullable=False),
    Column("invited_by", Text, nullable=False),
    UniqueConstraint("delegation_id", "email"),
    Index("focal_points_email_index", "email"),
)
"""Who looks after a delegation. `email`, in small letters, is the id of their session."""

imports = Table(
    "imports",
    metadata,
    Column("id", Uuid, primary_key=True),
    Column("key", Text, unique=True),
    Column("request_digest", LargeBinary, nullable=False),
    Column("delegation_id", Uuid, ForeignKey("delegations.id")),
    Column("by", Text, nullable=False),
    Column("at", moment, nullable=False),
    Column("report", JSONB, nullable=False),
)
"""Files that were imported, and what became of each of their lines: no personal data in it."""

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
    Column("visa_letter", Boolean, nullable=False, server_default="false"),
    Column("consent_at", moment, nullable=False),
    Column("consent_version", Text),
    Column("consent_language", Text),
    Column("submitted_at", moment, nullable=False),
    Column("queued_at", moment),
    Column("mail_bounced_at", moment),
    Column("state_since", moment),
    Column("assigned_to", Text),
    Column("search_text", Text),
    Column("delegation_id", Uuid, ForeignKey("delegations.id")),
    Column("place_held", Boolean, nullable=False, server_default="false"),
    Column("link_number", Integer, nullable=False, server_default="1"),
    Column("name_key", Text, nullable=False, server_default=""),
    Index("registrations_status_category_index", "status", "category"),
    Index("registrations_email_index", "email"),
    Index("registrations_delegation_id_index", "delegation_id"),
    Index("registrations_unfolded_index", "id", postgresql_where=text("search_text IS NULL")),
    Index("registrations_address_index", func.lower(text("email"))),
    Index("registrations_name_key_country_index", "name_key", "country"),
    Index("registrations_name_index", text("left(coalesce(search_text, ''), 60)"), "id"),
)
"""`queued_at`: since when it waits for a place; the waiting list moves up in this order.
`state_since`: when it came into its state, null if the version before wrote it. `assigned_to`: the
reviewer who is to decide. `search_text`: see services/registration/search_text.py; null until it is
folded. `place_held`: in review, and the place of the member whom this one replaces is kept
meanwhile. `link_number`: of the newest own link, the only one that opens something. `name_key`: the
name as duplicates are found by it. `consent_…`: which text was agreed to, and in which language it
was read; null where that was before we kept it."""

Registration = Row[Any]
"""A row of `registrations`."""

photos = Table(
    "photos",
    metadata,
    Column("registration_id", Uuid, ForeignKey("registrations.id"), primary_key=True),
    Column("jpeg", LargeBinary, nullable=False),
    Column("portrait", LargeBinary),
)
"""Registrants' pictures, made small; apart, so that lists do not read them. `portrait` is the one
that travels to badge and gates, smaller still; null where the version before took the photo."""

history = Table(
    "history",
    metadata,
    Column("seq", BigInteger, Identity(always=True), primary_key=True),
    Column("registration_id", Uuid, ForeignKey("registrations.id"), nullable=False, index=True),
    Column("step", Text, nullable=False),
    Column("status", Text, nullable=False),
    Column("actor", Text, nullable=False),
    Column("reason", Text),
    Column("reason_id", Text),
    Column("at", moment, nullable=False),
)
"""Each act on each registration: who did it, when, and why. Of a refusal, `reason` is what the
registrant reads, and `reason_id` the prepared one that it was made of."""

notes = Table(
    "notes",
    metadata,
    Column("id", Uuid, primary_key=True),
    Column("registration_id", Uuid, ForeignKey("registrations.id"), nullable=False, index=True),
    Column("author", Text, nullable=False),
    Column("text", Text, nullable=False),
    Column("at", moment, nullable=False),
)
"""What staff write down about a registration, for one another (docs/decisions/0025)."""

saved_filters = Table(
    "saved_filters",
    metadata,
    Column("owner", Text, primary_key=True),
    Column("name", Text, primary_key=True),
    Column("query", Text, nullable=False),
)
"""Filters of the queue that somebody wants to have at hand, as the queue's address has them."""

reviewers = Table("reviewers", metadata, Column("id", Text, primary_key=True))
"""Who has been at the review desk: to them a registration can be assigned."""

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

consent_texts = Table(
    "consent_texts",
    metadata,
    Column("version", Text, primary_key=True),
    Column("texts", JSONB, nullable=False),
    Column("since", moment, nullable=False),
)
"""What each version of the consent said, in each language."""

used_sign_in_links = Table(
    "used_sign_in_links",
    metadata,
    Column("id", Text, primary_key=True),
    Column("used_at", moment, nullable=False, server_default=func.now()),
)

link_requests = Table(
    "link_requests",
    metadata,
    Column("address", Text, primary_key=True),
    Column("asked_at", moment, nullable=False, server_default=func.now()),
    Column("answered_at", moment, index=True),
)
"""Addresses for which somebody has asked for the own link, registered or not, in small letters; for
minutes, see link_requests.py."""
