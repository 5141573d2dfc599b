"""What operators do by command: dead letters, the outbox, a copy made anew."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from uuid import uuid4

import httpx
import pytest

from deploy.private_servers import PostgreSQL
from tests.system import (
    OneMachine,
    Visitor,
    badge_of,
    device_at,
    environment,
    eventually,
    forumpass,
    register,
    scan,
    scan_until_known,
)

CHECKIN = "forumpass_checkin"


@pytest.fixture(scope="module")
def system(postgres: PostgreSQL, tmp_path_factory: pytest.TempPathFactory) -> Iterator[OneMachine]:
    postgres.drop_databases()
    home = tmp_path_factory.mktemp("operated")
    one = OneMachine(home, FORUMPASS_DATABASE_URL=postgres.url)
    one.start()
    yield one
    one.stop()


@pytest.fixture
def visitor(system: OneMachine) -> Visitor:
    return system.visit()


def run(visitor: Visitor, *arguments: str) -> str:
    done = visitor.forumpass(*arguments)
    assert done.returncode == 0, done.stderr
    return done.stdout


def poison(postgres: PostgreSQL) -> str:
    """An event that nobody can read, in check-in's queue; answers its id."""
    event_id = str(uuid4())
    document = json.dumps({"type": "forum.badge.melted.v1", "id": event_id})
    postgres.execute(
        "INSERT INTO retries (queue, event_id, event, attempts, due_at, error)"
        f" VALUES ('checkin.participants', '{event_id}', '{document}', 1, now(), '')",
        database=CHECKIN,
    )
    return event_id


def test_dead_letters_are_listed_shown_replayed_and_discarded(
    postgres: PostgreSQL, visitor: Visitor
) -> None:
    assert run(visitor, "dead-letters", "list") == "No dead letters.\n"
    event_id = poison(postgres)
    listed = eventually(
        lambda: run(visitor, "dead-letters", "list"), lambda shown: event_id in shown
    )
    assert "checkin.participants" in listed
    assert "badge.melted.v1" in listed
    shown = run(visitor, "dead-letters", "show", event_id)
    assert "MalformedEvent" in shown
    assert '"type": "forum.badge.melted.v1"' in shown
    run(visitor, "dead-letters", "replay", event_id)
    eventually(lambda: run(visitor, "dead-letters", "list"), lambda shown: event_id in shown)
    assert run(visitor, "dead-letters", "discard", "--all") == f"{event_id} is gone.\n"
    assert run(visitor, "dead-letters", "list") == "No dead letters.\n"


def test_a_dead_letter_that_is_not_there_is_told_in_one_sentence(visitor: Visitor) -> None:
    done = visitor.forumpass("dead-letters", "replay", "nothing")
    assert (done.returncode, done.stderr) == (1, "There is no dead letter nothing.\n")


def test_without_an_id_nothing_is_replayed_by_mistake(visitor: Visitor) -> None:
    done = visitor.forumpass("dead-letters", "replay")
    assert done.returncode == 2
    assert "Name one dead letter, or say --all." in done.stderr


def test_the_outbox_of_each_service_is_told(visitor: Visitor) -> None:
    register(visitor)

    def waiting() -> list[str]:
        rows = run(visitor, "outbox").splitlines()[1:]
        return [re.split(r"\s+", row.strip())[1] for row in rows]

    eventually(waiting, lambda counts: counts == ["0"] * 4)


def test_where_nothing_runs_a_command_says_so(tmp_path: Path) -> None:
    given = environment(tmp_path, FORUMPASS_ORIGIN="http://127.0.0.1:1")
    done = forumpass(given, tmp_path, "outbox")
    assert done.returncode == 1
    assert done.stderr.startswith("Nothing answers at http://127.0.0.1:1")
    assert len(done.stderr.splitlines()) == 1


def test_an_export_that_fails_leaves_the_last_one_as_it_is(tmp_path: Path) -> None:
    last = tmp_path / "all.csv"
    last.write_text("the last one", encoding="utf-8")
    given = environment(tmp_path, FORUMPASS_ORIGIN="http://127.0.0.1:1")
    assert forumpass(given, tmp_path, "export", str(last)).returncode == 1
    assert [file.name for file in tmp_path.glob("*all.csv*")] == ["all.csv"]
    assert last.read_text(encoding="utf-8") == "the last one"


def test_a_spoiled_copy_is_made_anew_while_the_gates_go_on(
    postgres: PostgreSQL, visitor: Visitor
) -> None:
    lost, wrongly_stopped, came = (register(visitor)[0] for _ in range(3))
    badges = [badge_of(visitor, one) for one in (lost, wrongly_stopped, came)]
    with device_at(visitor, "tower-in") as device:
        scan_until_known(device, badges[2]["credential"])
        postgres.execute(
            f"""
            DELETE FROM participants WHERE registration_id = '{lost}';
            DELETE FROM badges WHERE registration_id = '{lost}';
            UPDATE badges SET status = 'revoked', version = 99
             WHERE registration_id = '{wrongly_stopped}';
            UPDATE participants SET family_name = 'Spoiled', version = 99,
                   particulars_version = 99 WHERE registration_id = '{came}';
            INSERT INTO badges VALUES
                ('00000000000000aa', '{uuid4()}', 1, 'valid', '7KQ2-M9X1', 31, 3);
            """,
            database=CHECKIN,
        )
        assert scan(device, badges[0]["credential"])["reason"] == "unknown_badge"

        # One badge is nobody's: the owner's word is not enough to tell, an operator's is needed.
        told = visitor.forumpass("rebuild", "checkin")
        assert (told.returncode, "registrations and" in told.stdout) == (1, True)
        assert told.stderr.startswith("0 registrations and 1 badges in the copy were not heard of")

        def reasons() -> list[str]:
            return [scan(device, badge["credential"])["reason"] for badge in badges]

        eventually(lambda: scan(device, badges[0]["credential"])["decision"], bool)
        assert reasons() == ["already_inside", "first_entry", "already_inside"]
        judged = scan(device, badges[2]["credential"])
        assert judged["participant"]["family_name"] == "Lovelace"
    assert _status(postgres, "00000000000000aa") == "valid"
    stopped = run(visitor, "rebuild", "checkin", "--yes")
    assert stopped == "0 registrations and 1 badges open no gate any more.\n"
    assert _status(postgres, "00000000000000aa") == "revoked"


def test_a_badge_whose_news_waits_to_be_tried_again_is_not_stopped_meanwhile(
    postgres: PostgreSQL, visitor: Visitor
) -> None:
    registration_id, _ = register(visitor)
    badge = badge_of(visitor, registration_id)
    with device_at(visitor, "tower-in") as device:
        scan_until_known(device, badge["credential"])
        with _hiccup_over(postgres, badge["id"]):
            told = visitor.forumpass("rebuild", "checkin")
            assert told.stderr.startswith("0 registrations and 1 badges in the copy were not")
            assert scan(device, badge["credential"])["reason"] == "already_inside"
        told = visitor.forumpass("rebuild", "checkin")
        assert (told.returncode, told.stderr) == (0, "")
        # There is nothing to stop: so it is made anew, as without the option.
        assert "said again" in run(visitor, "rebuild", "checkin", "--yes")
        assert scan(device, badge["credential"])["reason"] == "already_inside"


@contextmanager
def _hiccup_over(postgres: PostgreSQL, badge_id: str) -> Iterator[None]:
    """Check-in fails meanwhile over what the owner says of a badge."""
    postgres.execute(
        f"""
        ALTER TABLE badges ADD CONSTRAINT hiccup CHECK (badge_id <> '{badge_id}' OR version = 0)
            NOT VALID
        """,
        database=CHECKIN,
    )
    yield
    postgres.execute("ALTER TABLE badges DROP CONSTRAINT hiccup", database=CHECKIN)


def _status(postgres: PostgreSQL, badge_id: str) -> str:
    [status] = postgres.execute(
        f"SELECT status FROM badges WHERE badge_id = '{badge_id}'", database=CHECKIN
    )
    return status


def test_presence_and_attendance_are_made_again_from_the_log(
    postgres: PostgreSQL, visitor: Visitor
) -> None:
    registration_id, _ = register(visitor)
    badge = badge_of(visitor, registration_id)
    with device_at(visitor, "tower-in") as device:
        scan_until_known(device, badge["credential"])
        assert "all is as the log says" in run(visitor, "rebuild", "attendance")
        postgres.execute(
            f"""
            DELETE FROM attendance WHERE registration_id = '{registration_id}';
            UPDATE presence SET inside = false WHERE registration_id = '{registration_id}';
            """,
            database=CHECKIN,
        )
        looked = visitor.forumpass("rebuild", "attendance", "--dry-run")
        assert (looked.returncode, looked.stderr) == (1, "")
        assert "2 differences: nothing was changed" in looked.stdout
        told = run(visitor, "rebuild", "attendance")
        assert f"presence of {registration_id}, venue: kept inside False" in told
        assert f"attendance of {registration_id}" in told
        assert "2 differences: all put right" in told
        assert "all is as the log says" in run(visitor, "rebuild", "attendance")
        assert scan(device, badge["credential"])["reason"] == "already_inside"


# --- staff ---------------------------------------------------------------------------------------


def test_staff_are_added_changed_and_ended_by_command(visitor: Visitor) -> None:
    email = "grace@example.org"
    asked = ("--role", "desk", "--role", "reviewer", "--name", "Grace Hopper")
    link = run(visitor, "staff", "add", email, *asked).splitlines()[-1]
    [mail] = visitor.mail_to(email)
    assert "Grace Hopper" in mail.as_string()
    with visitor.calling() as browser:
        assert browser.get(link).status_code == 200
        token = httpx.URL(link).params["token"]
        entered = browser.post("/registration/sign-in/link", data={"token": token})
        assert entered.headers["Location"] == "/registration/review"
        assert browser.get("/registration/review").status_code == 200
        assert re.search(rf"{email} .*reviewer, desk", run(visitor, "staff", "list"))
        run(visitor, "staff", "change", email, "--role", "desk")
        assert browser.get("/registration/review").status_code == 403
        eventually(lambda: browser.get("/badging/api/badges").status_code, lambda code: code == 200)
        run(visitor, "staff", "end", email.upper())
        # Without a touch of the other service: it hears of it.
        eventually(lambda: browser.get("/badging/api/badges").status_code, lambda code: code == 401)


def test_what_cannot_be_done_to_staff_is_said(visitor: Visitor) -> None:
    for arguments, says in (
        (("add", "nobody", "--role", "desk"), "email"),
        (("add", "a@example.org", "--role", "desk", "--language", "tlh"), "language"),
        (("end", "nobody@example.org"), "no account"),
    ):
        done = visitor.forumpass("staff", *arguments)
        assert done.returncode == 1
        assert says in done.stderr


def test_people_are_imported_from_a_file_and_exported_to_one(
    visitor: Visitor, tmp_path: Path
) -> None:
    header = "Surname,First name,E-mail,organization,country,category,language"
    good = "O’Neil,=Ann,ann.cli@example.org,Navy,US,civil_society,en"
    bad = "Nobody,No,no address,Navy,US,civil_society,en"
    file = tmp_path / "people.csv"
    file.write_text(f"{header}\n{good}\n{bad}\n", encoding="utf-8")
    tried = visitor.forumpass("import", str(file), "--dry-run")
    assert "1 would be registered, 1 rows rejected" in tried.stdout
    assert tried.returncode == 1
    done = visitor.forumpass("import", str(file))
    assert done.returncode == 1
    assert "line 3, E-mail: is not an e-mail address" in done.stdout
    assert "1 registered, 1 rows rejected" in done.stdout
    exported = tmp_path / "all.csv"
    assert "registrations in" in run(visitor, "export", str(exported))
    assert "'=Ann" in exported.read_text(encoding="utf-8-sig")
    again = run(visitor, "import", str(exported))
    assert re.search(
        r"^0 registered, 0 rows rejected, [1-9]\d* registered before", again, re.MULTILINE
    )
    gone = visitor.forumpass("import", str(tmp_path / "nothing.csv"))
    assert (gone.returncode, gone.stderr.count("\n")) == (1, 1)


def test_keys_are_listed_rotated_and_retired(system: OneMachine, visitor: Visitor) -> None:
    device = device_at(visitor, "tower-in")
    with device as gate:
        old = badge_of(visitor, register(visitor)[0])
        scan_until_known(gate, old["credential"])
        assert "signs" in run(visitor, "keys", "list")
        rotated = run(visitor, "keys", "rotate").splitlines()
        assert ("verifies" in rotated[-2], "signs" in rotated[-1]) == (True, True)
        new = badge_of(visitor, register(visitor)[0])
        assert scan_until_known(gate, new["credential"])["decision"] == "admitted"
        refused = visitor.forumpass("keys", "retire", "1")
        assert refused.returncode == 1
        assert "reissue them, or say --yes" in refused.stderr
        run(visitor, "keys", "retire", "1", "--yes")
        answer = eventually(
            lambda: scan(gate, old["credential"]), lambda one: one["decision"] == "refused"
        )
        assert answer["reason"] == "bad_signature"
