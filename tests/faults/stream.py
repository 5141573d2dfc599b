"""A steady stream of people: they register, confirm, correct, cancel, and go in and out.

Every call is repeated with the same key until it is acknowledged, as real clients do; only what
was acknowledged goes into the ledger.
"""

from __future__ import annotations

import asyncio
import random
import time
from collections.abc import Iterable
from typing import Any, Final
from uuid import UUID, uuid4

import httpx
from uuid_utils.compat import uuid7

from services.registration.links import Links
from shared.access import Role
from tests.faults.ledger import Ledger, Person, ScanAnswered
from tests.faults.plant import Plant
from tests.faults.smtp import NO_SUCH_MAILBOX

ANSWER_SECONDS: Final = 8.0
PATIENCE_SECONDS: Final = 240.0
"""So long somebody tries again before the system counts as broken."""
ENTRANCES: Final = ("montbrillant", "tower", "varembe")
FAMILY_NAMES: Final = ("Lovelace", "Тихая", "Al-Khwārizmī", "王", "O'Neill", "Müller-Lüdenscheidt")
# Without review, so that whoever confirms is confirmed.
CATEGORIES: Final = ("government", "private_sector", "civil_society", "international_organization")
COUNTRIES: Final = ("CH", "GB", "KE", "CN", "BR", "JO", "FJ")


class NeverAcknowledged(AssertionError):
    """A call was repeated for minutes, and never answered as it should be."""


class Stream:
    """The people, and the ledger of what they were told.

    Args:
        plant: the system.
        rng: decides who does what.
    """

    def __init__(self, plant: Plant, rng: random.Random) -> None:
        self.ledger = Ledger()
        self._plant = plant
        self._rng = rng
        self._links = Links(plant.keyring, plant.origin)
        self._staff = _bearer(plant.keyring.staff_token(Role.organiser, "Faults"))
        self._devices: dict[str, dict[str, str]] = {}
        self._http = httpx.AsyncClient(timeout=ANSWER_SECONDS, trust_env=False)

    async def close(self) -> None:
        await self._http.aclose()

    async def pair_devices(self) -> None:
        """A device at each gate of the entrances."""
        for gate in (f"{entrance}-{way}" for entrance in ENTRANCES for way in ("in", "out")):
            body = {"gate": gate, "label": "Lane 1"}
            offered = await self._staff_call("POST", "checkin", "enrolments", json=body)
            code = {"code": offered.json()["code"]}
            paired = await self._call("POST", "checkin", "devices", json=code)
            self._devices[gate] = _bearer(paired.json()["token"])

    async def run(self, visitors: int, until: asyncio.Event) -> None:
        """So many people at a time come and go until told; those under way come to an end."""
        async with asyncio.TaskGroup() as group:
            for _ in range(visitors):
                group.create_task(self._one_after_the_other(until))

    async def confirmed_registration(self) -> Person:
        """Somebody new who may come."""
        person = await self._register(bounces=False)
        await self._confirm(person, self._signed_token(person))
        return person

    async def _one_after_the_other(self, until: asyncio.Event) -> None:
        while not until.is_set():
            await self._come_and_go()

    async def _come_and_go(self) -> None:
        """One person's way through the forum."""
        rng = self._rng
        person = await self._register(bounces=rng.random() < 0.06)
        if rng.random() < 0.08:
            return  # never reads the mail
        reads_the_mail = rng.random() < 0.2 and not person.email.startswith(NO_SUCH_MAILBOX)
        token = await self._mailed_token(person) if reads_the_mail else self._signed_token(person)
        await self._confirm(person, token)
        if rng.random() < 0.2:
            await self._amend(person)
        await self._visit(person, rounds=rng.randint(1, 4))
        if rng.random() < 0.25:
            await self._amend(person)
            await self._visit(person, rounds=1)
        if rng.random() < 0.15:
            await self._cancel(person)

    # --- registration ---

    async def _register(self, *, bounces: bool) -> Person:
        rng = self._rng
        body = {
            "category": rng.choice(CATEGORIES),
            "given_name": "Ada",
            "family_name": rng.choice(FAMILY_NAMES),
            "email": f"{NO_SUCH_MAILBOX if bounces else 'ada.'}{uuid4().hex[:16]}@example.org",
            "organization": "Analytical Society",
            "position": "Analyst",
            "country": rng.choice(COUNTRIES),
            "language": rng.choice(("en", "fr", "es")),
            "consent": True,
        }
        key = {"Idempotency-Key": uuid4().hex}
        answer = await self._call(
            "POST", "registration", "registrations", json=body, headers=key, good=(201,)
        )
        person = Person(
            registration_id=UUID(answer.json()["id"]),
            **{name: str(body[name]) for name in ("email", "country", "category", "family_name")},
        )
        if person.registration_id in self.ledger.people:
            self.ledger.wrong_answers.append(f"two people were given {person.registration_id}")
        self.ledger.people[person.registration_id] = person
        self.ledger.operations["register"] += 1
        return person

    def _signed_token(self, person: Person) -> str:
        """The token of the mailed link, without waiting for the mail."""
        return self._links.confirm_token(person.registration_id, person.email)

    async def _mailed_token(self, person: Person) -> str:
        async with asyncio.timeout(PATIENCE_SECONDS):
            while (token := self._plant.mail.confirm_tokens.get(person.email)) is None:
                await asyncio.sleep(0.2)
        return token

    async def _confirm(self, person: Person, token: str) -> None:
        answer = await self._registration_call(person, "confirm-email", {"token": token})
        if answer.json()["status"] != "confirmed":
            self.ledger.wrong_answers.append(f"confirmed into {answer.json()['status']}")
        person.status = "confirmed"
        self.ledger.operations["confirm"] += 1

    async def _amend(self, person: Person) -> None:
        name = f"{self._rng.choice(FAMILY_NAMES)} {uuid4().hex[:6]}"
        await self._staff_call(
            "PATCH",
            "registration",
            f"registrations/{person.registration_id}",
            json={"family_name": name},
        )
        person.family_name = name
        self.ledger.operations["amend"] += 1

    async def _cancel(self, person: Person) -> None:
        # Cancelling again is refused: then the first call did it, and nobody heard.
        path = f"registrations/{person.registration_id}"
        await self._staff_call("POST", "registration", f"{path}/cancel", good=(200, 409))
        now = await self._staff_call("GET", "registration", path)
        if now.json()["status"] != "cancelled":
            self.ledger.wrong_answers.append(f"cancelled, and yet {now.json()['status']}")
        person.status = "cancelled"
        self.ledger.operations["cancel"] += 1

    # --- gates ---

    async def _visit(self, person: Person, rounds: int) -> None:
        credential, number = await self._badge(person)
        entrance = self._rng.choice(ENTRANCES)
        if not await self._scan_until_known(f"{entrance}-in", credential):
            return
        for _ in range(rounds):
            if self._rng.random() < 0.2:
                await self._two_gates_at_once(credential, number)
            await self._scan(f"{self._rng.choice(ENTRANCES)}-out", {"credential": credential})
            shown = {"number": number} if self._rng.random() < 0.2 else {"credential": credential}
            answer = await self._scan(f"{self._rng.choice(ENTRANCES)}-in", shown)
            if self._rng.random() < 0.3:
                await self._scan_again(answer, shown)
            if self._rng.random() < 0.1 and answer.decision == "admitted":
                await self._undo(answer)

    async def _badge(self, person: Person) -> tuple[str, str]:
        """Credential and number of the person's badge, once it is made."""
        query = {"registration_id": str(person.registration_id), "status": "valid"}
        deadline = time.monotonic() + PATIENCE_SECONDS
        while time.monotonic() < deadline:
            answer = await self._staff_call("GET", "badging", "badges", params=query)
            for badge in answer.json()["items"]:
                return badge["credential"], badge["number"]
            await asyncio.sleep(0.3)
        raise NeverAcknowledged(f"{person.registration_id} has had no badge for minutes")

    async def _scan_until_known(self, gate: str, credential: str) -> bool:
        """Come to a gate until it has heard of the badge; answers whether it let the person in."""
        deadline = time.monotonic() + PATIENCE_SECONDS
        while time.monotonic() < deadline:
            answer = await self._scan(gate, {"credential": credential})
            if answer.reason not in ("unknown_badge", "bad_signature"):
                return answer.decision == "admitted"
            await asyncio.sleep(0.5)
        raise NeverAcknowledged("a badge was unknown at the gate for minutes")

    async def _two_gates_at_once(self, credential: str, number: str) -> None:
        first, second = self._rng.sample(ENTRANCES, 2)
        await asyncio.gather(
            self._scan(f"{first}-in", {"credential": credential}),
            self._scan(f"{second}-in", {"number": number}),
        )

    async def _scan(self, gate: str, shown: dict[str, str]) -> ScanAnswered:
        answer = await self._send_scan(gate, uuid7(), shown)
        self.ledger.scans[answer.scan_id] = answer
        self.ledger.operations["scan"] += 1
        return answer

    async def _scan_again(self, first: ScanAnswered, shown: dict[str, str]) -> None:
        """A device that was not told sends its scan again, long after."""
        again = await self._send_scan(first.gate, first.scan_id, shown)
        if again != first:
            self.ledger.wrong_answers.append(f"first {first}, then {again}")
        self.ledger.operations["scan sent again"] += 1

    async def _undo(self, scan: ScanAnswered) -> None:
        """The officer took the wrong badge, and says so."""
        # Undoing again is refused: then the first call did it, and nobody heard.
        path = f"scans/{scan.scan_id}/undo"
        reason = {"reason": "Wrong badge"}
        await self._staff_call("POST", "checkin", path, json=reason, good=(200, 409))
        self.ledger.undone.add(scan.scan_id)
        self.ledger.operations["undo"] += 1

    async def _send_scan(self, gate: str, scan_id: UUID, shown: dict[str, str]) -> ScanAnswered:
        body = {"scan_id": str(scan_id), **shown}
        answer = await self._call(
            "POST", "checkin", "scans", json=body, headers=self._devices[gate]
        )
        return ScanAnswered.of(gate, answer.json())

    # --- calls ---

    async def figures(self) -> dict[str, Any]:
        """What the live page would show."""
        answer = await self._staff_call("GET", "checkin", "attendance")
        totals: dict[str, Any] = answer.json()
        return totals

    async def _registration_call(
        self, person: Person, step: str, body: dict[str, str]
    ) -> httpx.Response:
        path = f"registrations/{person.registration_id}/{step}"
        return await self._call("POST", "registration", path, json=body)

    async def _staff_call(
        self, method: str, service: str, path: str, **request: Any
    ) -> httpx.Response:
        return await self._call(method, service, path, headers=self._staff, **request)

    async def _call(
        self,
        method: str,
        service: str,
        path: str,
        *,
        good: Iterable[int] = (200, 201),
        **request: Any,
    ) -> httpx.Response:
        """Call until there is an answer that counts."""
        deadline = time.monotonic() + PATIENCE_SECONDS
        last = "nothing"
        while time.monotonic() < deadline:
            self.ledger.tries += 1
            url = f"{self._plant.address(service, self._rng)}/{service}/api/{path}"
            try:
                answer = await self._http.request(method, url, **request)
            except httpx.TransportError as error:
                last = type(error).__name__
            else:
                if answer.status_code in good:
                    return answer
                last = f"{answer.status_code} {answer.text[:300]}"
                if not _says_come_again(answer):
                    self.ledger.wrong_answers.append(f"{method} {service}/{path}: {last}")
                if answer.is_client_error:
                    break  # it will not be better the next time
            await asyncio.sleep(self._rng.uniform(0.1, 0.6))
        raise NeverAcknowledged(f"{method} {service}/{path}: {last}")


def _says_come_again(answer: httpx.Response) -> bool:
    return (
        answer.status_code == httpx.codes.SERVICE_UNAVAILABLE
        and answer.headers.get("Content-Type") == "application/problem+json"
    )


def _bearer(token: str) -> dict[str, str]:
    return {"Authorization": f"Bearer {token}"}
