"""Facts come in any order and any number of times; the mails that they make are the same."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from typing import Any
from uuid import UUID, uuid4

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import select

from deploy.private_servers import PostgreSQL
from services.notifications.messages import Status
from services.notifications.tables import messages, recipients
from shared.events import (
    BadgeFact,
    RegistrationCancelled,
    RegistrationDeclined,
    RegistrationErased,
    RegistrationFact,
    RegistrationInReview,
    RegistrationWaitlisted,
)
from tests.disorder import disorders
from tests.notifications import (
    Notifying,
    contact_changed,
    issued,
    link_requested,
    revoked,
    running,
    submitted,
)
from tests.servers import MailServer

SaidFact = RegistrationFact | BadgeFact


@pytest.fixture(scope="module")
async def notifying(
    postgres: PostgreSQL, tmp_path_factory: pytest.TempPathFactory, mail_server: MailServer
) -> AsyncIterator[Notifying]:
    """The service, with no mail server: all that it would send waits."""
    postgres.drop_databases()
    home = tmp_path_factory.mktemp("home")
    async with running(postgres.url, home, mail_server, away=True) as service:
        yield service


@st.composite
def lives(draw: st.DrawFn) -> list[SaidFact]:
    """What may be said of a registration, in the order in which it became true."""
    to = uuid4()
    on_the_way: list[SaidFact] = [
        RegistrationInReview(registration_id=to, version=2),
        RegistrationWaitlisted(registration_id=to, version=3),
        link_requested(to, 3, me_link="newer"),
        contact_changed(to, 4, language="fr", me_link="newer"),
    ]
    life = [submitted(to, 1), *(fact for fact in on_the_way if draw(st.booleans()))]
    match draw(st.sampled_from(["waits", "declined", "confirmed", "reissued", "revoked"])):
        case "declined":
            life.append(RegistrationDeclined(registration_id=to, version=5, reason="No room."))
        case "confirmed":
            life.append(issued(to, 1))
        case "reissued":
            life += [issued(to, 1), revoked(to, 2, status="superseded")]
            life.append(issued(to, 3, replaces="old"))
        case "revoked":
            life += [issued(to, 1), revoked(to, 2)]
    if draw(st.booleans()):
        life.append(RegistrationCancelled(registration_id=to, version=6))
    if draw(st.booleans()):
        life.append(RegistrationErased(registration_id=to, version=8))
    return life


@given(disorder=disorders(lives()), replayed=st.booleans())
@settings(
    max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
async def test_facts_in_any_order_leave_the_same_mails_to_send(
    notifying: Notifying, disorder: tuple[list[SaidFact], list[int]], replayed: bool
) -> None:
    life, order = disorder
    first_id, second_id = life[0].registration_id, uuid4()
    await notifying.hear(*life)
    moved = [fact.model_copy(update={"registration_id": second_id}) for fact in life]
    events = [notifying.event(fact) for fact in moved]
    for place in order:
        # Replayed by hand, a fact comes in a new envelope; redelivered, in the same.
        event = notifying.event(moved[place]) if replayed else events[place]
        await notifying.neighbours.deliver(event)
    assert await _to_send(notifying, second_id) == await _to_send(notifying, first_id)


@given(disorder=disorders(lives()))
@settings(
    max_examples=15, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
async def test_facts_at_the_same_time_leave_the_same_mails_to_send(
    notifying: Notifying, disorder: tuple[list[SaidFact], list[int]]
) -> None:
    life, order = disorder
    first_id, second_id = life[0].registration_id, uuid4()
    await notifying.hear(*life)
    moved = [fact.model_copy(update={"registration_id": second_id}) for fact in life]
    await asyncio.gather(*(notifying.hear(moved[place]) for place in order))
    assert await _to_send(notifying, second_id) == await _to_send(notifying, first_id)


async def _to_send(notifying: Notifying, registration_id: UUID) -> dict[str, Any]:
    """What waits to be sent to somebody, and as whom we know them."""
    async with notifying.service.database.read() as connection:
        waiting = await connection.execute(
            select(messages.c.kind, messages.c.matter).where(
                messages.c.registration_id == registration_id,
                messages.c.status == Status.queued,
            )
        )
        known = await connection.execute(
            select(
                recipients.c.given_name,
                recipients.c.family_name,
                recipients.c.language,
                recipients.c.me_link,
            ).where(recipients.c.registration_id == registration_id)
        )
        found = sorted((row.kind, _badge_of(row.matter)) for row in waiting)
        # One about how the registration stands; and the link, for who asked for it.
        assert len([kind for kind, _ in found if kind != "own_link"]) <= 1
        return {"waiting": found, "person": tuple(known.one())}


def _badge_of(matter: dict[str, Any]) -> object:
    return matter.get("version"), matter.get("reason")
