"""What the gates know of people, forgotten; how many came, when and where, stays known."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime
from typing import Final
from uuid import UUID, uuid4

from sqlalchemy import ARRAY, Uuid, bindparam, text
from sqlalchemy.ext.asyncio import AsyncConnection

from shared.forum import Retention
from shared.retention import Rule

AT_ONCE: Final = 200
"""People a transaction."""


def rules(kept: Retention) -> Iterator[Rule]:
    yield Rule("photos", kept.photos_days, _remove_photos)
    yield Rule("scans", kept.scans_days, _unlink)


async def forget_what_was_said(tx: AsyncConnection, registration_id: UUID) -> None:
    """Remove officers' words about a person from the log: they may be personal."""
    await tx.execute(_MAY_FORGET)
    await tx.execute(_FORGET_SAID, {"who": registration_id})


async def _remove_photos(tx: AsyncConnection, before: datetime) -> int:
    return (await tx.execute(_REMOVE_PHOTOS, {"most": AT_ONCE})).rowcount


async def _unlink(tx: AsyncConnection, before: datetime) -> int:
    """Give some people's scans to nobody: to a new id for each, which is written down nowhere.

    So one who came on five days is still one, in the groups that they counted in.
    """
    people = (await tx.execute(_STILL_LINKED, {"most": AT_ONCE})).scalars().all()
    if not people:
        return 0
    names = {"old": people, "new": [uuid4() for _ in people]}
    await tx.execute(_MAY_FORGET)
    for unlink in _UNLINK:
        await tx.execute(unlink.bindparams(*_NAMES), names)
    return len(people)


_MAY_FORGET: Final = text("SELECT set_config('forumpass.scans_forget', 'on', true)")
_FORGET_SAID: Final = text("""
    UPDATE scans SET said = NULL WHERE registration_id = :who AND said IS NOT NULL
""")
_REMOVE_PHOTOS: Final = text("""
    WITH gone AS (
        UPDATE photos SET jpeg = NULL, edition = NULL
        WHERE registration_id IN (
            SELECT registration_id FROM photos WHERE jpeg IS NOT NULL LIMIT :most
        )
        RETURNING registration_id
    ), unlinked AS (
        UPDATE participants SET photo = NULL FROM gone
        WHERE participants.registration_id = gone.registration_id
    )
    SELECT registration_id FROM gone
""")
# Whoever is in the log had a badge.
_STILL_LINKED: Final = text("""
    SELECT DISTINCT registration_id FROM badges AS known
    WHERE EXISTS (SELECT FROM scans WHERE scans.registration_id = known.registration_id)
       OR EXISTS (SELECT FROM attendance WHERE attendance.registration_id = known.registration_id)
       OR EXISTS (SELECT FROM presence WHERE presence.registration_id = known.registration_id)
    LIMIT :most
""")
_NAMES: Final = (bindparam("old", type_=ARRAY(Uuid)), bindparam("new", type_=ARRAY(Uuid)))
_TO: Final = """
    SET registration_id = names.new {more}
    FROM unnest(:old, :new) AS names (old, new) WHERE {table}.registration_id = names.old
"""
_UNLINK: Final = (
    # Nobody's name, but what statistics count by.
    text("""
        INSERT INTO participants (
            registration_id, version, status, given_name, family_name, organization,
            country, category, gender, search_name
        )
        SELECT names.new, 1, 'erased', '', '', '', country, category, gender, ''
        FROM unnest(:old, :new) AS names (old, new)
        JOIN participants ON participants.registration_id = names.old
    """),
    text("UPDATE scans" + _TO.format(table="scans", more=", badge_id = NULL, said = NULL")),
    text("DELETE FROM presence_removed WHERE registration_id = ANY (:old) AND :new IS NOT NULL"),
    *(
        text(f"UPDATE {table}" + _TO.format(table=table, more=""))
        for table in ("attendance", "presence", "alerts", "roll_call_people")
    ),
)
