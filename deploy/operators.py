"""What operators ask of a running system, over HTTP: the same on one machine and on many.

The deployment's secret makes the token; whoever can read it is an operator.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import timedelta
from typing import Any, Final

import httpx

from shared.access import Role, open_keyring
from shared.settings import Settings

SERVICES: Final = ("registration", "badging", "checkin", "notifications")
TOKEN_LIFETIME: Final = timedelta(hours=1)
ANSWER_SECONDS: Final = 30.0
LOOK_SECONDS: Final = 0.5
SETTLED_SECONDS: Final = 3.0
"""When all has been said and nothing more was heard for so long, nothing more will come."""


class NotDone(Exception):
    """One sentence about what could not be done."""


@dataclass(frozen=True)
class Rebuilt:
    """What came of making a copy anew."""

    registrations: int
    badges: int
    unknown_registrations: int
    """In the copy, and no owner knows of them: stopped."""
    unknown_badges: int


class Operator:
    """Somebody with the deployment's secret, at the public address."""

    def __init__(self, http: httpx.Client) -> None:
        self._http = http

    def dead_letters(self) -> list[tuple[str, dict[str, Any]]]:
        """All dead letters, each with its service."""
        return [
            (service, letter)
            for service in SERVICES
            for letter in self._ask("GET", service, "dead-letters")["items"]
        ]

    def dead_letter(self, letter_id: str) -> dict[str, Any]:
        return self._ask("GET", self._service_of(letter_id), f"dead-letters/{letter_id}")

    def replay(self, letter_id: str) -> None:
        self._ask("POST", self._service_of(letter_id), f"dead-letters/{letter_id}/replay")

    def discard(self, letter_id: str) -> None:
        self._ask("POST", self._service_of(letter_id), f"dead-letters/{letter_id}/discard")

    def outboxes(self) -> dict[str, dict[str, Any]]:
        return {service: self._ask("GET", service, "outbox") for service in SERVICES}

    def rebuild_checkin(self, tell: Callable[[int, int], None]) -> Rebuilt:
        """Have check-in's copy made anew; the gates go on meanwhile.

        Args:
            tell: told how much there is to hear of, and how much of it has been heard.
        """
        before = self._ask("POST", "checkin", "rebuild")
        total = before["participants"] + before["badges"]
        registrations = self._ask("POST", "registration", "restatements")["said"]
        badges = self._ask("POST", "badging", "restatements")["said"]
        self._wait_until_heard(lambda left: tell(total, total - left))
        left = self._ask("POST", "checkin", "rebuild/finish")
        return Rebuilt(registrations, badges, left["participants"], left["badges"])

    def _wait_until_heard(self, tell: Callable[[int], None]) -> None:
        last, since = -1, time.monotonic()
        while True:
            unheard = self._ask("GET", "checkin", "rebuild")
            left = unheard["participants"] + unheard["badges"]
            tell(left)
            unsaid = sum(
                self._ask("GET", service, "outbox")["waiting"]
                for service in ("registration", "badging")
            )
            if (left, unsaid) == (0, 0):
                return
            if left != last or unsaid:
                last, since = left, time.monotonic()
            elif time.monotonic() - since > SETTLED_SECONDS:
                return
            time.sleep(LOOK_SECONDS)

    def _service_of(self, letter_id: str) -> str:
        for service, letter in self.dead_letters():
            if letter["id"] == letter_id:
                return service
        raise NotDone(f"There is no dead letter {letter_id}.")

    def _ask(self, method: str, service: str, path: str) -> dict[str, Any]:
        try:
            answer = self._http.request(method, f"/{service}/api/{path}")
        except httpx.HTTPError as error:
            raise NotDone(
                f"Nothing answers at {self._http.base_url} ({type(error).__name__}): does Forum "
                "Pass run there? FORUMPASS_ORIGIN names another address."
            ) from None
        if answer.status_code >= 400:
            raise NotDone(f"{service}: {_detail(answer)}")
        content: dict[str, Any] = answer.json()
        return content


@contextmanager
def operator(settings: Settings) -> Iterator[Operator]:
    keyring = open_keyring(settings.secret_path)
    token = keyring.staff_token(Role.organiser, "operator", TOKEN_LIFETIME)
    with httpx.Client(
        base_url=settings.public_origin,
        headers={"Authorization": f"Bearer {token}"},
        timeout=ANSWER_SECONDS,
    ) as http:
        yield Operator(http)


def _detail(answer: httpx.Response) -> str:
    try:
        return str(answer.json()["detail"])
    except (ValueError, KeyError, TypeError):
        return f"answers {answer.status_code}"
