"""The reminder of the day before: to whom, when, and never twice."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from datetime import datetime, time, timedelta
from pathlib import Path
from typing import Any
from uuid import UUID, uuid4

import pytest
from sqlalchemy import cast, update
from sqlalchemy.dialects.postgresql import JSONB

from deploy.private_servers import started
from services.notifications import tables
from services.notifications.reminders import first_day_to_remind_of, remind
from services.notifications.settings import NotificationsSettings
from shared import forum as forums
from shared.events import RegistrationCancelled
from shared.settings import Settings, WrongSetting, load
from tests.mails import face, words
from tests.notifications import Badging, Notifying, issued, revoked, running, submitted
from tests.servers import MailServer

THE_DAY_BEFORE = "2017-06-11T10:00:00+02:00"
DAYS_BEFORE = "2017-06-05T10:00:00+02:00"
FORUM = forums.load(Settings.model_fields["forum"].default)
TEN = time(10)
FIRST, THIRD, FROM_THE_THIRD = 0, 2, 0b11100


@pytest.fixture(scope="module")
def badging() -> Iterator[Badging]:
    with started(Badging()) as server:
        yield server


# --- when -----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("now", "day"),
    [
        ("2017-06-11T09:59:59+02:00", None),
        ("2017-06-11T10:00:00+02:00", 0),
        ("2017-06-11T08:00:00+00:00", 0),
        ("2017-06-11T20:59:59+02:00", 0),
        ("2017-06-11T21:00:00+02:00", None),
        ("2017-06-12T03:00:00+02:00", None),
        ("2017-06-12T10:00:00+02:00", 1),
        ("2017-06-15T10:00:00+02:00", 4),
        ("2017-06-16T10:00:00+02:00", None),
        ("2017-06-10T10:00:00+02:00", None),
    ],
)
def test_people_are_reminded_by_day_in_geneva_of_the_day_to_come(now: str, day: int | None) -> None:
    assert first_day_to_remind_of(FORUM, datetime.fromisoformat(now), TEN) == day


@pytest.mark.parametrize("wrong", ["21:00", "25:00", "10:00+02:00", "soon"])
def test_an_hour_at_night_is_refused_at_the_start(
    monkeypatch: pytest.MonkeyPatch, wrong: str
) -> None:
    monkeypatch.setenv("FORUMPASS_NOTIFICATIONS_REMINDS_AT", wrong)
    with pytest.raises(WrongSetting, match="FORUMPASS_NOTIFICATIONS_REMINDS_AT"):
        load(NotificationsSettings)


# --- to whom --------------------------------------------------------------------------------------


async def confirm(notifying: Notifying, days: int = 0b11111, **particulars: Any) -> UUID:
    """Somebody who has had the badge for a while."""
    registration_id = uuid4()
    await notifying.hear(
        submitted(registration_id, **particulars), issued(registration_id, days=days)
    )
    await notifying.outcome(registration_id)
    await wait_two_hours(notifying, registration_id)
    return registration_id


async def wait_two_hours(notifying: Notifying, registration_id: UUID) -> None:
    """As if what was queued for somebody had been two hours ago."""
    entries = tables.messages.c
    async with notifying.service.database.begin() as tx:
        await tx.execute(
            update(tables.messages)
            .where(entries.registration_id == registration_id)
            .values(created_at=entries.created_at - timedelta(hours=2))
        )


async def remind_of(notifying: Notifying, day: int) -> int:
    async with notifying.service.database.begin() as tx:
        return await remind(tx, day, set())


async def reminders(notifying: Notifying, registration_id: UUID) -> list[str]:
    """What became of each reminder to somebody."""
    outcome = await notifying.outcome(registration_id)
    return [status for kind, status in outcome if kind == "reminder"]


async def test_the_day_before_everybody_who_comes_is_reminded_once(
    database_url: str, tmp_path: Path, smtp: MailServer, badging: Badging
) -> None:
    async with running(database_url, tmp_path, smtp, badging.url, clock=DAYS_BEFORE) as notifying:
        first, french = await confirm(notifying), await confirm(notifying, language="fr")
        later = await confirm(notifying, days=FROM_THE_THIRD)
        cancelled = await confirm(notifying)
        await notifying.hear(RegistrationCancelled(registration_id=cancelled, version=9))
        revoked_one = await confirm(notifying)
        await notifying.hear(revoked(revoked_one))
        assert await reminders(notifying, first) == []
    for _ in range(2):  # a restart reminds nobody again
        async with running(
            database_url, tmp_path, smtp, badging.url, clock=THE_DAY_BEFORE
        ) as notifying:
            for registration_id in (first, french):
                async with asyncio.timeout(10):
                    while not await reminders(notifying, registration_id):
                        await asyncio.sleep(0.02)
                assert await reminders(notifying, registration_id) == ["sent"]
            for registration_id in (later, cancelled, revoked_one):
                assert await reminders(notifying, registration_id) == []
            assert await remind_of(notifying, FIRST) == 0
    *_, mail = await notifying.mail(first)
    text = words(face(mail, "plain"))
    assert mail["Subject"].endswith("see you on Monday, 12 June 2017")
    for said in ("Montbrillant", "Tower", "Varembé", "07:30–20:00", "7KQ2-M9X1", "07:30–17:30"):
        assert said in text
    assert "Popov" not in text
    [picture] = [part for part in mail.walk() if part.get_content_type() == "image/png"]
    assert f"cid:{picture['Content-ID'].strip('<>')}" in face(mail, "html")
    *_, mail = await notifying.mail(french)
    assert "12 juin 2017" in mail["Subject"]


@pytest.mark.parametrize(
    "changed",
    [{"days": "all"}, {"days": None}, {"number": None}, {"files_link": {}}, {"kind": "postcard"}],
    ids=lambda changed: next(iter(changed)),
)
async def test_a_badge_that_cannot_be_read_keeps_nobody_else_from_being_reminded(
    database_url: str, tmp_path: Path, smtp: MailServer, badging: Badging, changed: dict[str, Any]
) -> None:
    async with running(database_url, tmp_path, smtp, badging.url, clock=DAYS_BEFORE) as notifying:
        unread, came = await confirm(notifying), await confirm(notifying)
        m = tables.messages.c
        async with notifying.service.database.begin() as tx:
            await tx.execute(
                update(tables.messages)
                .where(m.registration_id == unread, m.kind == "badge")
                .values(matter=m.matter.op("||")(cast(changed, JSONB)))
            )
            unreadable: set[UUID] = set()
            assert await remind(tx, FIRST, unreadable) == 1
            assert len(unreadable) == 1
            assert await remind(tx, FIRST, unreadable) == 0
        assert await reminders(notifying, came) == ["sent"]
        assert await reminders(notifying, unread) == []


async def test_two_processes_and_a_new_badge_make_one_reminder(
    database_url: str, tmp_path: Path, smtp: MailServer, badging: Badging
) -> None:
    async with running(database_url, tmp_path, smtp, badging.url, clock=DAYS_BEFORE) as notifying:
        came = await confirm(notifying)
        await asyncio.gather(*(remind_of(notifying, FIRST) for _ in range(3)))
        assert await reminders(notifying, came) == ["sent"]
        await notifying.hear(
            revoked(came, status="superseded"), issued(came, version=3, days=FROM_THE_THIRD)
        )
        await notifying.outcome(came)
        await wait_two_hours(notifying, came)
        assert await remind_of(notifying, FIRST) == await remind_of(notifying, THIRD) == 0
        assert await reminders(notifying, came) == ["sent"]


async def test_days_changed_before_the_reminder_change_its_day(
    database_url: str, tmp_path: Path, smtp: MailServer, badging: Badging
) -> None:
    async with running(database_url, tmp_path, smtp, badging.url, clock=DAYS_BEFORE) as notifying:
        came = await confirm(notifying)
        await notifying.hear(
            revoked(came, status="superseded"), issued(came, version=3, days=FROM_THE_THIRD)
        )
        await notifying.outcome(came)
        await wait_two_hours(notifying, came)
        assert await remind_of(notifying, FIRST) == 0
        assert await remind_of(notifying, THIRD) == 1
        assert await reminders(notifying, came) == ["sent"]


async def test_who_has_just_been_sent_the_badge_is_reminded_later(
    database_url: str, tmp_path: Path, smtp: MailServer, badging: Badging
) -> None:
    async with running(database_url, tmp_path, smtp, badging.url, clock=DAYS_BEFORE) as notifying:
        registration_id = uuid4()
        await notifying.hear(submitted(registration_id), issued(registration_id))
        await notifying.outcome(registration_id)
        assert await remind_of(notifying, FIRST) == 0
        await wait_two_hours(notifying, registration_id)
        assert await remind_of(notifying, FIRST) == 1


async def test_who_cancels_while_the_reminder_waits_gets_none(
    database_url: str, tmp_path: Path, smtp: MailServer, badging: Badging
) -> None:
    async with running(
        database_url, tmp_path, smtp, badging.url, clock=DAYS_BEFORE, away=True
    ) as notifying:
        came, taken = uuid4(), uuid4()
        for registration_id in (came, taken):
            await notifying.hear(submitted(registration_id), issued(registration_id))
            await wait_two_hours(notifying, registration_id)
        assert await remind_of(notifying, FIRST) == 2
        await notifying.hear(RegistrationCancelled(registration_id=came, version=9), revoked(taken))
        for registration_id in (came, taken):
            found = {
                message["kind"]: message["status"]
                for message in await notifying.messages(registration_id)
            }
            assert found["reminder"] == "dropped"


async def test_many_reminders_keep_nobody_waiting_who_has_just_registered(
    database_url: str, tmp_path: Path, smtp: MailServer, badging: Badging
) -> None:
    async with running(
        database_url, tmp_path, smtp, badging.url, clock=DAYS_BEFORE, away=True
    ) as notifying:
        for _ in range(30):
            registration_id = uuid4()
            await notifying.hear(submitted(registration_id), issued(registration_id))
            await wait_two_hours(notifying, registration_id)
        async with notifying.service.database.begin() as tx:
            await tx.execute(update(tables.messages).values(status="sent"))
        assert await remind_of(notifying, FIRST) == 30
        new = await notifying.register()
    async with running(
        database_url, tmp_path, smtp, badging.url, clock=DAYS_BEFORE, concurrency=1
    ) as notifying:
        await notifying.mail(new)
        # It was queued last, and is the first to go.
        waiting = (await notifying.page(limit=200, status="queued"))["items"]
        assert len(waiting) >= 28


async def test_many_badges_keep_nobody_waiting_who_must_confirm_the_address(
    database_url: str, tmp_path: Path, smtp: MailServer, badging: Badging
) -> None:
    async with running(
        database_url, tmp_path, smtp, badging.url, clock=DAYS_BEFORE, away=True
    ) as notifying:
        for _ in range(30):
            registration_id = uuid4()
            await notifying.hear(submitted(registration_id), issued(registration_id))
        new = await notifying.register()
    async with running(
        database_url, tmp_path, smtp, badging.url, clock=DAYS_BEFORE, concurrency=1
    ) as notifying:
        await notifying.mail(new)
        # It was queued last, and is the first to go.
        waiting = (await notifying.page(limit=200, status="queued"))["items"]
        assert len(waiting) >= 28
