"""The scan log may forget whom an entry is about, and what was said, and nothing else.

Expands only: what the version before writes and reads stays as it is.
"""

from alembic import op

revision = "checkin_0007"
down_revision = "checkin_0006"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.execute("DROP TRIGGER scans_are_only_added ON scans")
    op.execute(
        """
        CREATE FUNCTION the_log_only_forgets_people() RETURNS trigger LANGUAGE plpgsql AS $$
        DECLARE
            personal CONSTANT text[] := '{said,registration_id,badge_id}';
        BEGIN
            IF TG_OP = 'UPDATE'
                AND current_setting('forumpass.scans_forget', true) = 'on'
                AND to_jsonb(NEW) - personal = to_jsonb(OLD) - personal
                AND (NEW.said IS NULL OR NEW.said = OLD.said)
                AND (NEW.badge_id IS NULL OR NEW.badge_id = OLD.badge_id)
            THEN
                RETURN NEW;
            END IF;
            RAISE EXCEPTION 'the scan log is never rewritten';
        END $$
        """
    )
    op.execute(
        """
        CREATE TRIGGER scans_are_only_added BEFORE UPDATE OR DELETE ON scans
        FOR EACH ROW EXECUTE FUNCTION the_log_only_forgets_people()
        """
    )
    # Before the rows are looked at: a statement that would change none is refused as well.
    op.execute(
        """
        CREATE FUNCTION the_log_is_changed_to_forget_only() RETURNS trigger LANGUAGE plpgsql AS $$
        BEGIN
            IF TG_OP = 'DELETE'
                OR current_setting('forumpass.scans_forget', true) IS DISTINCT FROM 'on'
            THEN
                RAISE EXCEPTION 'the scan log is never rewritten';
            END IF;
            RETURN NULL;
        END $$
        """
    )
    op.execute(
        """
        CREATE TRIGGER scans_are_changed_to_forget_only BEFORE UPDATE OR DELETE ON scans
        FOR EACH STATEMENT EXECUTE FUNCTION the_log_is_changed_to_forget_only()
        """
    )
