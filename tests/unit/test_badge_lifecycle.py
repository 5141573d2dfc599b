"""What becomes of a badge when its holder changes."""

from __future__ import annotations

import pytest

from services.badging.holders import Holder
from services.badging.lifecycle import Status, Step, next_step
from tests.people import person

GRACE = Holder.model_validate(person())


@pytest.mark.parametrize("newest", [None, Status.cancelled])
def test_who_may_come_and_has_no_badge_gets_one(newest: Status | None) -> None:
    assert next_step(newest, None, GRACE) == Step.issue


@pytest.mark.parametrize(
    "change",
    [
        {"title": "Dr"},
        {"given_name": "Grace Brewster"},
        {"family_name": "Murray"},
        {"organization": "UNIVAC"},
        {"position": "Director"},
        {"country": "CH"},
        {"category": "government"},
        {"days": (0, 1)},
    ],
    ids=lambda change: next(iter(change)),
)
def test_a_change_of_what_is_printed_makes_a_new_badge(change: dict[str, object]) -> None:
    now = GRACE.model_copy(update=change)
    assert next_step(Status.valid, GRACE, now) == Step.reissue


def test_a_change_of_language_keeps_the_badge() -> None:
    now = GRACE.model_copy(update={"language": "fr"})
    assert next_step(Status.valid, GRACE, now) == Step.keep


def test_who_no_longer_comes_loses_the_badge() -> None:
    assert next_step(Status.valid, GRACE, None) == Step.cancel


@pytest.mark.parametrize("newest", [None, Status.revoked, Status.cancelled])
def test_where_there_is_no_valid_badge_there_is_none_to_cancel(newest: Status | None) -> None:
    assert next_step(newest, GRACE, None) == Step.keep


def test_a_revoked_badge_does_not_come_back_with_a_corrected_name() -> None:
    now = GRACE.model_copy(update={"family_name": "Murray"})
    assert next_step(Status.revoked, GRACE, now) == Step.keep
