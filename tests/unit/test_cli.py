"""The command line, as far as it needs no running system."""

from __future__ import annotations

import subprocess
import sys


def test_the_command_line_starts_without_what_only_services_need() -> None:
    # They take a second to load, each time that somebody calls a command.
    heavy = "{'alembic', 'asyncpg', 'fastapi', 'sqlalchemy'}"
    program = f"import sys, deploy.cli; print(*{heavy} & sys.modules.keys())"
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True)
    assert (done.returncode, done.stdout.strip()) == (0, ""), done.stderr
