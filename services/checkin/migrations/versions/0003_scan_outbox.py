"""The scan log is its own outbox: which of its entries have not been said yet.

Expands only: the version before says its scans in `outbox`, and both are carried out.
"""

import sqlalchemy as sa
from alembic import op

revision = "checkin_0003"
down_revision = "checkin_0002"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "scan_outbox",
        sa.Column("seq", sa.BigInteger, primary_key=True, autoincrement=False),
        sa.Column("traceparent", sa.Text, nullable=False),
        sa.Column(
            "since", sa.DateTime(timezone=True), nullable=False, server_default=sa.func.now()
        ),
    )
