"""The four services as processes of their own, behind one origin: `make processes`.

What docker-compose.yml does with containers this does with the programs of one machine: a
private PostgreSQL and RabbitMQ, Caddy with the same Caddyfile, a mailbox. A server that a
setting names (FORUMPASS_DATABASE_URL, FORUMPASS_BUS_URL, FORUMPASS_SMTP_URL) is used instead
of a private one.
"""

from __future__ import annotations

import os
import signal
import sys
import time
from collections.abc import Mapping
from contextlib import ExitStack, suppress
from functools import partial
from pathlib import Path
from types import FrameType
from typing import Final

import httpx2
from rich.console import Console

from deploy.announcement import addresses, announce
from deploy.child import ChildProcess, DidNotStart
from deploy.onemachine import rehearse_a_past_forum
from deploy.private_servers import (
    AnyServer,
    Caddy,
    NotInstalled,
    PostgreSQL,
    RabbitMQ,
    free_port,
    listens,
)
from services.badging.settings import BadgingSettings
from services.checkin.settings import CheckinSettings
from services.notifications.settings import NotificationsSettings
from services.registration.settings import RegistrationSettings
from shared.access import open_keyring
from shared.clock import anchored
from shared.settings import REPOSITORY, Settings, WrongSetting, load

MAILBOX_PORT: Final = 8025
READY_SECONDS: Final = 60
LOOK_SECONDS: Final = 1.0

console = Console(highlight=False, soft_wrap=True)
complaints = Console(stderr=True, highlight=False, soft_wrap=True)


class PortTaken(Exception):
    """Somebody listens already where we should."""


class Processes:
    """The whole system, each part a child process of this one.

    Args:
        home: The folder of its state and logs.
        given: FORUMPASS_… settings; they hold for every service.
        port: The public port of 127.0.0.1.
        service_ports: Where each service listens.
        mailbox_port: Where the mailbox page is.
        durable: False gives up what fsync protects in the private PostgreSQL.
        front_door: False leaves Caddy out: who calls knows each service's own port.
    """

    def __init__(
        self,
        home: Path,
        given: Mapping[str, str],
        *,
        port: int,
        service_ports: Mapping[str, int],
        mailbox_port: int,
        durable: bool = True,
        front_door: bool = True,
    ) -> None:
        self.origin = given.get("FORUMPASS_ORIGIN") or f"http://127.0.0.1:{port}"
        self.mailbox = f"http://127.0.0.1:{mailbox_port}/"
        self.home = home
        self._port = port
        self._service_ports = service_ports
        self._mailbox_port = mailbox_port
        self._durable = durable
        self._front_door = front_door
        self._environment = {
            "PATH": os.environ.get("PATH", os.defpath),
            **given,
            "FORUMPASS_HOME": str(home),
            **{f"FORUMPASS_{name.upper()}_PORT": str(at) for name, at in service_ports.items()},
            "FORUMPASS_ORIGIN": self.origin,
            "FORUMPASS_BIND": "127.0.0.1",
            "FORUMPASS_TRUSTED_PROXIES": "127.0.0.1",
        }
        self._running = ExitStack()
        self.services: dict[str, ChildProcess] = {}

    def start(self) -> None:
        """Start every part and return when all services are ready.

        Raises:
            NotInstalled: a program is missing.
            PortTaken: a port is in use.
            DidNotStart: a part ended at once or was never ready.
        """
        self._require_ports()
        try:
            self._start_servers()
            self._start_services()
            if self._front_door:
                self._start_front_door()
        except BaseException:
            self.stop()
            raise

    def stop(self) -> None:
        """Stop every part, the front door first and the databases last."""
        self._running.close()

    def ended(self) -> list[ChildProcess]:
        """The services that are not running any more."""
        return [service for service in self.services.values() if not service.running]

    def _start_servers(self) -> None:
        environment = self._environment
        if not environment.get("FORUMPASS_DATABASE_URL"):
            database = PostgreSQL(self.home / "postgresql", durable=self._durable)
            environment["FORUMPASS_DATABASE_URL"] = self._keep(database).url
        if not environment.get("FORUMPASS_BUS_URL"):
            environment["FORUMPASS_BUS_URL"] = self._keep(RabbitMQ(self.home / "rabbitmq")).url
        if not environment.get("FORUMPASS_SMTP_URL"):
            environment["FORUMPASS_SMTP_URL"] = self._start_mailbox()
            environment["FORUMPASS_MAILBOX_URL"] = f"{self.mailbox}mailbox/"

    def _start_mailbox(self) -> str:
        smtp_port = free_port()
        arguments = ["--smtp-port", str(smtp_port), "--http-port", str(self._mailbox_port)]
        mailbox = self._python("mailbox", "deploy.mailbox", *arguments)
        self._keep(mailbox)
        mailbox.wait_until(
            lambda: listens(smtp_port) and listens(self._mailbox_port), within=READY_SECONDS
        )
        return f"smtp://127.0.0.1:{smtp_port}"

    def _start_services(self) -> None:
        for name in self._service_ports:
            self.services[name] = self._keep(self._python(name, f"services.{name}"))
        for name, service in self.services.items():
            service.wait_until(partial(self.is_ready, name), within=READY_SECONDS)

    def _start_front_door(self) -> None:
        hosts = {f"FORUMPASS_{name.upper()}_HOST": "127.0.0.1" for name in self._service_ports}
        site = {"FORUMPASS_SITE": f"http://127.0.0.1:{self._port}"}
        caddy = Caddy(
            self.home / "caddy",
            config=REPOSITORY / "deploy" / "Caddyfile",
            environment=self._environment | hosts | site,
            port=self._port,
        )
        self._keep(caddy)

    def _keep(self, server: AnyServer) -> AnyServer:
        """Start it, and remember to stop it, started or not."""
        self._running.callback(server.stop)
        server.start()
        return server

    def _python(self, name: str, module: str, *arguments: str) -> ChildProcess:
        return ChildProcess(
            name,
            [sys.executable, "-m", module, *arguments],
            log=self.home / "logs" / f"{name}.log",
            environment=self._environment,
        )

    def is_ready(self, name: str) -> bool:
        with suppress(httpx2.HTTPError):
            port = self._service_ports[name]
            answer = httpx2.get(f"http://127.0.0.1:{port}/{name}/health/ready", timeout=2)
            return answer.status_code == httpx2.codes.OK
        return False

    def _require_ports(self) -> None:
        ports = {"FORUMPASS_PORT": self._port} | {
            f"FORUMPASS_{name.upper()}_PORT": port for name, port in self._service_ports.items()
        }
        for setting, port in ports.items():
            if listens(port):
                raise PortTaken(f"{setting}={port}: something listens on that port already.")


def main() -> None:
    """Run until Ctrl-C or SIGTERM."""
    try:
        processes = _from_settings()
        signal.signal(signal.SIGTERM, _interrupt)
        with console.status("Starting PostgreSQL, RabbitMQ, Caddy and the services…"):
            processes.start()
    except (NotInstalled, PortTaken, DidNotStart, WrongSetting) as error:
        complaints.print(str(error), markup=False)
        sys.exit(1)
    except KeyboardInterrupt:
        sys.exit(130)
    try:
        _announce(processes)
        _watch(processes)
    except KeyboardInterrupt:
        console.print("Stopping…")
    finally:
        # Whoever presses Ctrl-C twice still gets all of it stopped.
        signal.signal(signal.SIGINT, signal.SIG_IGN)
        signal.signal(signal.SIGTERM, signal.SIG_IGN)
        processes.stop()


def _from_settings() -> Processes:
    settings = rehearse_a_past_forum(load(Settings))
    chosen = {
        "FORUMPASS_ORIGIN": settings.origin,
        "FORUMPASS_DATABASE_URL": settings.database_url,
        "FORUMPASS_BUS_URL": settings.bus_url,
        "FORUMPASS_SMTP_URL": settings.smtp_url,
        # All read one clock, however long apart they start.
        "FORUMPASS_CLOCK": settings.clock and anchored(settings.clock),
        # One secret for `forumpass token create` and for every service.
        "FORUMPASS_SECRET_FILE": str(settings.secret_path.resolve()),
    }
    given = {name: value for name, value in os.environ.items() if name.startswith("FORUMPASS_")}
    return Processes(
        (settings.home / "processes").resolve(),
        given | {name: value for name, value in chosen.items() if value},
        port=settings.port,
        service_ports={
            "registration": load(RegistrationSettings).port,
            "badging": load(BadgingSettings).port,
            "checkin": load(CheckinSettings).port,
            "notifications": load(NotificationsSettings).port,
        },
        mailbox_port=MAILBOX_PORT,
    )


def _announce(processes: Processes) -> None:
    keyring = open_keyring(load(Settings).secret_path)
    lines = addresses(keyring, processes.origin, ("Mailbox", processes.mailbox))
    for name, service in processes.services.items():
        lines.append((name, f"process {service.pid}, log {service.log}"))
    announce(console, lines)


def _watch(processes: Processes) -> None:
    """Say once of each service that it ended; the others go on, and nothing is restarted."""
    told: set[str] = set()
    while True:
        for service in processes.ended():
            if service.name not in told:
                told.add(service.name)
                complaints.print(f"{service.name} ended. Its log: {service.log}", markup=False)
        time.sleep(LOOK_SECONDS)


def _interrupt(_number: int, _frame: FrameType | None) -> None:
    raise KeyboardInterrupt


if __name__ == "__main__":
    main()
