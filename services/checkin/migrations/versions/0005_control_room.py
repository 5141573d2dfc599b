"""The log by time, for those who look back; alerts about what is not of a gate, once while open.

Expands only. A BRIN index is some pages large and costs a scan next to nothing: the log grows in
the order of time.
"""

import sqlalchemy as sa
from alembic import op

revision = "checkin_0005"
down_revision = "checkin_0004"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_index(
        "scans_at_index",
        "scans",
        ["at"],
        postgresql_using="brin",
        postgresql_with={"pages_per_range": 16, "autosummarize": "on"},
    )
    op.create_index(
        "alerts_elsewhere_key",
        "alerts",
        ["kind", "detail"],
        unique=True,
        postgresql_where=sa.text(
            "kind IN ('mail_bouncing', 'dead_letters') AND acknowledged_at IS NULL"
        ),
    )
