"""Measure: `make bench`, or `python -m tests.benchmarks scans` for one of them.

Figures are printed and never asserted: they depend on the machine, so each stands beside a floor
that was measured in the same run.
"""

from __future__ import annotations

import sys
import tempfile
from pathlib import Path

from rich.console import Console

from shared import log as logs
from shared.settings import Settings, load
from tests.benchmarks import (
    erasures,
    events,
    first_answer,
    imports,
    live,
    mail,
    offline,
    pipeline,
    queue,
    registrations,
    replica,
    scans,
)

BENCHMARKS = {
    "mail": mail.run,
    "registrations": registrations.run,
    "pipeline": pipeline.run,
    "scans": scans.run,
    "events": events.run,
    "replica": replica.run,
    "offline": offline.run,
    "live": live.run,
    "first-answer": first_answer.run,
    "queue": queue.run,
    "imports": imports.run,
    "erasures": erasures.run,
}
ON_REQUEST = {"replica-100000": replica.run_large, "offline-100000": offline.run_large}
"""What takes minutes."""


def main() -> None:
    logs.set_up(load(Settings, log_level="error"))
    console = Console()
    chosen = sys.argv[1:] or list(BENCHMARKS)
    known = BENCHMARKS | ON_REQUEST
    if unknown := set(chosen) - set(known):
        sys.exit(f"There is no benchmark {', '.join(unknown)}; there are {', '.join(known)}.")
    for name in chosen:
        with tempfile.TemporaryDirectory(prefix="forumpass-bench-") as home:
            known[name](console, Path(home))


if __name__ == "__main__":
    main()
