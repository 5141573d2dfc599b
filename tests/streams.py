"""Streams of scans as a gate may have them: in any order, taken back, overridden, told of late."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Any, Final

from hypothesis import strategies as st

from tests.checkin import IN, OTHER_IN, OUT, ROOM, Badge, Body, Checkin, new_scan_id

PEOPLE: Final = 3
MINUTES_AGO: Final = [
    None, 0, 1, 2, 60,
    13 * 60,  # at ten in the morning: last evening, after closing
    15 * 60,
    24 * 60,
    39 * 60,
    6 * 24 * 60,
    8 * 24 * 60,  # nobody waits so long: a wrong clock
]  # fmt: skip


@dataclass(frozen=True)
class Shown:
    """A badge is shown; `let_in` says what a device without network did, and told later."""

    who: int
    gate: str
    minutes_ago: int | None
    override: bool
    let_in: bool | None = None


@dataclass(frozen=True)
class TakenBack:
    """The scan so many steps before is undone."""

    back: int


Step = Shown | TakenBack | tuple[Shown, ...]
"""Several together are a batch of a device that had no network."""

_where: Final = {
    "who": st.integers(0, PEOPLE - 1),
    "gate": st.sampled_from([IN, OTHER_IN, OUT, "varembe-out", ROOM]),
    "minutes_ago": st.sampled_from(MINUTES_AGO),
    "override": st.booleans(),
}
_shown: Final = st.builds(Shown, **_where, let_in=st.none())
_late: Final = st.builds(Shown, **_where, let_in=st.booleans())
_batch: Final = st.lists(_late, min_size=1, max_size=5).map(tuple)
streams: Final = st.lists(
    _shown | _shown | st.builds(TakenBack, back=st.integers(1, 5)) | _batch,
    min_size=5,
    max_size=20,
)


async def play(checkin: Checkin, people: Sequence[Badge], stream: Sequence[Step]) -> None:
    """Have a stream happen, step by step."""
    done: list[Body] = []
    for step in stream:
        match step:
            case TakenBack(back):
                if back <= len(done):
                    answer = await checkin.undo(done[-back])
                    assert answer.status_code in (200, 409)
            case Shown(gate=gate):
                done.append(await checkin.answer_to(_body(checkin, people, step), gate))
            case _:
                done += await _batch_told(checkin, people, step)


async def _batch_told(
    checkin: Checkin, people: Sequence[Badge], batch: Sequence[Shown]
) -> list[Body]:
    device = await checkin.at(IN)
    scans = [
        {"scan_id": new_scan_id(), "gate": one.gate, "admitted": one.let_in}
        | _body(checkin, people, one)
        for one in batch
    ]
    answer = await checkin.http.post(
        "/checkin/api/scans/batch", json={"scans": scans}, headers=device.headers
    )
    assert answer.status_code == 200, answer.text
    answers: list[Body] = answer.json()["answers"]
    return answers


def _body(checkin: Checkin, people: Sequence[Badge], shown: Shown) -> Body:
    body: dict[str, Any] = {"credential": people[shown.who].credential}
    if shown.override:
        body["override"] = "Said so"
    if shown.minutes_ago is not None:
        now = checkin.service.platform.clock.now()
        body["scanned_at"] = (now - timedelta(minutes=shown.minutes_ago)).isoformat()
    return body
