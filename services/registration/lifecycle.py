"""A registration's life: its states, and which step each of them allows. Pure, no I/O."""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum

from shared.problems import Problem, conflict


class Status(StrEnum):
    submitted = "submitted"
    in_review = "in_review"
    waitlisted = "waitlisted"
    confirmed = "confirmed"
    declined = "declined"
    cancelled = "cancelled"
    erased = "erased"


class Step(StrEnum):
    """What is done to a registration; `assign` and `note` change nothing for its owner."""

    submit = "submit"
    enrol = "enrol"
    """Somebody else registers the person, and vouches for the address."""
    confirm_email = "confirm_email"
    approve = "approve"
    decline = "decline"
    promote = "promote"
    amend = "amend"
    cancel = "cancel"
    erase = "erase"
    assign = "assign"
    note = "note"
    revoke_links = "revoke_links"


LIVING = frozenset({Status.submitted, Status.in_review, Status.waitlisted, Status.confirmed})

ALLOWED_FROM: Mapping[Step, frozenset[Status]] = {
    Step.submit: frozenset(),
    Step.enrol: frozenset(),
    Step.confirm_email: frozenset({Status.submitted}),
    Step.approve: frozenset({Status.in_review}),
    Step.decline: frozenset({Status.in_review, Status.waitlisted}),
    Step.promote: frozenset({Status.waitlisted}),
    Step.amend: LIVING,
    Step.cancel: LIVING,
    Step.erase: frozenset(Status) - {Status.erased},
    Step.assign: frozenset(Status) - {Status.erased},
    Step.note: frozenset(Status) - {Status.erased},
    Step.revoke_links: frozenset(Status) - {Status.erased},
}


def check(step: Step, status: Status) -> None:
    """Let a step pass that the state allows.

    Raises:
        Problem: 409, with a sentence that says why not.
    """
    if status not in ALLOWED_FROM[step]:
        raise not_allowed(step, status)


def not_allowed(step: Step, status: Status) -> Problem:
    return conflict(f"'{step.replace('_', ' ')}' is not possible: the registration is {status}.")


def is_reopened_by_another_category(status: Status) -> bool:
    """Whether the registrant's own change of category needs a reviewer.

    Before the address is confirmed it does not: the new category's rule is still to come.
    """
    return status in (Status.waitlisted, Status.confirmed)


def after_confirming_email(*, needs_review: bool, has_room: bool) -> Status:
    """Where a registration goes once its address is confirmed."""
    if needs_review:
        return Status.in_review
    return after_approval(has_room=has_room)


def after_approval(*, has_room: bool) -> Status:
    """Whoever may come is confirmed while there is room, else waits for it."""
    return Status.confirmed if has_room else Status.waitlisted
