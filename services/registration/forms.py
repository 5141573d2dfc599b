"""What a registrant may send, checked field by field: the same rules for the API and the form."""

from __future__ import annotations

import re
import unicodedata
from datetime import date
from typing import Annotated, Any, Literal, TypeVar

from email_validator import EmailNotValidError
from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    TypeAdapter,
    ValidationError,
    ValidationInfo,
    field_validator,
)
from pydantic_core import PydanticCustomError

from services.registration.photos import Photo
from shared import addresses, countries
from shared.forum import LANGUAGES, Forum, Language
from shared.printable import can_be_printed
from shared.problems import field_errors, invalid_input

Gender = Literal["female", "male", "other"]

_SPACES = re.compile(r"\s+")
_INVISIBLE = dict.fromkeys(
    map(
        ord,
        "\u00ad\u034f\u115f\u1160\u17b4\u17b5\u200b"
        "\u2060\u2061\u2062\u2063\u2064\u3164\ufeff\uffa0",
    )
)
"""Characters that are nothing on paper, some of them letters by their category: the fillers of
Hangul. Persian names need ZWJ and ZWNJ, Mongolian ones U+180E."""
_TURNING = frozenset("\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069")
_UNPRINTABLE = frozenset({"Cc", "Cs", "Co", "Cn"})
_LONGEST = 2000
"""Longer than any field: such text is refused unread, because normalising it takes its time."""


def wrong(kind: str, message: str) -> PydanticCustomError:
    # The literal types of PydanticCustomError are for checkers of templates; ours have no holes.
    return PydanticCustomError(kind, message)


def clean_line(value: Any) -> Any:
    """One line of text as it is to be printed: NFC, single spaces, nothing invisible.

    Raises:
        PydanticCustomError: control characters, or marks that turn the direction of what follows.
    """
    if not isinstance(value, str) or len(value) > _LONGEST:
        return value
    text = _SPACES.sub(" ", unicodedata.normalize("NFC", value).translate(_INVISIBLE)).strip()
    for character in text:
        if character in _TURNING or unicodedata.category(character) in _UNPRINTABLE:
            raise wrong("characters", "contains characters that cannot be printed")
    return text


def _has_a_letter(value: str) -> str:
    if not any(unicodedata.category(character)[0] == "L" for character in value):
        raise wrong("letter", "must contain a letter")
    if any(_is_emoji(character) for character in value):
        raise wrong("characters", "contains characters that cannot be printed")
    return value


def _is_emoji(character: str) -> bool:
    """A sign that no font of a badge has: a symbol, a keycap, a skin tone."""
    return (
        unicodedata.category(character) in ("So", "Me") or "\U0001f000" <= character <= "\U0001faff"
    )


def _printable(value: str) -> str:
    if not can_be_printed(value):
        raise wrong("characters", "contains characters that cannot be printed")
    return value


def empty_is_none(value: Any) -> Any:
    return None if value == "" else value


def _none_is_no(value: Any) -> Any:
    return False if value is None else value


def _none_is_empty(value: Any) -> Any:
    return [] if value is None else value


def _deliverable(value: str) -> str:
    """The address, normalised. Whether it exists is for the confirmation mail to find out."""
    try:
        address = addresses.checked(value, strict=True)
    except EmailNotValidError:
        raise wrong("email", "is not an e-mail address such as name@example.org") from None
    # A domain without a dot is surely wrong.
    if "." not in address.ascii_domain or address.ascii_email is None:
        raise wrong("email", "is not an e-mail address such as name@example.org")
    return f"{address.local_part}@{address.ascii_domain}"


# Field before BeforeValidator: the other way round, pydantic speaks of "items after validation".
Line = Annotated[str, Field(min_length=1, max_length=200), BeforeValidator(clean_line)]
PrintedLine = Annotated[Line, AfterValidator(_printable)]
Name = Annotated[
    str,
    Field(min_length=1, max_length=100),
    BeforeValidator(clean_line),
    AfterValidator(_has_a_letter),
    AfterValidator(_printable),
]
Email = Annotated[
    str, Field(max_length=254), BeforeValidator(clean_line), AfterValidator(_deliverable)
]
OptionalPrintedLine = Annotated[
    Annotated[str, Field(max_length=200), AfterValidator(_printable)] | None,
    BeforeValidator(empty_is_none),
    BeforeValidator(clean_line),
]
OptionalText = Annotated[
    Annotated[str, Field(max_length=1000)] | None,
    BeforeValidator(empty_is_none),
    BeforeValidator(clean_line),
]
OptionalGender = Annotated[Gender | None, BeforeValidator(empty_is_none)]
Wish = Annotated[bool, BeforeValidator(_none_is_no)]
Days = Annotated[list[date], Field(max_length=8)]
Topics = Annotated[list[str], Field(max_length=20), BeforeValidator(_none_is_empty)]
Goals = Annotated[list[int], Field(max_length=20), BeforeValidator(_none_is_empty)]


class Checked(BaseModel):
    """Checks against the forum's own lists; the forum is the validation context."""

    model_config = ConfigDict(
        extra="forbid", str_max_length=_LONGEST, ser_json_bytes="base64", hide_input_in_errors=True
    )

    @field_validator("category", check_fields=False)
    @classmethod
    def _category_exists(cls, value: str | None, info: ValidationInfo) -> str | None:
        if value is not None and value not in {c.id for c in _forum(info).categories}:
            raise wrong("category", "is not a category of this forum")
        return value

    @field_validator("country", check_fields=False)
    @classmethod
    def _country_exists(cls, value: str | None) -> str | None:
        if value is None:
            return None
        code = value.strip().upper()
        if code not in countries.CODES:
            raise wrong("country", "is not a country (ISO 3166 alpha-2 code, such as CH)")
        return code

    @field_validator("language", check_fields=False, mode="before")
    @classmethod
    def _language_exists(cls, value: Any) -> Any:
        if value is not None and value not in LANGUAGES:
            raise wrong("language", f"is not one of {', '.join(LANGUAGES)}")
        return value

    @field_validator("days", check_fields=False)
    @classmethod
    def _days_are_the_forums(
        cls, value: list[date] | None, info: ValidationInfo
    ) -> list[date] | None:
        if value is not None and set(value) - set(_forum(info).days):
            raise wrong("days", "contains a day that is not one of the forum's")
        return value

    @field_validator("tracks", "action_lines", "sdgs", check_fields=False)
    @classmethod
    def _topics_exist(cls, value: list[Any] | None, info: ValidationInfo) -> list[Any] | None:
        known = {topic.id for topic in getattr(_forum(info), str(info.field_name))}
        if value is not None and set(value) - known:
            raise wrong("topics", f"contains one that is not among the forum's {info.field_name}")
        return value


class NewRegistration(Checked):
    """A request to come."""

    category: str = Field(description="A category of forum.toml, such as civil_society")
    given_name: Name
    family_name: Name
    email: Email
    organization: PrintedLine
    position: OptionalPrintedLine = Field(
        description="Function in the organization; empty for who has none"
    )
    country: str = Field(description="ISO 3166 alpha-2", examples=["CH"])
    language: Language = Field(description="Language of mails and badge")
    consent: bool = Field(description="Consent to the use of the data for the forum; must be true")
    consent_language: Annotated[Language | None, BeforeValidator(empty_is_none)] = Field(
        default=None, description="In which the consent was read; that of the mails when absent"
    )
    title: OptionalPrintedLine = None
    gender: OptionalGender = Field(default=None, description="For statistics only")
    days: Days | None = Field(
        default=None, description="Forum days; all of the category's when absent or empty"
    )
    tracks: Topics = Field(default_factory=list)
    action_lines: Topics = Field(default_factory=list)
    sdgs: Goals = Field(default_factory=list)
    accessibility_needs: OptionalText = None
    visa_letter: Wish = Field(
        default=False, description="Asks for a letter that supports the application for a visa"
    )
    photo: Photo = Field(
        default=None,
        description="JPEG, PNG or WebP of at most 5 MB: base64, alone or as a data URL",
    )

    @field_validator("consent")
    @classmethod
    def _consent_is_given(cls, value: bool) -> bool:
        if not value:
            raise wrong("consent", "must be given")
        return value


class Amendment(Checked):
    """Changes to a registration: the fields that are given, the others stay.

    Null removes what is optional.
    """

    category: str | None = Field(
        default=None, description="Who was accepted is reviewed again for the new category"
    )
    given_name: Name | None = None
    family_name: Name | None = None
    organization: PrintedLine | None = None
    position: OptionalPrintedLine = None
    country: str | None = None
    language: Language | None = None
    title: OptionalPrintedLine = None
    gender: OptionalGender = None
    days: Days | None = None
    tracks: Topics = Field(default_factory=list)
    action_lines: Topics = Field(default_factory=list)
    sdgs: Goals = Field(default_factory=list)
    accessibility_needs: OptionalText = None
    visa_letter: Wish = False
    photo: Photo = Field(default=None, description="As for a new registration; null removes it")

    @field_validator(
        "given_name",
        "family_name",
        "organization",
        "country",
        "language",
        "category",
        "email",
        mode="before",
        check_fields=False,
    )
    @classmethod
    def _stays(cls, value: Any) -> Any:
        if value is None:
            raise wrong("missing", "cannot be removed")
        return value


class StaffAmendment(Amendment):
    """What only staff change: where mails go."""

    email: Email | None = None


class AskForLink(BaseModel):
    """Somebody wants the link to the own page."""

    model_config = ConfigDict(hide_input_in_errors=True)

    email: Email


_REASON = TypeAdapter(Line)
_TEXT = TypeAdapter(OptionalText)


def clean_reason(text: str) -> str | None:
    """A reason as it is kept and mailed; None when there is none that can be printed."""
    try:
        return _REASON.validate_python(text)
    except ValidationError:
        return None


def clean_text(text: str) -> str | None:
    """A note as it is kept; None when there is none that can be printed."""
    try:
        return _TEXT.validate_python(text)
    except ValidationError:
        return None


F = TypeVar("F", bound=BaseModel)


def read_form(kind: type[F], given: Any, forum: Forum) -> F:
    """Check what was sent.

    Raises:
        Problem: 422, with what is wrong with each field.
    """
    try:
        return kind.model_validate(given, context=forum)
    except ValidationError as error:
        raise invalid_input(field_errors(error.errors())) from None


def _forum(info: ValidationInfo) -> Forum:
    forum = info.context
    assert isinstance(forum, Forum)
    return forum
