"""What both buses promise: heard by all who should, done once, tried again, never lost."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterator
from itertools import pairwise
from uuid import uuid4

import orjson
import pytest
from structlog.testing import capture_logs

from deploy.private_servers import PostgreSQL
from shared import bus as bus_letters
from shared import events, trace
from shared.bus import AT_ONCE, Bus, NotPublished
from shared.database import Database
from shared.erasures import forget, registrations_in
from shared.events import DeviceEnrolled, Event
from tests.bus import (
    DeadLetter,
    EmbeddedLine,
    Line,
    Listener,
    RabbitMQLine,
    bounced,
    confirmed,
    eventually,
    fails,
    listening,
    publish,
    said,
    service_database,
)
from tests.servers import Broker

DELAYS = (0.05, 0.15, 0.3)
TRIES = len(DELAYS) + 1


@pytest.fixture(scope="module", autouse=True)
def _short_delays() -> Iterator[None]:
    # Without a set-up, structlog draws an error's variables, which takes seconds.
    with capture_logs(), pytest.MonkeyPatch.context() as patch:
        patch.setattr("shared.bus.embedded.RETRY_DELAYS_SECONDS", DELAYS)
        patch.setattr("shared.bus.embedded.RETRY_POLL_SECONDS", 0.02)
        # What is kept for later is found since the bus hears of it, not by a look now and then.
        patch.setattr("shared.bus.embedded.LOOK_SECONDS", 3600)
        patch.setattr("shared.bus.rabbitmq.RETRY_DELAYS_SECONDS", DELAYS)
        yield


@pytest.fixture(scope="module", params=["embedded", "rabbitmq"])
async def line(request: pytest.FixtureRequest) -> AsyncIterator[Line]:
    if request.param == "embedded":
        yield EmbeddedLine()
        return
    broker: Broker = request.getfixturevalue("rabbitmq")
    async with RabbitMQLine.open(broker.new_virtual_host()) as one:
        yield one


@pytest.fixture(scope="module")
async def databases(postgres: PostgreSQL) -> AsyncIterator[dict[str, Database]]:
    postgres.drop_databases()
    async with (
        service_database(postgres.url, "registration") as registration,
        service_database(postgres.url, "badging") as badging,
        service_database(postgres.url, "checkin") as checkin,
    ):
        yield {"registration": registration, "badging": badging, "checkin": checkin}


@pytest.fixture
def outcomes(databases: dict[str, Database]) -> Listener:
    return Listener(events.REGISTRATION_OUTCOMES, databases["registration"])


@pytest.fixture
def badging(databases: dict[str, Database]) -> Listener:
    return Listener(events.BADGING_REGISTRATIONS, databases["badging"])


@pytest.fixture
def checkin(databases: dict[str, Database]) -> Listener:
    return Listener(events.CHECKIN_PARTICIPANTS, databases["checkin"])


@pytest.fixture
async def bus(
    line: Line, outcomes: Listener, badging: Listener, checkin: Listener
) -> AsyncIterator[Bus]:
    async with listening(line, outcomes, badging, checkin) as one:
        yield one


async def dead_letter(line: Line, listener: Listener, event: Event) -> DeadLetter:
    """The dead letter of an event, as soon as it is one."""
    found: list[DeadLetter] = []

    async def is_dead() -> bool:
        letters = await line.dead(listener)
        found[:] = [one for one in letters if one.document == event.as_cloudevent()]
        return bool(found)

    await eventually(is_dead)
    [letter] = found
    return letter


# --- heard ---------------------------------------------------------------------------------------


async def test_all_who_should_hear_an_event_hear_it_and_nobody_else(
    bus: Bus, outcomes: Listener, badging: Listener, checkin: Listener
) -> None:
    registration, mail = confirmed(), bounced()
    await publish(bus, registration)
    await publish(bus, mail)
    await badging.did_once(registration)
    await checkin.did_once(registration)
    await outcomes.did_once(mail)
    assert registration.id not in outcomes.tries
    assert mail.id not in badging.tries.keys() | checkin.tries.keys()


async def test_what_is_heard_is_what_was_said(bus: Bus, outcomes: Listener) -> None:
    heard: list[Event] = []

    async def note(event: Event) -> None:
        heard.append(event)

    outcomes.before = note
    event = bounced()
    await publish(bus, event)
    await outcomes.did_once(event)
    assert heard == [event]


async def test_an_event_that_nobody_hears_yet_is_said_all_the_same(bus: Bus) -> None:
    assert DeviceEnrolled.heard_by == ()
    await publish(bus, said(DeviceEnrolled(device_id=uuid4(), gate="A")))


async def test_what_follows_from_an_event_belongs_to_its_trace(
    bus: Bus, outcomes: Listener
) -> None:
    traces: list[str] = []

    async def note(_: Event) -> None:
        traces.append(trace.trace_id())

    outcomes.before = note
    event = bounced()
    await publish(bus, event)
    await outcomes.did_once(event)
    assert traces == [event.traceparent.split("-")[1]]


# --- done once -----------------------------------------------------------------------------------


async def test_an_event_that_is_delivered_twice_is_done_once(bus: Bus, outcomes: Listener) -> None:
    event, marker = bounced(), bounced()
    await publish(bus, event)
    await outcomes.did_once(event)
    await publish(bus, event)
    await publish(bus, marker)
    await outcomes.did_once(event, marker)
    assert len(outcomes.tries[event.id]) == 1


async def test_an_event_that_is_delivered_several_times_at_once_is_done_once(
    bus: Bus, outcomes: Listener
) -> None:
    event, marker = bounced(), bounced()
    await asyncio.gather(*(publish(bus, event) for _ in range(6)))
    await publish(bus, marker)
    await outcomes.did_once(event, marker)


async def test_a_burst_is_done_a_few_at_a_time(bus: Bus, outcomes: Listener) -> None:
    burst = [bounced() for _ in range(100)]

    async def take_a_moment(_: Event) -> None:
        await asyncio.sleep(0)

    outcomes.before = take_a_moment
    assert set(await bus.publish(burst)) == {None}
    await outcomes.did_once(*burst)
    assert all(len(outcomes.tries[event.id]) == 1 for event in burst)
    assert outcomes.most_at_once <= AT_ONCE


# --- tried again ---------------------------------------------------------------------------------


async def test_what_fails_is_tried_again_with_growing_delays_and_then_set_aside(
    line: Line, bus: Bus, outcomes: Listener
) -> None:
    event = bounced()
    outcomes.before = fails(event, error="the printer is out of paper")
    await publish(bus, event)
    letter = await dead_letter(line, outcomes, event)
    assert (letter.attempts, letter.error) == (TRIES, "ValueError: the printer is out of paper")
    times = outcomes.tries[event.id]
    assert len(times) == TRIES
    for waited, delay in zip((b - a for a, b in pairwise(times)), DELAYS, strict=True):
        assert waited >= delay
    assert event.id not in await outcomes.did()


async def test_what_fails_at_first_is_done_once_in_the_end(
    line: Line, bus: Bus, outcomes: Listener
) -> None:
    event = bounced()
    outcomes.before = fails(event, times=2)
    await publish(bus, event)
    await outcomes.did_once(event)
    assert len(outcomes.tries[event.id]) == 3
    assert event.as_cloudevent() not in [one.document for one in await line.dead(outcomes)]


async def test_what_fails_leaves_nothing_half_done(bus: Bus, outcomes: Listener) -> None:
    event = bounced()
    outcomes.after = fails(event, times=1)  # after it has written into the database
    await publish(bus, event)
    await outcomes.did_once(event)
    assert len(outcomes.tries[event.id]) == 2


async def test_an_event_that_fails_does_not_keep_those_behind_it(
    bus: Bus, outcomes: Listener, badging: Listener, checkin: Listener
) -> None:
    unlucky, others = confirmed(), [confirmed() for _ in range(20)]
    badging.before = fails(unlucky)
    for event in (unlucky, *others):
        await publish(bus, event)
    await badging.did_once(*others)
    await checkin.did_once(unlucky, *others)
    assert unlucky.id not in await badging.did()


@pytest.mark.parametrize(
    "error",
    ["\0 in the middle\0", "x" * 200_000, "\ud800", "Ωμέγα" * 200],
    ids=["NUL", "long", "surrogate", "Greek"],
)
async def test_whatever_an_error_says_the_event_survives_it(
    line: Line, bus: Bus, outcomes: Listener, error: str
) -> None:
    event = bounced()
    outcomes.before = fails(event, error=error)
    await publish(bus, event)
    letter = await dead_letter(line, outcomes, event)
    assert letter.error.startswith("ValueError: ")
    assert len(letter.error) < 1000


# --- set aside at once ---------------------------------------------------------------------------


@pytest.mark.parametrize(
    "document",
    [
        {"specversion": "1.0", "type": "forum.registration.confirmed.v9"},
        confirmed().as_cloudevent(),  # an event, but not one of this queue
        ["no", "event"],
        None,
    ],
    ids=["unknown version", "not heard here", "list", "null"],
)
async def test_what_nobody_can_act_upon_is_set_aside_at_once(
    line: Line, bus: Bus, outcomes: Listener, document: object
) -> None:
    await line.inject(outcomes, document)

    async def is_dead() -> bool:
        return document in [letter.document for letter in await line.dead(outcomes)]

    await eventually(is_dead)
    [letter] = [one for one in await line.dead(outcomes) if one.document == document]
    assert letter.error.startswith("MalformedEvent: ")
    event = bounced()
    await publish(bus, event)
    await outcomes.did_once(event)


# --- begin and end -------------------------------------------------------------------------------


async def test_before_it_has_begun_nothing_can_be_said(line: Line) -> None:
    bus = line.end("early")
    with pytest.raises(NotPublished):
        await publish(bus, bounced())


async def test_who_stops_finishes_what_is_in_hand(line: Line, outcomes: Listener) -> None:
    event, began, may_end = bounced(), asyncio.Event(), asyncio.Event()

    async def take_long(_: Event) -> None:
        began.set()
        await may_end.wait()

    outcomes.before = take_long
    async with listening(line, outcomes) as bus:
        publishing = asyncio.create_task(publish(bus, event))
        await began.wait()
        stopping = asyncio.create_task(bus.stop())
        done, _ = await asyncio.wait([stopping], timeout=0.2)
        assert not done
        may_end.set()
        await stopping
        await publishing
    assert event.id in await outcomes.did()
    assert len(outcomes.tries[event.id]) == 1


async def test_who_has_stopped_hears_no_more(line: Line, outcomes: Listener) -> None:
    async with listening(line, outcomes):
        pass
    with pytest.raises(NotPublished):
        await publish(line.end("late"), bounced())
    assert outcomes.tries == {}


async def test_what_waits_for_its_next_try_survives_a_restart(
    line: Line, outcomes: Listener
) -> None:
    event = bounced()
    outcomes.before = fails(event, times=1)
    async with listening(line, outcomes) as bus:
        await publish(bus, event)

        async def failed_once() -> bool:
            return len(outcomes.tries[event.id]) == 1

        await eventually(failed_once)
    async with listening(line, outcomes):
        await outcomes.did_once(event)


async def test_what_fails_about_somebody_erased_is_not_kept(
    line: Line, databases: dict[str, Database]
) -> None:
    badging = Listener(events.BADGING_REGISTRATIONS, databases["badging"])
    checkin = Listener(events.CHECKIN_PARTICIPANTS, databases["checkin"])
    erased, other = confirmed(), confirmed()
    badging.before = fails(erased, other)
    async with listening(line, badging, checkin) as bus:
        await publish(bus, erased)

        async def has_failed() -> bool:
            return bool(badging.tries[erased.id])

        await eventually(has_failed)
        async with databases["badging"].begin() as tx:
            about = registrations_in(orjson.dumps(erased.as_cloudevent()).decode())
            await forget(tx, about[0])
        await publish(bus, other)
        await the_letter(bus, badging, other)  # which takes all of its tries
        letters = {one.id for one in await bus.dead_letters(badging.queue)}
    assert str(erased.id) not in letters
    assert len(badging.tries[erased.id]) < TRIES


# --- an operator's hands -------------------------------------------------------------------------


async def test_a_dead_letter_is_heard_again_once_its_cause_is_gone(
    bus: Bus, line: Line, outcomes: Listener
) -> None:
    event = bounced()
    outcomes.before = fails(event, times=TRIES, error="the table is full")
    await publish(bus, event)
    letter = await the_letter(bus, outcomes, event)
    assert (letter.queue, letter.type) == (outcomes.queue, "notification.bounced.v1")
    assert (letter.attempts, letter.error) == (TRIES, "ValueError: the table is full")
    assert letter.died_at is not None
    assert events.read(orjson.loads(letter.body)) == event
    assert await bus.replay(outcomes.queue, letter.id)
    await outcomes.did_once(event)
    assert str(event.id) not in {one.id for one in await bus.dead_letters(outcomes.queue)}


async def test_a_dead_letter_that_fails_again_is_a_dead_letter_again(
    bus: Bus, line: Line, outcomes: Listener
) -> None:
    event = bounced()
    outcomes.before = fails(event, times=TRIES + TRIES)
    await publish(bus, event)
    letter = await the_letter(bus, outcomes, event)
    assert await bus.replay(outcomes.queue, letter.id)
    again = await the_letter(bus, outcomes, event)
    assert again.attempts == TRIES
    assert len(outcomes.tries[event.id]) == TRIES + TRIES


async def test_dead_letters_are_counted(bus: Bus, line: Line, outcomes: Listener) -> None:
    before = await bus.count_dead_letters(outcomes.queue)
    event = bounced()
    outcomes.before = fails(event)
    await publish(bus, event)
    letter = await the_letter(bus, outcomes, event)
    assert await bus.count_dead_letters(outcomes.queue) == before + 1
    assert await bus.discard(outcomes.queue, letter.id)

    async def is_as_before() -> bool:
        return await bus.count_dead_letters(outcomes.queue) == before

    await eventually(is_as_before)


async def test_a_discarded_dead_letter_does_not_come_back(
    bus: Bus, line: Line, outcomes: Listener
) -> None:
    event, other = bounced(), bounced()
    outcomes.before = fails(event, other)
    for one in (event, other):
        await publish(bus, one)
        await the_letter(bus, outcomes, one)
    assert await bus.discard(outcomes.queue, str(event.id))
    left = {one.id for one in await bus.dead_letters(outcomes.queue)}
    assert str(event.id) not in left
    assert str(other.id) in left
    assert not await bus.discard(outcomes.queue, str(event.id))
    assert not await bus.replay(outcomes.queue, str(event.id))
    assert outcomes.tries[event.id]


async def test_what_is_no_event_can_be_seen_and_thrown_away(
    bus: Bus, line: Line, outcomes: Listener
) -> None:
    known = {one.id for one in await bus.dead_letters(outcomes.queue)}
    await line.inject(outcomes, {"hello": "world"})

    async def has_come() -> bool:
        return len(await bus.dead_letters(outcomes.queue)) == len(known) + 1

    await eventually(has_come)
    [letter] = [one for one in await bus.dead_letters(outcomes.queue) if one.id not in known]
    assert orjson.loads(letter.body) == {"hello": "world"}
    assert letter.error.startswith("MalformedEvent")
    assert await bus.discard(outcomes.queue, letter.id)


async def the_letter(bus: Bus, listener: Listener, event: Event) -> bus_letters.DeadLetter:
    """What an operator sees of an event that failed to the end."""
    found: list[bus_letters.DeadLetter] = []

    async def is_dead() -> bool:
        letters = await bus.dead_letters(listener.queue)
        found[:] = [one for one in letters if one.id == str(event.id)]
        return bool(found)

    await eventually(is_dead)
    return found[0]
