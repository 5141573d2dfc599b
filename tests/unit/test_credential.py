"""The text in the QR: what is signed is read, and nothing else is."""

from __future__ import annotations

import base45
import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from hypothesis import given
from hypothesis import strategies as st
from nacl.signing import VerifyKey

from shared import credential
from shared.credential import (
    BadSignature,
    Credential,
    CredentialError,
    Malformed,
    UnknownKey,
    can_sign,
    parse,
    sign,
)

PRIVATE_KEY = Ed25519PrivateKey.from_private_bytes(bytes(range(32)))
PUBLIC_KEY = VerifyKey(PRIVATE_KEY.public_key().public_bytes_raw())
PUBLIC_KEYS = dict.fromkeys(range(256), PUBLIC_KEY)
ALPHABET = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ $%*+-./:"

credentials = st.builds(
    Credential,
    key_id=st.integers(0, 255).filter(can_sign),
    badge_id=st.binary(min_size=8, max_size=8),
    category=st.integers(0, 255),
    days=st.integers(0, 255),
    zones=st.integers(0, 65535),
)


def a_credential(key_id: int = 1) -> Credential:
    return Credential(
        key_id, b"\x01\x23\x45\x67\x89\xab\xcd\xef", category=2, days=0b11111, zones=1
    )


@given(credentials)
def test_what_was_signed_is_read_back(signed: Credential) -> None:
    text = sign(signed, PRIVATE_KEY)
    assert len(text) == credential.LENGTH
    assert set(text) <= set(ALPHABET)
    assert parse(text).verify(PUBLIC_KEYS) == signed


def test_the_bytes_stand_in_the_order_that_the_design_says() -> None:
    octets = base45.b45decode(sign(a_credential(key_id=7), PRIVATE_KEY))
    assert octets[:14].hex() == "01070123456789abcdef021f0001"
    assert len(octets) == 78


@given(credentials, st.integers(0, 78 * 8 - 1))
def test_one_flipped_bit_is_never_accepted(signed: Credential, bit: int) -> None:
    octets = bytearray(base45.b45decode(sign(signed, PRIVATE_KEY)))
    octets[bit // 8] ^= 1 << bit % 8
    with pytest.raises(CredentialError):
        parse(base45.b45encode(bytes(octets)).decode()).verify(PUBLIC_KEYS)


@given(credentials, st.integers(0, 116), st.sampled_from(ALPHABET))
def test_one_changed_character_is_never_accepted(
    signed: Credential, place: int, character: str
) -> None:
    text = sign(signed, PRIVATE_KEY)
    changed = text[:place] + character + text[place + 1 :]
    if changed == text:
        return
    with pytest.raises(CredentialError):
        parse(changed).verify(PUBLIC_KEYS)


@given(credentials, st.sampled_from(["", "\n", "\r\n", "\t", " ", " \r\n"]), st.booleans())
def test_what_a_keyboard_wedge_does_to_the_text_does_no_harm(
    signed: Credential, ending: str, caps_lock: bool
) -> None:
    text = sign(signed, PRIVATE_KEY)
    typed = "\t" + (text.swapcase() if caps_lock else text) + ending
    assert parse(typed).verify(PUBLIC_KEYS) == signed


@pytest.mark.parametrize("key_id", range(256))
def test_no_credential_has_a_blank_at_the_edge_that_could_be_trimmed(key_id: int) -> None:
    text = sign(a_credential(key_id), PRIVATE_KEY)
    assert can_sign(key_id) == (not text.startswith(" "))
    assert not text.endswith(" ")


@pytest.mark.parametrize("lost", [0, 1, 58, 116])
def test_a_credential_that_lost_a_character_is_unreadable_and_not_forged(lost: int) -> None:
    text = sign(a_credential(key_id=1), PRIVATE_KEY)
    with pytest.raises(Malformed):
        parse(text[:lost] + text[lost + 1 :])


@given(st.text() | st.text(ALPHABET, min_size=115, max_size=119))
def test_any_text_is_answered_by_one_of_our_own_errors(text: str) -> None:
    with pytest.raises(CredentialError):
        parse(text).verify(PUBLIC_KEYS)


@pytest.mark.parametrize(
    ("changed", "why"),
    [
        ("", "empty"),
        ("A" * 116 + "é", "not in the alphabet"),
        ("ß" * 117, "upper case would be two letters"),
        ("0" * 116 + "\u0661", "a digit, but not an ASCII one"),
        (":" * 117, "three characters beyond 65535"),
        ("0" * 117, "version 0"),
        (base45.b45encode(b"\x02" + bytes(77)).decode(), "version 2"),
        (base45.b45encode(b"\x01" + bytes(78)).decode(), "a byte too many"),
        (base45.b45encode(b"\x01" + bytes(76)).decode(), "a byte too few"),
    ],
)
def test_what_is_not_written_as_a_credential_is_malformed(changed: str, why: str) -> None:
    with pytest.raises(Malformed):
        parse(changed)


def test_a_key_that_nobody_knows_is_a_bad_signature_of_its_own_kind() -> None:
    with pytest.raises(UnknownKey) as caught:
        parse(sign(a_credential(key_id=9), PRIVATE_KEY)).verify({1: PUBLIC_KEY})
    assert caught.value.key_id == 9
    assert isinstance(caught.value, BadSignature)


def test_a_badge_signed_by_a_stranger_is_refused() -> None:
    forged = sign(a_credential(), Ed25519PrivateKey.generate())
    assert parse(forged).claimed == a_credential()
    with pytest.raises(BadSignature):
        parse(forged).verify(PUBLIC_KEYS)


@pytest.mark.parametrize(
    "fields",
    [{"key_id": 256}, {"badge_id": b"short"}, {"days": -1}, {"zones": 65536}, {"version": 2}],
)
def test_what_does_not_fit_is_never_signed(fields: dict[str, int | bytes]) -> None:
    whole: dict[str, int | bytes] = {
        "key_id": 1,
        "badge_id": bytes(8),
        "category": 0,
        "days": 0,
        "zones": 0,
    }
    with pytest.raises(ValueError, match=r"fit|bytes|not known"):
        Credential(**(whole | fields))  # type: ignore[arg-type]
