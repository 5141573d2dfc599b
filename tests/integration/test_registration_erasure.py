"""The right to be forgotten: what an erased registration leaves behind."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from datetime import timedelta
from uuid import UUID, uuid4

import pytest
from sqlalchemy import select

from deploy.private_servers import PostgreSQL
from services.registration import places, retention, tables
from shared import outbox
from shared.tables import metadata as shared_tables
from tests.registration import API, Registering, picture, running, sent_photo

PERSONAL = {
    "given_name": "Hypatia",
    "family_name": "Alexandrine",
    "email": "hypatia@mouseion.example",
    "organization": "Mouseion",
    "position": "Geometer",
    "title": "Philosophos",
    "accessibility_needs": "Astrolabe",
}


@pytest.fixture(scope="module")
async def registering(
    postgres: PostgreSQL, tmp_path_factory: pytest.TempPathFactory
) -> AsyncIterator[Registering]:
    postgres.drop_databases()
    async with running(postgres.url, tmp_path_factory.mktemp("home")) as service:
        yield service


async def test_of_who_is_erased_nothing_personal_is_left(registering: Registering) -> None:
    answer = await registering.submit(
        idempotency_key=str(uuid4()),
        category="media",
        gender="female",
        photo=sent_photo(picture()),
        **PERSONAL,
    )
    registration_id = answer.json()["id"]
    token = await registering.token(registration_id)
    await registering.act(registration_id, "confirm-email", token=token)
    await registering.amend(registration_id, position="Geometer in chief")
    await registering.act(registration_id, "decline", reason="Hypatia has no press card")
    assert "Hypatia" in await _stored_text(registering)
    await _all_is_said(registering)
    before = await registering.stored()

    answer = await registering.act(registration_id, "erase")

    assert (answer.status_code, answer.json()["status"]) == (200, "erased")
    left = await _stored_text(registering)
    for word in (*PERSONAL.values(), "Hypatia", "female"):
        assert word not in left
    after = await registering.stored()
    assert {name: before[name] - after[name] for name in ("photos", "idempotency_keys")} == {
        "photos": 1,
        "idempotency_keys": 1,
    }
    [fact] = await registering.said(UUID(registration_id))
    assert fact.model_dump() == {"registration_id": UUID(registration_id), "version": 5}


async def test_what_is_erased_still_counts(registering: Registering) -> None:
    registration_id = await registering.confirmed_address(country="FJ", days=["2017-06-12"])
    await registering.act(registration_id, "erase")
    [found] = await registering.find(country="FJ")
    assert (found["category"], found["days"]) == ("civil_society", ["2017-06-12"])
    assert (found["email"], found["family_name"], found["organization"]) == ("", "", "")


async def test_others_hear_of_it_however_far_they_were(registering: Registering) -> None:
    registration_id = await registering.submitted()
    own = registering.registrant(registration_id)
    assert (await registering.act(registration_id, "erase", by=own)).status_code == 200
    *_, fact = await registering.said(UUID(registration_id))
    assert (fact.type, fact.version) == ("registration.erased.v1", 2)


async def test_the_own_link_shows_only_that_it_is_erased(registering: Registering) -> None:
    registration_id = await registering.confirmed_address(**PERSONAL)
    await registering.act(registration_id, "erase")
    page = await registering.http.get(registering.me(registration_id))
    assert page.status_code == 200
    assert "Your personal data have been removed." in page.text
    photo = await registering.http.get(
        f"{API}/{registration_id}/photo", headers=registering.organiser
    )
    assert photo.status_code == 404


async def test_who_confirms_the_address_at_the_last_moment_stays(registering: Registering) -> None:
    of = registering.service.app.state.registrations
    registration_id = await registering.submitted()
    token = await registering.token(registration_id)
    unconfirmed = next(rule for rule in retention.rules(of) if rule.what == "unconfirmed")

    async def carry_out() -> int:
        async with of.database.begin() as tx:
            return await unconfirmed.forget(tx, of.clock.now() + timedelta(days=1))

    async with of.database.begin() as tx:
        await places.lock(tx)
        confirmed = asyncio.create_task(
            registering.act(registration_id, "confirm-email", token=token)
        )
        await registering.until_somebody_waits()
        carried_out = asyncio.create_task(carry_out())
        await registering.until_somebody_waits(2)
    assert await carried_out == 0
    assert (await confirmed).status_code == 200
    assert await registering.status(registration_id) == "confirmed"


async def _all_is_said(registering: Registering) -> None:
    async with asyncio.timeout(10):
        while True:
            database = registering.service.database
            async with database.read() as connection:
                if await outbox.OutboxTable(database).count_waiting(connection) == 0:
                    return
            await asyncio.sleep(0.02)


async def _stored_text(registering: Registering) -> str:
    """All that the service's database holds, as text."""
    every = (*tables.metadata.sorted_tables, *shared_tables.sorted_tables)
    async with registering.service.database.read() as connection:
        rows = [row for table in every for row in await connection.execute(select(table))]
    return "\n".join(str(row) for row in rows)
