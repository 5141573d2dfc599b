"""The audit log, and the registrations that are forgotten.

Expands only. What was done stands in `audit`, each entry chained to the one before it by the
database itself (docs/decisions/0028): whoever writes a note, Python or a statement of its own,
cannot leave the chain out.
"""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.postgresql import ARRAY, JSONB

revision = "shared_0002"
down_revision = "shared_0001"
branch_labels = None
depends_on = None

moment = sa.DateTime(timezone=True)


def what_was_done() -> list[sa.Column[object]]:
    return [
        sa.Column("at", moment, nullable=False),
        sa.Column("who", sa.Text, nullable=False),
        sa.Column("role", sa.Text, nullable=False),
        sa.Column("act", sa.Text, nullable=False),
        sa.Column("which", sa.Text),
        sa.Column("about", ARRAY(sa.Uuid), nullable=False, server_default="{}"),
        sa.Column("details", JSONB, nullable=False, server_default="{}"),
        sa.Column("address", sa.Text),
        sa.Column("trace_id", sa.Text),
    ]


def upgrade() -> None:
    op.create_table(
        "audit_notes",
        sa.Column("id", sa.BigInteger, sa.Identity(always=True), primary_key=True),
        *what_was_done(),
        sa.Column("reason", sa.Text),
    )
    op.create_table(
        "audit",
        sa.Column("seq", sa.BigInteger, primary_key=True, autoincrement=False),
        *what_was_done(),
        sa.Column("reason_digest", sa.LargeBinary),
        sa.Column("hash", sa.LargeBinary, nullable=False),
    )
    op.create_index("audit_about_index", "audit", ["about"], postgresql_using="gin")
    op.create_index("audit_who_index", "audit", ["who", "seq"])
    op.create_index("audit_act_index", "audit", ["act", "seq"])
    op.create_index("audit_at_index", "audit", ["at"])
    op.create_table(
        "audit_reasons",
        sa.Column("seq", sa.BigInteger, primary_key=True, autoincrement=False),
        sa.Column("salt", sa.LargeBinary, nullable=False),
        sa.Column("reason", sa.Text, nullable=False),
    )
    op.create_table(
        "audit_head",
        sa.Column("one", sa.Boolean, primary_key=True, server_default="true"),
        sa.Column("seq", sa.BigInteger, nullable=False, server_default="0"),
        sa.Column("hash", sa.LargeBinary, nullable=False, server_default=""),
        sa.Column("begins_after", sa.BigInteger, nullable=False, server_default="0"),
        sa.Column("begins_with", sa.LargeBinary, nullable=False, server_default=""),
        sa.CheckConstraint("one", name="audit_head_one_check"),
    )
    op.execute("INSERT INTO audit_head DEFAULT VALUES")
    op.execute(
        """
        CREATE FUNCTION audit_seals() RETURNS trigger LANGUAGE plpgsql AS $$
        DECLARE
            entry audit;
            salt bytea;
        BEGIN
            DELETE FROM audit_notes WHERE id = NEW.id;
            -- Whoever seals holds this row until the commit, which is all that is left to do.
            UPDATE audit_head SET seq = seq + 1 RETURNING seq, hash INTO entry.seq, entry.hash;
            entry.at := NEW.at;
            entry.who := NEW.who;
            entry.role := NEW.role;
            entry.act := NEW.act;
            entry.which := NEW.which;
            entry.about := NEW.about;
            entry.details := NEW.details;
            entry.address := NEW.address;
            entry.trace_id := NEW.trace_id;
            IF NEW.reason IS NOT NULL THEN
                -- Without its salt, a digest of a short reason could be guessed.
                salt := uuid_send(gen_random_uuid()) || uuid_send(gen_random_uuid());
                entry.reason_digest := sha256(salt || convert_to(NEW.reason, 'UTF8'));
                INSERT INTO audit_reasons VALUES (entry.seq, salt, NEW.reason);
            END IF;
            -- As shared/audit.py has it: a JSON array of all that is said, behind the hash before.
            entry.hash := sha256(
                entry.hash
                || convert_to(
                    jsonb_build_array(
                        entry.seq,
                        to_char(entry.at AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"'),
                        entry.who, entry.role, entry.act, entry.which, to_jsonb(entry.about),
                        entry.details::text, entry.address, entry.trace_id,
                        encode(entry.reason_digest, 'hex')
                    )::text,
                    'UTF8'
                )
            );
            INSERT INTO audit SELECT entry.*;
            UPDATE audit_head SET hash = entry.hash;
            RETURN NULL;
        END $$
        """
    )
    # At the commit: until then nobody waits for anybody, in whatever order rows are locked.
    op.execute(
        """
        CREATE CONSTRAINT TRIGGER audit_notes_are_sealed AFTER INSERT ON audit_notes
        DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION audit_seals()
        """
    )
    op.execute(
        """
        CREATE FUNCTION the_audit_is_never_rewritten() RETURNS trigger LANGUAGE plpgsql AS $$
        BEGIN
            IF TG_OP = 'DELETE' AND current_setting('forumpass.audit_ends', true) = 'on' THEN
                RETURN NULL;
            END IF;
            RAISE EXCEPTION 'the audit log is never rewritten';
        END $$
        """
    )
    op.execute(
        """
        CREATE TRIGGER audit_is_only_added BEFORE UPDATE OR DELETE OR TRUNCATE ON audit
        FOR EACH STATEMENT EXECUTE FUNCTION the_audit_is_never_rewritten()
        """
    )
    op.create_table(
        "erasures",
        sa.Column("registration_id", sa.Uuid, primary_key=True),
        sa.Column("since", moment, nullable=False, server_default=sa.func.now()),
    )
    op.execute(
        "CREATE INDEX outbox_registration_index ON outbox ((event -> 'data' ->> 'registration_id'))"
    )
