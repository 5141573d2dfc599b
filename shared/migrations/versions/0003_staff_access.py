"""What a service has heard of staff accounts: their roles, and which sessions have ended.

Expands only.
"""

import sqlalchemy as sa
from alembic import op

revision = "shared_0003"
down_revision = "shared_0002"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "staff_access",
        sa.Column("account_id", sa.Uuid, nullable=False),
        sa.Column("version", sa.Integer, nullable=False),
        sa.Column("roles", sa.ARRAY(sa.Text), nullable=False),
        sa.PrimaryKeyConstraint("account_id", name="staff_access_pkey"),
    )
    op.create_table(
        "ended_sessions",
        sa.Column("session_id", sa.Uuid, nullable=False),
        sa.Column(
            "ended_at",
            sa.DateTime(timezone=True),
            nullable=False,
            server_default=sa.func.now(),
        ),
        sa.PrimaryKeyConstraint("session_id", name="ended_sessions_pkey"),
    )
    op.create_index("ended_sessions_ended_at_index", "ended_sessions", ["ended_at"])
