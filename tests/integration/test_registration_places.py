"""Places: how many may come, who waits, and who moves up when one becomes free."""

from __future__ import annotations

import asyncio
import itertools
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager
from pathlib import Path
from uuid import UUID

import pytest
from sqlalchemy import update

from services.registration.tables import registrations
from shared.access import Role
from tests.registration import Page, Registering, body, forum_with, running

Opening = Callable[..., AbstractAsyncContextManager[Registering]]


@pytest.fixture
def opened(database_url: str, tmp_path: Path) -> Opening:
    """Opens registration for a forum with few places: `async with opened(places=2) as it`."""
    return lambda **few: running(database_url, tmp_path, forum=forum_with(tmp_path, **few))


@pytest.fixture
async def with_one_place(opened: Opening) -> AsyncIterator[Registering]:
    """One place for civil society, one for media; plenty for others."""
    async with opened(civil_society={"capacity": 1}, media={"capacity": 1}) as service:
        yield service


async def test_who_comes_after_the_last_place_waits(with_one_place: Registering) -> None:
    first, second = [await with_one_place.confirmed_address() for _ in range(2)]
    other = await with_one_place.confirmed_address(category="government")
    assert [await with_one_place.status(one) for one in (first, second, other)] == [
        "confirmed",
        "waitlisted",
        "confirmed",
    ]
    *_, fact = await with_one_place.said(UUID(second))
    assert (fact.type, fact.version) == ("registration.waitlisted.v1", 2)


async def test_a_full_forum_has_no_place_in_any_category(opened: Opening) -> None:
    async with opened(places=2) as service:
        categories = ("civil_society", "government", "private_sector", "government")
        all_four = [await service.confirmed_address(category=one) for one in categories]
        assert [await service.status(one) for one in all_four] == [
            *["confirmed"] * 2,
            *["waitlisted"] * 2,
        ]
        await service.act(all_four[1], "cancel")
        # The place goes to who has waited longest, of whatever category.
        assert [await service.status(one) for one in all_four[2:]] == ["confirmed", "waitlisted"]


@pytest.mark.parametrize("step", ["cancel", "erase"])
async def test_a_free_place_goes_to_who_has_waited_longest(
    with_one_place: Registering, step: str
) -> None:
    submitted = [await with_one_place.submitted() for _ in range(4)]
    # The line is by confirmation of the address, not by submission.
    line = [submitted[place] for place in (2, 0, 3, 1)]
    for one in line:
        token = await with_one_place.token(one)
        await with_one_place.act(one, "confirm-email", token=token)
    for leaving, following in itertools.pairwise(line):
        await with_one_place.act(leaving, step)
        assert await with_one_place.status(following) == "confirmed"
        *_, fact = await with_one_place.said(UUID(following))
        assert (fact.type, fact.version) == ("registration.confirmed.v1", 3)
        assert len(await with_one_place.find(status="confirmed")) == 1


async def test_a_place_of_one_category_is_not_given_to_another(
    with_one_place: Registering,
) -> None:
    government = await with_one_place.confirmed_address(category="government")
    _, waiting = [await with_one_place.confirmed_address() for _ in range(2)]
    await with_one_place.act(government, "cancel")
    assert await with_one_place.status(waiting) == "waitlisted"


async def test_who_leaves_the_line_frees_no_place(with_one_place: Registering) -> None:
    _, second, third = [await with_one_place.confirmed_address() for _ in range(3)]
    await with_one_place.act(second, "cancel")
    assert await with_one_place.status(third) == "waitlisted"


async def test_who_is_approved_waits_for_a_place_too(with_one_place: Registering) -> None:
    first, second, third = [
        await with_one_place.confirmed_address(category="media") for _ in range(3)
    ]
    statuses = [
        (await with_one_place.act(one, "approve")).json()["status"] for one in (second, first)
    ]
    assert statuses == ["confirmed", "waitlisted"]
    await with_one_place.act(second, "cancel")
    assert await with_one_place.status(first) == "confirmed"
    # Whom nobody has approved stays in review, however many places there are.
    assert await with_one_place.status(third) == "in_review"


async def test_who_waits_can_be_declined(with_one_place: Registering) -> None:
    _, second = [await with_one_place.confirmed_address() for _ in range(2)]
    answer = await with_one_place.act(second, "decline", reason="The house is full")
    assert (answer.status_code, answer.json()["status"]) == (200, "declined")


async def test_who_moves_up_and_is_declined_in_one_go_is_told_of_both_in_order(
    with_one_place: Registering,
) -> None:
    first, second = [await with_one_place.confirmed_address(category="media") for _ in range(2)]
    async with with_one_place.service.database.begin() as tx:
        # As for whom a delegation has registered.
        held = update(registrations).where(registrations.c.id == UUID(first))
        await tx.execute(held.values(place_held=True))
    await with_one_place.act(second, "approve")
    assert await with_one_place.status(second) == "waitlisted"
    answer = await with_one_place.send(
        "POST",
        "/registration/api/registrations/decisions",
        {"ids": [first, second], "act": "decline", "reason": "The house is full"},
        with_one_place.staff(Role.reviewer),
    )
    assert [one["status"] for one in answer.json()["items"]] == ["declined"] * 2
    *_, promoted, declined = await with_one_place.said(UUID(second))
    assert (promoted.type, declined.type) == (
        "registration.confirmed.v1",
        "registration.declined.v1",
    )
    # Whoever hears of both drops the older.
    assert declined.version > promoted.version


async def test_the_last_place_is_given_once(with_one_place: Registering) -> None:
    everybody = [await with_one_place.submitted() for _ in range(8)]
    tokens = [await with_one_place.token(one) for one in everybody]
    answers = await asyncio.gather(
        *(
            with_one_place.act(one, "confirm-email", token=token)
            for one, token in zip(everybody, tokens, strict=True)
        )
    )
    statuses = sorted(answer.json()["status"] for answer in answers)
    assert statuses == ["confirmed", *["waitlisted"] * 7]


async def test_no_place_stays_empty_when_many_leave_at_once(opened: Opening) -> None:
    async with opened(civil_society={"capacity": 4}) as service:
        everybody = [await service.confirmed_address() for _ in range(16)]
        holders, line = everybody[:4], everybody[4:]
        # While places become free, those who are next in line leave it too.
        answers = await asyncio.gather(
            *(service.act(one, "cancel") for one in holders),
            *(service.act(one, "decline", reason="The house is full") for one in line[:2]),
            *(service.act(one, "cancel") for one in line[2:4]),
            *(service.act(one, "erase") for one in line[4:6]),
            *(service.amend(one, family_name="Murray") for one in line[6:]),
        )
        assert {answer.status_code for answer in answers} <= {200, 409}
        confirmed = {found["id"] for found in await service.find(status="confirmed")}
        waiting = {found["id"] for found in await service.find(status="waitlisted")}
        still_there = [one for one in line if one in confirmed | waiting]
        assert len(still_there) >= 6
        assert confirmed == set(still_there[:4])


# --- from one category into another --------------------------------------------------------------


async def test_into_a_full_category_nobody_is_moved(with_one_place: Registering) -> None:
    await with_one_place.confirmed_address()
    other = await with_one_place.confirmed_address(category="government")
    before = await with_one_place.stored()
    answer = await with_one_place.amend(other, category="civil_society", family_name="Murray")
    assert answer.status_code == 409
    assert (await with_one_place.show(other))["family_name"] == "Hopper"
    assert await with_one_place.stored() == before


async def test_the_place_left_behind_goes_to_who_waits_for_it(
    with_one_place: Registering,
) -> None:
    first, second = [await with_one_place.confirmed_address() for _ in range(2)]
    answer = await with_one_place.amend(first, category="government")
    assert (answer.status_code, answer.json()["status"]) == (200, "confirmed")
    assert await with_one_place.status(second) == "confirmed"
    *_, fact = await with_one_place.said(UUID(first))
    assert (fact.type, fact.person.category) == ("registration.amended.v1", "government")


async def test_who_is_in_review_again_leaves_the_place_to_who_waits_for_it(
    with_one_place: Registering,
) -> None:
    first, second = [await with_one_place.confirmed_address() for _ in range(2)]
    own = with_one_place.registrant(first)
    await with_one_place.amend(first, by=own, category="academia_technical_community")
    assert [await with_one_place.status(one) for one in (first, second)] == [
        "in_review",
        "confirmed",
    ]
    # Who comes back to the old category is the last in line, though it was theirs before.
    await with_one_place.amend(first, by=own, category="civil_society")
    assert (await with_one_place.act(first, "approve")).json()["status"] == "waitlisted"


async def test_who_waits_is_confirmed_in_a_category_with_places(
    with_one_place: Registering,
) -> None:
    _, second = [await with_one_place.confirmed_address() for _ in range(2)]
    answer = await with_one_place.amend(second, category="government")
    assert (answer.status_code, answer.json()["status"]) == (200, "confirmed")
    *_, fact = await with_one_place.said(UUID(second))
    assert (fact.type, fact.person.category) == ("registration.confirmed.v1", "government")
    assert fact.version == answer.json()["version"]


async def test_within_a_full_forum_people_change_categories(opened: Opening) -> None:
    async with opened(places=1) as service:
        only = await service.confirmed_address()
        answer = await service.amend(only, category="government")
        assert (answer.status_code, answer.json()["category"]) == (200, "government")


# --- days of a category --------------------------------------------------------------------------


async def test_nobody_is_registered_for_days_on_which_they_are_not_admitted(
    opened: Opening,
) -> None:
    async with opened(civil_society={"days": [0, 1]}) as service:
        before = await service.stored()
        refused = await service.submit(days=["2017-06-16"])
        assert refused.status_code == 422
        assert [error["field"] for error in refused.json()["errors"]] == ["days"]
        async with service.browser() as browser:
            sent = body(days="2017-06-16", consent="yes")
            again = Page(await browser.post("/registration/", data=sent))
        assert again.errors == {"days": "Please choose among the days of the forum."}
        assert again.fields["given_name"] == ["Grace"]
        assert await service.stored() == before
        registration_id = await service.confirmed_address(days=["2017-06-13", "2017-06-16"])
        *_, fact = await service.said(UUID(registration_id))
        assert fact.person.days == (1,)
        refused = await service.amend(registration_id, days=["2017-06-14"])
        assert refused.status_code == 422


# --- next time -----------------------------------------------------------------------------------


async def test_with_more_places_the_line_moves_up_before_anybody_new(
    database_url: str, tmp_path: Path
) -> None:
    few = forum_with(tmp_path, civil_society={"capacity": 1})
    async with running(database_url, tmp_path, forum=few) as service:
        everybody = [await service.confirmed_address() for _ in range(4)]
    more = forum_with(tmp_path, civil_society={"capacity": 3})
    async with running(database_url, tmp_path, forum=more) as service:
        assert [await service.status(one) for one in everybody] == [
            *["confirmed"] * 3,
            "waitlisted",
        ]
        latecomer = await service.confirmed_address()
        assert await service.status(latecomer) == "waitlisted"
