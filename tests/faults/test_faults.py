"""Pull every plug, and see that nothing is lost and nothing happens twice.

`make test` makes a cut of about two minutes, `make test-faults` a whole run.
FORUMPASS_FAULT_SECONDS says how long faults are injected; FORUMPASS_FAULT_SEED draws the same
faults again.
"""

from __future__ import annotations

import asyncio
import os
import random
import signal
from pathlib import Path
from typing import Final

import pytest
from rich.console import Console

from deploy.private_servers import NotInstalled
from tests.faults.run import LONG_SECONDS, run, show

SECONDS: Final = float(os.environ.get("FORUMPASS_FAULT_SECONDS") or 40)
SEED: Final = int(os.environ.get("FORUMPASS_FAULT_SEED") or random.randrange(1_000_000))
IS_LONG: Final = SECONDS >= LONG_SECONDS
SETTLE_SECONDS: Final = 240 if IS_LONG else 75
START_AND_STOP_SECONDS: Final = 45


@pytest.mark.timeout(SECONDS + 2 * SETTLE_SECONDS + START_AND_STOP_SECONDS)
def test_nothing_is_lost_and_nothing_happens_twice_whatever_fails(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    # Whoever ends us by SIGTERM gets everything stopped, as by Ctrl-C.
    before = signal.signal(signal.SIGTERM, signal.default_int_handler)
    console = Console(width=110)
    with capsys.disabled():
        console.print(
            f"\nFaults for {SECONDS:g} s, FORUMPASS_FAULT_SEED={SEED}, logs in {tmp_path}"
        )
    try:
        report = asyncio.run(
            run(tmp_path, seconds=SECONDS, seed=SEED, settle_within=SETTLE_SECONDS)
        )
    except NotInstalled as not_installed:
        pytest.skip(str(not_installed))
    finally:
        signal.signal(signal.SIGTERM, before)
    with capsys.disabled():
        show(console, report)
    assert report.findings.all == []
    assert report.faults > 0
    if IS_LONG:
        assert report.operations >= 6 * SECONDS
        assert report.faults >= SECONDS / 5
