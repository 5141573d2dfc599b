"""A registration as programs are shown it."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, datetime
from typing import Any
from uuid import UUID

from pydantic import BaseModel, Field

from services.registration.duplicates import Duplicate, Same
from services.registration.lifecycle import Status
from services.registration.registrations import Registrations
from services.registration.tables import Registration


class Accepted(BaseModel):
    """What the registrant's program needs to know: the registration is ours now."""

    id: UUID
    reference: str = Field(description="For people: to be named in mails and at the desk")
    status: Status


class PossibleDuplicate(Accepted):
    """Another registration that may be the same person's."""

    same: tuple[Same, ...] = Field(description="What both have in common, accents and case aside")


class RegistrationOut(Accepted):
    """A registration, as its owner and staff see it."""

    version: int
    category: str
    title: str | None
    given_name: str
    family_name: str
    email: str
    organization: str
    position: str
    country: str
    language: str
    gender: str | None
    days: list[date]
    tracks: list[str]
    action_lines: list[str]
    sdgs: list[int]
    accessibility_needs: str | None
    visa_letter: bool
    submitted_at: datetime
    consent_at: datetime
    consent_version: str | None = Field(description="Of the text; null before it was kept")
    consent_language: str | None = Field(description="In which it was read")
    mail_bounced_at: datetime | None
    possible_duplicates: list[PossibleDuplicate] | None = Field(
        default=None,
        description="For reviewers: others that may be the same person's; null for anybody else",
    )


class QueuedRegistration(RegistrationOut):
    """A registration, as the review desk lists it."""

    state_since: datetime = Field(
        validation_alias="since", description="When it came into its state"
    )
    assigned_to: str | None = Field(description="The reviewer who is to decide")
    notes: int = Field(description="How many notes staff have written on it")


def show(
    of: Registrations, row: Registration, duplicates: Sequence[Duplicate] | None = None
) -> RegistrationOut:
    shown = RegistrationOut.model_validate(_columns(of, row), extra="ignore")
    if duplicates is not None:
        shown.possible_duplicates = [_possible(duplicate) for duplicate in duplicates]
    return shown


def show_queued(
    of: Registrations, row: Registration, duplicates: Sequence[Duplicate]
) -> QueuedRegistration:
    shown = QueuedRegistration.model_validate(_columns(of, row), extra="ignore")
    shown.possible_duplicates = [_possible(duplicate) for duplicate in duplicates]
    return shown


def _columns(of: Registrations, row: Registration) -> dict[str, Any]:
    return {**row._mapping, "days": [of.forum.days[index] for index in row.days]}


def _possible(duplicate: Duplicate) -> PossibleDuplicate:
    other = duplicate.registration
    return PossibleDuplicate(
        id=other.id, reference=other.reference, status=other.status, same=duplicate.same
    )
