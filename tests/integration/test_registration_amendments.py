"""Corrections, by registrants and by staff, and who hears of them."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any
from uuid import UUID

import pytest

from deploy.private_servers import PostgreSQL
from shared.access import Role
from shared.events import (
    RegistrationAmended,
    RegistrationContactChanged,
    RegistrationLinksRevoked,
    RegistrationReopened,
    RegistrationSubmitted,
)
from tests.registration import Registering, bounced, running


@pytest.fixture(scope="module")
async def registering(
    postgres: PostgreSQL, tmp_path_factory: pytest.TempPathFactory
) -> AsyncIterator[Registering]:
    postgres.drop_databases()
    async with running(postgres.url, tmp_path_factory.mktemp("home")) as service:
        yield service


async def test_registrants_correct_what_is_theirs_to_correct(registering: Registering) -> None:
    registration_id = await registering.confirmed_address(title="Dr", gender="female")
    own = registering.registrant(registration_id)
    changes: dict[str, Any] = {
        "given_name": "Grace Brewster",
        "organization": "US Navy",
        "language": "fr",
        "country": "us",
        "days": ["2017-06-13"],
        "sdgs": [4],
        "accessibility_needs": "x" * 1000,
        "visa_letter": True,
        "title": "",
        "gender": None,
    }
    answer = await registering.amend(registration_id, by=own, **changes)
    assert answer.status_code == 200
    expected = changes | {"title": None, "country": "US"}
    assert {name: answer.json()[name] for name in changes} == expected
    assert answer.json()["family_name"] == "Hopper"
    _, confirmed, amended, contact = await registering.said(UUID(registration_id))
    assert isinstance(amended, RegistrationAmended)
    assert amended.person == confirmed.person.model_copy(
        update={
            "given_name": "Grace Brewster",
            "organization": "US Navy",
            "language": "fr",
            "days": (1,),
            "title": None,
            "gender": None,
        }
    )
    assert isinstance(contact, RegistrationContactChanged)
    assert contact.model_dump(exclude={"registration_id", "me_link"}) == {
        "version": 3,
        "email": "grace@example.org",
        "given_name": "Grace Brewster",
        "family_name": "Hopper",
        "title": None,
        "language": "fr",
    }


async def test_what_is_optional_can_be_taken_back(registering: Registering) -> None:
    optional: dict[str, Any] = {
        "title": "Dr",
        "gender": "female",
        "days": ["2017-06-13"],
        "tracks": ["forum"],
        "action_lines": ["C1"],
        "sdgs": [4],
        "accessibility_needs": "A chair",
        "visa_letter": True,
    }
    registration_id = await registering.submitted(**optional)
    answer = await registering.amend(registration_id, position=None, **dict.fromkeys(optional))
    assert answer.status_code == 200
    assert {name: answer.json()[name] for name in (*optional, "position")} == {
        "title": None,
        "gender": None,
        "days": [day.isoformat() for day in registering.forum.days],
        "tracks": [],
        "action_lines": [],
        "sdgs": [],
        "accessibility_needs": None,
        "visa_letter": False,
        "position": "",
    }


async def test_an_amendment_that_changes_nothing_is_no_news(registering: Registering) -> None:
    registration_id = await registering.confirmed_address()
    nothing_new: list[dict[str, Any]] = [{}, {"family_name": " Hopper"}]
    for changes in nothing_new:
        answer = await registering.amend(registration_id, **changes)
        assert (answer.status_code, answer.json()["version"]) == (200, 2)
    assert len(await registering.said(UUID(registration_id))) == 2


async def test_before_confirmation_badges_and_gates_hear_of_no_correction(
    registering: Registering,
) -> None:
    registration_id = await registering.confirmed_address(category="media")
    await registering.amend(registration_id, organization="US Navy")
    await registering.amend(registration_id, family_name="Murray")
    said = [fact.type for fact in await registering.said(UUID(registration_id))]
    assert said[2:] == ["registration.contact_changed.v1"]


async def test_only_staff_change_the_address(registering: Registering) -> None:
    registration_id = await registering.confirmed_address()
    own = registering.registrant(registration_id)
    refused = await registering.amend(registration_id, by=own, email="other@example.org")
    assert refused.status_code == 422
    assert [error["field"] for error in refused.json()["errors"]] == ["email"]
    desk = registering.staff(Role.desk)
    answer = await registering.amend(registration_id, by=desk, email="other@example.org")
    assert (answer.status_code, answer.json()["email"]) == (200, "other@example.org")
    # Whoever reads the old mailbox has no way in any more.
    assert (await registering.amend(registration_id, by=own, title="Dr")).status_code == 401


# --- another category ----------------------------------------------------------------------------


async def test_staff_change_the_category_and_that_is_that(registering: Registering) -> None:
    registration_id = await registering.confirmed_address()
    answer = await registering.amend(registration_id, category="government")
    assert (answer.json()["category"], answer.json()["status"]) == ("government", "confirmed")


async def test_who_was_accepted_and_takes_another_category_is_in_review_again(
    registering: Registering,
) -> None:
    registration_id = await registering.confirmed_address()
    own = registering.registrant(registration_id)
    answer = await registering.amend(
        registration_id, by=own, category="government", family_name="Murray"
    )
    assert answer.status_code == 200
    assert (answer.json()["category"], answer.json()["status"]) == ("government", "in_review")
    *_, reopened, contact = await registering.said(UUID(registration_id))
    assert isinstance(reopened, RegistrationReopened)
    assert (reopened.version, reopened.had_a_badge) == (3, True)
    assert (contact.family_name, contact.version) == ("Murray", 3)
    approved = await registering.act(registration_id, "approve")
    assert approved.json()["status"] == "confirmed"
    *_, confirmed = await registering.said(UUID(registration_id))
    assert (confirmed.person.category, confirmed.person.family_name) == ("government", "Murray")


async def test_before_the_address_is_confirmed_the_new_categorys_rule_is_still_to_come(
    registering: Registering,
) -> None:
    registration_id = await registering.submitted()
    answer = await registering.amend(
        registration_id, by=registering.registrant(registration_id), category="media"
    )
    assert answer.json()["status"] == "submitted"
    token = await registering.token(registration_id)
    confirmed = await registering.act(registration_id, "confirm-email", token=token)
    assert confirmed.json()["status"] == "in_review"


async def test_who_is_in_review_stays_there(registering: Registering) -> None:
    registration_id = await registering.confirmed_address(category="media")
    answer = await registering.amend(
        registration_id, by=registering.registrant(registration_id), category="civil_society"
    )
    assert (answer.json()["category"], answer.json()["status"]) == ("civil_society", "in_review")


@pytest.mark.parametrize(
    "field",
    ["given_name", "family_name", "email", "organization", "country", "language", "category"],
)
async def test_what_is_required_stays(registering: Registering, field: str) -> None:
    registration_id = await registering.submitted()
    nothing: Any
    for nothing in (None, ""):
        answer = await registering.amend(registration_id, **{field: nothing})
        assert answer.status_code == 422
        assert [error["field"] for error in answer.json()["errors"]] == [field]
    assert (await registering.show(registration_id))["version"] == 1


async def test_a_corrected_address_gets_a_link_of_its_own(registering: Registering) -> None:
    registration_id = await registering.submitted(email="grace@exmaple.org")
    old = await registering.token(registration_id)
    await registering.hear(bounced(registration_id))
    assert (await registering.show(registration_id))["mail_bounced_at"] is not None
    await registering.amend(registration_id, email="grace@example.org")
    assert (await registering.show(registration_id))["mail_bounced_at"] is None
    _, revoked, again = await registering.said(UUID(registration_id))
    assert isinstance(revoked, RegistrationLinksRevoked)
    assert (revoked.version, revoked.first_valid) == (2, 2)
    assert isinstance(again, RegistrationSubmitted)
    assert (again.version, again.email) == (2, "grace@example.org")
    refused = await registering.act(registration_id, "confirm-email", token=old)
    assert refused.status_code == 403
    new = await registering.token(registration_id)
    assert (await registering.act(registration_id, "confirm-email", token=new)).status_code == 200
