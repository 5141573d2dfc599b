"""Participants, badges, keys, devices, the scan log, presence, attendance."""

import sqlalchemy as sa
from alembic import op

revision = "checkin_0001"
down_revision = None
branch_labels = None
depends_on = None

moment = sa.DateTime(timezone=True)


def upgrade() -> None:
    op.create_table(
        "participants",
        sa.Column("registration_id", sa.Uuid, primary_key=True),
        sa.Column("version", sa.Integer, nullable=False),
        sa.Column("status", sa.Text, nullable=False),
        sa.Column("particulars_version", sa.Integer, nullable=False, server_default="0"),
        sa.Column("blocked", sa.Boolean, nullable=False, server_default="false"),
        sa.Column("given_name", sa.Text, nullable=False),
        sa.Column("family_name", sa.Text, nullable=False),
        sa.Column("organization", sa.Text, nullable=False),
        sa.Column("country", sa.Text, nullable=False),
        sa.Column("category", sa.Text, nullable=False),
        sa.Column("gender", sa.Text),
    )
    op.create_table(
        "badges",
        sa.Column("badge_id", sa.Text, primary_key=True),
        sa.Column("registration_id", sa.Uuid, nullable=False),
        sa.Column("version", sa.Integer, nullable=False),
        sa.Column("status", sa.Text, nullable=False),
        sa.Column("number", sa.Text),
        sa.Column("days", sa.SmallInteger, nullable=False),
        sa.Column("zones", sa.Integer, nullable=False),
        sa.UniqueConstraint("number", name="badges_number_key"),
    )
    op.create_index("badges_registration_id_index", "badges", ["registration_id"])
    op.create_table(
        "signing_keys",
        sa.Column("key_id", sa.SmallInteger, primary_key=True),
        sa.Column("public_key", sa.LargeBinary, nullable=False),
        sa.Column("retired", sa.Boolean, nullable=False),
    )
    op.create_table(
        "enrolments",
        sa.Column("code_digest", sa.LargeBinary, primary_key=True),
        sa.Column("gate", sa.Text, nullable=False),
        sa.Column("label", sa.Text, nullable=False),
        sa.Column("created_by", sa.Text, nullable=False),
        sa.Column("expires_at", moment, nullable=False),
        sa.Column("used_at", moment),
    )
    op.create_table(
        "devices",
        sa.Column("id", sa.Uuid, primary_key=True),
        sa.Column("token_digest", sa.LargeBinary, nullable=False),
        sa.Column("gate", sa.Text, nullable=False),
        sa.Column("label", sa.Text, nullable=False),
        sa.Column("enrolled_at", moment, nullable=False),
        sa.Column("enrolled_by", sa.Text, nullable=False),
        sa.Column("revoked_at", moment),
        sa.UniqueConstraint("token_digest", name="devices_token_digest_key"),
    )
    _create_log()
    op.create_table(
        "presence",
        sa.Column("registration_id", sa.Uuid, primary_key=True),
        sa.Column("zone", sa.Text, primary_key=True),
        sa.Column("inside", sa.Boolean, nullable=False),
        sa.Column("session", sa.Date, nullable=False),
        sa.Column("last_entry_day", sa.Date),
        sa.Column("scan_id", sa.Uuid, nullable=False),
        sa.Column("at", moment, nullable=False),
        sa.Column("gate", sa.Text, nullable=False),
    )
    op.create_index(
        "presence_inside_index",
        "presence",
        ["zone", "session"],
        postgresql_where=sa.text("inside"),
    )
    op.create_table(
        "attendance",
        sa.Column("registration_id", sa.Uuid, primary_key=True),
        sa.Column("day", sa.Date, primary_key=True),
        sa.Column("scan_id", sa.Uuid, nullable=False),
        sa.Column("at", moment, nullable=False),
        sa.Column("entrance", sa.Text, nullable=False),
        sa.Column("category", sa.Text, nullable=False),
        sa.Column("country", sa.Text, nullable=False),
        sa.Column("region", sa.Text, nullable=False),
    )
    op.create_index("attendance_day_index", "attendance", ["day"])


def _create_log() -> None:
    op.create_table(
        "scans",
        sa.Column("seq", sa.BigInteger, sa.Identity(always=True), primary_key=True),
        sa.Column("scan_id", sa.Uuid, nullable=False),
        sa.Column("device_id", sa.Uuid),
        sa.Column("gate", sa.Text, nullable=False),
        sa.Column("entrance", sa.Text, nullable=False),
        sa.Column("zone", sa.Text, nullable=False),
        sa.Column("direction", sa.Text, nullable=False),
        sa.Column("badge_id", sa.Text),
        sa.Column("registration_id", sa.Uuid),
        sa.Column("decision", sa.Text, nullable=False),
        sa.Column("reason", sa.Text, nullable=False),
        sa.Column("overridden", sa.Text),
        sa.Column("said", sa.Text),
        sa.Column("at", moment, nullable=False),
        sa.Column("device_time", moment),
        sa.Column("decided_at", moment, nullable=False),
        sa.Column("undoes", sa.Uuid),
        sa.Column("previous", sa.Uuid),
        sa.Column("by", sa.Text),
        sa.UniqueConstraint("scan_id", name="scans_scan_id_key"),
    )
    op.create_index(
        "scans_undoes_key",
        "scans",
        ["undoes"],
        unique=True,
        postgresql_where=sa.text("undoes IS NOT NULL"),
    )
    op.create_index("scans_person_index", "scans", ["registration_id", "zone", "seq"])
    op.create_index(
        "scans_refused_index", "scans", ["at"], postgresql_where=sa.text("decision = 'refused'")
    )
    op.execute(
        """
        CREATE FUNCTION the_log_is_never_rewritten() RETURNS trigger LANGUAGE plpgsql AS $$
        BEGIN
            RAISE EXCEPTION 'the scan log is never rewritten';
        END $$
        """
    )
    op.execute(
        """
        CREATE TRIGGER scans_are_only_added BEFORE UPDATE OR DELETE ON scans
        FOR EACH STATEMENT EXECUTE FUNCTION the_log_is_never_rewritten()
        """
    )
    op.execute(
        """
        CREATE TRIGGER scans_are_never_emptied BEFORE TRUNCATE ON scans
        FOR EACH STATEMENT EXECUTE FUNCTION the_log_is_never_rewritten()
        """
    )
