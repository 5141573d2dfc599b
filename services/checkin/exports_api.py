"""HTTP for those who take figures away: the log as a list, and files."""

from __future__ import annotations

from datetime import date
from typing import Annotated, Final

from fastapi import APIRouter, Depends, Query, Request
from fastapi.responses import Response
from pydantic import Field
from sqlalchemy import select

from services.checkin.api import LEADS, Watcher
from services.checkin.exports import (
    ATTENDANCE_COLUMNS,
    NAMES_FOR,
    SCAN_COLUMNS,
    attendance_export,
    scans_export,
)
from services.checkin.gates import OurGates
from services.checkin.scan_filter import ScanFilter
from services.checkin.schemas import ScanOut, ScanPage
from services.checkin.tables import scans
from shared import audit
from shared.access import Staff
from shared.downloads import Downloads, Format, Order, file_answer
from shared.exports import documentation

ABOUT_ATTENDANCE: Final = "One row a person and day, in the order of coming."
ABOUT_SCANS: Final = """One row an entry of the log, oldest first, as filtered. In a workbook
what is more than Excel's 1,048,576 rows stands on further sheets."""

router = APIRouter(prefix="/api")


async def _downloads_of(request: Request) -> Downloads:
    downloads: Downloads = request.app.state.downloads
    return downloads


OurDownloads = Annotated[Downloads, Depends(_downloads_of)]
Bom = Annotated[
    bool,
    Query(description="Begin with a byte order mark: Excel needs it, programs may not want it"),
]
Day = Annotated[date | None, Query(description="A day of the forum; all days when absent")]


class ScanList(ScanFilter):
    """A page of the log."""

    cursor: Annotated[int, Field(ge=1, lt=1 << 63)] | None = None
    limit: Annotated[int, Field(ge=1, le=1000)] = 100


class ScanFile(ScanFilter):
    bom: bool = Field(
        default=False,
        description="Begin with a byte order mark: Excel needs it, programs may not want it",
    )


@router.get("/scans", tags=["scans"], summary="The log, newest first")
async def log(gates: OurGates, by: Watcher, wanted: Annotated[ScanList, Query()]) -> ScanPage:
    query = (
        select(scans)
        .where(*wanted.conditions(gates.forum))
        .order_by(scans.c.seq.desc())
        .limit(wanted.limit + 1)
    )
    if wanted.cursor is not None:
        query = query.where(scans.c.seq < wanted.cursor)
    async with gates.database.read() as connection:
        rows = list(await connection.execute(query))
    more = len(rows) > wanted.limit
    about = {row.registration_id for row in rows[: wanted.limit] if row.registration_id}
    await audit.note_read(gates.database, gates.clock.now(), "scan.search", about)
    items = [ScanOut.model_validate(row) for row in rows[: wanted.limit]]
    if not by.has(*LEADS):
        items = [item.model_copy(update={"said": None}) for item in items]
    return ScanPage(
        items=items,
        next_cursor=str(rows[wanted.limit - 1].seq) if more else None,
    )


@router.get(
    "/scans.csv",
    tags=["exports"],
    summary="The log as CSV",
    description=documentation(SCAN_COLUMNS, ABOUT_SCANS, NAMES_FOR),
    **file_answer(Format.csv),
)
async def scans_csv(
    gates: OurGates, downloads: OurDownloads, by: Watcher, wanted: Annotated[ScanFile, Query()]
) -> Response:
    return _scans(gates, downloads, by, wanted, Format.csv, bom=wanted.bom)


@router.get(
    "/scans.xlsx",
    tags=["exports"],
    summary="The log as a workbook",
    description=documentation(SCAN_COLUMNS, ABOUT_SCANS, NAMES_FOR),
    **file_answer(Format.xlsx),
)
async def scans_xlsx(
    gates: OurGates, downloads: OurDownloads, by: Watcher, wanted: Annotated[ScanFilter, Query()]
) -> Response:
    return _scans(gates, downloads, by, wanted, Format.xlsx)


@router.get(
    "/attendance.csv",
    tags=["exports"],
    summary="Who came on which day, as CSV",
    description=documentation(ATTENDANCE_COLUMNS, ABOUT_ATTENDANCE, NAMES_FOR),
    **file_answer(Format.csv),
)
async def attendance_csv(
    gates: OurGates, downloads: OurDownloads, by: Watcher, day: Day = None, bom: Bom = False
) -> Response:
    return _attendance(gates, downloads, by, day, Format.csv, bom=bom)


@router.get(
    "/attendance.xlsx",
    tags=["exports"],
    summary="Who came on which day, as a workbook",
    description=documentation(ATTENDANCE_COLUMNS, ABOUT_ATTENDANCE, NAMES_FOR),
    **file_answer(Format.xlsx),
)
async def attendance_xlsx(
    gates: OurGates, downloads: OurDownloads, by: Watcher, day: Day = None
) -> Response:
    return _attendance(gates, downloads, by, day, Format.xlsx)


def _scans(
    gates: OurGates,
    downloads: Downloads,
    by: Staff,
    wanted: ScanFilter,
    kind: Format,
    *,
    bom: bool = False,
) -> Response:
    export = scans_export(wanted, gates.forum, with_names=by.has(*LEADS))
    name = f"{gates.forum.id}-scans"
    return downloads.answer(Order(export, kind, name, by, wanted.as_asked(), bom))


def _attendance(
    gates: OurGates,
    downloads: Downloads,
    by: Staff,
    day: date | None,
    kind: Format,
    *,
    bom: bool = False,
) -> Response:
    export = attendance_export(gates.forum, day, with_names=by.has(*LEADS))
    name = f"{gates.forum.id}-attendance"
    asked = {} if day is None else {"day": day.isoformat()}
    return downloads.answer(Order(export, kind, name, by, asked, bom))
