"""The real servers that tests talk to, besides those in deploy/private_servers.py."""

from __future__ import annotations

import asyncio
import contextlib
import secrets
import socket
import threading
import time
from dataclasses import dataclass
from email import policy
from email.message import EmailMessage
from email.parser import BytesParser
from pathlib import Path
from typing import Final, Literal, Protocol
from urllib.parse import quote

import docker
import psutil
from aiosmtpd.controller import Controller
from aiosmtpd.smtp import SMTP, AuthResult, Envelope, LoginPassword, Session
from testcontainers.core.container import DockerContainer

from deploy.private_servers import ACCOUNT, free_port

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


Step = Literal["MAIL", "RCPT", "DATA", "."]
"""Where a dialogue stands: at the command that has just come, or at the dot behind the mail."""
Reply = bytes | Literal["hang", "hang up"]


@dataclass
class _Order:
    step: Step
    reply: Reply
    times: int | None


class MailServer:
    """A real SMTP server that keeps what it takes, and makes trouble when told to.

    Args:
        smtputf8: whether it takes addresses that are not ASCII.
        account: name and password of whoever may send; anybody when not given.
    """

    def __init__(self, *, smtputf8: bool = True, account: tuple[str, str] | None = None) -> None:
        self.port: Final = free_port()
        self._smtputf8 = smtputf8
        self._account = account
        self._contents: list[bytes] = []
        self._read: list[EmailMessage] = []
        """The first of these, those that somebody has asked for."""
        self._callers = 0
        self._orders: list[_Order] = []
        self._recoveries = 0
        self._changed = threading.Condition()
        self._controller: _Controller | None = None

    @property
    def url(self) -> str:
        return self.url_for(self._account)

    def url_for(self, account: tuple[str, str] | None) -> str:
        """Its address, with this account."""
        caller = ":".join(quote(part, safe="") for part in account) + "@" if account else ""
        return f"smtp://{caller}127.0.0.1:{self.port}"

    @property
    def messages(self) -> list[EmailMessage]:
        """All mail so far, oldest first."""
        with self._changed:
            for content in self._contents[len(self._read) :]:
                self._read.append(_message(content))
            return list(self._read)

    @property
    def contents(self) -> list[bytes]:
        """The same as it came: a benchmark has no time to read it all."""
        with self._changed:
            return list(self._contents)

    @property
    def callers(self) -> int:
        """How many connections there have been."""
        with self._changed:
            return self._callers

    def to(self, recipient: str) -> list[EmailMessage]:
        return [message for message in self.messages if recipient in str(message["To"])]

    def wait_for(self, recipient: str, *, count: int = 1, within: float = 10) -> list[EmailMessage]:
        """The mail to one address, as soon as there are `count`."""
        with self._changed:
            arrived = self._changed.wait_for(lambda: len(self.to(recipient)) >= count, within)
        mail = self.to(recipient)
        assert arrived, f"{len(mail)} of {count} messages to {recipient} came within {within:g} s"
        return mail

    def answer(
        self, step: Step, line: str, *, times: int | None = None, encoding: str = "utf-8"
    ) -> None:
        """From now on, or so many times, answer so at this step."""
        self._order(step, line.encode(encoding), times)

    def hang(self, step: Step, *, times: int | None = None) -> None:
        """Give no answer at this step until we recover."""
        self._order(step, "hang", times)

    def hang_up(self, step: Step, *, times: int | None = None) -> None:
        """Cut the connection: at DATA in the middle of the mail, at the dot with the mail taken."""
        self._order(step, "hang up", times)

    def recover(self) -> None:
        """No more trouble."""
        with self._changed:
            self._orders.clear()
            self._recoveries += 1

    def clear(self) -> None:
        """As if nothing had happened yet."""
        self.recover()
        with self._changed:
            self._contents.clear()
            self._read.clear()
            self._callers = 0

    def start(self) -> None:
        """Listen, the first time or again on the same port."""
        self._controller = _Controller(
            self,
            hostname="127.0.0.1",
            port=self.port,
            enable_SMTPUTF8=self._smtputf8,
            authenticator=self._lets_in,
            auth_required=self._account is not None,
            auth_require_tls=self._account is None,
        )
        self._controller.start()
        with self._changed:
            self._callers = 0  # the controller calls itself

    def stop(self) -> None:
        self.recover()
        if self._controller is not None:
            self._controller.stop()
            self._controller = None

    def _lets_in(
        self, _server: object, _session: object, _envelope: object, _how: str, caller: object
    ) -> AuthResult:
        assert isinstance(caller, LoginPassword)
        given = caller.login.decode(), caller.password.decode()
        return AuthResult(success=given == self._account)

    def _order(self, step: Step, reply: Reply, times: int | None) -> None:
        with self._changed:
            self._orders.append(_Order(step, reply, times))

    # --- for the dialogues, in the server's own thread ---

    def note_caller(self) -> None:
        with self._changed:
            self._callers += 1

    def next_reply(self, step: Step) -> Reply | None:
        """What a dialogue is told to do at this step; None: go on."""
        with self._changed:
            for order in self._orders:
                if order.step == step and order.times != 0:
                    order.times = None if order.times is None else order.times - 1
                    return order.reply
        return None

    async def recovered(self) -> None:
        before = self._recoveries
        while self._recoveries == before:
            await asyncio.sleep(0.01)

    async def handle_DATA(self, dialogue: SMTP, _session: Session, envelope: Envelope) -> bytes:  # noqa: N802 - aiosmtpd's name
        assert isinstance(dialogue, _Dialogue)
        assert isinstance(envelope.content, bytes)
        reply = self.next_reply(".")
        if reply is None or reply == "hang up":
            with self._changed:
                self._contents.append(envelope.content)
                self._changed.notify_all()
        return b"250 Message accepted" if reply is None else await dialogue.obey(reply)


def _message(content: bytes) -> EmailMessage:
    message = BytesParser(policy=policy.default).parsebytes(content)
    assert isinstance(message, EmailMessage)
    return message


class _Controller(Controller):
    """Runs the server in a thread of its own."""

    def factory(self) -> SMTP:
        return _Dialogue(self.handler, **self.SMTP_kwargs)


class _Dialogue(SMTP):
    """One connection's dialogue, with the troubles that the server is told to make."""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.event_handler.note_caller()
        super().connection_made(transport)

    async def smtp_MAIL(self, arg: str | None) -> None:  # noqa: N802 - aiosmtpd's name
        if (reply := self._told("MAIL")) is not None:
            await self.push(await self.obey(reply))
        else:
            await super().smtp_MAIL(arg)

    async def smtp_RCPT(self, arg: str | None) -> None:  # noqa: N802 - aiosmtpd's name
        if (reply := self._told("RCPT")) is not None:
            await self.push(await self.obey(reply))
        else:
            await super().smtp_RCPT(arg)

    async def smtp_DATA(self, arg: str) -> None:  # noqa: N802 - aiosmtpd's name
        reply = self._told("DATA")
        if reply == "hang up":
            await self.push("354 Begin")
            await self._reader.readuntil(b"\r\n")
        if reply is not None:
            await self.push(await self.obey(reply))
        else:
            await super().smtp_DATA(arg)

    async def obey(self, reply: Reply) -> bytes:
        """The answer that we are told to give; or none, as we are told."""
        if reply == "hang":
            await self.event_handler.recovered()
            return b"451 4.3.0 I am back"
        if reply == "hang up":
            assert isinstance(self.transport, asyncio.Transport)
            self.transport.abort()
            raise asyncio.CancelledError  # as if the other side had cut it
        return reply

    def _told(self, step: Step) -> Reply | None:
        server: MailServer = self.event_handler
        return server.next_reply(step)


def working_in(folder: Path) -> list[str]:
    """The commands of the processes that work in a folder, by what their command lines name."""
    return [
        command
        for process in psutil.process_iter(["cmdline"])
        if str(folder) in (command := " ".join(process.info["cmdline"] or []))
    ]
