"""The system under test: real servers behind proxies, and the services as processes.

PostgreSQL keeps its promises (fsync is on), because it is killed. Badging and check-in run
twice, as where one is not enough.
"""

from __future__ import annotations

import asyncio
import random
from contextlib import ExitStack
from functools import partial
from pathlib import Path
from types import TracebackType
from typing import Final
from urllib.parse import urlsplit

import aio_pika
import asyncpg
import httpx
from aio_pika.abc import AbstractConnection

from deploy.child import ChildProcess
from deploy.private_servers import PostgreSQL, RabbitMQ, free_port
from deploy.processes import Processes
from shared.access import Keyring, open_keyring
from shared.clock import anchored
from tests.faults.proxy import Proxy
from tests.faults.smtp import MoodyMailServer

SERVICES: Final = ("registration", "badging", "checkin", "notifications")
TWICE: Final = ("badging", "checkin")
FIRST_MORNING: Final = "2017-06-12T08:00:00+02:00"
READY_SECONDS: Final = 60
IMPATIENT: Final = {
    # A deployment waits minutes where this one waits seconds.
    "FORUMPASS_NOTIFICATIONS_FIRST_RETRY_SECONDS": "0.5",
    "FORUMPASS_NOTIFICATIONS_LONGEST_RETRY_SECONDS": "3",
    "FORUMPASS_NOTIFICATIONS_ATTEMPT_SECONDS": "5",
    "FORUMPASS_NOTIFICATIONS_NOTE_SECONDS": "10",
}


class Plant:
    """Everything that runs, and the handles by which it is harmed."""

    def __init__(self, home: Path) -> None:
        self.home = home
        self.database = PostgreSQL(home / "postgresql", durable=True)
        self.broker = RabbitMQ(home / "rabbitmq")
        self.to_database = Proxy(self.database.port)
        self.to_broker = Proxy(self.broker.port)
        self.mail = MoodyMailServer()
        self.services: dict[str, ChildProcess] = {}
        """By name; the second of two is called `badging 2`."""
        self.keyring: Keyring = open_keyring(home / "secret")
        self._clock = anchored(FIRST_MORNING)  # all read one clock
        self._ports: dict[str, int] = {}
        self._stopping = ExitStack()

    async def __aenter__(self) -> Plant:
        try:
            await self._start()
        except BaseException:
            await self._stop()
            raise
        return self

    async def __aexit__(
        self,
        _type: type[BaseException] | None,
        _error: BaseException | None,
        _traceback: TracebackType | None,
    ) -> None:
        await self._stop()

    def close(self) -> None:
        """Stop every process, whatever the event loop has come to."""
        self._stopping.close()

    @property
    def origin(self) -> str:
        """The public address that mails name; nobody listens there."""
        return "http://127.0.0.1:9"

    def address(self, service: str, rng: random.Random) -> str:
        """Where a service answers; any of the two where there are two."""
        choices = [name for name in self._ports if name.split()[0] == service]
        return f"http://127.0.0.1:{self._ports[rng.choice(choices)]}"

    def is_up(self, name: str) -> bool:
        service = name.split()[0]
        try:
            url = f"http://127.0.0.1:{self._ports[name]}/{service}/health/ready"
            return httpx.get(url, timeout=2, trust_env=False).status_code == httpx.codes.OK
        except httpx.HTTPError:
            return False

    async def look_into(self, service: str) -> asyncpg.Connection:
        """A connection of our own to a service's database, past the proxy."""
        return await asyncpg.connect(f"{self.database.url}/forumpass_{service}", timeout=5)

    async def look_into_broker(self) -> AbstractConnection:
        """A connection of our own to the broker, past the proxy."""
        return await aio_pika.connect(self.broker.url, timeout=5)

    async def _start(self) -> None:
        for server in (self.database, self.broker):
            self._stopping.callback(server.stop)
        await asyncio.gather(
            self.to_database.start(),
            self.to_broker.start(),
            self.mail.start(),
            asyncio.to_thread(self.database.start),
            asyncio.to_thread(self.broker.start),
        )
        first = self._processes(SERVICES)
        second = self._processes(TWICE)
        await asyncio.gather(*(asyncio.to_thread(each.start) for each in (first, second)))
        self.services = dict(first.services)
        self.services |= {f"{name} 2": child for name, child in second.services.items()}

    def _processes(self, names: tuple[str, ...]) -> Processes:
        ports = {name: free_port() for name in names}
        for name, port in ports.items():
            self._ports[f"{name} 2" if name in self._ports else name] = port
        badging = self._ports["badging"]
        given = IMPATIENT | {
            "FORUMPASS_CLOCK": self._clock,
            "FORUMPASS_SECRET_FILE": str(self.home / "secret"),
            "FORUMPASS_ORIGIN": self.origin,
            "FORUMPASS_DATABASE_URL": _through(self.database.url, self.to_database),
            "FORUMPASS_BUS_URL": _through(self.broker.url, self.to_broker),
            "FORUMPASS_SMTP_URL": self.mail.url,
            "FORUMPASS_NOTIFICATIONS_BADGING_URL": f"http://127.0.0.1:{badging}",
            "FORUMPASS_LOG_FORMAT": "json",
        }
        processes = Processes(
            self.home,
            given,
            port=free_port(),
            service_ports=ports,
            mailbox_port=free_port(),
            front_door=False,
        )
        self._stopping.callback(processes.stop)
        return processes

    async def _stop(self) -> None:
        # With the network in order again, so that all can stop in good order.
        for proxy in (self.to_database, self.to_broker):
            proxy.recover()
        await asyncio.to_thread(self.close)
        await self.mail.stop()
        for proxy in (self.to_database, self.to_broker):
            await proxy.stop()

    async def until_all_are_up(self, within: float) -> None:
        """Return as soon as every service says that it is ready.

        Raises:
            TimeoutError: one does not within so many seconds.
        """
        async with asyncio.timeout(within):
            for name in self.services:
                while not await asyncio.to_thread(partial(self.is_up, name)):
                    await asyncio.sleep(0.1)


def _through(url: str, proxy: Proxy) -> str:
    parts = urlsplit(url)
    assert parts.hostname is not None
    account = parts.netloc.rpartition("@")[0]
    return parts._replace(netloc=f"{account}@{parts.hostname}:{proxy.port}").geturl()
