"""What an operator asks a running service: its dead letters, and what it has not said yet.

`forumpass dead-letters` and `forumpass outbox` call these routes, so they do the same on one
machine and on many.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Annotated

from fastapi import APIRouter, Depends, Request, Security
from fastapi.security import HTTPBearer
from pydantic import BaseModel, ConfigDict, Field

from shared import audit, outbox
from shared.access import Role, require
from shared.bus import Bus, DeadLetter, NotPublished
from shared.clock import Clock
from shared.database import Database
from shared.erasures import registrations_in
from shared.outbox import Outbox
from shared.problems import Problem, documented, not_found


class DeadLetterOut(BaseModel):
    """An event that failed to the end."""

    model_config = ConfigDict(from_attributes=True)

    id: str
    queue: str
    type: str
    attempts: int
    died_at: datetime | None
    error: str


class DeadLetterWhole(DeadLetterOut):
    body: str = Field(description="As it came; may hold personal data")


class DeadLetters(BaseModel):
    items: list[DeadLetterOut]


class OutboxOut(BaseModel):
    waiting: int = Field(description="Events true and not said yet")
    oldest_at: datetime | None = Field(description="Since when the oldest waits, in real time")


@dataclass(frozen=True)
class Operations:
    """One service, as far as an operator asks."""

    database: Database
    bus: Bus
    outboxes: Sequence[Outbox]
    queues: Callable[[], Sequence[str]]
    """What it hears."""
    clock: Clock

    async def dead_letters(self) -> list[DeadLetter]:
        try:
            return [
                letter for queue in self.queues() for letter in await self.bus.dead_letters(queue)
            ]
        except NotPublished:
            raise _no_bus() from None


def _operations_of(request: Request) -> Operations:
    operations: Operations = request.app.state.operations
    return operations


TheOperations = Annotated[Operations, Depends(_operations_of)]


async def _letter(of: TheOperations, letter_id: str) -> DeadLetter:
    for letter in await of.dead_letters():
        if letter.id == letter_id:
            return letter
    raise not_found("dead letter")


TheLetter = Annotated[DeadLetter, Depends(_letter)]

router = APIRouter(
    prefix="/api",
    tags=["operations"],
    dependencies=[Security(HTTPBearer(auto_error=False)), Depends(require(Role.organiser))],
    responses=documented(401, 403),
)


@router.get("/outbox", summary="What is true and not said yet")
async def waiting(of: TheOperations) -> OutboxOut:
    async with of.database.read() as connection:
        return OutboxOut(
            waiting=await outbox.count_waiting(connection, of.outboxes),
            oldest_at=await outbox.oldest_waiting(connection, of.outboxes),
        )


@router.get("/dead-letters", summary="Events that failed to the end, oldest first")
async def dead_letters(of: TheOperations) -> DeadLetters:
    return DeadLetters(
        items=[DeadLetterOut.model_validate(letter) for letter in await of.dead_letters()]
    )


@router.get("/dead-letters/{letter_id}", summary="One of them, whole")
async def show(of: TheOperations, letter: TheLetter) -> DeadLetterWhole:
    await _noted(of, "dead_letter.read", letter)
    return DeadLetterWhole.model_validate(letter)


@router.post("/dead-letters/{letter_id}/replay", summary="Let it be heard again")
async def replay(of: TheOperations, letter: TheLetter) -> DeadLetterOut:
    # The broker has no transaction of ours: what is noted beforehand may turn out not to be done.
    await _noted(of, "dead_letter.replay", letter)
    return await _done(letter, of.bus.replay(letter.queue, letter.id))


@router.post("/dead-letters/{letter_id}/discard", summary="Throw it away")
async def discard(of: TheOperations, letter: TheLetter) -> DeadLetterOut:
    await _noted(of, "dead_letter.discard", letter)
    return await _done(letter, of.bus.discard(letter.queue, letter.id))


async def _noted(of: Operations, act: str, letter: DeadLetter) -> None:
    async with of.database.begin() as tx:
        about = registrations_in(letter.body)
        await audit.note(tx, of.clock.now(), act, which=letter.id, about=about, queue=letter.queue)


async def _done(letter: DeadLetter, act: Awaitable[bool]) -> DeadLetterOut:
    """The letter that was dealt with; somebody else may have been quicker."""
    try:
        if not await act:
            raise not_found("dead letter")
    except NotPublished:
        raise _no_bus() from None
    return DeadLetterOut.model_validate(letter)


def _no_bus() -> Problem:
    return Problem(
        503,
        "unavailable",
        "The broker does not answer. Nothing was changed; please try again in a moment.",
        headers={"Retry-After": "2"},
    )
