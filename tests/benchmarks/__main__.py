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
from tests.benchmarks import events, mail, scans

BENCHMARKS = {"mail": mail.run, "scans": scans.run, "events": events.run}


def main() -> None:
    logs.set_up(load(Settings, log_level="error"))
    console = Console()
    chosen = sys.argv[1:] or list(BENCHMARKS)
    if unknown := set(chosen) - set(BENCHMARKS):
        sys.exit(f"There is no benchmark {', '.join(unknown)}; there are {', '.join(BENCHMARKS)}.")
    for name in chosen:
        with tempfile.TemporaryDirectory(prefix="forumpass-bench-") as home:
            BENCHMARKS[name](console, Path(home))


if __name__ == "__main__":
    main()
