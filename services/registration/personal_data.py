"""All that this service holds about a person, to be handed out to the person."""

from __future__ import annotations

from base64 import b64encode
from datetime import datetime
from uuid import UUID

from pydantic import BaseModel, Field
from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncConnection

from services.registration import notes, search
from services.registration.registrations import Registrations
from services.registration.showing import RegistrationOut, show
from services.registration.tables import delegations, photos
from shared.events import CATALOGUE
from shared.tables import outbox


class Act(BaseModel):
    """A step in the registration's life."""

    at: datetime
    step: str = Field(description="What was done, such as submit, approve, amend")
    status: str = Field(description="The registration's status after it")
    by: str = Field(description="registrant, system, or the name of a member of staff")
    reason: str | None = Field(description="Why; of a correction, which fields")


class Told(BaseModel):
    """An event by which other parts of the system were told about the person."""

    at: datetime
    event: str = Field(description="Type of the event, see the AsyncAPI document")
    to: list[str] = Field(description="Queues of the services that hear it")


class Note(BaseModel):
    """What staff have written about the registration; by whom is theirs (decision 0025)."""

    at: datetime
    text: str


class PersonalData(BaseModel):
    """All that the registration service holds about a person, and whom it has told."""

    registration: RegistrationOut
    consent_at: datetime = Field(description="When the consent to the use of the data was given")
    in_this_state_since: datetime | None
    delegation: str | None = Field(description="Name of the delegation whose member it is")
    place_held: bool = Field(description="A place is kept until somebody has decided")
    waiting_since: datetime | None = Field(description="Place on the waiting list, if ever")
    own_link_number: int = Field(description="Which of the links to the own page is the valid one")
    name_for_comparison: str = Field(
        description="The name without accents, by which a second registration is noticed"
    )
    words_for_search: str | None = Field(description="The words by which reviewers find it")
    notes: list[Note]
    photo: str | None = Field(description="The photo that we keep: JPEG in base64")
    photo_for_badge_and_gate: str | None = Field(
        description="The smaller one that is printed and shown to officers: JPEG in base64"
    )
    history: list[Act]
    entries: list[datetime] = Field(description="When the person came in, as the gates told")
    told: list[Told] = Field(description="What others were told, as far as it is still on record")


async def collect(of: Registrations, registration_id: UUID) -> PersonalData:
    """Put together what there is.

    Raises:
        Problem: 404, there is no such registration.
    """
    row = await of.get(registration_id)
    async with of.database.read() as connection:
        acts = await search.acts(connection, registration_id)
        entries = await search.entries(connection, registration_id)
        pictures = await _pictures(connection, registration_id)
        told = await _told(connection, registration_id)
        written = await notes.all_of(connection, registration_id)
        delegation = await connection.execute(
            select(delegations.c.name).where(delegations.c.id == row.delegation_id)
        )
    return PersonalData(
        registration=show(of, row),
        consent_at=row.consent_at,
        in_this_state_since=row.state_since,
        delegation=delegation.scalar_one_or_none(),
        place_held=row.place_held,
        waiting_since=row.queued_at,
        own_link_number=row.link_number,
        name_for_comparison=row.name_key,
        words_for_search=row.search_text,
        notes=[Note(at=note.at, text=note.text) for note in written],
        photo=pictures[0],
        photo_for_badge_and_gate=pictures[1],
        history=[
            Act(at=act.at, step=act.step, status=act.status, by=act.actor, reason=act.reason)
            for act in acts
        ],
        entries=entries,
        told=told,
    )


async def _pictures(
    connection: AsyncConnection, registration_id: UUID
) -> tuple[str | None, str | None]:
    query = select(photos).where(photos.c.registration_id == registration_id)
    row = (await connection.execute(query)).one_or_none()
    if row is None:
        return None, None
    return _base64(row.jpeg), _base64(row.portrait)


async def _told(connection: AsyncConnection, registration_id: UUID) -> list[Told]:
    event = outbox.c.event
    query = (
        select(event["time"].astext, event["type"].astext)
        .where(event["data"]["registration_id"].astext == str(registration_id))
        .order_by(outbox.c.seq)
    )
    return [
        Told(at=datetime.fromisoformat(at), event=kind, to=_heard_by(kind))
        for at, kind in await connection.execute(query)
    ]


def _heard_by(kind: str) -> list[str]:
    fact = CATALOGUE.get(kind.removeprefix("forum."))
    return [] if fact is None else list(fact.heard_by)


def _base64(octets: bytes | None) -> str | None:
    return None if octets is None else b64encode(octets).decode()
