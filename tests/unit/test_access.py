"""Tokens: what they open, and what they don't."""

from __future__ import annotations

import stat
import threading
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path
from uuid import uuid4

import pytest
from fastapi import FastAPI, Request
from sqlalchemy.exc import OperationalError

from shared import access, sessions
from shared.access import (
    SESSION_COOKIE,
    InvalidToken,
    Keyring,
    Purpose,
    Role,
    Session,
    ShortSecret,
    Staff,
    open_keyring,
    write_private,
)
from shared.clock import Clock
from shared.problems import Problem

AN_HOUR = timedelta(hours=1)
KEYRING = Keyring(b"the secret of this deployment")


@pytest.fixture
def later(monkeypatch: pytest.MonkeyPatch) -> Callable[[timedelta], None]:
    """Let wall time go on."""

    def go_on(by: timedelta) -> None:
        then = datetime.now(UTC) + by
        monkeypatch.setattr(Clock, "wall", staticmethod(lambda: then))

    return go_on


def request(headers: Mapping[str, str] | None = None, query: str = "") -> Request:
    """A request to a service of this deployment."""
    app = FastAPI()
    app.state.keyring = KEYRING

    async def goes_on(staff: Staff) -> Staff | None:
        return staff

    app.state.recognise = app.state.recognise_token = goes_on
    raw = [(name.lower().encode(), value.encode()) for name, value in (headers or {}).items()]
    return Request(
        {"type": "http", "app": app, "headers": raw, "query_string": query.encode(), "path": "/"}
    )


def with_bearer(token: str) -> Request:
    return request({"Authorization": f"Bearer {token}"})


def with_session(token: str) -> Request:
    return request({"Cookie": f"{SESSION_COOKIE}={token}"})


def status_of(act: Callable[[], object]) -> int:
    with pytest.raises(Problem) as refused:
        act()
    return refused.value.status


# --- tokens --------------------------------------------------------------------------------------


def test_a_token_says_what_was_signed() -> None:
    token = KEYRING.sign(Purpose.registrant, "Grace", AN_HOUR, gate="A")
    assert KEYRING.read(Purpose.registrant, token) == {"sub": "Grace", "gate": "A"}


@pytest.mark.parametrize("made_for", Purpose)
@pytest.mark.parametrize("used_for", Purpose)
def test_a_token_is_worth_nothing_for_another_purpose(made_for: Purpose, used_for: Purpose) -> None:
    token = KEYRING.sign(made_for, "Grace", AN_HOUR)
    if made_for is used_for:
        assert KEYRING.read(used_for, token)["sub"] == "Grace"
    else:
        with pytest.raises(InvalidToken):
            KEYRING.read(used_for, token)


def test_a_token_ends_with_its_lifetime(later: Callable[[timedelta], None]) -> None:
    token = KEYRING.sign(Purpose.session, "Grace", AN_HOUR)
    later(AN_HOUR - timedelta(seconds=2))
    assert KEYRING.read(Purpose.session, token)
    later(AN_HOUR)
    with pytest.raises(InvalidToken, match="expired"):
        KEYRING.read(Purpose.session, token)


def test_a_token_altered_anywhere_is_refused() -> None:
    token = KEYRING.sign(Purpose.session, "Grace", AN_HOUR)
    for position, letter in enumerate(token):
        altered = token[:position] + ("A" if letter != "A" else "B") + token[position + 1 :]
        # The last letter of base64 holds bits that mean nothing.
        if position < len(token) - 1:
            with pytest.raises(InvalidToken):
                KEYRING.read(Purpose.session, altered)


def test_a_token_of_another_deployment_is_refused() -> None:
    token = Keyring(b"the secret of next door's forum").sign(Purpose.session, "Grace", AN_HOUR)
    with pytest.raises(InvalidToken):
        KEYRING.read(Purpose.session, token)


@pytest.mark.parametrize("nonsense", ["", ".", "a.b", "…", "\x00", "null.x", "[]." + "A" * 43])
def test_nonsense_is_refused(nonsense: str) -> None:
    with pytest.raises(InvalidToken):
        KEYRING.read(Purpose.session, nonsense)


# --- who calls -----------------------------------------------------------------------------------


async def looked_at(caller: Request) -> Request:
    """The request as it comes through the middleware."""
    caller.state.signed_in = await sessions.signed_in(caller)
    return caller


async def recognised(caller: Request) -> Staff | None:
    return access.staff_of(await looked_at(caller))


async def test_staff_call_with_a_token_or_a_session() -> None:
    token = KEYRING.staff_token(Role.desk, "Ada")
    by_token = await recognised(with_bearer(token))
    assert by_token is not None
    assert (by_token.id, by_token.roles, by_token.session) == ("Ada", (Role.desk,), None)
    assert by_token.token_id == KEYRING.read_staff_token(token).token_id
    session = Session(uuid4(), uuid4(), 3, "Ada Lovelace", "fr")
    ada = Staff("ada@example.org", Role.reviewer, (Role.desk,), session)
    assert await recognised(with_session(KEYRING.session(ada))) == ada
    assert (ada.name, ada.roles) == ("Ada Lovelace", (Role.reviewer, Role.desk))
    assert (ada.has(Role.organiser), ada.has(Role.organiser, Role.desk)) == (False, True)


async def test_a_session_or_a_token_counts_for_nothing_before_somebody_has_looked_at_it() -> None:
    session = KEYRING.session(Staff("Ada", Role.desk))
    assert access.staff_of(with_session(session)) is None
    assert access.staff_of(with_bearer(KEYRING.staff_token(Role.desk, "Ada"))) is None


async def test_a_session_is_no_bearer_token_and_a_token_no_session() -> None:
    session = KEYRING.session(Staff("Ada", Role.desk))
    assert await recognised(with_bearer(session)) is None
    assert await recognised(with_session(KEYRING.staff_token(Role.desk, "Ada"))) is None


async def test_a_session_with_a_role_that_no_longer_exists_opens_nothing() -> None:
    session = KEYRING.session(Staff("Ada", Role.desk))
    content = KEYRING.read(Purpose.session, session)
    for wrong in ({"roles": "president"}, {"roles": ""}, {"session": "x"}, {"version": "x"}):
        more = {name: text for name, text in (content | wrong).items() if name != "sub"}
        altered = KEYRING.sign(Purpose.session, "Ada", AN_HOUR, **more)
        assert await recognised(with_session(altered)) is None, wrong


async def test_whoever_cannot_be_recognised_for_want_of_a_database_is_told_so() -> None:
    async def no_database(_: Staff) -> Staff | None:
        raise OperationalError(None, None, OSError())

    session, token = KEYRING.session(Staff("Ada", Role.desk)), KEYRING.staff_token(Role.desk, "Ada")
    for caller in (with_session(session), with_bearer(token)):
        caller.app.state.recognise = caller.app.state.recognise_token = no_database
        await looked_at(caller)
        assert status_of(partial(access.staff_of, caller)) == 503


async def test_the_token_counts_where_there_is_a_session_too() -> None:
    session = KEYRING.session(Staff("Ada", Role.organiser))
    both = {"Cookie": f"{SESSION_COOKIE}={session}"}
    token = KEYRING.staff_token(Role.viewer, "Bob")
    caller = await recognised(request(both | {"Authorization": f"bearer {token}"}))
    assert caller is not None
    assert (caller.id, caller.role) == ("Bob", Role.viewer)
    assert await recognised(request(both | {"Authorization": "Bearer nonsense"})) is None


@pytest.mark.parametrize("header", ["", "Bearer", "Bearer ", "Basic QWRhOng=", "Bearer a b c"])
async def test_who_sends_no_token_is_nobody(header: str) -> None:
    assert await recognised(request({"Authorization": header})) is None


@pytest.mark.parametrize(
    "more", [{"role": "president", "id": uuid4().hex}, {}, {"role": "desk"}, {"id": uuid4().hex}]
)
async def test_a_token_of_another_version_opens_nothing(more: dict[str, str]) -> None:
    token = KEYRING.sign(Purpose.staff_token, "Ada", AN_HOUR, **more)
    assert await recognised(with_bearer(token)) is None


@pytest.mark.parametrize("role", Role)
async def test_a_route_lets_in_the_roles_that_it_names(role: Role) -> None:
    caller = await looked_at(with_bearer(KEYRING.staff_token(role, "Ada")))
    if role in (Role.desk, Role.organiser):
        assert access.staff_with(caller, Role.desk, Role.organiser).role is role
    else:
        assert status_of(lambda: access.staff_with(caller, Role.desk, Role.organiser)) == 403


def test_who_is_nobody_is_told_how_to_call() -> None:
    with pytest.raises(Problem) as refused:
        access.staff_with(request(), Role.desk)
    assert refused.value.status == 401
    assert refused.value.headers == {"WWW-Authenticate": "Bearer"}


def test_a_registrant_comes_with_the_link_from_the_mail() -> None:
    mine = uuid4()
    token = KEYRING.registrant_token(mine)
    assert access.registrant_of(request(query=f"token={token}")) == mine
    assert access.registrant_of(with_bearer(token)) == mine
    assert access.registrant_of(request()) is None
    assert access.registrant_of(request(query="token=nonsense")) is None
    assert access.registrant_of(with_bearer(KEYRING.staff_token(Role.organiser, "Ada"))) is None


def test_a_registrant_reaches_no_registration_but_their_own() -> None:
    mine, others = uuid4(), uuid4()
    caller = with_bearer(KEYRING.registrant_token(mine))
    assert access.staff_or_registrant(caller, mine, Role.reviewer) is None
    assert status_of(lambda: access.staff_or_registrant(caller, others, Role.reviewer)) == 403
    assert status_of(lambda: access.staff_or_registrant(request(), mine, Role.reviewer)) == 401


async def test_staff_reach_a_registration_by_their_role_alone() -> None:
    reviewer = await looked_at(with_bearer(KEYRING.staff_token(Role.reviewer, "Ada")))
    viewer = await looked_at(with_bearer(KEYRING.staff_token(Role.viewer, "Bob")))
    assert access.staff_or_registrant(reviewer, uuid4(), Role.reviewer)
    assert status_of(lambda: access.staff_or_registrant(viewer, uuid4(), Role.reviewer)) == 403


# --- the secret ----------------------------------------------------------------------------------


def test_the_first_start_makes_a_secret_that_only_its_owner_reads(tmp_path: Path) -> None:
    path = tmp_path / "state" / "secret"
    token = open_keyring(path).sign(Purpose.session, "Grace", AN_HOUR)
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert len(path.read_bytes()) == 32
    assert open_keyring(path).read(Purpose.session, token)["sub"] == "Grace"


def test_processes_that_start_together_have_one_secret(tmp_path: Path) -> None:
    path = tmp_path / "secret"
    together = threading.Barrier(8)

    def start(_: int) -> str:
        together.wait()
        return open_keyring(path).sign(Purpose.session, "Grace", AN_HOUR)

    with ThreadPoolExecutor(8) as processes:
        tokens = list(processes.map(start, range(8)))
    keyring = open_keyring(path)
    assert {keyring.read(Purpose.session, token)["sub"] for token in tokens} == {"Grace"}
    assert list(tmp_path.iterdir()) == [path]


def test_a_private_file_that_is_there_is_kept(tmp_path: Path) -> None:
    path = tmp_path / "key"
    write_private(path, b"the first")
    write_private(path, b"the second")
    assert path.read_bytes() == b"the first"
    assert list(tmp_path.iterdir()) == [path]


def test_a_disk_that_is_full_leaves_nothing_half_written(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(_: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("os.fsync", full)
    with pytest.raises(OSError, match="No space left"):
        write_private(tmp_path / "key", b"secret")
    assert list(tmp_path.iterdir()) == []


def test_an_empty_secret_signs_nothing(tmp_path: Path) -> None:
    path = tmp_path / "secret"
    path.touch()
    with pytest.raises(ShortSecret):
        open_keyring(path)
