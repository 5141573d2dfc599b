"""A badge or a certificate as a file: drawn when asked for, never stored."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from enum import StrEnum
from functools import cache
from io import BytesIO
from pathlib import Path
from typing import TypeVar
from zipfile import ZipFile, ZipInfo

from anyio import BrokenWorkerProcess, CapacityLimiter
from fastapi import Request, Response

from services.badging.badges import Badge
from services.badging.certificate_face import CertificateFace, draw_certificate
from services.badging.certificate_words import certificate_face_of
from services.badging.certificates import Certificate
from services.badging.face_words import face_of
from services.badging.faces import Face, draw_code, draw_pdf, draw_png
from services.badging.holders import Holder
from services.badging.lifecycle import Status
from shared.beside import work_beside
from shared.caching import has
from shared.forum import Forum
from shared.problems import Problem

F = TypeVar("F")


class Kind(StrEnum):
    png = "png"
    pdf = "pdf"
    code = "qr.png"
    all = "zip"


def draw_all(face: Face) -> bytes:
    """The other kinds in one archive, each named `badge` with its own ending.

    They are compressed as they are. The same badge makes the same archive.
    """
    archive = BytesIO()
    with ZipFile(archive, "w") as files:
        for kind in (Kind.png, Kind.code, Kind.pdf):
            files.writestr(ZipInfo(f"badge.{kind}"), _DRAW[kind](face))
    return archive.getvalue()


_DRAW: dict[Kind, Callable[[Face], bytes]] = {
    Kind.png: draw_png,
    Kind.pdf: draw_pdf,
    Kind.code: draw_code,
    Kind.all: draw_all,
}
MEDIA_TYPES = {
    Kind.png: "image/png",
    Kind.pdf: "application/pdf",
    Kind.code: "image/png",
    Kind.all: "application/zip",
}


class Files:
    """Draws badges and certificates, so many at once, and answers with them."""

    def __init__(
        self, forum: Forum, *, origin: str = "", rehearsal: bool = False, at_once: int
    ) -> None:
        self._forum = forum
        self._origin = origin
        self._rehearsal = rehearsal
        self._limiter = CapacityLimiter(at_once)

    async def answer(self, request: Request, badge: Badge, holder: Holder, kind: Kind) -> Response:
        """The file; or, to who has it already, that it has not changed."""
        face = face_of(self._forum, badge, holder)
        name = f"badge-{badge.number}.{kind}"
        return await self._answer(request, face, kind, _DRAW[kind], MEDIA_TYPES[kind], name)

    async def certificate(
        self, request: Request, certificate: Certificate, holder: Holder
    ) -> Response:
        """A certificate as a PDF; or, to who has it already, that it has not changed."""
        face = self.face_of(certificate, holder)
        name = f"certificate-{certificate.number}.pdf"
        return await self._answer(
            request, face, "certificate", draw_certificate, "application/pdf", name
        )

    def face_of(self, certificate: Certificate, holder: Holder) -> CertificateFace:
        return certificate_face_of(
            self._forum, certificate, holder, self._origin, rehearsal=self._rehearsal
        )

    async def _answer(
        self,
        request: Request,
        face: F,
        kind: str,
        draw: Callable[[F], bytes],
        media_type: str,
        filename: str,
    ) -> Response:
        tag = _tag(face, kind)
        # Private: a shared cache must not keep it. No-cache: the browser may, but asks each time,
        # so that a badge taken away is gone from the phone too.
        headers = {"Cache-Control": "private, no-cache", "ETag": tag}
        if has(request, tag):
            return Response(status_code=304, headers=headers)
        try:
            content = await work_beside(draw, face, limiter=self._limiter)
        except BrokenWorkerProcess:
            raise Problem(
                503, "not-drawn", "It could not be drawn. Please try again in a moment."
            ) from None
        headers["Content-Disposition"] = f'inline; filename="{filename}"'
        return Response(content, media_type=media_type, headers=headers)


def gone(status: Status) -> Problem:
    """A badge is no longer shown."""
    return Problem(410, f"badge-{status}", f"This badge is {status}: it is no longer shown.")


def _tag(face: object, kind: str) -> str:
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
