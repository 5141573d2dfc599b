"""The running system, as registrants, staff and devices call it."""

from __future__ import annotations

import asyncio
import csv
import io
from collections import Counter
from collections.abc import AsyncIterator, Container, Mapping, Sequence
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from typing import Any, Final
from uuid import UUID

import httpx2

from deploy.operators import NotDone, detail_of
from deploy.simulation.people import Invented
from shared.access import Keyring, Role, open_keyring
from shared.forum import Forum
from shared.settings import Settings

ANSWER_SECONDS: Final = 60.0
AT_ONCE: Final = 16
"""Calls at the same time."""
NOT_NOW: Final = (429, 502, 503, 504)
"""To be tried again."""
TRIES: Final = 20
REGISTRATIONS: Final = "/registration/api/registrations"
DELEGATIONS: Final = "/registration/api/delegations"


class System:
    """A system under rehearsal, at its public address."""

    def __init__(self, http: httpx2.AsyncClient, keyring: Keyring, forum: Forum) -> None:
        # The service's code takes a second to load: only who plays a forum pays for it.
        from services.registration.links import Links

        self._http = http
        self._links = Links(keyring, str(http.base_url))
        self._staff = _bearer(keyring.staff_token(Role.organiser, "rehearsal"))
        self._devices: dict[str, dict[str, str]] = {}
        self.forum = forum
        self.sent: Counter[str] = Counter()
        """What was asked of the system, by what it was."""

    async def is_there(self) -> bool:
        try:
            answer = await self._http.get("/checkin/health/ready")
        except httpx2.HTTPError:
            return False
        return answer.status_code == 200

    async def clock(self) -> tuple[bool, datetime]:
        """Whether it rehearses, and what its forum's clock shows."""
        forum = await self._ask("GET", "/checkin/api/forum")
        return forum["rehearsal"], datetime.fromisoformat(forum["now"])

    # --- before the forum ---

    async def register(self, person: Invented) -> UUID | None:
        """Register somebody, confirm their address, and let them come.

        Answers the registration; None for somebody for whom there is no place.
        """
        registration = await self.request(person)
        if registration["status"] == "in_review":
            registration = await self._ask(
                "POST", f"{REGISTRATIONS}/{registration['id']}/approve", headers=self._staff
            )
        return UUID(registration["id"]) if registration["status"] == "confirmed" else None

    async def request(self, person: Invented) -> dict[str, Any]:
        """Register somebody and confirm their address; answers the registration."""
        key = {"Idempotency-Key": person.email}
        made = await self._ask("POST", REGISTRATIONS, json=dict(person.body), headers=key)
        token = self._links.confirm_token(UUID(made["id"]), person.email)
        self.sent["registrations"] += 1
        return await self._ask(
            "POST", f"{REGISTRATIONS}/{made['id']}/confirm-email", json={"token": token}
        )

    async def send_a_delegation(
        self, delegation: Mapping[str, Any], focal_point: Mapping[str, Any], members: Sequence[Any]
    ) -> None:
        """Let people come together, and somebody look after them."""
        made = await self._ask("POST", DELEGATIONS, json=delegation, headers=self._staff)
        address = f"{DELEGATIONS}/{made['id']}"
        await self._ask("POST", f"{address}/focal-points", json=focal_point, headers=self._staff)
        for member in members:
            await self._ask("POST", f"{address}/members", json=member, headers=self._staff)

    async def employ(self, name: str, email: str, role: Role) -> None:
        """Make an account of staff."""
        account = {"name": name, "email": email, "roles": [role]}
        await self._ask("POST", "/registration/api/staff", json=account, headers=self._staff)

    async def new_badges(self, known: Container[UUID]) -> dict[UUID, str]:
        """Credentials of valid badges by registration, newest first, back to those known."""
        found: dict[UUID, str] = {}
        asked = {"status": "valid"}
        while True:
            page = await self._ask("GET", "/badging/api/badges", params=asked, headers=self._staff)
            new = {
                registration_id: badge["credential"]
                for badge in page["items"]
                if (registration_id := UUID(badge["registration_id"])) not in known
            }
            found |= new
            if page["next_cursor"] is None or not new:
                return found
            asked = {"status": "valid", "cursor": page["next_cursor"]}

    async def figures(self) -> dict[str, Any]:
        return await self._ask("GET", "/checkin/api/attendance", headers=self._staff)

    # --- at the gates ---

    async def pair(self, gate: str) -> None:
        """Put a device at a gate."""
        offered = await self._ask(
            "POST",
            "/checkin/api/enrolments",
            json={"gate": gate, "label": f"Rehearsal, {self.forum.gate(gate).name.en}"},
            headers=self._staff,
        )
        paired = await self._ask("POST", "/checkin/api/devices", json={"code": offered["code"]})
        self._devices[gate] = _bearer(paired["token"])

    async def retire_devices(self) -> None:
        """Stop the devices of this rehearsal."""
        for headers in self._devices.values():
            me = await self._ask("GET", "/checkin/api/devices/me", headers=headers)
            await self._ask(
                "POST", f"/checkin/api/devices/{me['device_id']}/revoke", headers=self._staff
            )

    async def report_state(self, gate: str, state: Mapping[str, Any]) -> None:
        """Say how a device is, as it does every 20 seconds."""
        now = {"device_now": datetime.now(UTC).isoformat()}
        await self._ask(
            "PUT", "/checkin/api/devices/me", json={**state, **now}, headers=self._devices[gate]
        )

    async def scan(self, gate: str, scan: Mapping[str, Any]) -> dict[str, Any]:
        self.sent["scans"] += 1
        return await self._ask(
            "POST", "/checkin/api/scans", json=dict(scan), headers=self._devices[gate]
        )

    async def sync(self, gate: str, scans: Sequence[Mapping[str, Any]]) -> list[dict[str, Any]]:
        """Tell of scans that were made without network."""
        self.sent["scans told of later"] += len(scans)
        answer = await self._ask(
            "POST",
            "/checkin/api/scans/batch",
            json={"scans": [dict(scan) for scan in scans]},
            headers=self._devices[gate],
        )
        answers: list[dict[str, Any]] = answer["answers"]
        return answers

    async def undo(self, gate: str, scan_id: str) -> None:
        self.sent["undos"] += 1
        await self._ask(
            "POST",
            f"/checkin/api/scans/{scan_id}/undo",
            json={"reason": "Rehearsal: a mistake"},
            headers=self._devices[gate],
        )

    # --- afterwards ---

    async def rows(self, file: str, **asked: str) -> list[dict[str, str]]:
        """A file of check-in, row by row."""
        answer = await self._http.get(
            f"/checkin/api/{file}", params=asked, headers=self._staff, timeout=None
        )
        if answer.status_code != 200:
            raise NotDone(f"{file}: {detail_of(answer)}")
        return list(csv.DictReader(io.StringIO(answer.content.decode(), newline="")))

    async def _ask(self, method: str, path: str, **call: Any) -> dict[str, Any]:
        """Ask until there is an answer that settles it.

        Raises:
            NotDone: there is none, or it is no.
        """
        trouble = ""
        for _ in range(TRIES):
            try:
                answer = await self._http.request(method, path, **call)
            except httpx2.HTTPError as error:
                trouble = f"{self._http.base_url} does not answer ({type(error).__name__})"
                await asyncio.sleep(1)
                continue
            if answer.is_success:
                content: dict[str, Any] = answer.json()
                return content
            trouble = f"{path}: {detail_of(answer)}"
            if answer.status_code not in NOT_NOW:
                break
            # Strangers who register too fast are told when to come again.
            await asyncio.sleep(float(answer.headers.get("Retry-After", "1")))
        raise NotDone(trouble)


@asynccontextmanager
async def reached(settings: Settings, forum: Forum) -> AsyncIterator[System]:
    """The system that the settings name."""
    async with httpx2.AsyncClient(
        base_url=settings.public_origin,
        timeout=ANSWER_SECONDS,
        limits=httpx2.Limits(max_connections=AT_ONCE, max_keepalive_connections=AT_ONCE),
    ) as http:
        yield System(http, open_keyring(settings.secret_path), forum)


def _bearer(token: str) -> dict[str, str]:
    return {"Authorization": f"Bearer {token}"}
