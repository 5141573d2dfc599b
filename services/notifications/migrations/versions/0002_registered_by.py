"""Who registered a person.

Expands only: the version before does not say it in its mails.
"""

import sqlalchemy as sa
from alembic import op

revision = "notifications_0002"
down_revision = "notifications_0001"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("recipients", sa.Column("registered_by", sa.Text))
