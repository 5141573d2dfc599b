"""Servers for the whole test run: started when the first test asks, gone when the last is done."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
import structlog

from deploy.private_servers import NotInstalled, PostgreSQL, RabbitMQ, started
from shared import log
from tests.browser.chromium import find_chromium
from tests.servers import Broker, ContainerRabbitMQ, MailServer, NoContainers

# The default draws every frame's variables, which takes a busy machine seconds each time.
structlog.configure(
    processors=[
        *log.COMMON,
        structlog.dev.ConsoleRenderer(exception_formatter=structlog.dev.plain_traceback),
    ]
)


@pytest.fixture(scope="session")
def anyio_backend() -> str:
    """Coroutine tests and fixtures run on asyncio, as the services do."""
    return "asyncio"


@pytest.fixture(scope="session")
def postgres(tmp_path_factory: pytest.TempPathFactory) -> Iterator[PostgreSQL]:
    """A PostgreSQL server for the run."""
    with started(PostgreSQL(tmp_path_factory.mktemp("postgres"), durable=False)) as server:
        yield server


@pytest.fixture
def database_url(postgres: PostgreSQL) -> str:
    """FORUMPASS_DATABASE_URL of a server on which no service has a database yet."""
    postgres.drop_databases()
    return postgres.url


@pytest.fixture(scope="session")
def rabbitmq(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Broker]:
    """A RabbitMQ node for the run: in a container where Docker can, else of our own."""
    try:
        container = ContainerRabbitMQ()
        container.start()
    except NoContainers as no_containers:
        try:
            node = RabbitMQ(tmp_path_factory.mktemp("rabbitmq"))
        except NotInstalled as not_installed:
            pytest.skip(f"no RabbitMQ: {no_containers}; {not_installed}")
        with started(node):
            yield node
    else:
        yield container
        container.remove()


@pytest.fixture
def bus_url(rabbitmq: Broker) -> str:
    """FORUMPASS_BUS_URL of a broker on which nothing is declared yet."""
    return rabbitmq.new_virtual_host()


@pytest.fixture(scope="session")
def mail_server() -> Iterator[MailServer]:
    with started(MailServer()) as server:
        yield server


@pytest.fixture
def smtp(mail_server: MailServer) -> MailServer:
    """An SMTP server with no mail yet; `smtp.url` is FORUMPASS_SMTP_URL."""
    mail_server.clear()
    return mail_server


@pytest.fixture(scope="session")
def chromium() -> str:
    """Where Chromium is."""
    if found := find_chromium():
        return found
    pytest.skip("chromium is not installed")
