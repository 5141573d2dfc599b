"""Certificates of participation: who gets one, what it says, and who can check it."""

from __future__ import annotations

import asyncio
from datetime import datetime
from pathlib import Path
from typing import Any
from uuid import UUID, uuid4

import pypdfium2
import pytest
import zxingcpp
from sqlalchemy import select

from services.badging.tables import attendances
from shared.access import Role
from shared.events import (
    AttendanceAdmitted,
    AttendanceUndone,
    CertificateIssued,
    RegistrationCancelled,
    RegistrationErased,
)
from tests.badging import Badging, running
from tests.people import NOBODY, confirmed
from tests.running import ORIGIN

EVENING_OF_THE_LAST_DAY = "2017-06-16T21:00:00+02:00"
MORNING_AFTER = "2017-06-17T09:00:00+02:00"
HALF_A_YEAR_AFTER = "2017-12-20T08:00:00+01:00"
SECONDS = 10


def admitted(registration_id: UUID | None, day: int, hour: int = 9) -> AttendanceAdmitted:
    return AttendanceAdmitted(
        scan_id=uuid4(),
        gate="tower-in",
        entrance="tower",
        zone="venue",
        at=datetime.fromisoformat(f"2017-06-{day}T{hour:02}:00:00+02:00"),
        badge_id=None,
        registration_id=registration_id,
        reason="first_entry",
    )


def undone(fact: AttendanceAdmitted) -> AttendanceUndone:
    about = fact.model_dump(exclude={"scan_id", "reason"})
    return AttendanceUndone(scan_id=uuid4(), undoes=fact.scan_id, **about)


async def come(badging: Badging, *days: int, **particulars: Any) -> UUID:
    """Somebody who is confirmed and comes on these days of June."""
    fact = confirmed(uuid4(), **particulars)
    await badging.hear(fact, *(admitted(fact.registration_id, day) for day in days))
    return fact.registration_id


async def whose_scans(badging: Badging) -> set[UUID]:
    """Who can be told to have come."""
    whose = select(attendances.c.registration_id).where(attendances.c.registration_id.is_not(None))
    async with badging.service.database.read() as connection:
        return set((await connection.execute(whose)).scalars())


async def certificates(badging: Badging, *, count: int) -> list[CertificateIssued]:
    """What was said of certificates, once there are so many."""
    async with asyncio.timeout(SECONDS):
        while True:
            said = await badging.said()
            found = [fact for fact in said if isinstance(fact, CertificateIssued)]
            if len(found) >= count:
                return found
            await asyncio.sleep(0.02)


async def test_after_the_forum_who_came_gets_one_certificate(
    database_url: str, tmp_path: Path
) -> None:
    async with running(database_url, tmp_path) as badging:
        came = await come(badging, 12, 14)
        await come(badging)
    async with running(database_url, tmp_path, MORNING_AFTER) as badging:
        [issued] = await certificates(badging, count=1)
        assert (issued.registration_id, issued.days) == (came, 0b00101)
    # Neither a restart nor a second entry of the same person makes another.
    async with running(database_url, tmp_path, "2017-06-18T09:00:00+02:00") as badging:
        await badging.hear(admitted(came, 15))
        late = await come(badging, 16)
    async with running(database_url, tmp_path, "2017-06-18T10:00:00+02:00") as badging:
        _, second = await certificates(badging, count=2)
        assert (second.registration_id, second.days) == (late, 0b10000)
        assert second.number != issued.number


async def test_nobody_gets_a_certificate_before_the_forum_is_over(
    database_url: str, tmp_path: Path
) -> None:
    async with running(database_url, tmp_path) as badging:
        await come(badging, 12)
    async with running(database_url, tmp_path, EVENING_OF_THE_LAST_DAY) as badging:
        await come(badging, 16)
        assert await certificates(badging, count=0) == []


async def test_an_entry_that_was_taken_back_certifies_nothing(
    database_url: str, tmp_path: Path
) -> None:
    async with running(database_url, tmp_path) as badging:
        mistaken, other = await come(badging), await come(badging, 12)
        fact = admitted(mistaken, 12)
        again = admitted(other, 13)
        # In both orders: an event may be overtaken.
        await badging.hear(fact, undone(fact), undone(again), again)
    async with running(database_url, tmp_path, MORNING_AFTER) as badging:
        [issued] = await certificates(badging, count=1)
        assert (issued.registration_id, issued.days) == (other, 0b00001)


async def test_the_day_is_the_forums_whatever_the_date_elsewhere(
    database_url: str, tmp_path: Path
) -> None:
    async with running(database_url, tmp_path) as badging:
        early = confirmed(uuid4())
        # One in the morning in Geneva is the evening before in UTC.
        await badging.hear(early, admitted(early.registration_id, 13, hour=1))
        day_without_a_forum = confirmed(uuid4())
        nobody = admitted(None, 12)
        await badging.hear(
            day_without_a_forum, admitted(day_without_a_forum.registration_id, 11), nobody
        )
    async with running(database_url, tmp_path, MORNING_AFTER) as badging:
        [issued] = await certificates(badging, count=1)
        assert (issued.registration_id, issued.days) == (early.registration_id, 0b00010)


async def test_who_cancelled_or_was_erased_gets_none(database_url: str, tmp_path: Path) -> None:
    async with running(database_url, tmp_path) as badging:
        cancelled, erased = await come(badging, 12), await come(badging, 12)
        await badging.hear(
            RegistrationCancelled(registration_id=cancelled, version=3),
            RegistrationErased(registration_id=erased, version=3),
        )
        came = await come(badging, 12)
    async with running(database_url, tmp_path, MORNING_AFTER) as badging:
        assert [fact.registration_id for fact in await certificates(badging, count=1)] == [came]


@pytest.mark.parametrize(
    ("language", "name"),
    [
        ("en", ("Grace", "Hopper")),
        ("ar", ("محمد بن موسى", "الخوارزمي")),
        ("zh", ("冲之", "祖")),
        ("ru", ("Софья", "Ковалевская")),
    ],
)
async def test_the_certificate_has_the_name_and_leads_to_its_check(
    database_url: str, tmp_path: Path, language: str, name: tuple[str, str]
) -> None:
    given_name, family_name = name
    async with running(database_url, tmp_path) as badging:
        came = await come(
            badging, 12, 13, language=language, given_name=given_name, family_name=family_name
        )
    async with running(database_url, tmp_path, MORNING_AFTER) as badging:
        [issued] = await certificates(badging, count=1)
        answer = await badging.http.get(issued.file_link)
        assert answer.status_code == 200
        assert answer.headers["Content-Type"] == "application/pdf"
        [page] = pypdfium2.PdfDocument(answer.content)
        written = page.get_textpage().get_text_bounded()
        assert issued.number in written
        if language in ("en", "ru"):  # the others' order in a PDF is its reader's choice
            assert f"{given_name} {family_name}" in written
            assert {"en": "UNCTAD", "ru": "ЮНКТАД"}[language] in written
        code = zxingcpp.read_barcode(page.render(scale=2).to_pil().convert("L"))
        assert code is not None
        assert code.text == ORIGIN + issued.page
        check = await badging.http.get(issued.page, headers={"Accept-Language": language})
        assert check.status_code == 200
        assert (family_name + given_name if language == "zh" else given_name) in check.text
        own = await badging.http.get(
            "/badging/me.certificate.pdf",
            params={"token": badging.keyring.registrant_token(came)},
        )
        assert own.content == answer.content


async def test_the_check_says_no_more_than_the_paper_and_nothing_of_who_was_erased(
    database_url: str, tmp_path: Path
) -> None:
    async with running(database_url, tmp_path) as badging:
        came = await come(badging, 12, given_name="Zoë", position="Spokesperson")
    async with running(database_url, tmp_path, MORNING_AFTER) as badging:
        [issued] = await certificates(badging, count=1)
        page = await badging.http.get(issued.page)
        assert "Zoë" in page.text
        assert str(came) not in page.text
        assert "Spokesperson" not in page.text
        typed = await badging.http.get(
            "/badging/certificates", params={"number": issued.number.lower().replace("-", " ")}
        )
        assert (typed.status_code, typed.headers["Location"]) == (303, issued.page)
        for number in ("7KQ2-M9X1", "<script>", "%2e%2e", "%00", "7KQ2-M9X1%00"):
            other = await badging.http.get(f"/badging/certificates/{number}")
            assert other.status_code == 404
            assert "<script>" not in other.text
        await badging.hear(RegistrationErased(registration_id=came, version=5))
        assert (await badging.http.get(issued.page)).status_code == 404
        assert (await badging.http.get(issued.file_link)).status_code == 404


async def test_half_a_year_later_the_certificate_can_be_checked_and_nobodys_scans_are_known(
    database_url: str, tmp_path: Path
) -> None:
    async with running(database_url, tmp_path) as badging:
        came = await come(badging, 12, 14)
    async with running(database_url, tmp_path, MORNING_AFTER) as badging:
        [issued] = await certificates(badging, count=1)
        page = await badging.http.get(issued.page)
        assert await whose_scans(badging) == {came}
    async with running(database_url, tmp_path, HALF_A_YEAR_AFTER) as badging:
        async with asyncio.timeout(SECONDS):
            while await whose_scans(badging):
                await asyncio.sleep(0.02)
        check = await badging.http.get(issued.page)
        assert check.text.partition("<main")[2] == page.text.partition("<main")[2]
        assert (await badging.http.get(issued.file_link)).status_code == 200
        assert len(await certificates(badging, count=1)) == 1


async def test_the_scans_of_who_was_erased_are_nobodys(database_url: str, tmp_path: Path) -> None:
    async with running(database_url, tmp_path) as badging:
        erased, other = await come(badging, 12), await come(badging, 12)
        await badging.hear(RegistrationErased(registration_id=erased, version=3))
        assert await whose_scans(badging) == {other}
        # Told of late, by a gate that was offline.
        await badging.hear(admitted(erased, 13), admitted(other, 13))
        assert await whose_scans(badging) == {other}


async def test_only_its_holder_and_the_desk_get_the_file(database_url: str, tmp_path: Path) -> None:
    async with running(database_url, tmp_path) as badging:
        came = await come(badging, 12)
    async with running(database_url, tmp_path, MORNING_AFTER) as badging:
        [issued] = await certificates(badging, count=1)
        path = issued.file_link.partition("?")[0]

        async def status(token: str = "", **query: str) -> int:
            headers = {"Authorization": f"Bearer {token}"} if token else {}
            return (await badging.http.get(path, params=query, headers=headers)).status_code

        assert await status() == 401
        assert await status(link="forged") == 401
        assert await status(badging.keyring.registrant_token(NOBODY)) == 403
        assert await status(badging.keyring.registrant_token(came)) == 200
        assert await status(badging.keyring.staff_token(Role.desk, "Ada")) == 200
        assert await status(badging.keyring.staff_token(Role.security, "Ada")) == 403
        unknown = path.replace(issued.number, "7KQ2-M9X1")
        assert (await badging.http.get(unknown, headers=badging.desk)).status_code == 404
