"""The catalogue of events as an AsyncAPI 3.0 document, for whoever is not written in Python.

`python -m shared.asyncapi` writes docs/asyncapi.json; a test compares the two."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any, Final

from pydantic import BaseModel
from pydantic.json_schema import models_json_schema

from shared.bus.rabbitmq import EXCHANGE
from shared.events import FACTS, QUEUES, TYPE_PREFIX, Envelope, Fact
from shared.settings import REPOSITORY

PATH: Final = REPOSITORY / "docs" / "asyncapi.json"
CONTENT_TYPE: Final = "application/cloudevents+json"
SPEAKERS: Final[Mapping[str, str]] = {
    "registration": "registration",
    "delegation": "registration",
    "staff": "registration",
    "badge": "badging",
    "attendance": "checkin",
    "scan": "checkin",
    "device": "checkin",
    "notification": "notifications",
    "operations": "every service",
}
"""The service that says an event, by the first word of its type."""

Json = dict[str, Any]


def document() -> Json:
    """The whole document."""
    return {
        "asyncapi": "3.0.0",
        "info": {
            "title": "Forum Pass: events",
            "version": "1",
            "description": "Everything that can happen, who says it and who hears it. "
            "Made of shared/events.py by `python -m shared.asyncapi`.",
        },
        "defaultContentType": CONTENT_TYPE,
        "servers": {
            "rabbitmq": {
                "host": "{broker}",
                "protocol": "amqp",
                "protocolVersion": "0.9.1",
                "variables": {"broker": {"default": "rabbitmq:5672"}},
            }
        },
        "channels": {
            **{fact.type: _topic(fact) for fact in FACTS},
            **{name: _queue(name, facts) for name, facts in QUEUES.items()},
        },
        "operations": {
            **{f"say.{fact.type}": _saying(fact) for fact in FACTS},
            **{f"hear.{name}": _hearing(name, facts) for name, facts in QUEUES.items()},
        },
        "components": {
            "messages": {fact.__name__: _message(fact) for fact in FACTS},
            "schemas": _schemas(),
        },
    }


def text() -> str:
    return json.dumps(document(), indent=2, ensure_ascii=False) + "\n"


def speaker(fact: type[Fact]) -> str:
    """The service that says it."""
    return SPEAKERS[fact.type.partition(".")[0]]


def _topic(fact: type[Fact]) -> Json:
    """Where an event is said: the exchange, under its type as routing key."""
    return {
        "address": fact.type,
        "messages": {fact.__name__: _ref("components/messages", fact.__name__)},
        "bindings": {
            "amqp": {
                "is": "routingKey",
                "exchange": {"name": EXCHANGE, "type": "topic", "durable": True},
            }
        },
    }


def _queue(name: str, facts: tuple[type[Fact], ...]) -> Json:
    """Where a service hears: its queue, bound to the exchange by the types of these events."""
    return {
        "address": name,
        "messages": {fact.__name__: _ref("components/messages", fact.__name__) for fact in facts},
        "bindings": {"amqp": {"is": "queue", "queue": {"name": name, "durable": True}}},
    }


def _saying(fact: type[Fact]) -> Json:
    return {
        "action": "send",
        "channel": _ref("channels", fact.type),
        "tags": [{"name": speaker(fact)}],
    }


def _hearing(name: str, facts: tuple[type[Fact], ...]) -> Json:
    return {
        "action": "receive",
        "channel": _ref("channels", name),
        "messages": [_ref(f"channels/{name}/messages", fact.__name__) for fact in facts],
        "tags": [{"name": name.partition(".")[0]}],
    }


def _message(fact: type[Fact]) -> Json:
    about = {"summary": fact.__doc__} if fact.__doc__ else {}
    return {
        "name": fact.type,
        **about,
        "contentType": CONTENT_TYPE,
        "payload": {
            "allOf": [
                _ref("components/schemas", Envelope.__name__),
                {
                    "properties": {
                        "type": {"const": TYPE_PREFIX + fact.type},
                        "source": {"const": f"/{speaker(fact)}"},
                        "data": _ref("components/schemas", fact.__name__),
                    }
                },
            ]
        },
    }


def _schemas() -> Json:
    models: tuple[type[BaseModel], ...] = (Envelope, *FACTS)
    _, schemas = models_json_schema(
        [(model, "validation") for model in models],
        ref_template="#/components/schemas/{model}",
    )
    definitions: Json = schemas["$defs"]
    return definitions


def _ref(section: str, name: str) -> Json:
    return {"$ref": f"#/{section}/{name}"}


if __name__ == "__main__":
    PATH.write_text(text(), encoding="utf-8")
