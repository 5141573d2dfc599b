"""The portrait that travels to badge and gates.

Expands only: the version before takes photos without it.
"""

import sqlalchemy as sa
from alembic import op

revision = "registration_0003"
down_revision = "registration_0002"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("photos", sa.Column("portrait", sa.LargeBinary))
