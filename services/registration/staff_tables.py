"""What the registration service stores of staff: accounts, sessions, passkeys.

Times are wall time: nobody signs in in a rehearsal's past."""

from __future__ import annotations

from typing import Any

from sqlalchemy import (
    ARRAY,
    BigInteger,
    Boolean,
    CheckConstraint,
    Column,
    ForeignKey,
    Index,
    Integer,
    LargeBinary,
    Row,
    Table,
    Text,
    Uuid,
    func,
    text,
)

from services.registration.tables import metadata, moment

accounts = Table(
    "accounts",
    metadata,
    Column("id", Uuid, primary_key=True),
    Column("email", Text, nullable=False),
    Column("name", Text, nullable=False),
    Column("roles", ARRAY(Text), nullable=False),
    Column("language", Text, nullable=False),
    Column("version", Integer, nullable=False, server_default="1"),
    Column("made_at", moment, nullable=False, server_default=func.now()),
    Column("made_by", Text, nullable=False),
    Column("ended_at", moment),
    Index("accounts_email_index", func.lower(text("email")), unique=True),
    CheckConstraint("cardinality(roles) > 0", name="has_a_role"),
)
"""Members of staff. `version` counts the changes of an account, whatever they are. An ended account
stays: the history names it, and its address gets no second one."""

Account = Row[Any]
"""A row of `accounts`."""

sessions = Table(
    "sessions",
    metadata,
    Column("id", Uuid, primary_key=True),
    Column("account_id", Uuid, ForeignKey("accounts.id"), index=True),
    Column("holder", Text, nullable=False),
    Column("means", Text, nullable=False),
    Column("browser", Text, nullable=False),
    Column("began_at", moment, nullable=False, server_default=func.now()),
    Column("seen_at", moment, nullable=False, server_default=func.now()),
    Column("expires_at", moment, nullable=False, index=True),
    Column("ended_at", moment),
    CheckConstraint("means IN ('mail', 'passkey', 'oidc', 'operator')", name="means_is_known"),
    CheckConstraint("(account_id IS NULL) = (means = 'operator')", name="has_an_account"),
)
"""Where somebody is signed in, and by what means. An operator's has no account: its link came from
the command line, and its roles stand in the cookie."""

passkeys = Table(
    "passkeys",
    metadata,
    Column("id", LargeBinary, primary_key=True),
    Column("account_id", Uuid, ForeignKey("accounts.id"), nullable=False, index=True),
    Column("name", Text, nullable=False),
    Column("public_key", LargeBinary, nullable=False),
    Column("sign_count", BigInteger, nullable=False),
    Column("transports", ARRAY(Text), nullable=False),
    Column("is_backed_up", Boolean, nullable=False),
    Column("made_at", moment, nullable=False, server_default=func.now()),
    Column("used_at", moment),
)
"""`id` is the credential's. `sign_count` is the highest that the passkey has shown."""

challenges = Table(
    "challenges",
    metadata,
    Column("id", Uuid, primary_key=True),
    Column("challenge", LargeBinary, nullable=False),
    Column("session_id", Uuid),
    Column("expires_at", moment, nullable=False, index=True),
)
"""What a passkey is asked to sign, once: to be registered in the session named, or to sign in."""
