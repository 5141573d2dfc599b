"""The holder's photo.

Expands only: the version before keeps holders without it.
"""

import sqlalchemy as sa
from alembic import op

revision = "badging_0002"
down_revision = "badging_0001"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("holders", sa.Column("photo", sa.LargeBinary))
    op.add_column(
        "holders", sa.Column("photo_version", sa.Integer, nullable=False, server_default="0")
    )
