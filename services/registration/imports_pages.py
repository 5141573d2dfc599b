"""HTTP for people: a file of people is looked at first, and imported then.

Between the two the file travels with the page, packed: so nothing of people who may never be
registered is kept here, and whichever process answers can go on with it.
"""

from __future__ import annotations

import csv
import zlib
from base64 import b64decode, b64encode
from dataclasses import dataclass
from io import StringIO
from typing import Final
from uuid import UUID, uuid4

from fastapi import APIRouter, Depends, Request
from fastapi.responses import RedirectResponse, Response
from starlette.datastructures import FormData, UploadFile

from services.registration import imports, sheet
from services.registration.columns import (
    IN_TEMPLATE,
    REQUIRED,
    WHAT_IS_WRONG,
    names_in,
)
from services.registration.delegations import Delegation
from services.registration.delegations_pages import in_the_invitations_language
from services.registration.imports import Judged, Report
from services.registration.imports_api import Importer, delegation_for, shown_preview, shown_report
from services.registration.registrations import Registrations, TheRegistrations
from services.registration.sheet import Unreadable
from shared import countries
from shared.exports import defused
from shared.forum import Language
from shared.pages import OurPages, Pages
from shared.problems import Problem

TICKED: Final = "yes"
MOST_SHOWN: Final = 200
"""Errors on a page; a file may have thousands."""
SAMPLE: Final = 5
"""Good rows that are shown, so that their letters can be looked at."""
_MOST_PART_BYTES: Final = 8 * 1024 * 1024
_SEMICOLONS: Final = ("fr", "es", "ru")
"""Where the decimal sign is a comma, Excel divides the cells of a CSV by semicolons."""

router = APIRouter(
    prefix="/imports",
    include_in_schema=False,
    dependencies=[Depends(in_the_invitations_language)],
)


@dataclass(frozen=True)
class Sent:
    """What a page of ours sends."""

    content: bytes | None
    """The file; None: none was chosen."""
    delegation_id: UUID | None
    key: str
    consent: bool


@router.get("")
async def choose(
    request: Request,
    of: TheRegistrations,
    pages: OurPages,
    by: Importer,
    delegation: UUID | None = None,
) -> Response:
    members_of = await delegation_for(of, by, delegation)
    return _upload_page(request, pages, members_of)


@router.get("/template.csv")
async def template(
    request: Request,
    of: TheRegistrations,
    pages: OurPages,
    by: Importer,
    delegation: UUID | None = None,
) -> Response:
    members_of = await delegation_for(of, by, delegation)
    language = pages.language(request)
    names = names_in(language)
    given = () if members_of is None else ("category",)
    header = [names[field] for field in IN_TEMPLATE if field not in given]
    return _csv([header], language, "template.csv")


@router.post("/preview")
async def preview(
    request: Request, of: TheRegistrations, pages: OurPages, by: Importer
) -> Response:
    sent = await _sent(request)
    members_of = await delegation_for(of, by, sent.delegation_id)
    return await _preview_page(request, of, pages, members_of, sent)


@router.post("/rejected.csv")
async def rejected(
    request: Request, of: TheRegistrations, pages: OurPages, by: Importer
) -> Response:
    """The rows to be mended, each with what is wrong: a file that can be imported in its turn."""
    sent = await _sent(request)
    members_of = await delegation_for(of, by, sent.delegation_id)
    language = pages.language(request)
    try:
        file = await imports.read(of, sent.content or b"", members_of, _legacy(language))
    except Unreadable as unreadable:
        return _upload_page(request, pages, members_of, unreadable)
    judged, report = await shown_preview(of, file, members_of)
    reasons = _reasons(pages, language, report)
    added = names_in(language)[WHAT_IS_WRONG]
    # A file that we have given back has the column already.
    places = [place for place, name in enumerate(file.sheet.header.cells) if name != defused(added)]
    rows = [[*(file.sheet.header.cells[place] for place in places), added]]
    for row in file.sheet.rows:
        if row.line in judged.errors:
            cells = [row.cells[place] if place < len(row.cells) else "" for place in places]
            rows.append([*map(defused, cells), reasons[row.line]])
    return _csv(rows, language, "to-mend.csv")


@router.post("")
async def take(request: Request, of: TheRegistrations, pages: OurPages, by: Importer) -> Response:
    sent = await _sent(request)
    members_of = await delegation_for(of, by, sent.delegation_id)
    if sent.content is None or not sent.consent:
        return await _preview_page(request, of, pages, members_of, sent, consent_missing=True)
    try:
        report = await imports.take(
            of,
            sent.content,
            members_of,
            by,
            legacy=_legacy(pages.language(request)),
            idempotency_key=sent.key,
        )
    except Unreadable as unreadable:
        return _upload_page(request, pages, members_of, unreadable)
    return RedirectResponse(f"/registration/imports/{report.id}", 303)


@router.get("/{import_id}")
async def result(
    request: Request, of: TheRegistrations, pages: OurPages, import_id: UUID, by: Importer
) -> Response:
    report = await shown_report(of, import_id, by)
    return pages.render(
        request,
        "import_done.html",
        report=report,
        errors=report.errors[:MOST_SHOWN],
        more=max(0, len(report.errors) - MOST_SHOWN),
    )


def _upload_page(
    request: Request,
    pages: Pages,
    members_of: Delegation | None,
    unreadable: Unreadable | None = None,
) -> Response:
    names = names_in(pages.language(request))
    columns = [name for name in IN_TEMPLATE if members_of is None or name != "category"]
    return pages.render(
        request,
        "import.html",
        200 if unreadable is None else 422,
        delegation=members_of,
        unreadable=unreadable,
        wrong_columns=[names[name] for name in unreadable.names] if unreadable else [],
        columns=[(names[name], _is_required(name, members_of)) for name in columns],
        most_rows=sheet.MOST_ROWS,
    )


async def _preview_page(
    request: Request,
    of: Registrations,
    pages: Pages,
    members_of: Delegation | None,
    sent: Sent,
    *,
    consent_missing: bool = False,
) -> Response:
    language = pages.language(request)
    try:
        if sent.content is None:
            raise Unreadable("no-file", "No file was chosen.")
        file = await imports.read(of, sent.content, members_of, _legacy(language))
        judged, report = await shown_preview(of, file, members_of)
    except Unreadable as unreadable:
        return _upload_page(request, pages, members_of, unreadable)
    return pages.render(
        request,
        "import_preview.html",
        422 if consent_missing else 200,
        delegation=members_of,
        report=report,
        errors=_with_entries(judged, report)[:MOST_SHOWN],
        more=max(0, len(report.errors) - MOST_SHOWN),
        sample=[good.person for good, _ in judged.taken[:SAMPLE]],
        content=b64encode(zlib.compress(sent.content)).decode(),
        key=sent.key,
        consent_missing=consent_missing,
        country_name=lambda code: countries.name(code, language),
        category_name=lambda category: of.forum.category(category).name.in_language(language),
        language_form="import",
    )


async def _sent(request: Request) -> Sent:
    async with request.form(max_files=1, max_fields=20, max_part_size=_MOST_PART_BYTES) as data:
        return Sent(
            content=await _content(data),
            delegation_id=_delegation_named(data),
            key=str(data.get("key") or f"page:{uuid4()}")[:200],
            consent=data.get("consent") == TICKED,
        )


async def _content(data: FormData) -> bytes | None:
    """The file that was chosen, or that the page before carries.

    Raises:
        Problem: 400, what the page carried is spoiled.
    """
    file, packed = data.get("file"), data.get("content")
    if isinstance(file, UploadFile):
        content = await file.read()
        return content or (b"" if file.filename else None)
    if not isinstance(packed, str) or not packed:
        return None
    try:
        return zlib.decompressobj().decompress(
            b64decode(packed, validate=True), sheet.MOST_BYTES + 1
        )
    except (ValueError, zlib.error):
        raise Problem(400, "malformed-form", "The form is not whole.") from None


def _delegation_named(data: FormData) -> UUID | None:
    named = data.get("delegation")
    if not named:
        return None
    try:
        return UUID(str(named))
    except ValueError:
        raise Problem(404, "not-found", "There is no such delegation.") from None


def _legacy(language: Language) -> str:
    return sheet.EXCELS_IN.get(language, sheet.EXCELS)


def _is_required(field: str, members_of: Delegation | None) -> bool:
    return field in REQUIRED and not (members_of and getattr(members_of, field, None))


def _with_entries(judged: Judged, report: Report) -> list[tuple[imports.RowError, str]]:
    """Each error with what stands in the cell."""
    rows = {row.line: row for row in judged.file.sheet.rows}
    places = {column.field: column.place for column in judged.file.columns.known}
    found = []
    for error in report.errors:
        cells = rows[error.line].cells
        place = places.get(error.field or "", len(cells))
        found.append((error, cells[place] if place < len(cells) else ""))
    return found


def _reasons(pages: Pages, language: Language, report: Report) -> dict[int, str]:
    """What is wrong with each row, in the reader's language, by its line."""
    reasons: dict[int, str] = {}
    for error in report.errors:
        sentence = pages.fragment(language, "import_errors.html", "sentence", error)
        said = f"{error.column}: {sentence}" if error.column else sentence
        reasons[error.line] = f"{reasons[error.line]} {said}" if error.line in reasons else said
    return reasons


def _csv(rows: list[list[str]], language: Language, name: str) -> Response:
    """A file as Excel opens it by a double click."""
    out = StringIO()
    csv.writer(out, delimiter=";" if language in _SEMICOLONS else ",").writerows(rows)
    headers = {
        "Content-Disposition": f'attachment; filename="{name}"',
        "Cache-Control": "no-store",
    }
    content = out.getvalue().encode("utf-8-sig")
    return Response(content, media_type="text/csv; charset=utf-8", headers=headers)
