"""What is over its time goes by itself, at the first start or the first day after; figures stay."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, Final
from uuid import uuid4

import pytest
from sqlalchemy import text

from services.badging.app import create as create_badging
from services.notifications.app import create as create_notifications
from shared import retention
from shared.access import Role
from shared.clock import Clock
from shared.events import RegistrationSubmitted
from tests import checkin, registration
from tests.checkin import Checkin
from tests.people import confirmed
from tests.registration import Registering, picture, sent_photo
from tests.running import Running, running

AFTER_A_MONTH: Final = "2017-07-20T08:00:00+02:00"
AFTER_HALF_A_YEAR: Final = "2017-12-20T08:00:00+01:00"
AFTER_A_YEAR: Final = "2018-07-01T08:00:00+02:00"
AFTER_TWO_YEARS: Final = "2019-08-01T08:00:00+02:00"
DAY: Final = {"day": "2017-06-12"}


async def test_scans_lose_their_people_and_the_figures_stay(
    database_url: str, tmp_path: Path
) -> None:
    async with checkin.running(database_url, tmp_path) as gates:
        women = [await gates.badge(country="FJ", gender="female") for _ in range(6)]
        for badge in women:
            await gates.scan(badge)
        refused = await gates.scan(women[0])
        await gates.scan(women[0], override="Came back for her bag")
        await gates.undo(await gates.scan(women[1], gate=checkin.OUT), reason="Not she")
        before = await _figures(gates)
        assert before["by_gender"] == {"female": 5}
    async with checkin.running(database_url, tmp_path, clock=AFTER_A_MONTH) as gates:
        await _done(gates, "photos", 0)
        assert (await gates.log(registration_id=women[0].registration_id))[0]["badge_id"]
    async with checkin.running(database_url, tmp_path, clock=AFTER_HALF_A_YEAR) as gates:
        await _done(gates, "scans", 6)
        assert await _figures(gates) == before
        stored = await _stored(gates, "scans", "attendance", "presence", "presence_removed")
        for badge in women:
            assert str(badge.registration_id) not in stored
            assert badge.badge_id not in stored
        assert "bag" not in stored
        assert "Not she" not in stored
        assert refused["scan_id"] in stored
        assert await _counted(gates, "retention.scans") == [6]
    async with checkin.running(database_url, tmp_path, clock=AFTER_A_YEAR) as gates:
        await _done(gates, "scans", 6)
        assert await _figures(gates) == before


async def test_registrations_go_a_year_after_the_forum_and_still_count(
    database_url: str, tmp_path: Path
) -> None:
    async with registration.running(database_url, tmp_path) as registering:
        stays = await registering.confirmed_address(photo=sent_photo(picture()), country="FJ")
        never_confirmed = await registering.submitted(family_name="Nobody")
    async with registration.running(database_url, tmp_path, clock=AFTER_A_MONTH) as registering:
        await _done(registering, "unconfirmed", 1)
        await _done(registering, "photos", 1)
        assert (await registering.stored())["photos"] == 0
        assert await registering.status(never_confirmed) == "erased"
        assert (await registering.show(stays))["family_name"] == "Hopper"
    async with registration.running(database_url, tmp_path, clock=AFTER_A_YEAR) as registering:
        await _done(registering, "registrations", 1)
        [found] = await registering.find(country="FJ")
        assert (found["status"], found["family_name"]) == ("erased", "")
        assert "registration.erased.v1" in [fact.type for fact in await _published(registering)]


async def test_a_new_day_is_enough_and_needs_no_restart(
    database_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(retention, "LOOK_SECONDS", 0.05)
    async with registration.running(database_url, tmp_path) as registering:
        await registering.confirmed_address(photo=sent_photo(picture()))
        then = datetime.now(UTC) + timedelta(days=40)
        monkeypatch.setattr(Clock, "wall", staticmethod(lambda: then))
        await _done(registering, "photos", 1)
        assert (await registering.stored())["photos"] == 0


async def test_the_audit_log_goes_from_its_beginning_and_says_so(
    database_url: str, tmp_path: Path
) -> None:
    async with registration.running(database_url, tmp_path) as registering:
        await registering.find()
    async with registration.running(database_url, tmp_path, clock=AFTER_TWO_YEARS) as registering:
        await _done(registering, "audit", 1)
        acts = [entry["act"] for entry in await _entries(registering)]
    assert "audit.end_old" in acts
    assert "registration.search" not in acts


async def test_a_badge_loses_its_photo(database_url: str, tmp_path: Path) -> None:
    photo = picture("JPEG")
    async with running(create_badging, database_url, tmp_path) as badging:
        fact = confirmed(uuid4()).model_copy(update={"photo": photo})
        await badging.hear(fact)
        assert photo.hex() in await _stored(badging, "holders")
    async with running(create_badging, database_url, tmp_path, clock=AFTER_A_MONTH) as badging:
        await _done(badging, "photos", 1)
        assert photo.hex() not in await _stored(badging, "holders")


async def test_of_mails_it_stays_known_that_there_were_some(
    database_url: str, tmp_path: Path
) -> None:
    asked = RegistrationSubmitted(
        registration_id=uuid4(),
        version=1,
        reference="WF17-7KQ2M9",
        email="ada@example.org",
        given_name="Ada",
        family_name="Lovelace",
        language="en",
        confirm_link="https://forum.example.org/confirm",
        me_link="https://forum.example.org/me",
    )
    async with running(create_notifications, database_url, tmp_path) as notifications:
        await notifications.hear(asked)
        assert "ada@example.org" in await _stored(notifications, "recipients")
    async with running(
        create_notifications, database_url, tmp_path, clock=AFTER_HALF_A_YEAR
    ) as notifications:
        await _done(notifications, "messages", 1)
        stored = await _stored(notifications, "recipients", "messages")
    assert "ada@example.org" not in stored
    assert "Lovelace" not in stored
    assert "forum.example.org" not in stored
    assert "confirm_address" in stored


async def _figures(gates: Checkin) -> dict[str, Any]:
    """What the report tells of the first day; but who is inside ends with the day."""
    answer = await gates.http.get("/checkin/api/attendance", params=DAY, headers=gates.lead)
    assert answer.status_code == 200, answer.text
    figures: dict[str, Any] = answer.json()
    return {name: figures[name] for name in figures if name not in ("until", "inside")}


async def _done(service: Running, what: str, count: int) -> None:
    """Wait until so much of something was removed, by this start or an earlier one."""
    async with asyncio.timeout(20):
        while sum(await _counted(service, f"retention.{what}")) != count:
            await asyncio.sleep(0.05)


async def _counted(service: Running, act: str) -> list[int]:
    entries = await _entries(service, act=act)
    return [entry["details"]["count"] for entry in entries if entry["act"] == act]


async def _entries(service: Running, **wanted: str) -> list[dict[str, Any]]:
    answer = await service.http.get(
        f"/{service.service.name}/api/audit", params=wanted, headers=service.staff(Role.organiser)
    )
    assert answer.status_code == 200, answer.text
    items: list[dict[str, Any]] = answer.json()["items"]
    return items


async def _published(registering: Registering) -> list[Any]:
    async with asyncio.timeout(10):
        while not registering.neighbours.published:
            await asyncio.sleep(0.02)
    return [event.fact for event in registering.neighbours.published]


async def _stored(service: Running, *tables: str) -> str:
    async with service.service.database.read() as connection:
        rows = [
            row
            for table in tables
            for row in (
                await connection.execute(text(f"SELECT one::text FROM {table} AS one"))
            ).scalars()
        ]
    return "\n".join(rows)
