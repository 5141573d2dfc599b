"""Somebody of whom the system knows all that it can know, and how to find what is left of them."""

from __future__ import annotations

from email.message import EmailMessage
from typing import Any, Final
from uuid import uuid4

import httpx

from deploy.private_servers import PostgreSQL
from shared.access import Role
from tests.registration import picture, sent_photo
from tests.system import (
    Visitor,
    asks_to_confirm,
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


def live(visitor: Visitor) -> str:
    """Register with a photo, be reviewed, get a badge and another, go in, be taken back."""
    asked = person(email=ADDRESS, category="media", photo=sent_photo(picture()), **PARTICULARS)
    with visitor.calling() as http:
        key = {"Idempotency-Key": str(uuid4())}
        answer = http.post("/registration/api/registrations", json=asked, headers=key)
        assert answer.status_code == 201, answer.text
        registration_id: str = answer.json()["id"]
        _, token = confirm_link(_mail_that_asks_to_confirm(visitor))
        path = f"/registration/api/registrations/{registration_id}"
        call(http, f"{path}/confirm-email", token=token)
    with visitor.as_staff(Role.organiser) as http:
        call(http, f"{path}/approve")
        first = badge_of(visitor, registration_id)
        call(http, f"/badging/api/badges/{first['id']}/reissue", reason=WROTE[2])
        badge = badge_of(visitor, registration_id)
        with device_at(visitor, "tower-in") as device:
            scan_until_known(device, badge["credential"])
            overridden = {"credential": badge["credential"], "override": WROTE[0]}
            admitted = call(device, "/checkin/api/scans", scan_id=str(uuid4()), **overridden)
            assert admitted["reason"] == "override"
            call(device, f"/checkin/api/scans/{admitted['scan_id']}/undo", reason=WROTE[1])
            scan(device, badge["credential"])
        http.get("/checkin/api/participants", params={"q": "Alexandrine"}).raise_for_status()
        http.get(f"/badging/api/badges/{badge['id']}.png").raise_for_status()
    visitor.mail_to(ADDRESS, count=3)
    return registration_id


def _mail_that_asks_to_confirm(visitor: Visitor) -> EmailMessage:
    # One that was on its way when its reader was erased rests in the mailbox for some seconds.
    def asking() -> list[EmailMessage]:
        return [mail for mail in visitor.mail_to(ADDRESS) if asks_to_confirm(mail)]

    return eventually(asking, bool)[-1]


def call(http: httpx.Client, path: str, **content: Any) -> dict[str, Any]:
    answer = http.post(path, json=content)
    assert answer.is_success, answer.text
    answered: dict[str, Any] = answer.json()
    return answered


def found(postgres: PostgreSQL, visitor: Visitor) -> set[str]:
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
