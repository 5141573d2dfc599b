"""The control room: what those who watch see, and how they learn of each change.

All watchers of a process are told the same words, made once. What is shown is state: who has lost
something on the way gets the whole again. Only the latest scans are a stream; each event carries
a number of the log from which another process, too, goes on (`Last-Event-ID`).
"""

from __future__ import annotations

import asyncio
import time
from collections import deque
from collections.abc import AsyncGenerator, Iterable
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Any, Final
from uuid import UUID

import orjson
from pydantic import BaseModel, Field

from services.checkin import alerts, devices
from services.checkin.attendance import Totals
from services.checkin.figures import Figures
from services.checkin.gates import Gates
from services.checkin.live import Change
from services.checkin.log_tail import Entry
from services.checkin.lull import Lull
from services.checkin.schemas import AlertOut, DeviceOut
from shared.waiting import happens_within

BREATH_SECONDS: Final = 0.02
"""The least time between two tellings; it is twice as long as the work was, up to REST_SECONDS."""
REST_SECONDS: Final = 0.05
UNWATCHED_SECONDS: Final = 1.0
"""The least time between two looks that nobody waits for."""
UNWATCHED_MOST_SECONDS: Final = 60.0
"""The most, while people scan without a pause: what was missed has to be caught up some time."""
LATEST_SCANS: Final = 60
"""Kept to be shown; whoever was away for longer gets these."""
LATEST_ALERTS: Final = 30
"""Shown besides those that are open."""
MOST_OPEN: Final = 200
BEHIND: Final = 30
"""Events that wait for a slow watcher before it gets the whole instead."""

Json = dict[str, Any]


class Audience(StrEnum):
    figures = "figures"
    """Programs that want nothing else."""
    viewer = "viewer"
    lead = "lead"
    """May see names."""


class ShownAlert(AlertOut):
    """An alert as the control room shows it."""

    device: str | None = Field(description="What the device is called")
    who: str | None = Field(
        description="The person's name, else the badge's number; only for organisers and leads"
    )


class LatestScan(BaseModel):
    """An entry of the log as the control room shows it."""

    seq: int
    scan_id: UUID
    at: datetime
    gate: str
    direction: str
    decision: str
    reason: str
    undoes: UUID | None
    category: str | None
    name: str | None = Field(description="Only for organisers and security leads")


@dataclass(frozen=True)
class _Telling:
    """What has changed; each audience gets its own words, made when the first of it asks."""

    cursor: int
    totals: Totals
    changes: Json
    _words: dict[Audience, bytes] = field(default_factory=dict)

    def words(self, audience: Audience) -> bytes:
        if audience not in self._words:
            self._words[audience] = self._made(audience)
        return self._words[audience]

    def _made(self, audience: Audience) -> bytes:
        if audience == Audience.figures:
            if "figures" not in self.changes:
                return b""
            return event("attendance", self.totals.model_dump(mode="json"))
        return event("changes", _for(audience, self.changes), self.cursor)


@dataclass(eq=False)
class _Watcher:
    audience: Audience
    waiting: deque[_Telling] = field(default_factory=deque)
    news: asyncio.Event = field(default_factory=asyncio.Event)
    is_behind: bool = False
    is_over: bool = False

    def tell(self, telling: _Telling) -> None:
        if len(self.waiting) >= BEHIND:
            self.waiting.clear()
            self.is_behind = True
        if not self.is_behind:
            self.waiting.append(telling)
        self.news.set()

    def hang_up(self) -> None:
        self.is_over = True
        self.news.set()


class Room:
    """What there is to see; read once a change, however many watch."""

    def __init__(self, gates: Gates, lull: Lull) -> None:
        self._gates = gates
        self._lull = lull
        self._figures = Figures(gates.database, gates.forum, gates.clock)
        self._watchers: set[_Watcher] = set()
        self._watched = asyncio.Event()
        self._totals: Totals | None = None
        self._shown: Json = {"figures": {}, "scans": [], "alerts": [], "devices": []}
        self._turn = asyncio.Lock()

    async def open(self) -> None:
        """Bring all up to date, so that whoever watches begins with it.

        Raises:
            SQLAlchemyError: the database does not answer.
        """
        # After a break a thousand come at once: they need not look where nothing has changed.
        if self._totals is None or self._gates.live.is_news:
            await self._look(self._gates.live.take())

    async def figures(self) -> Totals:
        """The figures as of now."""
        await self._look(self._gates.live.take())
        if not self._figures.has_curve:
            await self._figures.replay(at_once=True)
        return await self._figures.totals()

    async def watch(
        self, audience: Audience, after: int | None = None
    ) -> AsyncGenerator[bytes, None]:
        """The whole, as of the last look, then what changes, as server-sent events.

        Ends when there is nothing to be seen for want of a database: nobody should take what is on
        their screen for live.

        Args:
            audience: who watches.
            after: the number of the last event that they have seen.
        """
        watcher = _Watcher(audience)
        self._watchers.add(watcher)
        self._watched.set()
        try:
            yield self._whole(audience, after)
            while not watcher.is_over:
                await watcher.news.wait()
                watcher.news.clear()
                if watcher.is_behind:
                    watcher.is_behind = False
                    yield self._whole(audience, None)
                while watcher.waiting:
                    if words := watcher.waiting.popleft().words(audience):
                        yield words
        finally:
            self._watchers.discard(watcher)
            if not self._watchers:
                self._watched.clear()

    async def run(self) -> None:
        """Look after each change and tell, for ever."""
        while True:
            changed = await self._gates.live.next()
            began = time.perf_counter()
            await self._look(changed)
            # They are told in this pause, and whoever stands at a gate is served.
            took = time.perf_counter() - began
            await self._rest(min(max(2 * took, BREATH_SECONDS), REST_SECONDS))

    async def _rest(self, seconds: float) -> None:
        """Pause; where nobody watches, until somebody does, or nobody scans just then."""
        if self._watchers:
            await asyncio.sleep(seconds)
            return
        until = time.monotonic() + UNWATCHED_MOST_SECONDS
        while time.monotonic() < until:
            if await happens_within(self._watched, UNWATCHED_SECONDS) or self._lull.is_now:
                return

    async def draw_curves(self) -> None:
        """Once in a while draw the curve of the day anew, for ever."""
        while True:
            if await self._figures.replay(at_once=not self._figures.has_curve):
                await self._look(set())
            await asyncio.sleep(1)

    async def _look(self, changed: set[Change]) -> None:
        """Bring what is shown up to date, and tell the difference."""
        async with self._turn:
            try:
                await self._look_at(changed)
            except BaseException:
                # It is still to be looked at.
                self._gates.live.put_back(changed)
                for watcher in self._watchers:
                    watcher.hang_up()
                raise

    async def _look_at(self, changed: set[Change]) -> None:
        everything = self._totals is None or Change.everything in changed
        noticed = await self._figures.follow(
            people=Change.people in changed, everything=Change.everything in changed
        )
        shown = dict(self._shown)
        if self._totals is None:
            noticed = await self._figures.latest(LATEST_SCANS)
        told = [_shown(entry, person) for entry, person in noticed[-LATEST_SCANS:]]
        if Change.people in changed:
            told = [*await self._called_otherwise(), *told]
        if everything or Change.devices in changed:
            shown["devices"] = await self._devices()
        if everything or Change.alerts in changed or self._may_name_others(changed):
            shown["alerts"] = await self._alerts()
        self._totals = await self._figures.totals()
        shown["figures"] = self._totals.model_dump(mode="json")
        changes = _changes(self._shown, shown)
        if told:
            changes["scans"] = told
            shown["scans"] = _latest([*shown["scans"], *told])
        self._shown = shown
        if changes:
            self._tell(_Telling(self._figures.cursor, self._totals, changes))

    async def _called_otherwise(self) -> list[Json]:
        """Scans that are shown of people who were renamed or erased: told again as it is now."""
        shown = {scan["seq"]: scan for scan in self._shown["scans"]}
        if not shown:
            return []
        latest = [_shown(*each) for each in await self._figures.latest(LATEST_SCANS)]
        return [scan for scan in latest if shown.get(scan["seq"], scan) != scan]

    def _may_name_others(self, changed: set[Change]) -> bool:
        """Whether somebody whom an alert names may be called otherwise, or be erased."""
        about = (alert["registration_id"] for alert in self._shown["alerts"])
        return Change.people in changed and any(about)

    def _tell(self, telling: _Telling) -> None:
        for watcher in self._watchers:
            watcher.tell(telling)

    def _whole(self, audience: Audience, after: int | None) -> bytes:
        if audience == Audience.figures:
            return event("attendance", self._shown["figures"])
        shown = dict(self._shown)
        latest = [scan for scan in shown["scans"] if after is None or scan["seq"] > after]
        return event("room", _for(audience, shown | {"scans": latest}), self._figures.cursor)

    async def _devices(self) -> list[Json]:
        async with self._gates.database.read() as connection:
            rows = await devices.all_devices(connection)
        return [DeviceOut.of(row).model_dump(mode="json") for row in rows if row.revoked_at is None]

    async def _alerts(self) -> list[Json]:
        async with self._gates.database.read() as connection:
            found = await alerts.listed(connection, is_open=True, before=None, limit=MOST_OPEN)
            found += await alerts.listed(
                connection, is_open=False, before=None, limit=LATEST_ALERTS
            )
        rows = sorted(found, key=lambda row: str(row.id), reverse=True)
        return [ShownAlert.model_validate(row).model_dump(mode="json") for row in rows]


def event(name: str, data: object, cursor: int | None = None) -> bytes:
    """A server-sent event."""
    number = b"" if cursor is None else f"id: {cursor}\r\n".encode()
    head = f"event: {name}\r\ndata: ".encode()
    return number + head + orjson.dumps(data) + b"\r\n\r\n"


def merge_patch(before: Json, after: Json) -> Json:
    """What turns one into the other, as a JSON Merge Patch (RFC 7396)."""
    patch: Json = {name: None for name in before if name not in after}
    for name, value in after.items():
        old = before.get(name)
        if isinstance(value, dict) and isinstance(old, dict):
            if inner := merge_patch(old, value):
                patch[name] = inner
        elif value != old:
            patch[name] = value
    return patch


def _changes(before: Json, after: Json) -> Json:
    changes: Json = {}
    if figures := merge_patch(before["figures"], after["figures"]):
        changes["figures"] = figures
    for name in ("alerts", "devices"):
        if before[name] != after[name]:
            changes[name] = after[name]
    return changes


def _for(audience: Audience, shown: Json) -> Json:
    """What this audience may see of it."""
    if audience == Audience.lead:
        return shown
    return shown | {
        part: [one | {name: None} for one in shown[part]]
        for part, name in _NAMES.items()
        if part in shown
    }


def _shown(entry: Entry, person: Any) -> Json:
    # A badge may be heard of before its person, and an erased person has no name any more.
    name = " ".join(filter(None, (person.given_name, person.family_name))) if person else None
    scan = LatestScan(
        **{key: entry._mapping[key] for key in _OF_THE_LOG},
        category=(person.person_category or None) if person else None,
        name=name or None,
    )
    return scan.model_dump(mode="json")


def _latest(told: Iterable[Json]) -> list[Json]:
    """Each scan once, as it was told last, oldest first."""
    by_seq = {scan["seq"]: scan for scan in told}
    return [by_seq[seq] for seq in sorted(by_seq)[-LATEST_SCANS:]]


_NAMES: Final = {"scans": "name", "alerts": "who"}
"""What says who it is, in each part."""
_OF_THE_LOG: Final = (
    "seq", "scan_id", "at", "gate", "direction", "decision", "reason", "undoes",
)  # fmt: skip
