"""The delivery log over HTTP: what organisers see and send again, and what is refused."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterator
from typing import Any
from uuid import UUID, uuid4

import pytest

from deploy.private_servers import PostgreSQL, started
from shared.access import Role
from shared.events import (
    RegistrationCancelled,
    RegistrationErased,
    RegistrationInReview,
)
from tests.mails import face
from tests.notifications import (
    MESSAGES,
    Badging,
    Notifying,
    address_of,
    contact_changed,
    failing,
    issued,
    revoked,
    running,
    submitted,
)
from tests.servers import MailServer


@pytest.fixture(scope="module")
def badging() -> Iterator[Badging]:
    with started(Badging()) as server:
        yield server


@pytest.fixture(scope="module")
async def notifying(
    postgres: PostgreSQL,
    tmp_path_factory: pytest.TempPathFactory,
    mail_server: MailServer,
    badging: Badging,
) -> AsyncIterator[Notifying]:
    postgres.drop_databases()
    mail_server.clear()
    home = tmp_path_factory.mktemp("home")
    async with running(postgres.url, home, mail_server, badging.url) as service:
        yield service


async def sent(notifying: Notifying, **particulars: Any) -> dict[str, Any]:
    """The confirmation that somebody has just been sent."""
    registration_id = await notifying.register(**particulars)
    return await notifying.waiting_for(registration_id, status="sent")


# --- the log --------------------------------------------------------------------------------------


async def test_a_mail_is_in_the_log_with_what_became_of_it(notifying: Notifying) -> None:
    message = await sent(notifying)
    assert message == {
        "id": message["id"],
        "kind": "confirm_address",
        "registration_id": message["registration_id"],
        "recipient": address_of(UUID(message["registration_id"])),
        "status": "sent",
        "attempts": 1,
        "created_at": message["created_at"],
        "sent_at": message["sent_at"],
        "error": None,
    }
    assert message["created_at"] <= message["sent_at"]


async def test_the_log_is_searched_by_address_in_any_case(notifying: Notifying) -> None:
    email = f"Zoë.{uuid4().hex}@Example.org"
    message = await sent(notifying, email=email)
    for typed in (email, email.upper(), email.lower()):
        assert await notifying.page(recipient=typed) == {"items": [message], "next_cursor": None}
    for other in (email[1:], f"{email}x", "%", "_" * len(email)):
        assert await notifying.page(recipient=other) == {"items": [], "next_cursor": None}


async def test_a_mail_is_found_by_the_address_that_it_went_to(notifying: Notifying) -> None:
    message = await sent(notifying)
    registration_id = UUID(message["registration_id"])
    new = f"new-{address_of(registration_id)}"
    await notifying.hear(contact_changed(registration_id, 2, email=new))
    assert (await notifying.page(recipient=message["recipient"]))["items"] == [message]
    assert (await notifying.page(recipient=new))["items"] == []
    await notifying.hear(RegistrationInReview(registration_id=registration_id, version=3))
    await notifying.outcome(registration_id)
    [later] = (await notifying.page(recipient=new))["items"]
    assert (later["kind"], later["recipient"]) == ("in_review", new)


async def test_a_mail_is_found_by_the_address_that_it_will_go_to(
    notifying: Notifying, badging: Badging
) -> None:
    registration_id = uuid4()
    await notifying.hear(issued(registration_id), contact_changed(registration_id, 2))
    [waiting] = (await notifying.page(recipient=address_of(registration_id)))["items"]
    assert (waiting["status"], waiting["recipient"]) == ("queued", address_of(registration_id))
    await notifying.hear(submitted(registration_id))
    await notifying.outcome(registration_id)


async def test_the_log_is_filtered_by_status(notifying: Notifying, badging: Badging) -> None:
    message = await sent(notifying)
    registration_id = UUID(message["registration_id"])
    with failing(badging, 503):
        await notifying.hear(issued(registration_id))
        queued = (await notifying.page(status="queued"))["items"]
        assert [item["kind"] for item in queued] == ["badge"]
        await notifying.hear(RegistrationCancelled(registration_id=registration_id, version=3))
        await notifying.outcome(registration_id)
        address = address_of(registration_id)
        for status, kinds in {
            "sent": ["cancelled", "confirm_address"],
            "dropped": ["badge"],
            "queued": [],
            "failed": [],
            "bounced": [],
        }.items():
            found = (await notifying.page(status=status, recipient=address))["items"]
            assert [item["kind"] for item in found] == kinds


async def test_the_log_goes_on_with_its_cursor(notifying: Notifying) -> None:
    made = [(await sent(notifying))["id"] for _ in range(5)]
    found: list[str] = []
    cursor: dict[str, str] = {}
    while len(found) < len(made):
        page = await notifying.page(limit=2, **cursor)
        assert len(page["items"]) == 2
        found += [item["id"] for item in page["items"]]
        cursor = {"cursor": page["next_cursor"]}
    assert found[:5] == made[::-1]


async def test_the_last_page_has_no_cursor(notifying: Notifying) -> None:
    message = await sent(notifying)
    page = await notifying.page(limit=1, recipient=message["recipient"])
    assert page == {"items": [message], "next_cursor": None}


# --- sending again --------------------------------------------------------------------------------


async def test_a_mail_is_sent_again_as_a_message_of_its_own(notifying: Notifying) -> None:
    message = await sent(notifying)
    answer = await notifying.resend(message)
    assert answer.status_code == 201
    again = answer.json()
    assert again["id"] != message["id"]
    assert (again["kind"], again["status"], again["attempts"]) == ("confirm_address", "queued", 0)
    first, second = await notifying.mail(message["recipient"], count=2)
    assert first["Message-ID"] != second["Message-ID"]
    assert face(first, "plain") == face(second, "plain")


async def test_a_badge_is_mailed_again_while_it_is_valid(notifying: Notifying) -> None:
    message = await sent(notifying)
    registration_id = UUID(message["registration_id"])
    await notifying.hear(issued(registration_id))
    badge = await notifying.waiting_for(registration_id, status="sent")
    assert (await notifying.resend(badge)).status_code == 201
    await notifying.outcome(registration_id)
    await notifying.hear(revoked(registration_id))
    answer = await notifying.resend(badge)
    assert (answer.status_code, answer.json()["type"]) == (
        409,
        "urn:forum-pass:problem:not-allowed-now",
    )
    assert [kind for kind, _ in await notifying.outcome(registration_id)] == [
        "confirm_address",
        "badge",
        "badge",
    ]


async def test_a_mail_that_is_on_its_way_is_not_sent_twice(
    notifying: Notifying, badging: Badging
) -> None:
    message = await sent(notifying)
    registration_id = UUID(message["registration_id"])
    await notifying.hear(issued(registration_id))
    badge = await notifying.waiting_for(registration_id, status="sent")
    with failing(badging, 503):
        answers = await asyncio.gather(*(notifying.resend(badge) for _ in range(3)))
        assert sorted(answer.status_code for answer in answers) == [201, 409, 409]
        waiting = await notifying.waiting_for(registration_id, status="queued")
        assert (await notifying.resend(waiting)).status_code == 409
    assert len(await notifying.outcome(registration_id)) == 3


async def test_what_is_no_longer_true_is_not_sent_again(notifying: Notifying) -> None:
    confirmation = await sent(notifying)
    registration_id = UUID(confirmation["registration_id"])
    await notifying.hear(RegistrationInReview(registration_id=registration_id, version=2))
    review = await notifying.waiting_for(registration_id, status="sent")
    assert (await notifying.resend(confirmation)).status_code == 409
    assert (await notifying.resend(review)).status_code == 201
    await notifying.outcome(registration_id)
    await notifying.hear(issued(registration_id))
    badge = await notifying.waiting_for(registration_id, status="sent")
    assert (await notifying.resend(review)).status_code == 409
    await notifying.outcome(registration_id)
    await notifying.hear(RegistrationCancelled(registration_id=registration_id, version=3))
    cancellation = await notifying.waiting_for(registration_id, status="sent")
    assert (await notifying.resend(badge)).status_code == 409
    assert (await notifying.resend(cancellation)).status_code == 201


async def test_nobody_is_written_to_once_erased(notifying: Notifying) -> None:
    message = await sent(notifying)
    registration_id = UUID(message["registration_id"])
    await notifying.hear(RegistrationErased(registration_id=registration_id, version=4))
    answer = await notifying.resend(message)
    assert answer.status_code == 409
    assert "erased" in answer.json()["detail"]
    [erased] = await notifying.messages(registration_id)
    assert (erased["recipient"], erased["status"]) == (None, "sent")


# --- who may ask, and what for --------------------------------------------------------------------

CALLS = [("GET", MESSAGES), ("POST", f"{MESSAGES}/{{id}}/resend")]


@pytest.mark.parametrize(("method", "path"), CALLS)
async def test_strangers_and_other_roles_are_refused(
    notifying: Notifying, method: str, path: str
) -> None:
    message = await sent(notifying)
    registrant = notifying.keyring.registrant_token(UUID(message["registration_id"]))
    refused: dict[int, list[dict[str, str]]] = {
        401: [
            {},
            {"Authorization": "Bearer wrong"},
            {"Authorization": f"Bearer {registrant}"},
            {"Cookie": f"forumpass_session={registrant}"},
        ],
        403: [notifying.staff(role) for role in Role if role is not Role.organiser],
    }
    for status, callers in refused.items():
        for headers in callers:
            answer = await notifying.http.request(
                method, path.format(id=message["id"]), headers=headers
            )
            assert answer.status_code == status
            assert answer.headers["Content-Type"] == "application/problem+json"
            assert message["recipient"] not in answer.text
    assert len(await notifying.messages(UUID(message["registration_id"]))) == 1


@pytest.mark.parametrize(
    "message_id",
    [
        str(UUID(int=0)),
        "1361f0ae-d6a3-45bb-98b7-fd44515a33d3",
        "0",
        "x" * 36,
        "%00",
        "1%00",
        "..",
        "%F0%9F%98%80",
    ],
)
async def test_an_id_of_no_message_is_not_found(notifying: Notifying, message_id: str) -> None:
    answer = await notifying.http.post(
        f"{MESSAGES}/{message_id}/resend", headers=notifying.organiser
    )
    assert answer.status_code == 404


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("recipient", "nul\0@example.org"),
        ("recipient", "x" * 321),
        ("status", "lost"),
        ("cursor", "first"),
        ("cursor", "0"),
        ("limit", "0"),
        ("limit", "201"),
        ("limit", "many"),
        ("limit", "9" * 40),
    ],
)
async def test_a_wrong_filter_is_named(notifying: Notifying, field: str, value: str) -> None:
    answer = await notifying.http.get(MESSAGES, params={field: value}, headers=notifying.organiser)
    assert answer.status_code == 422
    assert answer.headers["Content-Type"] == "application/problem+json"
    assert [error["field"] for error in answer.json()["errors"]] == [field]


@pytest.mark.parametrize("recipient", ["%ED%A0%80", "%FF", "' OR 1=1 --", "%25", "a@b\u202e"])
async def test_a_strange_address_finds_nothing(notifying: Notifying, recipient: str) -> None:
    answer = await notifying.http.get(
        f"{MESSAGES}?recipient={recipient}", headers=notifying.organiser
    )
    assert (answer.status_code, answer.json()["items"]) == (200, [])


async def test_a_page_of_another_site_sends_nothing_again(notifying: Notifying) -> None:
    message = await sent(notifying)
    answer = await notifying.http.post(
        f"{MESSAGES}/{message['id']}/resend",
        headers=notifying.organiser
        | {"Origin": "https://evil.example", "Sec-Fetch-Site": "cross-site"},
    )
    assert answer.status_code == 403


async def test_the_contract_documents_every_refusal(notifying: Notifying) -> None:
    document = (await notifying.http.get("/notifications/api/openapi.json")).json()
    assert {MESSAGES, f"{MESSAGES}/{{message_id}}/resend"} <= set(document["paths"])
    for path, operations in document["paths"].items():
        for operation in operations.values():
            assert operation["summary"], path
            assert operation["security"], path
            for status, answer in operation["responses"].items():
                if status not in ("200", "201"):
                    assert list(answer["content"]) == ["application/problem+json"], path
