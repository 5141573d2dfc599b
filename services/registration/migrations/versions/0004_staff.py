"""Staff accounts, their sessions and passkeys.

Expands only.
"""

import sqlalchemy as sa
from alembic import op

revision = "registration_0004"
down_revision = "registration_0003"
branch_labels = None
depends_on = None

moment = sa.DateTime(timezone=True)


def upgrade() -> None:
    op.create_table(
        "accounts",
        sa.Column("id", sa.Uuid, nullable=False),
        sa.Column("email", sa.Text, nullable=False),
        sa.Column("name", sa.Text, nullable=False),
        sa.Column("roles", sa.ARRAY(sa.Text), nullable=False),
        sa.Column("language", sa.Text, nullable=False),
        sa.Column("version", sa.Integer, nullable=False, server_default="1"),
        sa.Column("made_at", moment, nullable=False, server_default=sa.func.now()),
        sa.Column("made_by", sa.Text, nullable=False),
        sa.Column("ended_at", moment),
        sa.PrimaryKeyConstraint("id", name="accounts_pkey"),
        sa.CheckConstraint("cardinality(roles) > 0", name="accounts_has_a_role_check"),
    )
    op.create_index("accounts_email_index", "accounts", [sa.text("lower(email)")], unique=True)
    op.create_table(
        "sessions",
        sa.Column("id", sa.Uuid, nullable=False),
        sa.Column("account_id", sa.Uuid),
        sa.Column("holder", sa.Text, nullable=False),
        sa.Column("means", sa.Text, nullable=False),
        sa.Column("browser", sa.Text, nullable=False),
        sa.Column("began_at", moment, nullable=False, server_default=sa.func.now()),
        sa.Column("seen_at", moment, nullable=False, server_default=sa.func.now()),
        sa.Column("expires_at", moment, nullable=False),
        sa.Column("ended_at", moment),
        sa.PrimaryKeyConstraint("id", name="sessions_pkey"),
        sa.ForeignKeyConstraint(["account_id"], ["accounts.id"], name="sessions_account_id_fkey"),
        sa.CheckConstraint(
            "means IN ('mail', 'passkey', 'oidc', 'operator')",
            name="sessions_means_is_known_check",
        ),
        sa.CheckConstraint(
            "(account_id IS NULL) = (means = 'operator')", name="sessions_has_an_account_check"
        ),
    )
    op.create_index("sessions_account_id_index", "sessions", ["account_id"])
    op.create_index("sessions_expires_at_index", "sessions", ["expires_at"])
    op.create_table(
        "passkeys",
        sa.Column("id", sa.LargeBinary, nullable=False),
        sa.Column("account_id", sa.Uuid, nullable=False),
        sa.Column("name", sa.Text, nullable=False),
        sa.Column("public_key", sa.LargeBinary, nullable=False),
        sa.Column("sign_count", sa.BigInteger, nullable=False),
        sa.Column("transports", sa.ARRAY(sa.Text), nullable=False),
        sa.Column("is_backed_up", sa.Boolean, nullable=False),
        sa.Column("made_at", moment, nullable=False, server_default=sa.func.now()),
        sa.Column("used_at", moment),
        sa.PrimaryKeyConstraint("id", name="passkeys_pkey"),
        sa.ForeignKeyConstraint(["account_id"], ["accounts.id"], name="passkeys_account_id_fkey"),
    )
    op.create_index("passkeys_account_id_index", "passkeys", ["account_id"])
    op.create_table(
        "challenges",
        sa.Column("id", sa.Uuid, nullable=False),
        sa.Column("challenge", sa.LargeBinary, nullable=False),
        sa.Column("session_id", sa.Uuid),
        sa.Column("expires_at", moment, nullable=False),
        sa.PrimaryKeyConstraint("id", name="challenges_pkey"),
    )
    op.create_index("challenges_expires_at_index", "challenges", ["expires_at"])
