"""Holders: whose badge it is, as far as it is printed. No address, nothing for statistics."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Annotated, Any, Final
from uuid import UUID

from pydantic import AfterValidator, BaseModel, ConfigDict
from sqlalchemy import Row, bindparam, select, update
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncConnection

from services.badging.photo import check
from services.badging.tables import holders
from shared import countries
from shared.access import OwnLink
from shared.folding import search_name
from shared.forum import Language


def _known_country(code: str) -> str:
    if code not in countries.CODES:
        raise ValueError("no such country")
    return code


class Holder(BaseModel):
    """What a badge shows of a person.

    Checked when it is heard: what could not be drawn becomes a dead letter, which an operator sees,
    and not a badge without a picture, which the person sees.
    """

    model_config = ConfigDict(frozen=True, extra="ignore", from_attributes=True)

    title: str | None
    given_name: str
    family_name: str
    organization: str
    position: str
    country: Annotated[str, AfterValidator(_known_country)]
    category: str
    language: Language
    days: tuple[int, ...]
    photo: bytes | None = None
    """As it is kept; what is heard of a person comes without."""

    def looks_like(self, other: Holder) -> bool:
        """Whether the same badge would be printed. The language only dresses the forum's own words,
        and the photo shows who it is as the one before did: the next picture drawn has the new
        ones."""
        return self == other.model_copy(update={"language": self.language, "photo": self.photo})


@dataclass(frozen=True)
class Held:
    """What is known of a registration."""

    version: int
    """The newest version heard; 0 before the first."""
    holder: Holder | None


async def find(connection: AsyncConnection, registration_id: UUID) -> Holder | None:
    """The person; None when the registration is unknown, cancelled or erased."""
    row = (await connection.execute(_FIND, {"of": registration_id})).one_or_none()
    return None if row is None else _holder(row)


async def find_all(
    connection: AsyncConnection, registration_ids: Sequence[UUID]
) -> dict[UUID, Holder]:
    """Those of the people who come, by registration."""
    query = select(holders).where(holders.c.registration_id.in_(registration_ids))
    found = {row.registration_id: _holder(row) for row in await connection.execute(query)}
    return {of: holder for of, holder in found.items() if holder is not None}


async def lock(tx: AsyncConnection, registration_id: UUID) -> Held:
    """What is known of a registration, held until the transaction ends.

    Events about a registration never heard of before wait for each other too: hence a row is made
    first, and an update that changes nothing locks the one that is there.
    """
    row = (await tx.execute(_LOCK, {"registration_id": registration_id})).one()
    return Held(version=row.registration_version, holder=_holder(row))


async def write(
    tx: AsyncConnection, registration_id: UUID, version: int, holder: Holder | None
) -> None:
    """Note the newest state of a registration; without a holder, nothing personal stays."""
    particulars: dict[str, Any] = dict.fromkeys((*Holder.model_fields, "search_name"))
    particulars |= {"photo_version": version}
    if holder is not None:
        particulars = holder.model_dump(exclude={"photo"})
        particulars["search_name"] = search_name(holder.given_name, holder.family_name)
    await tx.execute(
        _WRITE, {"of": registration_id, "registration_version": version, **particulars}
    )


async def write_photo(
    tx: AsyncConnection, registration_id: UUID, version: int, photo: bytes | None
) -> None:
    """Note a locked registration's photo, or that it has none; without effect if that is old.

    Raises:
        OSError: it could not be drawn.
    """
    if photo is not None:
        check(photo)
    await tx.execute(
        update(holders)
        .where(holders.c.registration_id == registration_id, holders.c.photo_version < version)
        .values(photo=photo, photo_version=version)
    )


async def revoke_links(tx: AsyncConnection, registration_id: UUID, first_valid: int) -> None:
    """Note of a locked registration that its links with lower numbers open nothing any more."""
    await tx.execute(
        update(holders)
        .where(holders.c.registration_id == registration_id, holders.c.first_link < first_valid)
        .values(first_link=first_valid)
    )


async def is_revoked(connection: AsyncConnection, link: OwnLink) -> bool:
    query = select(holders.c.first_link).where(holders.c.registration_id == link.registration_id)
    first: int | None = (await connection.execute(query)).scalar_one_or_none()
    return first is not None and link.number < first


def _holder(row: Row[Any]) -> Holder | None:
    return None if row.family_name is None else Holder.model_validate(row)


_OF: Final = holders.c.registration_id == bindparam("of")
_FIND: Final = select(holders).where(_OF)
_LOCK: Final = (
    insert(holders)
    .values(registration_version=0)
    .on_conflict_do_update(
        index_elements=["registration_id"],
        set_={"registration_version": holders.c.registration_version},
    )
    .returning(holders)
)
_WRITE: Final = update(holders).where(_OF)
