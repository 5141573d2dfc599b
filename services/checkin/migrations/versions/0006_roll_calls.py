"""Roll calls: who is looked for after an evacuation, and who has been found.

Expands only: the version before knows nothing of them.
"""

import sqlalchemy as sa
from alembic import op

revision = "checkin_0006"
down_revision = "checkin_0005"
branch_labels = None
depends_on = None

moment = sa.DateTime(timezone=True)


def upgrade() -> None:
    op.create_table(
        "roll_calls",
        sa.Column("id", sa.Uuid, primary_key=True),
        sa.Column("began_at", moment, nullable=False),
        sa.Column("began_by", sa.Text, nullable=False),
        sa.Column("ended_at", moment),
        sa.Column("ended_by", sa.Text),
    )
    op.create_index(
        "roll_calls_open_key",
        "roll_calls",
        [sa.text("(ended_at IS NULL)")],
        unique=True,
        postgresql_where=sa.text("ended_at IS NULL"),
    )
    op.create_table(
        "roll_call_people",
        sa.Column("roll_call_id", sa.Uuid, primary_key=True),
        sa.Column("registration_id", sa.Uuid, primary_key=True),
        sa.Column("state", sa.Text, nullable=False),
        sa.Column("at", moment),
        sa.Column("by", sa.Text),
    )
