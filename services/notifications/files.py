"""Fetches from badging what a mail shows and carries, by the signed links in badging's events."""

from __future__ import annotations

from io import BytesIO
from typing import Final
from zipfile import BadZipFile, ZipFile

import httpx2

from services.notifications.mails import NO_FILES, Files
from services.notifications.matters import Badge, Certificate, Matter, Reminder
from shared import trace

FETCH_SECONDS: Final = 20.0
PNG: Final = b"\x89PNG\r\n\x1a\n"
PDF: Final = b"%PDF-"
ZIP: Final = b"PK"


class NoFiles(Exception):
    """They can't be had now. Says nothing of the link, which opens them to whoever has it."""


class FileStore:
    """Badging, as this service sees it.

    Args:
        url: where badging answers.
    """

    def __init__(self, url: str) -> None:
        # An HTTP proxy in the environment is for the world outside, not for a service next door.
        self._client = httpx2.AsyncClient(base_url=url, timeout=FETCH_SECONDS, trust_env=False)

    async def fetch(self, matter: Matter) -> Files:
        """All files of a mail, by one request.

        Raises:
            NoFiles: badging does not answer, or with something else.
        """
        match matter:
            case Badge(files_link=link):
                return _unpack(await self._file(link.replace("{suffix}", ".zip"), ZIP))
            case Reminder(files_link=link):
                return Files(code=await self._file(link.replace("{suffix}", ".qr.png"), PNG))
            case Certificate(file_link=link):
                return Files(pdf=await self._file(link, PDF))
            case _:
                return NO_FILES

    async def close(self) -> None:
        await self._client.aclose()

    async def _file(self, link: str, beginning: bytes) -> bytes:
        try:
            answer = await self._client.get(link, headers={"traceparent": trace.traceparent()})
        except httpx2.HTTPError as error:
            raise NoFiles(f"badging does not answer ({type(error).__name__})") from None
        if answer.status_code != httpx2.codes.OK:
            raise NoFiles(f"badging answers {answer.status_code}")
        if not answer.content.startswith(beginning):
            raise NoFiles("badging answers with another kind of file")
        return answer.content


def _unpack(archive: bytes) -> Files:
    try:
        with ZipFile(BytesIO(archive)) as files:
            png, code, pdf = map(files.read, ("badge.png", "badge.qr.png", "badge.pdf"))
    except (BadZipFile, KeyError):
        raise NoFiles("badging answers with an archive of other files") from None
    if not (png.startswith(PNG) and code.startswith(PNG) and pdf.startswith(PDF)):
        raise NoFiles("badging answers with files of another kind")
    return Files(badge=png, code=code, pdf=pdf)
