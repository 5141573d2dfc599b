"""`forumpass up` and the commands beside it, as a newcomer uses them."""

from __future__ import annotations

import stat
from collections.abc import Iterator
from io import BytesIO
from pathlib import Path

import httpx
import psutil
import pytest
import zxingcpp
from PIL import Image

from deploy.private_servers import free_port
from shared.access import Role
from tests.servers import working_in
from tests.system import (
    OneMachine,
    attached,
    badge_of,
    device_at,
    environment,
    forumpass,
    person,
    register,
    scan,
    scan_until_known,
)

SERVICES = ("registration", "badging", "checkin", "notifications")


@pytest.fixture(scope="module")
def system(tmp_path_factory: pytest.TempPathFactory) -> Iterator[OneMachine]:
    one = OneMachine(tmp_path_factory.mktemp("one-machine"))
    one.start()
    yield one
    one.stop()


def test_from_the_form_to_the_gate(system: OneMachine) -> None:
    visitor = system.visit()
    registration_id, address = register(visitor, language="fr")

    _, mail = visitor.mail_to(address, count=2)
    assert "votre badge" in mail["Subject"]
    read = zxingcpp.read_barcode(Image.open(BytesIO(attached(mail, "image/png"))))
    assert read is not None
    assert read.text == badge_of(visitor, registration_id)["credential"]

    with device_at(visitor, "tower-in") as device:
        first, second = scan_until_known(device, read.text), scan(device, read.text)
    assert (first["decision"], first["reason"]) == ("admitted", "first_entry")
    assert first["participant"]["family_name"] == "Lovelace"
    assert (second["decision"], second["reason"]) == ("refused", "already_inside")
    assert second["previous"]["entrance"] == "tower"

    with visitor.as_staff(Role.viewer) as http:
        totals = http.get("/checkin/api/attendance").json()
    assert (totals["inside"], totals["arrived_today"], totals["refused_today"]) == (1, 1, 1)
    assert totals["by_entrance"] == {"tower": 1}


def test_one_trace_leads_from_the_request_to_the_mail(system: OneMachine) -> None:
    visitor = system.visit()
    with visitor.calling() as http:
        trace_id = "4bf92f3577b34da6a3ce929d0e0e4736"
        http.headers["traceparent"] = f"00-{trace_id}-00f067aa0ba902b7-01"
        asked = person()
        answer = http.post("/registration/api/registrations", json=asked)
    assert answer.headers["X-Correlation-Id"] == trace_id
    [mail] = visitor.mail_to(asked["email"])
    assert mail["X-Correlation-Id"] == trace_id


def test_it_says_where_everything_is_and_lets_the_organiser_in_once(system: OneMachine) -> None:
    for path in ("/registration/", "/checkin/gate/", "/checkin/live", "/mailbox/"):
        assert system.origin + path in system.printed
    assert "Monday 12 June 2017, 08:0" in system.printed
    link = system.sign_in_link()
    with httpx.Client(trust_env=False) as browser:
        first, second = browser.get(link), httpx.get(link, trust_env=False)
    assert (first.status_code, second.status_code) == (303, 403)


def test_every_service_is_ready_and_documents_itself(system: OneMachine) -> None:
    with system.visit().calling() as http:
        for name in SERVICES:
            assert http.get(f"/{name}/health/live").status_code == 200
            assert http.get(f"/{name}/health/ready").json()["status"] == "ready"
            assert http.get(f"/{name}/api/docs").status_code == 200
            assert http.get(f"/{name}/api/openapi.json").json()["openapi"].startswith("3.")


def test_a_path_of_no_service_is_told_like_any_other_that_is_not_there(system: OneMachine) -> None:
    with system.visit().calling() as http:
        answer = http.get("/nothing")
    assert answer.status_code == 404
    assert answer.headers["Content-Type"] == "application/problem+json"
    assert answer.json()["type"] == "urn:forum-pass:problem:not-found"


def test_secrets_are_for_their_owner_only(system: OneMachine) -> None:
    secrets = [system.home / "secret", *(system.home / "keys").iterdir()]
    assert {stat.S_IMODE(path.stat().st_mode) for path in secrets} == {0o600}


def test_nothing_listens_beyond_this_machine(system: OneMachine) -> None:
    tree = psutil.Process(system.process.pid)
    listening = {
        connection.laddr.ip
        for process in [tree, *tree.children(recursive=True)]
        for connection in process.net_connections(kind="inet")
        if connection.status == psutil.CONN_LISTEN
    }
    assert listening == {"127.0.0.1"}


def test_the_doctor_finds_it_well(system: OneMachine) -> None:
    done = system.visit().forumpass("doctor")
    assert done.returncode == 0, done.stdout
    assert "ready" in done.stdout
    assert "rehearsal, 12 June 2017" in done.stdout


def test_a_token_is_the_last_line_that_its_command_prints(system: OneMachine) -> None:
    done = system.visit().forumpass("token", "create", "--role", "Viewer")
    token = done.stdout.splitlines()[-1]
    with system.visit().calling(token) as http:
        assert http.get("/checkin/api/attendance").status_code == 200
        assert http.get("/registration/api/registrations").status_code == 403


def test_started_again_it_has_everything_that_it_had(tmp_path: Path) -> None:
    system = OneMachine(tmp_path)
    system.start()
    try:
        visitor = system.visit()
        registration_id, address = register(visitor)
        badge = badge_of(visitor, registration_id)
        with device_at(visitor, "tower-in") as device:
            scan_until_known(device, badge["credential"])
        visitor.mail_to(address, count=2)

        system.stop()
        assert system.process.returncode == 0
        assert "Traceback" not in system.printed
        assert working_in(tmp_path) == []
        system.start()

        assert badge_of(visitor, registration_id) == badge
        with device_at(visitor, "varembe-in") as device:
            assert scan(device, badge["credential"])["reason"] == "already_inside"
        assert len(visitor.mail_to(address, count=2)) == 2
    finally:
        system.stop()


def test_killed_without_warning_it_starts_again_and_finishes_what_it_began(tmp_path: Path) -> None:
    # A mail that is in hand when the process dies waits until the time for its attempt is over.
    short = {f"FORUMPASS_NOTIFICATIONS_{name}_SECONDS": "5" for name in ("ATTEMPT", "NOTE")}
    system = OneMachine(tmp_path, **short)
    system.start()
    try:
        visitor = system.visit()
        registration_id, address = register(visitor)
        system.kill()  # perhaps before the badge, perhaps before its mail, perhaps in the middle
        system.start()
        badge_of(visitor, registration_id)
        mail = visitor.mail_to(address, count=2, within=60)
        badge_mails = {message["Message-ID"] for message in mail[1:]}
        assert len(badge_mails) == 1
    finally:
        system.stop()
    assert working_in(tmp_path) == []


def test_two_on_the_same_state_or_port_are_told_apart(system: OneMachine, tmp_path: Path) -> None:
    same_state = forumpass(system.environment, tmp_path, "up")
    assert same_state.returncode == 1
    assert same_state.stderr.strip() == f"Forum Pass already runs on the state in {system.home}"
    same_port = forumpass(environment(tmp_path, FORUMPASS_PORT=str(system.port)), tmp_path, "up")
    assert same_port.returncode == 1
    assert same_port.stderr.startswith(f"FORUMPASS_PORT: 127.0.0.1:{system.port} cannot be used")


@pytest.mark.parametrize(
    ("setting", "value"),
    [
        ("FORUMPASS_PORT", "http"),
        ("FORUMPASS_ORIGIN", "forum.example.org"),
        ("FORUMPASS_FORUM", "/nowhere/forum.toml"),
        ("FORUMPASS_CLOCK", "2017-06-12T08:00:00"),
        ("FORUMPASS_DATABASE_URL", "mysql://localhost"),
        ("FORUMPASS_BUS_URL", "kafka://localhost"),
        ("FORUMPASS_SMTP_URL", "localhost:25"),
        ("FORUMPASS_LOG_LEVEL", "loud"),
        ("FORUMPASS_CHECKIN_ENROLMENT_MINUTES", "0"),
    ],
)
def test_a_wrong_setting_stops_the_start_with_one_sentence_that_names_it(
    tmp_path: Path, setting: str, value: str
) -> None:
    settings = {"FORUMPASS_PORT": str(free_port()), setting: value}
    done = forumpass(environment(tmp_path, **settings), tmp_path, "up")
    assert done.returncode == 2
    [sentence] = done.stderr.strip().splitlines()
    assert sentence.startswith(setting)


def test_a_state_that_cannot_be_written_is_told_in_one_sentence(tmp_path: Path) -> None:
    in_the_way = tmp_path / "file"
    in_the_way.touch()
    done = forumpass(environment(in_the_way / "home"), tmp_path, "up")
    assert done.returncode == 2
    [sentence] = done.stderr.strip().splitlines()
    assert sentence.startswith("FORUMPASS_HOME")


def test_a_service_that_can_never_start_ends_it_with_one_sentence(tmp_path: Path) -> None:
    system = OneMachine(tmp_path)
    system.start()
    system.stop()
    [key] = (tmp_path / "keys").iterdir()
    key.unlink()
    done = forumpass(system.environment, tmp_path, "up")
    assert done.returncode == 1
    assert done.stderr.splitlines()[-1].startswith("badging cannot start: SigningKeyUnusable")
    assert working_in(tmp_path) == []
