"""A registration's life: which step leads where, and which does not."""

from __future__ import annotations

import pytest

from services.registration import lifecycle
from services.registration.lifecycle import ALLOWED_FROM, Status, Step
from shared.problems import Problem

ENDED = {Status.declined, Status.cancelled, Status.erased}
ALWAYS = {Step.erase, Step.assign, Step.note, Step.revoke_links}


@pytest.mark.parametrize(
    ("needs_review", "has_room", "status"),
    [
        (False, True, Status.confirmed),
        (False, False, Status.waitlisted),
        (True, True, Status.in_review),
        (True, False, Status.in_review),
    ],
)
def test_a_confirmed_address_leads_to_review_a_place_or_the_line(
    needs_review: bool, has_room: bool, status: Status
) -> None:
    found = lifecycle.after_confirming_email(needs_review=needs_review, has_room=has_room)
    assert found == status


def test_an_approval_leads_to_a_place_or_the_line() -> None:
    assert lifecycle.after_approval(has_room=True) == Status.confirmed
    assert lifecycle.after_approval(has_room=False) == Status.waitlisted


def test_every_step_is_in_the_rules() -> None:
    assert set(ALLOWED_FROM) == set(Step)


@pytest.mark.parametrize("step", sorted(set(Step) - ALWAYS))
def test_what_has_ended_goes_no_further(step: Step) -> None:
    assert not ALLOWED_FROM[step] & ENDED


@pytest.mark.parametrize("step", sorted(ALWAYS))
def test_what_is_not_erased_can_be_erased_and_written_about(step: Step) -> None:
    assert ALLOWED_FROM[step] == set(Status) - {Status.erased}


def test_whoever_has_not_ended_corrects_and_cancels() -> None:
    assert ALLOWED_FROM[Step.amend] == ALLOWED_FROM[Step.cancel] == set(Status) - ENDED


def test_nobody_is_confirmed_without_a_confirmed_address() -> None:
    for step in (Step.approve, Step.promote, Step.decline):
        assert Status.submitted not in ALLOWED_FROM[step]


@pytest.mark.parametrize("status", Status)
@pytest.mark.parametrize("step", Step)
def test_a_refused_step_names_itself_and_the_state(step: Step, status: Status) -> None:
    if status in ALLOWED_FROM[step]:
        lifecycle.check(step, status)
        return
    with pytest.raises(Problem) as refused:
        lifecycle.check(step, status)
    assert refused.value.status == 409
    assert refused.value.detail == (
        f"'{step.replace('_', ' ')}' is not possible: the registration is {status}."
    )
