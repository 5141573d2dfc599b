"""The filtered queue as a file."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from datetime import date, datetime
from typing import Any, Final

from sqlalchemy import (
    ColumnElement,
    Integer,
    Text,
    case,
    column,
    func,
    literal_column,
    select,
)
from sqlalchemy.dialects.postgresql import distinct_on

from services.registration import search
from services.registration.lifecycle import Step
from services.registration.search import Filter
from services.registration.tables import history, registrations
from shared.access import Role, Staff
from shared.exports import Column, Export, Kind
from shared.forum import Forum

ABOUT: Final = "One row a registration, as filtered and in the order of the list."
_ORGANISERS: Final = " (organiser only)"
_DECISION: Final = (
    select(history.c.registration_id, history.c.actor, history.c.at, history.c.reason)
    .ext(distinct_on(history.c.registration_id))
    .where(history.c.step.in_((Step.approve, Step.decline)))
    .order_by(history.c.registration_id, history.c.seq.desc())
    .subquery("decision")
)
"""What was decided last."""
_ALL: Final = registrations.outerjoin(_DECISION, _DECISION.c.registration_id == registrations.c.id)


def registrations_export(wanted: Filter, forum: Forum, by: Staff, now: datetime) -> Export:
    """What a member of staff sees of the registrations that fit.

    Args:
        wanted: which, and in what order.
        forum: whose days there are.
        by: whose eyes it is for, and whose queue it is.
        now: until when days of waiting are counted.
    """
    rows = search.in_order(wanted, by.id, now).select_from(_ALL)
    return Export("Registrations", columns(by.roles, forum.days), rows)


def columns(roles: Collection[Role], days: Sequence[date] = ()) -> list[Column]:
    """What a file has for somebody of these roles.

    Args:
        roles: of those whose eyes it is for.
        days: of the forum, where the values matter and not only what they mean.
    """
    return [*_COLUMNS, *_chosen(days), *(_FOR_ORGANISERS if Role.organiser in roles else ())]


def _chosen(days: Sequence[date]) -> list[Column]:
    return [
        Column("days", "Days chosen", _dates(days)),
        Column("tracks", "Parts of the forum, ids", _listed("tracks")),
        Column("action_lines", "WSIS action lines", _listed("action_lines")),
        Column("sdgs", "Sustainable Development Goals, numbers", _listed("sdgs")),
    ]


def _listed(name: str) -> ColumnElement[Any]:
    return func.array_to_string(registrations.c[name], " ")


def _dates(days: Sequence[date]) -> ColumnElement[Any]:
    """The table has a day's number; the first is 0."""
    number = func.unnest(registrations.c.days).table_valued(column("number", Integer))
    number = number.render_derived()
    by_number = {index: day.isoformat() for index, day in enumerate(days)}
    day = case({-1: "", **by_number}, value=number.c.number)
    chosen = select(func.string_agg(day, " ")).select_from(number)
    return chosen.correlate(registrations).scalar_subquery()


def _column(name: str, about: str, kind: Kind = Kind.text) -> Column:
    return Column(name, about, registrations.c[name], kind)


_COLUMNS: Final = (
    _column("reference", "For people; stands in the mails"),
    _column("id", "The registration's id"),
    _column("status", "`submitted`, `in_review`, `waitlisted`, `confirmed`, …"),
    Column("state_since", "When it came into that state", search.SINCE, Kind.moment),
    _column("submitted_at", "When the form was sent", Kind.moment),
    _column("category", "The stakeholder group's id in forum.toml"),
    _column("title", "As the person wants to be addressed"),
    _column("family_name", "As on the badge"),
    _column("given_name", "As on the badge"),
    _column("organization", "As on the badge"),
    _column("position", "Function in the organization"),
    _column("country", "ISO 3166 alpha-2"),
    _column("language", "Of mails and badge"),
    _column("email", "Where mails go"),
    _column("mail_bounced_at", "When the last mail came back; empty if none did", Kind.moment),
    Column(
        "visa_letter",
        "`yes` for who asks for a letter for the visa",
        literal_column("CASE WHEN registrations.visa_letter THEN 'yes' ELSE '' END", Text),
    ),
    _column("assigned_to", "The reviewer who is to decide"),
    Column("decided_by", "Who approved or declined it last", _DECISION.c.actor),
    Column("decided_at", "When that was", _DECISION.c.at, Kind.moment),
    Column("decline_reason", "What the registrant read, if declined", _DECISION.c.reason),
)
_FOR_ORGANISERS: Final = (_column("accessibility_needs", "What the person needs" + _ORGANISERS),)
