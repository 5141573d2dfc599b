"""What check-in hears of people and badges: in any order, any number of times."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass
from typing import Any
from uuid import uuid4

import pytest
from alembic.autogenerate import compare_metadata
from alembic.runtime.migration import MigrationContext
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import Connection, inspect, select, text

from deploy.private_servers import PostgreSQL
from services.checkin import tables
from services.checkin.tables import badges, participants
from shared.events import (
    Fact,
    Person,
    RegistrationAmended,
    RegistrationCancelled,
    RegistrationConfirmed,
    RegistrationErased,
)
from tests.checkin import OTHER_IN, Badge, Checkin, issued, new_badge, running, stopped
from tests.people import confirmed, person


@pytest.fixture(scope="module")
async def checkin(
    postgres: PostgreSQL, tmp_path_factory: pytest.TempPathFactory
) -> AsyncIterator[Checkin]:
    postgres.drop_databases()
    async with running(postgres.url, tmp_path_factory.mktemp("home")) as service:
        yield service


# --- in any order --------------------------------------------------------------------------------

people = st.builds(
    person,
    family_name=st.sampled_from(["Hopper", "Murray"]),
    category=st.sampled_from(["government", "media"]),
    gender=st.sampled_from([None, "female"]),
)


@dataclass(frozen=True)
class Life:
    """What may become of a person and their badges."""

    person: Person
    amended: Sequence[Person]
    reissued: bool
    ended: str | None
    cancelled: bool
    erased: bool

    def facts(self, old: Badge, new: Badge) -> list[Fact]:
        """All that is said of it, in the order in which it became true."""
        about: dict[str, Any] = {"registration_id": old.registration_id}
        said: list[Fact] = [
            RegistrationConfirmed(**about, version=2, person=self.person),
            issued(old, version=1, days=0b111),
        ]
        for version, amended in enumerate(self.amended, start=3):
            said.append(RegistrationAmended(**about, version=version, person=amended))
        if self.reissued:
            said += [stopped(old, "superseded", version=2), issued(new, version=3, zones=0b11)]
        if self.ended is not None:
            said.append(stopped(new if self.reissued else old, self.ended, version=4))
        if self.cancelled:
            said.append(RegistrationCancelled(**about, version=8))
        if self.erased:
            said.append(RegistrationErased(**about, version=9))
        return said


lives = st.builds(
    Life,
    person=people,
    amended=st.lists(people, max_size=3),
    reissued=st.booleans(),
    ended=st.sampled_from([None, "cancelled", "revoked"]),
    cancelled=st.booleans(),
    erased=st.booleans(),
)


@st.composite
def disorders(draw: st.DrawFn) -> tuple[Life, list[int]]:
    """A life, and the order in which it is heard: everything at least once."""
    life = draw(lives)
    places = list(range(len(life.facts(*two_badges()))))
    again = draw(st.lists(st.sampled_from(places), max_size=4))
    return life, draw(st.permutations(places + again))


@given(disorder=disorders(), replayed=st.booleans(), at_once=st.booleans())
@settings(
    max_examples=50, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
async def test_events_in_any_order_end_in_the_same_state(
    checkin: Checkin, disorder: tuple[Life, list[int]], replayed: bool, at_once: bool
) -> None:
    life, order = disorder
    in_order, in_disorder = two_badges(), two_badges()
    await checkin.hear(*life.facts(*in_order))
    facts = life.facts(*in_disorder)
    events = [checkin.event(fact) for fact in facts]
    heard = [
        # Replayed by hand, a fact comes in a new envelope; redelivered, in the same.
        checkin.neighbours.deliver(checkin.event(facts[place]) if replayed else events[place])
        for place in order
    ]
    if at_once:
        await asyncio.gather(*heard)
    else:
        for one in heard:
            await one
    assert await state(checkin, in_disorder) == await state(checkin, in_order)


def two_badges() -> tuple[Badge, Badge]:
    registration_id = uuid4()
    return new_badge(registration_id), new_badge(registration_id)


async def state(checkin: Checkin, mine: tuple[Badge, Badge]) -> list[dict[str, Any]]:
    """What is kept of somebody and their old and new badge, but for ids, numbers and when."""
    [holder] = {badge.registration_id for badge in mine}
    async with checkin.service.database.read() as connection:
        rows = [
            *await connection.execute(
                select(participants).where(participants.c.registration_id == holder)
            ),
            *await connection.execute(
                select(badges, (badges.c.number != "").label("numbered"))
                .where(badges.c.registration_id == holder)
                .order_by(badges.c.badge_id == mine[1].badge_id)
            ),
        ]
    own = {"registration_id", "badge_id", "number", "changed"}
    return [
        {name: value for name, value in row._mapping.items() if name not in own} for row in rows
    ]


async def test_the_same_event_at_the_same_time_is_heard_once(checkin: Checkin) -> None:
    before = await checkin.attendance()
    event = checkin.event(confirmed(uuid4()))
    await asyncio.gather(*(checkin.neighbours.deliver(event) for _ in range(4)))
    assert (await checkin.attendance())["registered"] == before["registered"] + 1


async def test_who_cancelled_is_known_by_the_newest_name_even_if_it_comes_late(
    checkin: Checkin,
) -> None:
    badge = await checkin.badge(family_name="Murray")
    about: dict[str, Any] = {"registration_id": badge.registration_id}
    await checkin.hear(
        RegistrationCancelled(**about, version=4),
        RegistrationAmended(**about, version=3, person=person(family_name="Hopper")),
    )
    answer = await checkin.scan(badge)
    assert answer["reason"] == "cancelled"
    assert answer["participant"]["family_name"] == "Hopper"


# --- nobody's name stays -------------------------------------------------------------------------

PERSONAL: Any = {"given_name": "Xanthippe", "family_name": "Quux", "organization": "Zyzzyva"}


async def everything(checkin: Checkin) -> str:
    """All that the service's database holds."""
    async with checkin.service.database.read() as connection:
        names = await connection.run_sync(lambda sync: inspect(sync).get_table_names())
        rows = [list(await connection.execute(text(f"SELECT * FROM {name}"))) for name in names]
    return repr(rows)


async def test_of_an_erased_person_no_name_is_left(checkin: Checkin) -> None:
    badge = await checkin.badge(**PERSONAL, gender="female")
    await checkin.scan(badge)
    await checkin.scan(badge, OTHER_IN, override="Came by the garage")
    figures = await checkin.attendance()
    about: dict[str, Any] = {"registration_id": badge.registration_id}
    assert "Quux" in await everything(checkin)
    await checkin.hear(
        stopped(badge, "cancelled"),
        RegistrationErased(**about, version=5),
        # What was under way is of no consequence.
        RegistrationAmended(**about, version=4, person=person(**PERSONAL)),
        confirmed(badge.registration_id, version=2, **PERSONAL),
    )
    left = await everything(checkin)
    assert not [word for word in PERSONAL.values() if word in left]
    answer = await checkin.scan(badge)
    assert answer["reason"] == "cancelled"
    assert answer["participant"]["family_name"] == ""
    # That somebody came stays true.
    assert (await checkin.attendance())["arrived_total"] == figures["arrived_total"]


async def test_events_about_scans_and_devices_name_nobody(checkin: Checkin) -> None:
    badge = await checkin.badge(**PERSONAL)
    await checkin.undo(await checkin.scan(badge))
    said = repr(await checkin.said())
    assert not [word for word in PERSONAL.values() if word in said]


# --- the tables ----------------------------------------------------------------------------------


async def test_the_migrations_make_the_tables_that_the_code_knows(checkin: Checkin) -> None:
    def differences(connection: Connection) -> list[Any]:
        context = MigrationContext.configure(
            connection, opts={"include_name": lambda name, kind, _: kind != "table" or name in own}
        )
        found: list[Any] = compare_metadata(context, tables.metadata)
        return found

    own = set(tables.metadata.tables)
    async with checkin.service.database.begin() as tx:
        assert await tx.run_sync(differences) == []
