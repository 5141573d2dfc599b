"""Who came on which day, and the certificates of it.

Expands only: the version before passes both tables over.
"""

import sqlalchemy as sa
from alembic import op

revision = "badging_0003"
down_revision = "badging_0002"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "attendances",
        sa.Column("scan_id", sa.Uuid, nullable=False),
        sa.Column("registration_id", sa.Uuid),
        sa.Column("day", sa.SmallInteger),
        sa.Column("undone", sa.Boolean, nullable=False, server_default="false"),
        sa.PrimaryKeyConstraint("scan_id", name="attendances_pkey"),
    )
    op.create_index("attendances_registration_id_index", "attendances", ["registration_id"])
    op.create_table(
        "certificates",
        sa.Column("number", sa.Text, nullable=False),
        sa.Column("registration_id", sa.Uuid, nullable=False),
        sa.Column("days", sa.SmallInteger, nullable=False),
        sa.Column("issued_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("number", name="certificates_pkey"),
        sa.UniqueConstraint("registration_id", name="certificates_registration_id_key"),
    )
