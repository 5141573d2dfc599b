"""What every service does alike: start in any order, recover, tell its health, stop cleanly."""

from __future__ import annotations

import asyncio
import ipaddress
import math
import sys
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress
from pathlib import Path

import asyncpg
import structlog
import uvicorn
from fastapi import APIRouter, FastAPI, Request
from fastapi.responses import FileResponse, JSONResponse, Response
from prometheus_client import CollectorRegistry, Gauge, generate_latest
from sqlalchemy import text
from sqlalchemy.exc import SQLAlchemyError
from starlette.types import ASGIApp

from shared import inbox, operations, outbox, platform, problems
from shared import log as logs
from shared.bus import Consumer, is_stopping, reason
from shared.database import Database
from shared.middleware import Middleware
from shared.operations import Operations
from shared.outbox import Relay
from shared.platform import Platform
from shared.settings import Settings, WrongSetting, load

log = structlog.get_logger()

LOOK = Path(__file__).parent / "web"
HOUSEKEEPING_SECONDS = 3600
READY_CHECK_SECONDS = 2.0

Job = Callable[[], Awaitable[None]]


class Service:
    """One service: its database, what it serves, hears and does in the background."""

    def __init__(
        self,
        name: str,
        given: Platform,
        *,
        folder: Path,
        summary: str,
        max_body_bytes: int = 1024 * 1024,
        plan_once: bool = False,
    ) -> None:
        self.name = name
        self.platform = given
        self.database = Database(given.database_url, name, plan_once=plan_once)
        self.bus = given.bus_for(name)
        self._migrations = folder / "migrations"
        self._consumers: list[Consumer] = []
        self._preparations: list[Job] = []
        self._jobs: list[Job] = [Relay(self.database, self.bus).run, self._housekeeping]
        self._tasks: list[asyncio.Task[None]] = []
        self._trouble: str | None = "starting"
        self.broken: str | None = None
        """Why it never starts, if so: something that waiting does not mend."""
        self.metrics = CollectorRegistry()
        self.app = FastAPI(
            title=f"Forum Pass: {name}",
            summary=summary,
            version="1",
            docs_url=f"/{name}/api/docs",
            redoc_url=None,
            openapi_url=f"/{name}/api/openapi.json",
            lifespan=self._lifespan,
        )
        self.app.state.keyring = given.keyring
        self.app.state.clock = given.clock
        self.app.state.forum = given.forum
        problems.install(self.app)
        self.app.include_router(self._common_routes(), prefix=f"/{name}", include_in_schema=False)
        self.app.state.operations = Operations(self.database, self.bus, self._queues)
        self.serves(operations.router)
        self.app.add_middleware(
            Middleware,
            service=name,
            metrics=self.metrics,
            max_body_bytes=max_body_bytes,
            origin=given.settings.public_origin,
            is_up=lambda: self._trouble is None,
        )

    def _queues(self) -> list[str]:
        return [consumer.queue for consumer in self._consumers]

    def serves(self, *routers: APIRouter) -> None:
        for router in routers:
            self.app.include_router(router, prefix=f"/{self.name}")

    def hears(self, *consumers: Consumer) -> None:
        self._consumers.extend(consumers)

    def prepares(self, preparation: Job) -> None:
        """Something to do once the tables are there, before the first request."""
        self._preparations.append(preparation)

    def runs(self, job: Job) -> None:
        """Something to do for ever in the background; begun again if it fails."""
        self._jobs.append(job)

    async def trouble(self) -> dict[str, str]:
        """What keeps the service from working, by part; empty when it is ready."""
        if self._trouble is not None:
            return {"start": self._trouble}
        found: dict[str, str] = {}
        try:
            async with asyncio.timeout(READY_CHECK_SECONDS), self.database.read() as connection:
                await connection.execute(text("SELECT 1"))
        except (SQLAlchemyError, OSError) as error:
            found["database"] = f"no answer ({type(error).__name__})"
        if (bus := self.bus.trouble()) is not None:
            found["bus"] = bus
        return found

    @asynccontextmanager
    async def _lifespan(self, app: FastAPI) -> AsyncIterator[None]:
        starting = asyncio.create_task(self._start())
        try:
            yield
        finally:
            await _end(starting)
            for task in self._tasks:
                await _end(task)
            await self.bus.stop()
            await self.database.close()
            log.info("service.stopped", service=self.name)

    async def _start(self) -> None:
        """Come up as soon as the database is there, however long that takes."""
        pause = 0.2
        while True:
            try:
                await self.database.create_if_missing()
                await self.database.migrate(self._migrations)
                for prepare in self._preparations:
                    await prepare()
                break
            except (OSError, SQLAlchemyError, asyncpg.PostgresError, asyncpg.InterfaceError) as e:
                self._trouble = f"waiting for the database ({type(e).__name__})"
                log.warning("service.waits_for_database", service=self.name, error=str(e))
                await asyncio.sleep(pause)
                pause = min(pause * 2, 5.0)
            except Exception as error:
                self._trouble = f"cannot start: {type(error).__name__}"
                self.broken = f"{self.name} cannot start: {reason(error)}"
                log.error("service.cannot_start", service=self.name, exc_info=error)
                return
        for consumer in self._consumers:
            self.bus.subscribe(consumer)
        await self.bus.start()
        self._tasks = [asyncio.create_task(self._for_ever(job)) for job in self._jobs]
        self._trouble = None
        log.info("service.started", service=self.name)

    async def _for_ever(self, job: Job) -> None:
        while True:
            try:
                await job()
                return
            except (Exception, asyncio.CancelledError) as error:
                # Libraries cancel waiters of their own when a connection breaks; only our own
                # cancellation ends a job.
                if is_stopping():
                    raise
                log.error("job.failed", service=self.name, job=job.__qualname__, exc_info=error)
                await asyncio.sleep(1)

    async def _housekeeping(self) -> None:
        while True:
            with suppress(SQLAlchemyError, OSError):
                async with self.database.begin() as tx:
                    await outbox.forget_old(tx)
                    await inbox.forget_old(tx)
            await asyncio.sleep(HOUSEKEEPING_SECONDS)

    def _common_routes(self) -> APIRouter:
        router = APIRouter()
        waiting = Gauge("outbox_waiting", "Events true and not said yet", registry=self.metrics)

        @router.get("/health/live")
        async def live() -> Response:
            return JSONResponse({"status": "alive"})

        @router.get("/health/ready")
        async def ready() -> Response:
            trouble = await self.trouble()
            body = {"status": "waiting" if trouble else "ready", "trouble": trouble}
            return JSONResponse(body, status_code=503 if trouble else 200)

        @router.get("/metrics")
        async def metrics(request: Request) -> Response:
            if "x-forwarded-for" in request.headers or not _is_inside(request):
                raise problems.not_found("page")
            try:
                async with self.database.read() as connection:
                    waiting.set(await outbox.count_waiting(connection))
            except SQLAlchemyError:
                # The other figures are never wanted more than now.
                waiting.set(math.nan)
            return Response(generate_latest(self.metrics), media_type="text/plain; version=0.0.4")

        @router.get("/look/{file}")
        async def look(file: str) -> Response:
            path = LOOK / file
            if path.suffix != ".css" or path.parent != LOOK or not path.exists():
                raise problems.not_found("file")
            return FileResponse(path, headers={"Cache-Control": "public, max-age=3600"})

        return router


def _is_inside(request: Request) -> bool:
    """Metrics are for the machine itself and the private network, where Prometheus lives."""
    try:
        return ipaddress.ip_address(request.client.host if request.client else "").is_private
    except ValueError:
        return False


async def _end(task: asyncio.Task[None]) -> None:
    task.cancel()
    with suppress(asyncio.CancelledError):
        await task


def run(create: Callable[[Platform], Service], port: Callable[[], int]) -> None:
    """Run one service as its own process (`python -m services.NAME`) until SIGTERM or Ctrl-C."""
    try:
        settings = load(Settings)
        logs.set_up(settings)
        app = create(platform.build(settings)).app
        listen = port()
    except WrongSetting as error:
        sys.exit(str(error))
    serve(app, settings, settings.bind, listen)


def serve(app: ASGIApp, settings: Settings, host: str, port: int) -> None:
    uvicorn.run(
        app,
        host=host,
        port=port,
        log_config=None,
        access_log=False,
        server_header=False,
        proxy_headers=True,
        forwarded_allow_ips=settings.trusted_proxies,
        timeout_graceful_shutdown=10,
    )
