"""Finding registrations: filters, words, order, pages by cursor."""

from __future__ import annotations

import base64
import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Annotated, Any, Final, Literal
from urllib.parse import urlencode
from uuid import UUID

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field
from sqlalchemy import (
    ARRAY,
    ColumnElement,
    Select,
    Text,
    Uuid,
    cast,
    func,
    literal,
    literal_column,
    select,
    tuple_,
)
from sqlalchemy.ext.asyncio import AsyncConnection

from services.registration.duplicates import has_duplicate
from services.registration.forms import clean_line, empty_is_none
from services.registration.lifecycle import Status
from services.registration.search_text import mentions
from services.registration.staff_tables import accounts
from services.registration.tables import (
    Registration,
    attendances,
    delegations,
    history,
    notes,
    registrations,
    reviewers,
)
from shared import countries
from shared.access import Role
from shared.forum import Forum
from shared.problems import FieldError, invalid_input

MOST: Final = 200
COUNTED: Final = 1000
"""How far a page counts what fits a filter: beyond, the exact number helps nobody."""
ME: Final = "@me"
NOBODY: Final = "@nobody"

MaybeStatus = Annotated[Status | None, BeforeValidator(empty_is_none)]
Wanted = Annotated[str | None, Field(max_length=200), BeforeValidator(empty_is_none)]
Words = Annotated[
    Annotated[str, Field(max_length=200)] | None,
    BeforeValidator(empty_is_none),
    BeforeValidator(clean_line),
]

Days = Annotated[Annotated[int, Field(ge=0, le=10_000)] | None, BeforeValidator(empty_is_none)]


Delegation = Annotated[UUID | None, BeforeValidator(empty_is_none)]
OnlyDuplicates = Annotated[Literal["yes"] | None, BeforeValidator(empty_is_none)]


class Sort(StrEnum):
    newest = "newest"
    waiting = "waiting"
    name = "name"
    organization = "organization"
    country = "country"


_IN_WORDS: Final = frozenset({"assigned", "q"})
"""What whoever asks may write as they like."""


class Filter(BaseModel):
    """What to look for; what is left out, or empty, is no condition."""

    model_config = ConfigDict(frozen=True)

    status: MaybeStatus = None
    category: Wanted = Field(default=None, description="A category of the forum")
    country: Wanted = Field(default=None, description="ISO 3166 alpha-2")
    waiting: Days = Field(default=None, description="Days at least since it came into its state")
    delegation: Delegation = Field(default=None, description="The id of the delegation they are of")
    duplicates: OnlyDuplicates = Field(
        default=None,
        description="`yes`: those only of whom another registration may be the same person's",
    )
    assigned: Words = Field(
        default=None, description=f"A reviewer; `{ME}` for the caller, `{NOBODY}` for none"
    )
    q: Words = Field(
        default=None,
        description="Words of name, organization, address or reference, or parts of them, in any"
        " order; accents and case do not matter",
    )
    sort: Sort = Field(
        default=Sort.newest,
        description="`waiting`: the longest first; `newest`: the last to register first",
    )

    def known_to(self, forum: Forum) -> None:
        """Let pass what there is to look for.

        Raises:
            Problem: 422, there is no such category or country.
        """
        errors = []
        if self.category and self.category not in {known.id for known in forum.categories}:
            errors.append(FieldError("category", "is not a category of this forum", "category"))
        if self.country and self.country.upper() not in countries.CODES:
            errors.append(FieldError("country", "is not an ISO 3166 alpha-2 code", "country"))
        if errors:
            raise invalid_input(errors)

    def conditions(self, by: str, now: datetime) -> list[ColumnElement[bool]]:
        """What a row of `registrations` must fulfil.

        Args:
            by: whose queue it is.
            now: until when the days of waiting are counted.
        """
        return list(self._conditions(by, now))

    def as_asked(self) -> dict[str, Any]:
        """What was asked for, for the record of who asked; of words, only that there were some.

        They may be somebody's name, which the record could never forget.
        """
        asked = self.model_dump(mode="json", exclude_defaults=True)
        return {name: name in _IN_WORDS or value for name, value in asked.items()}

    def as_query(self) -> str:
        """The same as the address of the list, of its files and of the page has it."""
        # The page takes no state for "in review": all of them have to be asked for.
        asked = {"status": ""} | self.model_dump(mode="json", exclude_none=True)
        return urlencode({name: asked[name] for name in Filter.model_fields if name in asked})

    def _conditions(self, by: str, now: datetime) -> Iterator[ColumnElement[bool]]:
        if self.status is not None:
            yield registrations.c.status == self.status
        if self.category is not None:
            yield registrations.c.category == self.category
        if self.country is not None:
            yield registrations.c.country == self.country.upper()
        if self.delegation is not None:
            yield registrations.c.delegation_id == self.delegation
        if self.duplicates is not None:
            yield has_duplicate()
        if self.waiting is not None:
            yield now - timedelta(days=self.waiting) >= SINCE
        if self.assigned == NOBODY:
            yield registrations.c.assigned_to.is_(None)
        elif self.assigned is not None:
            yield registrations.c.assigned_to == (by if self.assigned == ME else self.assigned)
        if self.q is not None:
            yield mentions(self.q)


SINCE: Final[ColumnElement[datetime]] = func.coalesce(
    registrations.c.state_since, registrations.c.submitted_at
)
"""Since when a registration is in its state, as far as we know."""

_KEYS: Final[dict[Sort, ColumnElement[Any]]] = {
    # Ids grow with time, so they are an order of their own.
    Sort.newest: literal("", Text),
    Sort.waiting: SINCE,
    # As the index has it: with parameters PostgreSQL would not know it again.
    Sort.name: literal_column("left(coalesce(registrations.search_text, ''), 60)", Text),
    Sort.organization: func.lower(registrations.c.organization),
    Sort.country: cast(registrations.c.country, Text),
}


@dataclass(frozen=True)
class Place:
    """A place in an order: what a page's cursor says."""

    key: Any
    id: UUID


def cursor(sort: Sort, place: Place) -> str:
    key = place.key.isoformat() if isinstance(place.key, datetime) else place.key
    said = json.dumps([sort, key, str(place.id)], ensure_ascii=False)
    return base64.urlsafe_b64encode(said.encode()).decode().rstrip("=")


def read_cursor(sort: Sort, text: str) -> Place:
    """The place that a cursor names.

    Raises:
        Problem: 422, it is none of ours, or of a list in another order.
    """
    try:
        said = base64.b64decode(text + "=" * (-len(text) % 4), altchars=b"-_", validate=True)
        of, key, registration_id = json.loads(said)
        if of != sort or not isinstance(key, str) or "\0" in key:
            raise ValueError
        key.encode()
        moment = datetime.fromisoformat(key) if sort == Sort.waiting else None
        if moment is not None and moment.tzinfo is None:
            raise ValueError
        return Place(key if moment is None else moment, UUID(registration_id))
    except (ValueError, TypeError, AttributeError, RecursionError):
        raise invalid_input(
            [FieldError("cursor", "is not the next_cursor of a page of this list", "cursor")]
        ) from None


@dataclass(frozen=True)
class Page:
    rows: list[Registration]
    """With `since`, and the number of `notes`."""
    following: Place | None
    """Behind which the next page begins, if there is one."""


async def page(
    connection: AsyncConnection,
    wanted: Filter,
    by: str,
    now: datetime,
    *,
    after: Place | None = None,
    among: Sequence[UUID] | None = None,
    limit: int,
) -> Page:
    """The registrations behind a place; `among`: all that fit, if that is known."""
    # First which ones, by what is small; then all about them.
    found = _in_order(
        select(registrations.c.id, _KEYS[wanted.sort].label("key")),
        wanted,
        by,
        now,
        after,
        among=among,
    ).limit(limit + 1)
    chosen = found.subquery("chosen")
    query = (
        select(registrations, SINCE.label("since"), _NOTES.label("notes"), chosen.c.key)
        .join_from(chosen, registrations, registrations.c.id == chosen.c.id)
        .order_by(*_order(wanted.sort, chosen.c.key, chosen.c.id))
    )
    rows = list(await connection.execute(query))
    following = None
    if len(rows) > limit:
        rows.pop()
        following = Place(rows[-1].key, rows[-1].id)
    return Page(rows, following)


async def neighbour(
    connection: AsyncConnection,
    wanted: Filter,
    by: str,
    now: datetime,
    registration_id: UUID,
    *,
    backwards: bool = False,
) -> UUID | None:
    """Which registration that fits comes after another, or before it, in the order asked for."""
    query = select(_KEYS[wanted.sort].label("key")).where(registrations.c.id == registration_id)
    row = (await connection.execute(query)).one_or_none()
    if row is None:
        return None
    place = Place(row.key, registration_id)
    query = _in_order(select(registrations.c.id), wanted, by, now, place, backwards=backwards)
    found: UUID | None = (await connection.execute(query.limit(1))).scalar_one_or_none()
    return found


async def one(connection: AsyncConnection, registration_id: UUID) -> Registration | None:
    query = select(registrations).where(registrations.c.id == registration_id)
    return (await connection.execute(query)).one_or_none()


async def some(connection: AsyncConnection, ids: Sequence[UUID]) -> list[Registration]:
    """Those of these ids that there are, in the order of names."""
    query = select(registrations).where(registrations.c.id.in_(ids)).order_by(_KEYS[Sort.name])
    return list(await connection.execute(query))


async def fitting(
    connection: AsyncConnection, wanted: Filter, by: str, now: datetime
) -> list[UUID]:
    """Which fit, in no order, up to COUNTED and one.

    What few fit takes a look at all; then a page of them needs no second one.
    """
    query = select(registrations.c.id).where(*wanted.conditions(by, now)).limit(COUNTED + 1)
    return list((await connection.execute(query)).scalars())


async def counts(connection: AsyncConnection) -> dict[str, int]:
    """Registrations by status."""
    status = registrations.c.status
    query = select(status, func.count().label("many")).group_by(status)
    return {row.status: row.many for row in await connection.execute(query)}


async def acts(connection: AsyncConnection, registration_id: UUID) -> list[Registration]:
    """The history of one registration, oldest first."""
    query = (
        select(history).where(history.c.registration_id == registration_id).order_by(history.c.seq)
    )
    return list(await connection.execute(query))


async def entries(connection: AsyncConnection, registration_id: UUID) -> list[datetime]:
    """When the person came in, as the gates told, oldest first."""
    query = (
        select(attendances.c.at)
        .where(attendances.c.registration_id == registration_id, ~attendances.c.undone)
        .order_by(attendances.c.at)
    )
    return list((await connection.execute(query)).scalars())


async def known_reviewers(connection: AsyncConnection) -> list[str]:
    """To whom a registration can be assigned: who may decide, and who has been at the desk."""
    decide = cast([Role.organiser, Role.reviewer], ARRAY(Text))
    staff = select(accounts.c.email).where(
        accounts.c.ended_at.is_(None), accounts.c.roles.bool_op("&&")(decide)
    )
    query = select(reviewers.c.id).union(staff)
    return sorted((await connection.execute(query)).scalars())


async def delegations_to_choose(connection: AsyncConnection) -> list[tuple[UUID, str]]:
    """All delegations by name, for the filter."""
    query = select(delegations.c.id, delegations.c.name)
    query = query.order_by(func.lower(delegations.c.name), delegations.c.id)
    return [(row.id, row.name) for row in await connection.execute(query)]


def in_order(wanted: Filter, by: str, now: datetime) -> Select[Any]:
    """All that fit, in the order asked for: for a file."""
    return _in_order(select(registrations.c.id), wanted, by, now, None)


def _in_order(
    query: Select[Any],
    wanted: Filter,
    by: str,
    now: datetime,
    after: Place | None,
    *,
    backwards: bool = False,
    among: Sequence[UUID] | None = None,
) -> Select[Any]:
    order = [_KEYS[wanted.sort], registrations.c.id]
    if among is None:
        query = query.where(*wanted.conditions(by, now))
    else:
        query = query.where(registrations.c.id == func.any(cast(among, ARRAY(Uuid))))
    query = query.order_by(*_order(wanted.sort, *order, backwards=backwards))
    if after is None:
        return query
    values = [after.key, after.id]
    if wanted.sort == Sort.newest:
        order, values = order[1:], values[1:]
    there = tuple_(*order)
    here = tuple_(*(literal(value, each.type) for value, each in zip(values, order, strict=True)))
    return query.where(there < here if _falls(wanted.sort) != backwards else there > here)


def _order(
    sort: Sort, key: ColumnElement[Any], id_: ColumnElement[UUID], *, backwards: bool = False
) -> list[ColumnElement[Any]]:
    order = [id_] if sort == Sort.newest else [key, id_]
    return [each.desc() if _falls(sort) != backwards else each for each in order]


def _falls(sort: Sort) -> bool:
    return sort == Sort.newest


_NOTES: Final = (
    select(func.count())
    .where(notes.c.registration_id == registrations.c.id)
    .correlate(registrations)
    .scalar_subquery()
)
