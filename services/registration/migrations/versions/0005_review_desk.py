"""What the review desk needs: words to search, since when a state lasts, notes, saved filters.

Expands only: the version before writes registrations without any of it.
"""

import sqlalchemy as sa
from alembic import op

revision = "registration_0005"
down_revision = "registration_0004"
branch_labels = None
depends_on = None

moment = sa.DateTime(timezone=True)


def upgrade() -> None:
    op.add_column("history", sa.Column("reason_id", sa.Text))
    op.add_column("registrations", sa.Column("state_since", moment))
    op.add_column("registrations", sa.Column("assigned_to", sa.Text))
    op.add_column("registrations", sa.Column("search_text", sa.Text))
    _find_since_when_each_state_lasts()
    _fold()
    op.create_table(
        "notes",
        sa.Column("id", sa.Uuid, primary_key=True),
        sa.Column("registration_id", sa.Uuid, nullable=False),
        sa.Column("author", sa.Text, nullable=False),
        sa.Column("text", sa.Text, nullable=False),
        sa.Column("at", moment, nullable=False),
        sa.ForeignKeyConstraint(
            ["registration_id"], ["registrations.id"], name="notes_registration_id_fkey"
        ),
    )
    op.create_index("notes_registration_id_index", "notes", ["registration_id"])
    op.create_table(
        "saved_filters",
        sa.Column("owner", sa.Text, primary_key=True),
        sa.Column("name", sa.Text, primary_key=True),
        sa.Column("query", sa.Text, nullable=False),
    )
    op.create_table("reviewers", sa.Column("id", sa.Text, primary_key=True))


def _find_since_when_each_state_lasts() -> None:
    op.execute(
        """
        UPDATE registrations SET state_since = entered.at
        FROM (SELECT registration_id, max(at) AS at FROM history
              WHERE step <> 'amend' GROUP BY registration_id) AS entered
        WHERE entered.registration_id = registrations.id
        """
    )


def _fold() -> None:
    op.create_index(
        "registrations_unfolded_index",
        "registrations",
        ["id"],
        postgresql_where=sa.text("search_text IS NULL"),
    )
    op.create_index(
        "registrations_name_index",
        "registrations",
        # Its beginning: what is whole may be too long for an index.
        [sa.text("left(coalesce(search_text, ''), 60)"), "id"],
    )
    op.execute(
        """
        CREATE FUNCTION forget_the_search_text() RETURNS trigger LANGUAGE plpgsql AS $$
        BEGIN
            NEW.search_text = NULL;
            RETURN NEW;
        END $$
        """
    )
    # The version before changes a name, or erases it, and leaves the folded one as it was.
    op.execute(
        """
        CREATE TRIGGER names_are_folded_anew BEFORE UPDATE ON registrations
        FOR EACH ROW
        WHEN ((OLD.given_name, OLD.family_name, OLD.organization, OLD.email)
              IS DISTINCT FROM (NEW.given_name, NEW.family_name, NEW.organization, NEW.email)
              AND OLD.search_text = NEW.search_text)
        EXECUTE FUNCTION forget_the_search_text()
        """
    )
