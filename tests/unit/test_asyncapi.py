"""The AsyncAPI document says what shared/events.py says."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any
from uuid import uuid4

import pytest
from jsonschema import Draft7Validator

from shared import asyncapi
from shared.events import CATALOGUE, FACTS, QUEUES, Event, Fact, RegistrationErased
from shared.settings import REPOSITORY

OFFICIAL = REPOSITORY / "node_modules" / "@asyncapi" / "specs" / "schemas" / "3.0.0.json"
DOCUMENT = asyncapi.document()


def references(part: Any) -> Iterator[str]:
    if isinstance(part, dict):
        yield from (part["$ref"],) if "$ref" in part else ()
        part = list(part.values())
    if isinstance(part, list):
        for item in part:
            yield from references(item)


def resolve(reference: str) -> Any:
    """What a reference leads to; KeyError if to nothing."""
    found: Any = DOCUMENT
    for step in reference.removeprefix("#/").split("/"):
        found = found[step]
    return found


def payload(kind: type[Fact]) -> Draft7Validator:
    """What a message of this kind must be, for a reader who has the document only."""
    schema = resolve(f"#/components/messages/{kind.__name__}")["payload"]
    Draft7Validator.check_schema(schema)
    return Draft7Validator(schema | {"components": DOCUMENT["components"]})


def test_the_document_in_the_repository_is_the_one_of_the_catalogue() -> None:
    written = asyncapi.PATH.read_text(encoding="utf-8")
    assert written == asyncapi.text(), "the catalogue changed: run python -m shared.asyncapi"


def test_the_document_is_asyncapi_3() -> None:
    if not OFFICIAL.exists():
        pytest.skip("npm has not installed @asyncapi/specs")
    official = Draft7Validator(json.loads(OFFICIAL.read_text()))
    assert [error.message for error in official.iter_errors(DOCUMENT)] == []


def test_every_reference_leads_somewhere() -> None:
    for reference in set(references(DOCUMENT)):
        assert resolve(reference)


def test_every_event_is_said_by_one_service_under_its_type() -> None:
    said = {
        resolve(operation["channel"]["$ref"])["address"]: operation["tags"][0]["name"]
        for operation in DOCUMENT["operations"].values()
        if operation["action"] == "send"
    }
    assert said.keys() == CATALOGUE.keys()
    services = {"registration", "badging", "checkin", "notifications"}
    assert set(said.values()) == services | {"every service"}


def test_every_queue_hears_what_the_catalogue_says() -> None:
    heard = {
        resolve(operation["channel"]["$ref"])["address"]: {
            resolve(resolve(message["$ref"])["$ref"])["name"] for message in operation["messages"]
        }
        for operation in DOCUMENT["operations"].values()
        if operation["action"] == "receive"
    }
    assert heard == {name: {fact.type for fact in facts} for name, facts in QUEUES.items()}


@pytest.mark.parametrize("kind", FACTS, ids=lambda kind: kind.type)
def test_every_message_has_a_payload_that_names_all_its_data(kind: type[Fact]) -> None:
    payload(kind)
    described = resolve(f"#/components/schemas/{kind.__name__}")["properties"]
    assert described.keys() == kind.model_fields.keys()


def test_an_event_fits_its_payload_and_no_other() -> None:
    fact = RegistrationErased(registration_id=uuid4(), version=3)
    wire = Event("/registration", datetime.now(UTC), fact).as_cloudevent()
    fitting = [kind for kind in FACTS if payload(kind).is_valid(wire)]
    assert fitting == [RegistrationErased]
    assert not payload(RegistrationErased).is_valid(wire | {"source": "/badging"})
    assert not payload(RegistrationErased).is_valid(wire | {"data": {}})
