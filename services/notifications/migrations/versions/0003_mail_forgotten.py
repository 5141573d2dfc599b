"""When a local mailbox has forgotten the mails of somebody who was erased. Expands only."""

import sqlalchemy as sa
from alembic import op

revision = "notifications_0003"
down_revision = "notifications_0002"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("recipients", sa.Column("mail_forgotten_at", sa.DateTime(timezone=True)))
