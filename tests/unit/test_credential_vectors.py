"""The text in the QR, by the examples that the gate app is tested with too."""

from __future__ import annotations

import json
from typing import Any, Final

import pytest
from nacl.signing import VerifyKey

from shared.credential import BadSignature, Malformed, parse
from shared.settings import REPOSITORY

VECTORS: Final[dict[str, Any]] = json.loads(
    (REPOSITORY / "tests" / "vectors" / "credential.json").read_text(encoding="utf-8")
)
PUBLIC_KEYS: Final = {
    key["key_id"]: VerifyKey(bytes.fromhex(key["public_key"]))
    for key in VECTORS["keys"]
    if not key["retired"]
}


def read(text: str) -> dict[str, int | str] | str:
    """What the text is found to be, in the vectors' words."""
    try:
        credential = parse(text).verify(PUBLIC_KEYS)
    except Malformed:
        return "malformed"
    except BadSignature:
        return "bad_signature"
    return {
        "version": credential.version,
        "key_id": credential.key_id,
        "badge_id": credential.badge_id.hex(),
        "category": credential.category,
        "days": credential.days,
        "zones": credential.zones,
    }


@pytest.mark.parametrize(
    "vector", [pytest.param(vector, id=vector["name"]) for vector in VECTORS["credentials"]]
)
def test_a_text_is_read_as_its_vector_says(vector: dict[str, Any]) -> None:
    assert read(vector["text"]) == vector["expected"]
