"""HTTP for the desk's printer: many badges in one file."""

from __future__ import annotations

import json
from base64 import urlsafe_b64decode, urlsafe_b64encode
from datetime import datetime
from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Depends, Query, Request, Response
from pydantic import AwareDatetime

from services.badging.api import DESK
from services.badging.face_sheets import Paper
from services.badging.files import MEDIA_TYPES, Kind
from services.badging.sheets import MOST, PRINTED, Part, Place, Printer, Run
from shared import audit, countries
from shared.access import Staff, require
from shared.forum import Forum
from shared.problems import FieldError, documented, invalid_input, not_found

MOST_NAMED = 200
"""Registrations that a request names; more do not fit into an address."""


def router(printer: Printer) -> APIRouter:
    api = APIRouter(prefix="/api", tags=["badges"])

    @api.get(
        "/sheets.pdf",
        summary="A print run: valid badges by family name",
        description=f'{MOST} badges a part; `Link: …; rel="next"` names the next part.',
        response_class=Response,
        responses={
            200: {"content": {MEDIA_TYPES[Kind.pdf]: {}}},
            **documented(401, 403, 404, 422),
        },
    )
    async def sheets(
        request: Request,
        _: Annotated[Staff, Depends(require(*DESK))],
        category: Annotated[list[str], Query(description="Ids of forum.toml")] = [],  # noqa: B006
        country: Annotated[list[str], Query(description="ISO 3166 alpha-2")] = [],  # noqa: B006
        registration_id: Annotated[list[UUID], Query(max_length=MOST_NAMED)] = [],  # noqa: B006
        issued_after: Annotated[
            AwareDatetime | None, Query(description="Only those since the last print run")
        ] = None,
        paper: Annotated[Paper, Query(description="A badge a page, or four a sheet")] = Paper.a6,
        part: Annotated[int, Query(ge=1, le=100)] = 1,
        after: Annotated[
            str | None, Query(max_length=4000, description="Each part but the first: from the Link")
        ] = None,
    ) -> Response:
        run = run_of(printer.forum, category, country, registration_id, issued_after)
        found = await printer.part(run, _place(part, after))
        if not found.faces:
            raise not_found("valid badge among those asked for")
        await audit.note_read(
            printer.database, printer.clock.now(), PRINTED, found.registration_ids
        )
        content = await printer.draw(found, paper)
        return Response(
            content, media_type=MEDIA_TYPES[Kind.pdf], headers=_headers(request, found, part)
        )

    return api


def run_of(
    forum: Forum,
    categories: list[str],
    codes: list[str],
    registration_ids: list[UUID],
    issued_after: datetime | None,
) -> Run:
    """The run that is asked for.

    Raises:
        Problem: 422, there is no such category or country.
    """
    known = {category.id for category in forum.categories}
    wrong = [
        FieldError("category", f"the forum has no category {one}")
        for one in categories
        if one not in known
    ]
    wrong += [
        FieldError("country", f"there is no country {one}")
        for one in codes
        if one not in countries.CODES
    ]
    if wrong:
        raise invalid_input(wrong)
    return Run(categories, codes, registration_ids, issued_after)


def behind(place: Place) -> str:
    """What `after` is for the part behind this place."""
    return urlsafe_b64encode(json.dumps(place).encode()).decode()


def _place(number: int, after: str | None) -> Place | None:
    """Where a part begins, as the Link of the part before says."""
    if (number, after) == (1, None):
        return None
    try:
        family_name, given_name, badge_id = json.loads(urlsafe_b64decode(after or ""))
        place = Place(family_name, given_name, badge_id)
        if any("\0" in one for one in place):
            raise ValueError
        "".join(place).encode()
    except (ValueError, TypeError, RecursionError):
        raise invalid_input(
            [FieldError("after", "is not what the Link of the part before says", "after")]
        ) from None
    return place


def _headers(request: Request, part: Part, number: int) -> dict[str, str]:
    headers = {
        "Cache-Control": "no-store",
        "Content-Disposition": f'inline; filename="badges-{number}.pdf"',
    }
    if part.following is not None:
        after = behind(part.following)
        following = request.url.include_query_params(part=number + 1, after=after)
        # RFC 8288. Without the origin, which a proxy may have changed.
        headers["Link"] = f'<{following.path}?{following.query}>; rel="next"'
    return headers
