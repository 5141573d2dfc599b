"""Photos of those who may come, in a table of their own: scans and look-ups stay light.

A participant carries the number of the edition only, by which whoever shows the photo knows whether
it has it already."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from sqlalchemy import BindParameter, Row, ScalarSelect, case, select, update
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncConnection

from services.checkin.tables import participants, photos
from shared.problems import not_found

Photo = Row[Any, Any]
"""`edition` and `jpeg`."""


async def get(connection: AsyncConnection, registration_id: UUID) -> Photo:
    """Somebody's photo.

    Raises:
        Problem: 404, there is none.
    """
    query = select(photos.c.edition, photos.c.jpeg).where(
        photos.c.registration_id == registration_id, photos.c.jpeg.is_not(None)
    )
    photo = (await connection.execute(query)).one_or_none()
    if photo is None:
        raise not_found("photo")
    return photo


async def note(
    tx: AsyncConnection, registration_id: UUID, version: int, jpeg: bytes | None
) -> None:
    """Keep a photo, or that there is none; without effect if that is old.

    Call while the person is held: a participant written meanwhile would not know of it.
    """
    statement = insert(photos).values(
        registration_id=registration_id,
        version=version,
        jpeg=jpeg,
        edition=None if jpeg is None else version,
    )
    new = statement.excluded
    upsert = statement.on_conflict_do_update(
        index_elements=["registration_id"],
        set_={
            "version": new.version,
            "jpeg": new.jpeg,
            # Said again, it is the same: no device fetches it anew.
            "edition": case((photos.c.jpeg == new.jpeg, photos.c.edition), else_=new.edition),
        },
        where=photos.c.version < new.version,
    ).returning(photos.c.edition)
    row = (await tx.execute(upsert)).one_or_none()
    if row is None:
        return
    await tx.execute(
        update(participants)
        .where(
            participants.c.registration_id == registration_id,
            participants.c.photo.is_distinct_from(row.edition),
        )
        .values(photo=row.edition)
    )


def edition_of(registration_id: UUID | BindParameter[UUID]) -> ScalarSelect[int | None]:
    """The edition heard of before the person was, if any."""
    known = select(photos.c.edition).where(photos.c.registration_id == registration_id)
    return known.scalar_subquery()
