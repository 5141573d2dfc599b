"""What a browser has already is not sent again."""

from __future__ import annotations

from starlette.requests import Request


def has(request: Request, tag: str) -> bool:
    """Whether the caller has the version with this ETag (RFC 9110, section 13.1.2)."""
    known = request.headers.get("if-none-match", "").split(",")
    return tag in {name.strip().removeprefix("W/") for name in known}
