"""HTTP for people: server-rendered pages in the reader's language."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import date
from functools import cache, partial
from pathlib import Path
from typing import Annotated, Any

from babel.dates import format_date, format_datetime, format_interval
from fastapi import Depends, FastAPI, Request
from fastapi.responses import HTMLResponse, Response
from jinja2 import ChoiceLoader, Environment, FileSystemLoader, StrictUndefined

from shared import access, i18n
from shared.clock import Clock
from shared.forum import Forum, Language
from shared.problems import Problem

SHARED_TEMPLATES = Path(__file__).parent / "web" / "templates"
Gettext = Callable[[str], str]
LANGUAGE_COOKIE = "lang"
A_YEAR = 365 * 24 * 3600


class Pages:
    """Renders one service's templates on the shared base."""

    def __init__(self, folder: Path, service: str, forum: Forum, clock: Clock) -> None:
        self._folder = folder
        self._service = service
        self._forum = forum
        self._clock = clock
        self._environment = cache(self._make_environment)

    def language(self, request: Request) -> Language:
        chosen = request.query_params.get("lang") or request.cookies.get(LANGUAGE_COOKIE)
        return i18n.negotiate(request.headers.get("accept-language", ""), chosen)

    def render(
        self, request: Request, template: str, status_code: int = 200, **context: Any
    ) -> HTMLResponse:
        """A page. Text given in `context` is escaped by the template."""
        language = self.language(request)
        html = (
            self._environment(language)
            .get_template(template)
            .render(
                request=request,
                staff=access.staff_of(request),
                forum=self._forum,
                rehearsal=self._clock.rehearsal,
                now=self._clock.now(),
                # A page that answers a POST has no address of its own to be read again at.
                language_links=self._language_links(request) if request.method == "GET" else [],
                **context,
            )
        )
        response = HTMLResponse(html, status_code)
        response.headers["Cache-Control"] = "no-store"
        response.headers["Vary"] = "Accept-Language, Cookie"
        if request.query_params.get("lang") == language:
            response.set_cookie(LANGUAGE_COOKIE, language, max_age=A_YEAR, samesite="lax")
        return response

    def problem(self, request: Request, problem: Problem) -> Response:
        page = self.render(request, "problem.html", problem.status, problem=problem)
        page.headers.update(problem.headers)
        return page

    def gettext_in(self, language: str) -> Gettext:
        return i18n.translations(self._folder / "locale", language).gettext

    def _language_links(self, request: Request) -> list[tuple[str, str, str]]:
        """Code, own name and address of this page in each language offered."""
        return [
            (code, i18n.NATIVE_NAMES[code], str(request.url.include_query_params(lang=code)))
            for code in i18n.OFFERED
        ]

    def _make_environment(self, language: Language) -> Environment:
        locale = i18n.locale(language)
        environment = Environment(
            loader=ChoiceLoader(
                [FileSystemLoader(self._folder / "templates"), FileSystemLoader(SHARED_TEMPLATES)]
            ),
            extensions=["jinja2.ext.i18n"],
            autoescape=True,
            undefined=StrictUndefined,
            trim_blocks=True,
            lstrip_blocks=True,
        )
        catalogue = i18n.translations(self._folder / "locale", language)
        environment.install_gettext_translations(catalogue, newstyle=True)  # type: ignore[attr-defined]
        environment.globals.update(
            language=language,
            direction=i18n.direction(language),
            service=self._service,
            in_language=lambda text: text.in_language(language),
            moment=partial(
                format_datetime,
                format="EEE d MMM y, HH:mm",
                tzinfo=self._forum.timezone,
                locale=locale,
            ),
            short_day=partial(format_date, format="EEE d MMM", locale=locale),
            period=partial(_period, locale),
        )
        return environment


def install(app: FastAPI, folder: Path, service: str) -> None:
    """Give a service its pages: templates and catalogue stand in its folder."""
    pages = Pages(folder, service, app.state.forum, app.state.clock)
    app.state.pages = pages
    app.state.problem_page = pages.problem


def _pages_of(request: Request) -> Pages:
    pages: Pages = request.app.state.pages
    return pages


OurPages = Annotated[Pages, Depends(_pages_of)]
"""A route's parameter: the service's pages."""


def _period(locale: str, days: Sequence[date]) -> str:
    return str(format_interval(days[0], days[-1], "yMMMMd", locale=locale))
