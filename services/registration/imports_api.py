"""HTTP for programs: importing a file of people."""

from __future__ import annotations

import codecs
import re
from email.message import Message
from typing import Annotated, Any, Final
from uuid import UUID

from fastapi import APIRouter, Depends, Header, Query, Request, Response
from starlette.datastructures import UploadFile

from services.registration import delegations, imports, sheet
from services.registration.api import bearer_scheme
from services.registration.delegations import SEE_ALL, Delegation
from services.registration.imports import Judged, ReadFile, Report
from services.registration.registrations import Registrations, TheRegistrations
from services.registration.sheet import Unreadable
from shared import audit
from shared.access import Role, Staff, require
from shared.problems import FieldError, Problem, documented

Importer = Annotated[Staff, Depends(require(*SEE_ALL, Role.focal_point))]
FORM: Final = "multipart/form-data"
_TABLES: Final = frozenset(
    {
        "", "text/csv", "application/csv", "text/plain", "text/tab-separated-values",
        "application/octet-stream",
        # What a browser on a machine with Excel calls a .csv.
        "application/vnd.ms-excel",
    }
)  # fmt: skip
_CHARSETS: Final = re.compile("utf-?(8|16)|windows-125[0-8]|iso-8859-[0-9]{1,2}|gb(k|2312|18030)")
ABOUT: Final = """The file as the body, or as `file` of a form. UTF-8, UTF-16 or what Excel saves;
cells divided by commas, semicolons or tabs. The first row names the columns: as the fields of a
registration, or as the form calls them in any of the six languages, in any order. All good rows are
registered and every bad one is reported; somebody who is registered already is left alone, so a
file can be sent again when it is mended. Whoever sends it vouches for the addresses and, where
there is no column `consent`, for the consent. At most 5,000 rows and 5 MB."""

router = APIRouter(prefix="/api/imports", tags=["imports"], dependencies=[bearer_scheme])


@router.post(
    "",
    status_code=201,
    summary="Register the people of a file",
    description=ABOUT,
    openapi_extra={
        "requestBody": {
            "required": True,
            "content": {"text/csv": {"schema": {"type": "string"}}},
        }
    },
    responses={
        200: {"model": Report, "description": "A dry run: nothing was written"},
        **documented(400, 401, 403, 404, 413, 415, 422),
    },
)
async def take(
    request: Request,
    response: Response,
    of: TheRegistrations,
    by: Importer,
    delegation: Annotated[
        UUID | None,
        Query(description="Whose members they are; may be left out by who looks after one only"),
    ] = None,
    dry_run: Annotated[bool, Query(description="Only say what would become of each row")] = False,
    idempotency_key: Annotated[
        str | None,
        Header(
            min_length=1,
            max_length=200,
            pattern="^[ -~]+$",
            description="Sent again with the same key: same answer",
        ),
    ] = None,
) -> Report:
    members_of = await delegation_for(of, by, delegation)
    content = await _content(request)
    legacy = _charset(request.headers.get("content-type", "")) or sheet.EXCELS
    try:
        if dry_run:
            response.status_code = 200
            file = await imports.read(of, content, members_of, legacy)
            return (await shown_preview(of, file, members_of))[1]
        report = await imports.take(
            of, content, members_of, by, legacy=legacy, idempotency_key=idempotency_key
        )
    except Unreadable as unreadable:
        raise _problem(unreadable) from None
    # It tells also who was registered before, or, to the same key, who was by an earlier call.
    await _note_report(of, report)
    return report


@router.get("/{import_id}", summary="What became of a file", responses=documented(401, 403, 404))
async def get(of: TheRegistrations, import_id: UUID, by: Importer) -> Report:
    return await shown_report(of, import_id, by)


async def shown_preview(
    of: Registrations, file: ReadFile, members_of: Delegation | None
) -> tuple[Judged, Report]:
    """What would become of a file, which tells who is registered: noted in the audit log."""
    judged, report = await imports.preview(of, file, members_of)
    about = {one.id for one in report.already_registered}
    await audit.note_read(of.database, of.clock.now(), "import.preview", about)
    return judged, report


async def shown_report(of: Registrations, import_id: UUID, by: Staff) -> Report:
    """What became of a file, noted in the audit log.

    Raises:
        Problem: 404, this member of staff has imported no such file.
    """
    async with of.database.read() as connection:
        report = await imports.earlier_report(connection, import_id, by)
    await _note_report(of, report)
    return report


async def _note_report(of: Registrations, report: Report) -> None:
    about = {one.id for one in (*report.registrations, *report.already_registered)}
    now = of.clock.now()
    await audit.note_read(of.database, now, "import.read", about, which=report.id)


async def delegation_for(
    of: Registrations, by: Staff, delegation_id: UUID | None
) -> Delegation | None:
    """Whose members are imported; nobody's only for those who see all.

    Raises:
        Problem: 403 for a focal point without a delegation, 404, 422 for one with several.
    """
    async with of.database.read() as connection:
        if delegation_id is not None:
            return await delegations.get(connection, delegation_id, by)
        if by.has(*SEE_ALL):
            return None
        return await delegations.sole(connection, by)


def _charset(content_type: str) -> str | None:
    """The charset that the sender names, if it is one of those that files are saved in."""
    header = Message()
    header["content-type"] = content_type
    named = header.get_content_charset()
    if named is None or not _CHARSETS.fullmatch(named):
        return None
    try:
        return codecs.lookup(named).name
    except LookupError:
        return None


async def _content(request: Request) -> bytes:
    """The file that was sent.

    Raises:
        Problem: 415 for another kind of content, 422 for a form without a file.
    """
    media_type = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if media_type in _TABLES:
        return await request.body()
    if media_type != FORM:
        raise Problem(415, "unsupported-media-type", "Send the file as text/csv.")
    async with request.form(max_files=1, max_fields=10) as data:
        file: Any = data.get("file")
        if not isinstance(file, UploadFile):
            error = FieldError("file", "is missing", "missing")
            raise Problem(422, "invalid-input", "file: is missing", errors=[error])
        return await file.read()


def _problem(unreadable: Unreadable) -> Problem:
    status = 413 if unreadable.kind == "too-large" else 422
    kind = "too-large" if status == 413 else "unreadable-file"
    fields = unreadable.names or ("file",)
    return Problem(
        status,
        kind,
        unreadable.detail,
        errors=[FieldError(field, unreadable.detail, unreadable.kind) for field in fields],
    )
