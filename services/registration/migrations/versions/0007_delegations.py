"""Delegations, their focal points, and imports.

Expands only: the version before registers people of no delegation, and holds no place.
"""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.postgresql import JSONB

revision = "registration_0007"
down_revision = "registration_0006"
branch_labels = None
depends_on = None

moment = sa.DateTime(timezone=True)


def upgrade() -> None:
    op.create_table(
        "delegations",
        sa.Column("id", sa.Uuid, nullable=False),
        sa.Column("name", sa.Text, nullable=False),
        sa.Column("country", sa.Text),
        sa.Column("organization", sa.Text),
        sa.Column("category", sa.Text, nullable=False),
        sa.Column("quota", sa.Integer, nullable=False),
        sa.Column("created_at", moment, nullable=False),
        sa.Column("created_by", sa.Text, nullable=False),
        sa.PrimaryKeyConstraint("id", name="delegations_pkey"),
        sa.CheckConstraint("quota > 0", name="delegations_quota_check"),
    )
    op.create_table(
        "focal_points",
        sa.Column("id", sa.Uuid, nullable=False),
        sa.Column("delegation_id", sa.Uuid, nullable=False),
        sa.Column("email", sa.Text, nullable=False),
        sa.Column("name", sa.Text, nullable=False),
        sa.Column("language", sa.Text, nullable=False),
        sa.Column("invited_at", moment, nullable=False),
        sa.Column("invited_by", sa.Text, nullable=False),
        sa.PrimaryKeyConstraint("id", name="focal_points_pkey"),
        sa.UniqueConstraint("delegation_id", "email", name="focal_points_delegation_id_email_key"),
        sa.ForeignKeyConstraint(
            ["delegation_id"], ["delegations.id"], name="focal_points_delegation_id_fkey"
        ),
    )
    op.create_index("focal_points_email_index", "focal_points", ["email"])
    op.create_table(
        "imports",
        sa.Column("id", sa.Uuid, nullable=False),
        sa.Column("key", sa.Text),
        sa.Column("request_digest", sa.LargeBinary, nullable=False),
        sa.Column("delegation_id", sa.Uuid),
        sa.Column("by", sa.Text, nullable=False),
        sa.Column("at", moment, nullable=False),
        sa.Column("report", JSONB, nullable=False),
        sa.PrimaryKeyConstraint("id", name="imports_pkey"),
        sa.UniqueConstraint("key", name="imports_key_key"),
        sa.ForeignKeyConstraint(
            ["delegation_id"], ["delegations.id"], name="imports_delegation_id_fkey"
        ),
    )
    op.add_column("registrations", sa.Column("delegation_id", sa.Uuid))
    op.add_column(
        "registrations",
        sa.Column("place_held", sa.Boolean, nullable=False, server_default="false"),
    )
    op.create_foreign_key(
        "registrations_delegation_id_fkey",
        "registrations",
        "delegations",
        ["delegation_id"],
        ["id"],
    )
    op.create_index("registrations_delegation_id_index", "registrations", ["delegation_id"])
