"""HTTP for people: server-rendered pages in the reader's language."""

from __future__ import annotations

import html
from collections.abc import Callable
from contextlib import suppress
from functools import cache, partial
from pathlib import Path
from typing import Annotated, Any
from urllib.parse import urlsplit

from babel.numbers import format_decimal
from fastapi import Depends, FastAPI, Request
from fastapi.responses import HTMLResponse, Response
from jinja2 import ChoiceLoader, Environment, FileSystemLoader, StrictUndefined

from shared import access, dates, i18n
from shared.clock import Clock
from shared.forum import Forum, Language
from shared.names import full_name
from shared.problems import Problem
from shared.settings import load
from shared.wallets import WalletSettings

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
        """The language chosen here or on this device, else the person's own, else the browser's."""
        wishes = (
            request.query_params.get("lang"),
            request.cookies.get(LANGUAGE_COOKIE),
            getattr(request.state, "own_language", None),
        )
        chosen = next((wish for wish in wishes if wish in i18n.OFFERED), None)
        return i18n.negotiate(request.headers.get("accept-language", ""), chosen)

    def render(
        self, request: Request, template: str, status_code: int = 200, **context: Any
    ) -> HTMLResponse:
        """A page. Text given in `context` is escaped by the template.

        Give `language_form`, the id of the page's form, where another language must not cost what
        was typed: the switch then sends the form there, as a field `read_in`.
        """
        language = self.language(request)
        content = (
            self._environment(language)
            .get_template(template)
            .render(
                request=request,
                staff=_staff_shown(request),
                forum=self._forum,
                rehearsal=self._clock.rehearsal,
                now=self._clock.now(),
                language_links=_language_links(request),
                **{"language_form": "", **context},
            )
        )
        response = HTMLResponse(content, status_code)
        response.headers["Cache-Control"] = "no-store"
        response.headers["Content-Language"] = language
        response.headers["Vary"] = "Accept-Language, Cookie"
        if request.query_params.get("lang") == language:
            response.set_cookie(LANGUAGE_COOKIE, language, max_age=A_YEAR, samesite="lax")
        return response

    def fragment(self, language: Language, template: str, macro: str, *given: Any) -> str:
        """What a macro of a template says, as plain text."""
        module = self._environment(language).get_template(template).module
        return html.unescape(str(getattr(module, macro)(*given))).strip()

    def problem(self, request: Request, problem: Problem) -> Response:
        page = self.render(request, "problem.html", problem.status, problem=problem)
        page.headers.update(problem.headers)
        return page

    def gettext_in(self, language: str) -> Gettext:
        return i18n.translations(self._folder / "locale", language).gettext

    def _make_environment(self, language: Language) -> Environment:
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
            wallets=load(WalletSettings).offered,
            full_name=lambda of: full_name(of.title or "", of.given_name, of.family_name),
            in_language=lambda text: text.in_language(language),
            moment=partial(dates.moment, timezone=self._forum.timezone, language=language),
            short_day=partial(dates.short_day, language=language),
            period=partial(dates.period, language=language),
            number=partial(format_decimal, locale=language),
        )
        return environment


def install(app: FastAPI, folder: Path, service: str) -> None:
    """Give a service its pages: templates and catalogue stand in its folder."""
    pages = Pages(folder, service, app.state.forum, app.state.clock)
    app.state.pages = pages
    app.state.problem_page = pages.problem


def speak_own_language(request: Request, language: str) -> None:
    """Answer in the language that the person has registered with, if this device wants no other."""
    request.state.own_language = language


# A coroutine: FastAPI would run a plain function in a thread.
async def _pages_of(request: Request) -> Pages:
    pages: Pages = request.app.state.pages
    return pages


OurPages = Annotated[Pages, Depends(_pages_of)]
"""A route's parameter: the service's pages."""


def _staff_shown(request: Request) -> access.Staff | None:
    """Whom the page's head greets; on the page that says that the database is away, nobody."""
    with suppress(Problem):
        return access.staff_of(request)
    return None


def _language_links(request: Request) -> list[tuple[str, str, str]]:
    """Code, own name and address of this page in each language offered.

    A page that answers a POST cannot be read again: its links lead to the page that sent it.
    """
    page = request.url
    if request.method == "POST":
        sender = urlsplit(request.headers.get("referer", ""))
        path, query = (sender.path, sender.query) if sender.netloc == page.netloc else ("", "")
        page = page.replace(path=path or "/registration/", query=query, fragment="")
    return [
        (code, i18n.NATIVE_NAMES[code], str(page.include_query_params(lang=code)))
        for code in i18n.OFFERED
    ]
