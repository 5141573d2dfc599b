"""The words by which a registration is found: names, organization, address, reference, folded.

Kept by us, because the databases that we run on need not have PostgreSQL's `unaccent`
(docs/decisions/0024).
"""

from __future__ import annotations

from typing import Final

from sqlalchemy import ColumnElement, and_, bindparam, false, select, update

from services.registration.tables import registrations
from shared.database import Database
from shared.folding import folded, searched

SEARCHED: Final = ("family_name", "given_name", "organization", "email")
SOME: Final = 100
"""Rows folded at a time: requests wait for the event loop meanwhile."""


def search_text(
    *, family_name: str, given_name: str, organization: str, email: str, reference: str
) -> str:
    """The family name comes first, so that this is the order of names too."""
    return folded(f"{family_name} {given_name} {organization} {email} {reference}")


def mentions(asked: str) -> ColumnElement[bool]:
    """Has all the words, or beginnings, middles and ends of words, in any order."""
    words = searched(asked)
    if not words:
        # Signs alone: nobody is called so.
        return false()
    # Nothing to escape: a folded word has letters and digits only.
    return and_(*(registrations.c.search_text.like(f"%{word}%") for word in words))


async def fold_some(database: Database) -> bool:
    """Fold a few; answers whether there were any."""
    async with database.begin() as tx:
        rows = (await tx.execute(_UNFOLDED)).mappings().all()
        folded_rows = [
            {"who": row["id"], "words": search_text(**{name: row[name] for name in _PARTS})}
            for row in rows
        ]
        if folded_rows:
            await tx.execute(_FOLD, folded_rows)
    return bool(rows)


_PARTS: Final = (*SEARCHED, "reference")
_UNFOLDED: Final = (
    select(registrations.c.id, *(registrations.c[name] for name in _PARTS))
    .where(registrations.c.search_text.is_(None))
    .limit(SOME)
    .with_for_update(skip_locked=True)
)
_FOLD: Final = (
    update(registrations)
    .where(registrations.c.id == bindparam("who"))
    .values(search_text=bindparam("words"))
)
