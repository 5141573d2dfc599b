"""Which count of a trouble elsewhere is the newest heard.

Expands only: the version before knows nothing of it.
"""

import sqlalchemy as sa
from alembic import op

revision = "checkin_0008"
down_revision = "checkin_0007"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "troubles_heard",
        sa.Column("kind", sa.Text, primary_key=True),
        sa.Column("place", sa.Text, primary_key=True),
        sa.Column("event_id", sa.Uuid, nullable=False),
    )
