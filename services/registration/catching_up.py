"""What the version before left out: filled in beside the service's work, a few rows at a time."""

from __future__ import annotations

import asyncio
from typing import Final

from services.registration.duplicates import key_some
from services.registration.search_text import fold_some
from shared.database import Database

PAUSE_SECONDS: Final = 10.0


async def keep_up(database: Database) -> None:
    """Fold and give keys to what was written without.

    For ever: while the service is being renewed, both versions write.
    """
    while True:
        for fill_some in (fold_some, key_some):
            while await fill_some(database):
                pass
        await asyncio.sleep(PAUSE_SECONDS)
