"""Photos of those who may come.

Expands only: the version before writes participants without one.
"""

import sqlalchemy as sa
from alembic import op

revision = "checkin_0004"
down_revision = "checkin_0003"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "photos",
        sa.Column("registration_id", sa.Uuid, primary_key=True),
        sa.Column("version", sa.Integer, nullable=False),
        sa.Column("jpeg", sa.LargeBinary),
        sa.Column("edition", sa.Integer),
        sa.CheckConstraint(
            "(jpeg IS NULL) = (edition IS NULL)", name="photos_one_edition_a_picture_check"
        ),
    )
    op.add_column("participants", sa.Column("photo", sa.Integer))
