"""A rehearsal with invented people: what is played is what the system says afterwards."""

from __future__ import annotations

import fcntl
import re
import socket
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from deploy.private_servers import PostgreSQL
from deploy.simulation.desks import MEMBERS, REQUESTS
from shared.access import Role
from tests.system import OneMachine, Visitor, environment, forumpass

PEOPLE = 25


@pytest.fixture(scope="module")
def evening(postgres: PostgreSQL, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Visitor]:
    """A system at the end of the forum's first day."""
    postgres.drop_databases()
    one = OneMachine(
        tmp_path_factory.mktemp("rehearsed"),
        FORUMPASS_DATABASE_URL=postgres.url,
        FORUMPASS_CLOCK="2017-06-12T18:00:00+02:00",
    )
    one.start()
    yield one.visit()
    one.stop()


def test_a_day_is_played_and_the_system_says_what_it_was_told(evening: Visitor) -> None:
    played = evening.forumpass("simulate", "--people", str(PEOPLE), "--speed", "50000")
    assert played.returncode == 0, played.stdout + played.stderr
    assert re.search(rf"sent +registrations +{PEOPLE}\b", played.stdout)
    for figure in ("scans in the log, once each", "inside now", "arrived today", "refused today"):
        assert re.search(rf"equal +{figure} +\d+", played.stdout), played.stdout
    assert "differs" not in played.stdout


def test_those_at_desks_have_something_to_do(evening: Visitor) -> None:
    others = ("--people", "3", "--seed", "7", "--desks")
    played = evening.forumpass("simulate", "--speed", "50000", *others)
    assert played.returncode == 0, played.stdout + played.stderr
    with evening.as_staff(Role.organiser) as http:

        def items(path: str) -> Any:
            return http.get(f"/registration/api/{path}").json()["items"]

        assert len(items("registrations?status=in_review")) == REQUESTS
        [delegation] = items("delegations")
        assert len(items(f"delegations/{delegation['id']}/members")) == MEMBERS
        assert [role for account in items("staff") for role in account["roles"]]


def test_a_day_that_is_to_come_cannot_be_played(evening: Visitor) -> None:
    refused = evening.forumpass("simulate", "--people", "1", "--day", "3")
    assert refused.returncode == 1
    assert "FORUMPASS_CLOCK=2017-06-14T18:00:00+02:00" in refused.stderr + refused.stdout


@pytest.mark.parametrize("taken", ["state", "port"])
def test_a_demo_that_cannot_start_leaves_the_one_that_runs_as_it_is(
    tmp_path: Path, taken: str
) -> None:
    database = tmp_path / "demo" / "postgresql"
    database.mkdir(parents=True)
    with (tmp_path / "demo" / "lock").open("w") as lock, socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        port = listener.getsockname()[1]
        if taken == "state":
            fcntl.flock(lock, fcntl.LOCK_EX)
            listener.close()
        refused = forumpass(environment(tmp_path, FORUMPASS_PORT=str(port)), tmp_path, "demo")
    assert refused.returncode == 1
    [sentence] = refused.stderr.splitlines()
    assert (f"{port} cannot be used" if taken == "port" else "already runs") in sentence
    assert database.exists()


def test_a_demo_of_a_wrong_forum_says_so(tmp_path: Path) -> None:
    (tmp_path / "forum.toml").write_text("name = 'Nothing else'")
    given = environment(tmp_path, FORUMPASS_FORUM=str(tmp_path / "forum.toml"))
    refused = forumpass(given, tmp_path, "demo")
    assert refused.returncode == 2
    assert refused.stderr.startswith("FORUMPASS_FORUM: ")
