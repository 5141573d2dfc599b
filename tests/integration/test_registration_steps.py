"""What follows once the address is confirmed: review, the end, and what others tell of it."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from typing import Any
from uuid import UUID

import pytest
from alembic.autogenerate import compare_metadata
from alembic.runtime.migration import MigrationContext
from sqlalchemy import Connection, select

from deploy.private_servers import PostgreSQL
from services.registration import tables
from services.registration.tables import attendances, history
from shared.access import Role
from shared.events import RegistrationDeclined
from tests.registration import NOBODY, Registering, admitted, bounced, running, taken_back


@pytest.fixture(scope="module")
async def registering(
    postgres: PostgreSQL, tmp_path_factory: pytest.TempPathFactory
) -> AsyncIterator[Registering]:
    postgres.drop_databases()
    async with running(postgres.url, tmp_path_factory.mktemp("home")) as service:
        yield service


# --- review --------------------------------------------------------------------------------------


async def test_some_categories_wait_for_a_reviewer(registering: Registering) -> None:
    registration_id = await registering.confirmed_address(category="media")
    assert await registering.status(registration_id) == "in_review"
    answer = await registering.act(registration_id, "approve", by=registering.staff(Role.reviewer))
    assert (answer.status_code, answer.json()["status"]) == (200, "confirmed")
    _, waiting, approved = await registering.said(UUID(registration_id))
    assert (waiting.type, waiting.version) == ("registration.in_review.v1", 2)
    assert (approved.type, approved.version) == ("registration.confirmed.v1", 3)
    assert approved.person.category == "media"


async def test_who_is_declined_is_told_why(registering: Registering) -> None:
    registration_id = await registering.confirmed_address(category="media")
    answer = await registering.act(registration_id, "decline", reason="  No press\n card ")
    assert (answer.status_code, answer.json()["status"]) == (200, "declined")
    *_, fact = await registering.said(UUID(registration_id))
    assert isinstance(fact, RegistrationDeclined)
    assert (fact.version, fact.reason) == (3, "No press card")


@pytest.mark.parametrize("reason", [..., None, "", " \n", "x" * 201, "\0", "\u202e", 7, ["no"]])
async def test_a_refusal_needs_a_reason(registering: Registering, reason: object) -> None:
    registration_id = await registering.confirmed_address(category="media")
    content = {"reason": reason} if reason is not ... else {"why": "No card"}
    answer = await registering.act(registration_id, "decline", **content)
    assert answer.status_code == 422
    assert [error["field"] for error in answer.json()["errors"]] == ["reason"]
    assert await registering.status(registration_id) == "in_review"


async def test_every_act_is_on_record(registering: Registering) -> None:
    registration_id = await registering.confirmed_address(category="media")
    own = registering.registrant(registration_id)
    await registering.amend(registration_id, by=own, position="Editor", title="Ms")
    await registering.act(registration_id, "approve")
    await registering.act(registration_id, "cancel", by=own)
    async with registering.service.database.read() as connection:
        query = (
            select(history)
            .where(history.c.registration_id == registration_id)
            .order_by(history.c.seq)
        )
        acts = [(a.step, a.status, a.actor, a.reason) for a in await connection.execute(query)]
    assert acts == [
        ("submit", "submitted", "registrant", None),
        ("confirm_email", "in_review", "registrant", None),
        ("amend", "in_review", "registrant", "position, title"),
        ("approve", "confirmed", "Ada", None),
        ("cancel", "cancelled", "registrant", None),
    ]


# --- the end -------------------------------------------------------------------------------------


async def test_who_cancels_does_not_come(registering: Registering) -> None:
    registration_id = await registering.confirmed_address()
    own = registering.registrant(registration_id)
    answer = await registering.act(registration_id, "cancel", by=own)
    assert (answer.status_code, answer.json()["status"]) == (200, "cancelled")
    *_, fact = await registering.said(UUID(registration_id))
    assert (fact.type, fact.version) == ("registration.cancelled.v1", 3)


STEPS = {
    "submitted": {"cancel", "erase", "amend"},
    "in_review": {"approve", "decline", "cancel", "erase", "amend"},
    "confirmed": {"cancel", "erase", "amend"},
    "declined": {"erase"},
    "cancelled": {"erase"},
    "erased": set(),
}


@pytest.mark.parametrize("state", STEPS)
@pytest.mark.parametrize("step", ["approve", "decline", "cancel", "erase", "amend"])
async def test_a_step_that_the_state_does_not_allow_is_a_conflict(
    registering: Registering, state: str, step: str
) -> None:
    registration_id = await _in_state(registering, state)
    before = await registering.stored()
    if step == "amend":
        answer = await registering.amend(registration_id, given_name="Ada")
    else:
        content: dict[str, Any] = {"reason": "No card"} if step == "decline" else {}
        answer = await registering.act(registration_id, step, **content)
    if step in STEPS[state]:
        assert answer.status_code == 200
        return
    assert answer.status_code == 409
    assert answer.headers["Content-Type"] == "application/problem+json"
    assert state in answer.json()["detail"]
    assert await registering.stored() == before


async def test_of_steps_at_the_same_time_one_wins(registering: Registering) -> None:
    for _ in range(5):
        registration_id = await registering.confirmed_address(category="media")
        answers = await asyncio.gather(
            registering.act(registration_id, "approve"),
            registering.act(registration_id, "decline", reason="No card"),
            registering.act(registration_id, "approve"),
            registering.act(registration_id, "decline", reason="No card"),
        )
        assert sorted(answer.status_code for answer in answers) == [200, 409, 409, 409]
        versions = [fact.version for fact in await registering.said(UUID(registration_id))]
        assert versions == [1, 2, 3]


async def test_an_address_confirmed_many_times_at_once_is_confirmed_once(
    registering: Registering,
) -> None:
    registration_id = await registering.submitted()
    token = await registering.token(registration_id)
    answers = await asyncio.gather(
        *(registering.act(registration_id, "confirm-email", token=token) for _ in range(6))
    )
    assert {answer.status_code for answer in answers} == {200}
    assert len(await registering.said(UUID(registration_id))) == 2


async def _in_state(registering: Registering, state: str) -> str:
    if state == "submitted":
        return await registering.submitted()
    if state == "confirmed":
        return await registering.confirmed_address()
    registration_id = await registering.confirmed_address(category="media")
    end = {"declined": "decline", "cancelled": "cancel", "erased": "erase"}.get(state)
    if end is not None:
        content: dict[str, Any] = {"reason": "No card"} if end == "decline" else {}
        await registering.act(registration_id, end, **content)
    assert await registering.status(registration_id) == state
    return registration_id


# --- what is heard -------------------------------------------------------------------------------


async def test_who_came_is_noted_until_the_scan_is_taken_back(registering: Registering) -> None:
    registration_id = UUID(await registering.confirmed_address())
    now = registering.service.platform.clock.now()
    undone, overtaken = admitted(registration_id, now), admitted(registration_id, now)
    kept = admitted(registration_id, now)
    await registering.hear(
        kept, undone, taken_back(undone), taken_back(overtaken), overtaken, admitted(None, now)
    )
    async with registering.service.database.read() as connection:
        query = select(attendances).where(attendances.c.registration_id == registration_id)
        rows = {row.scan_id: (row.at, row.undone) for row in await connection.execute(query)}
    assert rows == {
        kept.scan_id: (now, False),
        undone.scan_id: (now, True),
        overtaken.scan_id: (now, True),
    }


async def test_staff_see_that_a_mail_came_back(registering: Registering) -> None:
    registration_id = await registering.confirmed_address()
    await registering.hear(bounced(registration_id), bounced(NOBODY))
    shown = await registering.show(registration_id)
    assert shown["mail_bounced_at"].startswith("2017-06-12T06:")


async def test_the_migrations_make_the_tables_that_the_code_knows(
    registering: Registering,
) -> None:
    def differences(connection: Connection) -> list[Any]:
        context = MigrationContext.configure(
            connection, opts={"include_name": lambda name, kind, _: kind != "table" or name in own}
        )
        found: list[Any] = compare_metadata(context, tables.metadata)
        return found

    own = set(tables.metadata.tables)
    async with registering.service.database.begin() as tx:
        assert await tx.run_sync(differences) == []
