"""What gates copy and what of it changed; alerts; the state of devices; names to look up.

Expands only: the version before writes and reads these tables as it did.
"""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.types import UserDefinedType

revision = "checkin_0002"
down_revision = "checkin_0001"
branch_labels = None
depends_on = None

moment = sa.DateTime(timezone=True)


class Xid8(UserDefinedType[int]):
    cache_ok = True

    def get_col_spec(self, **_: object) -> str:
        return "xid8"


def upgrade() -> None:
    _track_changes()
    _track_presence_that_ends()
    _create_alerts()
    op.add_column("scans", sa.Column("conflict", sa.Text))
    _fold_names()
    for column in (
        sa.Column("battery", sa.REAL),
        sa.Column("charging", sa.Boolean),
        sa.Column("app_version", sa.Text),
        sa.Column("pending", sa.Integer),
        sa.Column("replica_at", moment),
        sa.Column("clock_off_seconds", sa.Double),
        sa.Column("last_contact_at", moment),
    ):
        op.add_column("devices", column)


def _track_changes() -> None:
    op.execute(
        """
        CREATE FUNCTION note_the_change() RETURNS trigger LANGUAGE plpgsql AS $$
        BEGIN
            NEW.changed = pg_current_xact_id();
            RETURN NEW;
        END $$
        """
    )
    for table in ("badges", "participants", "presence"):
        op.add_column(table, _changed())
        op.create_index(f"{table}_changed_index", table, ["changed"])
        op.execute(
            f"""
            CREATE TRIGGER changes_are_noted BEFORE INSERT OR UPDATE ON {table}
            FOR EACH ROW EXECUTE FUNCTION note_the_change()
            """
        )


def _track_presence_that_ends() -> None:
    op.create_table(
        "presence_removed",
        sa.Column("registration_id", sa.Uuid, primary_key=True),
        sa.Column("zone", sa.Text, primary_key=True),
        sa.Column("session", sa.Date, nullable=False),
        _changed(),
    )
    op.create_index("presence_removed_changed_index", "presence_removed", ["changed"])
    op.execute(
        """
        CREATE FUNCTION note_the_presence_removed() RETURNS trigger LANGUAGE plpgsql AS $$
        BEGIN
            INSERT INTO presence_removed (registration_id, zone, session)
            VALUES (OLD.registration_id, OLD.zone, OLD.session)
            ON CONFLICT (registration_id, zone)
            DO UPDATE SET session = excluded.session, changed = excluded.changed;
            RETURN NULL;
        END $$
        """
    )
    op.execute(
        """
        CREATE TRIGGER removals_are_noted AFTER DELETE ON presence
        FOR EACH ROW EXECUTE FUNCTION note_the_presence_removed()
        """
    )


def _fold_names() -> None:
    op.add_column("participants", sa.Column("search_name", sa.Text))
    op.create_index(
        "participants_unfolded_index",
        "participants",
        ["registration_id"],
        postgresql_where=sa.text("search_name IS NULL"),
    )
    op.execute(
        """
        CREATE FUNCTION forget_the_folded_name() RETURNS trigger LANGUAGE plpgsql AS $$
        BEGIN
            NEW.search_name = NULL;
            RETURN NEW;
        END $$
        """
    )
    # The version before changes a name, or erases it, and leaves the folded one as it was.
    op.execute(
        """
        CREATE TRIGGER names_are_folded_anew BEFORE UPDATE ON participants
        FOR EACH ROW
        WHEN ((OLD.given_name, OLD.family_name) IS DISTINCT FROM (NEW.given_name, NEW.family_name)
              AND OLD.search_name = NEW.search_name)
        EXECUTE FUNCTION forget_the_folded_name()
        """
    )


def _create_alerts() -> None:
    op.create_table(
        "alerts",
        sa.Column("id", sa.Uuid, primary_key=True),
        sa.Column("kind", sa.Text, nullable=False),
        sa.Column("at", moment, nullable=False),
        sa.Column("gate", sa.Text),
        sa.Column("device_id", sa.Uuid),
        sa.Column("scan_id", sa.Uuid),
        sa.Column("registration_id", sa.Uuid),
        sa.Column("detail", sa.Text),
        sa.Column("acknowledged_at", moment),
        sa.Column("acknowledged_by", sa.Text),
    )
    is_open = sa.text("acknowledged_at IS NULL")
    op.create_index("alerts_open_index", "alerts", ["id"], postgresql_where=is_open)
    op.create_index(
        "alerts_scan_key",
        "alerts",
        ["scan_id", "kind"],
        unique=True,
        postgresql_where=sa.text("scan_id IS NOT NULL"),
    )
    op.create_index(
        "alerts_clock_off_key",
        "alerts",
        ["device_id"],
        unique=True,
        postgresql_where=sa.text("kind = 'clock_off' AND acknowledged_at IS NULL"),
    )


def _changed() -> sa.Column[object]:
    return sa.Column(
        "changed", Xid8, nullable=False, server_default=sa.text("pg_current_xact_id()")
    )
