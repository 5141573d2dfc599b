"""The four services as processes of their own over RabbitMQ, PostgreSQL and Caddy."""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor, wait
from pathlib import Path
from typing import Any

import httpx
import pytest

from deploy.private_servers import NotInstalled, free_port
from deploy.processes import Processes
from shared.access import Role
from shared.clock import anchored
from tests.system import (
    Visitor,
    badge_of,
    device_at,
    environment,
    eventually,
    register,
    scan,
    scan_until_known,
)

SERVICES = ("registration", "badging", "checkin", "notifications")


@pytest.fixture(scope="module")
def processes(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Processes]:
    home = tmp_path_factory.mktemp("processes")
    given = {
        "FORUMPASS_CLOCK": anchored("2017-06-12T08:00:00+02:00"),
        "FORUMPASS_SECRET_FILE": str(home / "secret"),
    }
    system = Processes(
        home,
        given,
        port=free_port(),
        service_ports={name: free_port() for name in SERVICES},
        mailbox_port=free_port(),
        durable=False,
    )
    try:
        system.start()
    except NotInstalled as not_installed:
        pytest.skip(str(not_installed))
    yield system
    system.stop()


@pytest.fixture
def visitor(processes: Processes, tmp_path: Path) -> Visitor:
    home = processes.home
    given = environment(home, FORUMPASS_SECRET_FILE=str(home / "secret"))
    return Visitor(processes.origin, f"{processes.mailbox}mailbox/", given, tmp_path)


def test_the_journey_goes_over_the_broker(processes: Processes, visitor: Visitor) -> None:
    registration_id, address = register(visitor)
    badge = badge_of(visitor, registration_id)
    visitor.mail_to(address, count=2)
    with device_at(visitor, "tower-in") as device:
        assert scan_until_known(device, badge["credential"])["reason"] == "first_entry"
        assert scan(device, badge["credential"])["reason"] == "already_inside"
    with visitor.as_staff(Role.organiser) as http:
        assert http.get("/checkin/api/attendance").json()["inside"] >= 1


def test_a_service_that_is_down_delays_the_others_and_stops_none(
    processes: Processes, visitor: Visitor
) -> None:
    badging = processes.services["badging"]
    badging.kill()
    registration_id, address = register(visitor)
    badging.start()
    badge = badge_of(visitor, registration_id)
    assert len(visitor.mail_to(address, count=2)) == 2
    with device_at(visitor, "varembe-in") as device:
        assert scan_until_known(device, badge["credential"])["reason"] == "first_entry"


def test_each_service_stops_in_good_order_when_asked(processes: Processes) -> None:
    notifications = processes.services["notifications"]
    notifications.stop()
    assert "Traceback" not in notifications.log.read_text()
    notifications.start()
    eventually(lambda: processes.is_ready("notifications"), bool)


def test_no_scan_is_turned_away_where_a_service_stood_still_for_a_moment(
    processes: Processes, visitor: Visitor
) -> None:
    """uvicorn of itself closes lines that were idle for five seconds, and what waited in them."""
    registration_id, _ = register(visitor)
    badge = badge_of(visitor, registration_id)
    checkin = processes.services["checkin"].pid
    with device_at(visitor, "tower-in") as device, ThreadPoolExecutor(8) as phones:

        def scan_at_once(times: int) -> list[Future[dict[str, Any]]]:
            return [phones.submit(scan, device, badge["credential"]) for _ in range(times)]

        scan_until_known(device, badge["credential"])
        wait(scan_at_once(8))
        time.sleep(4)
        os.kill(checkin, signal.SIGSTOP)
        try:
            waiting = scan_at_once(8)
            time.sleep(2)
        finally:
            os.kill(checkin, signal.SIGCONT)
        assert {judged.result()["reason"] for judged in waiting} == {"already_inside"}


def test_the_front_door_hides_what_is_for_the_machines_inside(processes: Processes) -> None:
    for path in ("/checkin/metrics", "/checkin/health/ready", "/mailbox/", "/nothing"):
        answer = httpx.get(processes.origin + path, trust_env=False)
        assert answer.status_code == 404
        assert answer.headers["Content-Type"] == "application/problem+json"


def test_a_live_page_hears_of_a_scan_through_the_front_door(
    processes: Processes, visitor: Visitor
) -> None:
    registration_id, _ = register(visitor)
    badge = badge_of(visitor, registration_id)
    with (
        device_at(visitor, "tower-in") as device,
        visitor.as_staff(Role.viewer) as http,
        http.stream("GET", "/checkin/api/attendance/stream") as stream,
    ):
        lines = stream.iter_lines()
        next(line for line in lines if line.startswith("data:"))
        scan_until_known(device, badge["credential"])
        assert next(line for line in lines if line.startswith("data:"))
