"""Test runs and servers side by side never get the same port."""

from __future__ import annotations

import subprocess
import sys

from deploy.private_servers import FIRST_PORT, PORTS

CALLS = 300
"""Of 12,000: two processes that drew lots would meet as good as always."""
DRAW = (
    f"from deploy.private_servers import free_port\nprint(*(free_port() for _ in range({CALLS})))"
)


def test_processes_that_ask_at_the_same_time_get_ports_of_their_own() -> None:
    asking = [
        subprocess.Popen([sys.executable, "-c", DRAW], stdout=subprocess.PIPE, text=True)
        for _ in range(2)
    ]

    ports = [int(port) for process in asking for port in process.communicate()[0].split()]

    assert len(set(ports)) == len(ports) == 2 * CALLS
    assert all(FIRST_PORT <= port < FIRST_PORT + PORTS for port in ports)
