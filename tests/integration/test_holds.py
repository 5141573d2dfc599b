"""Security holds: who is on hold passes nowhere, until a lead releases them."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from typing import Any
from uuid import UUID, uuid4

import pytest
from sqlalchemy import select

from deploy.private_servers import PostgreSQL
from shared.access import Role
from shared.events import (
    RegistrationAmended,
    RegistrationCancelled,
    RegistrationConfirmed,
    RegistrationErased,
    RegistrationRestated,
)
from shared.tables import audit, audit_reasons
from tests.checkin import IN, OTHER_IN, Badge, Body, Checkin, running
from tests.people import confirmed, person
from tests.replica import read

LEADS = (Role.organiser, Role.security_lead)


@pytest.fixture(scope="module")
async def checkin(
    postgres: PostgreSQL, tmp_path_factory: pytest.TempPathFactory
) -> AsyncIterator[Checkin]:
    postgres.drop_databases()
    async with running(postgres.url, tmp_path_factory.mktemp("home")) as service:
        yield service


async def is_blocked(checkin: Checkin, badge: Badge) -> bool:
    """As the look-up has it."""
    answer = await checkin.http.get(
        "/checkin/api/participants", params={"q": badge.number}, headers=checkin.lead
    )
    [item] = answer.json()["items"]
    blocked: bool = item["blocked"]
    return blocked


async def noted(checkin: Checkin, badge: Badge) -> list[tuple[str, Body, str | None]]:
    """What the audit log has of the holds of somebody: act, details, reason; oldest first."""
    query = (
        select(audit.c.act, audit.c.details, audit_reasons.c.reason)
        .join(audit_reasons, audit_reasons.c.seq == audit.c.seq, isouter=True)
        .where(audit.c.about.contains([badge.registration_id]))
        .where(audit.c.act.in_(["participant.hold", "participant.release"]))
        .order_by(audit.c.seq)
    )
    async with checkin.service.database.read() as connection:
        return [tuple(row) for row in await connection.execute(query)]


# --- at the gates --------------------------------------------------------------------------------


async def test_who_is_on_hold_is_refused_everywhere_until_released(checkin: Checkin) -> None:
    badge = await checkin.badge()
    held = await checkin.hold(badge)
    assert held.json() == {"registration_id": str(badge.registration_id), "blocked": True}
    for gate in (IN, OTHER_IN):
        refused = await checkin.scan(badge, gate, override="I know her")
        assert (refused["decision"], refused["reason"]) == ("refused", "blocked")
    assert await is_blocked(checkin, badge)
    released = await checkin.hold(badge, "release")
    assert released.json()["blocked"] is False
    assert (await checkin.scan(badge))["reason"] == "first_entry"
    assert not await is_blocked(checkin, badge)


async def test_every_badge_of_somebody_on_hold_is_refused(checkin: Checkin) -> None:
    badge = await checkin.badge()
    await checkin.block(badge)
    another = await checkin.another_badge(badge.registration_id, version=3)
    assert (await checkin.scan(another))["reason"] == "blocked"


async def test_gates_copy_a_hold_and_its_end(checkin: Checkin) -> None:
    badge, device = await checkin.badge(), await checkin.at(IN)
    cursor: dict[str, str] = {}

    async def copied() -> list[Body]:
        answer = await checkin.http.get(
            "/checkin/api/replica", params=cursor, headers=device.headers
        )
        lines = read(answer.content)
        cursor["after"] = lines[-1]["cursor"]
        return [line for line in lines if line.get("badge_id") == badge.badge_id]

    assert [line["blocked"] for line in await copied()] == [False]
    await checkin.block(badge)
    assert [line["blocked"] for line in await copied()] == [True]
    await checkin.hold(badge, "release")
    assert [line["blocked"] for line in await copied()] == [False]


# --- how long it lasts ---------------------------------------------------------------------------


async def test_a_hold_stays_whatever_else_is_heard_of_the_person(checkin: Checkin) -> None:
    badge = await checkin.badge()
    who: dict[str, Any] = {"registration_id": badge.registration_id}
    await checkin.block(badge)
    again: RegistrationConfirmed = confirmed(badge.registration_id).model_copy(
        update={"version": 9}
    )
    for fact in (
        RegistrationAmended(**who, version=7, person=person(family_name="Renamed")),
        RegistrationCancelled(**who, version=8),
        again,
        RegistrationRestated(**who, version=10, status="confirmed", person=person()),
    ):
        await checkin.hear(fact)
        assert await is_blocked(checkin, badge)
    assert (await checkin.scan(badge))["reason"] == "blocked"


@pytest.mark.parametrize("restated", [False, True])
async def test_a_hold_and_its_reason_go_with_the_person(checkin: Checkin, restated: bool) -> None:
    badge = await checkin.badge()
    await checkin.hold(badge, reason="Threatened Mr Smith")
    assert [reason for _, _, reason in await noted(checkin, badge)] == ["Threatened Mr Smith"]
    who: dict[str, Any] = {"registration_id": badge.registration_id, "version": 9}
    if restated:
        await checkin.hear(RegistrationRestated(**who, status="erased", person=None))
    else:
        await checkin.hear(RegistrationErased(**who))
        assert [reason for _, _, reason in await noted(checkin, badge)] == [None]
    assert not await is_blocked(checkin, badge)
    assert (await checkin.hold(badge)).status_code == 404
    assert (await checkin.hold(badge, "release")).status_code == 404


# --- who, and how --------------------------------------------------------------------------------


async def test_held_or_released_again_nothing_changes(checkin: Checkin) -> None:
    badge = await checkin.badge()
    await checkin.nothing_written(checkin.hold(badge, "release"))
    answers = await asyncio.gather(*(checkin.hold(badge) for _ in range(4)))
    assert {answer.status_code for answer in answers} == {200}
    again = await checkin.nothing_written(checkin.hold(badge, reason="Another"))
    assert again.json() == answers[0].json()
    await checkin.hold(badge, "release", reason="It was her sister")
    assert await noted(checkin, badge) == [
        ("participant.hold", {}, "Police"),
        ("participant.release", {}, "It was her sister"),
    ]


async def test_who_never_was_cannot_be_held(checkin: Checkin) -> None:
    badge = await checkin.badge()
    for wrong in (uuid4(), UUID(int=0)):
        stranger = Badge(wrong, badge.badge_id, badge.number, badge.credential)
        for act in ("hold", "release"):
            answer = await checkin.nothing_written(checkin.hold(stranger, act))
            assert answer.status_code == 404


@pytest.mark.parametrize("body", [{"reason": ""}, {"reason": None}, {"other": 1}])
@pytest.mark.parametrize("act", ["hold", "release"])
async def test_a_hold_has_a_reason(checkin: Checkin, act: str, body: Body) -> None:
    badge = await checkin.badge()
    answer = await checkin.nothing_written(checkin.hold(badge, act, **body))
    assert answer.status_code == 422
    assert [error["field"] for error in answer.json()["errors"]] == list(body)


@pytest.mark.parametrize("role", Role)
async def test_leads_hold_and_release_and_nobody_else(checkin: Checkin, role: Role) -> None:
    badge = await checkin.badge()
    for act in ("hold", "release"):
        answer = await checkin.hold(badge, act, role)
        assert answer.status_code == (200 if role in LEADS else 403)


# --- on the page ---------------------------------------------------------------------------------


async def page(checkin: Checkin, **params: str) -> str:
    answer = await checkin.http.get(
        "/checkin/holds", params=params, headers=checkin.lead | {"Accept-Language": "en"}
    )
    assert answer.status_code == 200, answer.text
    return answer.text


async def test_somebody_is_found_held_and_released_on_the_page(checkin: Checkin) -> None:
    badge = await checkin.badge(given_name="Mallory", family_name="O'Hara <x>")
    name, way = "O&#39;HARA &lt;X&gt;", f"/checkin/holds/{badge.registration_id}"
    assert name not in await page(checkin)
    for asked in ("mallory", badge.number):
        found = await page(checkin, q=asked)
        assert name in found
        assert "No hold" in found
    held = await checkin.http.post(
        f"{way}/hold?q=mallory", data={"reason": "Police"}, headers=checkin.lead
    )
    assert (held.status_code, held.headers["Location"]) == (303, "/checkin/holds?q=mallory")
    for shown in (await page(checkin, q="mallory"), await page(checkin)):
        assert name in shown
        assert f"{way}/release" in shown
    assert (await checkin.scan(badge))["reason"] == "blocked"
    await checkin.http.post(f"{way}/release", data={"reason": "Solved"}, headers=checkin.lead)
    assert name not in await page(checkin)
    assert [act for act, _, _ in await noted(checkin, badge)] == [
        "participant.hold",
        "participant.release",
    ]


async def test_too_little_to_look_for_is_said(checkin: Checkin) -> None:
    assert "at least two letters or digits" in await page(checkin, q="a")
    assert "Nobody has that name or number" in await page(checkin, q="nobody at all")


async def test_a_hold_without_a_reason_is_none_on_the_page_either(checkin: Checkin) -> None:
    badge = await checkin.badge()
    answer = await checkin.nothing_written(
        checkin.http.post(
            f"/checkin/holds/{badge.registration_id}/hold",
            data={"reason": " "},
            headers=checkin.lead,
        )
    )
    assert answer.status_code == 422
