"""Registrations, photos, history, idempotency keys, attendances, used sign-in links."""

import sqlalchemy as sa
from alembic import op

revision = "registration_0001"
down_revision = None
branch_labels = None
depends_on = None

moment = sa.DateTime(timezone=True)


def upgrade() -> None:
    op.create_table(
        "registrations",
        sa.Column("id", sa.Uuid, primary_key=True),
        sa.Column("reference", sa.Text, nullable=False),
        sa.Column("status", sa.Text, nullable=False),
        sa.Column("version", sa.Integer, nullable=False),
        sa.Column("category", sa.Text, nullable=False),
        sa.Column("title", sa.Text),
        sa.Column("given_name", sa.Text, nullable=False),
        sa.Column("family_name", sa.Text, nullable=False),
        sa.Column("email", sa.Text, nullable=False),
        sa.Column("organization", sa.Text, nullable=False),
        sa.Column("position", sa.Text, nullable=False),
        sa.Column("country", sa.Text, nullable=False),
        sa.Column("language", sa.Text, nullable=False),
        sa.Column("gender", sa.Text),
        sa.Column("days", sa.ARRAY(sa.SmallInteger), nullable=False),
        sa.Column("tracks", sa.ARRAY(sa.Text), nullable=False),
        sa.Column("action_lines", sa.ARRAY(sa.Text), nullable=False),
        sa.Column("sdgs", sa.ARRAY(sa.SmallInteger), nullable=False),
        sa.Column("accessibility_needs", sa.Text),
        sa.Column("consent_at", moment, nullable=False),
        sa.Column("submitted_at", moment, nullable=False),
        sa.Column("queued_at", moment),
        sa.Column("mail_bounced_at", moment),
        sa.UniqueConstraint("reference", name="registrations_reference_key"),
    )
    op.create_index("registrations_status_category_index", "registrations", ["status", "category"])
    op.create_index("registrations_email_index", "registrations", ["email"])
    op.create_table(
        "history",
        sa.Column("seq", sa.BigInteger, sa.Identity(always=True), primary_key=True),
        sa.Column("registration_id", sa.Uuid, nullable=False),
        sa.Column("step", sa.Text, nullable=False),
        sa.Column("status", sa.Text, nullable=False),
        sa.Column("actor", sa.Text, nullable=False),
        sa.Column("reason", sa.Text),
        sa.Column("at", moment, nullable=False),
        sa.ForeignKeyConstraint(
            ["registration_id"], ["registrations.id"], name="history_registration_id_fkey"
        ),
    )
    op.create_index("history_registration_id_index", "history", ["registration_id"])
    op.create_table(
        "idempotency_keys",
        sa.Column("key", sa.Text, primary_key=True),
        sa.Column("request_digest", sa.LargeBinary, nullable=False),
        sa.Column("registration_id", sa.Uuid, nullable=False),
        sa.Column("created_at", moment, nullable=False, server_default=sa.func.now()),
    )
    op.create_table(
        "attendances",
        sa.Column("scan_id", sa.Uuid, primary_key=True),
        sa.Column("registration_id", sa.Uuid),
        sa.Column("at", moment),
        sa.Column("undone", sa.Boolean, nullable=False, server_default="false"),
    )
    op.create_index("attendances_registration_id_index", "attendances", ["registration_id"])
    op.create_table(
        "used_sign_in_links",
        sa.Column("id", sa.Text, primary_key=True),
        sa.Column("used_at", moment, nullable=False, server_default=sa.func.now()),
    )
    op.create_table(
        "photos",
        sa.Column("registration_id", sa.Uuid, nullable=False),
        sa.Column("jpeg", sa.LargeBinary, nullable=False),
        sa.PrimaryKeyConstraint("registration_id", name="photos_pkey"),
        sa.ForeignKeyConstraint(
            ["registration_id"], ["registrations.id"], name="photos_registration_id_fkey"
        ),
    )
