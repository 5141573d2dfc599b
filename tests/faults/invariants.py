"""What must hold once everything has settled, whatever was done to the system meanwhile.

Read from the services' own databases, from the mail server and from the broker, and compared with
what was acknowledged to people (the ledger)."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from itertools import pairwise
from typing import Any, Final
from uuid import UUID

import orjson

from shared.events import QUEUES, TYPE_PREFIX, TroubleCounted
from tests.faults.ledger import Ledger, Person
from tests.faults.messages import Poison
from tests.faults.plant import SERVICES, Plant
from tests.faults.recount import recount
from tests.faults.smtp import NO_SUCH_MAILBOX, Mail

Rows = list[Mapping[str, Any]]

COUNTED: Final = f"{TYPE_PREFIX}{TroubleCounted.type}"
"""Said whenever a number changes; it may be the same as before."""

TABLES: Final = {
    "registration": ("registrations", "attendances", "outbox"),
    "badging": ("badges", "holders", "keys", "outbox"),
    "checkin": ("participants", "badges", "signing_keys", "scans", "attendance", "outbox"),
    "notifications": ("messages", "recipients", "outbox"),
}


@dataclass
class Findings:
    """What is wrong, in sentences."""

    lost: list[str] = field(default_factory=list)
    doubled: list[str] = field(default_factory=list)
    wrong: list[str] = field(default_factory=list)
    mails_repeated: int = 0
    """Mails that came twice as the same message: its Message-ID tells."""
    dead_letters: int = 0

    @property
    def all(self) -> list[str]:
        return [
            *(f"lost: {found}" for found in self.lost),
            *(f"doubled: {found}" for found in self.doubled),
            *(f"wrong: {found}" for found in self.wrong),
        ]

    def compare(self, what: str, must: Iterable[Any], there: Iterable[Any]) -> None:
        """Both have the same, as often."""
        expected, found = Counter(must), Counter(there)
        self.lost += [f"{what} {each}" for each in (expected - found).elements()]
        self.doubled += [f"{what} {each}" for each in (found - expected).elements()]


@dataclass(frozen=True)
class State:
    """Everything that the services hold, and what came out."""

    tables: Mapping[str, Mapping[str, Rows]]
    figures: Mapping[str, Any]
    mails: list[Mail]
    dead_letters: Mapping[str, list[str]]
    """Message ids, by the queue that they could not be handled from."""

    def rows(self, service: str, table: str) -> Rows:
        return self.tables[service][table]


async def read_state(plant: Plant, figures: Mapping[str, Any]) -> State:
    tables: dict[str, dict[str, Rows]] = {}
    for service in SERVICES:
        connection = await plant.look_into(service)
        try:
            tables[service] = {
                table: await connection.fetch(f"SELECT * FROM {table}") for table in TABLES[service]
            }
        finally:
            await connection.close()
    return State(tables, figures, list(plant.mail.mails), await _dead_letters(plant))


def check(ledger: Ledger, poison: Poison, state: State) -> Findings:
    """All that must hold."""
    findings = Findings(wrong=list(ledger.wrong_answers))
    _registrations(findings, ledger, state)
    _badges(findings, ledger, state)
    _copies(findings, ledger, state)
    _mails(findings, ledger, state)
    _bounces(findings, ledger, state)
    _scans(findings, ledger, state)
    _figures(findings, ledger, state)
    _events(findings, state)
    _poison(findings, poison, state)
    return findings


def _registrations(findings: Findings, ledger: Ledger, state: State) -> None:
    findings.compare(
        "registration",
        ((p.registration_id, p.email, p.status, p.family_name) for p in ledger.people.values()),
        (
            (row["id"], row["email"], row["status"], row["family_name"])
            for row in state.rows("registration", "registrations")
        ),
    )


def _badges(findings: Findings, ledger: Ledger, state: State) -> None:
    confirmed = [p.registration_id for p in ledger.people.values() if p.status == "confirmed"]
    findings.compare("valid badge of", confirmed, (row["registration_id"] for row in _valid(state)))
    findings.compare(
        "name on the badge of",
        ((p.registration_id, p.family_name) for p in _with_status(ledger, "confirmed")),
        (
            (row["registration_id"], row["family_name"])
            for row in state.rows("badging", "holders")
            if row["family_name"] is not None
        ),
    )
    replaced = [row["replaces"] for row in state.rows("badging", "badges") if row["replaces"]]
    superseded = [r["id"] for r in state.rows("badging", "badges") if r["status"] == "superseded"]
    findings.compare("badge in place of", superseded, replaced)


def _copies(findings: Findings, ledger: Ledger, state: State) -> None:
    """What check-in knows of others is what they have."""
    findings.compare(
        "participant",
        (
            (p.registration_id, p.status, p.family_name, p.country, p.category)
            for p in ledger.people.values()
            if p.was_confirmed
        ),
        (
            (
                row["registration_id"],
                row["status"],
                row["family_name"],
                row["country"],
                row["category"],
            )
            for row in state.rows("checkin", "participants")
        ),
    )
    same = ("registration_id", "version", "status", "number", "days", "zones")
    findings.compare(
        "check-in's badge",
        ((row["id"], *(row[name] for name in same)) for row in state.rows("badging", "badges")),
        (
            (row["badge_id"], *(row[name] for name in same))
            for row in state.rows("checkin", "badges")
        ),
    )
    findings.compare(
        "check-in's key",
        ((row["id"], row["public_key"]) for row in state.rows("badging", "keys")),
        ((row["key_id"], row["public_key"]) for row in state.rows("checkin", "signing_keys")),
    )


def _mails(findings: Findings, ledger: Ledger, state: State) -> None:
    by_message: dict[str, list[Mail]] = defaultdict(list)
    for mail in state.mails:
        by_message[mail.message_id].append(mail)
    findings.mails_repeated = sum(len(copies) - 1 for copies in by_message.values())
    findings.wrong += [
        f"one Message-ID, different mails: {copies}"
        for copies in by_message.values()
        if len(set(copies)) > 1
    ]
    messages = state.rows("notifications", "messages")
    findings.lost += [
        f"mail of message {row['id']} ({row['kind']}), said to be sent"
        for row in messages
        if row["status"] == "sent" and str(row["id"]) not in by_message
    ]
    findings.wrong += [f"{row['kind']} failed" for row in messages if row["status"] == "failed"]
    known = {str(row["id"]) for row in messages}
    findings.wrong += [f"mail of no message: {each}" for each in by_message if each not in known]
    _badge_mails(findings, ledger, state, by_message)
    _other_mails(findings, ledger, messages)


def _badge_mails(
    findings: Findings, ledger: Ledger, state: State, by_message: Mapping[str, list[Mail]]
) -> None:
    """Each living badge was mailed to its holder, as one message."""
    sent: dict[tuple[str, str], set[str]] = defaultdict(set)
    for message_id, copies in by_message.items():
        for mail in copies:
            if mail.badge_number is not None:
                sent[mail.recipient, mail.badge_number].add(message_id)
    for badge in _valid(state):
        person = ledger.people.get(badge["registration_id"])
        if person is None or person.email.startswith(NO_SUCH_MAILBOX):
            continue
        if not sent[person.email, badge["number"]]:
            findings.lost.append(f"mail of badge {badge['id']}")
    findings.doubled += [
        f"messages that bring badge {number}: {messages}"
        for (_, number), messages in sent.items()
        if len(messages) > 1
    ]


def _other_mails(findings: Findings, ledger: Ledger, messages: Rows) -> None:
    """Whoever never confirmed was asked to, and whoever cancelled was told, once."""
    for status, kind in (("submitted", "confirm_address"), ("cancelled", "cancelled")):
        findings.compare(
            f"{kind} mail to",
            (p.registration_id for p in _with_status(ledger, status)),
            (
                row["registration_id"]
                for row in messages
                if row["kind"] == kind
                and row["status"] in ("sent", "bounced")
                and _status_of(ledger, row["registration_id"]) == status
            ),
        )
    made = Counter((row["event_id"], row["kind"]) for row in messages)
    findings.doubled += [f"message {each}" for each, count in made.items() if count > 1]


def _bounces(findings: Findings, ledger: Ledger, state: State) -> None:
    findings.compare(
        "bounce noted of",
        (p.registration_id for p in ledger.people.values() if p.email.startswith(NO_SUCH_MAILBOX)),
        (
            row["id"]
            for row in state.rows("registration", "registrations")
            if row["mail_bounced_at"] is not None
        ),
    )


def _scans(findings: Findings, ledger: Ledger, state: State) -> None:
    log = state.rows("checkin", "scans")
    findings.compare(
        "scan",
        (
            (s.scan_id, s.gate, s.decision, s.reason, datetime.fromisoformat(s.decided_at))
            for s in ledger.scans.values()
        ),
        (
            (row["scan_id"], row["gate"], row["decision"], row["reason"], row["decided_at"])
            for row in log
            if row["undoes"] is None
        ),
    )
    findings.compare("undo of", ledger.undone, (r["undoes"] for r in log if r["undoes"]))
    passages = [
        row for row in log if row["decision"] == "admitted" and row["scan_id"] not in ledger.undone
    ]
    entries = [row for row in passages if row["direction"] == "in"]
    findings.compare(
        "attendance at registration",
        ((row["scan_id"], row["registration_id"]) for row in entries),
        (
            (row["scan_id"], row["registration_id"])
            for row in state.rows("registration", "attendances")
            if not row["undone"]
        ),
    )
    by_person: dict[UUID, Rows] = defaultdict(list)
    for row in sorted(passages, key=lambda row: int(row["seq"])):
        by_person[row["registration_id"]].append(row)
    for person, theirs in by_person.items():
        findings.doubled += [
            f"entry of {person} without leaving: {then['scan_id']}"
            for before, then in pairwise(theirs)
            if before["direction"] == then["direction"] == "in"
        ]
        firsts = sum(row["reason"] == "first_entry" for row in theirs)
        if firsts > 1:
            findings.doubled.append(f"first entry of {person}: {firsts}")


def _figures(findings: Findings, ledger: Ledger, state: State) -> None:
    counted = recount(ledger, state.rows("checkin", "scans"), len(_valid(state)))
    findings.wrong += [
        f"{figure} is {state.figures.get(figure)}, and {value} when the log is counted again"
        for figure, value in counted.items()
        if state.figures.get(figure) != value
    ]
    arrived = {(row["registration_id"], row["day"]) for row in state.rows("checkin", "attendance")}
    if len(arrived) != counted["arrived_today"]:
        findings.wrong.append(f"{len(arrived)} arrivals are kept, {counted['arrived_today']} were")


def _events(findings: Findings, state: State) -> None:
    """Each fact was said once: no two events say the same of the same version or scan."""
    for service in SERVICES:
        said: Counter[tuple[str, ...]] = Counter()
        for row in state.rows(service, "outbox"):
            event = orjson.loads(row["event"])
            if event["type"] == COUNTED:
                continue
            data = event["data"]
            version = str(data.get("version", ""))
            said[event["type"], event["subject"], version, str(data.get("kind", ""))] += 1
        findings.doubled += [f"event {each}" for each, count in said.items() if count > 1]


def _poison(findings: Findings, poison: Poison, state: State) -> None:
    """What rests as a dead letter is the poison, all of it and nothing else.

    A dead letter may be there twice: set aside, and then the broker gone before the original was
    acknowledged. It is the same letter, by its id.
    """
    for queue, letters in state.dead_letters.items():
        findings.dead_letters += len(letters)
        rest = set(letters)
        findings.lost += [f"poison {each} of {queue}" for each in poison.confirmed[queue] - rest]
        findings.wrong += [
            f"dead letter {each} of {queue}, no poison" for each in rest - poison.sent[queue]
        ]


async def _dead_letters(plant: Plant) -> dict[str, list[str]]:
    found: dict[str, list[str]] = {}
    async with await plant.look_into_broker() as connection:
        # Never acknowledged: with the channel they go back to where they rest.
        channel = await connection.channel()
        for queue in QUEUES:
            resting = await channel.get_queue(f"{queue}.dead", ensure=True)
            found[queue] = []
            while (letter := await resting.get(fail=False)) is not None:
                found[queue].append(str(letter.message_id))
    return found


def _valid(state: State) -> Rows:
    return [row for row in state.rows("badging", "badges") if row["status"] == "valid"]


def _with_status(ledger: Ledger, status: str) -> list[Person]:
    return [person for person in ledger.people.values() if person.status == status]


def _status_of(ledger: Ledger, registration_id: UUID) -> str | None:
    person = ledger.people.get(registration_id)
    return None if person is None else person.status
