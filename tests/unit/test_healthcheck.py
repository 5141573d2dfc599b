"""A container's health check finds the service that runs there and repeats what it says."""

from __future__ import annotations

import json
import re
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from http.server import BaseHTTPRequestHandler
from socketserver import BaseRequestHandler, TCPServer
from threading import Thread

import pytest

from deploy import healthcheck
from deploy.private_servers import free_port
from shared.settings import REPOSITORY
from tests.system import environment

WAITING = {"status": "waiting", "trouble": {"bus": "not connected"}}


@pytest.fixture(autouse=True)
def _nothing_listens(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Whatever runs here is not what is asked: the ports are held, and nobody listens."""
    with ExitStack() as held:
        for service in healthcheck.SERVICES:
            port = held.enter_context(socket.socket())
            port.bind(("127.0.0.1", 0))
            monkeypatch.setenv(port_setting(service), str(port.getsockname()[1]))
        yield


@pytest.mark.parametrize("service", healthcheck.SERVICES)
def test_a_service_that_is_ready_is_healthy(monkeypatch: pytest.MonkeyPatch, service: str) -> None:
    with serving(readiness_of(service, 200, {"status": "ready"})) as port:
        monkeypatch.setenv(port_setting(service), port)
        assert healthcheck.check() is None


@pytest.mark.parametrize("service", healthcheck.SERVICES)
def test_a_service_that_waits_says_what_for(monkeypatch: pytest.MonkeyPatch, service: str) -> None:
    with serving(readiness_of(service, 503, WAITING)) as port:
        monkeypatch.setenv(port_setting(service), port)
        assert healthcheck.check() == f"{service}: {json.dumps(WAITING)}"


def test_where_nothing_listens_that_is_said() -> None:
    assert healthcheck.check() == "no service listens here"


def test_a_service_that_hangs_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(healthcheck, "PATIENCE_SECONDS", 0.1)
    with socket.create_server(("127.0.0.1", 0)) as mute:
        monkeypatch.setenv("FORUMPASS_BADGING_PORT", str(mute.getsockname()[1]))
        assert healthcheck.check() == "badging: timed out"


def test_a_service_that_hangs_up_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    with serving(BaseRequestHandler) as port:
        monkeypatch.setenv("FORUMPASS_BADGING_PORT", port)
        said = healthcheck.check()
    assert said is not None
    assert said.startswith("badging: ")


def test_a_port_set_to_nothing_is_the_usual_one(monkeypatch: pytest.MonkeyPatch) -> None:
    with serving(readiness_of("checkin", 200, {"status": "ready"})) as port:
        monkeypatch.setattr(healthcheck, "SERVICES", {"checkin": int(port)})
        monkeypatch.setenv("FORUMPASS_CHECKIN_PORT", "")
        assert healthcheck.check() is None


def test_docker_reads_the_exit_code_and_people_the_words() -> None:
    with serving(readiness_of("registration", 200, {"status": "ready"})) as port:
        well = as_docker_asks(registration=port)
    assert (well.returncode, well.stderr) == (0, "")
    ill = as_docker_asks()
    assert (ill.returncode, ill.stderr) == (1, "no service listens here\n")


def test_it_gives_up_before_docker_does() -> None:
    dockerfile = (REPOSITORY / "deploy" / "Dockerfile").read_text()
    [docker_seconds] = re.findall(r"HEALTHCHECK .*--timeout=(\d+)s", dockerfile)
    assert int(docker_seconds) > healthcheck.PATIENCE_SECONDS


# --- helpers --------------------------------------------------------------------------------------


def port_setting(service: str) -> str:
    return f"FORUMPASS_{service.upper()}_PORT"


def readiness_of(service: str, status: int, said: object) -> type[BaseHTTPRequestHandler]:
    """Answers as the service does when asked whether it is ready."""

    class Readiness(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(status if self.path == f"/{service}/health/ready" else 404)
            self.end_headers()
            self.wfile.write(json.dumps(said).encode())

        def log_message(self, *_: object) -> None:
            """Be silent."""

    return Readiness


@contextmanager
def serving(handler: type[BaseRequestHandler]) -> Iterator[str]:
    """A server at a port of its own; answers the port."""
    with TCPServer(("127.0.0.1", 0), handler) as server:
        thread = Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        try:
            yield str(server.server_address[1])
        finally:
            server.shutdown()
            thread.join()


def as_docker_asks(**ports: str) -> subprocess.CompletedProcess[str]:
    """Run the command of the Dockerfile, in a container with these services."""
    listening = {service: ports.get(service, str(free_port())) for service in healthcheck.SERVICES}
    return subprocess.run(
        [sys.executable, "-m", "deploy.healthcheck"],
        cwd=REPOSITORY,
        env=environment(
            REPOSITORY, **{port_setting(name): port for name, port in listening.items()}
        ),
        capture_output=True,
        text=True,
    )
