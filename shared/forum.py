"""The forum as data: what `deploy/forum.toml` says, read once and checked as a whole.

Next year's forum is a new file and no new code, so everything that depends on the forum (names,
days, categories, zones, gates) is asked for here. A file that contradicts itself never becomes a
`Forum`.
"""

from __future__ import annotations

import json
import tomllib
from collections.abc import Iterable, Iterator, Sequence
from datetime import date, datetime, time, timedelta
from pathlib import Path
from typing import Annotated, Final, Literal, TypeVar, get_args
from zoneinfo import ZoneInfo

from pydantic import (
    AwareDatetime,
    BaseModel,
    ConfigDict,
    EmailStr,
    Field,
    ValidationError,
    model_validator,
)
from pydantic_core import ErrorDetails

Language = Literal["ar", "zh", "en", "fr", "ru", "es"]
LANGUAGES: Final[tuple[Language, ...]] = get_args(Language)

Line = Annotated[str, Field(pattern=r"\S")]
Identifier = Annotated[str, Field(pattern=r"^[a-z][a-z0-9_-]*$")]
Color = Annotated[str, Field(pattern=r"^#[0-9a-f]{6}$")]


class ForumFileError(Exception):
    """One sentence that names the file, the field and what is wrong with it."""


class _Part(BaseModel):
    """A part of the file: nothing unknown in it, nothing changed after reading."""

    model_config = ConfigDict(frozen=True, extra="forbid")


class Text(_Part):
    """A name or a sentence in the six official languages of the United Nations."""

    ar: Line
    zh: Line
    en: Line
    fr: Line
    ru: Line
    es: Line

    def in_language(self, language: Language) -> str:
        text: str = getattr(self, language)
        return text


Lines = Annotated[tuple[Line, ...], Field(min_length=1)]


class Lists(_Part):
    """A list in each of the six languages; one list alone is that of all of them."""

    ar: Lines
    zh: Lines
    en: Lines
    fr: Lines
    ru: Lines
    es: Lines

    @model_validator(mode="before")
    @classmethod
    def _same_in_all(cls, given: object) -> object:
        return dict.fromkeys(LANGUAGES, given) if isinstance(given, list) else given

    def in_language(self, language: Language) -> tuple[str, ...]:
        lines: tuple[str, ...] = getattr(self, language)
        return lines


class Venue(_Part):
    name: Text
    address: Text
    city: Text
    latitude: float = Field(ge=-90, le=90)
    longitude: float = Field(ge=-180, le=180)
    opens: time
    closes: time
    limit: int = Field(gt=0)
    """How many people may be inside at once."""


class DeskHours(_Part):
    """One opening of the desk; a day with a midday break has two."""

    day: date
    opens: time
    closes: time


class BadgeDesk(_Part):
    place: Text
    hours: tuple[DeskHours, ...] = Field(min_length=1)


class Contact(_Part):
    email: EmailStr
    phone: Line
    website: Annotated[str, Field(pattern=r"^https?://\S+$")]


class RegistrationWindow(_Part):
    opens: AwareDatetime
    closes: AwareDatetime
    capacity: int = Field(gt=0)


Days = Annotated[int, Field(ge=1, le=36500)]


class Retention(_Part):
    """How long personal data are kept, in days after the forum's last one; then they go by
    themselves, and statistics stay."""

    unconfirmed_days: Days
    """Registrations whose address was never confirmed: after they came in."""
    photos_days: Days
    scans_days: Days
    """Until nobody can tell whose scans they were."""
    messages_days: Days
    registrations_days: Days
    audit_days: Days
    """Each entry of the audit log: after it was made."""


class Consent(_Part):
    """What registrants agree to."""

    version: Annotated[str, Field(pattern=r"^[A-Za-z0-9._-]{1,40}$")]
    """Another text is another version: it stands in each registration."""
    text: Text


class _Named(_Part):
    id: Identifier
    name: Text


class Category(_Named):
    """A stakeholder group or a role on site."""

    code: int = Field(ge=1, le=255)
    """The category's byte in a credential: a code once used is never given to another category."""
    color: Color
    review: bool
    public: bool = True
    """Whether the public form offers it; whoever works on site is brought by staff."""
    capacity: int | None = Field(default=None, gt=0)
    days: tuple[int, ...] = Field(min_length=1)
    """Indices into the forum's days."""
    zones: tuple[Identifier, ...] = Field(min_length=1)

    @property
    def text_color(self) -> str:
        """Black or white, whichever reads better on the category's color.

        The two contrasts multiply to 21, so the better one is at least 4.58: above the 4.5 that
        WCAG 2 AA asks for.
        """
        against_white = 1.05 / (_luminance(self.color) + 0.05)
        return "#ffffff" if against_white >= 4.5 else "#000000"


class Zone(_Named):
    """A part of the venue that is entered through gates."""

    bit: int = Field(ge=0, le=15)
    """The zone's place in a credential's zones bitmap."""
    scan_out: bool
    """Whether people are scanned when they leave."""
    anti_passback: bool
    """Whether a badge that is inside is refused a second entry."""
    capacity: int | None = Field(default=None, gt=0)


class Entrance(_Named):
    """A door or a group of doors."""


class Gate(_Named):
    """An entrance and a direction, where a device stands."""

    entrance: Identifier
    zone: Identifier
    direction: Literal["in", "out"]


class Track(_Named):
    """A part of the programme."""


class ActionLine(_Part):
    """A line of the Geneva Plan of Action, C1 to C11."""

    id: Annotated[str, Field(pattern=r"^C([1-9]|1[01])$")]
    name: Text


class Sdg(_Part):
    """A Sustainable Development Goal, by its number."""

    id: int = Field(ge=1, le=17)
    name: Text
    color: Color


class DeclineReason(_Part):
    """A reason to say no, prepared so that registrants read it in their own language."""

    id: Identifier
    text: Text


class Forum(_Part):
    """One forum, as its file describes it. What it refers to within itself is known to be there."""

    id: Identifier
    reference_prefix: Annotated[str, Field(pattern=r"^[A-Z0-9]{2,8}$")]
    name: Text
    short_name: Text
    theme: Text
    organizers: Lists
    timezone: ZoneInfo
    days: tuple[date, ...] = Field(min_length=1, max_length=8)
    """At most eight: the credential's bitmap of valid days is one byte."""
    rehearsal_start: AwareDatetime
    """Where the forum's clock starts in a rehearsal."""
    venue: Venue
    badge_desk: BadgeDesk
    contact: Contact
    registration: RegistrationWindow
    consent: Consent
    retention: Retention
    zones: tuple[Zone, ...] = Field(min_length=1)
    entrances: tuple[Entrance, ...] = Field(min_length=1)
    gates: tuple[Gate, ...] = Field(min_length=1)
    categories: tuple[Category, ...] = Field(min_length=1)
    tracks: tuple[Track, ...]
    action_lines: tuple[ActionLine, ...]
    sdgs: tuple[Sdg, ...]
    decline_reasons: tuple[DeclineReason, ...] = ()

    @model_validator(mode="after")
    def _does_not_contradict_itself(self) -> Forum:
        for contradiction in _contradictions(self):
            raise ValueError(contradiction)
        return self

    @property
    def main_zone(self) -> Zone:
        """The zone of the whole venue: the first of the file."""
        return self.zones[0]

    @property
    def ways_in(self) -> tuple[Entrance, ...]:
        """The entrances by which one comes into the venue, in the order of the file."""
        ids = {
            gate.entrance
            for gate in self.gates
            if gate.zone == self.main_zone.id and gate.direction == "in"
        }
        return tuple(entrance for entrance in self.entrances if entrance.id in ids)

    @property
    def certificates_begin(self) -> datetime:
        """When the first certificates are issued: nine o'clock on the morning after the last day.

        By then the gates have sent what they kept.
        """
        day = self.days[-1] + timedelta(days=1)
        return datetime.combine(day, time(9), tzinfo=self.timezone)

    def category(self, category_id: str) -> Category:
        """The category of that id; KeyError if there is none."""
        return _find(self.categories, category_id)

    def zone(self, zone_id: str) -> Zone:
        """The zone of that id; KeyError if there is none."""
        return _find(self.zones, zone_id)

    def entrance(self, entrance_id: str) -> Entrance:
        """The entrance of that id; KeyError if there is none."""
        return _find(self.entrances, entrance_id)

    def gate(self, gate_id: str) -> Gate:
        """The gate of that id; KeyError if there is none."""
        return _find(self.gates, gate_id)

    def day_of(self, moment: datetime) -> date:
        """The calendar day in the forum's time zone, whether or not the forum is held on it."""
        if moment.tzinfo is None:
            raise ValueError("a moment without an offset falls on no certain day")
        return moment.astimezone(self.timezone).date()

    def day_index(self, day: date) -> int | None:
        """Which of the forum's days it is, from 0; None if the forum is not held on it."""
        return self.days.index(day) if day in self.days else None

    def days_bitmap(self, indices: Iterable[int]) -> int:
        """The credential's byte of valid days: bit 0 is the first day."""
        bitmap = 0
        for index in indices:
            if not 0 <= index < len(self.days):
                raise ValueError(f"the forum has no day {index}")
            bitmap |= 1 << index
        return bitmap

    def zones_bitmap(self, zone_ids: Iterable[str]) -> int:
        """The credential's two bytes of zones; KeyError for a zone that there is not."""
        bitmap = 0
        for zone_id in zone_ids:
            bitmap |= 1 << self.zone(zone_id).bit
        return bitmap

    def closing_time(self, day: date) -> datetime:
        """When the venue closes that day, at the offset that holds in its time zone by then."""
        return datetime.combine(day, self.venue.closes, tzinfo=self.timezone)

    def is_open(self, moment: datetime) -> bool:
        """Whether registration is open."""
        return self.registration.opens <= moment < self.registration.closes


def load(path: Path) -> Forum:
    """Read a forum's file.

    Raises:
        ForumFileError: with one sentence that names the first thing wrong.
    """
    try:
        content = tomllib.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise ForumFileError(f"{path}: cannot be read: {error.strerror}") from None
    except UnicodeDecodeError:
        raise ForumFileError(f"{path}: is not UTF-8 text") from None
    except tomllib.TOMLDecodeError as error:
        raise ForumFileError(f"{path}: is not TOML: {error}") from None
    try:
        return Forum.model_validate(content)
    except ValidationError as error:
        raise ForumFileError(f"{path}: {_sentence(error.errors()[0])}") from None


def _contradictions(forum: Forum) -> Iterator[str]:
    """Each a sentence that names a field and what it clashes with."""
    yield from _repetitions(forum)
    yield from _references(forum)
    yield from _times(forum)
    yield from _ways_out(forum)
    yield from _periods(forum)
    capacity = forum.main_zone.capacity
    if capacity is not None and capacity > forum.venue.limit:
        yield f"zones[0].capacity {capacity} is more than venue.limit {forum.venue.limit}"


def _periods(forum: Forum) -> Iterator[str]:
    """Figures by gender need the people: scans lose theirs before those are gone."""
    kept = forum.retention
    if kept.scans_days > kept.registrations_days:
        scans, people = kept.scans_days, kept.registrations_days
        yield f"retention.scans_days {scans} is more than retention.registrations_days {people}"


def _repetitions(forum: Forum) -> Iterator[str]:
    unique: tuple[tuple[str, str, Sequence[_Part]], ...] = (
        ("categories", "id", forum.categories),
        ("categories", "code", forum.categories),
        ("categories", "color", forum.categories),
        ("zones", "id", forum.zones),
        ("zones", "bit", forum.zones),
        ("entrances", "id", forum.entrances),
        ("gates", "id", forum.gates),
        ("tracks", "id", forum.tracks),
        ("action_lines", "id", forum.action_lines),
        ("sdgs", "id", forum.sdgs),
        ("decline_reasons", "id", forum.decline_reasons),
    )
    for table, field, rows in unique:
        first_use: dict[object, int] = {}
        for index, row in enumerate(rows):
            value = getattr(row, field)
            if value in first_use:
                where = f"{table}[{first_use[value]}]"
                yield f"{table}[{index}].{field} {_shown(value)} is {where}'s already"
            first_use.setdefault(value, index)


def _references(forum: Forum) -> Iterator[str]:
    zones = {zone.id for zone in forum.zones}
    entrances = {entrance.id for entrance in forum.entrances}
    for index, gate in enumerate(forum.gates):
        if gate.entrance not in entrances:
            yield f"gates[{index}].entrance {_shown(gate.entrance)} is no entrance of this file"
        if gate.zone not in zones:
            yield f"gates[{index}].zone {_shown(gate.zone)} is no zone of this file"
    last = len(forum.days) - 1
    for index, category in enumerate(forum.categories):
        for place, zone in enumerate(category.zones):
            if zone not in zones:
                yield f"categories[{index}].zones[{place}] {_shown(zone)} is no zone of this file"
        for place, day in enumerate(category.days):
            if not 0 <= day <= last:
                where = f"categories[{index}].days[{place}]"
                yield f"{where} {day} is no day of the forum (0 to {last})"


def _times(forum: Forum) -> Iterator[str]:
    for index, (before, day) in enumerate(zip(forum.days, forum.days[1:], strict=False), start=1):
        if day <= before:
            yield f"days[{index}] {_shown(day)} is not after days[{index - 1}] {_shown(before)}"
    # Presence ends at closing time of the same day, so a venue that closes after midnight
    # would need another rule.
    if forum.venue.closes <= forum.venue.opens:
        yield f"venue.closes {_shown(forum.venue.closes)} is not after venue.opens"
    for index, hours in enumerate(forum.badge_desk.hours):
        if hours.closes <= hours.opens:
            yield f"badge_desk.hours[{index}].closes {_shown(hours.closes)} is not after its opens"
    if forum.registration.closes <= forum.registration.opens:
        closes = _shown(forum.registration.closes)
        yield f"registration.closes {closes} is not after registration.opens"


def _ways_out(forum: Forum) -> Iterator[str]:
    with_exit = {gate.zone for gate in forum.gates if gate.direction == "out"}
    for index, zone in enumerate(forum.zones):
        if zone.anti_passback and not zone.scan_out:
            yield f"zones[{index}].anti_passback is true, but its scan_out is false"
        if zone.scan_out and zone.id not in with_exit:
            yield f"zones[{index}].scan_out is true, but no gate leads out of {_shown(zone.id)}"
        if zone.id in with_exit and not zone.scan_out:
            yield f"zones[{index}].scan_out is false, but a gate leads out of {_shown(zone.id)}"


def _sentence(error: ErrorDetails) -> str:
    where = _field(error["loc"])
    match error["type"]:
        case "missing":
            return f"{where} is missing"
        case "extra_forbidden":
            return f"{where} is not a field of a forum's file"
        case "value_error" if not where:
            return error["msg"].removeprefix("Value error, ")
    value = error["input"]
    shown = "" if isinstance(value, dict | list) else f" {_shown(value)}"
    message = error["msg"]
    return f"{where}{shown} is wrong: {message[0].lower()}{message[1:]}"


def _field(location: tuple[int | str, ...]) -> str:
    """The way to a field as it's written: `categories[3].name.ru`."""
    text = ""
    for step in location:
        text += f"[{step}]" if isinstance(step, int) else f".{step}"
    return text.removeprefix(".")


def _shown(value: object) -> str:
    return json.dumps(value, ensure_ascii=False) if isinstance(value, str | int) else str(value)


def _luminance(color: str) -> float:
    """Relative luminance as WCAG 2 defines it."""
    channels = (int(color[at : at + 2], 16) / 255 for at in (1, 3, 5))
    red, green, blue = (
        c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in channels
    )
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


P = TypeVar("P", Category, Zone, Entrance, Gate)


def _find(parts: Sequence[P], wanted: str) -> P:
    for part in parts:
        if part.id == wanted:
            return part
    raise KeyError(wanted)
