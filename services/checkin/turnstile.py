"""Scans on their way to be judged: those that come at the same time share a transaction."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import Final

from services.checkin.admission import Reason
from services.checkin.crowd import Crowd
from services.checkin.devices import Device
from services.checkin.gates import Gates
from services.checkin.judging import Showing, identify, judge
from services.checkin.paired import PairedDevices
from services.checkin.scans import Answer, Scan, answer
from shared.access import unauthenticated
from shared.problems import conflict

LANES: Final = 2
"""Transactions at once: while one waits for the disk, the next is put together."""
MOST: Final = 64
"""Scans of a transaction."""


_Waiting = tuple[Showing, asyncio.Future[Answer | None]]


class Turnstile:
    """All scans of this process pass here."""

    def __init__(self, gates: Gates, paired: PairedDevices) -> None:
        self._gates = gates
        self._paired = paired
        self._crowd = Crowd()
        self._waiting: list[_Waiting] = []
        self._lanes: set[asyncio.Task[None]] = set()

    async def record(self, token: str, device: Device, scan: Scan) -> Answer:
        """Judge a scan and write it into the log. Sent again, it has the same answer.

        Raises:
            Problem: 401, the device was unpaired; 409, the id is that of an undo, or the forum has
                no such gate any more.
        """
        shown = await identify(self._gates, scan)
        judged = await self._judge(self._showing(device, scan, shown))
        if judged is not None:
            return judged
        # In the log already? Else the device was moved or unpaired a moment ago.
        found = await answer(self._gates, scan.scan_id)
        if found is not None:
            return found
        now = await self._paired.read(token)
        if now is None:
            raise unauthenticated()
        return await self.record(token, now, scan)

    async def record_all(
        self, token: str, device: Device, scans: Sequence[Scan]
    ) -> list[Answer]:
        """Judge scans that a device made one after the other; each has its answer in its place."""
        answers: list[Answer] = []
        for first in range(0, len(scans), MOST):
            part = scans[first : first + MOST]
            showings = [
                self._showing(device, scan, await identify(self._gates, scan)) for scan in part
            ]
            judged = await judge(self._gates, self._crowd, showings)
            for scan, one in zip(part, judged, strict=True):
                answers.append(one or await self.record(token, device, scan))
        return answers

    def _showing(self, device: Device, scan: Scan, shown: str | Reason) -> Showing:
        try:
            gate = self._gates.forum.gate(device.gate)
        except KeyError:
            raise conflict(
                "The forum has no such gate any more: pair the device again."
            ) from None
        return Showing(device.id, gate, scan, shown)

    async def _judge(self, showing: Showing) -> Answer | None:
        judged: asyncio.Future[Answer | None] = asyncio.get_running_loop().create_future()
        self._waiting.append((showing, judged))
        if len(self._lanes) < LANES:
            lane = asyncio.create_task(self._work())
            self._lanes.add(lane)
            lane.add_done_callback(self._lanes.discard)
        return await judged

    async def _work(self) -> None:
        """Judge what waits, until nothing does."""
        while self._waiting:
            batch, self._waiting = self._waiting[:MOST], self._waiting[MOST:]
            if not await self._settle(batch):
                # One of them is to blame, or nothing works at all.
                for each in batch:
                    await self._settle([each])

    async def _settle(self, batch: Sequence[_Waiting]) -> bool:
        """Judge a batch; False if that failed, and each is to be tried by itself."""
        try:
            answers = await judge(self._gates, self._crowd, [showing for showing, _ in batch])
        except Exception as error:
            # Whatever it is: whoever waits here must be told.
            if len(batch) > 1:
                return False
            [(_, judged)] = batch
            if not judged.done():
                judged.set_exception(error)
            return True
        for (_, judged), one in zip(batch, answers, strict=True):
            if not judged.done():  # the device has not hung up
                judged.set_result(one)
        return True
