"""The rules at the gate: what holds whatever the case. Single cases: test_admission_vectors.py."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.checkin.admission import (
    CAN_BE_OVERRIDDEN,
    Badge,
    BadgeStatus,
    Decision,
    Presence,
    Reason,
    Verdict,
    decide,
    session_of,
)
from shared import forum as forums
from shared.forum import Gate
from shared.settings import REPOSITORY

FORUM = forums.load(REPOSITORY / "deploy" / "forum.toml")
MONDAY = FORUM.days[0]
GOOD = Badge(BadgeStatus.valid, days=0b11111, zones=0b11)
OUTSIDE = Presence()

REFUSALS = (
    Reason.revoked,
    Reason.blocked,
    Reason.not_valid_today,
    Reason.zone_not_allowed,
    Reason.already_inside,
    Reason.zone_full,
)
"""In the order of the forum's rules; superseded and cancelled stand where revoked does."""

gates = st.sampled_from(FORUM.gates)
days = st.dates(MONDAY - timedelta(days=2), FORUM.days[-1] + timedelta(days=2))
badges = st.builds(
    Badge,
    status=st.sampled_from(BadgeStatus),
    days=st.integers(0, 255),
    zones=st.integers(0, 65535),
    blocked=st.booleans(),
)
presences = st.builds(Presence, inside=st.booleans(), entered_today=st.booleans())
occupancies = st.integers(0, 3000)
moments = st.integers(0, 365 * 24 * 3600).map(
    lambda seconds: datetime(2017, 1, 1, tzinfo=UTC) + timedelta(seconds=seconds)
)


def enter(
    *wrong: Reason, today: date = MONDAY, override: bool = False, gate: str = "tower-in"
) -> Verdict:
    """Judge an entry where all of this is wrong at once."""
    badge, presence, occupancy = GOOD, OUTSIDE, 0
    for reason in wrong:
        match reason:
            case Reason.revoked | Reason.superseded | Reason.cancelled:
                badge = replace(badge, status=BadgeStatus(reason))
            case Reason.blocked:
                badge = replace(badge, blocked=True)
            case Reason.not_valid_today:
                badge = replace(badge, days=0)
            case Reason.zone_not_allowed:
                badge = replace(badge, zones=0)
            case Reason.already_inside:
                presence = Presence(inside=True, entered_today=True)
            case Reason.zone_full:
                occupancy = FORUM.venue.limit
    return decide(
        FORUM, FORUM.gate(gate), "in", today, badge, presence, occupancy, override=override
    )


@given(st.sets(st.sampled_from(REFUSALS), min_size=1))
def test_of_several_reasons_the_first_of_the_rules_is_told(wrong: set[Reason]) -> None:
    expected = min(wrong, key=REFUSALS.index)
    assert enter(*wrong) == Verdict(Decision.refused, expected)


@pytest.mark.parametrize("reason", [*REFUSALS, Reason.superseded, Reason.cancelled])
def test_an_officer_may_overrule_days_and_doors_and_nothing_else(reason: Reason) -> None:
    verdict = enter(reason, override=True)
    if reason in CAN_BE_OVERRIDDEN:
        assert verdict == Verdict(Decision.admitted, Reason.override, overridden=reason)
    else:
        assert verdict == Verdict(Decision.refused, reason)


@given(gates, days, badges, presences, occupancies, st.booleans())
def test_nobody_is_kept_inside(
    gate: Gate, today: date, badge: Badge, presence: Presence, occupancy: int, override: bool
) -> None:
    verdict = decide(FORUM, gate, "out", today, badge, presence, occupancy, override=override)
    assert verdict == Verdict(Decision.admitted, Reason.departed)


@given(gates, days, badges, presences, occupancies)
def test_an_override_changes_refusals_only(
    gate: Gate, today: date, badge: Badge, presence: Presence, occupancy: int
) -> None:
    without = decide(FORUM, gate, "in", today, badge, presence, occupancy)
    overruled = decide(FORUM, gate, "in", today, badge, presence, occupancy, override=True)
    if without.decision == Decision.admitted or without.reason not in CAN_BE_OVERRIDDEN:
        assert overruled == without
    else:
        assert overruled == Verdict(Decision.admitted, Reason.override, without.reason)


@given(gates, days, badges, presences, occupancies)
def test_only_a_good_badge_for_this_day_and_zone_is_let_in(
    gate: Gate, today: date, badge: Badge, presence: Presence, occupancy: int
) -> None:
    verdict = decide(FORUM, gate, "in", today, badge, presence, occupancy)
    if verdict.decision == Decision.admitted:
        assert badge.status == BadgeStatus.valid
        assert not badge.blocked
        assert today in FORUM.days
        assert badge.days >> FORUM.days.index(today) & 1
        assert badge.zones >> FORUM.zone(gate.zone).bit & 1
        assert (verdict.reason == Reason.reentry) == presence.entered_today


@pytest.mark.parametrize("presence", [OUTSIDE, Presence(inside=True, entered_today=True)])
def test_where_leaving_is_not_scanned_a_badge_may_enter_again(presence: Presence) -> None:
    room = FORUM.gate("popov-room-in")
    verdict = decide(FORUM, room, "in", MONDAY, GOOD, presence, 0)
    assert verdict.decision == Decision.admitted


# --- days and sessions ---------------------------------------------------------------------------


@given(moments)
def test_a_presence_ends_at_the_next_closing(moment: datetime) -> None:
    closing = FORUM.closing_time(session_of(FORUM, moment))
    assert moment < closing
    assert closing.astimezone(UTC) - moment <= timedelta(hours=25)


@given(moments, moments)
def test_sessions_follow_one_another(one: datetime, other: datetime) -> None:
    earlier, later = sorted([one, other])
    assert session_of(FORUM, earlier) <= session_of(FORUM, later)


@given(moments, st.timezones())
def test_a_session_is_the_same_from_every_time_zone(moment: datetime, zone: ZoneInfo) -> None:
    assert session_of(FORUM, moment.astimezone(zone)) == session_of(FORUM, moment)


def test_who_comes_after_closing_is_inside_until_the_next_closing() -> None:
    night = datetime(2017, 6, 12, 22, 0, tzinfo=FORUM.timezone)
    morning = datetime(2017, 6, 13, 8, 0, tzinfo=FORUM.timezone)
    evening = datetime(2017, 6, 13, 20, 0, tzinfo=FORUM.timezone)
    assert session_of(FORUM, night) == session_of(FORUM, morning)
    assert session_of(FORUM, night) != session_of(FORUM, evening)
