"""Own links that can be revoked and asked for, and what duplicates are found by.

Expands only: the version before knows of none of it. Names without a key are given one
beside the service's work, which looks for some every ten seconds (catching_up.py).
"""

import sqlalchemy as sa
from alembic import op

revision = "registration_0006"
down_revision = "registration_0005"
branch_labels = None
depends_on = None

moment = sa.DateTime(timezone=True)


def upgrade() -> None:
    for column in (
        sa.Column("link_number", sa.Integer, nullable=False, server_default="1"),
        sa.Column("name_key", sa.Text, nullable=False, server_default=""),
    ):
        op.add_column("registrations", column)
    address = [sa.text("lower(email)")]
    op.create_index("registrations_address_index", "registrations", address)
    op.create_index(
        "registrations_name_key_country_index", "registrations", ["name_key", "country"]
    )
    op.create_table(
        "link_requests",
        sa.Column("address", sa.Text, primary_key=True),
        sa.Column("asked_at", moment, nullable=False, server_default=sa.func.now()),
        sa.Column("answered_at", moment),
    )
    op.create_index("link_requests_answered_at_index", "link_requests", ["answered_at"])
