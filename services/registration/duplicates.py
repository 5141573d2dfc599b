"""Registrations that may be the same person's: shown to reviewers, never merged and never refused.

An assistant registers a delegation with one address, and two people have one name: only somebody
who looks can tell.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, Final
from uuid import UUID

from sqlalchemy import (
    ARRAY,
    ColumnElement,
    Select,
    Text,
    and_,
    any_,
    bindparam,
    func,
    or_,
    select,
    true,
    tuple_,
    update,
)
from sqlalchemy.ext.asyncio import AsyncConnection

from services.registration.lifecycle import Status
from services.registration.tables import Registration, registrations
from shared.database import Database
from shared.folding import folded

MOST: Final = 20
"""Shown of one registration: whoever finds more looks for the name."""
_AT_ONCE: Final = 100
_one, _other = registrations.alias("one"), registrations.alias("other")


class Same(StrEnum):
    """What two registrations have in common."""

    address = "address"
    name_and_country = "name_and_country"


@dataclass(frozen=True)
class Duplicate:
    """Another registration that may be the same person's."""

    registration: Registration
    same: tuple[Same, ...]


def name_key(given_name: str, family_name: str) -> str:
    """The name without accents and case, whichever of its words was typed into which field."""
    return " ".join(sorted(folded(f"{given_name} {family_name}").split()))


async def find(
    connection: AsyncConnection, ids: Sequence[UUID]
) -> defaultdict[UUID, list[Duplicate]]:
    """For each of these registrations, the others that may be the same person's, newest first.

    Those that were cancelled or declined are among them: a reviewer wants to know.
    """
    same_address, same_name = _same_address(), _same_name()
    # Of each as many: an assistant's hundred must not leave the others of a page without.
    others = (
        select(same_address.label("same_address"), same_name.label("same_name"), _other)
        .where(
            _one.c.id != _other.c.id,
            or_(same_address, same_name),
            _other.c.status != Status.erased,
        )
        .order_by(_other.c.id.desc())
        .limit(MOST)
        .lateral("others")
    )
    query = (
        select(_one.c.id.label("of"), others)
        .join(others, true())
        .where(_one.c.id.in_(ids))
        .order_by(others.c.id.desc())
    )
    found: defaultdict[UUID, list[Duplicate]] = defaultdict(list)
    for row in await connection.execute(query):
        common = ((Same.address, row.same_address), (Same.name_and_country, row.same_name))
        found[row.of].append(Duplicate(row, tuple(same for same, is_so in common if is_so)))
    return found


def has_duplicate() -> ColumnElement[bool]:
    """Of a row of `registrations`: there is another that may be the same person's."""
    mine, several = registrations.c, func.count() > 1
    # What several have, found once; asked of each row it would be two look-ups in 50,000 rows.
    address = func.lower(_other.c.email)
    addresses = select(address).where(_other.c.email != "").group_by(address).having(several)
    names = select(_other.c.name_key, _other.c.country).where(_other.c.name_key != "")
    known = names.group_by(_other.c.name_key, _other.c.country).having(several).cte("several")
    return or_(
        func.lower(mine.email) == _any_of(addresses),
        and_(
            mine.name_key == _any_of(select(known.c.name_key)),
            tuple_(mine.name_key, mine.country).in_(select(known)),
        ),
    )


def _any_of(values: Select[Any]) -> ColumnElement[Any]:
    """As an array, for which PostgreSQL expects a few values and looks them up: for IN it expects
    one of three rows, and reads all of them."""
    return any_(func.array(values.scalar_subquery(), type_=ARRAY(Text)))


async def key_some(database: Database) -> bool:
    """Give a few a key whom the version before registered; answers whether there were any."""
    async with database.begin() as tx:
        rows = list(await tx.execute(_WITHOUT_KEY))
        keyed = [
            # A name of signs only has no key but itself.
            {"who": row.id, "key": name_key(row.given_name, row.family_name) or row.family_name}
            for row in rows
        ]
        if keyed:
            await tx.execute(_GIVE_KEY, keyed)
    return bool(rows)


def _same_address() -> ColumnElement[bool]:
    return and_(func.lower(_one.c.email) == func.lower(_other.c.email), _one.c.email != "")


def _same_name() -> ColumnElement[bool]:
    return and_(
        _one.c.name_key == _other.c.name_key,
        _one.c.country == _other.c.country,
        _one.c.name_key != "",
    )


_WITHOUT_KEY: Final = (
    select(registrations.c.id, registrations.c.given_name, registrations.c.family_name)
    .where(registrations.c.name_key == "", registrations.c.family_name != "")
    .limit(_AT_ONCE)
    .with_for_update(skip_locked=True)
)
_GIVE_KEY: Final = (
    update(registrations)
    .where(registrations.c.id == bindparam("who"))
    .values(name_key=bindparam("key"))
)
