"""What a rehearsal shows at the gates as a forgery is one: well written, and signed by nobody."""

from __future__ import annotations

import random

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from hypothesis import given
from hypothesis import strategies as st
from nacl.signing import VerifyKey

from deploy.simulation.rehearsal import forged
from shared import credential
from shared.credential import BadSignature, Credential


@given(badge_id=st.binary(min_size=8, max_size=8), seed=st.integers())
def test_a_forgery_is_read_and_not_believed(badge_id: bytes, seed: int) -> None:
    key = Ed25519PrivateKey.generate()
    text = credential.sign(Credential(1, badge_id, 2, 0b11111, 0b11), key)
    keys = {1: VerifyKey(key.public_key().public_bytes_raw())}
    with pytest.raises(BadSignature):
        credential.parse(forged(text, random.Random(seed))).verify(keys)
