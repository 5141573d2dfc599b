"""What the check-in service stores."""

from __future__ import annotations

from sqlalchemy import (
    REAL,
    BigInteger,
    Boolean,
    CheckConstraint,
    Column,
    Date,
    DateTime,
    Double,
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
    func,
    text,
)
from sqlalchemy.dialects.postgresql.base import ischema_names
from sqlalchemy.types import UserDefinedType

from shared.tables import NAMING

metadata = MetaData(naming_convention=NAMING)
moment = DateTime(timezone=True)


class Xid8(UserDefinedType[int]):
    """A transaction's number that never comes again."""

    cache_ok = True

    def get_col_spec(self, **_: object) -> str:
        return "xid8"


# Otherwise SQLAlchemy does not know the type when it reads the tables back.
ischema_names["xid8"] = Xid8


def _changed() -> Column[int]:
    """The last transaction that wrote the row, kept by a trigger: no writer can forget it."""
    return Column(
        "changed",
        Xid8,
        nullable=False,
        index=True,
        server_default=text("pg_current_xact_id()"),
    )


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
    Column("search_name", Text),
    Column("photo", Integer),
    _changed(),
    Index(
        "participants_unfolded_index",
        "registration_id",
        postgresql_where=text("search_name IS NULL"),
    ),
)
"""Our copy of who may come, from registration's events. Status: confirmed, cancelled, erased.

Events come in any order: `version` is the status's, `particulars_version` that of all the rest.
`search_name` is the name as it is looked for, null until it is folded; `photo` the edition in
`photos`, null without one."""

photos = Table(
    "photos",
    metadata,
    Column("registration_id", Uuid, primary_key=True),
    Column("version", Integer, nullable=False),
    Column("jpeg", LargeBinary),
    Column("edition", Integer),
    CheckConstraint("(jpeg IS NULL) = (edition IS NULL)", "one_edition_a_picture"),
)
"""What people look like, from registration's events. `version` is that of the newest word on it,
also that there is none; `edition` the one that brought this picture."""

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
    _changed(),
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
    Column("battery", REAL),
    Column("charging", Boolean),
    Column("app_version", Text),
    Column("pending", Integer),
    Column("replica_at", moment),
    Column("clock_off_seconds", Double),
    Column("last_contact_at", moment),
    Column("last_scan_at", moment),
)
"""What a device says of itself is null until it has said it; `last_contact_at` is when it did, and
`last_scan_at` is noted from the log every few seconds. All times are forum time."""

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
    Column("conflict", Text),
    UniqueConstraint("scan_id", name="scans_scan_id_key"),
    Index("scans_undoes_key", "undoes", unique=True, postgresql_where=text("undoes IS NOT NULL")),
    Index("scans_person_index", "registration_id", "zone", "seq"),
    Index(
        "scans_at_index",
        "at",
        postgresql_using="brin",
        postgresql_with={"pages_per_range": 16, "autosummarize": "on"},
    ),
    Index("scans_refused_index", "at", postgresql_where=text("decision = 'refused'")),
)
"""The log: only ever added to (triggers see to it). `said` is an officer's reason for an override
or an undo; `at` is when it happened in forum time, `device_time` what the device's clock showed;
`conflict` is the rule that somebody was let in against by a device that did not know better."""

scan_outbox = Table(
    "scan_outbox",
    metadata,
    Column("seq", BigInteger, primary_key=True, autoincrement=False),
    Column("traceparent", Text, nullable=False),
    Column("since", moment, nullable=False, server_default=func.now()),
)
"""Entries of the log of which nothing has been said yet, and since when in real time."""

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
    _changed(),
    Index("presence_inside_index", "zone", "session", postgresql_where=text("inside")),
)
"""Who is inside: the outcome of a person's last scan in a zone. Ends by itself: `session` is the
day whose closing ends it."""

presence_removed = Table(
    "presence_removed",
    metadata,
    Column("registration_id", Uuid, primary_key=True),
    Column("zone", Text, primary_key=True),
    Column("session", Date, nullable=False),
    _changed(),
)
"""Rows that `presence` once had, by a trigger: a row that is gone cannot say that it changed, and a
gate that copied it must hear of it, also from whoever deletes by hand. It stays when the person
comes again; then `presence` has the word."""

alerts = Table(
    "alerts",
    metadata,
    Column("id", Uuid, primary_key=True),
    Column("kind", Text, nullable=False),
    Column("at", moment, nullable=False),
    Column("gate", Text),
    Column("device_id", Uuid),
    Column("scan_id", Uuid),
    Column("registration_id", Uuid),
    Column("detail", Text),
    Column("acknowledged_at", moment),
    Column("acknowledged_by", Text),
    Index("alerts_open_index", "id", postgresql_where=text("acknowledged_at IS NULL")),
    # What is said again, by a device that had no answer, alerts nobody again.
    Index(
        "alerts_scan_key",
        "scan_id",
        "kind",
        unique=True,
        postgresql_where=text("scan_id IS NOT NULL"),
    ),
    Index(
        "alerts_clock_off_key",
        "device_id",
        unique=True,
        postgresql_where=text("kind = 'clock_off' AND acknowledged_at IS NULL"),
    ),
    Index(
        "alerts_elsewhere_key",
        "kind",
        "detail",
        unique=True,
        postgresql_where=text(
            "kind IN ('mail_bouncing', 'dead_letters') AND acknowledged_at IS NULL"
        ),
    ),
)
"""What a person in charge should look at. `at` and `acknowledged_at` are forum time."""

troubles_heard = Table(
    "troubles_heard",
    metadata,
    Column("kind", Text, primary_key=True),
    Column("place", Text, primary_key=True),
    Column("event_id", Uuid, nullable=False),
)
"""The newest count of each trouble elsewhere: an older one that comes after it says nothing."""

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

roll_calls = Table(
    "roll_calls",
    metadata,
    Column("id", Uuid, primary_key=True),
    Column("began_at", moment, nullable=False),
    Column("began_by", Text, nullable=False),
    Column("ended_at", moment),
    Column("ended_by", Text),
    Index(
        "roll_calls_open_key",
        text("(ended_at IS NULL)"),
        unique=True,
        postgresql_where=text("ended_at IS NULL"),
    ),
)
"""The house is evacuated, and everybody who was inside is looked for. One at a time."""

roll_call_people = Table(
    "roll_call_people",
    metadata,
    Column("roll_call_id", Uuid, primary_key=True),
    Column("registration_id", Uuid, primary_key=True),
    Column("state", Text, nullable=False),
    Column("at", moment),
    Column("by", Text),
)
"""Who was inside when it began, and whoever turned out to have been. State: missing, found, left;
`at` and `by` say who marked it last, and when. Who left through a gate is missing here until the
roll call ends: `presence` knows better."""
