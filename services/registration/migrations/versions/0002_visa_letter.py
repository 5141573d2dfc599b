"""Who asks for a letter that supports the application for a visa."""

import sqlalchemy as sa
from alembic import op

revision = "registration_0002"
down_revision = "registration_0001"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column(
        "registrations",
        sa.Column("visa_letter", sa.Boolean, nullable=False, server_default="false"),
    )
