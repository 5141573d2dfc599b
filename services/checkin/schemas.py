"""What travels over HTTP: the shapes of requests and answers."""

from __future__ import annotations

from datetime import UTC, date, datetime, time
from typing import Annotated, Any, Final
from uuid import UUID

from pydantic import (
    AwareDatetime,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    StringConstraints,
    ValidationError,
    ValidationInfo,
    field_validator,
)
from pydantic_core import PydanticCustomError

from services.checkin.admission import Decision, Direction, Reason
from services.checkin.alerts import AlertKind
from services.checkin.device_state import State
from services.checkin.devices import Device, last_contact
from services.checkin.scans import Answer, Scan
from shared.access import Role
from shared.clock import Clock
from shared.forum import Forum, Gate, Language, Text
from shared.problems import Problem, field_errors, invalid_input

MOST_SCANS: Final = 1000
"""Of a batch."""
LONGEST_QR: Final = 7089
"""Characters: the most that any QR holds, digits in version 40-L. People show all sorts of QRs."""
EARLIEST: Final = datetime(1970, 1, 1, tzinfo=UTC)
"""Where a device's clock begins anew when its battery was empty."""
LATEST: Final = datetime(9999, 1, 1, tzinfo=UTC)
"""What every time zone can still count to."""

# For the record: one line of what can be printed.
Line = Annotated[
    str, StringConstraints(strip_whitespace=True, min_length=1, pattern=r"^[^\p{Cc}]*$")
]
Label = Annotated[Line, Field(max_length=100)]
Said = Annotated[Line, Field(max_length=200)]


def _written_out(value: Any) -> Any:
    # Pydantic would take a number, of seconds or milliseconds, as its size suggests.
    if not isinstance(value, str) or value.strip().lstrip("+-").replace(".", "", 1).isdigit():
        raise PydanticCustomError("datetime_parsing", "must be a time such as 2017-06-12T08:30:00Z")
    return value


Moment = Annotated[AwareDatetime, Field(ge=EARLIEST, lt=LATEST), BeforeValidator(_written_out)]
"""As RFC 3339 writes it."""


class GateOut(BaseModel):
    id: str
    name: str = Field(description="In the language that the caller prefers")
    names: Text = Field(description="In every language of the forum's file")
    zone: str
    direction: Direction
    entrance: str

    @classmethod
    def of(cls, gate: Gate, language: Language) -> GateOut:
        return cls(
            id=gate.id,
            name=gate.name.in_language(language),
            names=gate.name,
            zone=gate.zone,
            direction=gate.direction,
            entrance=gate.entrance,
        )


class NewEnrolment(BaseModel):
    model_config = ConfigDict(extra="forbid")

    gate: str
    label: Label


class EnrolmentOut(BaseModel):
    model_config = ConfigDict(from_attributes=True)

    code: str
    url: str = Field(description="Opens the gate app with the code; to be shown as a QR")
    expires_at: datetime


class NewDevice(BaseModel):
    model_config = ConfigDict(extra="forbid")

    code: Annotated[str, Field(max_length=100)]


class PairingOut(BaseModel):
    model_config = ConfigDict(from_attributes=True)

    device_id: UUID
    token: str
    gate: str = Field(description="Id of the gate where the device stands")


class DeviceOut(BaseModel):
    device_id: UUID
    label: str
    gate: str
    enrolled_at: datetime
    revoked_at: datetime | None
    battery: float | None = Field(description="0 to 1")
    charging: bool | None
    app_version: str | None
    pending: int | None = Field(description="Scans that the device has still to send")
    replica_at: datetime | None = Field(description="When its copy was up to date")
    clock_off_seconds: float | None = Field(description="How far its clock is ahead")
    last_contact_at: datetime | None = Field(
        description="When it last told its state, or scanned; forum time, some seconds late"
    )

    @classmethod
    def of(cls, device: Device) -> DeviceOut:
        shown = {"device_id": device.id, "last_contact_at": last_contact(device)}
        return cls.model_validate({**device._mapping, **shown}, extra="ignore")


class DeviceChange(BaseModel):
    """What is left out or null stays as it is."""

    model_config = ConfigDict(extra="forbid")

    gate: str | None = None
    label: Label | None = None


class DeviceState(BaseModel):
    """What a device says of itself. What is left out or null is not known."""

    model_config = ConfigDict(extra="forbid")

    battery: Annotated[float, Field(ge=0, le=1, strict=True)] | None = None
    charging: Annotated[bool, Field(strict=True)] | None = None
    app_version: Label | None = None
    pending: Annotated[int, Field(ge=0, lt=1 << 31, strict=True)] | None = None
    replica_at: Moment | None = Field(
        default=None, description="When its copy was up to date; forum time"
    )
    device_now: Moment | None = Field(default=None, description="What its clock shows; wall time")

    def state(self) -> State:
        return State(**self.model_dump(exclude={"device_now"}))


class DeviceStateOut(BaseModel):
    device_id: UUID
    label: str
    gate: str
    now: datetime = Field(description="Forum time")
    clock_off_seconds: float | None


class AlertOut(BaseModel):
    model_config = ConfigDict(from_attributes=True)

    id: UUID
    kind: AlertKind
    at: datetime
    gate: str | None
    device_id: UUID | None
    scan_id: UUID | None
    registration_id: UUID | None
    detail: str | None
    acknowledged_at: datetime | None
    acknowledged_by: str | None = Field(description="null also if its reason is over by itself")


class AlertPage(BaseModel):
    items: list[AlertOut]
    next_cursor: str | None


class Shown(BaseModel):
    """What an officer was told."""

    model_config = ConfigDict(extra="forbid")

    decision: Decision
    reason: Reason


class NewScan(BaseModel):
    """A badge shown at a gate: its credential, or its number typed in."""

    model_config = ConfigDict(extra="forbid")

    scan_id: UUID = Field(description="UUIDv7 made on the device; sent again, nothing changes")
    credential: Annotated[str, Field(max_length=LONGEST_QR)] | None = None
    number: Annotated[str, Field(max_length=100)] | None = Field(
        default=None, validate_default=True, description="As printed on the badge, typed in any way"
    )
    direction: Direction | None = Field(default=None, description="The gate's own when absent")
    scanned_at: Moment | None = None
    override: Said | None = Field(
        default=None, description="The officer's reason to let the person in; also {reason: …}"
    )

    @field_validator("override", mode="before")
    @classmethod
    def _reason_alone(cls, value: Any) -> Any:
        if value is False:
            return None
        if value is True:
            raise PydanticCustomError("reason_missing", "is the reason, as text")
        # An override without a reason is none; it must not pass for a scan without an override.
        return (value.get("reason") or "") if isinstance(value, dict) else value

    @field_validator("number")
    @classmethod
    def _one_of_both(cls, number: str | None, others: ValidationInfo) -> str | None:
        credential = others.data.get("credential", "wrong, and told so")
        if (number is None) == (credential is None):
            raise PydanticCustomError("one_of_both", "give either credential or number")
        return number

    def scan(self) -> Scan:
        return Scan(**self.model_dump())


class LateScan(NewScan):
    """A scan that the device judged by itself."""

    gate: Annotated[str, Field(max_length=100)] | None = Field(
        default=None, description="Where the device stood then; where it stands now when absent"
    )
    admitted: Annotated[bool, Field(strict=True)] | None = Field(
        default=None, description="Whether the officer let the person pass"
    )
    reason: Reason | None = Field(default=None, description="What the officer was told")

    def scan(self) -> Scan:
        given = self.model_dump(exclude={"reason"})
        return Scan(**given, told=self.reason, is_late=True)


class NewBatch(BaseModel):
    model_config = ConfigDict(extra="forbid")

    scans: Annotated[list[Any], Field(max_length=MOST_SCANS)] = Field(
        description="As for `/scans`, each with `admitted` and `reason` if known; oldest first"
    )

    def read(self) -> list[Scan | Problem]:
        """Each scan, or what is wrong with it."""
        return [_late_scan(place, given) for place, given in enumerate(self.scans)]


class NotTaken(BaseModel):
    """A scan of a batch that can't be read: it changed nothing."""

    scan_id: Any
    problem: dict[str, Any] = Field(description="RFC 9457, as for a single scan")


class BatchAnswer(BaseModel):
    answers: list[Answer | NotTaken] = Field(description="In the order of the scans")


def _late_scan(place: int, given: Any) -> Scan | Problem:
    try:
        return LateScan.model_validate(given).scan()
    except ValidationError as error:
        return invalid_input(field_errors(error.errors(), within=("scans", place)))


class UndoBody(BaseModel):
    model_config = ConfigDict(extra="forbid")

    reason: Said
    undone_at: Moment | None = Field(
        default=None, description="When, by the device's clock; of devices only, as `scanned_at`"
    )


class HoldBody(BaseModel):
    """Why somebody is put on hold, or released."""

    model_config = ConfigDict(extra="forbid")

    reason: Said


class ScanOut(BaseModel):
    """An entry of the log."""

    model_config = ConfigDict(from_attributes=True)

    scan_id: UUID
    gate: str
    entrance: str
    zone: str
    direction: Direction
    decision: str
    reason: str
    overridden: str | None
    said: str | None = Field(description="An officer's reason; for organisers and security leads")
    badge_id: str | None
    registration_id: UUID | None
    device_id: UUID | None
    undoes: UUID | None
    at: datetime
    decided_at: datetime


class ScanPage(BaseModel):
    items: list[ScanOut]
    next_cursor: str | None


class StaffOut(BaseModel):
    name: str
    role: Role = Field(description="The first of the roles")
    roles: list[Role]


class NamedOut(BaseModel):
    model_config = ConfigDict(from_attributes=True)

    id: str
    name: Text


class CategoryOut(NamedOut):
    color: str


class ZoneOut(NamedOut):
    bit: int = Field(description="The zone's place in a badge's bitmap")
    capacity: int | None
    scan_out: bool
    anti_passback: bool


class VenueOut(BaseModel):
    model_config = ConfigDict(from_attributes=True)

    name: Text
    limit: int


class ForumOut(BaseModel):
    """What gate app and live page need to know of the forum."""

    name: Text
    timezone: str
    rehearsal: bool
    now: datetime = Field(description="Forum time")
    days: list[date]
    closes: time = Field(description="When presence ends each day, in the forum's time zone")
    categories: list[CategoryOut]
    zones: list[ZoneOut]
    entrances: list[NamedOut]
    gates: list[GateOut]
    venue: VenueOut

    @classmethod
    def of(cls, forum: Forum, clock: Clock, language: Language) -> ForumOut:
        return cls(
            name=forum.short_name,
            timezone=str(forum.timezone),
            rehearsal=clock.rehearsal,
            now=clock.now().astimezone(forum.timezone),
            days=list(forum.days),
            closes=forum.venue.closes,
            categories=[CategoryOut.model_validate(one) for one in forum.categories],
            zones=[ZoneOut.model_validate(one) for one in forum.zones],
            entrances=[NamedOut.model_validate(one) for one in forum.entrances],
            gates=[GateOut.of(one, language) for one in forum.gates],
            venue=VenueOut.model_validate(forum.venue),
        )
