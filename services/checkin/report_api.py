"""HTTP for the report after the forum: for programs, on the screen, and as files."""

from __future__ import annotations

import time
from typing import Annotated, Final

import structlog
from fastapi import APIRouter, Depends, Request
from fastapi.responses import Response

from services.checkin.api import Watcher
from services.checkin.gates import Gates, OurGates
from services.checkin.report import Report
from services.checkin.report_files import make_pdf, make_workbook
from services.checkin.report_tables import tell
from services.checkin.reports import Reports
from shared import access, audit
from shared.downloads import MEDIA_TYPES, Format
from shared.forum import Language
from shared.pages import OurPages
from shared.problems import documented

log = structlog.get_logger()

PDF: Final = "application/pdf"
PRINTED: Final[tuple[Language, ...]] = ("en", "fr")
"""The languages of the forum's outcome document."""
AGAIN_SECONDS: Final = 2

router = APIRouter(prefix="/api", tags=["report"], responses=documented(401, 403))
pages_router = APIRouter(include_in_schema=False)


async def _reports_of(request: Request) -> Reports:
    reports: Reports = request.app.state.reports
    return reports


OurReports = Annotated[Reports, Depends(_reports_of)]


@router.get("/report", summary="Who came, from where, and when it was full")
async def report_json(reports: OurReports, _: Watcher) -> Report:
    """Where counting takes seconds, an answer may be a minute old: see `at`."""
    return await reports.latest()


@router.get(
    "/report.pdf",
    summary="The same to print",
    description="In English, or with `?lang=fr` in French.",
    response_class=Response,
    responses={200: {"description": "The file", "content": {PDF: {}}}, **documented(503)},
)
async def report_pdf(
    request: Request, gates: OurGates, pages: OurPages, reports: OurReports, by: Watcher
) -> Response:
    began = time.monotonic()
    asked = pages.language(request)
    language = asked if asked in PRINTED else "en"
    told = tell(await reports.latest(), gates.forum, language, pages.gettext_in(language))
    content = await reports.file(make_pdf, told)
    return await _file(gates, by, content, f"report-{language}.pdf", PDF, began)


@router.get(
    "/report.xlsx",
    summary="The same as a workbook, a sheet a table",
    description="In the caller's language, or in that of `?lang=`.",
    response_class=Response,
    responses={
        200: {"description": "The file", "content": {MEDIA_TYPES[Format.xlsx]: {}}},
        **documented(503),
    },
)
async def report_xlsx(
    request: Request, gates: OurGates, pages: OurPages, reports: OurReports, by: Watcher
) -> Response:
    began = time.monotonic()
    language = pages.language(request)
    told = tell(await reports.latest(), gates.forum, language, pages.gettext_in(language))
    content = await reports.file(make_workbook, told)
    media_type = MEDIA_TYPES[Format.xlsx]
    return await _file(gates, by, content, f"report-{language}.xlsx", media_type, began)


@pages_router.get("/report")
async def report_page(
    request: Request, gates: OurGates, pages: OurPages, reports: OurReports, _: Watcher
) -> Response:
    counted = await reports.soon()
    if counted is None:
        page = pages.render(request, "report_counting.html", 202)
        page.headers["Refresh"] = str(AGAIN_SECONDS)
        return page
    language = pages.language(request)
    told = tell(counted, gates.forum, language, pages.gettext_in(language))
    return pages.render(request, "report.html", told=told)


async def _file(
    gates: Gates, by: access.Staff, content: bytes, name: str, media_type: str, began: float
) -> Response:
    await audit.note_read(gates.database, gates.clock.now(), "file.export", [], file=name)
    took = round((time.monotonic() - began) * 1000)
    log.info("export.made", file=name, by=by.id, role=by.role, took_ms=took)
    disposition = f'attachment; filename="{gates.forum.id}-{name}"'
    headers = {"Content-Disposition": disposition, "Cache-Control": "no-store"}
    return Response(content, media_type=media_type, headers=headers)
