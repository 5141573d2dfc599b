"""HTTP for people at the badge desk: print runs, counted before they are printed."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Annotated
from urllib.parse import urlencode

from fastapi import APIRouter, Query, Request, Response
from pydantic import BaseModel

from services.badging.desk_pages import Clerk
from services.badging.face_sheets import Paper
from services.badging.sheets import MOST, Place, Printer, Run
from services.badging.sheets_api import behind, run_of
from shared import countries
from shared.forum import Forum
from shared.pages import OurPages
from shared.problems import FieldError, invalid_input


class Choice(BaseModel):
    """What the form says; what is left out chooses nothing."""

    category: str = ""
    country: str = ""
    since: str = ""
    paper: Paper = Paper.a6

    def run(self, forum: Forum) -> Run:
        """The badges that are chosen.

        Raises:
            Problem: 422, there is no such category, country or moment.
        """
        categories = [self.category] if self.category else []
        codes = [self.country] if self.country else []
        since = _moment(self.since, forum) if self.since else None
        return run_of(forum, categories, codes, [], since)


def router(printer: Printer) -> APIRouter:
    pages = APIRouter(include_in_schema=False)
    forum = printer.forum

    @pages.get("/desk/runs")
    async def runs(
        request: Request, ours: OurPages, _: Clerk, choice: Annotated[Choice, Query()]
    ) -> Response:
        asked = choice.run(forum)
        total, places = await printer.count(asked)
        last = await printer.last_run()
        return ours.render(
            request,
            "desk_runs.html",
            chosen=choice,
            papers=list(Paper),
            categories=forum.categories,
            countries=countries.choices(ours.language(request)),
            total=total,
            parts=_parts(asked, choice.paper, total, places),
            last=last,
            since_last="" if last is None else urlencode({"since": _typed(last, forum)}),
        )

    return pages


def _moment(typed: str, forum: Forum) -> datetime:
    """A moment as a browser's field has it, by the clock on the forum's walls.

    Raises:
        Problem: 422, it is none.
    """
    try:
        return datetime.fromisoformat(typed).replace(tzinfo=forum.timezone)
    except ValueError:
        raise invalid_input([FieldError("since", "not a date and time")]) from None


def _typed(at: datetime, forum: Forum) -> str:
    """A moment as a browser's field has it: to the minute, rather printing one twice than not."""
    return f"{at.astimezone(forum.timezone):%Y-%m-%dT%H:%M}"


def _parts(
    run: Run, paper: Paper, total: int, places: Sequence[Place]
) -> list[tuple[int, int, str]]:
    """The first and the last badge of each file of a run, and its address."""
    chosen = [("category", one) for one in run.categories]
    chosen += [("country", one) for one in run.countries]
    if run.issued_after is not None:
        chosen.append(("issued_after", run.issued_after.isoformat()))
    parts = []
    for number, place in enumerate([None, *places] if total else [], start=1):
        before = (number - 1) * MOST
        which = [("paper", paper), ("part", str(number))]
        if place is not None:
            which.append(("after", behind(place)))
        address = "/badging/api/sheets.pdf?" + urlencode([*chosen, *which])
        parts.append((before + 1, min(before + MOST, total), address))
    return parts
