"""The mailbox in the browser, and as JSON for programs."""

from __future__ import annotations

from dataclasses import asdict
from itertools import islice
from pathlib import Path
from typing import Any, Final
from urllib.parse import quote

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import FileResponse, HTMLResponse, JSONResponse, RedirectResponse, Response
from starlette.routing import Route

from deploy.mailbox.store import Entry, Mail, Store
from shared.limits import LOOPBACK, network_of
from shared.middleware import CONTENT_SECURITY_POLICY
from shared.service import LOOK

SHOWN: Final = 100
"""Mails in a list; a search finds the others."""
ROOT: Final = "/mailbox/"
MAIL_SECURITY_POLICY: Final = (
    "default-src 'none'; img-src 'self' data:; style-src 'unsafe-inline'; frame-ancestors 'self'; "
    "sandbox allow-popups allow-popups-to-escape-sandbox allow-top-navigation-by-user-activation"
)
"""A mail shows its text and its pictures and runs nothing; its links open the page they name."""
SAFE_TO_SHOW: Final = frozenset({"image/png", "image/jpeg", "application/pdf"})


def create(store: Store) -> Starlette:
    """The pages below /mailbox/, for this machine only: whoever reads them can be anybody."""
    mailbox = _Pages(store)
    routes = {
        "": mailbox.list,
        "look/{file}": mailbox.look,
        "api/messages": mailbox.list_as_json,
        "api/messages/{id}": mailbox.one_as_json,
        "{id}": mailbox.one,
        "{id}/html": mailbox.html,
        "{id}/source": mailbox.source,
        "{id}/parts/{number:int}": mailbox.part,
    }
    return Starlette(
        routes=[
            Route("/", lambda _: RedirectResponse(ROOT)),
            Route(ROOT.rstrip("/"), lambda _: RedirectResponse(ROOT)),
            Route(f"{ROOT}api/messages", _local(mailbox.forget), methods=["DELETE"]),
            *(Route(ROOT + path, _local(page)) for path, page in routes.items()),
        ]
    )


def _local(page: Any) -> Any:
    async def for_this_machine(request: Request) -> Response:
        if request.client is not None and network_of(request) != LOOPBACK:
            raise HTTPException(403, "The mailbox can be read on its own machine only.")
        response: Response = page(request)
        response.headers.setdefault("Content-Security-Policy", CONTENT_SECURITY_POLICY)
        response.headers["X-Content-Type-Options"] = "nosniff"
        response.headers["Referrer-Policy"] = "no-referrer"
        return response

    return for_this_machine


class _Pages:
    def __init__(self, store: Store) -> None:
        self._store = store
        self._templates = Environment(
            loader=FileSystemLoader(Path(__file__).parent / "templates"),
            autoescape=True,
            undefined=StrictUndefined,
            trim_blocks=True,
            lstrip_blocks=True,
        )

    def list(self, request: Request) -> Response:
        to = request.query_params.get("to", "")
        mails = list(islice(self._store.newest_first(to), SHOWN))
        return self._page("list.html", mails=mails, to=to, most=SHOWN)

    def one(self, request: Request) -> Response:
        return self._page("mail.html", mail=self._mail(request))

    def html(self, request: Request) -> Response:
        mail = self._mail(request)
        html = mail.html
        for part in mail.parts:
            if part.content_id:
                html = html.replace(f"cid:{part.content_id}", _part_url(mail, part.number))
        # The mail stands in a frame: its links open in the whole window.
        response = HTMLResponse(html.replace("<head>", '<head><base target="_top">', 1))
        response.headers["Content-Security-Policy"] = MAIL_SECURITY_POLICY
        return response

    def source(self, request: Request) -> Response:
        raw = self._store.raw(request.path_params["id"])
        if raw is None:
            raise _no_such_mail()
        return Response(raw, media_type="text/plain; charset=utf-8")

    def part(self, request: Request) -> Response:
        number: int = request.path_params["number"]
        parts = self._mail(request).parts
        if number >= len(parts):
            raise _no_such_mail()
        part = parts[number]
        shown = part.media_type in SAFE_TO_SHOW
        disposition = f"{'inline' if shown else 'attachment'}; filename*=UTF-8''{quote(part.name)}"
        return Response(
            part.content,
            media_type=part.media_type,
            headers={"Content-Disposition": disposition},
        )

    def list_as_json(self, request: Request) -> Response:
        entries = self._store.newest_first(request.query_params.get("to", ""))
        return JSONResponse({"items": [_as_json(entry) for entry in islice(entries, SHOWN)]})

    def one_as_json(self, request: Request) -> Response:
        mail = self._mail(request)
        parts = [
            {"name": part.name, "media_type": part.media_type, "url": _part_url(mail, part.number)}
            for part in mail.parts
        ]
        texts = {"plain": mail.plain, "html": mail.html}
        return JSONResponse({**_as_json(mail.entry), **texts, "parts": parts})

    def forget(self, request: Request) -> Response:
        """The mails with one of these before the @ of their Message-ID: of who was erased."""
        gone = sum(self._store.forget(one) for one in request.query_params.getlist("message_id"))
        return JSONResponse({"forgotten": gone})

    def look(self, request: Request) -> Response:
        path = LOOK / request.path_params["file"]
        if path.suffix != ".css" or path.parent != LOOK or not path.exists():
            raise HTTPException(404)
        return FileResponse(path)

    def _mail(self, request: Request) -> Mail:
        mail = self._store.open(request.path_params["id"])
        if mail is None:
            raise _no_such_mail()
        return mail

    def _page(self, template: str, **context: object) -> Response:
        page = self._templates.get_template(template).render(context)
        return HTMLResponse(page, headers={"Cache-Control": "no-store"})


def _as_json(entry: Entry) -> dict[str, Any]:
    return {**asdict(entry), "received_at": entry.received_at.isoformat()}


def _part_url(mail: Mail, number: int) -> str:
    return f"{ROOT}{mail.entry.id}/parts/{number}"


def _no_such_mail() -> HTTPException:
    return HTTPException(404, "There is no such mail.")
