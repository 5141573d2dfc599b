"""Fetches a badge's picture and print file from badging, by the signed link in its event."""

from __future__ import annotations

import asyncio
from typing import Final

import httpx

from services.notifications.mails import BadgeFiles
from shared import trace

FETCH_SECONDS: Final = 20.0
PNG: Final = b"\x89PNG\r\n\x1a\n"
PDF: Final = b"%PDF-"


class NoBadgeFiles(Exception):
    """They can't be had now. Says nothing of the link, which opens them to whoever has it."""


class BadgeFileStore:
    """Badging, as this service sees it.

    Args:
        url: where badging answers.
    """

    def __init__(self, url: str) -> None:
        # An HTTP proxy in the environment is for the world outside, not for a service next door.
        self._client = httpx.AsyncClient(base_url=url, timeout=FETCH_SECONDS, trust_env=False)

    async def fetch(self, files_link: str) -> BadgeFiles:
        """Both files, at the same time.

        Raises:
            NoBadgeFiles: badging does not answer, or with something else.
        """
        png, pdf = await asyncio.gather(
            self._file(files_link.replace("{suffix}", ".png"), PNG),
            self._file(files_link.replace("{suffix}", ".pdf"), PDF),
        )
        return BadgeFiles(png=png, pdf=pdf)

    async def close(self) -> None:
        await self._client.aclose()

    async def _file(self, link: str, beginning: bytes) -> bytes:
        try:
            answer = await self._client.get(link, headers={"traceparent": trace.traceparent()})
        except httpx.HTTPError as error:
            raise NoBadgeFiles(f"badging does not answer ({type(error).__name__})") from None
        if answer.status_code != httpx.codes.OK:
            raise NoBadgeFiles(f"badging answers {answer.status_code}")
        if not answer.content.startswith(beginning):
            raise NoBadgeFiles("badging answers with another kind of file")
        return answer.content
