"""The real servers that tests talk to, besides those in deploy/private_servers.py."""

from __future__ import annotations

import contextlib
import secrets
import socket
import threading
import time
from email import policy
from email.message import EmailMessage
from email.parser import BytesParser
from typing import TYPE_CHECKING, Final, Protocol

import docker
from aiosmtpd.controller import Controller
from testcontainers.core.container import DockerContainer

from deploy.private_servers import ACCOUNT, free_port

if TYPE_CHECKING:
    from aiosmtpd.smtp import SMTP, Envelope, Session

RABBITMQ_IMAGE: Final = "rabbitmq:4"
ENGINE_SECONDS: Final = 5
CONTAINER_SECONDS: Final = 90


class Broker(Protocol):
    """RabbitMQ, wherever it runs."""

    @property
    def url(self) -> str: ...
    def start(self) -> None: ...
    def stop(self) -> None: ...
    def kill(self) -> None: ...
    def pause(self) -> None: ...
    def resume(self) -> None: ...
    def new_virtual_host(self) -> str: ...


class NoContainers(Exception):
    """No Docker engine answers here, or it cannot start what we ask for."""


class ContainerRabbitMQ:
    """RabbitMQ 4 in a container, on a port that stays the same when it is killed and started.

    Raises:
        NoContainers: no Docker engine answers.
    """

    def __init__(self) -> None:
        try:
            with contextlib.closing(docker.from_env(timeout=ENGINE_SECONDS)) as engine:
                engine.ping()
        except docker.errors.DockerException as error:
            raise NoContainers("no Docker engine answers") from error
        self._password = secrets.token_hex(16)
        self._port = free_port()
        self._container = (
            DockerContainer(RABBITMQ_IMAGE)
            .with_bind_ports(5672, self._port)
            .with_env("RABBITMQ_DEFAULT_USER", ACCOUNT)
            .with_env("RABBITMQ_DEFAULT_PASS", self._password)
        )
        self._created = False

    @property
    def url(self) -> str:
        return self._url_of("")

    def start(self) -> None:
        """Start it, the first time from its image.

        Raises:
            NoContainers: the engine has no such image and cannot fetch it, or cannot run it.
        """
        if self._created:
            self._container.get_wrapped_container().start()
        else:
            self._create()
        deadline = time.monotonic() + CONTAINER_SECONDS
        while not self._answers():
            if time.monotonic() > deadline:
                self.remove()
                raise NoContainers(f"{RABBITMQ_IMAGE} was not ready within {CONTAINER_SECONDS} s")
            time.sleep(0.2)

    def stop(self) -> None:
        self._container.get_wrapped_container().stop()

    def remove(self) -> None:
        self._container.stop()

    def kill(self) -> None:
        self._container.get_wrapped_container().kill()

    def pause(self) -> None:
        self._container.get_wrapped_container().pause()

    def resume(self) -> None:
        self._container.get_wrapped_container().unpause()

    def new_virtual_host(self) -> str:
        """The URL of an empty broker: the same node, none of the exchanges and queues."""
        name = f"test-{secrets.token_hex(4)}"
        self._control("add_vhost", name)
        self._control("set_permissions", "--vhost", name, ACCOUNT, ".*", ".*", ".*")
        return self._url_of(name)

    def _create(self) -> None:
        try:
            self._container.start()
        except docker.errors.DockerException as error:
            self._container.stop()
            raise NoContainers(f"Docker cannot start {RABBITMQ_IMAGE}: {error}") from error
        self._created = True

    def _url_of(self, virtual_host: str) -> str:
        host = self._container.get_container_host_ip()
        return f"amqp://{ACCOUNT}:{self._password}@{host}:{self._port}/{virtual_host}"

    def _control(self, *arguments: str) -> None:
        done = self._container.exec(["rabbitmqctl", "--quiet", *arguments])
        assert done.exit_code == 0, done.output

    def _answers(self) -> bool:
        address = (self._container.get_container_host_ip(), self._port)
        with contextlib.suppress(OSError), socket.create_connection(address, 1) as client:
            client.sendall(b"AMQP\x00\x00\x09\x01")
            return client.recv(1) == b"\x01"
        return False


class MailServer:
    """A real SMTP server that keeps what it takes."""

    def __init__(self) -> None:
        self._messages: list[EmailMessage] = []
        self._came = threading.Condition()
        self._controller = Controller(self, hostname="127.0.0.1", port=free_port())

    @property
    def url(self) -> str:
        return f"smtp://127.0.0.1:{self._controller.port}"

    @property
    def messages(self) -> list[EmailMessage]:
        """All mail so far, oldest first."""
        with self._came:
            return list(self._messages)

    def to(self, recipient: str) -> list[EmailMessage]:
        return [message for message in self.messages if recipient in str(message["To"])]

    def wait_for(self, recipient: str, *, count: int = 1, within: float = 10) -> list[EmailMessage]:
        """The mail to one address, as soon as there are `count`."""
        with self._came:
            arrived = self._came.wait_for(lambda: len(self.to(recipient)) >= count, within)
        mail = self.to(recipient)
        assert arrived, f"{len(mail)} of {count} messages to {recipient} came within {within:g} s"
        return mail

    def clear(self) -> None:
        with self._came:
            self._messages.clear()

    def start(self) -> None:
        self._controller.start()

    def stop(self) -> None:
        self._controller.stop()

    async def handle_DATA(self, _server: SMTP, _session: Session, envelope: Envelope) -> str:  # noqa: N802 - aiosmtpd's name
        assert isinstance(envelope.content, bytes)
        message = BytesParser(policy=policy.default).parsebytes(envelope.content)
        assert isinstance(message, EmailMessage)
        with self._came:
            self._messages.append(message)
            self._came.notify_all()
        return "250 Message accepted"
