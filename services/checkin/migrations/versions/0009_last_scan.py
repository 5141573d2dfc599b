"""When each device scanned last.

Expands only: the version before knows nothing of it.
"""

import sqlalchemy as sa
from alembic import op

revision = "checkin_0009"
down_revision = "checkin_0008"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("devices", sa.Column("last_scan_at", sa.DateTime(timezone=True)))
