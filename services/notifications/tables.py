"""What the notifications service stores."""

from __future__ import annotations

from sqlalchemy import (
    Column,
    DateTime,
    ForeignKey,
    Index,
    Integer,
    MetaData,
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

recipients = Table(
    "recipients",
    metadata,
    Column("registration_id", Uuid, primary_key=True),
    Column("email", Text),
    Column("title", Text),
    Column("given_name", Text),
    Column("family_name", Text),
    Column("language", Text),
    Column("contact_version", Integer, nullable=False, server_default="0"),
    Column("reference", Text),
    Column("me_link", Text),
    Column("registered_by", Text),
    Column("state", Text),
    Column("state_version", Integer, nullable=False, server_default="0"),
    Column("badge_id", Text),
    Column("badge_version", Integer, nullable=False, server_default="0"),
    Column("erased_at", moment),
    Column("mail_forgotten_at", moment),
    Index("recipients_email_index", func.lower(text("email"))),
)
"""Whom we write to, and how far we have heard of them. Facts come in any order, so a row may begin
with any of them: each `…_version` is that of the newest fact that its columns come from.

A member of staff has a row under the id of the account, see consumers.py: offer_the_sign_in.

`badge_id` is the badge that opens the gates now; null before the first and after the last one.
`registered_by`: the delegation that registered the person; empty: the organisers; null: they did.
A focal point is written to under the id of the invitation.
`mail_forgotten_at`: since when a local mailbox has nothing of theirs, once they are erased.
"""

messages = Table(
    "messages",
    metadata,
    Column("id", Uuid, primary_key=True),
    Column("registration_id", Uuid, ForeignKey("recipients.registration_id"), nullable=False),
    Column("kind", Text, nullable=False),
    Column("event_id", Uuid),
    Column("matter", JSONB),
    Column("traceparent", Text, nullable=False),
    Column("status", Text, nullable=False, server_default="queued"),
    Column("created_at", moment, nullable=False, server_default=func.now()),
    Column("due_at", moment, nullable=False, server_default=func.now()),
    Column("attempts", Integer, nullable=False, server_default="0"),
    Column("first_attempt_at", moment),
    Column("sent_at", moment),
    Column("recipient", Text),
    Column("error", Text),
    # The same event never makes a second message; a message sent again by hand has no event.
    UniqueConstraint("event_id", "kind"),
    Index("messages_registration_id_index", "registration_id"),
    Index("messages_due_at_index", "due_at", postgresql_where=text("status = 'queued'")),
    Index("messages_recipient_index", func.lower(text("recipient"))),
)
"""Each mail, from before the first attempt on. `matter` is what only it says (see matters.py);
`recipient` is the address of the last attempt. The text itself is never stored: it is written anew
for each attempt, from the newest name and language.

A claimed message keeps the status `queued`; its `due_at` moves to the end of the lease, so that the
message of a killed process comes due by itself, and `attempts` tells the claims apart.
"""
