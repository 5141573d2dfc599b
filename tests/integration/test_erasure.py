"""Nothing is left of somebody who was erased: not in any table, not in any file that we keep."""

from __future__ import annotations

from collections.abc import Iterator
from uuid import uuid4

import pytest

from deploy.private_servers import PostgreSQL
from shared.access import Role
from tests.remains import ADDRESS, PERSONAL, call, found, live
from tests.system import OneMachine, eventually


@pytest.fixture(scope="module")
def system(postgres: PostgreSQL, tmp_path_factory: pytest.TempPathFactory) -> Iterator[OneMachine]:
    postgres.drop_databases()
    home = tmp_path_factory.mktemp("home")
    one = OneMachine(home, FORUMPASS_DATABASE_URL=postgres.url, FORUMPASS_LOG_LEVEL="debug")
    one.start()
    yield one
    one.stop()


def test_of_a_whole_life_nothing_personal_is_left_anywhere(
    postgres: PostgreSQL, system: OneMachine
) -> None:
    visitor = system.visit()
    registration_id = live(visitor)
    _fail_to_hear(postgres, registration_id)
    assert found(postgres, visitor) == set(PERSONAL)
    assert visitor.mail_to(ADDRESS)

    done = visitor.forumpass("erase", registration_id)
    assert done.returncode == 0, done.stderr
    eventually(lambda: found(postgres, visitor), lambda words: not words)

    assert postgres.execute(
        f"SELECT status FROM registrations WHERE id = '{registration_id}'",
        database="forumpass_registration",
    ) == ["erased"]
    assert _pictures(postgres) == ["0", "0", "0"]
    verified = visitor.forumpass("audit", "verify")
    assert verified.returncode == 0, verified.stdout
    assert verified.stdout.count("unbroken") == 4


def test_what_comes_late_about_somebody_erased_is_not_kept(
    postgres: PostgreSQL, system: OneMachine
) -> None:
    registration_id = live(visitor := system.visit())
    events = _said(postgres, registration_id)
    with visitor.as_staff(Role.organiser) as http:
        call(http, f"/registration/api/registrations/{registration_id}/erase")
    eventually(lambda: found(postgres, visitor), lambda words: not words)
    for event in events:
        _set_aside(postgres, "retries", event, "now()")
        postgres.execute(
            f"INSERT INTO outbox (id, event) VALUES ('{uuid4()}', '{event}')",
            database="forumpass_registration",
        )
    eventually(lambda: found(postgres, visitor), lambda words: not words)


def _said(postgres: PostgreSQL, registration_id: str) -> list[str]:
    """What registration has said of somebody that names them."""
    return postgres.execute(
        f"""
        SELECT replace(event::text, '''', '''''') FROM outbox
        WHERE event -> 'data' ->> 'registration_id' = '{registration_id}'
          AND event::text LIKE '%Alexandrine%'
        """,
        database="forumpass_registration",
    )


def _fail_to_hear(postgres: PostgreSQL, registration_id: str) -> None:
    """Leave events about somebody where those rest that could not be handled."""
    events = _said(postgres, registration_id)
    assert events
    for event in events:
        _set_aside(postgres, "retries", event)
        _set_aside(postgres, "dead_letters", event)


def _set_aside(
    postgres: PostgreSQL, table: str, event: str, moment: str = "now() + interval '1 hour'"
) -> None:
    when = "due_at" if table == "retries" else "died_at"
    for service, queue in (
        ("badging", "badging.registrations"),
        ("checkin", "checkin.participants"),
        ("notifications", "notifications.registrations"),
    ):
        postgres.execute(
            f"""
            INSERT INTO {table} (queue, event_id, event, attempts, error, {when})
            VALUES ('{queue}', '{uuid4()}', '{event}', 2, 'it failed', {moment})
            """,
            database=f"forumpass_{service}",
        )


def _pictures(postgres: PostgreSQL) -> list[str]:
    """How many photos each service has."""
    return [
        *postgres.execute("SELECT count(*) FROM photos", database="forumpass_registration"),
        *postgres.execute("SELECT count(photo) FROM holders", database="forumpass_badging"),
        *postgres.execute("SELECT count(jpeg) FROM photos", database="forumpass_checkin"),
    ]
