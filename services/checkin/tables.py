"""What the check-in service stores."""

from __future__ import annotations

from sqlalchemy import (
    BigInteger,
    Boolean,
    Column,
    Date,
    DateTime,
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

participants = Table(
    "participants",
    metadata,
    Column("registration_id", Uuid, primary_key=True),
    Column("version", Integer, nullable=False),
    Column("status", Text, nullable=False),
    Column("particulars_version", Integer, nullable=False, server_default="0"),
    Column("blocked", Boolean, nullable=False, server_default="false"),
    Column("given_name", Text, nullable=False),
    Column("family_name", Text, nullable=False),
    Column("organization", Text, nullable=False),
    Column("country", Text, nullable=False),
    Column("category", Text, nullable=False),
    Column("gender", Text),
)
"""Our copy of who may come, from registration's events. Status: confirmed, cancelled, erased.

Events come in any order: `version` is the status's, `particulars_version` that of all the rest."""

badges = Table(
    "badges",
    metadata,
    Column("badge_id", Text, primary_key=True),
    Column("registration_id", Uuid, nullable=False, index=True),
    Column("version", Integer, nullable=False),
    Column("status", Text, nullable=False),
    Column("number", Text, unique=True),
    Column("days", SmallInteger, nullable=False),
    Column("zones", Integer, nullable=False),
)
"""Our copy of the badges, from badging's events. A badge of which only the revocation was heard yet
has no number."""

signing_keys = Table(
    "signing_keys",
    metadata,
    Column("key_id", SmallInteger, primary_key=True),
    Column("public_key", LargeBinary, nullable=False),
    Column("retired", Boolean, nullable=False),
)

enrolments = Table(
    "enrolments",
    metadata,
    Column("code_digest", LargeBinary, primary_key=True),
    Column("gate", Text, nullable=False),
    Column("label", Text, nullable=False),
    Column("created_by", Text, nullable=False),
    Column("expires_at", moment, nullable=False),
    Column("used_at", moment),
)

devices = Table(
    "devices",
    metadata,
    Column("id", Uuid, primary_key=True),
    Column("token_digest", LargeBinary, nullable=False, unique=True),
    Column("gate", Text, nullable=False),
    Column("label", Text, nullable=False),
    Column("enrolled_at", moment, nullable=False),
    Column("enrolled_by", Text, nullable=False),
    Column("revoked_at", moment),
)

scans = Table(
    "scans",
    metadata,
    Column("seq", BigInteger, Identity(always=True), primary_key=True),
    Column("scan_id", Uuid, nullable=False),
    Column("device_id", Uuid),
    Column("gate", Text, nullable=False),
    Column("entrance", Text, nullable=False),
    Column("zone", Text, nullable=False),
    Column("direction", Text, nullable=False),
    Column("badge_id", Text),
    Column("registration_id", Uuid),
    Column("decision", Text, nullable=False),
    Column("reason", Text, nullable=False),
    Column("overridden", Text),
    Column("said", Text),
    Column("at", moment, nullable=False),
    Column("device_time", moment),
    Column("decided_at", moment, nullable=False),
    Column("undoes", Uuid),
    Column("previous", Uuid),
    Column("by", Text),
    UniqueConstraint("scan_id", name="scans_scan_id_key"),
    Index("scans_undoes_key", "undoes", unique=True, postgresql_where=text("undoes IS NOT NULL")),
    Index("scans_person_index", "registration_id", "zone", "seq"),
    Index("scans_refused_index", "at", postgresql_where=text("decision = 'refused'")),
)
"""The log: only ever added to (triggers see to it). `said` is an officer's reason for an override
or an undo; `at` is when it happened in forum time, `device_time` what the device's clock showed."""

presence = Table(
    "presence",
    metadata,
    Column("registration_id", Uuid, primary_key=True),
    Column("zone", Text, primary_key=True),
    Column("inside", Boolean, nullable=False),
    Column("session", Date, nullable=False),
    Column("last_entry_day", Date),
    Column("scan_id", Uuid, nullable=False),
    Column("at", moment, nullable=False),
    Column("gate", Text, nullable=False),
    Index("presence_inside_index", "zone", "session", postgresql_where=text("inside")),
)
"""Who is inside: the outcome of a person's last scan in a zone. Ends by itself: `session` is the
day whose closing ends it."""

attendance = Table(
    "attendance",
    metadata,
    Column("registration_id", Uuid, primary_key=True),
    Column("day", Date, primary_key=True),
    Column("scan_id", Uuid, nullable=False),
    Column("at", moment, nullable=False),
    Column("entrance", Text, nullable=False),
    Column("category", Text, nullable=False),
    Column("country", Text, nullable=False),
    Column("region", Text, nullable=False),
    Index("attendance_day_index", "day"),
)
"""Who came on which day: the day's first entry, with the groups that it was counted in."""
