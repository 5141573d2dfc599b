"""One PostgreSQL database a service: connections, and migrations that run once."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import AsyncExitStack, asynccontextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final, Protocol
from weakref import WeakKeyDictionary

import asyncpg
import orjson
import structlog
from alembic.config import Config
from alembic.runtime.environment import EnvironmentContext
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import URL, Connection, event, make_url, text
from sqlalchemy.exc import DBAPIError, DisconnectionError, IntegrityError, OperationalError
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine, create_async_engine
from sqlalchemy.pool import ConnectionPoolEntry

log = structlog.get_logger()

_ALEMBIC: WeakKeyDictionary[asyncio.AbstractEventLoop, asyncio.Lock] = WeakKeyDictionary()
SHARED_MIGRATIONS = Path(__file__).parent / "migrations"
# Any fixed number will do; it only has to be the same in all replicas.
_MIGRATION_LOCK = 0x466F7275


CONNECT_SECONDS: Final = 5.0
ANSWER_SECONDS = 15.0
"""A transaction that takes longer has lost its server: a machine that vanishes doesn't say so."""
MIGRATION_SECONDS: Final = 600.0
CLOSE_SECONDS: Final = 3
PLAN_SECONDS: Final = 1.0
"""So long the server keeps to a plan. What it planned while a table was nearly empty reads all of
it: on the morning of the first day that is soon too much, and autovacuum comes once a minute."""
FORGET_PLANS: Final = "DISCARD PLANS"
MOST_IDLE: Final = 4
"""Connections for a hurry that are kept: if it took more for once, the rest are let go."""
_DRIVER_ERRORS: Final = (
    asyncpg.PostgresError,
    asyncpg.InterfaceError,
    # What the driver says while it reads the server's last words.
    asyncpg.InternalClientError,
    OSError,
)
_DEAD_CLIENT: Final = {
    # The other way round: what a vanished service has locked is free again after this time.
    "idle_in_transaction_session_timeout": "30s",
    "tcp_keepalives_idle": "15",
    "tcp_keepalives_interval": "5",
    "tcp_keepalives_count": "3",
}


class Run(Protocol):
    """Runs a statement in PostgreSQL's own words, with $1, $2… for values; answers its rows."""

    def __call__(self, statement: str, /, *values: Any) -> Awaitable[Sequence[Sequence[Any]]]: ...


def statements_in(tx: AsyncConnection) -> Run:
    """Run statements in this transaction."""

    async def run(statement: str, /, *values: Any) -> Sequence[Sequence[Any]]:
        return (await tx.exec_driver_sql(statement, values)).all()

    return run


@dataclass
class _Hurried:
    """A connection for a hurry."""

    connection: asyncpg.Connection[Any]
    planned_at: float = field(default_factory=time.monotonic)


class Database:
    """A service's own database. Transactions that say something wake the outbox relay.

    Args:
        server_url: the PostgreSQL server.
        service: whose database there.
        plan_once: for a service whose few statements are the same for all values: to plan one takes
            the server longer than to run it.
    """

    def __init__(self, server_url: str, service: str, *, plan_once: bool = False) -> None:
        self.url = _service_url(server_url, service)
        self.said = asyncio.Event()
        self.erased = asyncio.Event()
        self._server_settings = {
            "application_name": service,
            # To compile a statement takes longer than any of ours runs.
            "jit": "off",
            "plan_cache_mode": "force_generic_plan" if plan_once else "auto",
            **_DEAD_CLIENT,
        }
        self._idle: list[_Hurried] = []
        self.engine: AsyncEngine = create_async_engine(
            self.url,
            pool_size=16,
            max_overflow=4,
            pool_timeout=5,
            json_serializer=lambda value: orjson.dumps(value).decode(),
            json_deserializer=orjson.loads,
            # Errors are logged, and values of statements are personal data.
            hide_parameters=True,
            connect_args={
                "async_creator_fn": _open,
                "server_settings": self._server_settings,
            },
        )
        event.listen(self.engine.sync_engine.pool, "checkout", _plan_again)

    @asynccontextmanager
    async def begin(
        self, *, within: float | None = ANSWER_SECONDS
    ) -> AsyncIterator[AsyncConnection]:
        """One transaction: committed at the end, rolled back on an error.

        Args:
            within: seconds that it may take; None: as long as it takes.

        Raises:
            SQLAlchemyError: the database does not answer, or refuses.
        """
        async with self._connection(within) as tx, tx.begin():
            # `info` outlives a transaction: what one that was rolled back had noted must not count.
            tx.info.clear()
            yield tx
            said = tx.info.pop("said", False)
            erased = tx.info.pop("erased", False)
            actions = tx.info.pop("after_commit", [])
        if said:
            self.said.set()
        if erased:
            self.erased.set()
        for act in actions:
            act()

    @asynccontextmanager
    async def read(
        self, *, within: float | None = ANSWER_SECONDS
    ) -> AsyncIterator[AsyncConnection]:
        """A connection for reading, each statement on its own."""
        async with self._connection(within) as connection:
            await connection.execution_options(isolation_level="AUTOCOMMIT")
            yield connection

    @asynccontextmanager
    async def hurry(self, *, within: float = ANSWER_SECONDS) -> AsyncIterator[Run]:
        """Run statements past SQLAlchemy, which takes longer over a small one than PostgreSQL does:
        for the few that people wait for in a queue. Each is a transaction of its own.

        Args:
            within: seconds that they may take together.

        Raises:
            SQLAlchemyError: as `begin` and its statements.
        """
        ours = None
        try:
            async with asyncio.timeout(within):
                ours = self._kept() or _Hurried(
                    await _open(
                        _asyncpg_dsn(make_url(self.url)), server_settings=self._server_settings
                    )
                )
                if _is_old(ours.planned_at):
                    ours.planned_at = time.monotonic()
                    await ours.connection.execute(FORGET_PLANS)
                yield ours.connection.fetch
            self._keep(ours)
        except BaseException as error:
            dead = [ours] if ours is not None else []
            if isinstance(error, TimeoutError):
                # Others are as dead as this one.
                dead += self._idle
                self._idle.clear()
            for each in dead:
                each.connection.terminate()
            if isinstance(error, _DRIVER_ERRORS):
                raise _as_sqlalchemy_says(error) from error
            raise

    def _kept(self) -> _Hurried | None:
        while self._idle:
            if not (kept := self._idle.pop()).connection.is_closed():
                return kept
        return None

    def _keep(self, ours: _Hurried) -> None:
        if len(self._idle) < MOST_IDLE:
            self._idle.append(ours)
        else:
            # It is in no transaction: there is nothing to say goodbye for.
            ours.connection.terminate()

    @asynccontextmanager
    async def _connection(self, within: float | None) -> AsyncIterator[AsyncConnection]:
        limit, pool = asyncio.timeout(within), self.engine.pool
        try:
            async with limit, AsyncExitStack() as stack:
                try:
                    connection = await stack.enter_async_context(self.engine.connect())
                except OSError as error:
                    # No such host, refused, no answer in time: SQLAlchemy passes these on as is.
                    raise OperationalError(None, None, error) from error
                yield connection
        except TimeoutError as error:
            if not limit.expired():
                raise
            if self.engine.pool is pool:
                # Its other connections are as dead as this one; to close them would take as long.
                await self.engine.dispose(close=False)
            raise OperationalError(None, None, error) from error

    async def connect(self, what_for: str) -> asyncpg.Connection[asyncpg.Record]:
        """A connection beside the pool, for what pools can't do, such as LISTEN; end it yourself.

        Args:
            what_for: how the server's operator finds it in pg_stat_activity.

        Raises:
            OSError, asyncpg.PostgresError: the server does not answer, or refuses.
        """
        url = make_url(self.url)
        settings = {"application_name": what_for, **_DEAD_CLIENT}
        return await _open(_asyncpg_dsn(url), server_settings=settings)

    async def create_if_missing(self) -> None:
        """Make the database on the server, as on its first start."""
        url = make_url(self.url)
        connection = await _open(_asyncpg_dsn(url.set(database="postgres")))
        try:
            exists = await connection.fetchval(
                "SELECT 1 FROM pg_database WHERE datname = $1", url.database
            )
            if not exists:
                await connection.execute(f'CREATE DATABASE "{url.database}"')
        except (asyncpg.DuplicateDatabaseError, asyncpg.UniqueViolationError):
            pass  # another replica was quicker
        finally:
            await connection.close()

    async def migrate(self, migrations: Path) -> None:
        """Bring the tables up to date: what all services have, then the service's own.

        Replicas that start together wait for each other at an advisory lock; one migrates.
        """
        async with _one_at_a_time(), self.begin(within=MIGRATION_SECONDS) as tx:
            await tx.execute(text("SELECT pg_advisory_xact_lock(:lock)"), {"lock": _MIGRATION_LOCK})
            await tx.run_sync(upgrade, SHARED_MIGRATIONS, "shared_version")
            await tx.run_sync(upgrade, migrations, "service_version")

    async def close(self) -> None:
        # A server that vanished lets nobody say goodbye.
        with suppress(TimeoutError):
            async with asyncio.timeout(CLOSE_SECONDS):
                while self._idle:
                    await self._idle.pop().connection.close()
                await self.engine.dispose()


async def _open(*address: Any, **settings: Any) -> asyncpg.Connection[Any]:
    """As asyncpg.connect; but whoever is cancelled meanwhile leaves nothing half open behind."""
    connecting = asyncio.ensure_future(
        asyncpg.connect(*address, timeout=CONNECT_SECONDS, **settings)
    )
    try:
        return await asyncio.shield(connecting)
    except asyncio.CancelledError:
        # Cut off in the middle, asyncpg forgets its socket. So it is let finish, for nobody.
        connecting.add_done_callback(_terminate)
        raise


def _plan_again(connection: Any, record: ConnectionPoolEntry, _: object) -> None:
    """As a connection is taken from the pool.

    Raises:
        DisconnectionError: it is dead; the pool takes another one.
    """
    if not _is_old(record.info.setdefault("planned_at", time.monotonic())):
        return
    record.info["planned_at"] = time.monotonic()
    try:
        connection.run_async(lambda driver: driver.execute(FORGET_PLANS))
    except _DRIVER_ERRORS as error:
        raise DisconnectionError from error


def _is_old(planned_at: float) -> bool:
    return time.monotonic() - planned_at > PLAN_SECONDS


def _terminate(connecting: asyncio.Future[asyncpg.Connection[Any]]) -> None:
    if not connecting.cancelled() and connecting.exception() is None:
        connecting.result().terminate()


def _as_sqlalchemy_says(error: Exception) -> DBAPIError:
    if isinstance(error, asyncpg.IntegrityConstraintViolationError):
        return IntegrityError(None, None, error)
    if isinstance(error, asyncpg.PostgresError):
        return DBAPIError(None, None, error)
    return OperationalError(None, None, error)


def _one_at_a_time() -> asyncio.Lock:
    """Alembic's `op` is one a process: services that share the process migrate in turn."""
    return _ALEMBIC.setdefault(asyncio.get_running_loop(), asyncio.Lock())


def after_commit(tx: AsyncConnection, act: Callable[[], None]) -> None:
    """Do something small, such as waking a loop, once this transaction has committed."""
    tx.info.setdefault("after_commit", []).append(act)


def upgrade(connection: Connection, scripts: Path, version_table: str) -> None:
    """Run the Alembic scripts of a folder up to the newest, in the transaction at hand."""
    config = Config()
    config.set_main_option("script_location", str(scripts))
    directory = ScriptDirectory.from_config(config)
    if _is_newer(connection, directory, version_table):
        # A newer version has been here, and may be at work beside us. Its schema still carries us:
        # docs/operations.md, "Changing the schema".
        log.warning("schema.is_newer_than_this_version", table=version_table)
        return

    with EnvironmentContext(
        config,
        directory,
        fn=lambda revision, _: directory._upgrade_revs("head", revision),
    ) as environment:
        environment.configure(connection=connection, version_table=version_table)
        environment.run_migrations()


def _is_newer(connection: Connection, directory: ScriptDirectory, version_table: str) -> bool:
    context = MigrationContext.configure(connection, opts={"version_table": version_table})
    known = {script.revision for script in directory.walk_revisions()}
    return not known.issuperset(context.get_current_heads())


def _service_url(server_url: str, service: str) -> str:
    url = make_url(server_url).set(drivername="postgresql+asyncpg", database=f"forumpass_{service}")
    return url.render_as_string(hide_password=False)


def _asyncpg_dsn(url: URL) -> str:
    return url.set(drivername="postgresql").render_as_string(hide_password=False)
