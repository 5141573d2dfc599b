"""What every service does alike: come up whatever is missing, tell its health, recover, stop."""

from __future__ import annotations

import asyncio
import os
import socket
import sys
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import AsyncExitStack, ExitStack, asynccontextmanager
from functools import partial
from pathlib import Path
from typing import Any

import httpx
import pytest
from fastapi import APIRouter
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection
from structlog.testing import capture_logs

from deploy.child import ChildProcess
from deploy.private_servers import PostgreSQL, free_port, started
from shared import outbox, platform
from shared.bus import Consumer
from shared.events import QUEUES, REGISTRATION_OUTCOMES, Event, NotificationBounced
from shared.platform import Platform
from shared.service import Service, run
from shared.settings import REPOSITORY, Settings, load
from tests.bus import bounced, eventually

MIGRATION = """
import sqlalchemy as sa
from alembic import op

revision = "desk_0001"
down_revision = branch_labels = depends_on = None


def upgrade() -> None:
    op.create_table("visitors", sa.Column("name", sa.Text, nullable=False))
    op.execute("INSERT INTO visitors VALUES ('the first')")
"""


def desk(given: Platform, folder: Path) -> Service:
    """A small service: it writes down who comes."""
    service = Service("desk", given, folder=folder, summary="Who comes.")
    router = APIRouter(prefix="/api")

    @router.get("/visitors")
    async def visitors() -> list[str]:
        async with service.database.read() as connection:
            return list((await connection.execute(text("SELECT name FROM visitors"))).scalars())

    @router.post("/visitors", status_code=201)
    async def come(name: str) -> None:
        async with service.database.begin() as tx:
            await tx.execute(text("INSERT INTO visitors VALUES (:name)"), {"name": name})
            await outbox.say(tx, bounced())

    service.serves(router)
    return service


def serve_desk() -> None:
    """The desk as a process of its own: FOLDER PORT."""
    folder, port = sys.argv[1:]
    run(lambda given: desk(given, Path(folder)), lambda: int(port))


@pytest.fixture(scope="module", autouse=True)
def _plain_log() -> Iterator[None]:
    with capture_logs():
        yield


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[PostgreSQL]:
    """A database server of our own, to do our worst to."""
    with started(PostgreSQL(tmp_path_factory.mktemp("postgres"))) as one:
        yield one


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Where the desk's migrations are."""
    versions = tmp_path / "migrations" / "versions"
    versions.mkdir(parents=True)
    (versions / "0001_visitors.py").write_text(MIGRATION)
    return tmp_path


@pytest.fixture
def ground(server: PostgreSQL, tmp_path: Path) -> Platform:
    """What services of one process stand on, on a server without their databases."""
    server.drop_databases()
    return platform.build(load(Settings, home=tmp_path / "home"), server.url)


@pytest.fixture
def service(ground: Platform, folder: Path) -> Service:
    return desk(ground, folder)


@asynccontextmanager
async def running(
    service: Service, client: tuple[str, int] = ("127.0.0.1", 1)
) -> AsyncIterator[httpx.AsyncClient]:
    """The service as it is from its first moment, ready or not."""
    transport = httpx.ASGITransport(service.app, client=client)
    async with (
        service.app.router.lifespan_context(service.app),
        httpx.AsyncClient(transport=transport, base_url="http://127.0.0.1:8000") as http,
    ):
        yield http


@pytest.fixture
async def http(service: Service) -> AsyncIterator[httpx.AsyncClient]:
    """The service, ready."""
    async with running(service) as client:
        await ready(client)
        yield client


async def ready(http: httpx.AsyncClient) -> None:
    async def is_ready() -> bool:
        return (await http.get("/desk/health/ready")).status_code == 200

    await eventually(is_ready, within=30)


async def visitors(http: httpx.AsyncClient) -> list[str]:
    answer = await http.get("/desk/api/visitors")
    assert answer.status_code == 200, answer.text
    names: list[str] = answer.json()
    return names


def unavailable(answer: httpx.Response) -> bool:
    """Whether it says as it should that the database is away."""
    if answer.status_code != 503:
        return False
    assert answer.headers["content-type"] == "application/problem+json"
    assert answer.json()["type"] == "urn:forum-pass:problem:unavailable"
    assert int(answer.headers["retry-after"]) > 0
    return True


# --- coming up -----------------------------------------------------------------------------------


async def test_a_service_starts_without_its_database_and_comes_up_when_that_is_there(
    service: Service, server: PostgreSQL
) -> None:
    await asyncio.to_thread(server.stop)
    async with running(service) as http:
        try:
            assert (await http.get("/desk/health/live")).status_code == 200

            async def says_what_it_waits_for() -> bool:
                answer = await http.get("/desk/health/ready")
                assert answer.status_code == 503
                start: str = answer.json()["trouble"]["start"]
                return start.startswith("waiting for the database")

            await eventually(says_what_it_waits_for)
            for path in ("/desk/api/visitors", "/desk/metrics", "/desk/nowhere"):
                assert unavailable(await http.get(path))
            assert unavailable(await http.post("/desk/api/visitors?name=Grace"))
        finally:
            await asyncio.to_thread(server.start)
        await ready(http)
        assert await visitors(http) == ["the first"]


async def test_replicas_that_start_together_migrate_once_and_both_serve(
    ground: Platform, server: PostgreSQL, folder: Path
) -> None:
    code = "from tests.integration.test_service import serve_desk; serve_desk()"
    ports = [free_port(), free_port()]
    replicas = [
        ChildProcess(
            f"replica {port}",
            [sys.executable, "-c", code, folder, str(port)],
            log=folder / f"{port}.log",
            environment={
                "PATH": os.environ.get("PATH", os.defpath),
                "PYTHONPATH": str(REPOSITORY),
                "FORUMPASS_HOME": str(ground.settings.home),
                "FORUMPASS_DATABASE_URL": server.url,
            },
        )
        for port in ports
    ]
    with ExitStack() as stack:
        for replica in replicas:
            stack.callback(replica.stop)
            replica.start()
        for number, (replica, port) in enumerate(zip(replicas, ports, strict=True), start=1):
            url = f"http://127.0.0.1:{port}"
            await asyncio.to_thread(replica.wait_until, partial(_is_up, url), within=40)
            async with httpx.AsyncClient(base_url=url) as http:
                assert (await http.post("/desk/api/visitors?name=Grace")).status_code == 201
                assert await visitors(http) == ["the first", *["Grace"] * number]
    for replica in replicas:
        log = replica.log.read_text()
        assert "service.stopped" in log
        assert "Traceback" not in log


async def test_what_must_be_prepared_is_prepared_before_the_first_request(
    service: Service,
) -> None:
    async def invite() -> None:
        async with service.database.begin() as tx:
            await tx.execute(text("INSERT INTO visitors VALUES ('the invited')"))

    service.prepares(invite)
    async with running(service) as http:
        await ready(http)
        assert await visitors(http) == ["the first", "the invited"]


async def test_a_service_that_cannot_start_says_so_and_refuses_requests(
    service: Service,
) -> None:
    async def impossible() -> None:
        raise LookupError("no key")

    service.prepares(impossible)
    async with running(service) as http:

        async def says_why() -> bool:
            answer = await http.get("/desk/health/ready")
            assert answer.status_code == 503
            return bool(answer.json()["trouble"]["start"] == "cannot start: LookupError")

        await eventually(says_why)
        assert (await http.get("/desk/health/live")).status_code == 200
        assert unavailable(await http.get("/desk/api/visitors"))


@pytest.mark.parametrize("is_partial", [False, True])
async def test_a_job_that_fails_is_begun_again(service: Service, is_partial: bool) -> None:
    begun: list[int] = []

    async def stumble() -> None:
        begun.append(len(begun))
        if len(begun) < 2:
            raise LookupError

    service.runs(partial(stumble) if is_partial else stumble)
    async with running(service) as http:
        await ready(http)

        async def went_on() -> bool:
            return begun == [0, 1]

        await eventually(went_on)


# --- the database goes away ----------------------------------------------------------------------


async def test_a_service_whose_database_is_killed_says_so_and_recovers_by_itself(
    http: httpx.AsyncClient, server: PostgreSQL
) -> None:
    assert (await http.post("/desk/api/visitors?name=Grace")).status_code == 201
    # Several connections of the pool, each of which will be broken.
    await asyncio.gather(*(visitors(http) for _ in range(10)))
    await asyncio.to_thread(server.kill)
    try:
        answers = await asyncio.gather(*(http.get("/desk/api/visitors") for _ in range(10)))
        assert all(unavailable(answer) for answer in answers)
        assert unavailable(await http.post("/desk/api/visitors?name=Ada"))
        health = await http.get("/desk/health/ready")
        assert health.status_code == 503
        assert health.json()["trouble"]["database"].startswith("no answer")
        assert (await http.get("/desk/health/live")).status_code == 200
    finally:
        await asyncio.to_thread(server.start)
    await ready(http)

    async def answers_again() -> bool:
        return not unavailable(await http.get("/desk/api/visitors"))

    await eventually(answers_again)
    assert await visitors(http) == ["the first", "Grace"]
    assert (await http.post("/desk/api/visitors?name=Ada")).status_code == 201


async def test_a_database_that_cuts_its_connections_is_asked_again(
    http: httpx.AsyncClient, server: PostgreSQL
) -> None:
    await asyncio.gather(*(visitors(http) for _ in range(10)))
    server.execute(
        "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = 'forumpass_desk'"
    )

    async def answers_again() -> bool:
        return not unavailable(await http.get("/desk/api/visitors"))

    await eventually(answers_again)
    assert await visitors(http) == ["the first"]


@pytest.mark.parametrize("error", [socket.gaierror, TimeoutError, ConnectionResetError])
async def test_a_host_that_cannot_be_reached_is_a_database_that_is_away(
    http: httpx.AsyncClient, service: Service, monkeypatch: pytest.MonkeyPatch, error: type[OSError]
) -> None:
    async def lost(*_: object, **__: object) -> None:
        raise error

    monkeypatch.setattr("asyncpg.connect", lost)
    async with AsyncExitStack() as stack:
        # Take what the pool has, so that the next one needs a new connection.
        for _ in range(service.database.engine.pool.checkedin()):  # type: ignore[attr-defined]
            await stack.enter_async_context(service.database.read())
        assert unavailable(await http.get("/desk/api/visitors"))


async def test_what_was_said_in_a_request_is_heard_by_another_service(
    service: Service, ground: Platform, tmp_path: Path, folder: Path
) -> None:
    heard: list[NotificationBounced] = []
    neighbour = Service("neighbour", ground, folder=folder, summary="It listens.")

    async def note(_: AsyncConnection, fact: NotificationBounced, __: Event) -> None:
        heard.append(fact)

    handlers: dict[Any, Callable[..., Awaitable[None]]] = dict.fromkeys(
        QUEUES[REGISTRATION_OUTCOMES], note
    )
    neighbour.hears(Consumer(REGISTRATION_OUTCOMES, neighbour.database, handlers))
    async with running(service) as http:
        await ready(http)
        # Nobody hears it yet: it waits in the outbox.
        assert (await http.post("/desk/api/visitors?name=Grace")).status_code == 201
        async with running(neighbour):

            async def all_heard() -> bool:
                return len(heard) == 1

            await eventually(all_heard)


# --- pages that every service has ----------------------------------------------------------------


async def test_figures_are_for_the_machine_and_its_network(
    http: httpx.AsyncClient, service: Service
) -> None:
    await http.get("/desk/api/visitors")
    answer = await http.get("/desk/metrics")
    assert answer.status_code == 200
    assert "outbox_waiting 0.0" in answer.text
    assert 'http_request_seconds_count{method="GET",route="/api/visitors"' in answer.text
    through_a_proxy = {"X-Forwarded-For": "203.0.113.9"}
    assert (await http.get("/desk/metrics", headers=through_a_proxy)).status_code == 404
    for address in ("8.8.8.8", "2a00:1450:4001::1", "unknown"):
        transport = httpx.ASGITransport(service.app, client=(address, 1))
        async with httpx.AsyncClient(transport=transport, base_url=str(http.base_url)) as outside:
            assert (await outside.get("/desk/metrics")).status_code == 404


async def test_figures_are_told_while_the_database_is_away(
    http: httpx.AsyncClient, server: PostgreSQL
) -> None:
    await asyncio.to_thread(server.kill)
    try:
        await http.get("/desk/api/visitors")
        answer = await http.get("/desk/metrics")
    finally:
        await asyncio.to_thread(server.start)
    assert answer.status_code == 200
    assert "outbox_waiting NaN" in answer.text
    assert 'status="503"' in answer.text


async def test_a_service_documents_what_it_serves(http: httpx.AsyncClient) -> None:
    page = await http.get("/desk/api/docs")
    assert page.status_code == 200
    assert "/desk/api/openapi.json" in page.text
    described = (await http.get("/desk/api/openapi.json")).json()
    assert described["info"]["title"] == "Forum Pass: desk"
    assert {"/desk/api/visitors", "/desk/api/outbox"} <= set(described["paths"])


async def test_what_is_not_there_is_a_problem_document(http: httpx.AsyncClient) -> None:
    for path in ("/desk/nowhere", "/desk/api/nowhere", "/", "/desk", "/desk/look/../base.css"):
        answer = await http.get(path)
        assert answer.status_code == 404, path
        assert answer.headers["content-type"] == "application/problem+json"


async def test_a_method_that_is_not_allowed_is_a_problem_document(
    http: httpx.AsyncClient,
) -> None:
    answer = await http.delete("/desk/api/visitors")
    assert answer.status_code == 405
    assert set(answer.headers["allow"].replace(" ", "").split(",")) <= {"GET", "POST"}
    assert answer.headers["content-type"] == "application/problem+json"


async def test_a_watcher_may_ask_with_head(http: httpx.AsyncClient) -> None:
    for path in ("/desk/health/live", "/desk/health/ready", "/desk/api/visitors"):
        answer = await http.head(path)
        assert (answer.status_code, answer.content) == (200, b"")


async def test_the_look_is_served_and_nothing_beside_it(http: httpx.AsyncClient) -> None:
    sheet = await http.get("/desk/look/base.css")
    assert sheet.status_code == 200
    assert sheet.headers["content-type"].startswith("text/css")
    for path in ("templates", "..%2fservice.py", "..%2f..%2fpyproject.toml", "none.css", ".css"):
        assert (await http.get(f"/desk/look/{path}")).status_code == 404


def _is_up(url: str) -> bool:
    try:
        return httpx.get(f"{url}/desk/health/ready", timeout=2).status_code == 200
    except httpx.HTTPError:
        return False
