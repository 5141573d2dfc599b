"""Everything that can happen, in one place: the catalogue of events.

An event is a fact in the past tense, `subject.verb.vN`. Its class says what it carries and which
queues hear it; every process declares those queues, so that no fact is lost because a listener has
not been started yet. A change that breaks a reader is a new class with a new version.

Personal data travels only where it is used: e-mail addresses go to notifications alone, with
`registration.submitted`, `.enrolled`, `.contact_changed` and `.link_requested`,
`delegation.focal_point_invited` and `staff.sign_in_offered`; names, category and photo go to those
who print or show them, once the person may come; badges, scans and devices carry none."""

from __future__ import annotations

import base64
import binascii
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Annotated, Any, ClassVar, Final, Literal
from uuid import UUID

from pydantic import (
    AwareDatetime,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    PlainSerializer,
    ValidationError,
    WithJsonSchema,
)
from uuid_utils.compat import uuid7

from shared import trace

TYPE_PREFIX = "forum."

# Queues: the consuming service and what it hears.
BADGING_ATTENDANCE = "badging.attendance"
BADGING_REGISTRATIONS = "badging.registrations"
BADGING_STAFF = "badging.staff"
CHECKIN_ALERTS = "checkin.alerts"
CHECKIN_PARTICIPANTS = "checkin.participants"
CHECKIN_STAFF = "checkin.staff"
NOTIFICATIONS_REGISTRATIONS = "notifications.registrations"
NOTIFICATIONS_SIGN_INS = "notifications.sign_ins"
NOTIFICATIONS_STAFF = "notifications.staff"
REGISTRATION_OUTCOMES = "registration.outcomes"


class Wire(BaseModel):
    """What travels. Fields that a reader doesn't know are passed over; an error doesn't repeat what
    it read, because errors are logged."""

    model_config = ConfigDict(
        frozen=True, extra="ignore", hide_input_in_errors=True, use_attribute_docstrings=True
    )


class Fact(Wire):
    """What an event says happened."""

    type: ClassVar[str]
    heard_by: ClassVar[tuple[str, ...]] = ()

    @property
    def subject(self) -> str:
        """Id of the aggregate that the fact is about."""
        raise NotImplementedError


# --- registration ---------------------------------------------------------------------------------


class RegistrationFact(Fact):
    registration_id: UUID
    version: int
    """Counts the registration's changes: what is older than what a reader has is dropped."""

    @property
    def subject(self) -> str:
        return str(self.registration_id)


class Person(Wire):
    """What is printed on a badge and shown at a gate."""

    title: str | None = None
    given_name: str
    family_name: str
    organization: str
    position: str = ""
    country: str
    """ISO 3166 alpha-2."""
    category: str
    language: str
    days: tuple[int, ...]
    """Indices into the forum's days, 0 = first."""
    gender: str | None = None
    """For statistics only."""


MOST_PORTRAIT_BYTES: Final = 16 * 1024
"""So that a photo weighs no more than a few mails' text, on the bus and on a gate's device."""


def _portrait_bytes(value: Any) -> Any:
    if not isinstance(value, str):
        return value
    try:
        return base64.b64decode(value, validate=True)
    except binascii.Error:
        raise ValueError("is not base64") from None


Portrait = Annotated[
    bytes,
    Field(max_length=MOST_PORTRAIT_BYTES),
    BeforeValidator(_portrait_bytes),
    PlainSerializer(lambda jpeg: base64.b64encode(jpeg).decode(), when_used="json"),
    WithJsonSchema(
        {
            "type": "string",
            "contentEncoding": "base64",
            "contentMediaType": "image/jpeg",
            "maxLength": (MOST_PORTRAIT_BYTES + 2) // 3 * 4,
        }
    ),
]
"""A small JPEG of a person, upright, with nothing else in it; base64 on the wire."""


class RegistrationSubmitted(RegistrationFact):
    """Somebody filled the form; the e-mail address is not confirmed yet."""

    type: ClassVar[str] = "registration.submitted.v1"
    heard_by: ClassVar[tuple[str, ...]] = (NOTIFICATIONS_REGISTRATIONS,)

    reference: str
    email: str
    given_name: str
    family_name: str
    title: str | None = None
    language: str
    confirm_link: str
    me_link: str


class RegistrationEnrolled(RegistrationFact):
    """Somebody else registered the person and vouches for the address: nobody need confirm it.

    What becomes of the registration is said beside it; the mail about that says who it was."""

    type: ClassVar[str] = "registration.enrolled.v1"
    heard_by: ClassVar[tuple[str, ...]] = (NOTIFICATIONS_REGISTRATIONS,)

    reference: str
    email: str
    given_name: str
    family_name: str
    title: str | None = None
    language: str
    delegation: str
    """Its name; empty: the organisers."""
    me_link: str


class RegistrationInReview(RegistrationFact):
    """The address is confirmed; a reviewer decides."""

    type: ClassVar[str] = "registration.in_review.v1"
    heard_by: ClassVar[tuple[str, ...]] = (NOTIFICATIONS_REGISTRATIONS,)


class RegistrationWaitlisted(RegistrationFact):
    """The category or the forum is full."""

    type: ClassVar[str] = "registration.waitlisted.v1"
    heard_by: ClassVar[tuple[str, ...]] = (NOTIFICATIONS_REGISTRATIONS,)


class RegistrationConfirmed(RegistrationFact):
    """The person may come: make a badge."""

    type: ClassVar[str] = "registration.confirmed.v1"
    heard_by: ClassVar[tuple[str, ...]] = (BADGING_REGISTRATIONS, CHECKIN_PARTICIPANTS)

    person: Person
    photo: Portrait | None = None
    """Here, and not in an event beside it, so that no badge is mailed before its photo has come."""


class RegistrationDeclined(RegistrationFact):
    """A reviewer said no."""

    type: ClassVar[str] = "registration.declined.v1"
    heard_by: ClassVar[tuple[str, ...]] = (NOTIFICATIONS_REGISTRATIONS,)

    reason: str


class RegistrationAmended(RegistrationFact):
    """A confirmed person's particulars changed."""

    type: ClassVar[str] = "registration.amended.v1"
    heard_by: ClassVar[tuple[str, ...]] = (BADGING_REGISTRATIONS, CHECKIN_PARTICIPANTS)

    person: Person


class RegistrationPhotoChanged(RegistrationFact):
    """A confirmed person's photo is another one, or none (null)."""

    type: ClassVar[str] = "registration.photo_changed.v1"
    heard_by: ClassVar[tuple[str, ...]] = (BADGING_REGISTRATIONS, CHECKIN_PARTICIPANTS)

    photo: Portrait | None


class RegistrationContactChanged(RegistrationFact):
    """Where and how to write to the registrant."""

    type: ClassVar[str] = "registration.contact_changed.v1"
    heard_by: ClassVar[tuple[str, ...]] = (NOTIFICATIONS_REGISTRATIONS,)

    email: str
    given_name: str
    family_name: str
    title: str | None = None
    language: str
    me_link: str | None = None
    """The newest link to the own page; None: as before."""


class RegistrationLinkRequested(RegistrationFact):
    """The registrant is to be sent the link to the own page (again)."""

    type: ClassVar[str] = "registration.link_requested.v1"
    heard_by: ClassVar[tuple[str, ...]] = (NOTIFICATIONS_REGISTRATIONS,)

    email: str
    given_name: str
    family_name: str
    title: str | None = None
    language: str
    me_link: str


class RegistrationLinksRevoked(RegistrationFact):
    """Older links to the own page open nothing any more."""

    type: ClassVar[str] = "registration.links_revoked.v1"
    heard_by: ClassVar[tuple[str, ...]] = (BADGING_REGISTRATIONS,)

    first_valid: int
    """The number of the oldest link that still opens something."""


class RegistrationReopened(RegistrationFact):
    """Who was confirmed or waited for a place is in review again: the badge, if any, stops."""

    type: ClassVar[str] = "registration.reopened.v1"
    heard_by: ClassVar[tuple[str, ...]] = (
        BADGING_REGISTRATIONS,
        CHECKIN_PARTICIPANTS,
        NOTIFICATIONS_REGISTRATIONS,
    )

    had_a_badge: bool
    """Whether the person was confirmed."""


class RegistrationCancelled(RegistrationFact):
    type: ClassVar[str] = "registration.cancelled.v1"
    heard_by: ClassVar[tuple[str, ...]] = (
        BADGING_REGISTRATIONS,
        CHECKIN_PARTICIPANTS,
        NOTIFICATIONS_REGISTRATIONS,
    )


class RegistrationErased(RegistrationFact):
    """Whoever holds personal data of this registration removes it."""

    type: ClassVar[str] = "registration.erased.v1"
    heard_by: ClassVar[tuple[str, ...]] = (
        BADGING_REGISTRATIONS,
        CHECKIN_PARTICIPANTS,
        NOTIFICATIONS_REGISTRATIONS,
    )


class RegistrationRestated(RegistrationFact):
    """What is true of a registration, said again for a copy that is made anew."""

    type: ClassVar[str] = "registration.restated.v1"
    heard_by: ClassVar[tuple[str, ...]] = (CHECKIN_PARTICIPANTS,)

    status: Literal["confirmed", "cancelled", "erased"]
    person: Person | None
    """None: erased."""
    photo: Portrait | None = None


class FocalPointFact(Fact):
    focal_point_id: UUID

    @property
    def subject(self) -> str:
        return str(self.focal_point_id)


class FocalPointInvited(FocalPointFact):
    """An organiser asks somebody to look after a delegation; said again for each new link."""

    type: ClassVar[str] = "delegation.focal_point_invited.v1"
    heard_by: ClassVar[tuple[str, ...]] = (NOTIFICATIONS_REGISTRATIONS,)

    name: str
    email: str
    language: str
    delegation: str
    """Its name."""
    quota: int
    """Members that it may have."""
    sign_in_link: str


class FocalPointRemoved(FocalPointFact):
    """Somebody looks after the delegation no longer: nothing of them is kept."""

    type: ClassVar[str] = "delegation.focal_point_removed.v1"
    heard_by: ClassVar[tuple[str, ...]] = (NOTIFICATIONS_REGISTRATIONS,)


# --- staff, of registration -----------------------------------------------------------------------


class StaffFact(Fact):
    account_id: UUID | None
    """None: of somebody with the deployment's secret, who needs no account."""

    @property
    def subject(self) -> str:
        return f"staff-{self.account_id}"


class StaffAccessChanged(StaffFact):
    """An account has these roles from now on; with none, it was ended."""

    type: ClassVar[str] = "staff.access_changed.v1"
    heard_by: ClassVar[tuple[str, ...]] = (BADGING_STAFF, CHECKIN_STAFF, NOTIFICATIONS_STAFF)

    version: int
    """Counts the account's changes: those of its name and language too, which are not said."""
    roles: tuple[str, ...]


class StaffSessionEnded(StaffFact):
    """Somebody has signed out, or was signed out: the session's cookie is worth nothing now. Or a
    token of staff programs was revoked, whose id stands for the session's."""

    type: ClassVar[str] = "staff.session_ended.v1"
    heard_by: ClassVar[tuple[str, ...]] = (BADGING_STAFF, CHECKIN_STAFF, NOTIFICATIONS_STAFF)

    session_id: UUID


class StaffSignInOffered(StaffFact):
    """A link that signs somebody in once is to be mailed."""

    type: ClassVar[str] = "staff.sign_in_offered.v1"
    heard_by: ClassVar[tuple[str, ...]] = (NOTIFICATIONS_SIGN_INS,)

    occasion: Literal["asked", "invited"]
    """Asked for on the sign-in page; or an organiser has made the account."""
    email: str
    name: str
    language: str
    link: str
    page: str
    """Where another link can be asked for."""
    valid_seconds: int
    """How long the link signs anybody in."""


# --- badging --------------------------------------------------------------------------------------


class BadgeFact(Fact):
    badge_id: str
    """Eight bytes, hexadecimal: the id inside the credential."""
    registration_id: UUID
    version: int
    """Counts the badges and their changes of one registration."""

    @property
    def subject(self) -> str:
        return self.badge_id


class BadgeIssued(BadgeFact):
    """A badge was made; it replaces the one named, if any."""

    type: ClassVar[str] = "badge.issued.v1"
    heard_by: ClassVar[tuple[str, ...]] = (CHECKIN_PARTICIPANTS, NOTIFICATIONS_REGISTRATIONS)

    number: str
    category: str
    days: int
    """Bitmap, bit 0 = first day."""
    zones: int
    """Bitmap of forum.toml's zone bits."""
    replaces: str | None = None
    files_link: str
    """Path and signed query under which the badge's files can be fetched: put .png (the badge),
    .qr.png (its QR alone), .pdf or .zip (all three) for `{suffix}`."""


class BadgeRevoked(BadgeFact):
    """This badge no longer opens a gate."""

    type: ClassVar[str] = "badge.revoked.v1"
    heard_by: ClassVar[tuple[str, ...]] = (CHECKIN_PARTICIPANTS, NOTIFICATIONS_REGISTRATIONS)

    status: Literal["revoked", "superseded", "cancelled"]


class CertificateIssued(Fact):
    """Whoever came to the forum has it in writing."""

    type: ClassVar[str] = "badge.certificate_issued.v1"
    heard_by: ClassVar[tuple[str, ...]] = (NOTIFICATIONS_REGISTRATIONS,)

    registration_id: UUID
    number: str
    days: int
    """Those that the person came on, as a bitmap: bit 0 = first day."""
    file_link: str
    """Path and signed query under which its PDF can be fetched."""
    page: str
    """Path of the page where anybody can check it."""

    @property
    def subject(self) -> str:
        return str(self.registration_id)


class BadgeRestated(BadgeFact):
    """What is true of a badge, said again for a copy that is made anew."""

    type: ClassVar[str] = "badge.restated.v1"
    heard_by: ClassVar[tuple[str, ...]] = (CHECKIN_PARTICIPANTS,)

    number: str
    days: int
    """Bitmap, bit 0 = first day."""
    zones: int
    """Bitmap of forum.toml's zone bits."""
    status: Literal["valid", "revoked", "superseded", "cancelled"]


class KeyPublished(Fact):
    """A signing key's public half: gates verify with it from now on, or no longer."""

    type: ClassVar[str] = "badge.key_published.v1"
    heard_by: ClassVar[tuple[str, ...]] = (CHECKIN_PARTICIPANTS,)

    key_id: int
    public_key: str
    """Raw 32 bytes, hexadecimal."""
    retired: bool = False

    @property
    def subject(self) -> str:
        return f"key-{self.key_id}"


# --- checkin --------------------------------------------------------------------------------------


class ScanFact(Fact):
    scan_id: UUID
    gate: str
    entrance: str
    zone: str
    at: datetime
    badge_id: str | None
    registration_id: UUID | None

    @property
    def subject(self) -> str:
        return str(self.scan_id)


class AttendanceAdmitted(ScanFact):
    """Somebody went in."""

    type: ClassVar[str] = "attendance.admitted.v1"
    heard_by: ClassVar[tuple[str, ...]] = (BADGING_ATTENDANCE, REGISTRATION_OUTCOMES)

    reason: Literal["first_entry", "reentry", "override"]


class AttendanceDeparted(ScanFact):
    """Somebody went out."""

    type: ClassVar[str] = "attendance.departed.v1"


class AttendanceUndone(ScanFact):
    """An officer took a scan back; the log keeps both."""

    type: ClassVar[str] = "attendance.undone.v1"
    heard_by: ClassVar[tuple[str, ...]] = (BADGING_ATTENDANCE, REGISTRATION_OUTCOMES)

    undoes: UUID


class ScanRefused(ScanFact):
    type: ClassVar[str] = "scan.refused.v1"

    reason: str


class DeviceFact(Fact):
    device_id: UUID
    gate: str

    @property
    def subject(self) -> str:
        return str(self.device_id)


class DeviceEnrolled(DeviceFact):
    type: ClassVar[str] = "device.enrolled.v1"


class DeviceRevoked(DeviceFact):
    type: ClassVar[str] = "device.revoked.v1"


# --- notifications --------------------------------------------------------------------------------


class NotificationFact(Fact):
    message_id: UUID
    registration_id: UUID
    kind: str

    @property
    def subject(self) -> str:
        return str(self.message_id)


class NotificationSent(NotificationFact):
    """The mail server took the mail."""

    type: ClassVar[str] = "notification.sent.v1"


class NotificationBounced(NotificationFact):
    """The mail server refused the mail for good."""

    type: ClassVar[str] = "notification.bounced.v1"
    heard_by: ClassVar[tuple[str, ...]] = (REGISTRATION_OUTCOMES,)

    smtp_code: int
    """Reply code, RFC 5321 section 4.2."""


# --- any service ----------------------------------------------------------------------------------


class TroubleCounted(Fact):
    """How much of something waits for an operator; said at each start, and when it changes.

    It has no version: of two the one with the later event id counts, ids being numbered by time.
    Only the service itself knows: nobody else reads its queues and tables."""

    type: ClassVar[str] = "operations.trouble_counted.v1"
    heard_by: ClassVar[tuple[str, ...]] = (CHECKIN_ALERTS,)

    kind: Literal["dead_letters", "mail_bouncing"]
    where: str
    """The queue; or the service whose mails come back."""
    count: int
    """Dead letters that rest there; mails that came back in the last hour."""

    @property
    def subject(self) -> str:
        return f"{self.kind}:{self.where}"


FACTS: tuple[type[Fact], ...] = (
    RegistrationSubmitted,
    RegistrationEnrolled,
    RegistrationInReview,
    RegistrationWaitlisted,
    RegistrationConfirmed,
    RegistrationDeclined,
    RegistrationAmended,
    RegistrationPhotoChanged,
    RegistrationContactChanged,
    RegistrationLinkRequested,
    RegistrationLinksRevoked,
    RegistrationReopened,
    RegistrationCancelled,
    RegistrationErased,
    RegistrationRestated,
    FocalPointInvited,
    FocalPointRemoved,
    StaffAccessChanged,
    StaffSessionEnded,
    StaffSignInOffered,
    BadgeIssued,
    BadgeRevoked,
    CertificateIssued,
    BadgeRestated,
    KeyPublished,
    AttendanceAdmitted,
    AttendanceDeparted,
    AttendanceUndone,
    ScanRefused,
    DeviceEnrolled,
    DeviceRevoked,
    NotificationSent,
    NotificationBounced,
    TroubleCounted,
)
CATALOGUE: Mapping[str, type[Fact]] = {fact.type: fact for fact in FACTS}
QUEUES: Mapping[str, tuple[type[Fact], ...]] = {
    queue: tuple(fact for fact in FACTS if queue in fact.heard_by)
    for queue in sorted({queue for fact in FACTS for queue in fact.heard_by})
}


class MalformedEvent(ValueError):
    """No event of the catalogue: it goes to the dead letters at once, never round in circles."""


class Envelope(Wire):
    """The attributes of CloudEvents 1.0 with which an event travels (https://cloudevents.io)."""

    specversion: Literal["1.0"]
    id: UUID
    source: str = Field(min_length=1)
    """The path of the service that says it."""
    type: str = Field(pattern=r"^forum\.")
    subject: str
    """Id of the aggregate that the fact is about."""
    time: AwareDatetime
    datacontenttype: Literal["application/json"]
    traceparent: str = ""
    """W3C Trace Context: the request that led to this."""
    data: dict[str, Any]


@dataclass(frozen=True)
class Event:
    """A fact in its envelope."""

    source: str
    time: datetime
    fact: Fact
    id: UUID = field(default_factory=uuid7)
    traceparent: str = field(default_factory=trace.traceparent)

    @property
    def type(self) -> str:
        return self.fact.type

    def as_cloudevent(self) -> dict[str, Any]:
        """The event in the JSON format of CloudEvents."""
        return {
            "specversion": "1.0",
            "id": str(self.id),
            "source": self.source,
            "type": TYPE_PREFIX + self.fact.type,
            "subject": self.fact.subject,
            "time": self.time.isoformat(),
            "datacontenttype": "application/json",
            "traceparent": self.traceparent,
            "data": self.fact.model_dump(mode="json"),
        }


def read(document: object) -> Event:
    """An event from its CloudEvents document.

    Raises:
        MalformedEvent: a field is missing or wrong, or the type is in no catalogue.
    """
    try:
        envelope = Envelope.model_validate(document)
        fact = CATALOGUE[envelope.type.removeprefix(TYPE_PREFIX)].model_validate(envelope.data)
    except KeyError as unknown:
        raise MalformedEvent(f"the catalogue has no {unknown}") from None
    except ValidationError as error:
        raise MalformedEvent(str(error)) from None
    return Event(
        id=envelope.id,
        source=envelope.source,
        time=envelope.time,
        traceparent=envelope.traceparent,
        fact=fact,
    )
