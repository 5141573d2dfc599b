"""Importing a file of people: all good rows in, every bad row reported, nothing half done.

A file is judged (`judge`), which writes nothing and is what the page shows beforehand; `take`
judges it again while nobody else can take a place, and writes the good rows with the report.
"""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Final
from uuid import UUID

from pydantic import BaseModel, Field
from sqlalchemy import select
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncConnection
from uuid_utils.compat import uuid7

from services.registration import delegations, enrolment, places, sheet
from services.registration.columns import Columns, Reader, is_known
from services.registration.delegations import Delegation
from services.registration.enrolment import Place, Who
from services.registration.forms import NewRegistration, read_form
from services.registration.lifecycle import Status
from services.registration.registrations import Registrations, day_indices
from services.registration.sheet import Row, Sheet
from services.registration.tables import Registration, imports
from shared.access import Staff
from shared.problems import FieldError, Problem, not_found

WITHIN_SECONDS: Final = 60.0
"""That a file of the largest size may take to be written."""


class RowError(BaseModel):
    """What is wrong with one cell."""

    line: int = Field(description="Line of the file on which the row begins; the first is 1")
    row: int = Field(description="The row's number in a spreadsheet")
    column: str | None = Field(description="As the file calls it; null: the row as a whole")
    field: str | None = Field(description="The field that it is for")
    reason: str = Field(description="A sentence's end: 'email' 'is not an e-mail address …'")
    kind: str = Field(description="The reason in one word, for programs")


class Registered(BaseModel):
    """A person of the file who is registered."""

    line: int
    row: int
    id: UUID
    reference: str
    status: Status


class Report(BaseModel):
    """What became of a file, or would."""

    id: UUID | None = Field(description="Of the import; null: nothing was written")
    dry_run: bool
    delegation_id: UUID | None
    encoding: str = Field(description="How the file's characters were read, such as windows-1252")
    delimiter: str = Field(description="The sign between its cells")
    rows: int = Field(description="Rows that hold something, without the first")
    imported: int = Field(description="Rows that are registered now; in a dry run: that would be")
    rejected: int = Field(description="Rows that are not; `errors` says why")
    registrations: list[Registered] = Field(description="Empty in a dry run")
    already_registered: list[Registered] = Field(
        description="People who were registered before: a file can be sent again when it is mended"
    )
    statuses: dict[Status, int] = Field(description="How many of the imported are in which state")
    errors: list[RowError] = Field(description="By line")
    ignored_columns: list[str] = Field(description="Columns whose names say nothing to us")


@dataclass(frozen=True)
class Good:
    row: Row
    person: NewRegistration


@dataclass(frozen=True)
class ReadFile:
    """A file as far as it can be judged by itself."""

    sheet: Sheet
    columns: Columns
    good: Sequence[Good]
    errors: Mapping[int, Sequence[FieldError]]
    """What is wrong, by the line of the row."""


@dataclass(frozen=True)
class Judged:
    """A file as it can be taken now."""

    file: ReadFile
    taken: Sequence[tuple[Good, Place]]
    known: Sequence[tuple[Good, Registered]]
    errors: Mapping[int, Sequence[FieldError]]


async def read(
    of: Registrations, content: bytes, delegation: Delegation | None, legacy: str = sheet.EXCELS
) -> ReadFile:
    """A file's rows, checked as the form checks its fields; not in the way of other requests.

    Args:
        legacy: as in sheet.read.

    Raises:
        Unreadable: nothing can be read from it.
    """
    return await asyncio.to_thread(_read, of, content, delegation, legacy)


async def judge(
    of: Registrations, connection: AsyncConnection, file: ReadFile, delegation: Delegation | None
) -> Judged:
    """What would become of each row at this moment."""
    delegation_id = None if delegation is None else delegation.id
    known = await enrolment.registered_already(
        connection, delegation_id, [good.person for good in file.good]
    )
    room = await places.room(connection, of.forum)
    left = sheet.MOST_ROWS
    if delegation is not None:
        left = delegation.quota - await delegations.count(connection, delegation.id)
    taken: list[tuple[Good, Place]] = []
    before: list[tuple[Good, Registered]] = []
    errors = dict(file.errors)
    for good in file.good:
        if (row := known.get(enrolment.who(good.person))) is not None:
            before.append((good, _registered(good.row, row)))
        elif len(taken) < left:
            taken.append((good, enrolment.first_place(of, room, good.person.category)))
        else:
            assert delegation is not None
            errors[good.row.line] = [FieldError("", delegations.full(delegation).detail, "quota")]
    return Judged(file, taken, before, errors)


async def preview(
    of: Registrations, file: ReadFile, delegation: Delegation | None
) -> tuple[Judged, Report]:
    """What would become of a file; nothing is written."""
    delegations.check_open(of)
    async with of.database.read() as connection:
        judged = await judge(of, connection, file, delegation)
    return judged, _report(judged, None, delegation, [])


async def take(
    of: Registrations,
    content: bytes,
    delegation: Delegation | None,
    by: Staff,
    *,
    legacy: str = sheet.EXCELS,
    idempotency_key: str | None = None,
) -> Report:
    """Register the people of a file. With the key of an earlier call: that call's report.

    Raises:
        Unreadable: nothing can be read from it.
        Problem: 403 outside the registration period, 422 for a key used for something else.
    """
    delegations.check_open(of)
    file = await read(of, content, delegation, legacy)
    async with of.database.begin(within=WITHIN_SECONDS) as tx:
        if delegation is not None:
            delegation = await delegations.hold(tx, delegation.id)
        await places.lock(tx)
        # By this the key's earlier use, if there was one, has committed.
        digest = _digest(content, delegation, by)
        if idempotency_key is not None:
            earlier = await _earlier(tx, idempotency_key, digest)
            if earlier is not None:
                return earlier
        judged = await judge(of, tx, file, delegation)
        rows = await enrolment.enrol(
            of,
            tx,
            [(good.person, place) for good, place in judged.taken],
            delegations.sender(delegation, by),
        )
        registered = [
            _registered(good.row, row) for (good, _), row in zip(judged.taken, rows, strict=True)
        ]
        report = _report(judged, uuid7(), delegation, registered)
        await tx.execute(
            insert(imports).values(
                id=report.id,
                key=idempotency_key,
                request_digest=digest,
                delegation_id=report.delegation_id,
                by=by.id,
                at=of.clock.now(),
                report=report.model_dump(mode="json"),
            )
        )
    return report


async def earlier_report(connection: AsyncConnection, import_id: UUID, by: Staff) -> Report:
    """What became of a file that this member of staff has imported.

    Raises:
        Problem: 404.
    """
    query = select(imports.c.report).where(imports.c.id == import_id, imports.c.by == by.id)
    report = (await connection.execute(query)).scalar_one_or_none()
    if report is None:
        raise not_found("import")
    return Report.model_validate(report)


def _read(
    of: Registrations, content: bytes, delegation: Delegation | None, legacy: str
) -> ReadFile:
    reader = Reader(of.forum, {} if delegation is None else _defaults(delegation))
    table = sheet.read(content, is_known, legacy)
    columns = reader.columns(table.header)
    good: list[Good] = []
    errors: dict[int, Sequence[FieldError]] = {}
    lines: dict[Who, int] = {}
    for row in table.rows:
        try:
            person = _person(of, reader, columns, row, delegation)
        except Problem as problem:
            errors[row.line] = problem.errors
            continue
        first = lines.setdefault(enrolment.who(person), row.line)
        if first != row.line:
            errors[row.line] = [FieldError("", f"is the same person as on line {first}", "twice")]
        else:
            good.append(Good(row, person))
    return ReadFile(table, columns, good, errors)


def _person(
    of: Registrations,
    reader: Reader,
    columns: Columns,
    row: Row,
    delegation: Delegation | None,
) -> NewRegistration:
    """Whom a row is about.

    Raises:
        Problem: 422, with what is wrong with each field.
    """
    if any(cell.strip() for cell in row.cells[columns.width :]):
        error = FieldError("", "has more cells than the first row names columns", "cells")
        raise Problem(422, "invalid-input", error.message, errors=[error])
    person = read_form(NewRegistration, reader.as_json(columns, row), of.forum)
    of.check_days(person.category, day_indices(of.forum, person.days))
    if wrong := delegations.category_errors(delegation, person):
        raise Problem(422, "invalid-input", wrong[0].message, errors=wrong)
    return person


def _defaults(delegation: Delegation) -> dict[str, str]:
    """What stands for an empty cell of a member's."""
    own = {name: getattr(delegation, name) for name in ("category", "country", "organization")}
    return {name: value for name, value in own.items() if value is not None}


def _report(
    judged: Judged,
    import_id: UUID | None,
    delegation: Delegation | None,
    registered: list[Registered],
) -> Report:
    file = judged.file
    statuses: dict[Status, int] = {}
    for _, place in judged.taken:
        statuses[place.status] = statuses.get(place.status, 0) + 1
    return Report(
        id=import_id,
        dry_run=import_id is None,
        delegation_id=None if delegation is None else delegation.id,
        encoding=file.sheet.encoding,
        delimiter=file.sheet.delimiter,
        rows=len(file.sheet.rows),
        imported=len(judged.taken),
        rejected=len(judged.errors),
        registrations=registered,
        already_registered=[row for _, row in judged.known],
        statuses=statuses,
        errors=list(_row_errors(judged)),
        ignored_columns=list(file.columns.unknown),
    )


def _row_errors(judged: Judged) -> Iterator[RowError]:
    """What is wrong with each row, one error a field, from its first cell to its last."""
    columns = judged.file.columns
    for row in judged.file.sheet.rows:
        by_field = {
            error.field.partition(".")[0]: error
            for error in reversed(judged.errors.get(row.line, ()))
        }
        for field in sorted(by_field, key=columns.place_of):
            error = by_field[field]
            yield RowError(
                line=row.line,
                row=row.number,
                column=columns.name_of(field),
                field=field or None,
                reason=error.message,
                kind=error.kind,
            )


def _registered(row: Row, registration: Registration) -> Registered:
    return Registered(
        line=row.line,
        row=row.number,
        id=registration.id,
        reference=registration.reference,
        status=registration.status,
    )


def _digest(content: bytes, delegation: Delegation | None, by: Staff) -> bytes:
    about = f"{by.id}\n{None if delegation is None else delegation.id}\n".encode()
    return hashlib.sha256(about + content).digest()


async def _earlier(tx: AsyncConnection, key: str, digest: bytes) -> Report | None:
    query = select(imports.c.request_digest, imports.c.report).where(imports.c.key == key)
    earlier = (await tx.execute(query)).one_or_none()
    if earlier is None:
        return None
    if earlier.request_digest != digest:
        raise Problem(
            422,
            "idempotency-key-reused",
            "This Idempotency-Key was used for a different import.",
        )
    return Report.model_validate(earlier.report)
