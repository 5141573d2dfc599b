"""One machine whose disk is full: it says so, keeps nothing by halves, and recovers by itself."""

from __future__ import annotations

import os
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final
from uuid import uuid4

import httpx
import pytest

from shared.access import Role
from tests.system import (
    OneMachine,
    Visitor,
    badge_of,
    confirm_link,
    device_at,
    eventually,
    person,
    scan_until_known,
)

DISK_BYTES: Final = 256 * 1024 * 1024
FULL_SECONDS: Final = 12.0
LONGEST_POSITION: Final = "Head of the department of full disks " * 4


@pytest.fixture
def disk(tmp_path: Path) -> Iterator[Path]:
    """A disk of our own, small enough to be filled."""
    if os.geteuid() != 0:
        pytest.skip("only root can mount a small disk")
    path = tmp_path / "disk"
    path.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", f"size={DISK_BYTES},mode=755", "forumpass", str(path)]
    mounted = subprocess.run(mount, capture_output=True, text=True)
    if mounted.returncode != 0:
        pytest.skip(f"no small disk can be mounted here: {mounted.stderr.strip()}")
    yield path
    # Lazily: what still holds a file must not keep the folder mounted for ever.
    subprocess.run(["umount", "--lazy", str(path)], check=True)


@pytest.fixture
def machine(disk: Path) -> Iterator[OneMachine]:
    one = OneMachine(disk / "home")
    one.home.mkdir()
    one.start()
    yield one
    one.stop()


def test_a_full_disk_delays_everything_and_loses_nothing(machine: OneMachine, disk: Path) -> None:
    visitor = machine.visit()
    asked = {uuid4().hex: person(position=LONGEST_POSITION) for _ in range(12)}
    with visitor.as_staff(Role.organiser) as staff:
        with _filled(disk):
            refusals = _try_for(FULL_SECONDS / 2, visitor, asked)
            _use_up_the_log(machine.home / "postgresql")
            refusals += _try_for(FULL_SECONDS / 2, visitor, asked)
        assert refusals, "the disk was full, and nobody noticed"
        acknowledged = {key: _register(visitor, key, body) for key, body in asked.items()}
        listed = staff.get("/registration/api/registrations", params={"limit": 100}).json()["items"]
    # Whatever was answered, and however often it was sent: once each.
    assert sorted(item["id"] for item in listed) == sorted(acknowledged.values())
    for key, registration_id in acknowledged.items():
        _confirm_by_mail(visitor, registration_id, asked[key]["email"])
    badge = badge_of(visitor, registration_id)
    with device_at(visitor, "tower-in") as device:
        assert scan_until_known(device, badge["credential"])["reason"] == "first_entry"


@contextmanager
def _filled(disk: Path) -> Iterator[None]:
    filler = disk / "filler"
    with filler.open("wb", buffering=0) as file:
        for piece in (1024 * 1024, 4096):
            try:
                while True:
                    file.write(bytes(piece))
            except OSError:
                pass  # full, but for less than a piece
    try:
        yield
    finally:
        filler.unlink()


def _use_up_the_log(data: Path) -> None:
    """Bring PostgreSQL to where it needs another file for its write-ahead log, and there is none.

    It then stops in the middle of whatever it does, and cannot even begin anew before there is
    room again.
    """
    pid, *_, folder = (data / "postmaster.pid").read_text().splitlines()[:5]
    statements = "SELECT pg_switch_wal();\nSELECT pg_logical_emit_message(false, '', 'x');\n" * 30
    psql = Path(f"/proc/{pid}/exe").resolve().with_name("psql")
    subprocess.run(
        [psql, "--no-psqlrc", "--quiet", "-h", folder, "-U", "postgres"],
        input=statements,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        text=True,
        timeout=30,
    )


def _try_for(seconds: float, visitor: Visitor, asked: dict[str, dict[str, object]]) -> int:
    """Register while the disk is full; answers how often that was refused."""
    refused = 0
    deadline = time.monotonic() + seconds
    with visitor.calling() as http:
        while time.monotonic() < deadline:
            for key, body in asked.items():
                answer = _post(http, key, body)
                assert answer.status_code in (201, 503), answer.text
                if answer.status_code == httpx.codes.SERVICE_UNAVAILABLE:
                    assert answer.headers["Content-Type"] == "application/problem+json"
                    refused += 1
            # Many small steps fill what PostgreSQL has put by.
            time.sleep(0.05)
    return refused


def _register(visitor: Visitor, key: str, body: dict[str, object]) -> str:
    """Register, again and again with the same key, until it is acknowledged."""
    with visitor.calling() as http:
        answer = eventually(
            lambda: _post(http, key, body), lambda answer: answer.status_code == 201, within=60
        )
    registration_id: str = answer.json()["id"]
    return registration_id


def _post(http: httpx.Client, key: str, body: dict[str, object]) -> httpx.Response:
    return http.post("/registration/api/registrations", json=body, headers={"Idempotency-Key": key})


def _confirm_by_mail(visitor: Visitor, registration_id: str, address: object) -> None:
    [mail] = visitor.mail_to(str(address))
    named, token = confirm_link(mail)
    assert named == registration_id
    with visitor.calling() as http:
        path = f"/registration/api/registrations/{registration_id}/confirm-email"
        assert http.post(path, json={"token": token}).status_code == 200
