"""Where an API is read and tried: Swagger UI, brought from here and from nowhere else.

A venue may have no way out of its network, and a page of another site may not run in our name.
It is an npm package (package.json); see docs/decisions/0032.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Final

from fastapi import APIRouter
from fastapi.responses import HTMLResponse, Response

from shared import caching
from shared.problems import not_found
from shared.settings import REPOSITORY

_VIEWER: Final = REPOSITORY / "node_modules" / "swagger-ui-dist"
_FILES: Final[Mapping[str, Path]] = {
    "api-docs.js": Path(__file__).parent / "web" / "api-docs.js",
    "swagger-ui-bundle.js": _VIEWER / "swagger-ui-bundle.js",
    "swagger-ui.css": _VIEWER / "swagger-ui.css",
}
_PAGE: Final = """<!doctype html>
<html lang="en">
<head>
  <meta charset="utf-8">
  <meta name="viewport" content="width=device-width, initial-scale=1">
  <title>Forum Pass: {name}</title>
  <link rel="icon" href="data:,">
  <link rel="stylesheet" href="/{name}/api/docs/swagger-ui.css">
  <script src="/{name}/api/docs/swagger-ui-bundle.js" defer></script>
  <script src="/{name}/api/docs/api-docs.js" defer></script>
</head>
<body>
  <main id="api" data-described-in="/{name}/api/openapi.json"></main>
  <noscript><p>This page needs a script. The API is described in
    <a href="/{name}/api/openapi.json">/{name}/api/openapi.json</a>.</p></noscript>
</body>
</html>
"""


def router(name: str) -> APIRouter:
    """The page of one service, by its name."""
    routes = APIRouter(include_in_schema=False)

    @routes.get("/api/docs")
    async def page() -> Response:
        return HTMLResponse(_PAGE.format(name=name))

    @routes.get("/api/docs/{file}")
    async def part(file: str) -> Response:
        path = _FILES.get(file)
        if path is None or not path.exists():
            raise not_found("file")
        return caching.for_an_hour(path)

    return routes
