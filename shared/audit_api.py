"""The audit log over HTTP, the same in each service: for organisers on a page and for programs, and
for `forumpass audit verify`."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from typing import Annotated, Any, Final
from uuid import UUID

from fastapi import APIRouter, Depends, Query, Request, Response, Security
from fastapi.security import HTTPBearer
from pydantic import BaseModel, BeforeValidator, ConfigDict, Field
from sqlalchemy import Row, select, text
from sqlalchemy.ext.asyncio import AsyncConnection

from shared import audit
from shared.access import Role, require
from shared.audit_words import acts, roles
from shared.database import Database
from shared.forum import Forum
from shared.pages import OurPages
from shared.problems import documented
from shared.tables import audit as entries
from shared.tables import audit_reasons

SERVICES: Final = ("registration", "badging", "checkin", "notifications")
SHOWN: Final = 50
LARGEST: Final = (1 << 63) - 1

_EmptyIsNone = BeforeValidator(lambda value: None if value == "" else value)
Words = Annotated[Annotated[str, Field(max_length=200, pattern=r"^[^\x00]*$")] | None, _EmptyIsNone]
Day = Annotated[date, Field(ge=date(1900, 1, 1), le=date(2200, 1, 1))]


class Wanted(BaseModel):
    """What to look for; what is left out is no condition."""

    model_config = ConfigDict(extra="forbid")

    who: Words = Field(default=None, description="A member of staff, or a device's id")
    act: Words = Field(default=None, description="An act, or how its name begins: badge")
    about: Annotated[UUID | None, _EmptyIsNone] = Field(
        default=None, description="The registration that it concerned"
    )
    which: Words = Field(default=None, description="The id of what it was done to")
    since: Annotated[Day | None, _EmptyIsNone] = Field(
        default=None, description="From this day on, in the forum's time zone"
    )
    until: Annotated[Day | None, _EmptyIsNone] = Field(
        default=None, description="Up to this day, and including it"
    )
    cursor: Annotated[Annotated[int, Field(ge=1, le=LARGEST)] | None, _EmptyIsNone] = Field(
        default=None, description="next_cursor of the page before"
    )
    lang: str | None = Field(default=None, description="The page's; a program needs none")


class EntryOut(BaseModel):
    """Something that was done."""

    model_config = ConfigDict(from_attributes=True)

    seq: int = Field(description="Its number: without gaps, in the order of the log")
    at: datetime
    who: str
    role: str = Field(description="A role of staff; or device, system")
    act: str
    which: str | None = Field(description="The id of what it was done to")
    about: list[UUID] = Field(description="Registrations that it concerned")
    details: dict[str, Any]
    reason: str | None = Field(description="As it was written; gone with the person")
    address: str | None = Field(description="From where")
    trace_id: str | None = Field(description="The correlation id of the request")


class EntryPage(BaseModel):
    items: list[EntryOut]
    next_cursor: str | None


class EndOut(BaseModel):
    model_config = ConfigDict(from_attributes=True)

    seq: int
    hash: str


class LinkOut(BaseModel):
    """An entry with all that its hash is made of."""

    model_config = ConfigDict(from_attributes=True)

    seq: int
    at: datetime
    who: str
    role: str
    act: str
    which: str | None
    about: list[UUID]
    details: str = Field(description="JSON, to the letter")
    address: str | None
    trace_id: str | None
    reason_digest: str | None
    hash: str


class ChainOut(BaseModel):
    begins_after: EndOut = Field(description="Older entries, up to this one, went with their time")
    ends: EndOut
    items: list[LinkOut]


@dataclass(frozen=True)
class _Ours:
    database: Database
    forum: Forum


async def _ours(request: Request) -> _Ours:
    return _Ours(request.app.state.operations.database, request.app.state.forum)


Ours = Annotated[_Ours, Depends(_ours)]
_organiser = [Security(HTTPBearer(auto_error=False)), Depends(require(Role.organiser))]
router = APIRouter(dependencies=_organiser)


@router.get(
    "/api/audit",
    tags=["audit"],
    summary="What was done by whom, newest first",
    responses=documented(401, 403, 422),
)
async def find(
    ours: Ours,
    wanted: Annotated[Wanted, Query()],
) -> EntryPage:
    rows, following = await _page(ours, wanted)
    return EntryPage(
        items=[EntryOut.model_validate(row) for row in rows],
        next_cursor=None if following is None else str(following),
    )


@router.get(
    "/api/audit/chain",
    tags=["audit"],
    summary="The log as it is chained, oldest first",
    responses=documented(401, 403, 422),
)
async def chain(
    ours: Ours,
    after: Annotated[int, Query(ge=0, le=LARGEST)] = 0,
    limit: Annotated[int, Query(ge=1, le=audit.MOST_READ_AT_ONCE)] = audit.MOST_READ_AT_ONCE,
) -> ChainOut:
    async with ours.database.begin() as tx:
        # One moment for both: the chain may grow meanwhile, and lose its beginning.
        await tx.execute(text("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ, READ ONLY"))
        begins_after, ends = await audit.ends(tx)
        links = await audit.links(tx, max(after, begins_after.seq), limit)
    return ChainOut(
        begins_after=EndOut.model_validate(begins_after),
        ends=EndOut.model_validate(ends),
        items=[LinkOut.model_validate(link) for link in links],
    )


@router.get("/audit", include_in_schema=False)
async def page(
    request: Request, ours: Ours, pages: OurPages, wanted: Annotated[Wanted, Query()]
) -> Response:
    rows, following = await _page(ours, wanted)
    asked = wanted.model_dump(mode="json", exclude_none=True, exclude={"cursor", "lang"})
    gettext = pages.gettext_in(pages.language(request))
    return pages.render(
        request,
        "audit.html",
        rows=rows,
        following=following,
        asked=asked,
        services=SERVICES,
        act_names=acts(gettext),
        role_names=roles(gettext),
    )


async def _page(ours: _Ours, wanted: Wanted) -> tuple[Sequence[Row[Any]], int | None]:
    async with ours.database.read() as connection:
        rows = await _found(connection, ours.forum, wanted)
    return rows[:SHOWN], rows[SHOWN - 1].seq if len(rows) > SHOWN else None


async def _found(connection: AsyncConnection, forum: Forum, wanted: Wanted) -> Sequence[Row[Any]]:
    query = (
        select(entries, audit_reasons.c.reason)
        .outerjoin(audit_reasons, audit_reasons.c.seq == entries.c.seq)
        .order_by(entries.c.seq.desc())
        .limit(SHOWN + 1)
    )
    if wanted.who is not None:
        query = query.where(entries.c.who == wanted.who)
    if wanted.act is not None:
        query = query.where(entries.c.act.startswith(wanted.act, autoescape=True))
    if wanted.about is not None:
        query = query.where(entries.c.about.contains([wanted.about]))
    if wanted.which is not None:
        query = query.where(entries.c.which == wanted.which)
    if wanted.since is not None:
        query = query.where(entries.c.at >= _midnight(forum, wanted.since))
    if wanted.until is not None:
        query = query.where(entries.c.at < _midnight(forum, wanted.until + timedelta(days=1)))
    if wanted.cursor is not None:
        query = query.where(entries.c.seq < wanted.cursor)
    return (await connection.execute(query)).all()


def _midnight(forum: Forum, day: date) -> datetime:
    return datetime.combine(day, time.min, tzinfo=forum.timezone)
