"""HTTP for those who watch: the figures of now and of earlier, and the control room's stream."""

from __future__ import annotations

from datetime import date, time
from typing import Annotated, Final

from fastapi import APIRouter, Header, Query, Request
from sse_starlette import EventSourceResponse, ServerSentEvent

from services.checkin import look_back
from services.checkin.api import LEADS, OurRoom, Watcher
from services.checkin.attendance import Totals
from services.checkin.gates import Gates, OurGates
from services.checkin.room import Audience, Room
from shared import audit
from shared.access import Staff
from shared.clock import Clock
from shared.problems import FieldError, invalid_input
from shared.sessions import while_signed_in

BEAT_SECONDS: Final = 5
"""A page that hears nothing for twice as long says that it is not live."""

router = APIRouter(prefix="/api")


@router.get("/attendance", tags=["attendance"], summary="The figures, now or at an earlier moment")
async def attendance(
    gates: OurGates,
    room: OurRoom,
    _: Watcher,
    day: Annotated[date | None, Query(description="That day, as a whole or up to `until`")] = None,
    until: Annotated[
        time | None, Query(description="HH:MM at the venue: that minute does not count any more")
    ] = None,
) -> Totals:
    """Earlier figures are those of the log as it stands now: what was taken back since is not in
    them, and what came late is."""
    if day is None:
        if until is not None:
            raise invalid_input([FieldError("day", "is missing: until is a time of that day")])
        return await room.figures()
    if until is not None and until.tzinfo is not None:
        raise invalid_input([FieldError("until", "is a time at the venue, without an offset")])
    moment = look_back.moment(gates.forum, day, until, gates.clock.now())
    async with gates.database.read() as connection:
        return await look_back.totals(connection, gates.forum, day, moment)


@router.get(
    "/attendance/stream",
    tags=["attendance"],
    summary="The figures after each change, as server-sent events named 'attendance'",
    response_class=EventSourceResponse,
)
async def stream(
    request: Request, gates: OurGates, room: OurRoom, by: Watcher
) -> EventSourceResponse:
    return await _events(request, by, gates, room, Audience.figures, None)


@router.get(
    "/live",
    tags=["attendance"],
    summary="All that the control room shows, and each change, as server-sent events",
    response_class=EventSourceResponse,
)
async def live(
    request: Request,
    gates: OurGates,
    room: OurRoom,
    by: Watcher,
    last_event_id: Annotated[str | None, Header(description="Of the last event seen")] = None,
) -> EventSourceResponse:
    """`room` comes first, and again whenever something was lost on the way: `figures` (as
    `/attendance`), the latest `scans`, oldest first, open and latest `alerts`, paired `devices`.
    `changes` has what has changed of it: `figures` as JSON Merge Patch (RFC 7396), new `scans`,
    `alerts` and `devices` as a whole. Scans may come twice, with the same `seq`, and none is
    missing: go on with `Last-Event-ID`, at any process; `room` has only newer ones then. Without
    it, all latest scans come again, with the names that people have by now. Names are in them for
    organisers and security leads. `beat` comes every five seconds with the forum's `now`.
    """
    audience = Audience.lead if by.has(*LEADS) else Audience.viewer
    if audience == Audience.lead:
        # Who is on it follows from the scans and alerts of that time.
        await audit.note_read(gates.database, gates.clock.now(), "live.watch", [])
    return await _events(request, by, gates, room, audience, _number(last_event_id))


async def _events(
    request: Request, by: Staff, gates: Gates, room: Room, audience: Audience, after: int | None
) -> EventSourceResponse:
    # Here, where a database that does not answer still becomes a problem document.
    await room.open()
    return EventSourceResponse(
        while_signed_in(request, by, room.watch(audience, after)),
        headers={"Cache-Control": "no-store"},
        ping=BEAT_SECONDS,
        ping_message_factory=lambda: _beat(gates.clock),
    )


def _beat(clock: Clock) -> ServerSentEvent:
    return ServerSentEvent(f'{{"now": "{clock.now().isoformat()}"}}', event="beat")


def _number(text: str | None) -> int | None:
    return int(text) if text is not None and text.isascii() and text.isdecimal() else None
