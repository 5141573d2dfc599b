"""The names of holders as the badge desk looks for them.

Expands only: the version before writes none, and this one fills them in while it serves.
"""

import sqlalchemy as sa
from alembic import op

revision = "badging_0005"
down_revision = "badging_0004"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("holders", sa.Column("search_name", sa.Text))
