"""What a gate copies, so that it can decide without a network: all of it, or what has changed.

Rows carry the number of the transaction that last wrote them. A cursor is the oldest transaction
that was still under way when an answer was read: whatever that answer could not see is at least as
young, in whatever order transactions commit. So the next one may repeat rows and misses none.

A copy must come over a bad link: api.copy tells how its lines are kept short.
"""

from __future__ import annotations

import asyncio
import zlib
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, time
from typing import Any, Final, Protocol

import orjson
import structlog
import zstandard
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection
from starlette.datastructures import Headers
from starlette.responses import Response
from starlette.types import Receive, Scope, Send

from shared.clock import Clock
from shared.copying import Sink, copy_out, patient
from shared.database import Database
from shared.problems import unavailable

log = structlog.get_logger()

FORMAT: Final = 2
"""Of the lines. It is part of each cursor: whoever kept lines of another format begins anew."""
AT_ONCE: Final = 4
"""Copies that are read at the same time: each holds a connection, and scans need some too."""
STALLED_SECONDS: Final = 20.0
"""When nothing has moved for so long, the device has gone, or the database has: nobody holds a
connection for it any longer. A whole copy may take as long as its network needs."""
MOST_DIGITS: Final = 19
"""Of a transaction's number: 64 bits."""


class _Packer(Protocol):
    def compress(self, data: bytes, /) -> bytes: ...
    def flush(self) -> bytes: ...


# Measured on 10,000 people who are all inside: docs/decisions/0011 has the figures.
_PACKERS: Final[Mapping[str, Callable[[], _Packer]]] = {
    "zstd": lambda: zstandard.ZstdCompressor(level=9).compressobj(),
    "gzip": lambda: zlib.compressobj(8, zlib.DEFLATED, 16 + zlib.MAX_WBITS, 9),
}
"""By the name of the encoding, the better one first."""


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
        """Write the lines of one answer; `start` is called once the database has answered.

        Raises:
            TimeoutError: nothing moved for STALLED_SECONDS.
        """
        turn = self._changes if cursor else self._whole
        async with (
            turn,
            patient(to, STALLED_SECONDS) as sink,
            self._database.begin(within=None) as tx,
        ):
            beginning = await _begin(tx, cursor)
            await start()
            await _write(tx, beginning, self._clock.now(), sink)


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
        accepted = Headers(scope=scope).get("accept-encoding", "")
        if encoding := next((name for name in _PACKERS if name in accepted), None):
            self.headers["Content-Encoding"] = encoding
            body = _PackedBody(send, _PACKERS[encoding]())

        has_begun = False

        async def start() -> None:
            nonlocal has_begun
            has_begun = True
            await send({"type": "http.response.start", "status": 200, "headers": self.raw_headers})

        try:
            await self._replica.write(self._cursor, start, body.write)
            async with asyncio.timeout(STALLED_SECONDS):
                await body.end()
        except TimeoutError:
            if not has_begun:
                raise unavailable() from None
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
        await self._send({"type": "http.response.body", "body": body, "more_body": more})


class _PackedBody(_Body):
    """Packed in a thread: the gates' scans wait for the event loop."""

    def __init__(self, send: Send, packer: _Packer) -> None:
        super().__init__(send)
        self._packer = packer

    async def write(self, lines: bytes) -> None:
        if packed := await asyncio.to_thread(self._packer.compress, lines):
            await self._hand_over(packed)

    async def end(self) -> None:
        await self._hand_over(await asyncio.to_thread(self._packer.flush), more=False)


async def _begin(tx: AsyncConnection, cursor: str) -> Beginning:
    """Take the snapshot from which all of the answer is read."""
    await tx.execute(text("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ READ ONLY"))
    snapshot = (await tx.execute(_SNAPSHOT)).one()
    number, _, origin = cursor.partition("@")
    # Another database, or this one restored, counts transactions of its own.
    ours = f"{snapshot.history}-{FORMAT}"
    means_something = (
        origin == ours and _is_number(number) and int(number) <= int(snapshot.next_one)
    )
    return Beginning(
        after=int(number) if means_something else None,
        cursor=f"{snapshot.oldest}@{ours}",
    )


async def _write(tx: AsyncConnection, beginning: Beginning, now: datetime, sink: Sink) -> None:
    after = beginning.after
    midnight = datetime.combine(now.astimezone(UTC).date(), time(), UTC)
    columns = {"key": list(_KEY), "badge": list(_BADGE), "presence": list(_PLACE)}
    await sink(
        _line("begin", {"format": FORMAT, "full": after is None, "since": midnight} | columns)
    )
    for key in await tx.execute(_KEYS):
        await sink(_line("key", *key))
    # Postgres writes JSON and we pass it on unread, as it comes.
    lines = _EVERYTHING if after is None else _CHANGES
    await copy_out(
        tx,
        lines.format(after=after, since=int(midnight.timestamp())),
        to=sink,
        # JSON has no raw control characters: nothing in it is ever quoted or separated.
        delimiter="\x01",
        quote="\x02",
    )
    await sink(_line("end", {"cursor": beginning.cursor, "now": now}))


def _line(*content: Any) -> bytes:
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
_KEY: Final = {
    "key_id": "key_id",
    "public_key": "encode(public_key, 'hex')",
    "retired": "retired",
}
_WHO: Final = "registration_id"
_BADGE: Final = {
    _WHO: None,
    "badge_id": "rtrim(encode(decode(b.badge_id, 'hex'), 'base64'), '=')",
    "number": "left(replace(b.number, '-', ''), -1)",
    "given_name": "coalesce(p.given_name, '')",
    "family_name": "coalesce(p.family_name, '')",
    "organization": "coalesce(p.organization, '')",
    "country": "coalesce(p.country, '')",
    "category": "coalesce(p.category, '')",
    # As persons.badge has it: we may have heard of the person's end before the badge's.
    "status": """CASE WHEN b.status = 'valid' AND p.status IN ('cancelled', 'erased')
                      THEN 'cancelled' ELSE b.status END""",
    "days": "b.days",
    "zones": "b.zones",
    "blocked": "coalesce(p.blocked, false)",
    "photo": "p.photo",
}
"""The columns of a line, and what stands in them. What varies most comes first: what repeats itself
packs best in one piece."""
_PLACE: Final = {
    _WHO: None,
    "at": "floor(extract(epoch FROM w.at))::bigint - {since}",
    "zone": "w.zone",
    "inside": "w.inside",
    "session": "w.session",
    "last_entry_day": "w.last_entry_day",
    "gate": "w.gate",
    "entrance": "s.entrance",
    "direction": "s.direction",
}
_NOWHERE: Final = dict.fromkeys(_PLACE, "NULL::text") | {
    _WHO: None,
    "zone": "w.zone",
    "inside": "false",
    "session": "w.session",
}


def _rest(columns: Mapping[str, str | None]) -> str:
    """A line's columns behind the first, as JSON."""
    # json_build_array would put blanks between them.
    values = (
        f"',', coalesce(to_json({value})::text, 'null')" for value in columns.values() if value
    )
    return f"concat({', '.join(values)}, ']')"


_KEYS: Final = text(f"SELECT {', '.join(_KEY.values())} FROM signing_keys ORDER BY key_id")  # noqa: S608
_BADGES: Final = f"""
    SELECT 'badge' AS kind, registration_id, {_rest(_BADGE)} AS rest
    FROM badges AS b LEFT JOIN participants AS p USING (registration_id)
"""  # noqa: S608
_PRESENCE: Final = f"""
    SELECT 'presence', w.registration_id, {_rest(_PLACE)}
    FROM presence AS w LEFT JOIN scans AS s USING (scan_id)
"""  # noqa: S608
# In the order in which people registered, which a registration's id begins with: neighbours begin
# alike. A badge and its holder's presence stand together and name them once.
_LINES: Final = """
    SELECT concat(
        '["', kind, '",',
        CASE WHEN registration_id = lag(registration_id) OVER by_person THEN 'null'
             ELSE concat('"', rtrim(encode(uuid_send(registration_id), 'base64'), '='), '"') END,
        rest
    )
    FROM ({badges} UNION ALL {presence}) AS lines
    WINDOW by_person AS (ORDER BY registration_id, kind)
    ORDER BY registration_id, kind
"""
_EVERYTHING: Final = _LINES.replace("{badges}", _BADGES).replace("{presence}", _PRESENCE)
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
    SELECT 'presence', registration_id, {_rest(_NOWHERE)}
    FROM presence_removed AS w
    WHERE {_SINCE} AND NOT EXISTS (
        SELECT FROM presence AS again
        WHERE again.registration_id = w.registration_id AND again.zone = w.zone
    )
"""  # noqa: S608
_CHANGES: Final = _LINES.replace("{badges}", _CHANGED_BADGES).replace(
    "{presence}", _CHANGED_PRESENCE
)
