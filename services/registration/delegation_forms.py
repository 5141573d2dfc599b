"""What organisers send of delegations and their focal points, checked field by field."""

from __future__ import annotations

from typing import Annotated, Any

from pydantic import BeforeValidator, Field, field_validator, model_validator

from services.registration.forms import Checked, Email, Line, PrintedLine, empty_is_none, wrong
from shared.forum import Language

MOST_MEMBERS = 5000
Quota = Annotated[int, Field(ge=1, le=MOST_MEMBERS)]
OptionalPrintedLine = Annotated[PrintedLine | None, BeforeValidator(empty_is_none)]
OptionalCountry = Annotated[str | None, BeforeValidator(empty_is_none)]


class NewDelegation(Checked):
    """People who come together, of a country or an organisation."""

    name: Line = Field(description="As its members and the organisers call it")
    country: OptionalCountry = Field(
        default=None, description="ISO 3166 alpha-2; its members', where they name none"
    )
    organization: OptionalPrintedLine = Field(
        default=None, description="Its members', where they name none"
    )
    category: str = Field(description="A category of forum.toml: the one in which they come")
    quota: Quota = Field(description="Members that it may have")

    @model_validator(mode="after")
    def _is_somebodys(self) -> NewDelegation:
        if self.country is None and self.organization is None:
            raise wrong("whose", "A delegation is a country's or an organization's: name one.")
        return self


class DelegationChange(Checked):
    """What an organiser changes of a delegation: what is given, the rest stays."""

    name: Line | None = None
    quota: Quota | None = None

    @field_validator("name", "quota", mode="before")
    @classmethod
    def _stays(cls, value: Any) -> Any:
        if value is None:
            raise wrong("missing", "cannot be removed")
        return value


class NewFocalPoint(Checked):
    """Somebody to look after a delegation."""

    name: Line
    email: Email
    language: Language = Field(description="In which the invitation is written")
