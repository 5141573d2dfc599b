"""Outbox, inbox, and the embedded bus's retries and dead letters."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.postgresql import JSONB

revision = "shared_0001"
down_revision = None
branch_labels = None
depends_on = None

moment = sa.DateTime(timezone=True)


def upgrade() -> None:
    op.create_table(
        "outbox",
        sa.Column("seq", sa.BigInteger, sa.Identity(always=True), primary_key=True),
        sa.Column("id", sa.Uuid, nullable=False),
        sa.Column("event", JSONB, nullable=False),
        sa.Column("published_at", moment),
        sa.UniqueConstraint("id", name="outbox_id_key"),
    )
    op.create_index(
        "outbox_waiting_index", "outbox", ["seq"], postgresql_where=sa.text("published_at IS NULL")
    )
    op.create_table(
        "inbox",
        sa.Column("queue", sa.Text, primary_key=True),
        sa.Column("event_id", sa.Uuid, primary_key=True),
        sa.Column("handled_at", moment, nullable=False, server_default=sa.func.now()),
    )
    op.create_table(
        "retries",
        sa.Column("queue", sa.Text, primary_key=True),
        sa.Column("event_id", sa.Uuid, primary_key=True),
        sa.Column("event", JSONB, nullable=False),
        sa.Column("attempts", sa.Integer, nullable=False),
        sa.Column("due_at", moment, nullable=False),
        sa.Column("error", sa.Text, nullable=False),
    )
    op.create_index("retries_due_at_index", "retries", ["due_at"])
    op.create_table(
        "dead_letters",
        sa.Column("queue", sa.Text, primary_key=True),
        sa.Column("event_id", sa.Uuid, primary_key=True),
        sa.Column("event", JSONB, nullable=False),
        sa.Column("attempts", sa.Integer, nullable=False),
        sa.Column("died_at", moment, nullable=False, server_default=sa.func.now()),
        sa.Column("error", sa.Text, nullable=False),
    )
