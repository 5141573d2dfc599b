"""A badge as a file: drawn when asked for, in a worker thread, never stored."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from enum import StrEnum
from functools import cache
from pathlib import Path

import anyio
from fastapi import Request, Response

from services.badging.badges import Badge
from services.badging.face_words import face_of
from services.badging.faces import Face, draw_pdf, draw_png
from services.badging.holders import Holder
from services.badging.lifecycle import Status
from shared.forum import Forum
from shared.problems import Problem


class Kind(StrEnum):
    png = "png"
    pdf = "pdf"


_DRAW: dict[Kind, Callable[[Face], bytes]] = {Kind.png: draw_png, Kind.pdf: draw_pdf}
MEDIA_TYPES = {Kind.png: "image/png", Kind.pdf: "application/pdf"}


class Files:
    """Draws badges, so many at once, and answers with them."""

    def __init__(self, forum: Forum, *, at_once: int) -> None:
        self._forum = forum
        self._limiter = anyio.CapacityLimiter(at_once)

    async def answer(self, request: Request, badge: Badge, holder: Holder, kind: Kind) -> Response:
        """The file; or, to who has it already, that it has not changed."""
        face = face_of(self._forum, badge, holder)
        tag = _tag(face, kind)
        # Private: a shared cache must not keep it. No-cache: the browser may, but asks each time,
        # so that a badge taken away is gone from the phone too.
        headers = {"Cache-Control": "private, no-cache", "ETag": tag}
        if _has(request, tag):
            return Response(status_code=304, headers=headers)
        content = await anyio.to_thread.run_sync(_DRAW[kind], face, limiter=self._limiter)
        headers["Content-Disposition"] = f'inline; filename="badge-{badge.number}.{kind}"'
        return Response(content, media_type=MEDIA_TYPES[kind], headers=headers)


def gone(status: Status) -> Problem:
    """A badge is no longer shown."""
    return Problem(410, f"badge-{status}", f"This badge is {status}: it is no longer shown.")


def _tag(face: Face, kind: Kind) -> str:
    """Known before anything is drawn: the same words, drawn by the same code, are the same file."""
    digest = hashlib.sha256(_drawing_code())
    digest.update(f"{kind} {face!r}".encode())
    return f'"{digest.hexdigest()[:32]}"'


@cache
def _drawing_code() -> bytes:
    """Changes with every release that might draw differently."""
    digest = hashlib.sha256()
    for module in sorted(Path(__file__).parent.glob("*.py")):
        digest.update(module.read_bytes())
    return digest.digest()


def _has(request: Request, tag: str) -> bool:
    known = request.headers.get("if-none-match", "").split(",")
    return tag in {name.strip().removeprefix("W/") for name in known}
