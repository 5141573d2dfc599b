"""The floor as a process of its own, like what it is compared with."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from deploy.child import ChildProcess
from deploy.private_servers import free_port, listens, started
from tests.system import environment


@contextmanager
def floor_server(home: Path, database_url: str) -> Iterator[int]:
    """The endpoint of floor.py; answers its port."""
    port = free_port()
    child = ChildProcess(
        "The floor",
        [sys.executable, "-m", "tests.benchmarks.floor", str(port), database_url],
        log=home / "floor.log",
        environment=environment(home),
    )
    with started(child):
        child.wait_until(lambda: listens(port), within=20)
        yield port
