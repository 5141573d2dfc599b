"""Delegations: who looks after them, their quotas, and members who come instead of others."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import httpx
import pytest

from deploy.private_servers import PostgreSQL
from shared.access import Role
from shared.events import FocalPointInvited, FocalPointRemoved
from tests import staff
from tests.delegations import (
    DELEGATIONS,
    add,
    delegation,
    looked_after,
    member,
    members,
    people,
    send_file,
    table,
)
from tests.registration import NOBODY, Page, Registering, bounced, forum_with, running


@pytest.fixture(scope="module")
async def registering(
    postgres: PostgreSQL, tmp_path_factory: pytest.TempPathFactory
) -> AsyncIterator[Registering]:
    postgres.drop_databases()
    async with running(postgres.url, tmp_path_factory.mktemp("home")) as service:
        yield service


async def added(
    registering: Registering, delegation_id: str, by: dict[str, str], **particulars: Any
) -> dict[str, Any]:
    answer = await add(registering, delegation_id, by, **particulars)
    assert answer.status_code == 201, answer.text
    row: dict[str, Any] = answer.json()
    return row


async def act(
    registering: Registering,
    delegation_id: str,
    registration_id: str,
    step: str,
    by: dict[str, str],
    content: object = None,
) -> httpx.Response:
    path = f"{DELEGATIONS}/{delegation_id}/members/{registration_id}/{step}"
    return await registering.send("POST", path, content or {}, by)


async def replace(
    registering: Registering,
    delegation_id: str,
    registration_id: str,
    by: dict[str, str],
    **particulars: Any,
) -> httpx.Response:
    newcomer = member(**particulars)
    return await act(registering, delegation_id, registration_id, "replace", by, newcomer)


# --- what organisers do --------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("sent", "field"),
    [
        ({"name": ""}, "name"),
        ({"country": None}, "body"),
        ({"country": "ZZ"}, "country"),
        ({"category": "kings"}, "category"),
        ({"quota": 0}, "quota"),
        ({"quota": 5001}, "quota"),
        ({"quota": "many"}, "quota"),
        ({"colour": "red"}, "colour"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
async def test_a_delegation_is_checked_field_by_field(
    registering: Registering, sent: dict[str, object], field: str
) -> None:
    whole = {"name": "Chad", "country": "TD", "category": "government", "quota": 3}
    before = await registering.stored()
    answer = await registering.send("POST", DELEGATIONS, whole | sent, registering.organiser)
    assert (answer.status_code, answer.json()["errors"][0]["field"]) == (422, field)
    assert await registering.stored() == before


async def test_a_focal_point_is_invited_by_mail(registering: Registering) -> None:
    delegation_id = await delegation(registering, name="Chad", quota=40)
    path = f"{DELEGATIONS}/{delegation_id}/focal-points"
    sent = {"name": "Ada", "email": "Ada.Chad@Example.org", "language": "fr"}
    for _ in range(2):  # again: a new link
        answer = await registering.send("POST", path, sent, registering.organiser)
        assert answer.status_code == 201
    said = [fact for fact in await registering.said() if isinstance(fact, FocalPointInvited)]
    first, second = [fact for fact in said if fact.delegation == "Chad"]
    assert (first.email, first.name, first.language) == ("ada.chad@example.org", "Ada", "fr")
    assert (first.quota, first.focal_point_id) == (40, second.focal_point_id)
    assert first.sign_in_link != second.sign_in_link
    async with registering.browser() as browser:
        token = httpx.URL(second.sign_in_link).params["token"]
        answer = await browser.post("/registration/sign-in/link", data={"token": token})
        assert answer.headers["Location"] == "/registration/delegations"
        answer = await browser.get(answer.headers["Location"])
        assert answer.headers["Location"] == f"/registration/delegations/{delegation_id}"
    listed = await registering.http.get(path, headers=registering.organiser)
    assert [one["email"] for one in listed.json()["items"]] == ["ada.chad@example.org"]


async def test_a_focal_point_who_is_removed_sees_nothing_more(registering: Registering) -> None:
    delegation_id, by = await looked_after(registering)
    path = f"{DELEGATIONS}/{delegation_id}"
    listed = await registering.http.get(f"{path}/focal-points", headers=registering.organiser)
    [one] = listed.json()["items"]
    assert (await registering.http.get(path, headers=by)).status_code == 200
    remove = f"{path}/focal-points/{one['id']}"
    for status in (204, 404):
        answer = await registering.http.delete(remove, headers=registering.organiser)
        assert answer.status_code == status
    assert (await registering.http.get(path, headers=by)).status_code == 404
    assert (await add(registering, delegation_id, by)).status_code == 404
    [fact] = [fact for fact in await registering.said() if isinstance(fact, FocalPointRemoved)]
    assert str(fact.focal_point_id) == one["id"]


async def test_a_quota_is_not_smaller_than_the_delegation(registering: Registering) -> None:
    delegation_id, by = await looked_after(registering)
    for _ in range(2):
        await added(registering, delegation_id, by)
    path = f"{DELEGATIONS}/{delegation_id}"
    answer = await registering.send("PATCH", path, {"quota": 1}, registering.organiser)
    assert answer.status_code == 409
    assert "2 members" in answer.json()["detail"]
    answer = await registering.send(
        "PATCH", path, {"quota": 2, "name": "CH"}, registering.organiser
    )
    shown = answer.json()
    assert (shown["quota"], shown["name"], shown["members"]) == (2, "CH", 2)


# --- what focal points see and touch -------------------------------------------------------------


@pytest.mark.parametrize(("role", "sees_all"), [(Role.viewer, False), (Role.reviewer, True)])
async def test_a_focal_point_may_be_something_else_besides(
    registering: Registering, role: Role, sees_all: bool
) -> None:
    email = f"{role}.besides@example.org"
    await staff.add(registering, email, role)
    delegation_id, _ = await looked_after(registering, email)
    async with staff.signed_in(registering, email) as browser:
        del browser.headers["Accept-Language"]
        answer = await browser.get("/registration/delegations")
        one = await browser.get(f"/registration/delegations/{delegation_id}")
    if sees_all:
        assert answer.status_code == 200
    else:
        assert answer.headers["Location"] == f"/registration/delegations/{delegation_id}"
    # As the invitation was.
    assert Page(one).language == "fr"


async def test_a_focal_point_sees_and_touches_the_own_delegation_only(
    registering: Registering,
) -> None:
    mine, by = await looked_after(registering, name="Mine")
    other, theirs = await looked_after(registering, name="Theirs")
    foreign = await added(registering, other, theirs)
    own = await added(registering, mine, by)
    path = f"{DELEGATIONS}/{other}"
    before = await registering.stored()
    for answer in (
        await registering.http.get(path, headers=by),
        await registering.http.get(f"{path}/members", headers=by),
        await registering.http.get(f"{path}/focal-points", headers=by),
        await add(registering, other, by),
        await replace(registering, other, foreign["id"], by),
        await act(registering, other, foreign["id"], "withdraw", by),
        # Not by way of the own delegation either.
        await replace(registering, mine, foreign["id"], by),
        await act(registering, mine, foreign["id"], "withdraw", by),
    ):
        assert answer.status_code == 404, answer.text
    for step in ("approve", "cancel", "erase"):
        assert (await registering.act(own["id"], step, by)).status_code == 403
    listed = await registering.http.get(DELEGATIONS, headers=by)
    assert [one["name"] for one in listed.json()["items"]] == ["Mine"]
    assert await registering.stored() == before


ORGANISE = {Role.organiser}
SEE = {Role.organiser, Role.reviewer}
CALLS = {
    "POST ": ORGANISE,
    "GET ": SEE | {Role.focal_point},
    "GET /{id}": SEE,
    "PATCH /{id}": ORGANISE,
    "GET /{id}/focal-points": SEE,
    "POST /{id}/focal-points": ORGANISE,
    "DELETE /{id}/focal-points/{nobody}": ORGANISE,
    "GET /{id}/members": SEE,
    "POST /{id}/members": ORGANISE,
    "POST /{id}/members/{nobody}/replace": ORGANISE,
    "POST /{id}/members/{nobody}/withdraw": ORGANISE,
}
"""Each call: the roles that may make it for any delegation."""


@pytest.mark.parametrize("call", CALLS)
async def test_whoever_may_not_is_refused(registering: Registering, call: str) -> None:
    delegation_id = await delegation(registering)
    method, path = call.split(" ")
    url = DELEGATIONS + path.format(id=delegation_id, nobody=NOBODY)
    before = await registering.stored()
    answer = await registering.send(method, url, {}, {})
    assert answer.status_code == 401
    for role in set(Role) - CALLS[call]:
        by = registering.staff(role)
        answer = await registering.send(method, url, member(), by)
        assert answer.status_code in ({403, 404} if role == Role.focal_point else {403}), role
    for role in CALLS[call]:
        answer = await registering.send(method, url, {}, registering.staff(role))
        assert answer.status_code not in (401, 403), (role, answer.text)
    assert await registering.stored() == before


# --- members -------------------------------------------------------------------------------------


async def test_a_member_is_registered_in_the_delegations_name(registering: Registering) -> None:
    delegation_id, by = await looked_after(registering)
    row = await added(registering, delegation_id, by)
    assert row["status"] == "confirmed"
    enrolled, confirmed = await registering.said(row["id"])
    assert (enrolled.delegation, enrolled.email) == ("Switzerland", row["email"])
    assert confirmed.type == "registration.confirmed.v1"
    assert [one["id"] for one in await members(registering, delegation_id)] == [row["id"]]


@pytest.mark.parametrize(
    ("particulars", "field"),
    [
        ({"email": "nobody"}, "email"),
        ({"consent": False}, "consent"),
        ({"category": "media"}, "category"),
        ({"days": ["2018-06-12"]}, "days"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
async def test_a_member_is_checked_as_the_form_is(
    registering: Registering, particulars: dict[str, Any], field: str
) -> None:
    delegation_id, by = await looked_after(registering)
    row = await added(registering, delegation_id, by)
    before = await registering.stored()
    for answer in (
        await add(registering, delegation_id, by, **particulars),
        await replace(registering, delegation_id, row["id"], by, **particulars),
    ):
        assert (answer.status_code, answer.json()["errors"][0]["field"]) == (422, field)
    assert await registering.stored() == before


async def test_nobody_is_a_member_twice(registering: Registering) -> None:
    delegation_id, by = await looked_after(registering)
    row = await added(registering, delegation_id, by)
    answer = await add(registering, delegation_id, by, email=row["email"].upper())
    assert (answer.status_code, answer.json()["type"].split(":")[-1]) == (409, "already-a-member")
    # Somebody of the same office, at the same address.
    answer = await add(registering, delegation_id, by, email=row["email"], given_name="Mary")
    assert answer.status_code == 201


async def test_who_has_left_may_come_again(registering: Registering) -> None:
    delegation_id, by = await looked_after(registering)
    row = await added(registering, delegation_id, by)
    answer = await act(registering, delegation_id, row["id"], "withdraw", by)
    assert answer.json()["status"] == "cancelled"
    assert (await add(registering, delegation_id, by, email=row["email"])).status_code == 201
    answer = await act(registering, delegation_id, row["id"], "withdraw", by)
    assert answer.status_code == 409


async def test_the_quota_holds_whoever_registers_at_the_same_time(
    registering: Registering,
) -> None:
    delegation_id, by = await looked_after(registering, quota=3)
    answers = await asyncio.gather(*(add(registering, delegation_id, by) for _ in range(8)))
    assert sorted(answer.status_code for answer in answers) == [201] * 3 + [409] * 5
    refused = next(answer.json() for answer in answers if answer.status_code == 409)
    assert refused["type"] == "urn:forum-pass:problem:quota-full"
    assert "all the 3 members of its quota" in refused["detail"]
    assert len(await members(registering, delegation_id)) == 3


async def test_a_file_and_a_form_share_the_quota(registering: Registering) -> None:
    delegation_id, by = await looked_after(registering, quota=5)
    content = table(*people(4, category="government"))
    report, *answers = await asyncio.gather(
        send_file(registering, content, by),
        *(add(registering, delegation_id, by) for _ in range(4)),
    )
    joined = sum(answer.status_code == 201 for answer in answers)
    assert report.json()["imported"] + joined == 5
    assert len(await members(registering, delegation_id)) == 5


async def test_a_bounced_mail_is_shown(registering: Registering) -> None:
    delegation_id, by = await looked_after(registering)
    row = await added(registering, delegation_id, by)
    await registering.hear(bounced(row["id"]))
    [shown] = await members(registering, delegation_id)
    assert shown["mail_bounced_at"]


async def test_the_erased_are_no_members(registering: Registering) -> None:
    delegation_id, by = await looked_after(registering)
    row = await added(registering, delegation_id, by)
    assert (await registering.act(row["id"], "erase")).status_code == 200
    assert await members(registering, delegation_id) == []
    assert (await act(registering, delegation_id, row["id"], "withdraw", by)).status_code == 404


# --- one instead of another ----------------------------------------------------------------------


async def test_a_member_is_replaced_within_a_full_quota(registering: Registering) -> None:
    delegation_id, by = await looked_after(registering, quota=1)
    row = await added(registering, delegation_id, by)
    answer = await replace(registering, delegation_id, row["id"], by)
    assert answer.status_code == 201, answer.text
    newcomer = answer.json()
    assert newcomer["status"] == "confirmed"
    assert await registering.status(row["id"]) == "cancelled"
    assert (await registering.said(row["id"]))[-1].type == "registration.cancelled.v1"
    answer = await replace(registering, delegation_id, row["id"], by)
    assert answer.status_code == 409
    shown = await registering.http.get(f"{DELEGATIONS}/{delegation_id}", headers=by)
    assert shown.json()["members"] == 1


async def test_two_who_replace_the_same_member_at_once_bring_one(registering: Registering) -> None:
    delegation_id, by = await looked_after(registering, quota=2)
    row = await added(registering, delegation_id, by)
    answers = await asyncio.gather(
        *(replace(registering, delegation_id, row["id"], by) for _ in range(4))
    )
    assert sorted(answer.status_code for answer in answers) == [201, 409, 409, 409]


async def test_whoever_replaces_somebody_gets_the_place_and_not_who_waits(
    postgres: PostgreSQL, tmp_path_factory: pytest.TempPathFactory
) -> None:
    folder = tmp_path_factory.mktemp("full")
    forum = forum_with(folder, places=10_000, exhibitor={"capacity": 1, "review": False})
    async with running(postgres.url, folder, forum=forum) as full:
        delegation_id, by = await looked_after(full, category="exhibitor")
        first = await added(full, delegation_id, by, category="exhibitor")
        second = await added(full, delegation_id, by, category="exhibitor")
        third = await added(full, delegation_id, by, category="exhibitor")
        assert [row["status"] for row in (first, second, third)] == [
            "confirmed",
            "waitlisted",
            "waitlisted",
        ]
        answer = await replace(full, delegation_id, first["id"], by, category="exhibitor")
        assert answer.json()["status"] == "confirmed"
        assert await full.status(second["id"]) == "waitlisted"
        # Whoever comes instead of one who waits has that one's turn.
        answer = await replace(full, delegation_id, second["id"], by, category="exhibitor")
        instead = answer.json()
        assert instead["status"] == "waitlisted"
        [confirmed] = await full.find(category="exhibitor", status="confirmed")
        await act(full, delegation_id, confirmed["id"], "withdraw", by)
        assert await full.status(instead["id"]) == "confirmed"
        assert await full.status(third["id"]) == "waitlisted"


async def test_a_place_waits_for_who_is_reviewed_first(
    postgres: PostgreSQL, tmp_path_factory: pytest.TempPathFactory
) -> None:
    folder = tmp_path_factory.mktemp("reviewed")
    forum = forum_with(folder, places=10_000, media={"capacity": 1})
    async with running(postgres.url, folder, forum=forum) as full:
        delegation_id, by = await looked_after(full, category="media", quota=9)
        member_id, waiting_id = [
            (await added(full, delegation_id, by, category="media"))["id"] for _ in range(2)
        ]
        for each in (member_id, waiting_id):
            await full.act(each, "approve")
        assert await full.status(waiting_id) == "waitlisted"
        newcomer = (await replace(full, delegation_id, member_id, by, category="media")).json()
        assert newcomer["status"] == "in_review"
        # The place is kept, and is the newcomer's once somebody has looked.
        assert await full.status(waiting_id) == "waitlisted"
        await full.act(newcomer["id"], "approve")
        assert await full.status(newcomer["id"]) == "confirmed"
        # It is given away if the answer is no.
        another = (await replace(full, delegation_id, newcomer["id"], by, category="media")).json()
        await full.act(another["id"], "decline", reason="No.")
        assert await full.status(waiting_id) == "confirmed"
