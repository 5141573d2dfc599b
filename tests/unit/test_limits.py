"""Limits that keep one caller from spoiling it for all."""

from __future__ import annotations

import pytest
from starlette.requests import Request

from shared import limits
from shared.limits import RateLimit, network_of
from shared.problems import Problem


class Time:
    """A stopwatch in the test's hand."""

    def __init__(self) -> None:
        self.now = 1000.0

    def monotonic(self) -> float:
        return self.now


@pytest.fixture
def time(monkeypatch: pytest.MonkeyPatch) -> Time:
    stopwatch = Time()
    monkeypatch.setattr(limits, "time", stopwatch)
    return stopwatch


def refusal(limit: RateLimit, caller: str = "1.2.3.4", cost: float = 1) -> Problem:
    with pytest.raises(Problem) as refused:
        limit.spend(caller, cost)
    return refused.value


@pytest.mark.usefixtures("time")
def test_a_caller_has_a_burst_and_is_then_told_when_to_come_again() -> None:
    limit = RateLimit(burst=3, per_second=0.1)
    for _ in range(3):
        limit.spend("1.2.3.4")
    problem = refusal(limit)
    assert (problem.status, problem.kind) == (429, "too-many-requests")
    assert problem.headers == {"Retry-After": "10"}


def test_who_comes_when_told_is_let_in(time: Time) -> None:
    limit = RateLimit(burst=1, per_second=0.3)
    limit.spend("1.2.3.4")
    time.now += int(refusal(limit).headers["Retry-After"])
    limit.spend("1.2.3.4")


def test_the_bucket_fills_again_up_to_the_burst_and_no_further(time: Time) -> None:
    limit = RateLimit(burst=2, per_second=1)
    limit.spend("1.2.3.4")
    time.now += 3600
    limit.spend("1.2.3.4")
    limit.spend("1.2.3.4")
    assert refusal(limit).status == 429


@pytest.mark.usefixtures("time")
def test_one_caller_does_not_spend_what_another_has() -> None:
    limit = RateLimit(burst=1, per_second=1)
    limit.spend("1.2.3.4")
    limit.spend("1.2.3.5")
    assert refusal(limit).status == 429


@pytest.mark.usefixtures("time")
def test_who_is_refused_pays_nothing() -> None:
    limit = RateLimit(burst=2, per_second=1)
    limit.spend("1.2.3.4")
    assert refusal(limit, cost=2).status == 429
    limit.spend("1.2.3.4")


@pytest.mark.usefixtures("time")
def test_checking_takes_nothing() -> None:
    limit = RateLimit(burst=1, per_second=1)
    for _ in range(5):
        limit.check("1.2.3.4")
    limit.spend("1.2.3.4")
    with pytest.raises(Problem):
        limit.check("1.2.3.4")


@pytest.mark.usefixtures("time")
def test_a_thousand_new_addresses_do_not_free_the_one_that_calls_on(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(limits, "REMEMBERED", 100)
    limit = RateLimit(burst=1, per_second=0.001)
    limit.spend("1.2.3.4")
    for number in range(1000):
        limit.spend(f"10.0.{number // 256}.{number % 256}")
        if number % 50 == 0:
            refusal(limit)
    assert refusal(limit).status == 429


def called_from(address: str) -> Request:
    return Request({"type": "http", "client": (address, 1)})


@pytest.mark.parametrize(
    ("address", "ours"),
    [("127.0.0.1", True), ("::1", True), ("127.8.8.8", True), ("::ffff:127.0.0.1", True),
     ("192.0.2.1", False), ("", False), ("testclient", False)],
)  # fmt: skip
def test_the_machine_itself_is_known_by_its_address_and_not_limited(
    address: str, ours: bool
) -> None:
    limit, request = RateLimit(burst=1, per_second=1), called_from(address)
    limit.spend_by(request)
    if ours:
        limit.spend_by(request)
    else:
        with pytest.raises(Problem):
            limit.spend_by(request)


@pytest.mark.parametrize(
    ("one", "other", "alike"),
    [
        ("2001:db8::1", "2001:db8::ffff:1", True),
        ("2001:db8:0:1::1", "2001:db8:0:2::1", False),
        ("fe80::1%eth0", "fe80::2", True),
        ("192.0.2.1", "192.0.2.2", False),
        ("192.0.2.1", "::ffff:192.0.2.1", True),
        ("::ffff:192.0.2.1", "::ffff:192.0.2.2", False),
    ],
)
def test_whoever_has_a_network_of_addresses_is_one_caller(
    one: str, other: str, alike: bool
) -> None:
    assert (network_of(called_from(one)) == network_of(called_from(other))) is alike
