"""A request that is sent again with its `Idempotency-Key` registers nobody twice."""

from __future__ import annotations

import hashlib
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncConnection

from services.registration.forms import NewRegistration
from services.registration.tables import idempotency_keys
from shared.problems import Problem


async def claim(
    tx: AsyncConnection, key: str, new: NewRegistration, registration_id: UUID
) -> UUID | None:
    """Take a key for this request; answers the earlier registration if it was taken.

    A second request with the key waits here until the first has committed.

    Raises:
        Problem: 422, the key was used for another request.
    """
    digest = hashlib.sha256(new.model_dump_json().encode()).digest()
    taken = (
        insert(idempotency_keys)
        .values(key=key, request_digest=digest, registration_id=registration_id)
        .on_conflict_do_nothing()
    )
    if (await tx.execute(taken)).rowcount == 1:
        return None
    query = select(idempotency_keys).where(idempotency_keys.c.key == key)
    earlier = (await tx.execute(query)).one()
    if earlier.request_digest != digest:
        raise Problem(
            422,
            "idempotency-key-reused",
            "This Idempotency-Key was used for a different registration.",
        )
    return UUID(str(earlier.registration_id))
