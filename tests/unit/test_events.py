"""The catalogue of events: what may be said, to whom, and how it travels."""

from __future__ import annotations

import re
from base64 import b64encode
from datetime import UTC, datetime
from typing import Any, Final
from uuid import UUID, uuid4

import orjson
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import BaseModel

from shared.events import (
    CATALOGUE,
    FACTS,
    MOST_PORTRAIT_BYTES,
    QUEUES,
    BadgeIssued,
    Event,
    Fact,
    MalformedEvent,
    Person,
    RegistrationConfirmed,
    RegistrationErased,
    StaffFact,
    read,
)
from tests.people import NOBODY

MOMENTS = st.datetimes(timezones=st.just(UTC))
NUMBERS = st.integers(0, 2**31)
PERSONS = st.builds(Person, days=st.lists(st.integers(0, 6)).map(tuple))
BADGE_IDS = st.binary(min_size=8, max_size=8).map(bytes.hex)
MADE_BY: dict[Any, st.SearchStrategy[Any]] = {
    datetime: MOMENTS,
    int: NUMBERS,
    Person: PERSONS,
    Person | None: st.none() | PERSONS,
    "badge_id": BADGE_IDS,
    "photo": st.none() | st.binary(max_size=MOST_PORTRAIT_BYTES),
}
A_FEW = settings(max_examples=20)  # of each kind

PERSONAL = {
    "email", "title", "given_name", "family_name", "organization", "position", "country", "gender",
    "language", "photo",
}  # fmt: skip
# Whoever has one of these can act or read as the registrant, or as staff.
SECRET = {"confirm_link", "me_link", "files_link", "link", "sign_in_link"}


def facts_of(kind: type[Fact]) -> st.SearchStrategy[Fact]:
    """Any fact of a kind."""
    particulars = {
        name: MADE_BY[key]
        for name, field in kind.model_fields.items()
        for key in (name, field.annotation)
        if key in MADE_BY
    }
    return st.builds(kind, **particulars)


def events_of(kind: type[Fact]) -> st.SearchStrategy[Event]:
    return st.builds(Event, source=st.just("/somebody"), time=MOMENTS, fact=facts_of(kind))


def document(**changes: Any) -> dict[str, Any]:
    """The document of an event, with attributes changed; `...` leaves one out."""
    event = Event(
        "/registration", datetime.now(UTC), RegistrationErased(registration_id=uuid4(), version=3)
    )
    changed = event.as_cloudevent() | changes
    return {name: value for name, value in changed.items() if value is not ...}


def fields_of(model: type[BaseModel]) -> set[str]:
    """All names of data in a model, those of its parts too."""
    names = set(model.model_fields)
    for field in model.model_fields.values():
        if isinstance(field.annotation, type) and issubclass(field.annotation, BaseModel):
            names |= fields_of(field.annotation)
    return names


# --- on the wire ---------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", FACTS, ids=lambda kind: kind.type)
def test_what_is_said_is_what_is_heard(kind: type[Fact]) -> None:
    @A_FEW
    @given(events_of(kind))
    def arrives(event: Event) -> None:
        assert read(orjson.loads(orjson.dumps(event.as_cloudevent()))) == event

    arrives()


@pytest.mark.parametrize("kind", FACTS, ids=lambda kind: kind.type)
def test_the_envelope_is_cloudevents_1_0(kind: type[Fact]) -> None:
    @A_FEW
    @given(events_of(kind))
    def conforms(event: Event) -> None:
        wire = event.as_cloudevent()
        assert wire["specversion"] == "1.0"
        assert UUID(wire["id"]) == event.id
        assert wire["source"] == "/somebody"
        assert wire["type"] == f"forum.{kind.type}"
        assert wire["subject"]
        assert datetime.fromisoformat(wire["time"]).tzinfo is not None
        assert wire["datacontenttype"] == "application/json"
        # Attribute names are lower-case letters and digits: CloudEvents 1.0, section 3.1.
        assert all(re.fullmatch("[a-z0-9]+", name) for name in wire)
        assert wire["data"].keys() == kind.model_fields.keys()

    conforms()


def test_each_event_has_an_id_of_its_own_and_later_ones_sort_behind() -> None:
    ids = [UUID(document()["id"]) for _ in range(100)]
    assert ids == sorted(set(ids))


def test_an_event_belongs_to_the_trace_in_which_it_was_said() -> None:
    assert document()["traceparent"] == document()["traceparent"] != ""


def test_what_a_newer_version_adds_is_passed_over() -> None:
    wire = document(sequence="7")
    wire["data"]["colour"] = "blue"
    assert isinstance(read(wire).fact, RegistrationErased)


@pytest.mark.parametrize(
    "photo",
    ["¡photo!", "abc", 7, ["abc"], b64encode(bytes(MOST_PORTRAIT_BYTES + 1)).decode()],
    ids=["no base64", "half of base64", "a number", "a list", "more than the limit"],
)
def test_a_photo_that_is_none_is_malformed(photo: object) -> None:
    wire = document(type="forum.registration.photo_changed.v1")
    wire["data"]["photo"] = photo
    with pytest.raises(MalformedEvent, match="photo"):
        read(wire)


def test_an_event_may_come_without_a_trace() -> None:
    assert read(document(traceparent=...)).traceparent == ""


@pytest.mark.parametrize(
    "attribute",
    ["specversion", "id", "source", "type", "subject", "time", "datacontenttype", "data"],
)
def test_an_event_without_a_required_attribute_is_malformed(attribute: str) -> None:
    with pytest.raises(MalformedEvent):
        read(document(**{attribute: ...}))


@pytest.mark.parametrize(
    "changes",
    [
        {"specversion": "0.3"},
        {"id": "7"},
        {"id": None},
        {"source": ""},
        {"source": 5},
        {"type": "registration.erased.v1"},  # not ours without the prefix
        {"type": "forum.registration.erased.v9"},
        {"type": "forum."},
        {"type": ["forum.registration.erased.v1"]},
        {"time": "yesterday"},
        {"time": "2017-06-12T08:00:00"},  # nobody knows when that was
        {"datacontenttype": "application/xml"},
        {"traceparent": 7},
        {"data": None},
        {"data": []},
        {"data": "{}"},
        {"data": {}},
        {"data": {"registration_id": "who", "version": 1}},
        {"data": {"registration_id": str(NOBODY), "version": "the second"}},
    ],
    ids=str,
)
def test_an_event_with_a_wrong_attribute_is_malformed(changes: dict[str, Any]) -> None:
    with pytest.raises(MalformedEvent):
        read(document(**changes))


@pytest.mark.parametrize("nonsense", [None, 7, "forum", [], {}, [{"type": "forum."}]], ids=str)
def test_what_is_no_document_is_malformed(nonsense: object) -> None:
    with pytest.raises(MalformedEvent):
        read(nonsense)


@given(st.recursive(st.none() | st.booleans() | st.text(), st.lists))
def test_whatever_comes_is_read_or_malformed(data: object) -> None:
    with pytest.raises(MalformedEvent):
        read(document(data=data))


def test_a_malformed_event_is_reported_without_what_it_carries() -> None:
    wire = document(type="forum.registration.confirmed.v1")
    wire["data"]["person"] = {"given_name": "Grace", "family_name": 1906}
    with pytest.raises(MalformedEvent) as error:
        read(wire)
    assert "family_name" in str(error.value)
    assert "Grace" not in str(error.value)
    assert "1906" not in str(error.value)


# --- the catalogue -------------------------------------------------------------------------------


STAFF: Final = {"staff.access_changed.v1", "staff.session_ended.v1"}


def test_the_catalogue_says_who_hears_what() -> None:
    assert {queue: {fact.type for fact in facts} for queue, facts in QUEUES.items()} == {
        "badging.attendance": {"attendance.admitted.v1", "attendance.undone.v1"},
        "badging.registrations": {
            "registration.links_revoked.v1",
            "registration.confirmed.v1",
            "registration.amended.v1",
            "registration.photo_changed.v1",
            "registration.reopened.v1",
            "registration.cancelled.v1",
            "registration.erased.v1",
        },
        "badging.staff": STAFF,
        "checkin.alerts": {"operations.trouble_counted.v1"},
        "checkin.participants": {
            "registration.confirmed.v1",
            "registration.amended.v1",
            "registration.photo_changed.v1",
            "registration.reopened.v1",
            "registration.cancelled.v1",
            "registration.erased.v1",
            "badge.issued.v1",
            "badge.revoked.v1",
            "registration.restated.v1",
            "badge.restated.v1",
            "badge.key_published.v1",
        },
        "checkin.staff": STAFF,
        "notifications.registrations": {
            "registration.submitted.v1",
            "registration.enrolled.v1",
            "registration.in_review.v1",
            "registration.waitlisted.v1",
            "registration.declined.v1",
            "registration.contact_changed.v1",
            "registration.link_requested.v1",
            "registration.reopened.v1",
            "registration.cancelled.v1",
            "registration.erased.v1",
            "badge.issued.v1",
            "badge.revoked.v1",
            "delegation.focal_point_invited.v1",
            "delegation.focal_point_removed.v1",
            "badge.certificate_issued.v1",
        },
        "notifications.sign_ins": {"staff.sign_in_offered.v1"},
        "notifications.staff": STAFF,
        "registration.outcomes": {
            "attendance.admitted.v1",
            "attendance.undone.v1",
            "notification.bounced.v1",
        },
    }


def test_every_event_has_one_name_with_its_version() -> None:
    assert len(CATALOGUE) == len(FACTS)
    for name in CATALOGUE:
        assert re.fullmatch(r"[a-z]+\.[a-z_]+\.v[1-9]\d*", name)


def test_every_event_of_the_module_is_in_the_catalogue() -> None:
    def kinds(of: type[Fact]) -> set[type[Fact]]:
        return {of}.union(*(kinds(kind) for kind in of.__subclasses__()))

    assert {kind for kind in kinds(Fact) if "type" in vars(kind)} == set(FACTS)


def test_who_is_erased_is_erased_wherever_registrations_are_heard() -> None:
    registrants = {kind for kind in FACTS if not issubclass(kind, StaffFact)}
    personal = {kind for kind in registrants if fields_of(kind) & PERSONAL}
    holders = {queue for kind in personal for queue in kind.heard_by}
    assert holders <= set(RegistrationErased.heard_by)


def test_the_address_goes_to_notifications_alone() -> None:
    with_address = {kind.type: kind.heard_by for kind in FACTS if "email" in fields_of(kind)}
    assert with_address == {
        "registration.submitted.v1": ("notifications.registrations",),
        "registration.enrolled.v1": ("notifications.registrations",),
        "delegation.focal_point_invited.v1": ("notifications.registrations",),
        "registration.contact_changed.v1": ("notifications.registrations",),
        "registration.link_requested.v1": ("notifications.registrations",),
        "staff.sign_in_offered.v1": ("notifications.sign_ins",),
    }


def test_names_go_to_those_who_print_show_or_write_them() -> None:
    with_names = {kind.type: set(kind.heard_by) for kind in FACTS if fields_of(kind) & PERSONAL}
    assert with_names == {
        "registration.submitted.v1": {"notifications.registrations"},
        "registration.enrolled.v1": {"notifications.registrations"},
        "delegation.focal_point_invited.v1": {"notifications.registrations"},
        "registration.contact_changed.v1": {"notifications.registrations"},
        "registration.link_requested.v1": {"notifications.registrations"},
        "registration.confirmed.v1": {"badging.registrations", "checkin.participants"},
        "registration.amended.v1": {"badging.registrations", "checkin.participants"},
        "registration.photo_changed.v1": {"badging.registrations", "checkin.participants"},
        "registration.restated.v1": {"checkin.participants"},
        "staff.sign_in_offered.v1": {"notifications.sign_ins"},
    }


def test_secret_links_travel_where_mails_are_written() -> None:
    with_links = {kind for kind in FACTS if fields_of(kind) & SECRET}
    assert {kind.type for kind in with_links} == {
        "registration.submitted.v1",
        "registration.enrolled.v1",
        "delegation.focal_point_invited.v1",
        "registration.contact_changed.v1",
        "registration.link_requested.v1",
        "badge.issued.v1",
        "staff.sign_in_offered.v1",
    }
    writers = {"notifications.registrations", "notifications.sign_ins"}
    assert all(writers.intersection(kind.heard_by) for kind in with_links)


def test_events_of_a_registration_can_be_put_in_order() -> None:
    assert all(
        "version" in kind.model_fields
        for kind in FACTS
        if kind.type.startswith("registration.") or issubclass(kind, BadgeIssued)
    )


def test_a_confirmation_says_all_that_a_badge_shows() -> None:
    shown = {"given_name", "family_name", "organization", "country", "category", "days"}
    assert shown <= fields_of(RegistrationConfirmed)
