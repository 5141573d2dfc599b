"""Nothing is left of somebody who was erased: not in any table, not in any file that we keep."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Final
from uuid import uuid4

import httpx
import pytest

from deploy.private_servers import PostgreSQL
from shared.access import Role
from tests.registration import picture, sent_photo
from tests.system import (
    OneMachine,
    Visitor,
    badge_of,
    confirm_link,
    device_at,
    eventually,
    person,
    scan,
    scan_until_known,
)

SERVICES: Final = ("registration", "badging", "checkin", "notifications")
PARTICULARS: Final = {
    "given_name": "Hypatia",
    "family_name": "Alexandrine",
    "organization": "Mouseion",
    "position": "Geometer",
    "title": "Philosophos",
    "accessibility_needs": "Astrolabe",
}
ADDRESS: Final = "conics@library.example"
WROTE: Final = ("Theon vouches", "Synesius came instead", "Orestes asked for it")
"""What staff wrote: for an override, an undo, and a new badge."""
PERSONAL: Final = (*PARTICULARS.values(), ADDRESS, *WROTE)


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
    registration_id = _live(visitor)
    _fail_to_hear(postgres, registration_id)
    assert _found(postgres, visitor) == set(PERSONAL)
    assert visitor.mail_to(ADDRESS)

    done = visitor.forumpass("erase", registration_id)
    assert done.returncode == 0, done.stderr
    eventually(lambda: _found(postgres, visitor), lambda found: not found)

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
    registration_id = _live(visitor := system.visit())
    events = _said(postgres, registration_id)
    with visitor.as_staff(Role.organiser) as http:
        _call(http, f"/registration/api/registrations/{registration_id}/erase")
    eventually(lambda: _found(postgres, visitor), lambda found: not found)
    for event in events:
        _set_aside(postgres, "retries", event, "now()")
        postgres.execute(
            f"INSERT INTO outbox (id, event) VALUES ('{uuid4()}', '{event}')",
            database="forumpass_registration",
        )
    eventually(lambda: _found(postgres, visitor), lambda found: not found)


def _live(visitor: Visitor) -> str:
    """Register with a photo, be reviewed, get a badge and another, go in, be taken back."""
    asked = person(email=ADDRESS, category="media", photo=sent_photo(picture()), **PARTICULARS)
    with visitor.calling() as http:
        key = {"Idempotency-Key": str(uuid4())}
        answer = http.post("/registration/api/registrations", json=asked, headers=key)
        assert answer.status_code == 201, answer.text
        registration_id: str = answer.json()["id"]
        _, token = confirm_link(visitor.mail_to(ADDRESS)[0])
        path = f"/registration/api/registrations/{registration_id}"
        _call(http, f"{path}/confirm-email", token=token)
    with visitor.as_staff(Role.organiser) as http:
        _call(http, f"{path}/approve")
        first = badge_of(visitor, registration_id)
        _call(http, f"/badging/api/badges/{first['id']}/reissue", reason=WROTE[2])
        badge = badge_of(visitor, registration_id)
        with device_at(visitor, "tower-in") as device:
            scan_until_known(device, badge["credential"])
            overridden = {"credential": badge["credential"], "override": WROTE[0]}
            admitted = _call(device, "/checkin/api/scans", scan_id=str(uuid4()), **overridden)
            assert admitted["reason"] == "override"
            _call(device, f"/checkin/api/scans/{admitted['scan_id']}/undo", reason=WROTE[1])
            scan(device, badge["credential"])
        http.get("/checkin/api/participants", params={"q": "Alexandrine"}).raise_for_status()
        http.get(f"/badging/api/badges/{badge['id']}.png").raise_for_status()
    visitor.mail_to(ADDRESS, count=3)
    return registration_id


def _call(http: httpx.Client, path: str, **content: Any) -> dict[str, Any]:
    answer = http.post(path, json=content)
    assert answer.is_success, answer.text
    answered: dict[str, Any] = answer.json()
    return answered


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


def _found(postgres: PostgreSQL, visitor: Visitor) -> set[str]:
    """Which of the personal words stand in a table of a service or in a file."""
    stored = "\n".join(_everything(postgres, service) for service in SERVICES)
    for file in visitor.home.rglob("*"):
        if file.is_file():
            stored += file.read_bytes().decode(errors="replace")
    return {word for word in PERSONAL if word in stored}


def _everything(postgres: PostgreSQL, service: str) -> str:
    """All rows of all tables of a service, as text."""
    database = f"forumpass_{service}"
    tables = postgres.execute(
        "SELECT quote_ident(tablename) FROM pg_tables WHERE schemaname = 'public'",
        database=database,
    )
    assert len(tables) > 8
    rows = " UNION ALL ".join(f"SELECT one::text FROM {table} AS one" for table in tables)
    return "\n".join(postgres.execute(rows, database=database))


def _pictures(postgres: PostgreSQL) -> list[str]:
    """How many photos each service has."""
    return [
        *postgres.execute("SELECT count(*) FROM photos", database="forumpass_registration"),
        *postgres.execute("SELECT count(photo) FROM holders", database="forumpass_badging"),
        *postgres.execute("SELECT count(jpeg) FROM photos", database="forumpass_checkin"),
    ]
