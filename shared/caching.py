"""What a browser has already is not sent again."""

from __future__ import annotations

from pathlib import Path

from starlette.requests import Request
from starlette.responses import FileResponse


def has(request: Request, tag: str) -> bool:
    """Whether the caller has the version with this ETag (RFC 9110, section 13.1.2)."""
    known = request.headers.get("if-none-match", "").split(",")
    return tag in {name.strip().removeprefix("W/") for name in known}


def for_an_hour(file: Path) -> FileResponse:
    """A script or a style sheet, that pages ask for under one name in every version."""
    return FileResponse(file, headers={"Cache-Control": "public, max-age=3600"})
