"""A passkey without a browser: what a security key answers, made here to the letter.

Chromium's virtual authenticator (tests/browser/test_staff.py) proves that browsers and we agree;
this one can answer too late, twice, and to somebody else's question."""

from __future__ import annotations

import hashlib
import json
import secrets
from dataclasses import dataclass, field
from typing import Any, Final

from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.hashes import SHA256
from webauthn.helpers import bytes_to_base64url, encode_cbor

PRESENT_AND_VERIFIED: Final = 0x01 | 0x04
ATTESTED: Final = 0x40


@dataclass
class SecurityKey:
    """Holds one passkey for one site. Whoever touches it is its owner."""

    origin: str
    site: str
    _id: bytes = field(default_factory=lambda: secrets.token_bytes(16))
    _key: ec.EllipticCurvePrivateKey = field(
        default_factory=lambda: ec.generate_private_key(ec.SECP256R1())
    )
    _count: int = 0

    @property
    def id(self) -> str:
        """As it stands in an address."""
        return bytes_to_base64url(self._id)

    def made_for(self, options: dict[str, Any]) -> dict[str, Any]:
        """The new passkey, as the browser hands it over."""
        point = self._key.public_key().public_numbers()
        # COSE: an elliptic curve key (1: 2) for ES256 (3: -7) on P-256 (-1: 1).
        public = {1: 2, 3: -7, -1: 1, -2: point.x.to_bytes(32), -3: point.y.to_bytes(32)}
        attested = bytes(16) + len(self._id).to_bytes(2) + self._id + encode_cbor(public)
        made = {"fmt": "none", "attStmt": {}, "authData": self._says(ATTESTED) + attested}
        return self._credential(
            clientDataJSON=self._asked("webauthn.create", options),
            attestationObject=encode_cbor(made),
        )

    def answer_to(self, options: dict[str, Any]) -> dict[str, Any]:
        """The challenge signed, as the browser hands it over."""
        self._count += 1
        asked, said = self._asked("webauthn.get", options), self._says()
        signature = self._key.sign(said + hashlib.sha256(asked).digest(), ec.ECDSA(SHA256()))
        return self._credential(clientDataJSON=asked, authenticatorData=said, signature=signature)

    def _asked(self, what: str, options: dict[str, Any]) -> bytes:
        asked = {"type": what, "challenge": options["challenge"], "origin": self.origin}
        return json.dumps(asked).encode()

    def _says(self, more: int = 0) -> bytes:
        flags = PRESENT_AND_VERIFIED | more
        site = hashlib.sha256(self.site.encode()).digest()
        return site + flags.to_bytes(1) + self._count.to_bytes(4)

    def _credential(self, **response: bytes) -> dict[str, Any]:
        parts = {name: bytes_to_base64url(value) for name, value in response.items()}
        return {"id": self.id, "rawId": self.id, "type": "public-key", "response": parts}
