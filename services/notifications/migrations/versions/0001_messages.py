"""Recipients and messages."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.postgresql import JSONB

revision = "notifications_0001"
down_revision = None
branch_labels = None
depends_on = None

moment = sa.DateTime(timezone=True)


def upgrade() -> None:
    op.create_table(
        "recipients",
        sa.Column("registration_id", sa.Uuid, nullable=False),
        sa.Column("email", sa.Text),
        sa.Column("title", sa.Text),
        sa.Column("given_name", sa.Text),
        sa.Column("family_name", sa.Text),
        sa.Column("language", sa.Text),
        sa.Column("contact_version", sa.Integer, nullable=False, server_default="0"),
        sa.Column("reference", sa.Text),
        sa.Column("me_link", sa.Text),
        sa.Column("state", sa.Text),
        sa.Column("state_version", sa.Integer, nullable=False, server_default="0"),
        sa.Column("badge_id", sa.Text),
        sa.Column("badge_version", sa.Integer, nullable=False, server_default="0"),
        sa.Column("erased_at", moment),
        sa.PrimaryKeyConstraint("registration_id", name="recipients_pkey"),
    )
    op.create_index("recipients_email_index", "recipients", [sa.text("lower(email)")])
    op.create_table(
        "messages",
        sa.Column("id", sa.Uuid, nullable=False),
        sa.Column("registration_id", sa.Uuid, nullable=False),
        sa.Column("kind", sa.Text, nullable=False),
        sa.Column("event_id", sa.Uuid),
        sa.Column("matter", JSONB),
        sa.Column("traceparent", sa.Text, nullable=False),
        sa.Column("status", sa.Text, nullable=False, server_default="queued"),
        sa.Column("created_at", moment, nullable=False, server_default=sa.func.now()),
        sa.Column("due_at", moment, nullable=False, server_default=sa.func.now()),
        sa.Column("attempts", sa.Integer, nullable=False, server_default="0"),
        sa.Column("first_attempt_at", moment),
        sa.Column("sent_at", moment),
        sa.Column("recipient", sa.Text),
        sa.Column("error", sa.Text),
        sa.PrimaryKeyConstraint("id", name="messages_pkey"),
        sa.ForeignKeyConstraint(
            ["registration_id"],
            ["recipients.registration_id"],
            name="messages_registration_id_fkey",
        ),
        sa.UniqueConstraint("event_id", "kind", name="messages_event_id_kind_key"),
    )
    op.create_index("messages_registration_id_index", "messages", ["registration_id"])
    op.create_index(
        "messages_due_at_index",
        "messages",
        ["due_at"],
        postgresql_where=sa.text("status = 'queued'"),
    )
    op.create_index("messages_recipient_index", "messages", [sa.text("lower(recipient)")])
