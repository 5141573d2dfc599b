"""Keys, holders, badges."""

import sqlalchemy as sa
from alembic import op

revision = "badging_0001"
down_revision = None
branch_labels = None
depends_on = None

moment = sa.DateTime(timezone=True)


def upgrade() -> None:
    op.create_table(
        "keys",
        sa.Column("id", sa.SmallInteger, primary_key=True, autoincrement=False),
        sa.Column("public_key", sa.LargeBinary, nullable=False),
        sa.Column("created_at", moment, nullable=False),
        sa.Column("retired_at", moment),
        sa.CheckConstraint("id BETWEEN 0 AND 255", name="keys_fits_in_a_byte_check"),
    )
    op.create_table(
        "holders",
        sa.Column("registration_id", sa.Uuid, primary_key=True),
        sa.Column("registration_version", sa.Integer, nullable=False),
        sa.Column("title", sa.Text),
        sa.Column("given_name", sa.Text),
        sa.Column("family_name", sa.Text),
        sa.Column("organization", sa.Text),
        sa.Column("position", sa.Text),
        sa.Column("country", sa.Text),
        sa.Column("category", sa.Text),
        sa.Column("language", sa.Text),
        sa.Column("days", sa.ARRAY(sa.SmallInteger)),
        sa.CheckConstraint(
            "num_nonnulls(given_name, family_name, organization, position, country, category,"
            " language, days) IN (0, 8)",
            name="holders_whole_or_nobody_check",
        ),
    )
    op.create_table(
        "badges",
        sa.Column("id", sa.Text, primary_key=True),
        sa.Column("seq", sa.BigInteger, sa.Identity(always=True), nullable=False),
        sa.Column("number", sa.Text, nullable=False),
        sa.Column("registration_id", sa.Uuid, nullable=False),
        sa.Column("version", sa.Integer, nullable=False),
        sa.Column("status", sa.Text, nullable=False),
        sa.Column("category", sa.Text, nullable=False),
        sa.Column("days", sa.SmallInteger, nullable=False),
        sa.Column("zones", sa.Integer, nullable=False),
        sa.Column("key_id", sa.SmallInteger, nullable=False),
        sa.Column("credential", sa.Text, nullable=False),
        sa.Column("issued_at", moment, nullable=False),
        sa.Column("replaces", sa.Text),
        sa.Column("ended_at", moment),
        sa.Column("ended_by", sa.Text),
        sa.Column("reason", sa.Text),
        sa.UniqueConstraint("seq", name="badges_seq_key"),
        sa.UniqueConstraint("number", name="badges_number_key"),
        sa.UniqueConstraint(
            "registration_id", "version", name="badges_registration_id_version_key"
        ),
        sa.UniqueConstraint("replaces", name="badges_replaces_key"),
        sa.ForeignKeyConstraint(
            ["registration_id"],
            ["holders.registration_id"],
            name="badges_registration_id_fkey",
        ),
        sa.ForeignKeyConstraint(["key_id"], ["keys.id"], name="badges_key_id_fkey"),
        sa.ForeignKeyConstraint(["replaces"], ["badges.id"], name="badges_replaces_fkey"),
        sa.CheckConstraint("id ~ '^[0-9a-f]{16}$'", name="badges_id_is_eight_bytes_check"),
        sa.CheckConstraint(
            "status IN ('valid', 'revoked', 'superseded', 'cancelled')", name="badges_status_check"
        ),
        sa.CheckConstraint(
            "(status = 'valid') = (ended_at IS NULL)", name="badges_ends_once_check"
        ),
    )
    op.create_index(
        "badges_one_valid_index",
        "badges",
        ["registration_id"],
        unique=True,
        postgresql_where=sa.text("status = 'valid'"),
    )
