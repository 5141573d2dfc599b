"""Scans on their way to be judged: those that come at the same time share a transaction."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import Annotated, Final

from fastapi import Depends, Request

from services.checkin.admission import Reason
from services.checkin.cases import Showing
from services.checkin.devices import Device
from services.checkin.gates import Gates
from services.checkin.judging import Memory, identify, judge
from services.checkin.lull import Lull
from services.checkin.paired import PairedDevices
from services.checkin.scans import Answer, Scan, answer, answers
from services.checkin.together import Together
from shared.access import unauthenticated
from shared.problems import conflict

LANES: Final = 4
"""Transactions at once, where one is held up; otherwise one, for the next is larger meanwhile."""
MOST: Final = 64
"""Scans of a transaction."""
BATCHES: Final = 2
"""Transactions at once of devices that tell of what they did by themselves. After an outage all do
at the same time; who scans meanwhile must not wait behind them."""


class Turnstile:
    """All scans of this process pass here."""

    def __init__(self, gates: Gates) -> None:
        self._gates = gates
        self.paired = PairedDevices(gates.database)
        self._memory = Memory()
        self._gate = {gate.id: gate for gate in gates.forum.gates}
        self._batches = asyncio.Semaphore(BATCHES)
        self._together = Together(self._judge, most=MOST, lanes=LANES)
        self.lull = Lull()

    async def record(self, token: str, device: Device, scan: Scan) -> Answer:
        """Judge a scan and write it into the log. Sent again, it has the same answer.

        Raises:
            Problem: 401, the device was unpaired; 409, the id is that of an undo, or the forum has
                no such gate any more.
        """
        self.lull.ends()
        shown = await identify(self._gates, scan)
        judged = await self._together.do(self._showing(device, scan, shown))
        if judged is not None:
            return judged
        # It is in the log already; or the device was unpaired, or the person passed, a moment ago.
        device_now = await self.paired.read(token)
        if device_now is None:
            raise unauthenticated()
        found = await answer(self._gates, scan.scan_id)
        return await self.record(token, device_now, scan) if found is None else found

    async def record_all(self, token: str, device: Device, scans: Sequence[Scan]) -> list[Answer]:
        """Judge scans that a device made one after the other; each has its answer in its place."""
        told: list[Answer] = []
        for first in range(0, len(scans), MOST):
            part = scans[first : first + MOST]
            # A batch is sent again when its answer was lost: then all of it is in the log.
            logged = await answers(self._gates, [scan.scan_id for scan in part])
            new = [scan for scan in part if scan.scan_id not in logged]
            judged = iter(await self._judge_batch(device, new) if new else [])
            for scan in part:
                one = logged.get(scan.scan_id) or next(judged)
                told.append(one or await self.record(token, device, scan))
        return told

    async def _judge_batch(self, device: Device, scans: Sequence[Scan]) -> list[Answer | None]:
        showings = [
            self._showing(device, scan, await identify(self._gates, scan)) for scan in scans
        ]
        async with self._batches:
            return await self._judge(showings)

    async def _judge(self, showings: Sequence[Showing]) -> list[Answer | None]:
        return await judge(self._gates, self._memory, showings)

    def _showing(self, device: Device, scan: Scan, shown: str | Reason) -> Showing:
        # A gate that the forum does not have is no reason to lose what happened there.
        gate = self._gate.get(scan.gate or "") or self._gate.get(device.gate)
        if gate is None:
            raise conflict("The forum has no such gate any more: pair the device again.")
        return Showing(device.id, gate, scan, shown)


# A coroutine, though it waits for nothing: FastAPI would run a plain function in a thread.
async def _turnstile_of(request: Request) -> Turnstile:
    turnstile: Turnstile = request.app.state.turnstile
    return turnstile


OurTurnstile = Annotated[Turnstile, Depends(_turnstile_of)]
"""A route's parameter."""
