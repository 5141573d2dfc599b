"""Registrants' photos."""

import sqlalchemy as sa
from alembic import op

revision = "registration_0002"
down_revision = "registration_0001"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "photos",
        sa.Column("registration_id", sa.Uuid, nullable=False),
        sa.Column("jpeg", sa.LargeBinary, nullable=False),
        sa.PrimaryKeyConstraint("registration_id", name="photos_pkey"),
        sa.ForeignKeyConstraint(
            ["registration_id"], ["registrations.id"], name="photos_registration_id_fkey"
        ),
    )
