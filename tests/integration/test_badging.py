"""Badges, as registrants, the desk, the gates and the other services see them."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from typing import Any
from uuid import UUID, uuid4

import pytest
from alembic.autogenerate import compare_metadata
from alembic.runtime.migration import MigrationContext
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import Connection, select

from deploy.private_servers import PostgreSQL
from services.badging import tables
from services.badging.badges import Badges
from services.badging.keys import Keys
from services.badging.tables import badges, holders
from shared import badge_number, credential
from shared.events import (
    BadgeIssued,
    BadgeRevoked,
    Person,
    RegistrationAmended,
    RegistrationCancelled,
    RegistrationConfirmed,
    RegistrationErased,
    RegistrationFact,
    RegistrationPhotoChanged,
)
from tests.badging import Badging, running
from tests.disorder import disorders
from tests.people import confirmed, person, portrait


@pytest.fixture(scope="module")
async def badging(
    postgres: PostgreSQL, tmp_path_factory: pytest.TempPathFactory
) -> AsyncIterator[Badging]:
    postgres.drop_databases()
    async with running(postgres.url, tmp_path_factory.mktemp("home")) as service:
        yield service


# --- what is heard -------------------------------------------------------------------------------


async def test_who_is_confirmed_gets_one_valid_badge(badging: Badging) -> None:
    badge = await badging.issue(category="government")
    assert badge["status"] == "valid"
    assert badge["number"] == badge_number.parse(badge["number"])
    assert badge["issued_at"].startswith("2017-06-12T06:00")
    assert badge["replaces"] is badge["replaced_by"] is None


async def test_others_are_told_all_they_need_to_know_the_badge(badging: Badging) -> None:
    badge = await badging.issue(category="government", days=(0, 2))
    [issued] = await badging.said(UUID(badge["registration_id"]))
    forum = badging.service.platform.forum
    assert isinstance(issued, BadgeIssued)
    assert (issued.badge_id, issued.number) == (badge["id"], badge["number"])
    assert (issued.version, issued.replaces) == (1, None)
    assert (issued.category, issued.days) == ("government", 0b101)
    assert issued.zones == forum.zones_bitmap(forum.category("government").zones)


async def test_the_credential_says_what_the_event_says(badging: Badging) -> None:
    badge = await badging.issue(category="media", days=(4,))
    [issued] = await badging.said(UUID(badge["registration_id"]))
    claims = credential.parse(badge["credential"]).claimed
    assert claims.badge_id.hex() == badge["id"]
    assert claims.category == badging.service.platform.forum.category("media").code
    assert (claims.days, claims.zones) == (issued.days, issued.zones) == (0b10000, issued.zones)


async def test_the_same_delivery_twice_makes_one_badge(badging: Badging) -> None:
    event = badging.event(confirmed(uuid4()))
    assert isinstance(event.fact, RegistrationConfirmed)
    await asyncio.gather(*(badging.neighbours.deliver(event) for _ in range(4)))
    assert len(await badging.badges(event.fact.registration_id)) == 1


async def test_an_amendment_of_what_is_printed_supersedes_the_badge(badging: Badging) -> None:
    old = await badging.issue()
    registration_id = UUID(old["registration_id"])
    amended = RegistrationAmended(
        registration_id=registration_id, version=3, person=person(family_name="Murray")
    )
    await badging.hear(amended)
    new, superseded = await badging.badges(registration_id)
    assert (new["status"], superseded["status"]) == ("valid", "superseded")
    assert (new["replaces"], superseded["replaced_by"]) == (old["id"], new["id"])
    assert new["number"] != old["number"]
    _, revoked, issued = await badging.said(registration_id)
    assert (revoked.badge_id, revoked.status, revoked.version) == (old["id"], "superseded", 2)
    assert (issued.badge_id, issued.replaces, issued.version) == (new["id"], old["id"], 3)


async def test_an_amendment_of_what_is_not_printed_keeps_the_badge(badging: Badging) -> None:
    badge = await badging.issue(language="en", gender=None)
    registration_id = UUID(badge["registration_id"])
    changed = person(language="fr", gender="female")
    await badging.hear(
        RegistrationAmended(registration_id=registration_id, version=3, person=changed)
    )
    assert await badging.badges(registration_id) == [badge]
    assert (await _holder(badging, registration_id))["language"] == "fr"


async def test_who_cancels_loses_the_badge(badging: Badging) -> None:
    badge = await badging.issue()
    registration_id = UUID(badge["registration_id"])
    await badging.hear(RegistrationCancelled(registration_id=registration_id, version=3))
    [cancelled] = await badging.badges(registration_id)
    assert cancelled["status"] == "cancelled"
    _, revoked = await badging.said(registration_id)
    assert isinstance(revoked, BadgeRevoked)
    assert (revoked.badge_id, revoked.status) == (badge["id"], "cancelled")


async def test_a_confirmation_overtaken_by_the_cancellation_makes_no_badge(
    badging: Badging,
) -> None:
    registration_id = uuid4()
    await badging.hear(
        RegistrationCancelled(registration_id=registration_id, version=3),
        confirmed(registration_id, version=2),
    )
    assert await badging.badges(registration_id) == []


async def test_an_amendment_that_overtakes_the_confirmation_makes_the_badge(
    badging: Badging,
) -> None:
    registration_id = uuid4()
    await badging.hear(
        RegistrationAmended(
            registration_id=registration_id, version=3, person=person(category="media")
        ),
        confirmed(registration_id, version=2, category="government"),
    )
    assert len(await badging.badges(registration_id)) == 1
    [issued] = await badging.said(registration_id)
    assert issued.category == "media"


async def test_of_who_is_erased_nothing_personal_is_left(badging: Badging) -> None:
    badge = await badging.issue(photo=portrait())
    registration_id = UUID(badge["registration_id"])
    assert (await _holder(badging, registration_id))["photo"] == portrait()
    await badging.post(badge["id"], "revoke", reason="Left by Grace Hopper at the bar")
    await badging.hear(RegistrationErased(registration_id=registration_id, version=4))
    left = await _holder(badging, registration_id)
    assert {name for name, value in left.items() if value is not None} == {
        "registration_id",
        "registration_version",
        "photo_version",
        "first_link",
    }
    async with badging.service.database.read() as connection:
        query = select(badges.c.reason).where(badges.c.registration_id == registration_id)
        assert (await connection.execute(query)).scalars().all() == [None]


async def test_another_photo_keeps_the_badge(badging: Badging) -> None:
    badge = await badging.issue(photo=portrait())
    registration_id = UUID(badge["registration_id"])
    for version, photo in ((3, portrait("navy")), (4, None)):
        await badging.hear(
            RegistrationPhotoChanged(registration_id=registration_id, version=version, photo=photo)
        )
        assert (await _holder(badging, registration_id))["photo"] == photo
    amended = person(language="fr")
    await badging.hear(
        RegistrationAmended(registration_id=registration_id, version=5, person=amended)
    )
    assert await badging.badges(registration_id) == [badge]
    assert len(await badging.said(registration_id)) == 1


async def test_a_photo_that_cannot_be_drawn_is_refused(badging: Badging) -> None:
    badge = await badging.issue(photo=portrait())
    registration_id = UUID(badge["registration_id"])
    for broken in (b"", b"GIF89a", portrait()[:300]):
        changed = RegistrationPhotoChanged(registration_id=registration_id, version=3, photo=broken)
        with pytest.raises(OSError, match=r"identify|[Tt]runcated"):
            await badging.hear(changed)
    assert (await _holder(badging, registration_id))["photo"] == portrait()


async def test_what_cannot_be_printed_is_refused_and_leaves_no_trace(badging: Badging) -> None:
    registration_id = uuid4()
    for wrong in ({"country": "ZZ"}, {"language": "xx"}, {"category": "astronaut"}, {"days": (7,)}):
        with pytest.raises((ValueError, KeyError)):
            await badging.hear(confirmed(registration_id, **wrong))
    assert await badging.badges(registration_id) == []
    await badging.hear(confirmed(registration_id))
    assert len(await badging.badges(registration_id)) == 1


# --- in any order, any number of times -----------------------------------------------------------

people = st.builds(
    person,
    family_name=st.sampled_from(["Hopper", "Murray"]),
    category=st.sampled_from(["government", "media"]),
    language=st.sampled_from(["en", "fr"]),
    days=st.sampled_from([(0,), (0, 1), (4,)]),
)


portraits = st.sampled_from([None, portrait("teal"), portrait("navy")])


@st.composite
def lives(draw: st.DrawFn) -> list[RegistrationFact]:
    """What may be said of a registration, in the order in which it became true."""
    about: Any = {"registration_id": uuid4()}
    life: list[RegistrationFact] = [
        RegistrationConfirmed(**about, version=2, person=draw(people), photo=draw(portraits)),
    ]
    for version, change in enumerate(draw(st.lists(people | portraits, max_size=3)), start=3):
        if isinstance(change, Person):
            life.append(RegistrationAmended(**about, version=version, person=change))
        else:
            life.append(RegistrationPhotoChanged(**about, version=version, photo=change))
    if draw(st.booleans()):
        life.append(RegistrationCancelled(**about, version=8))
    if draw(st.booleans()):
        life.append(RegistrationErased(**about, version=9))
    return life


@given(disorder=disorders(lives()), replayed=st.booleans())
@settings(
    max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
async def test_events_in_any_order_end_in_the_same_state(
    badging: Badging, disorder: tuple[list[RegistrationFact], list[int]], replayed: bool
) -> None:
    life, order = disorder
    first_id, second_id = life[0].registration_id, uuid4()
    await badging.hear(*life)
    moved = [fact.model_copy(update={"registration_id": second_id}) for fact in life]
    events = [badging.event(fact) for fact in moved]
    for place in order:
        # Replayed by hand, a fact comes in a new envelope; redelivered, in the same.
        event = badging.event(moved[place]) if replayed else events[place]
        await badging.neighbours.deliver(event)
    erased = any(isinstance(fact, RegistrationErased) for fact in life)
    states = [await _state(badging, who, erased=erased) for who in (second_id, first_id)]
    assert states[0] == states[1]


@given(disorder=disorders(lives()))
@settings(
    max_examples=15, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
async def test_events_at_the_same_time_end_in_the_same_state(
    badging: Badging, disorder: tuple[list[RegistrationFact], list[int]]
) -> None:
    life, order = disorder
    first_id, second_id = life[0].registration_id, uuid4()
    await badging.hear(*life)
    moved = [fact.model_copy(update={"registration_id": second_id}) for fact in life]
    await asyncio.gather(*(badging.hear(moved[place]) for place in order))
    erased = any(isinstance(fact, RegistrationErased) for fact in life)
    states = [await _state(badging, who, erased=erased) for who in (second_id, first_id)]
    assert states[0] == states[1]


async def _state(badging: Badging, registration_id: UUID, *, erased: bool) -> dict[str, Any]:
    """What counts in the end: the person, and the one valid badge; and that it was said."""
    holder = await _holder(badging, registration_id)
    del holder["registration_id"]
    valid = await badging.badges(registration_id, status="valid")
    assert len(valid) <= 1
    if erased:  # what was said of them goes, sooner or later, from the outbox
        assert valid == []
    else:
        said = await badging.said(registration_id)
        assert [fact.version for fact in said] == list(range(1, len(said) + 1))
        ended = {fact.badge_id for fact in said if isinstance(fact, BadgeRevoked)}
        issued = {fact.badge_id for fact in said if isinstance(fact, BadgeIssued)}
        assert issued - ended == {badge["id"] for badge in valid}
    claims = [credential.parse(badge["credential"]).claimed for badge in valid]
    return {"holder": holder, "valid": [(c.category, c.days, c.zones) for c in claims]}


async def _holder(badging: Badging, registration_id: UUID) -> dict[str, Any]:
    async with badging.service.database.read() as connection:
        query = select(holders).where(holders.c.registration_id == registration_id)
        return dict((await connection.execute(query)).one()._mapping)


# --- what the desk does --------------------------------------------------------------------------


async def test_a_revoked_badge_is_revoked_everywhere(badging: Badging) -> None:
    badge = await badging.issue()
    answer = await badging.post(badge["id"], "revoke", reason="Stolen")
    assert answer.status_code == 200
    assert answer.json() == badge | {"status": "revoked"}
    _, revoked = await badging.said(UUID(badge["registration_id"]))
    assert (revoked.badge_id, revoked.status, revoked.version) == (badge["id"], "revoked", 2)


async def test_who_revoked_a_badge_and_why_is_on_record(badging: Badging) -> None:
    badge = await badging.issue()
    await badging.post(badge["id"], "revoke", reason=" Stolen ")
    async with badging.service.database.read() as connection:
        row = (await connection.execute(select(badges).where(badges.c.id == badge["id"]))).one()
    assert (row.ended_by, row.reason) == ("Ada", "Stolen")


async def test_a_reissued_badge_stops_the_old_one(badging: Badging) -> None:
    old = await badging.issue()
    answer = await badging.post(old["id"], "reissue")
    assert answer.status_code == 201
    new = answer.json()
    assert answer.headers["Location"] == f"/badging/api/badges/{new['id']}"
    assert new["id"] != old["id"]
    assert new["number"] != old["number"]
    assert await badging.badges(UUID(old["registration_id"])) == [
        new | {"status": "valid", "replaces": old["id"]},
        old | {"status": "superseded", "replaced_by": new["id"]},
    ]
    _, revoked, issued = await badging.said(UUID(old["registration_id"]))
    assert (revoked.badge_id, revoked.status) == (old["id"], "superseded")
    assert (issued.badge_id, issued.replaces) == (new["id"], old["id"])
    assert revoked.version < issued.version


async def test_of_two_reissues_at_the_same_time_one_wins(badging: Badging) -> None:
    badge = await badging.issue()
    answers = await asyncio.gather(*(badging.post(badge["id"], "reissue") for _ in range(2)))
    assert sorted(answer.status_code for answer in answers) == [201, 409]
    assert len(await badging.badges(UUID(badge["registration_id"]), status="valid")) == 1


async def test_a_revoked_badge_is_reissued_and_stays_revoked(badging: Badging) -> None:
    old = await badging.issue()
    registration_id = UUID(old["registration_id"])
    await badging.post(old["id"], "revoke", reason="The wrong person's")
    answer = await badging.post(old["id"], "reissue", reason="Taken away by mistake")
    assert answer.status_code == 201
    new = answer.json()
    assert await badging.badges(registration_id) == [
        new | {"status": "valid", "replaces": old["id"]},
        old | {"status": "revoked", "replaced_by": new["id"]},
    ]
    _, revoked, issued = await badging.said(registration_id)
    assert (revoked.badge_id, revoked.status) == (old["id"], "revoked")
    assert (issued.badge_id, issued.replaces) == (new["id"], old["id"])
    assert revoked.version < issued.version
    assert (await badging.post(old["id"], "reissue")).status_code == 409


async def test_who_does_not_come_any_more_gets_no_revoked_badge_back(badging: Badging) -> None:
    badge = await badging.issue()
    registration_id = UUID(badge["registration_id"])
    await badging.post(badge["id"], "revoke", reason="Stolen")
    await badging.hear(RegistrationCancelled(registration_id=registration_id, version=3))
    assert (await badging.post(badge["id"], "reissue")).status_code == 409


@pytest.mark.parametrize("act", ["revoke", "reissue"])
async def test_a_badge_that_has_ended_cannot_be_changed(badging: Badging, act: str) -> None:
    superseded, cancelled = [await badging.issue() for _ in range(2)]
    await badging.post(superseded["id"], "reissue")
    about = UUID(cancelled["registration_id"])
    await badging.hear(RegistrationCancelled(registration_id=about, version=3))
    for badge in (superseded, cancelled):
        answer = await badging.post(badge["id"], act, reason="Lost")
        assert answer.status_code == 409
        assert answer.headers["Content-Type"] == "application/problem+json"


async def test_a_badge_is_revoked_once(badging: Badging) -> None:
    badge = await badging.issue()
    assert (await badging.post(badge["id"], "revoke", reason="Stolen")).status_code == 200
    assert (await badging.post(badge["id"], "revoke", reason="Stolen")).status_code == 409


async def test_a_revoked_person_gets_no_badge_by_correcting_their_name(badging: Badging) -> None:
    badge = await badging.issue()
    registration_id = UUID(badge["registration_id"])
    await badging.post(badge["id"], "revoke", reason="Security")
    await badging.hear(
        RegistrationAmended(
            registration_id=registration_id, version=3, person=person(given_name="G.")
        )
    )
    assert await badging.badges(registration_id, status="valid") == []


async def test_a_number_that_is_taken_is_drawn_again(badging: Badging) -> None:
    taken = await badging.issue()
    symbols = taken["number"].replace("-", "")[:-1]
    value = 0
    for symbol in symbols:
        value = value * len(badge_number.ALPHABET) + badge_number.ALPHABET.index(symbol)
    drawn = iter([0x5EED, value, (value + 1) % badge_number.CAPACITY])
    given = badging.service.platform
    badges_of = Badges(
        database=badging.service.database,
        forum=given.forum,
        clock=given.clock,
        keyring=given.keyring,
        keys=Keys(badging.service.database, given.clock, given.settings.home / "keys"),
        draw=lambda _: next(drawn),
    )
    other = await badging.issue()
    again = await badges_of.reissue(other["id"], None, "Ada")
    assert again.id == f"{0x5EED:016x}"
    assert again.number == badge_number.make((value + 1) % badge_number.CAPACITY)


async def test_the_migrations_make_the_tables_that_the_code_knows(badging: Badging) -> None:
    def differences(connection: Connection) -> list[Any]:
        context = MigrationContext.configure(
            connection, opts={"include_name": lambda name, kind, _: kind != "table" or name in own}
        )
        found: list[Any] = compare_metadata(context, tables.metadata)
        return found

    own = set(tables.metadata.tables)
    async with badging.service.database.begin() as tx:
        assert await tx.run_sync(differences) == []
