"""Delegations under test: who looks after one, and files as people save them."""

from __future__ import annotations

import csv
from collections.abc import Iterable, Sequence
from io import StringIO
from typing import Any
from uuid import uuid4

import httpx

from shared.access import Role
from tests.registration import Registering, body

DELEGATIONS = "/registration/api/delegations"
IMPORTS = "/registration/api/imports"
HEADER = (
    "family_name", "given_name", "email", "organization", "country", "category", "language",
)  # fmt: skip
ALL_GOOD = ("Hopper", "Grace", "grace@example.org", "Navy", "US", "civil_society", "en")


def focal_point(registering: Registering, email: str) -> dict[str, str]:
    """Headers with which a focal point calls."""
    token = registering.keyring.staff_token(Role.focal_point, email)
    return {"Authorization": f"Bearer {token}"}


async def delegation(registering: Registering, **particulars: Any) -> str:
    """The id of a new delegation."""
    sent = {
        "name": "Switzerland",
        "country": "CH",
        "category": "government",
        "quota": 3,
    } | particulars
    answer = await registering.send("POST", DELEGATIONS, sent, registering.organiser)
    assert answer.status_code == 201, answer.text
    return str(answer.json()["id"])


async def looked_after(
    registering: Registering, email: str = "", **particulars: Any
) -> tuple[str, dict[str, str]]:
    """A new delegation, and the headers of its focal point."""
    delegation_id = await delegation(registering, **particulars)
    email = email or f"{uuid4().hex[:12]}@example.org"
    sent = {"name": "Ada Lovelace", "email": email, "language": "fr"}
    path = f"{DELEGATIONS}/{delegation_id}/focal-points"
    answer = await registering.send("POST", path, sent, registering.organiser)
    assert answer.status_code == 201, answer.text
    return delegation_id, focal_point(registering, email)


def member(**particulars: Any) -> dict[str, Any]:
    """Somebody who comes with a delegation; the address is nobody else's."""
    address = f"{uuid4().hex[:12]}@example.org"
    return body(**{"category": "government", "country": "CH", "email": address} | particulars)


async def add(
    registering: Registering, delegation_id: str, by: dict[str, str], **particulars: Any
) -> httpx.Response:
    path = f"{DELEGATIONS}/{delegation_id}/members"
    return await registering.send("POST", path, member(**particulars), by)


async def members(registering: Registering, delegation_id: str) -> list[dict[str, Any]]:
    """Its people, newest first."""
    answer = await registering.http.get(
        f"{DELEGATIONS}/{delegation_id}/members", headers=registering.organiser
    )
    assert answer.status_code == 200, answer.text
    items: list[dict[str, Any]] = answer.json()["items"]
    return items


def table(
    *rows: Iterable[str], header: Sequence[str] = HEADER, delimiter: str = ",", end: str = "\r\n"
) -> str:
    out = StringIO()
    csv.writer(out, delimiter=delimiter, lineterminator=end).writerows([header, *rows])
    return out.getvalue()


def people(count: int, **particulars: str) -> list[list[str]]:
    """So many rows, each another person's."""
    return [
        [
            particulars.get("family_name", f"Participant {number}"),
            "Grace",
            f"participant.{number}@example.org",
            "Navy",
            "US",
            particulars.get("category", "civil_society"),
            "en",
        ]
        for number in range(count)
    ]


async def send_file(
    registering: Registering,
    content: str | bytes,
    by: dict[str, str] | None = None,
    *,
    media_type: str = "text/csv",
    key: str | None = None,
    **wanted: Any,
) -> httpx.Response:
    """Send a file, as an organiser unless said otherwise."""
    headers = (registering.organiser if by is None else by) | {"Content-Type": media_type}
    if key is not None:
        headers["Idempotency-Key"] = key
    return await registering.http.post(IMPORTS, content=content, headers=headers, params=wanted)
