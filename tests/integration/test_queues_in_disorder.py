"""What is told of staff, of links for them and by the gates: heard twice, in any order, or by a
consumer that is killed over it, it ends in the same state."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import AsyncExitStack
from dataclasses import dataclass
from datetime import datetime
from itertools import count
from typing import Any, Final
from uuid import UUID, uuid4, uuid5

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import Select, func, select

from deploy.private_servers import PostgreSQL
from services.badging.app import create as create_badging
from services.badging.tables import attendances
from services.checkin.app import create as create_checkin
from services.notifications.app import create as create_notifications
from services.notifications.messages import Status
from services.notifications.tables import messages, recipients
from shared.events import (
    AttendanceAdmitted,
    AttendanceUndone,
    Event,
    Fact,
    FocalPointInvited,
    StaffAccessChanged,
    StaffSessionEnded,
    StaffSignInOffered,
)
from shared.tables import ended_sessions, staff_access
from tests.disorder import Killed, disorders, killed_after
from tests.people import NOBODY
from tests.running import Running, running

MAKERS: Final = {
    "badging": create_badging,
    "checkin": create_checkin,
    "notifications": create_notifications,
}
Life = Callable[[UUID], list[Fact]]
State = Callable[[Running, UUID], Awaitable[list[tuple[Any, ...]]]]


@dataclass(frozen=True)
class Story:
    """What a queue brings about somebody, and what is then known; free of ids, to be compared."""

    life: Life
    state: State
    end: list[tuple[Any, ...]]


@pytest.fixture(scope="module")
async def services(
    postgres: PostgreSQL, tmp_path_factory: pytest.TempPathFactory
) -> AsyncIterator[dict[str, Running]]:
    """No mail server is named: what would be mailed waits."""
    postgres.drop_databases()
    home = tmp_path_factory.mktemp("home")
    async with AsyncExitStack() as stack:
        yield {
            name: await stack.enter_async_context(running(make, postgres.url, home))
            for name, make in MAKERS.items()
        }


# --- what is told --------------------------------------------------------------------------------


def of_staff(account_id: UUID) -> list[Fact]:
    about: Any = {"account_id": account_id}
    first, second = _sessions(account_id)
    return [
        StaffAccessChanged(**about, version=1, roles=("desk",)),
        StaffSessionEnded(**about, session_id=first),
        StaffAccessChanged(**about, version=2, roles=()),
        StaffSessionEnded(**about, session_id=second),
        StaffAccessChanged(**about, version=3, roles=("viewer", "desk")),
    ]


async def staff_known(service: Running, account_id: UUID) -> list[tuple[Any, ...]]:
    ended = select(ended_sessions.c.session_id).where(
        ended_sessions.c.session_id.in_(_sessions(account_id))
    )
    access = select(staff_access.c.version, staff_access.c.roles).where(
        staff_access.c.account_id == account_id
    )
    return [*await _rows(service, access), (len(await _rows(service, ended)),)]


def _sessions(account_id: UUID) -> list[UUID]:
    return [uuid5(account_id, "laptop"), uuid5(account_id, "phone")]


def of_sign_ins(account_id: UUID) -> list[Fact]:
    def offered(occasion: Any, number: int, **changed: str) -> Fact:
        given = {"email": "ada@example.org", "name": "Ada", "language": "en"} | changed
        return StaffSignInOffered(
            account_id=account_id,
            occasion=occasion,
            link=f"https://forum.example.org/link{number}",
            page="https://forum.example.org/sign-in",
            valid_seconds=1800,
            **given,
        )

    return [
        offered("invited", 1),
        offered("asked", 2),
        offered("asked", 3, name="Ada Lovelace", language="fr"),
    ]


def of_invitations(focal_point_id: UUID) -> list[Fact]:
    def invited(number: int, name: str) -> Fact:
        return FocalPointInvited(
            focal_point_id=focal_point_id,
            name=name,
            email="ida@example.org",
            language="en",
            delegation="Fiji",
            quota=3,
            sign_in_link=f"https://forum.example.org/link{number}",
        )

    return [invited(1, "Ida"), invited(2, "Ida B."), invited(3, "Ida Bell")]


async def links_to_mail(service: Running, account_id: UUID) -> list[tuple[Any, ...]]:
    matter, names = messages.c.matter, (recipients.c.given_name, recipients.c.family_name)
    link = func.coalesce(matter["link"].astext, matter["sign_in_link"].astext)
    waiting = select(messages.c.kind, link).where(
        messages.c.registration_id == account_id, messages.c.status == Status.queued
    )
    known = select(recipients.c.email, func.concat(*names), recipients.c.language).where(
        recipients.c.registration_id == account_id
    )
    return [*await _rows(service, waiting), *await _rows(service, known)]


def of_attendance(registration_id: UUID) -> list[Fact]:
    def came(day: int) -> AttendanceAdmitted:
        return AttendanceAdmitted(
            scan_id=uuid5(registration_id, f"{day} June"),
            at=datetime.fromisoformat(f"2017-06-{day}T09:00:00+02:00"),
            reason="first_entry",
            **_at_the_gate(registration_id),
        )

    def taken_back(entry: AttendanceAdmitted) -> Fact:
        return AttendanceUndone(
            scan_id=uuid5(entry.scan_id, "undone"),
            at=entry.at,
            undoes=entry.scan_id,
            **_at_the_gate(registration_id),
        )

    monday, tuesday, friday = came(12), came(13), came(16)
    return [monday, taken_back(monday), tuesday, friday, taken_back(friday)]


async def days_known(service: Running, registration_id: UUID) -> list[tuple[Any, ...]]:
    query = (
        select(attendances.c.day, attendances.c.undone)
        .where(attendances.c.registration_id == registration_id)
        .order_by(attendances.c.day)
    )
    return await _rows(service, query)


def _at_the_gate(registration_id: UUID) -> dict[str, Any]:
    return {
        "gate": "tower-in",
        "entrance": "tower",
        "zone": "venue",
        "badge_id": None,
        "registration_id": registration_id,
    }


async def _rows(service: Running, query: Select[Any]) -> list[tuple[Any, ...]]:
    async with service.service.database.read() as connection:
        return [tuple(row) for row in await connection.execute(query)]


_STAFF: Final = Story(of_staff, staff_known, [(3, ["viewer", "desk"]), (2,)])
_SIGN_INS: Final = Story(
    of_sign_ins,
    links_to_mail,
    [
        ("sign_in", "https://forum.example.org/link3"),
        ("ada@example.org", "Ada Lovelace", "fr"),
    ],
)
_INVITATIONS: Final = Story(
    of_invitations,
    links_to_mail,
    [
        ("focal_point", "https://forum.example.org/link3"),
        ("ida@example.org", "Ida Bell", "en"),
    ],
)
_ATTENDANCE: Final = Story(of_attendance, days_known, [(0, True), (1, False), (4, True)])
STORIES: Final = {
    "badging.staff": _STAFF,
    "checkin.staff": _STAFF,
    "notifications.staff": _STAFF,
    "notifications.sign_ins": _SIGN_INS,
    # What else it brings is tried in test_notifications_order.py.
    "notifications.registrations": _INVITATIONS,
    "badging.attendance": _ATTENDANCE,
}


# --- how it is heard -----------------------------------------------------------------------------


async def _hear(service: Running, queue: str, events: Sequence[Event]) -> None:
    await service.neighbours.consumers[queue].receive(*events)


@st.composite
def hearings(draw: st.DrawFn) -> tuple[str, list[int]]:
    """A queue, and in what order it brings what."""
    queue = draw(st.sampled_from(list(STORIES)))
    _, order = draw(disorders(st.just(STORIES[queue].life(NOBODY))))
    return queue, order


@given(hearing=hearings(), together=st.booleans())
@settings(
    max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
async def test_whatever_comes_twice_or_in_another_order_ends_in_the_same_state(
    services: dict[str, Running], hearing: tuple[str, list[int]], together: bool
) -> None:
    queue, order = hearing
    service, story, whom = services[queue.split(".")[0]], STORIES[queue], uuid4()
    events = [service.event(fact) for fact in story.life(whom)]
    heard = [events[place] for place in order]
    for some in [heard] if together else [[one] for one in heard]:
        await _hear(service, queue, some)
    assert await story.state(service, whom) == story.end


@pytest.mark.parametrize("queue", STORIES)
async def test_a_consumer_killed_at_any_step_leaves_nothing_half_done(
    services: dict[str, Running], queue: str
) -> None:
    service, story = services[queue.split(".")[0]], STORIES[queue]
    for steps in count():
        whom, was_killed = uuid4(), False
        for event in [service.event(fact) for fact in story.life(whom)]:
            before = await story.state(service, whom)
            try:
                with killed_after(steps, service.service.database):
                    await _hear(service, queue, [event])
            except Killed:
                was_killed = True
                assert await story.state(service, whom) == before
            # The bus brings again what nobody has acknowledged, done or not.
            await _hear(service, queue, [event])
        assert await story.state(service, whom) == story.end
        if not was_killed:
            break
    assert steps >= 3  # the inbox, what is done, the commit
