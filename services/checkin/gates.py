"""What the use cases at the gates need."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from typing import Annotated

from fastapi import Depends, Request

from services.checkin.keys import VerifyingKeys
from services.checkin.live import Live
from services.checkin.news import News
from services.checkin.replica import Replica
from services.checkin.scan_outbox import ScanOutbox
from shared.clock import Clock
from shared.database import Database
from shared.forum import Forum
from shared.limits import RateLimit


@dataclass(frozen=True)
class Gates:
    database: Database
    forum: Forum
    clock: Clock
    keys: VerifyingKeys
    live: Live
    replica: Replica
    news: News
    scan_outbox: ScanOutbox
    origin: str
    enrolment_lifetime: timedelta
    wrong_codes: RateLimit
    """Of each address that tries pairing codes."""


# A coroutine, though it waits for nothing: FastAPI would run a plain function in a thread.
async def _gates_of(request: Request) -> Gates:
    gates: Gates = request.app.state.gates
    return gates


OurGates = Annotated[Gates, Depends(_gates_of)]
"""A route's parameter."""
