"""Asking to come and confirming the address, over HTTP and as the other services hear of it."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from datetime import timedelta
from typing import Any
from uuid import UUID, uuid4

import pytest

from deploy.private_servers import PostgreSQL
from shared import badge_number
from shared.access import Purpose
from shared.events import (
    RegistrationConfirmed,
    RegistrationSubmitted,
)
from tests.registration import API, Registering, body, running


@pytest.fixture(scope="module")
async def registering(
    postgres: PostgreSQL, tmp_path_factory: pytest.TempPathFactory
) -> AsyncIterator[Registering]:
    postgres.drop_databases()
    async with running(postgres.url, tmp_path_factory.mktemp("home")) as service:
        yield service


# --- asking to come ------------------------------------------------------------------------------


async def test_who_asks_to_come_gets_an_id_a_reference_and_a_place_to_look(
    registering: Registering,
) -> None:
    answer = await registering.submit()
    assert answer.status_code == 201
    assert set(answer.json()) == {"id", "reference", "status"}
    assert answer.json()["status"] == "submitted"
    prefix, _, symbols = answer.json()["reference"].partition("-")
    assert (prefix, len(symbols)) == (registering.forum.reference_prefix, 6)
    assert set(symbols) <= set(badge_number.ALPHABET)
    assert answer.headers["Location"] == f"{API}/{answer.json()['id']}"


async def test_all_that_was_sent_is_kept(registering: Registering) -> None:
    sent = body(
        title="Dr",
        gender="female",
        days=["2017-06-16", "2017-06-12", "2017-06-12"],
        tracks=["forum"],
        action_lines=["C5", "C1"],
        sdgs=[17, 4],
        accessibility_needs="A place near the door, please: " + "x" * 900,
        visa_letter=True,
    )
    registration_id = await registering.submitted(**sent)
    shown = await registering.show(registration_id)
    del sent["consent"]
    assert {name: shown[name] for name in sent} == sent | {"days": ["2017-06-12", "2017-06-16"]}
    assert (shown["version"], shown["mail_bounced_at"]) == (1, None)
    assert shown["submitted_at"].startswith("2017-06-12T06:00")


async def test_who_names_no_days_comes_every_day(registering: Registering) -> None:
    every_day = [day.isoformat() for day in registering.forum.days]
    days: Any
    for days in (..., None, []):
        registration_id = await registering.submitted(days=days)
        assert (await registering.show(registration_id))["days"] == every_day


async def test_who_has_no_position_says_so(registering: Registering) -> None:
    registration_id = await registering.submitted(position="")
    assert (await registering.show(registration_id))["position"] == ""


async def test_the_mail_gets_all_it_needs_to_ask_for_confirmation(
    registering: Registering,
) -> None:
    answer = await registering.submit(title="Dr", language="fr")
    registration_id = answer.json()["id"]
    [fact] = await registering.said(UUID(registration_id))
    assert isinstance(fact, RegistrationSubmitted)
    assert fact.confirm_link.startswith(
        f"http://127.0.0.1:8000/registration/confirm?id={registration_id}&token="
    )
    assert fact.me_link.startswith("http://127.0.0.1:8000/registration/me?token=")
    assert fact.model_dump(exclude={"confirm_link", "me_link"}) == {
        "registration_id": UUID(registration_id),
        "version": 1,
        "reference": answer.json()["reference"],
        "email": "grace@example.org",
        "given_name": "Grace",
        "family_name": "Hopper",
        "title": "Dr",
        "language": "fr",
    }


async def test_the_same_request_again_gets_the_same_answer(registering: Registering) -> None:
    key = str(uuid4())
    first, again = [await registering.submit(idempotency_key=key) for _ in range(2)]
    assert first.status_code == again.status_code == 201
    assert first.json() == again.json()
    assert first.headers["Location"] == again.headers["Location"]
    await registering.act(
        first.json()["id"], "confirm-email", token=await registering.token(first.json()["id"])
    )
    later = await registering.submit(idempotency_key=key)
    assert later.json() == first.json()
    assert len(await registering.said(UUID(first.json()["id"]))) == 2


async def test_a_key_is_good_for_one_request_only(registering: Registering) -> None:
    key = str(uuid4())
    await registering.submit(idempotency_key=key)
    before = await registering.stored()
    other = await registering.submit(idempotency_key=key, given_name="Ada")
    assert other.status_code == 422
    assert other.json()["type"] == "urn:forum-pass:problem:idempotency-key-reused"
    assert await registering.stored() == before


async def test_the_same_request_many_times_at_once_registers_once(
    registering: Registering,
) -> None:
    key = str(uuid4())
    before = await registering.stored()
    answers = await asyncio.gather(*(registering.submit(idempotency_key=key) for _ in range(8)))
    assert {answer.status_code for answer in answers} == {201}
    assert len({answer.json()["id"] for answer in answers}) == 1
    after = await registering.stored()
    assert after["registrations"] - before["registrations"] == 1
    assert after["said"] - before["said"] == 1


async def test_registration_is_closed_after_the_forum(
    postgres: PostgreSQL, registering: Registering, tmp_path_factory: pytest.TempPathFactory
) -> None:
    home = tmp_path_factory.mktemp("late")
    async with running(postgres.url, home, clock="2017-06-17T08:00:00+02:00") as late:
        before = await late.stored()
        answer = await late.submit()
        assert answer.status_code == 403
        assert answer.json()["type"] == "urn:forum-pass:problem:registration-closed"
        assert await late.stored() == before


# --- the address is confirmed --------------------------------------------------------------------


async def test_who_confirms_the_address_is_confirmed(registering: Registering) -> None:
    registration_id = await registering.submitted(days=["2017-06-12"], gender="female", title="Dr")
    answer = await registering.act(
        registration_id, "confirm-email", by={}, token=await registering.token(registration_id)
    )
    assert answer.status_code == 200
    assert answer.json()["status"] == "confirmed"
    _, fact = await registering.said(UUID(registration_id))
    assert isinstance(fact, RegistrationConfirmed)
    assert fact.version == 2
    assert fact.person.model_dump() == {
        "title": "Dr",
        "given_name": "Grace",
        "family_name": "Hopper",
        "organization": "Eckert–Mauchly Computer Corporation",
        "position": "Programmer",
        "country": "US",
        "category": "civil_society",
        "language": "en",
        "days": (0,),
        "gender": "female",
    }


async def test_confirming_again_changes_nothing(registering: Registering) -> None:
    registration_id = await registering.confirmed_address()
    token = await registering.token(registration_id)
    again = await registering.act(registration_id, "confirm-email", token=token)
    assert (again.status_code, again.json()["status"]) == (200, "confirmed")
    assert (await registering.show(registration_id))["version"] == 2
    assert len(await registering.said(UUID(registration_id))) == 2


async def test_only_the_token_of_the_own_mail_confirms(registering: Registering) -> None:
    registration_id, other_id = [await registering.submitted() for _ in range(2)]
    signed = registering.keyring.sign
    own = await registering.token(registration_id)
    wrong = {
        "foreign": await registering.token(other_id),
        "expired": signed(Purpose.confirm_email, registration_id, timedelta(seconds=-1)),
        "for another address": signed(
            Purpose.confirm_email, registration_id, timedelta(days=1), email="0" * 16
        ),
        "for another purpose": registering.keyring.registrant_token(UUID(registration_id)),
        "altered": own[:-9] + ("A" if own[-9] != "A" else "B") + own[-8:],
        "nonsense": "\0é",
        "empty": "",
    }
    for name, token in wrong.items():
        answer = await registering.act(registration_id, "confirm-email", token=token)
        assert answer.status_code == 403, name
        assert answer.json()["type"] == "urn:forum-pass:problem:wrong-link"
    assert await registering.status(registration_id) == "submitted"
    assert len(await registering.said(UUID(registration_id))) == 1


@pytest.mark.parametrize("end", ["decline", "cancel", "erase"])
async def test_what_has_ended_cannot_be_confirmed(registering: Registering, end: str) -> None:
    registration_id = await registering.submitted(category="media")
    token = await registering.token(registration_id)
    if end == "decline":
        await registering.act(registration_id, "confirm-email", token=token)
    await registering.act(registration_id, end, reason="No card")
    answer = await registering.act(registration_id, "confirm-email", token=token)
    assert answer.status_code == 409
    assert answer.json()["type"] == "urn:forum-pass:problem:not-allowed-now"
