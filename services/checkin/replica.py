"""What a gate copies, so that it can decide without a network: all of it, or what has changed.

Rows carry the number of the transaction that last wrote them. A cursor is the oldest transaction
that was still under way when an answer was read: whatever that answer could not see is at least as
young, in whatever order transactions commit. So the next one may repeat rows and misses none.
"""

from __future__ import annotations

import asyncio
import zlib
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

import asyncpg
import orjson
import structlog
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection
from starlette.datastructures import Headers
from starlette.responses import Response
from starlette.types import Receive, Scope, Send

from shared.clock import Clock
from shared.database import Database

log = structlog.get_logger()

AT_ONCE: Final = 4
"""Copies that are read at the same time: each holds a connection, and scans need some too."""
STALLED_SECONDS: Final = 20.0
"""A device that takes nothing for so long has gone, and must not hold a connection any longer."""
MOST_DIGITS: Final = 19
"""Of a transaction's number: 64 bits."""
GZIP: Final = 16 + zlib.MAX_WBITS

Sink = Callable[[bytes], Awaitable[None]]


class Stalled(Exception):
    """Nobody takes the answer."""


@dataclass(frozen=True)
class Beginning:
    """Where an answer stands among the transactions."""

    after: int | None
    """What this transaction and younger ones changed is told; all, if None."""
    cursor: str


class Replica:
    """Hands out copies, a few at a time: whole ones, and apart from those what has changed.

    So a gate that copies everything over a slow network does not keep the others from their news.
    """

    def __init__(self, database: Database, clock: Clock) -> None:
        self._database = database
        self._clock = clock
        self._whole = asyncio.Semaphore(AT_ONCE)
        self._changes = asyncio.Semaphore(AT_ONCE)

    def after(self, cursor: str | None) -> Response:
        """What has changed since the cursor; all of it without one, or with one of no meaning."""
        return _Lines(self, cursor or "")

    async def write(self, cursor: str, start: Callable[[], Awaitable[None]], to: Sink) -> None:
        """Write the lines of one answer; `start` is called once the database has answered."""
        turn = self._changes if cursor else self._whole
        async with turn, self._database.begin() as tx:
            beginning = await _begin(tx, cursor)
            await start()
            await _write(tx, beginning, self._clock.now(), to)


class _Lines(Response):
    """The lines as the database says them, packed on the way; never all of them in memory."""

    media_type = "application/x-ndjson"

    def __init__(self, replica: Replica, cursor: str) -> None:
        # Not super's: it promises a length, which nobody knows yet.
        self.status_code = 200
        self.background = None
        self.init_headers({"Cache-Control": "no-store", "Vary": "Accept-Encoding"})
        self._replica = replica
        self._cursor = cursor

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        body = _Body(send)
        if "gzip" in Headers(scope=scope).get("accept-encoding", ""):
            self.headers["Content-Encoding"] = "gzip"
            body = _PackedBody(send)

        async def start() -> None:
            await send({"type": "http.response.start", "status": 200, "headers": self.raw_headers})

        try:
            await self._replica.write(self._cursor, start, body.write)
            await body.end()
        except Stalled:
            # An answer without an end: the server hangs up.
            log.warning("replica.stalled")


class _Body:
    def __init__(self, send: Send) -> None:
        self._send = send

    async def write(self, lines: bytes) -> None:
        await self._hand_over(lines)

    async def end(self) -> None:
        await self._hand_over(b"", more=False)

    async def _hand_over(self, body: bytes, *, more: bool = True) -> None:
        try:
            async with asyncio.timeout(STALLED_SECONDS):
                await self._send({"type": "http.response.body", "body": body, "more_body": more})
        except TimeoutError:
            raise Stalled from None


class _PackedBody(_Body):
    """Packed in a thread: the gates' scans wait for the event loop."""

    def __init__(self, send: Send) -> None:
        super().__init__(send)
        # Half of the lines is random: in it, short repetitions cost more than they save. So packed,
        # 10,000 badges are 555 kB instead of 599, for 0.2 s of CPU instead of 0.06.
        self._packer = zlib.compressobj(9, zlib.DEFLATED, GZIP, 9, zlib.Z_FILTERED)

    async def write(self, lines: bytes) -> None:
        if packed := await asyncio.to_thread(self._packer.compress, lines):
            await self._hand_over(packed)

    async def end(self) -> None:
        await self._hand_over(await asyncio.to_thread(self._packer.flush), more=False)


async def _begin(tx: AsyncConnection, cursor: str) -> Beginning:
    """Take the snapshot from which all of the answer is read."""
    await tx.execute(text("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ READ ONLY"))
    snapshot = (await tx.execute(_SNAPSHOT)).one()
    number, _, history = cursor.partition("@")
    means_something = (
        # Another database, or this one restored, counts transactions of its own.
        history == snapshot.history and _is_number(number) and int(number) <= int(snapshot.next_one)
    )
    return Beginning(
        after=int(number) if means_something else None,
        cursor=f"{snapshot.oldest}@{snapshot.history}",
    )


async def _write(tx: AsyncConnection, beginning: Beginning, now: datetime, sink: Sink) -> None:
    after = beginning.after
    await sink(_line(kind="begin", full=after is None))
    database: asyncpg.Connection = (await tx.get_raw_connection()).driver_connection
    # Postgres writes JSON and we pass it on unread, as it comes.
    await database.copy_from_query(
        _EVERYTHING if after is None else _CHANGES.format(after=after),
        output=sink,
        format="csv",
        # JSON has no raw control characters: nothing in it is ever quoted or separated.
        delimiter="\x01",
        quote="\x02",
    )
    await sink(_line(kind="end", cursor=beginning.cursor, now=now))


def _line(**content: Any) -> bytes:
    return orjson.dumps(content) + b"\n"


def _is_number(text: str) -> bool:
    return text.isascii() and text.isdecimal() and len(text) <= MOST_DIGITS


_SNAPSHOT: Final = text("""
    SELECT pg_snapshot_xmin(pg_current_snapshot())::text AS oldest,
           pg_snapshot_xmax(pg_current_snapshot())::text AS next_one,
           concat_ws('-', system_identifier, oid, timeline_id) AS history
    FROM pg_control_system(), pg_control_checkpoint(), pg_database
    WHERE datname = current_database()
""")
# As persons.badge has it: we may have heard of the person's end before the badge's.
_BADGES: Final = """
    SELECT 'badge' AS kind, b.badge_id, b.registration_id, b.number,
           CASE WHEN b.status = 'valid' AND p.status IN ('cancelled', 'erased') THEN 'cancelled'
                ELSE b.status END AS status,
           b.days, b.zones, coalesce(p.blocked, false) AS blocked,
           coalesce(p.given_name, '') AS given_name, coalesce(p.family_name, '') AS family_name,
           coalesce(p.organization, '') AS organization, coalesce(p.country, '') AS country,
           coalesce(p.category, '') AS category
    FROM badges AS b LEFT JOIN participants AS p USING (registration_id)
"""
_PRESENCE: Final = """
    SELECT 'presence' AS kind, w.registration_id, w.zone, w.inside, w.session, w.last_entry_day,
           w.scan_id, w.at, w.gate, s.entrance, s.direction
    FROM presence AS w LEFT JOIN scans AS s USING (scan_id)
"""
# A badge and its holder's presence stand together: what they share is packed once.
_LINES: Final = """
    SELECT line FROM (
        SELECT row_to_json(key) AS line, NULL::uuid AS registration_id, 0 AS place FROM (
            SELECT 'key' AS kind, key_id, encode(public_key, 'hex') AS public_key, retired
            FROM signing_keys
        ) AS key
        UNION ALL
        SELECT row_to_json(badge), registration_id, 1 FROM ({badges}) AS badge
        UNION ALL
        SELECT row_to_json(stay), registration_id, 2 FROM ({presence}) AS stay
    ) AS lines
    ORDER BY registration_id NULLS FIRST, place
"""
_EVERYTHING: Final = _LINES.format(badges=_BADGES, presence=_PRESENCE)
_SINCE: Final = "changed >= '{after}'::xid8"
_CHANGED_BADGES: Final = f"""
    {_BADGES} WHERE b.badge_id IN (
        SELECT badge_id FROM badges WHERE {_SINCE}
        UNION ALL
        SELECT badge_id FROM badges JOIN participants AS holder USING (registration_id)
        WHERE holder.{_SINCE}
    )
"""  # noqa: S608
_CHANGED_PRESENCE: Final = f"""
    {_PRESENCE} WHERE w.{_SINCE}
    UNION ALL
    SELECT 'presence', registration_id, zone, false, session, NULL, NULL, NULL, NULL, NULL, NULL
    FROM presence_removed AS gone
    WHERE {_SINCE} AND NOT EXISTS (
        SELECT FROM presence AS w
        WHERE w.registration_id = gone.registration_id AND w.zone = gone.zone
    )
"""  # noqa: S608
_CHANGES: Final = _LINES.format(badges=_CHANGED_BADGES, presence=_CHANGED_PRESENCE)
