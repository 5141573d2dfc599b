"""What registrants agreed to: which version of the text, and what it said."""

from __future__ import annotations

from sqlalchemy import select
from sqlalchemy.dialects.postgresql import insert

from services.registration.tables import consent_texts
from shared.clock import Clock
from shared.database import Database
from shared.forum import Forum
from shared.settings import WrongSetting


async def keep_text(database: Database, forum: Forum, clock: Clock) -> None:
    """Keep the words of this version, for whoever asks what somebody agreed to years ago.

    Raises:
        WrongSetting: they are not those that were kept under this version.
    """
    version, texts = forum.consent.version, forum.consent.text.model_dump()
    async with database.begin() as tx:
        kept = insert(consent_texts).values(version=version, texts=texts, since=clock.now())
        await tx.execute(kept.on_conflict_do_nothing())
        query = select(consent_texts.c.texts).where(consent_texts.c.version == version)
        if (await tx.execute(query)).scalar_one() != texts:
            raise WrongSetting(
                f"FORUMPASS_FORUM: the text of consent.version {version} is not the one that people"
                " agreed to; give the new text a new version"
            )
