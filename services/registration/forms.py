"""What a registrant may send, checked field by field: the same rules for the API and the form."""

from __future__ import annotations

import re
import unicodedata
from datetime import date
from typing import Annotated, Any, Literal, TypeVar

from email_validator import EmailNotValidError, validate_email
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

from shared import countries
from shared.forum import LANGUAGES, Forum, Language
from shared.problems import field_errors, invalid_input

Gender = Literal["female", "male", "other"]

_SPACES = re.compile(r"\s+")
_INVISIBLE = dict.fromkeys(map(ord, "\u200b\u2060\ufeff\u00ad"))
"""Zero-width characters that change nothing on paper. Persian names need ZWJ and ZWNJ."""


def wrong(kind: str, message: str) -> PydanticCustomError:
    # The literal types of PydanticCustomError are for checkers of templates; ours have no holes.
    return PydanticCustomError(kind, message)


def clean_line(value: Any) -> Any:
    """One line of text as it is to be printed: NFC, single spaces, nothing invisible.

    Raises:
        PydanticCustomError: control characters, or marks that turn the direction of what follows.
    """
    if not isinstance(value, str):
        return value
    text = _SPACES.sub(" ", unicodedata.normalize("NFC", value).translate(_INVISIBLE)).strip()
    for character in text:
        if unicodedata.category(character) in ("Cc", "Cs", "Co", "Cn") or character in _TURNING:
            raise wrong("characters", "contains characters that cannot be printed")
    return text


_TURNING = frozenset("\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069\u2028\u2029")


def _has_a_letter(value: str) -> str:
    if not any(unicodedata.category(character)[0] == "L" for character in value):
        raise wrong("letter", "must contain a letter")
    if any(unicodedata.category(character) == "So" for character in value):
        raise wrong("characters", "contains characters that cannot be printed")
    return value


def _empty_is_none(value: Any) -> Any:
    return None if value == "" else value


def _deliverable(value: str) -> str:
    """The address, normalised. Whether it exists is for the confirmation mail to find out."""
    try:
        # Domains of intranets and tests are let through; only one without a dot is surely wrong.
        checked = validate_email(value, check_deliverability=False, globally_deliverable=False)
    except EmailNotValidError:
        raise wrong("email", "is not an e-mail address such as name@example.org") from None
    if "." not in checked.ascii_domain or checked.ascii_email is None:
        raise wrong("email", "is not an e-mail address such as name@example.org")
    return f"{checked.local_part}@{checked.ascii_domain}"


Line = Annotated[str, BeforeValidator(clean_line), Field(min_length=1, max_length=200)]
Name = Annotated[
    str,
    BeforeValidator(clean_line),
    Field(min_length=1, max_length=100),
    AfterValidator(_has_a_letter),
]
Email = Annotated[
    str, BeforeValidator(clean_line), Field(max_length=254), AfterValidator(_deliverable)
]
OptionalLine = Annotated[
    Annotated[str, Field(max_length=200)] | None,
    BeforeValidator(_empty_is_none),
    BeforeValidator(clean_line),
]


class _Checked(BaseModel):
    """Checks against the forum's own lists; the forum is the validation context."""

    model_config = ConfigDict(extra="forbid", str_max_length=2000)

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


class NewRegistration(_Checked):
    """A request to come."""

    category: str = Field(description="A category of forum.toml, such as civil_society")
    given_name: Name
    family_name: Name
    email: Email
    organization: Line
    position: OptionalLine = Field(default=None, description="Function in the organization")
    country: str = Field(description="ISO 3166 alpha-2", examples=["CH"])
    language: Language = Field(description="Language of mails and badge")
    consent: bool = Field(description="Consent to the use of the data for the forum; must be true")
    title: OptionalLine = None
    gender: Annotated[Gender | None, BeforeValidator(_empty_is_none)] = Field(
        default=None, description="For statistics only"
    )
    days: list[date] | None = Field(
        default=None, max_length=8, description="Forum days; all of the category's when absent"
    )
    tracks: list[str] = Field(default_factory=list, max_length=20)
    action_lines: list[str] = Field(default_factory=list, max_length=20)
    sdgs: list[int] = Field(default_factory=list, max_length=20)
    accessibility_needs: Annotated[
        Annotated[str, Field(max_length=1000)] | None,
        BeforeValidator(_empty_is_none),
        BeforeValidator(clean_line),
    ] = None

    @field_validator("consent")
    @classmethod
    def _consent_is_given(cls, value: bool) -> bool:
        if not value:
            raise wrong("consent", "must be given")
        return value


class Amendment(_Checked):
    """Changes to a registration: the fields that are given, the others stay."""

    given_name: Name | None = None
    family_name: Name | None = None
    organization: Line | None = None
    position: OptionalLine = None
    country: str | None = None
    language: Language | None = None
    title: OptionalLine = None
    gender: Gender | None = None
    days: list[date] | None = None
    tracks: list[str] | None = None
    action_lines: list[str] | None = None
    sdgs: list[int] | None = None
    accessibility_needs: OptionalLine = None


class StaffAmendment(Amendment):
    """What only staff change: it decides about access, or where mails go."""

    category: str | None = None
    email: Email | None = None


_REASON = TypeAdapter(Line)


def clean_reason(text: str) -> str | None:
    """A reason as it is kept and mailed; None when there is none that can be printed."""
    try:
        return _REASON.validate_python(text)
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
