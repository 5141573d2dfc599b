"""Which text was agreed to, in which language, and what it said.

Expands only: of who registered before it is not known.
"""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.postgresql import JSONB

revision = "registration_0008"
down_revision = "registration_0007"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("registrations", sa.Column("consent_version", sa.Text))
    op.add_column("registrations", sa.Column("consent_language", sa.Text))
    op.create_table(
        "consent_texts",
        sa.Column("version", sa.Text, primary_key=True),
        sa.Column("texts", JSONB, nullable=False),
        sa.Column("since", sa.DateTime(timezone=True), nullable=False),
    )
