"""Figures are counted, particulars have a version, the log is never emptied."""

import sqlalchemy as sa
from alembic import op

revision = "checkin_0002"
down_revision = "checkin_0001"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.drop_table("figures")
    op.create_index("attendance_day_index", "attendance", ["day"])
    op.drop_index("scans_at_index", "scans")
    op.create_index(
        "scans_refused_index", "scans", ["at"], postgresql_where=sa.text("decision = 'refused'")
    )
    op.add_column(
        "participants",
        sa.Column("particulars_version", sa.Integer, nullable=False, server_default="0"),
    )
    op.execute("UPDATE participants SET particulars_version = version")
    op.execute(
        """
        CREATE TRIGGER scans_are_never_emptied BEFORE TRUNCATE ON scans
        FOR EACH STATEMENT EXECUTE FUNCTION the_log_is_never_rewritten()
        """
    )
