"""Badges shown at the gates, and what the officers are told."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from datetime import datetime
from uuid import UUID, uuid4

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from deploy.private_servers import PostgreSQL
from shared import credential
from shared.credential import Credential
from shared.events import KeyPublished, RegistrationCancelled, RegistrationReopened
from tests.checkin import (
    ALL_DAYS,
    ALL_ZONES,
    IN,
    NO_SUCH_NUMBER,
    OTHER_IN,
    OUT,
    ROOM,
    Badge,
    Checkin,
    issued,
    key_published,
    new_badge,
    running,
    stopped,
)
from tests.people import confirmed

MONDAY, TUESDAY = 0b00001, 0b00010


@pytest.fixture(scope="module")
async def checkin(
    postgres: PostgreSQL, tmp_path_factory: pytest.TempPathFactory
) -> AsyncIterator[Checkin]:
    postgres.drop_databases()
    async with running(postgres.url, tmp_path_factory.mktemp("home")) as service:
        yield service


async def refusal(checkin: Checkin, shown: Badge | str, gate: str = IN, **more: object) -> str:
    """The reason for which a badge is refused."""
    answer = await checkin.scan(shown, gate, **more)
    assert answer["decision"] == "refused"
    reason: str = answer["reason"]
    return reason


# --- in and out ----------------------------------------------------------------------------------


async def test_the_first_entry_shows_who_it_is(checkin: Checkin) -> None:
    badge = await checkin.badge(given_name="Ada", family_name="Lovelace", country="GB")
    answer = await checkin.scan(badge)
    assert (answer["decision"], answer["reason"]) == ("admitted", "first_entry")
    assert answer["participant"] == {
        "registration_id": str(badge.registration_id),
        "badge_id": badge.badge_id,
        "number": badge.number,
        "given_name": "Ada",
        "family_name": "Lovelace",
        "organization": "Eckert–Mauchly Computer Corporation",
        "country": "GB",
        "category": "private_sector",
        "photo": None,
    }
    assert answer["previous"] is None
    assert answer["decided_at"].startswith("2017-06-12T06:")


@pytest.mark.parametrize("gate", [IN, OTHER_IN])
async def test_who_is_inside_is_refused_and_the_officer_sees_since_when_and_where(
    checkin: Checkin, gate: str
) -> None:
    badge = await checkin.badge()
    entry = await checkin.scan(badge, IN)
    again = await checkin.scan(badge, gate)
    assert (again["decision"], again["reason"]) == ("refused", "already_inside")
    assert again["participant"] == entry["participant"]
    assert again["previous"] == {
        "scan_id": entry["scan_id"],
        "at": entry["decided_at"],
        "gate": IN,
        "entrance": "tower",
        "direction": "in",
    }


async def test_who_left_may_come_in_again(checkin: Checkin) -> None:
    badge = await checkin.badge()
    await checkin.scan(badge, IN)
    left = await checkin.scan(badge, OUT)
    assert (left["decision"], left["reason"]) == ("admitted", "departed")
    back = await checkin.scan(badge, OTHER_IN)
    assert (back["decision"], back["reason"]) == ("admitted", "reentry")
    assert (back["previous"]["gate"], back["previous"]["direction"]) == (OUT, "out")


async def test_who_was_not_seen_to_enter_may_leave_all_the_same(checkin: Checkin) -> None:
    badge = await checkin.badge()
    assert (await checkin.scan(badge, OUT))["reason"] == "departed"
    assert (await checkin.scan(badge, IN))["reason"] == "first_entry"


async def test_a_device_may_turn_to_the_other_direction(checkin: Checkin) -> None:
    badge = await checkin.badge()
    assert (await checkin.scan(badge, OUT, direction="in"))["reason"] == "first_entry"
    assert (await checkin.scan(badge, IN, direction="out"))["reason"] == "departed"


async def test_a_refused_scan_changes_nothing_of_where_somebody_is(checkin: Checkin) -> None:
    badge = await checkin.badge()
    entry = await checkin.scan(badge, IN)
    await checkin.scan(badge, OTHER_IN)
    third = await checkin.scan(badge, OTHER_IN)
    assert third["previous"]["scan_id"] == entry["scan_id"]


# --- days and zones ------------------------------------------------------------------------------


async def test_a_badge_for_another_day_is_refused(checkin: Checkin) -> None:
    assert await refusal(checkin, await checkin.badge(days=TUESDAY)) == "not_valid_today"
    assert (await checkin.scan(await checkin.badge(days=MONDAY)))["reason"] == "first_entry"


async def test_the_day_before_the_forum_nobody_is_admitted(checkin: Checkin) -> None:
    badge = await checkin.badge()
    reason = await refusal(checkin, badge, scanned_at="2017-06-11T18:00:00+02:00")
    assert reason == "not_valid_today"


async def test_the_day_is_that_of_the_forum_and_not_of_utc(checkin: Checkin) -> None:
    badge = await checkin.badge()
    reason = await refusal(checkin, badge, scanned_at="2017-06-11T21:59:59Z")
    assert reason == "not_valid_today"
    answer = await checkin.scan(badge, scanned_at="2017-06-11T22:00:01Z")
    assert answer["reason"] == "first_entry"


async def test_the_device_knows_when_a_scan_was_made_unless_its_clock_is_plainly_wrong(
    checkin: Checkin,
) -> None:
    for told, believed in (
        ("2017-06-12T07:30:00+02:00", True),
        ("2017-06-12T11:00:00+02:00", False),  # three hours ahead
        ("1970-01-01T00:00:00Z", False),  # an empty battery
        ("2026-01-01T00:00:00Z", False),  # not in the rehearsal
    ):
        scan = await checkin.scan(await checkin.badge(), scanned_at=told)
        [entry, *_] = await checkin.log(registration_id=scan["participant"]["registration_id"])
        at = told if believed else scan["decided_at"]
        assert datetime.fromisoformat(entry["at"]) == datetime.fromisoformat(at)


async def test_a_zone_opens_to_its_badges_only(checkin: Checkin) -> None:
    assert await refusal(checkin, await checkin.badge(), ROOM) == "zone_not_allowed"
    guest = await checkin.badge(zones=ALL_ZONES)
    assert (await checkin.scan(guest, ROOM))["reason"] == "first_entry"


async def test_where_leaving_is_not_scanned_a_second_entry_is_a_reentry(checkin: Checkin) -> None:
    guest = await checkin.badge(zones=ALL_ZONES)
    await checkin.scan(guest, ROOM)
    again = await checkin.scan(guest, ROOM)
    assert (again["decision"], again["reason"]) == ("admitted", "reentry")
    assert again["previous"]["gate"] == ROOM


async def test_each_zone_counts_by_itself(checkin: Checkin) -> None:
    guest = await checkin.badge(zones=ALL_ZONES)
    assert (await checkin.scan(guest, IN))["reason"] == "first_entry"
    in_the_room = await checkin.scan(guest, ROOM)
    assert (in_the_room["reason"], in_the_room["previous"]) == ("first_entry", None)
    assert await refusal(checkin, guest, IN) == "already_inside"


# --- badges that open nothing --------------------------------------------------------------------


async def test_a_badge_that_nobody_heard_of_is_unknown(checkin: Checkin) -> None:
    answer = await checkin.scan(new_badge(uuid4()))
    assert (answer["decision"], answer["reason"]) == ("refused", "unknown_badge")
    assert answer["participant"] is answer["previous"] is None


@pytest.mark.parametrize("status", ["revoked", "superseded", "cancelled"])
async def test_a_stopped_badge_is_refused_with_the_name_and_may_leave(
    checkin: Checkin, status: str
) -> None:
    badge = await checkin.badge()
    await checkin.scan(badge, IN)
    await checkin.stop(badge, status)
    answer = await checkin.scan(badge, OTHER_IN, override="I know her")
    assert (answer["decision"], answer["reason"]) == ("refused", status)
    assert answer["participant"]["family_name"] == "Hopper"
    assert (await checkin.scan(badge, OUT))["reason"] == "departed"


async def test_a_reissued_badge_stops_the_old_one_at_every_gate(checkin: Checkin) -> None:
    old = await checkin.badge()
    await checkin.stop(old, "superseded")
    new = await checkin.another_badge(old.registration_id, version=3)
    assert await refusal(checkin, old, IN) == "superseded"
    assert await refusal(checkin, old, OTHER_IN) == "superseded"
    assert (await checkin.scan(new))["reason"] == "first_entry"


async def test_old_and_new_badge_are_one_person(checkin: Checkin) -> None:
    old = await checkin.badge()
    await checkin.scan(old, IN)
    await checkin.stop(old, "superseded")
    new = await checkin.another_badge(old.registration_id, version=3)
    assert await refusal(checkin, new, OTHER_IN) == "already_inside"


async def test_who_cancelled_is_refused_before_badging_has_said_so(checkin: Checkin) -> None:
    badge = await checkin.badge()
    await checkin.hear(RegistrationCancelled(registration_id=badge.registration_id, version=3))
    assert await refusal(checkin, badge) == "cancelled"


async def test_who_is_in_review_again_is_refused_until_accepted_anew(checkin: Checkin) -> None:
    badge = await checkin.badge()
    await checkin.hear(
        RegistrationReopened(registration_id=badge.registration_id, version=3, had_a_badge=True)
    )
    assert await refusal(checkin, badge) == "cancelled"
    await checkin.hear(confirmed(badge.registration_id, version=4))
    new = await checkin.another_badge(badge.registration_id, version=3)
    assert (await checkin.scan(new))["decision"] == "admitted"


async def test_a_badge_stopped_before_it_was_heard_of_stays_stopped(checkin: Checkin) -> None:
    badge = new_badge(uuid4())
    await checkin.hear(stopped(badge, "revoked"), issued(badge))
    assert await refusal(checkin, badge) == "revoked"


async def test_a_badge_heard_of_before_its_person_is_good(checkin: Checkin) -> None:
    badge = await checkin.another_badge(uuid4())
    answer = await checkin.scan(badge)
    assert answer["reason"] == "first_entry"
    assert answer["participant"]["family_name"] == ""


async def test_a_person_on_hold_is_refused_whatever_the_officer_says(checkin: Checkin) -> None:
    badge = await checkin.badge()
    await checkin.block(badge)
    assert await refusal(checkin, badge, override="I know her") == "blocked"


# --- overrides -----------------------------------------------------------------------------------


async def test_an_officer_may_let_somebody_in_against_a_rule_and_says_why(
    checkin: Checkin,
) -> None:
    badge = await checkin.badge()
    await checkin.scan(badge, IN)
    answer = await checkin.scan(badge, OTHER_IN, override={"reason": "The exit was not scanned"})
    assert (answer["decision"], answer["reason"]) == ("admitted", "override")
    [entry, _] = await checkin.log(registration_id=badge.registration_id)
    assert entry["overridden"] == "already_inside"
    assert entry["said"] == "The exit was not scanned"


@pytest.mark.parametrize("override", ["Speaker", {"reason": " Speaker "}])
async def test_the_reason_may_stand_alone_or_in_an_object(
    checkin: Checkin, override: object
) -> None:
    badge = await checkin.badge(days=TUESDAY)
    assert (await checkin.scan(badge, override=override))["reason"] == "override"
    [entry] = await checkin.log(registration_id=badge.registration_id)
    assert (entry["overridden"], entry["said"]) == ("not_valid_today", "Speaker")


async def test_no_override_may_be_said_with_false(checkin: Checkin) -> None:
    badge = await checkin.badge(days=TUESDAY)
    assert (await checkin.scan(badge, override=False))["reason"] == "not_valid_today"


async def test_an_override_where_nothing_stands_in_the_way_is_none(checkin: Checkin) -> None:
    badge = await checkin.badge()
    assert (await checkin.scan(badge, override="Just in case"))["reason"] == "first_entry"
    [entry] = await checkin.log(registration_id=badge.registration_id)
    assert entry["overridden"] is entry["said"] is None


@pytest.mark.parametrize("text", ["not a credential", ""])
async def test_no_override_makes_a_text_a_badge(checkin: Checkin, text: str) -> None:
    assert await refusal(checkin, text, override="Trust me") == "malformed"


# --- credentials ---------------------------------------------------------------------------------


async def test_one_changed_character_anywhere_never_opens_a_gate(checkin: Checkin) -> None:
    badge = await checkin.badge()
    alphabet = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ $%*+-./:"
    for place, symbol in enumerate(badge.credential):
        other = alphabet[(alphabet.index(symbol) + 1) % len(alphabet)]
        changed = badge.credential[:place] + other + badge.credential[place + 1 :]
        answer = await checkin.scan(changed)
        assert answer["decision"] == "refused"
        assert answer["reason"] in ("malformed", "bad_signature")
        assert answer["participant"] is None


async def test_a_badge_signed_by_a_stranger_is_refused(checkin: Checkin) -> None:
    badge = await checkin.badge()
    claims = Credential(1, bytes.fromhex(badge.badge_id), category=1, days=ALL_DAYS, zones=3)
    assert await refusal(checkin, credential.sign(claims, Ed25519PrivateKey.generate())) == (
        "bad_signature"
    )


@pytest.mark.parametrize(
    "text",
    ["", " ", "\n", "x", "0" * 116, "0" * 117, "0" * 118, "https://example.org/", "\0", "名" * 117,
     "Ù" * 117, "9" * 7089],
)  # fmt: skip
async def test_a_text_that_is_no_credential_is_malformed(checkin: Checkin, text: str) -> None:
    assert await refusal(checkin, text) == "malformed"


async def test_a_scanner_may_swap_case_and_end_with_a_line_feed(checkin: Checkin) -> None:
    badge = await checkin.badge()
    assert (await checkin.scan(badge.credential.swapcase() + "\r\n"))["reason"] == "first_entry"


async def test_a_new_key_is_good_and_a_retired_one_bad_from_the_next_scan(
    checkin: Checkin,
) -> None:
    badge = await checkin.badge()
    new_key = Ed25519PrivateKey.generate()
    claims = Credential(9, bytes.fromhex(badge.badge_id), category=1, days=ALL_DAYS, zones=1)
    text = credential.sign(claims, new_key)
    public_key = new_key.public_key().public_bytes_raw().hex()
    assert await refusal(checkin, text) == "bad_signature"
    await checkin.hear(KeyPublished(key_id=9, public_key=public_key))
    assert (await checkin.scan(text))["reason"] == "first_entry"
    await checkin.hear(KeyPublished(key_id=9, public_key=public_key, retired=True))
    assert await refusal(checkin, text) == "bad_signature"
    # Late news of the time before don't bring it back.
    await checkin.hear(KeyPublished(key_id=9, public_key=public_key), key_published())
    assert await refusal(checkin, text) == "bad_signature"
    assert await refusal(checkin, badge) == "already_inside"


# --- numbers -------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "typed",
    [
        lambda number: number,
        lambda number: number.lower(),
        lambda number: number.replace("-", ""),
        lambda number: " ".join(number.replace("-", "")) + "\n",
        lambda number: number.replace("-", "–"),  # as a phone's keyboard writes it
        lambda number: number.replace("0", "O").replace("1", "l"),
    ],
)
async def test_a_number_may_be_typed_in_any_way(
    checkin: Checkin, typed: Callable[[str], str]
) -> None:
    badge = await checkin.badge()
    answer = await checkin.answer_to({"number": typed(badge.number)})
    assert answer["reason"] == "first_entry"
    assert UUID(answer["participant"]["registration_id"]) == badge.registration_id


@pytest.mark.parametrize("typed", ["", "7KQ2", "0000-0001", "UUUU-UUUU", "\0", "٣" * 8])
async def test_a_number_that_no_badge_can_have_is_malformed(checkin: Checkin, typed: str) -> None:
    answer = await checkin.answer_to({"number": typed})
    assert (answer["decision"], answer["reason"]) == ("refused", "malformed")


async def test_a_number_that_no_badge_has_is_unknown(checkin: Checkin) -> None:
    answer = await checkin.answer_to({"number": NO_SUCH_NUMBER})
    assert (answer["decision"], answer["reason"]) == ("refused", "unknown_badge")


async def test_a_stopped_badge_is_refused_by_its_number_too(checkin: Checkin) -> None:
    badge = await checkin.badge()
    await checkin.stop(badge, "revoked")
    answer = await checkin.answer_to({"number": badge.number})
    assert (answer["decision"], answer["reason"]) == ("refused", "revoked")
