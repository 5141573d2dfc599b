"""Photos at the gate: kept from events in any order, shown to those who look people up, erased."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from typing import Any
from uuid import UUID, uuid4

import httpx
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import select

from deploy.private_servers import PostgreSQL
from services.checkin import tables
from shared.access import Role
from shared.events import (
    RegistrationAmended,
    RegistrationCancelled,
    RegistrationErased,
    RegistrationFact,
    RegistrationPhotoChanged,
    RegistrationRestated,
)
from tests import replica
from tests.checkin import IN, Badge, Body, Checkin, running
from tests.disorder import disorders
from tests.people import confirmed, person, portrait

FINDERS = (Role.organiser, Role.security_lead, Role.security, Role.desk)
TEAL, NAVY = portrait("teal"), portrait("navy")


@pytest.fixture(scope="module")
async def checkin(
    postgres: PostgreSQL, tmp_path_factory: pytest.TempPathFactory
) -> AsyncIterator[Checkin]:
    postgres.drop_databases()
    async with running(postgres.url, tmp_path_factory.mktemp("home")) as service:
        yield service


async def ask(checkin: Checkin, who: UUID | str, **headers: str) -> httpx.Response:
    device = await checkin.at(IN)
    path = f"/checkin/api/participants/{who}/photo"
    return await checkin.http.get(path, headers=device.headers | headers)


async def shown(checkin: Checkin, badge: Badge) -> bytes | None:
    """The photo that a gate gets."""
    answer = await ask(checkin, badge.registration_id)
    assert answer.status_code in (200, 404), answer.text
    return answer.content if answer.status_code == 200 else None


def changed(who: UUID, version: int, photo: bytes | None) -> RegistrationPhotoChanged:
    return RegistrationPhotoChanged(registration_id=who, version=version, photo=photo)


# --- what a gate is told -------------------------------------------------------------------------


async def test_a_gate_gets_the_photo_of_whom_it_scans_and_finds(checkin: Checkin) -> None:
    badge = await checkin.badge(photo=TEAL, family_name="Pictured")
    scanned = (await checkin.scan(badge))["participant"]
    device = await checkin.at(IN)
    found = await checkin.http.get(
        "/checkin/api/participants", params={"q": "pictured"}, headers=device.headers
    )
    again = (await checkin.scan(badge))["participant"]
    assert [scanned["photo"], found.json()["items"][0]["photo"], again["photo"]] == [2, 2, 2]
    assert (await copied(checkin, badge))["photo"] == 2
    answer = await ask(checkin, badge.registration_id)
    assert answer.status_code == 200
    assert (answer.headers["Content-Type"], answer.content) == ("image/jpeg", TEAL)
    assert answer.headers["X-Content-Type-Options"] == "nosniff"


async def test_of_who_gave_no_photo_no_more_is_said(checkin: Checkin) -> None:
    badge = await checkin.badge()
    assert (await checkin.scan(badge))["participant"]["photo"] is None
    assert (await copied(checkin, badge))["photo"] is None
    answer = await ask(checkin, badge.registration_id)
    assert answer.status_code == 404
    assert answer.headers["Content-Type"] == "application/problem+json"


async def test_a_photo_is_kept_by_nobody_between_and_sent_once(checkin: Checkin) -> None:
    badge = await checkin.badge(photo=TEAL)
    first = await ask(checkin, badge.registration_id)
    assert first.headers["Cache-Control"] == "private, no-cache"
    known = {"If-None-Match": first.headers["ETag"]}
    again = await ask(checkin, badge.registration_id, **known)
    assert (again.status_code, again.content) == (304, b"")
    await checkin.hear(changed(badge.registration_id, 3, NAVY))
    other = await ask(checkin, badge.registration_id, **known)
    assert (other.status_code, other.content) == (200, NAVY)
    assert (await copied(checkin, badge))["photo"] == 3


async def copied(checkin: Checkin, badge: Badge) -> Body:
    """What a gate copies of a badge."""
    device = await checkin.at(IN)
    answer = await checkin.http.get("/checkin/api/replica", headers=device.headers)
    [line] = [
        line for line in replica.read(answer.content) if line.get("badge_id") == badge.badge_id
    ]
    return dict(line)


# --- who may see it ------------------------------------------------------------------------------


@pytest.mark.parametrize("role", list(Role))
async def test_of_staff_those_see_it_who_look_people_up(checkin: Checkin, role: Role) -> None:
    badge = await checkin.badge(photo=TEAL)
    path = f"/checkin/api/participants/{badge.registration_id}/photo"
    answer = await checkin.http.get(path, headers=checkin.staff(role))
    assert answer.status_code == (200 if role in FINDERS else 403)


async def test_strangers_registrants_and_stopped_devices_see_nobody(checkin: Checkin) -> None:
    badge = await checkin.badge(photo=TEAL)
    path = f"/checkin/api/participants/{badge.registration_id}/photo"
    own = checkin.keyring.registrant_token(badge.registration_id)
    stopped = await checkin.pair(IN)
    assert (await checkin.http.get(path, headers=stopped.headers)).status_code == 200
    await checkin.http.post(f"/checkin/api/devices/{stopped.id}/revoke", headers=checkin.lead)
    for headers in ({}, {"Authorization": f"Bearer {own}"}, stopped.headers):
        answer = await checkin.http.get(path, headers=headers)
        assert answer.status_code == 401
        assert TEAL not in answer.content


async def test_what_is_no_registration_is_told_so(checkin: Checkin) -> None:
    for who in (uuid4(), "grace", "%00"):
        answer = await ask(checkin, who)
        assert answer.status_code == 404
        assert answer.headers["Content-Type"] == "application/problem+json"


# --- what is heard -------------------------------------------------------------------------------


async def test_of_who_is_cancelled_the_photo_stays_and_of_who_is_erased_it_goes(
    checkin: Checkin,
) -> None:
    badge = await checkin.badge(photo=TEAL)
    who = badge.registration_id
    await checkin.hear(RegistrationCancelled(registration_id=who, version=3))
    assert await shown(checkin, badge) == TEAL
    await checkin.hear(RegistrationErased(registration_id=who, version=4))
    assert await shown(checkin, badge) is None
    assert (await copied(checkin, badge))["photo"] is None
    [row] = [row for row in await checkin.rows(tables.photos) if row.registration_id == who]
    assert row.jpeg is None
    await checkin.hear(changed(who, 3, NAVY))
    assert await shown(checkin, badge) is None


async def test_what_is_said_again_is_no_other_photo(checkin: Checkin) -> None:
    badge, without, gone = [await checkin.badge(photo=TEAL) for _ in range(3)]
    lead = checkin.staff(Role.organiser)
    await checkin.http.post("/checkin/api/rebuild", headers=lead)
    assert await shown(checkin, gone) == TEAL
    for one, photo in ((badge, TEAL), (without, None)):
        about: Any = {"registration_id": one.registration_id, "version": 7}
        restated = RegistrationRestated(**about, status="confirmed", person=person(), photo=photo)
        await checkin.hear(restated)
    await checkin.http.post("/checkin/api/rebuild/finish", headers=lead)
    assert [await shown(checkin, one) for one in (badge, without, gone)] == [TEAL, None, None]
    assert (await copied(checkin, badge))["photo"] == 2
    assert (await copied(checkin, gone))["photo"] is None


photos = st.sampled_from([None, TEAL, NAVY])


@st.composite
def lives(draw: st.DrawFn) -> list[RegistrationFact]:
    """What may be said of a registration, in the order in which it became true."""
    who = uuid4()
    life: list[RegistrationFact] = [confirmed(who, photo=draw(photos))]
    for version in range(3, draw(st.integers(3, 6))):
        if draw(st.booleans()):
            life.append(changed(who, version, draw(photos)))
        else:
            life.append(RegistrationAmended(registration_id=who, version=version, person=person()))
    if draw(st.booleans()):
        life.append(RegistrationCancelled(registration_id=who, version=8))
    if draw(st.booleans()):
        life.append(RegistrationErased(registration_id=who, version=9))
    return life


@given(disorder=disorders(lives()), together=st.booleans())
@settings(
    max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
async def test_events_in_any_order_end_with_the_same_photo(
    checkin: Checkin, disorder: tuple[list[RegistrationFact], list[int]], together: bool
) -> None:
    life, order = disorder
    first, second = life[0].registration_id, uuid4()
    moved = [fact.model_copy(update={"registration_id": second}) for fact in life]
    await checkin.hear(*life)
    if together:
        await asyncio.gather(*(checkin.hear(moved[place]) for place in order))
    else:
        await checkin.hear(*(moved[place] for place in order))
    assert await state(checkin, second) == await state(checkin, first)


async def state(checkin: Checkin, who: UUID) -> tuple[str, bytes | None]:
    """Whether the person comes, and the photo; whoever shows it is told of the right one."""
    known, kept = tables.participants, tables.photos
    query = (
        select(known.c.status, kept.c.jpeg, known.c.photo, kept.c.edition)
        .outerjoin(kept, kept.c.registration_id == known.c.registration_id)
        .where(known.c.registration_id == who)
    )
    async with checkin.service.database.read() as connection:
        row = (await connection.execute(query)).one()
    assert row.photo == row.edition
    return row.status, row.jpeg
