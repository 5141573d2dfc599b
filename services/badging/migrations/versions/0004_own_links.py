"""Which of a registrant's own links still opens the badge.

Expands only: the version before lets in whoever has any of them.
"""

import sqlalchemy as sa
from alembic import op

revision = "badging_0004"
down_revision = "badging_0003"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column(
        "holders", sa.Column("first_link", sa.Integer, nullable=False, server_default="1")
    )
