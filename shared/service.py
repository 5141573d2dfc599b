"""What every service does alike: start in any order, recover, tell its health, stop cleanly."""

from __future__ import annotations

import asyncio
import gc
import ipaddress
import math
import sys
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress
from datetime import datetime
from functools import partial
from pathlib import Path
from typing import Any, Literal

import asyncpg
import structlog
import uvicorn
from fastapi import APIRouter, Depends, FastAPI, Request
from fastapi.responses import JSONResponse, Response
from prometheus_client import CollectorRegistry, Gauge, generate_latest
from sqlalchemy import text
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.ext.asyncio import AsyncConnection
from starlette.routing import Route

from shared import (
    api_docs,
    audit,
    audit_api,
    caching,
    erasures,
    inbox,
    operations,
    outbox,
    platform,
    problem_answers,
    problems,
    query,
    sessions,
)
from shared import log as logs
from shared import retention as periods
from shared.bus import Consumer, NotPublished, is_stopping, reason
from shared.database import Database
from shared.events import Event, Fact, TroubleCounted
from shared.middleware import Middleware
from shared.operations import Operations
from shared.outbox import Outbox, OutboxTable, Relay, Rest, count_waiting, no_rest
from shared.platform import Platform
from shared.retention import Rule
from shared.sessions import HeardSessions, Recognise
from shared.settings import Settings, WrongSetting, load
from shared.waiting import happens_within

log = structlog.get_logger()

LOOK = Path(__file__).parent / "web"
HOUSEKEEPING_SECONDS = 3600
READY_CHECK_SECONDS = 2.0
TROUBLE_SECONDS = 30
FORGET_SECONDS = 60
AGAIN_SECONDS = 1
"""What was in hand when somebody was erased has come to rest by then."""
KEEP_ALIVE_SECONDS = 75
"""So long a line may idle: longer than whoever calls keeps it, for one that we close takes what was
just sent on it along (RFC 9112, 9.5)."""

Job = Callable[[], Awaitable[None]]
PlainEndpoint = Callable[[Request], Awaitable[Response]]
Count = Callable[[], Awaitable[int]]
Trouble = tuple[Literal["dead_letters", "mail_bouncing"], str]


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
        self._outboxes: list[Outbox] = []
        self._jobs: list[Job] = [
            self._housekeeping,
            self._count_troubles,
            self._forget_the_erased,
            self._end_what_is_over_its_time,
        ]
        self._rules: list[Rule] = [
            Rule("audit", given.forum.retention.audit_days, self._end_old_entries, False)
        ]
        self.says(OutboxTable(self.database))
        self._troubles: dict[Trouble, Count] = {}
        self._tasks: list[asyncio.Task[None]] = []
        self._trouble: str | None = "starting"
        self.broken: str | None = None
        """Why it never starts, if so: something that waiting does not mend."""
        self.metrics = CollectorRegistry()
        self.app = FastAPI(
            title=f"Forum Pass: {name}",
            summary=summary,
            version="1",
            docs_url=None,
            redoc_url=None,
            openapi_url=f"/{name}/api/openapi.json",
            lifespan=self._lifespan,
            # We measure by ourselves; to find that out anew would cost every request.
            telemetry={"tracing": False, "metrics": False, "logs": False},
        )
        self.app.state.keyring = given.keyring
        self.app.state.clock = given.clock
        self.app.state.forum = given.forum
        problem_answers.install(self.app)
        self.app.include_router(self._common_routes(), prefix=f"/{name}", include_in_schema=False)
        self.app.state.operations = Operations(
            self.database, self.bus, self._outboxes, self._queues, given.clock
        )
        self.serves(api_docs.router(name), operations.router, audit_api.router)
        self._at_once: dict[str, Route] = {}
        heard = HeardSessions(self.database)
        self.recognises_by(heard.recognise)
        self.app.state.recognise_token = heard.recognise_token
        self.app.add_middleware(
            Middleware,
            service=name,
            metrics=self.metrics,
            max_body_bytes=max_body_bytes,
            origin=given.settings.public_origin,
            is_up=lambda: self._trouble is None,
            at_once=self._at_once,
            signed_in=sessions.signed_in,
        )

    def _queues(self) -> list[str]:
        return [consumer.queue for consumer in self._consumers]

    def serves(self, *routers: APIRouter) -> None:
        for router in routers:
            self.app.include_router(
                router,
                prefix=f"/{self.name}",
                dependencies=[Depends(query.refuse_unknown)],
            )

    def serves_at_once(self, path: str, endpoint: PlainEndpoint) -> None:
        """Serve a POST route that people wait for in a queue past FastAPI, which takes longer over
        a request than such a route itself. A router documents it as any other."""
        route = Route(f"/{self.name}{path}", endpoint, methods=["POST"])
        self._at_once[route.path] = route

    def recognises_by(self, recognise: Recognise) -> None:
        """Ask this whether a session goes on, and not what has been heard."""
        self.app.state.recognise = recognise

    def hears(self, *consumers: Consumer) -> None:
        self._consumers.extend(consumers)

    def says(self, outbox: Outbox, *, rest: Rest = no_rest) -> None:
        """What waits there goes out to the bus; `rest` as in Relay."""
        self._outboxes.append(outbox)
        self.runs(Relay(self.database, self.bus, outbox, rest=rest).run)

    def prepares(self, preparation: Job) -> None:
        """Something to do once the tables are there, before the first request."""
        self._preparations.append(preparation)

    def runs(self, job: Job) -> None:
        """Something to do for ever in the background; begun again if it fails."""
        self._jobs.append(job)

    def counts(self, kind: Literal["mail_bouncing"], count: Count) -> None:
        """Something that an operator should look at when there is more of it."""
        self._troubles[kind, self.name] = count

    def keeps(self, *rules: Rule) -> None:
        """What of it is personal, and for how long."""
        self._rules.extend(rules)

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
                why = str(error) if isinstance(error, WrongSetting) else reason(error)
                self.broken = f"{self.name} cannot start: {why}"
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
                log.error("job.failed", service=self.name, job=_name_of(job), exc_info=error)
                await asyncio.sleep(1)

    async def _housekeeping(self) -> None:
        while True:
            with suppress(SQLAlchemyError, OSError):
                async with self.database.begin() as tx:
                    await outbox.forget_old(tx)
                    await inbox.forget_old(tx)
                    await sessions.forget_old(tx)
            await asyncio.sleep(HOUSEKEEPING_SECONDS)

    async def _end_what_is_over_its_time(self) -> None:
        """Once a day by the forum's clock, and at each start."""
        forum, clock = self.platform.forum, self.platform.clock
        last = None
        while True:
            today = forum.day_of(clock.now())
            if today != last:
                for rule in self._rules:
                    await periods.carry_out(self.database, forum, clock, rule)
                last = today
            await asyncio.sleep(periods.LOOK_SECONDS)

    async def _end_old_entries(self, tx: AsyncConnection, before: datetime) -> int:
        return await audit.end_old(tx, self.platform.clock.now(), before)

    async def _forget_the_erased(self) -> None:
        """What comes to rest about them after they were erased, and dead letters in a broker."""
        while True:
            pause = AGAIN_SECONDS if self.database.erased.is_set() else FORGET_SECONDS
            self.database.erased.clear()
            with suppress(SQLAlchemyError, OSError, NotPublished):
                async with self.database.begin() as tx:
                    await erasures.forget_again(tx)
                await self._discard_letters_of_the_erased()
            await happens_within(self.database.erased, pause)

    async def _discard_letters_of_the_erased(self) -> None:
        for queue in self._queues():
            if await self.bus.count_dead_letters(queue) == 0:
                continue
            for letter in await self.bus.dead_letters(queue):
                async with self.database.read() as connection:
                    about = erasures.registrations_in(letter.body)
                    if await erasures.among(connection, about):
                        await self.bus.discard(queue, letter.id)

    async def _count_troubles(self) -> None:
        """Say how much there is of each, whenever that changes: the control room wants to know.

        The first count is said whatever it is: what was said before the restart may be over.
        """
        said: dict[Trouble, int] = {}
        while True:
            for trouble, count in [*self._troubles.items(), *self._dead_letters()]:
                # A broker that does not answer is told of by /health/ready.
                with suppress(NotPublished):
                    found = await count()
                    if found != said.get(trouble):
                        kind, where = trouble
                        await self._say(TroubleCounted(kind=kind, where=where, count=found))
                    said[trouble] = found
            await asyncio.sleep(TROUBLE_SECONDS)

    def _dead_letters(self) -> list[tuple[Trouble, Count]]:
        return [
            (("dead_letters", queue), partial(self.bus.count_dead_letters, queue))
            for queue in self._queues()
        ]

    async def _say(self, fact: Fact) -> None:
        async with self.database.begin() as tx:
            await outbox.say(tx, Event(f"/{self.name}", self.platform.clock.now(), fact))

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
                    waiting.set(await count_waiting(connection, self._outboxes))
            except SQLAlchemyError:
                # The other figures are never wanted more than now.
                waiting.set(math.nan)
            return Response(generate_latest(self.metrics), media_type="text/plain; version=0.0.4")

        @router.get("/look/{file}")
        async def look(file: str) -> Response:
            path = LOOK / file
            if path.suffix != ".css" or path.parent != LOOK or not path.exists():
                raise problems.not_found("file")
            return caching.for_an_hour(path)

        return router


def _is_inside(request: Request) -> bool:
    """Metrics are for the machine itself and the private network, where Prometheus lives."""
    try:
        return ipaddress.ip_address(request.client.host if request.client else "").is_private
    except ValueError:
        return False


def _name_of(job: Job) -> str:
    """Of a partial, too, which has none of its own."""
    return str(getattr(job, "func", job).__qualname__)


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
    keep_what_is_there()
    uvicorn.run(
        app, host=settings.bind, port=listen, timeout_graceful_shutdown=10, **serving(settings)
    )


def serving(settings: Settings) -> dict[str, Any]:
    """What uvicorn is told about each of our servers, in whichever form they run."""
    return {
        "log_config": None,
        "access_log": False,
        "server_header": False,
        "forwarded_allow_ips": settings.trusted_proxies,
        "timeout_keep_alive": KEEP_ALIVE_SECONDS,
    }


def keep_what_is_there() -> None:
    """Tell Python's garbage collector that what has been made by now stays for good.

    Otherwise it looks through all modules, models and routes again and again: every few seconds,
    under load, nobody was answered for a tenth of a second.
    """
    gc.collect()
    gc.freeze()
