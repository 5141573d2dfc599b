"""What operators ask of a running system, over HTTP: the same on one machine and on many.

The deployment's secret makes the token; whoever can read it is an operator.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import timedelta
from typing import Any, Final
from urllib.parse import urlencode
from uuid import UUID

import httpx2

from shared.access import Role, open_keyring
from shared.settings import Settings

SERVICES: Final = ("registration", "badging", "checkin", "notifications")
TOKEN_LIFETIME: Final = timedelta(hours=1)
ANSWER_SECONDS: Final = 30.0
CONNECT_SECONDS: Final = 5.0
LOOK_SECONDS: Final = 0.5
SETTLED_SECONDS: Final = 3.0
"""When all has been said and nothing more was heard for so long, nothing more comes but what has
failed, which is tried again for a quarter of an hour."""


class NotDone(Exception):
    """One sentence about what could not be done."""


@dataclass(frozen=True)
class Unheard:
    """What is in the copy, and no owner has spoken of since its making anew began."""

    count: int
    registrations_to_stop: int
    badges_to_stop: int
    """Stopped already are those that an earlier end has stopped."""

    @classmethod
    def of(cls, answer: dict[str, Any]) -> Unheard:
        return cls(
            answer["participants"] + answer["badges"],
            answer["participants_to_stop"],
            answer["badges_to_stop"],
        )

    @property
    def is_to_stop(self) -> bool:
        return (self.registrations_to_stop, self.badges_to_stop) != (0, 0)

    def __str__(self) -> str:
        return f"{self.registrations_to_stop} registrations and {self.badges_to_stop} badges"


@dataclass(frozen=True)
class Rebuilt:
    """What came of making a copy anew."""

    registrations: int
    badges: int
    unheard: Unheard
    """Left as it was: it may be that no owner knows of it, or that we have not heard it yet."""


class Operator:
    """Somebody with the deployment's secret, at the public address."""

    def __init__(self, http: httpx2.Client) -> None:
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

    def audit_chain(self, service: str, after: int) -> dict[str, Any]:
        """A service's audit log behind an entry, as it is chained."""
        return self._ask("GET", service, f"audit/chain?after={after}")

    def erase(self, registration_id: UUID) -> str:
        """Have somebody's personal data removed; answers the reference."""
        answer = self._ask("POST", "registration", f"registrations/{registration_id}/erase")
        return str(answer["reference"])

    def token(self, role: Role, name: str) -> str:
        """A token, made by the running system, which notes it in its audit log."""
        answer = self._ask("POST", "registration", "tokens", json={"role": role, "name": name})
        return str(answer["token"])

    def revoke_token(self, token_id: UUID) -> None:
        self._ask("POST", "registration", f"tokens/{token_id}/revoke")

    def outboxes(self) -> dict[str, dict[str, Any]]:
        return {service: self._ask("GET", service, "outbox") for service in SERVICES}

    def signing_keys(self) -> list[dict[str, Any]]:
        """All keys that have signed badges, oldest first."""
        return list(self._ask("GET", "badging", "keys/history")["items"])

    def rotate_keys(self) -> list[dict[str, Any]]:
        """Make a new key; answers as `signing_keys`."""
        return list(self._ask("POST", "badging", "keys/rotate")["items"])

    def retire_key(self, key_id: int) -> None:
        self._ask("POST", "badging", f"keys/{key_id}/retire")

    def accounts(self) -> list[dict[str, Any]]:
        """All staff accounts."""
        found: list[dict[str, Any]] = self._ask("GET", "registration", "staff")["items"]
        return found

    def add_account(
        self, email: str, name: str, roles: Sequence[str], language: str
    ) -> dict[str, Any]:
        asked = {"email": email, "name": name, "roles": list(roles), "language": language}
        return self._ask("POST", "registration", "staff", json=asked)

    def change_account(self, account_id: str, changes: dict[str, Any]) -> None:
        self._ask("PATCH", "registration", f"staff/{account_id}", json=changes)

    def end_account(self, account_id: str) -> None:
        self._ask("POST", "registration", f"staff/{account_id}/end")

    def rebuild_checkin(self, tell: Callable[[int, int], None]) -> Rebuilt:
        """Have check-in's copy made anew; the gates go on meanwhile.

        What is unheard in the end still opens gates: it may wait to be tried again, and only a
        person can tell. `stop_unheard` stops it.

        Args:
            tell: told how much there is to hear of, and how much of it has been heard.
        """
        total = Unheard.of(self._ask("POST", "checkin", "rebuild")).count
        registrations = self._ask("POST", "registration", "restatements")["said"]
        badges = self._ask("POST", "badging", "restatements")["said"]
        self._wait_until_heard(lambda left: tell(total, total - left))
        unheard = self.unheard()
        if not unheard.is_to_stop:
            self.stop_unheard()
        return Rebuilt(registrations, badges, unheard)

    def unheard(self) -> Unheard:
        """What a rebuilding that has begun has left up to now; nothing when there is none."""
        return Unheard.of(self._ask("GET", "checkin", "rebuild"))

    def stop_unheard(self) -> Unheard:
        """Let no gate open for what is unheard, and end the rebuilding; answers how much it was."""
        return Unheard.of(self._ask("POST", "checkin", "rebuild/finish"))

    def rebuild_attendance(
        self, tell: Callable[[int], None], *, repair: bool
    ) -> tuple[int, list[dict[str, Any]]]:
        """Have presence and attendance made again from the log; the gates go on meanwhile.

        Args:
            tell: told how many people have been checked.
            repair: whether what differs is put right.

        Returns:
            How many people were checked, and what differed.
        """
        people, differences, place = 0, [], ""
        while place is not None:
            asked = urlencode({"repair": repair} | ({"after": place} if place else {}))
            some = self._ask("POST", "checkin", f"rebuild/attendance?{asked}")
            people, place = people + some["people"], some["next"]
            differences += some["differences"]
            tell(people)
        return people, differences

    def import_people(
        self, content: bytes, delegation: str | None, *, dry_run: bool
    ) -> dict[str, Any]:
        """Have the people of a file registered; answers what became of each row."""
        wanted = {"dry_run": str(dry_run).lower()} | (
            {"delegation": delegation} if delegation else {}
        )
        return self._ask(
            "POST",
            "registration",
            f"imports?{urlencode(wanted)}",
            content=content,
            headers={"Content-Type": "text/csv"},
        )

    def registrations(self, a_page: int) -> Iterator[dict[str, Any]]:
        """All of them, newest first."""
        place: str | None = ""
        while place is not None:
            asked = urlencode({"limit": a_page} | ({"cursor": place} if place else {}))
            page = self._ask("GET", "registration", f"registrations?{asked}")
            yield from page["items"]
            place = page["next_cursor"]

    def _wait_until_heard(self, tell: Callable[[int], None]) -> None:
        last, since = -1, time.monotonic()
        while True:
            left = self.unheard().count
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

    def _ask(self, method: str, service: str, path: str, **sent: Any) -> dict[str, Any]:
        try:
            answer = self._http.request(method, f"/{service}/api/{path}", **sent)
        except httpx2.HTTPError as error:
            raise NotDone(
                f"Nothing answers at {self._http.base_url} ({type(error).__name__}): does Forum "
                "Pass run there? FORUMPASS_ORIGIN names another address."
            ) from None
        if answer.status_code >= 400:
            raise NotDone(f"{service}: {detail_of(answer)}")
        content: dict[str, Any] = answer.json()
        return content


@contextmanager
def operator(settings: Settings) -> Iterator[Operator]:
    keyring = open_keyring(settings.secret_path)
    token = keyring.staff_token(Role.organiser, "operator", TOKEN_LIFETIME)
    with httpx2.Client(
        base_url=settings.public_origin,
        headers={"Authorization": f"Bearer {token}"},
        timeout=httpx2.Timeout(ANSWER_SECONDS, connect=CONNECT_SECONDS),
    ) as http:
        yield Operator(http)


def detail_of(answer: httpx2.Response) -> str:
    """Why the answer is no, in its own words."""
    try:
        return str(answer.json()["detail"])
    except (ValueError, KeyError, TypeError):
        return f"answers {answer.status_code}"
