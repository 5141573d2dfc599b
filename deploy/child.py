"""A program that we started, with everything it starts in turn."""

from __future__ import annotations

import os
import signal
import subprocess
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Final

import psutil

LOG_TAIL_LINES: Final = 20
POLL_SECONDS: Final = 0.05
STANDSTILL_SECONDS: Final = 10


class DidNotStart(Exception):
    """A program ended, or said nothing, before it was ready."""


class ChildProcess:
    """One program: started, stopped, killed or paused together with its own children.

    It runs in a session of its own, so that Ctrl-C reaches us alone and we stop what
    stands on a server before the server.

    Args:
        name: What messages call it.
        command: The program and its arguments.
        log: The file that takes what it prints.
        environment: Its whole environment.
        user: The account to run as; None is our own.
        folder: Where it runs; None is where we do.
        stop_signal: What asks it to finish in good order.
    """

    def __init__(
        self,
        name: str,
        command: Sequence[str | Path],
        *,
        log: Path,
        environment: Mapping[str, str],
        user: str | None = None,
        folder: Path | None = None,
        stop_signal: signal.Signals = signal.SIGTERM,
    ) -> None:
        self.name = name
        self.log = log
        self._command = command
        self._environment = environment
        self._user = user
        self._folder = folder
        self._stop_signal = stop_signal
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def running(self) -> bool:
        return self._process is not None and self._process.poll() is None

    @property
    def returncode(self) -> int | None:
        """How it ended; None while it runs, or before it ever did."""
        return None if self._process is None else self._process.poll()

    @property
    def pid(self) -> int:
        assert self._process is not None, f"{self.name} was never started"
        return self._process.pid

    def start(self) -> None:
        self.log.parent.mkdir(parents=True, exist_ok=True)
        with self.log.open("ab") as log:
            self._process = subprocess.Popen(
                [os.fspath(part) for part in self._command],
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                env=dict(self._environment),
                cwd=self._folder,
                start_new_session=True,
                user=self._user,
                group=self._user,
                extra_groups=None if self._user is None else [],
            )

    def wait_until(self, ready: Callable[[], bool], *, within: float) -> None:
        """Return as soon as `ready()` holds.

        Raises:
            DidNotStart: it ended first, or `within` seconds went by; it is stopped then.
        """
        deadline = time.monotonic() + within
        while not ready():
            if self.running and time.monotonic() < deadline:
                time.sleep(POLL_SECONDS)
                continue
            why = f"was not ready within {within:g} s" if self.running else "ended at once"
            self.kill()
            raise DidNotStart(f"{self.name} {why}. The end of {self.log}:\n{self._log_tail()}")

    def stop(self, *, within: float = 20) -> None:
        """Ask it to finish, and see that it and all its children are gone."""
        tree = self._tree()
        if not tree:
            return
        _send(tree[:1], self._stop_signal)
        # A paused program takes the request only when it goes on.
        _send(tree, signal.SIGCONT)
        _, left = psutil.wait_procs(tree, timeout=within)
        _send(left, signal.SIGKILL)
        self._reap()

    def kill(self) -> None:
        """End it as a power cut would: no warning, children and all."""
        tree = self._tree()
        # The parent first: it shall not see a child die and put things in order.
        _send(tree, signal.SIGKILL)
        psutil.wait_procs(tree, timeout=5)
        self._reap()

    def pause(self) -> None:
        """Stop the clock for it: connections stay open and nothing answers."""
        tree = self._tree()
        _send(tree, signal.SIGSTOP)
        # The signal is dealt with by one thread, when its turn comes; until then the others go on.
        deadline = time.monotonic() + STANDSTILL_SECONDS
        while time.monotonic() < deadline and not all(map(_stands_still, tree)):
            time.sleep(POLL_SECONDS)

    def resume(self) -> None:
        _send(self._tree(), signal.SIGCONT)

    def _tree(self) -> list[psutil.Process]:
        if not self.running:
            return []
        with suppress(psutil.NoSuchProcess):
            root = psutil.Process(self.pid)
            return [root, *root.children(recursive=True)]
        return []

    def _reap(self) -> None:
        if self._process is not None:
            self._process.wait()

    def _log_tail(self) -> str:
        lines = self.log.read_text(errors="replace").splitlines()
        return "\n".join(lines[-LOG_TAIL_LINES:])


def _send(processes: Sequence[psutil.Process], number: signal.Signals) -> None:
    for process in processes:
        with suppress(psutil.NoSuchProcess):
            process.send_signal(number)


def _stands_still(process: psutil.Process) -> bool:
    with suppress(psutil.NoSuchProcess):
        return process.status() in (psutil.STATUS_STOPPED, psutil.STATUS_ZOMBIE)
    return True
