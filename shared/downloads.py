"""A file on its way from the database to whoever asked: as CSV, or as a workbook of Excel.

Both go in pieces. A workbook is made by a process of its own, which takes its time: no request
waits for somebody's file.
"""

from __future__ import annotations

import asyncio
import json
import os
import sys
import time
from asyncio.subprocess import PIPE, Process
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, Final

import structlog
from starlette.responses import Response
from starlette.types import Message, Receive, Scope, Send

from shared import audit
from shared.access import Staff
from shared.clock import Clock
from shared.copying import Sink, patient
from shared.database import Database
from shared.exports import Export
from shared.forum import Forum
from shared.problems import documented, unavailable
from shared.settings import REPOSITORY

log = structlog.get_logger()

AT_ONCE: Final = 2
"""Files that are made at the same time: each holds a connection, and requests need some."""
STALLED_SECONDS: Final = 60.0
"""When nothing has moved for so long, the reader has gone, or the database has."""
PIECE_BYTES: Final = 64 * 1024
BOM: Final = "\N{BYTE ORDER MARK}".encode()
"""Excel takes a CSV without it for one in the machine's old code page."""


class Format(StrEnum):
    csv = "csv"
    xlsx = "xlsx"


MEDIA_TYPES: Final = {
    Format.csv: "text/csv; charset=utf-8; header=present",
    Format.xlsx: "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
}


def file_answer(kind: Format) -> dict[str, Any]:
    """What a route's documentation says of an answer that is a file."""
    schema = {"type": "string"} | ({} if kind == Format.csv else {"format": "binary"})
    answer = {"description": "The file", "content": {MEDIA_TYPES[kind]: {"schema": schema}}}
    return {
        "response_class": Response,
        "responses": {200: answer, **documented(401, 403, 422, 503)},
    }


class WorkbookNotMade(Exception):
    """The process that makes workbooks has failed."""


@dataclass(frozen=True)
class Order:
    """What somebody asked for."""

    export: Export
    format: Format
    file_name: str
    by: Staff
    filters: Mapping[str, Any]
    """As asked, for the record."""
    bom: bool = False


@dataclass(frozen=True)
class Downloads:
    """Hands out files, a few at a time, and records to whom."""

    database: Database
    forum: Forum
    clock: Clock
    folder: Path
    """Absolute: where workbooks lie while they are made: a million rows are a gigabyte."""
    _turn: asyncio.Semaphore = field(default_factory=lambda: asyncio.Semaphore(AT_ONCE))

    def answer(self, order: Order) -> Response:
        return _File(self, order)

    async def write(self, order: Order, to: _Reader) -> None:
        """Write a whole file, piece by piece.

        Raises:
            TimeoutError: nothing moved for a minute.
            ConnectionError: the reader has gone.
            WorkbookNotMade: there is no workbook.
        """
        rows, began = None, time.monotonic()
        file = f"{order.export.title.lower()}.{order.format}"
        async with self.database.begin() as tx:
            # Beforehand: of whoever leaves in the middle, too, it is known what they got.
            await audit.note(
                tx, self.clock.now(), "file.export", file=file, filters=dict(order.filters)
            )
        try:
            async with self._turn:
                if order.format == Format.csv:
                    rows = await self._write_csv(order, to)
                else:
                    rows = await self._write_workbook(order, to)
        finally:
            log.info(
                "export.made" if rows is not None else "export.broke_off",
                file=file,
                filters=order.filters,
                by=order.by.id,
                role=order.by.role,
                rows=rows,
                took_ms=round((time.monotonic() - began) * 1000),
            )

    async def _write_csv(self, order: Order, to: _Reader) -> int:
        async with patient(to.take, STALLED_SECONDS) as sink:
            if order.bom:
                await sink(BOM)

            async def lines(piece: bytes) -> None:
                # RFC 4180 ends lines so; PostgreSQL ends them as its machine does.
                await sink(piece.replace(b"\n", b"\r\n"))

            return await self._copy(order, lines, defused=True)

    async def _write_workbook(self, order: Order, to: _Reader) -> int:
        async with _workbook(order.export, self.folder) as (maker, stdin, stdout):

            async def feed(piece: bytes) -> None:
                to.check()
                stdin.write(piece)
                await stdin.drain()

            async with patient(feed, STALLED_SECONDS) as sink:
                # A workbook's cells are text where we say so: there is nothing to defuse.
                rows = await self._copy(order, sink, defused=False)
            stdin.close()
            # For a million rows it works half a minute on what it has written.
            while piece := await stdout.read(PIECE_BYTES):
                async with patient(to.take, STALLED_SECONDS) as sink:
                    await sink(piece)
            if await maker.wait() != 0:
                raise WorkbookNotMade
            return rows

    async def _copy(self, order: Order, sink: Sink, *, defused: bool) -> int:
        async with self.database.begin(within=None) as tx:
            return await order.export.copy(tx, self.forum, sink, defused=defused)


@asynccontextmanager
async def _workbook(
    export: Export, folder: Path
) -> AsyncIterator[tuple[Process, asyncio.StreamWriter, asyncio.StreamReader]]:
    """The process that takes CSV and gives a workbook; gone at the end, however that comes."""
    kinds = {column.name: column.kind for column in export.columns}
    with TemporaryDirectory(prefix="workbook-", dir=folder) as scratch:
        maker = await asyncio.create_subprocess_exec(
            *(sys.executable, "-m", "shared.workbook", export.title, json.dumps(kinds)),
            stdin=PIPE,
            stdout=PIPE,
            cwd=REPOSITORY,
            env=os.environ | {"TMPDIR": scratch},
        )
        try:
            assert maker.stdin is not None  # both are pipes
            assert maker.stdout is not None
            yield maker, maker.stdin, maker.stdout
        finally:
            if maker.returncode is None:
                maker.kill()
                await maker.wait()


class _Reader:
    """Whoever takes a file. The head of the answer is sent with the first piece."""

    def __init__(self, receive: Receive, send: Send, head: Message) -> None:
        self._send = send
        self._head: Message | None = head
        # The server takes what is sent to nobody, and says nothing.
        self._leaving = asyncio.create_task(_leaves(receive))

    @property
    def has_begun(self) -> bool:
        return self._head is None

    def check(self) -> None:
        """Raises ConnectionError if the reader has gone."""
        if self._leaving.done():
            raise ConnectionResetError

    async def take(self, piece: bytes) -> None:
        self.check()
        await self._hand_over(piece, more=True)

    async def end(self) -> None:
        await self._hand_over(b"", more=False)

    def close(self) -> None:
        self._leaving.cancel()

    async def _hand_over(self, piece: bytes, *, more: bool) -> None:
        if self._head is not None:
            head, self._head = self._head, None
            await self._send(head)
        await self._send({"type": "http.response.body", "body": piece, "more_body": more})


async def _leaves(receive: Receive) -> None:
    while (await receive())["type"] != "http.disconnect":
        pass


class _File(Response):
    """The answer to a request for a file."""

    def __init__(self, downloads: Downloads, order: Order) -> None:
        # Not super's: it promises a length, which nobody knows yet.
        self.status_code = 200
        self.background = None
        self.media_type = MEDIA_TYPES[order.format]
        self.init_headers(
            {
                "Cache-Control": "no-store",
                "Content-Disposition": f'attachment; filename="{order.file_name}.{order.format}"',
            }
        )
        self._downloads = downloads
        self._order = order

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        head = {"type": "http.response.start", "status": 200, "headers": self.raw_headers}
        reader = _Reader(receive, send, head)
        try:
            await self._downloads.write(self._order, reader)
            await reader.end()
        except (TimeoutError, WorkbookNotMade, ConnectionError):
            if not reader.has_begun:
                raise unavailable() from None
            # An answer without an end: the server hangs up.
        finally:
            reader.close()
